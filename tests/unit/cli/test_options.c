#define _GNU_SOURCE /* nftw */
#include "cli/options.h"

#include "cli/help.h"

#include "trial.h"

/* Each test starts in an empty folder, where what the last command line gave is kept. */
static struct options options;
static struct error err;
static bool parsed;

static void forget(void)
{
    if (parsed) {
        options_finish(&options);
    }
    parsed = false;
}

static int fresh(void **state)
{
    (void)unsetenv("HOTRUN_LOG");
    return trial_setup(state) == 0 && chdir(trial_dir) == 0 ? 0 : -1;
}

static int finish(void **state)
{
    forget();
    return chdir("/") == 0 ? trial_teardown(state) : -1;
}

/* The words of a command line, divided by one space; '' is an empty one. */
static bool parse(const char *line)
{
    static char copy[4096];
    char *argv[128] = {(char[]){"hotrun"}};
    static char empty[] = "";
    int argc = 1;
    forget();
    (void)snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = strcmp(word, "''") == 0 ? empty : word;
    }
    err = (struct error){0};
    parsed = options_parse(&options, argc, argv, &err);
    return parsed;
}

static void takes(const char *line)
{
    if (!parse(line)) {
        fail_msg("hotrun %s: %s", line, err.text);
    }
}

static void refuses(const char *line, const char *says)
{
    assert_false(parse(line));
    assert_int_equal(err.code, ERROR_USAGE);
    if (strstr(err.text, says) == NULL) {
        fail_msg("hotrun %s: expected \"%s\", found \"%s\"", line, says, err.text);
    }
}

static void a_first_word_that_is_a_command_is_one(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum command command;
    } rows[] = {{"run ./a.so", COMMAND_RUN},     {"./a.so", COMMAND_RUN},
                {"check ./a.so", COMMAND_CHECK}, {"status", COMMAND_STATUS},
                {"reload", COMMAND_RELOAD},      {"quit", COMMAND_QUIT},
                {"pause", COMMAND_PAUSE},        {"resume", COMMAND_RESUME},
                {"step 5", COMMAND_STEP},        {"rollback --keep-state", COMMAND_ROLLBACK},
                {"reset", COMMAND_RESET},        {"events", COMMAND_EVENTS},
                {"rate 30", COMMAND_RATE},       {"log debug", COMMAND_LOG},
                {"send spawn", COMMAND_SEND},    {"state get /x", COMMAND_STATE},
                {"build --json", COMMAND_BUILD}, {"history", COMMAND_HISTORY},
                {"rewind 3", COMMAND_REWIND},    {"new game", COMMAND_NEW},
                {"--help", COMMAND_HELP},        {"-V", COMMAND_VERSION}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        takes(rows[i].line);
        assert_int_equal(options.command, rows[i].command);
    }
}

static void a_library_that_is_called_like_a_command_is_named_by_its_path(void **state)
{
    (void)state;
    put("status", "");
    takes("./status");
    assert_int_equal(options.command, COMMAND_RUN);
    assert_string_equal(options.config.module_path, at("status"));
    takes("run status"); /* there is such a file */
    assert_string_equal(options.config.module_path, at("status"));
    takes("status");
    assert_int_equal(options.command, COMMAND_STATUS);
}

static void a_word_that_is_there_is_a_library(void **state)
{
    (void)state;
    refuses("game", "unknown command game");
    put("game", "");
    takes("game");
    assert_string_equal(options.config.module_path, at("game"));
}

static void a_word_that_is_no_command_is_unknown(void **state)
{
    (void)state;
    static const char *const words[] = {"inspect"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char says[64];
        (void)snprintf(says, sizeof says, "unknown command %s", words[i]);
        refuses(words[i], says);
        assert_non_null(strstr(err.text, "run, check, status, reload, build, quit, events"));
        char line[64];
        (void)snprintf(line, sizeof line, "%s 5 --json", words[i]);
        refuses(line, says);
    }
}

static void a_mistyped_command_finds_the_one_that_was_meant(void **state)
{
    (void)state;
    refuses("stauts", "did you mean status?");
    refuses("relaod", "did you mean reload?");
    refuses("help", "did you mean --help?");
    refuses("version", "did you mean --version?");
    refuses("rwind", "did you mean rewind?");
    refuses("inspect", "unknown command inspect: commands are");
}

static void a_command_stands_first(void **state)
{
    (void)state;
    refuses("--name a status", "the command stands first: hotrun status [OPTIONS]");
    refuses("run status", "a library of this name is ./status");
    refuses("run game", "./game names a library that is still to be built");
    refuses("check game", "there is no such file here");
    refuses("-- status", "no library is named");
}

static void a_mistyped_option_finds_the_one_that_was_meant(void **state)
{
    (void)state;
    refuses("--rtae 5 ./a.so", "unknown option --rtae; did you mean --rate? hotrun --help");
    refuses("--rtae=5 ./a.so", "unknown option --rtae=5; did you mean --rate?");
    refuses("reload --frce", "did you mean --force? hotrun reload --help lists them");
    refuses("--xyzzy ./a.so", "unknown option --xyzzy; hotrun --help lists them");
    refuses("-x", "unknown option -x;");
    refuses("-xc", "unknown option -x;");
    refuses("-\xc3\xa4", "unknown option -?;");
}

static void an_option_of_another_command_is_told_whose_it_is(void **state)
{
    (void)state;
    refuses("status --rate 5", "--rate is no option of hotrun status, but of run");
    refuses("--json ./a.so",
            "--json is no option of hotrun run, but of check, status, reload, build, quit, ");
    refuses("quit --force", "--force is no option of hotrun quit, but of reload");
}

static void a_value_is_needed_where_the_option_has_one(void **state)
{
    (void)state;
    refuses("--rate", "--rate: expected a value behind it");
    refuses("./a.so -r", "-r: expected a value behind it");
    refuses("--help=5", "--help takes no value");
    refuses("--config= ./a.so", "--config: expected a file");
    refuses("--rate= ./a.so", "--rate: expected steps a second, \"max\" or \"once\", found \"\"");
    refuses("--log-level loud ./a.so",
            "--log-level: expected trace, debug, info, warn or error, found \"loud\"");
    refuses("--name a/b ./a.so", "run.name: expected a name");
}

static void a_word_may_be_a_number_below_zero(void **state)
{
    (void)state;
    takes("state set /x -5 --json /y -- -z");
    assert_true(options.json);
    assert_int_equal(options.word_count, 5);
    assert_string_equal(options.words[2], "-5");
    assert_string_equal(options.words[4], "-z");
    refuses("state set /x -v", "unknown option -v");
    refuses("status -5", "unknown option -5");
    refuses("send a b c", "unexpected word c");
}

static void words_that_have_no_place_are_refused(void **state)
{
    (void)state;
    refuses("./a.so ./b.so", "unexpected word ./b.so: the library is ./a.so, and its arguments");
    refuses("./a.so b --rate max", "unexpected word b");
    refuses("reload ./a.so", "unexpected word ./a.so: hotrun reload takes options only");
    refuses("check ./a.so ./b.so", "unexpected word ./b.so: the library is ./a.so");
    refuses("check ./a.so -- b", "unexpected word b: hotrun check hands no arguments on");
    refuses("quit -- b", "unexpected word b");
    refuses("step 1 2", "unexpected word 2");
    refuses("pause 1", "unexpected word 1");
    refuses("''", "expected a library, found an empty word");
    takes("quit --");
}

static void options_may_stand_before_and_behind_the_library(void **state)
{
    (void)state;
    static const char *const lines[] = {"--rate 5 --name x ./a.so",    "./a.so --rate 5 --name x",
                                        "--rate 5 ./a.so --name x",    "run ./a.so -r5 --name=x",
                                        "run -r 5 ./a.so --name x --", "./a.so --rate=5 --name x"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        takes(lines[i]);
        assert_true(options.config.rate == RATE_HZ && options.config.rate_hz == 5);
        assert_string_equal(options.config.module_path, at("a.so"));
        assert_string_equal(options.config.run_dir, at(".hotrun/x"));
    }
    takes("--rate 5 ./a.so --rate max");
    assert_int_equal(options.config.rate, RATE_MAX); /* the last one wins */
}

static void what_stands_behind_two_dashes_is_the_modules(void **state)
{
    (void)state;
    takes("./a.so -r 5 -- --rate '' -- x");
    static const char *const expected[] = {"--rate", "", "--", "x", NULL};
    for (size_t i = 0; expected[i] != NULL; i++) {
        assert_string_equal(options.config.args[i], expected[i]);
    }
    assert_null(options.config.args[4]);
    assert_true(options.config.rate_hz == 5);

    put("hotrun.toml", "[module]\npath = \"a.so\"\nargs = [\"f\"]\n");
    takes("-- one");
    assert_string_equal(options.config.args[0], "one");
    assert_null(options.config.args[1]);
    takes("--");
    assert_string_equal(options.config.args[0], "f");
    takes("run");
    assert_string_equal(options.config.args[0], "f");
}

static void the_command_line_wins_over_the_environment_and_that_over_the_file(void **state)
{
    (void)state;
    put("hotrun.toml", "[log]\nlevel = \"warn\"\ncolor = true\n[module]\npath = \"a.so\"\n");
    takes("");
    assert_int_equal(options.config.log_level, LOG_WARN);
    (void)setenv("HOTRUN_LOG", "debug", 1);
    takes("");
    assert_int_equal(options.config.log_level, LOG_DEBUG);
    takes("--log-level trace --no-color");
    assert_int_equal(options.config.log_level, LOG_TRACE);
    assert_false(options.config.color);
    (void)setenv("HOTRUN_LOG", "", 1);
    takes("");
    assert_int_equal(options.config.log_level, LOG_WARN);
    (void)setenv("HOTRUN_LOG", "loud", 1);
    refuses("", "HOTRUN_LOG: expected trace, debug, info, warn or error, found \"loud\"");
    takes("--help");
}

static void each_option_sets_its_key(void **state)
{
    (void)state;
    takes("./a.so --rate once --name n --run-dir r --events e --log-level error --wrap gdb");
    assert_int_equal(options.config.rate, RATE_ONCE);
    assert_string_equal(options.config.run_dir, at("r/n"));
    assert_string_equal(options.config.events_file, at("e"));
    assert_int_equal(options.config.log_level, LOG_ERROR);
    assert_string_equal(options.config.wrap, "gdb");
    takes("--events - ./a.so");
    assert_string_equal(options.config.events_file, "-");
    takes("check --json ./a.so");
    assert_true(options.json && !options.force);
    takes("reload --force");
    assert_true(options.force && !options.json);
}

static void a_new_project_reads_no_file_and_takes_its_own_options_alone(void **state)
{
    (void)state;
    put("hotrun.toml", "this is no toml");
    takes("new game");
    assert_string_equal(options.words[0], "game");
    assert_null(options.template_name);
    assert_null(options.build_name);
    takes("new --template rust game --build=make");
    assert_string_equal(options.template_name, "rust");
    assert_string_equal(options.build_name, "make");
    refuses("new one two", "unexpected word two: hotrun new takes one, one");
    refuses("new game --rate 3", "--rate is no option of hotrun new, but of run");
    refuses("new game --template", "--template: expected a value behind it");
    refuses("new game -c hotrun.toml", "unknown option -c");
    refuses("run ./a.so --template rust", "--template is no option of hotrun run, but of new");
}

static void paths_of_the_command_line_start_here_and_the_files_at_its_folder(void **state)
{
    (void)state;
    assert_int_equal(mkdir("sub", 0700), 0);
    put("hotrun.toml", "[module]\npath = \"out/a.so\"\n[log]\nevents = \"e\"\n");
    assert_int_equal(chdir("sub"), 0);
    takes("");
    assert_string_equal(options.config.file, at("hotrun.toml"));
    assert_string_equal(options.config.module_path, at("out/a.so"));
    assert_string_equal(options.config.events_file, at("e"));
    assert_string_equal(options.config.run_dir, at(".hotrun"));
    takes("--run-dir r --events e ./b.so");
    assert_string_equal(options.config.module_path, at("sub/b.so"));
    assert_string_equal(options.config.events_file, at("sub/e"));
    assert_string_equal(options.config.run_dir, at("sub/r"));
    takes("--run-dir '' ./b.so");
    assert_string_equal(options.config.run_dir, at(".hotrun"));
}

static void a_file_can_be_named(void **state)
{
    (void)state;
    put("hotrun.toml", "[module]\npath = \"a.so\"\n");
    put("other.toml", "[module]\npath = \"b.so\"\n[step]\nrate = 7\n");
    takes("-c other.toml");
    assert_string_equal(options.config.module_path, at("b.so"));
    takes("run --config=other.toml ./c.so");
    assert_string_equal(options.config.module_path, at("c.so"));
    assert_true(options.config.rate_hz == 7);
    assert_false(parse("-c nowhere.toml"));
    assert_string_equal(err.text, "cannot open nowhere.toml: No such file or directory");
    assert_int_equal(err.code, ERROR_CONFIG);
}

/* Such a file may name programs to start, and /tmp is a parent of many folders. */
static void a_file_of_another_user_is_taken_only_when_named(void **state)
{
    (void)state;
    put("hotrun.toml", "[module]\npath = \"a.so\"\n");
    if (chown("hotrun.toml", geteuid() + 12345, (gid_t)-1) != 0) {
        skip(); /* only root can give files away */
    }
    assert_false(parse(""));
    assert_int_equal(err.code, ERROR_CONFIG);
    assert_non_null(strstr(err.text, "belongs to another user (12345)"));
    assert_non_null(strstr(err.text, "hotrun -c hotrun.toml"));
    assert_false(parse("./b.so"));
    takes("-c hotrun.toml");
    takes("status"); /* which starts nothing, and does without the file */
    assert_null(options.config.file);
}

static void a_wrong_file_is_told_before_anything_else_but_help(void **state)
{
    (void)state;
    put("hotrun.toml", "[step]\nrate = 0\n");
    assert_false(parse("./a.so"));
    assert_int_equal(err.code, ERROR_CONFIG);
    assert_string_equal(err.text, "hotrun.toml:2:1: step.rate: expected 0.001 to 1000000 steps a "
                                  "second, found 0");
    takes("status");
    takes("quit");
    takes("--help");
    takes("status --help");
    takes("--version");
}

static void help_is_that_of_the_command(void **state)
{
    (void)state;
    takes("-h");
    assert_non_null(strstr(options.help, "Commands:"));
    takes("reload --help");
    assert_int_equal(strncmp(options.help, "hotrun reload: ", 15), 0);
    takes("run -h");
    assert_int_equal(strncmp(options.help, "hotrun run: ", 12), 0);
    takes("state --help");
    for (size_t i = 0; i < sub_row_count; i++) {
        assert_non_null(strstr(options.help, sub_rows[i].usage));
    }
    refuses("inspect --help", "unknown command inspect");
}

static void a_running_hotrun_is_found_from_below(void **state)
{
    (void)state;
    assert_int_equal(mkdir(".hotrun", 0700), 0);
    assert_int_equal(mkdir("sub", 0700), 0);
    assert_int_equal(chdir("sub"), 0);
    takes("status");
    assert_string_equal(options.config.run_dir, at(".hotrun"));
    takes("status --name x");
    assert_string_equal(options.config.run_dir, at(".hotrun/x"));
    takes("status --run-dir r");
    assert_string_equal(options.config.run_dir, at("sub/r"));
    put("hotrun.toml", "[run]\ndir = \"run\"\n");
    takes("status");
    assert_string_equal(options.config.run_dir, at("sub/run"));
}

static void too_many_options_are_refused(void **state)
{
    (void)state;
    char line[1024] = "./a.so";
    for (int i = 0; i < 65; i++) {
        strcat(line, " -r5");
    }
    refuses(line, "too many options");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_first_word_that_is_a_command_is_one),
        TEST(a_library_that_is_called_like_a_command_is_named_by_its_path),
        TEST(a_word_that_is_there_is_a_library),
        TEST(a_word_that_is_no_command_is_unknown),
        TEST(a_mistyped_command_finds_the_one_that_was_meant),
        TEST(a_command_stands_first),
        TEST(a_mistyped_option_finds_the_one_that_was_meant),
        TEST(an_option_of_another_command_is_told_whose_it_is),
        TEST(a_value_is_needed_where_the_option_has_one),
        TEST(a_word_may_be_a_number_below_zero),
        TEST(words_that_have_no_place_are_refused),
        TEST(options_may_stand_before_and_behind_the_library),
        TEST(what_stands_behind_two_dashes_is_the_modules),
        TEST(the_command_line_wins_over_the_environment_and_that_over_the_file),
        TEST(each_option_sets_its_key),
        TEST(a_new_project_reads_no_file_and_takes_its_own_options_alone),
        TEST(paths_of_the_command_line_start_here_and_the_files_at_its_folder),
        TEST(a_file_can_be_named),
        TEST(a_file_of_another_user_is_taken_only_when_named),
        TEST(a_wrong_file_is_told_before_anything_else_but_help),
        TEST(help_is_that_of_the_command),
        TEST(a_running_hotrun_is_found_from_below),
        TEST(too_many_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
