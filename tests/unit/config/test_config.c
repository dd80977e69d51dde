#define _GNU_SOURCE /* nftw */
#include "config/config.h"

#include "trial.h"

/* Each test starts in the empty folder at("") with a config of its own. */
static struct config config;
static struct error err;

static int fresh(void **state)
{
    return trial_setup(state) == 0 && chdir(trial_dir) == 0 && config_init(&config, &err) ? 0 : -1;
}

static int finish(void **state)
{
    config_finish(&config);
    return chdir("/") == 0 ? trial_teardown(state) : -1;
}

static void load(const char *text)
{
    put("hotrun.toml", text);
    if (!config_load(&config, "hotrun.toml", &err)) {
        fail_msg("%s", err.text);
    }
}

/* The whole error of a file with this text. */
static void refused(const char *text, const char *expected)
{
    put("hotrun.toml", text);
    err.text[0] = '\0';
    assert_false(config_load(&config, "hotrun.toml", &err));
    assert_string_equal(err.text, expected);
    assert_int_equal(err.code, ERROR_CONFIG);
}

static void resolve(void)
{
    if (!config_resolve(&config, &err)) {
        fail_msg("%s", err.text);
    }
}

static void unresolved(enum error_code code, const char *says)
{
    assert_false(config_resolve(&config, &err));
    if (strstr(err.text, says) == NULL) {
        fail_msg("expected \"%s\", found \"%s\"", says, err.text);
    }
    assert_int_equal(err.code, code);
}

static void set(const char *key, const char *value)
{
    if (!config_set(&config, key, value, "--option", &err)) {
        fail_msg("%s", err.text);
    }
}

static void problems_are_told_with_file_line_and_column(void **state)
{
    (void)state;
    refused("[step]\nrtae = 5\n",
            "hotrun.toml:2:1: unknown key step.rtae; did you mean step.rate?");
    refused("[step]\n  xyzzy = 5\n",
            "hotrun.toml:2:3: unknown key step.xyzzy; hotrun.toml.example has them all");
    refused("rate = 5\n", "hotrun.toml:1:1: unknown key rate; did you mean step.rate?");
    refused("[run]\nlevel = 5\n",
            "hotrun.toml:2:1: unknown key run.level; did you mean log.level?");
    refused("[watch]\npoll = 5\n",
            "hotrun.toml:2:1: unknown key watch.poll; did you mean watch.poll_ms?");
    refused("[module.confg]\n",
            "hotrun.toml:1:9: unknown table module.confg; did you mean module.config?");
    refused("[stepp]\nrate = 5\n", "hotrun.toml:1:2: unknown table stepp; did you mean step?");
    refused("[config]\nx = 5\n",
            "hotrun.toml:1:2: unknown table config; did you mean module.config?");
    refused("[xyzzy]\n", "hotrun.toml:1:2: unknown table xyzzy; hotrun.toml.example has them all");
    refused("step = 5\n", "hotrun.toml:1:1: step: expected a table, [step]");
    refused("[[step]]\nrate = 5\n", "hotrun.toml:1:3: step: expected a table, [step]");
    refused("\"step.rate\" = 5\n",
            "hotrun.toml:1:1: unknown key \"step.rate\"; did you mean step.rate?");
    refused("[step]\nrate = \"fast\"\n",
            "hotrun.toml:2:1: step.rate: expected steps a second, \"max\" or \"once\", found "
            "\"fast\"");
    refused("[watch]\n\n\tpoll_ms = -5\n",
            "hotrun.toml:3:2: watch.poll_ms: expected 0 to 3600000 ms, found -5");
    refused("[log.level]\n",
            "hotrun.toml:1:6: log.level: expected trace, debug, info, warn or error, found a "
            "table");
    refused("[module]\nconfig = 5\n",
            "hotrun.toml:2:1: module.config: expected a table of values for the module");
    refused("[[module.config]]\n",
            "hotrun.toml:1:10: module.config: expected a table of values for the module");
    refused("[module]\nname = \"a\\u0000b\"\n",
            "hotrun.toml:2:8: expected a string without \\u0000");
}

static void what_is_no_toml_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"[step]\nrate = \n", "hotrun.toml:2:8: "},
        {"[step\nrate = 5\n", "hotrun.toml:1:6: "},
        {"[step]\nrate = 5\nrate = 6\n", "hotrun.toml:3:"},
        {"[step]\n[watch]\n[step]\n", "hotrun.toml:3:"},
        {"[run]\nname = \"\xff\xfe\"\n", "hotrun.toml:2:8: "},
        {"\x7f"
         "ELF",
         "hotrun.toml:1:1: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put("hotrun.toml", rows[i].text);
        assert_false(config_load(&config, "hotrun.toml", &err));
        assert_int_equal(err.code, ERROR_CONFIG);
        if (strncmp(err.text, rows[i].place, strlen(rows[i].place)) != 0) {
            fail_msg("expected %s, found %s", rows[i].place, err.text);
        }
    }
}

static void problems_stand_in_the_order_of_the_file(void **state)
{
    (void)state;
    refused("[watch]\nx1 = 1\n[step]\nrate = true\n[module]\nx2 = 2\n[log]\nx4 = { a = 1 }\n",
            "hotrun.toml:2:1: unknown key watch.x1; hotrun.toml.example has them all\n"
            "hotrun.toml:4:1: step.rate: expected steps a second, \"max\" or \"once\", found true\n"
            "hotrun.toml:6:1: unknown key module.x2; hotrun.toml.example has them all\n"
            "hotrun.toml:8:1: unknown table log.x4; hotrun.toml.example has them all");
    refused("step = { y = 1, rate = [], x = 2 }\n",
            "hotrun.toml:1:10: unknown key step.y; hotrun.toml.example has them all\n"
            "hotrun.toml:1:17: step.rate: expected steps a second, \"max\" or \"once\", found an "
            "array\n"
            "hotrun.toml:1:28: unknown key step.x; hotrun.toml.example has them all");
}

static void ten_problems_are_told_and_the_others_counted(void **state)
{
    (void)state;
    char text[4096] = "";
    char expected[4096] = "";
    for (int i = 29; i >= 10; i--) { /* in the order of their names the last ones come first */
        (void)sprintf(text + strlen(text), "q%d = 1\n", i);
    }
    for (int line = 1; line <= 10; line++) {
        (void)sprintf(expected + strlen(expected),
                      "hotrun.toml:%d:1: unknown key q%d; hotrun.toml.example has them all\n", line,
                      30 - line);
    }
    refused(text, strcat(expected, "and 10 more"));
}

/* An error has room for 1,023 bytes: problems are told whole or not at all. */
static void long_problems_are_not_cut(void **state)
{
    (void)state;
    char text[4096] = "";
    for (int i = 0; i < 10; i++) {
        (void)sprintf(text + strlen(text),
                      "key_%d_that_is_as_long_as_its_author_could_think_of_and_then_goes_on_for_"
                      "quite_some_more_words_until_it_ends = 1\n",
                      i);
    }
    put("hotrun.toml", text);
    assert_false(config_load(&config, "hotrun.toml", &err));
    char *end = strrchr(err.text, '\n');
    assert_non_null(end);
    int left = 0;
    assert_int_equal(sscanf(end, "\nand %d more", &left), 1);
    int told = 0;
    for (const char *at_line = err.text; at_line < end; told++) {
        assert_int_equal(strncmp(at_line, "hotrun.toml:", 12), 0);
        at_line = strchr(at_line, '\n') + 1;
        assert_int_equal(strncmp(at_line - 6, "m all\n", 6), 0);
    }
    assert_int_equal(told + left, 10);
}

static void a_refused_file_leaves_nothing_of_the_module_config(void **state)
{
    (void)state;
    refused("[module.config]\na = 1\n[step]\nrate = []\n",
            "hotrun.toml:4:1: step.rate: expected steps a second, \"max\" or \"once\", found an "
            "array");
    assert_string_equal(config.module_config, "{}");
    assert_null(config.file);
}

static void a_thing_that_is_no_file_is_refused_at_once(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_false(config_load(&config, "fifo", &err));
    assert_string_equal(err.text, "fifo is not a regular file");
    assert_int_equal(err.code, ERROR_CONFIG);
    assert_false(config_load(&config, "folder", &err));
    assert_string_equal(err.text, "folder is not a regular file");
    assert_false(config_load(&config, "nowhere.toml", &err));
    assert_string_equal(err.text, "cannot open nowhere.toml: No such file or directory");
    assert_int_equal(err.code, ERROR_CONFIG);
}

static void a_file_of_a_megabyte_is_read_and_no_larger_one(void **state)
{
    (void)state;
    size_t size = (1U << 20) + 2;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '#', size);
    text[size - 1] = '\0';
    refused(text, "hotrun.toml is larger than 1048576 bytes");
    text[size - 2] = '\0';
    load(text);
    free(text);
}

static void the_module_config_may_take_64_kilobytes_as_json(void **state)
{
    (void)state;
    static char text[(64 << 10) + 100];
    size_t most = 64 << 10;
    size_t head = (size_t)sprintf(text, "[step]\nrate = 1\n[module.config]\na = \"");
    size_t json = most - strlen("{\"a\":\"\"}");
    memset(text + head, 'x', json + 1);
    strcpy(text + head + json, "\"\n");
    load(text);
    assert_int_equal(strlen(config.module_config), most);
    strcpy(text + head + json, "x\"\n");
    refused(text, "hotrun.toml:3:9: module.config: expected at most 64 KB as JSON; let the module "
                  "read a file itself");
}

static void the_command_line_wins_over_the_file(void **state)
{
    (void)state;
    load("[step]\nrate = 30\n[module]\npath = \"a.so\"\n[log]\nlevel = \"warn\"\n");
    set("step.rate", "max");
    set("module.path", "b.so");
    assert_int_equal(config.rate, RATE_MAX);
    assert_string_equal(config.module_path, "b.so");
    assert_int_equal(config.log_level, LOG_WARN);
    set("step.rate", "12.5");
    assert_int_equal(config.rate, RATE_HZ);
    assert_true(config.rate_hz == 12.5);
}

static void an_option_is_what_an_error_names(void **state)
{
    (void)state;
    assert_false(config_set(&config, "step.rate", "fast", "--rate", &err));
    assert_string_equal(err.text,
                        "--rate: expected steps a second, \"max\" or \"once\", found \"fast\"");
    assert_int_equal(err.code, ERROR_USAGE);
    static const char *const no_numbers[] = {"",      " 60", "60 ",  "0x10", "inf", "nan",
                                             "1e999", "6,5", "60Hz", "-",    "."};
    for (size_t i = 0; i < sizeof no_numbers / sizeof no_numbers[0]; i++) {
        assert_false(config_set(&config, "step.rate", no_numbers[i], "--rate", &err));
    }
    assert_false(config_set(&config, "step.rate", "-5", "--rate", &err));
    assert_string_equal(err.text, "--rate: expected 0.001 to 1000000 steps a second, found -5");
    assert_false(config_set(&config, "no.key", "x", "--x", &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
}

static void paths_of_the_file_start_at_its_folder(void **state)
{
    (void)state;
    assert_int_equal(mkdir("sub", 0700), 0);
    put("sub/my.toml", "[module]\npath = \"out/a.so\"\n[stage]\ndir = \"copies\"\n[log]\n"
                       "events = \"e.jsonl\"\n[run]\nname = \"n\"\n");
    assert_true(config_load(&config, "sub/my.toml", &err));
    resolve();
    assert_string_equal(config.file, at("sub/my.toml"));
    assert_string_equal(config.base_dir, at("sub"));
    assert_string_equal(config.module_path, at("sub/out/a.so"));
    assert_string_equal(config.stage_dir, at("sub/copies"));
    assert_string_equal(config.events_file, at("sub/e.jsonl"));
    assert_string_equal(config.run_dir, at("sub/.hotrun/n"));
}

static void absolute_paths_and_stdout_stay(void **state)
{
    (void)state;
    load("[module]\npath = \"/lib/a.so\"\n[log]\nevents = \"-\"\n[run]\ndir = \"/run/x\"\n");
    resolve();
    assert_string_equal(config.module_path, "/lib/a.so");
    assert_string_equal(config.events_file, "-");
    assert_string_equal(config.run_dir, "/run/x");
    assert_null(config.stage_dir);
}

static void without_a_file_paths_start_here(void **state)
{
    (void)state;
    set("module.path", "./a.so");
    resolve();
    assert_null(config.file);
    assert_string_equal(config.module_path, at("a.so"));
    assert_string_equal(config.run_dir, at(".hotrun"));
}

static void a_library_is_found_by_name_and_folder(void **state)
{
    (void)state;
    load("[module]\nname = \"game\"\n");
    resolve();
    assert_string_equal(config.module_path, at("libgame.so"));
}

static void the_folder_of_a_name_may_be_anywhere(void **state)
{
    (void)state;
    load("[module]\nname = \"game\"\ndir = \"../out\"\n");
    resolve();
    assert_string_equal(config.module_path, at("../out/libgame.so"));
}

static void a_path_wins_over_a_name(void **state)
{
    (void)state;
    load("[module]\nname = \"game\"\npath = \"a.so\"\n");
    resolve();
    assert_string_equal(config.module_path, at("a.so"));
}

static void a_name_is_no_path(void **state)
{
    (void)state;
    load("[module]\nname = \"out/game\"\n");
    unresolved(ERROR_CONFIG, "module.name: expected a name without '/', found \"out/game\"");
}

static void a_library_has_to_be_named(void **state)
{
    (void)state;
    unresolved(ERROR_USAGE, "there is no hotrun.toml here or in a parent folder");
    load("");
    unresolved(ERROR_USAGE, "hotrun.toml names no library: set module.path");
}

static void copies_get_names_of_their_own(void **state)
{
    (void)state;
    static const struct {
        const char *name, *dir, *says;
    } rows[] = {
        {"{generation}", "", NULL},
        {"{name}.{generation}.{pid}", "/tmp", NULL},
        {"a}{generation}", "", NULL},
        {"", "", "a file name of 1 to 128 bytes"},
        {"{name}", "", "must contain {generation}"},
        {"{name}-{pid}.so", "", "must contain {generation}"},
        {"{generation}", "/tmp", "must contain {pid}"},
        {"x/{generation}", "", "without '/'"},
        {"{generation}{", "", "expected {name}, {pid} or {generation}, found \"{\""},
        {"{generation}{date}", "", "found \"{date}\""},
    };
    set("module.path", "a.so");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set("stage.name", rows[i].name);
        set("stage.dir", rows[i].dir);
        if (rows[i].says == NULL) {
            resolve();
        } else {
            unresolved(ERROR_CONFIG, rows[i].says);
        }
    }
    char longest[160];
    memset(longest, 'x', sizeof longest);
    strcpy(longest + 129 - strlen("{generation}"), "{generation}");
    set("stage.dir", "");
    set("stage.name", longest);
    unresolved(ERROR_CONFIG, "1 to 128 bytes");
    set("stage.name", longest + 1);
    resolve();
}

static void a_run_has_a_plain_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"a/b", "..", ".hidden", "/a",
                                      ("65_bytes_65_bytes_65_bytes_65_bytes_65_bytes_65_bytes_65_b"
                                       "ytes___")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        set("run.name", bad[i]);
        assert_false(config_resolve_run_dir(&config, &err));
        assert_non_null(strstr(err.text, "run.name: expected a name of at most 64 bytes"));
    }
    set("run.name", "left");
    set("run.dir", "r");
    assert_true(config_resolve_run_dir(&config, &err));
    assert_string_equal(config.run_dir, at("r/left"));
}

static void arguments_have_a_limit(void **state)
{
    (void)state;
    static char text[60000];
    size_t head = (size_t)sprintf(text, "[module]\npath = \"a.so\"\nargs = [\"");
    memset(text + head, 'x', 48 << 10);
    strcpy(text + head + (48 << 10), "\"]\n");
    load(text);
    unresolved(ERROR_USAGE, "the module's arguments take 49153 bytes, at most 49152");
    strcpy(text + head + (48 << 10) - 1, "\"]\n");
    load(text);
    resolve();
}

static void the_file_is_found_here_and_in_parents(void **state)
{
    (void)state;
    assert_int_equal(mkdir("a", 0700), 0);
    assert_int_equal(mkdir("a/b", 0700), 0);
    char *found;
    assert_true(config_find("a/b", &found, NULL));
    assert_true(found == NULL || strncmp(found, trial_dir, strlen(trial_dir)) != 0);
    free(found);
    put("hotrun.toml", "");
    assert_true(config_find("a/b", &found, NULL));
    assert_string_equal(found, at("hotrun.toml"));
    free(found);
    put("a/hotrun.toml", "");
    assert_true(config_find("a/b", &found, NULL));
    assert_string_equal(found, at("a/hotrun.toml"));
    free(found);
    assert_true(config_find(".", &found, NULL));
    assert_string_equal(found, at("hotrun.toml"));
    free(found);
}

static void a_second_file_replaces_what_the_first_one_said(void **state)
{
    (void)state;
    load("[module]\nargs = [\"a\"]\n[module.config]\na = 1\n[run]\nname = \"x\"\n");
    load("[module]\nargs = []\n[module.config]\nb = 2\n[run]\nname = \"\"\n");
    assert_null(config.args[0]);
    assert_string_equal(config.module_config, "{\"b\":2}");
    assert_null(config.name);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(problems_are_told_with_file_line_and_column),
        TEST(what_is_no_toml_is_told_with_its_place),
        TEST(problems_stand_in_the_order_of_the_file),
        TEST(ten_problems_are_told_and_the_others_counted),
        TEST(long_problems_are_not_cut),
        TEST(a_refused_file_leaves_nothing_of_the_module_config),
        TEST(a_thing_that_is_no_file_is_refused_at_once),
        TEST(a_file_of_a_megabyte_is_read_and_no_larger_one),
        TEST(the_module_config_may_take_64_kilobytes_as_json),
        TEST(the_command_line_wins_over_the_file),
        TEST(an_option_is_what_an_error_names),
        TEST(paths_of_the_file_start_at_its_folder),
        TEST(absolute_paths_and_stdout_stay),
        TEST(without_a_file_paths_start_here),
        TEST(a_library_is_found_by_name_and_folder),
        TEST(the_folder_of_a_name_may_be_anywhere),
        TEST(a_path_wins_over_a_name),
        TEST(a_name_is_no_path),
        TEST(a_library_has_to_be_named),
        TEST(copies_get_names_of_their_own),
        TEST(a_run_has_a_plain_name),
        TEST(arguments_have_a_limit),
        TEST(the_file_is_found_here_and_in_parents),
        TEST(a_second_file_replaces_what_the_first_one_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
