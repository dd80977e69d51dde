#define _GNU_SOURCE /* nftw */
#include "config/keys.h"

#include "base/file.h"
#include "base/text.h"

#include "trial.h"

#include <math.h>

/* What config_load made of the text; it must be good. */
static void load(struct config *config, const char *text)
{
    struct error err;
    put(at("hotrun.toml"), text);
    assert_true(config_init(config, &err));
    if (!config_load(config, at("hotrun.toml"), &err)) {
        fail_msg("%s", err.text);
    }
}

static void load_one(struct config *config, const char *key, const char *value)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s = %s\n", key, value);
    load(config, text);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Do two configs agree in what the row sets? */
static bool agree(const struct config *a, const struct config *b, const struct key_row *row)
{
    const void *one = (const char *)a + row->offset;
    const void *other = (const char *)b + row->offset;
    switch (row->type) {
    case KEY_TEXT:
    case KEY_PATH:
        return same_text(*(char *const *)one, *(char *const *)other);
    case KEY_WORDS:
    case KEY_PATHS:
    case KEY_ENV: {
        char **const words = *(char **const *)one;
        char **const others = *(char **const *)other;
        size_t i = 0;
        while (words[i] != NULL && others[i] != NULL && strcmp(words[i], others[i]) == 0) {
            i++;
        }
        return words[i] == NULL && others[i] == NULL;
    }
    case KEY_BOOL:
        return *(const bool *)one == *(const bool *)other;
    case KEY_SMALL:
        return *(const unsigned *)one == *(const unsigned *)other;
    case KEY_RATE:
        return a->rate == b->rate && a->rate_hz == b->rate_hz;
    case KEY_MISMATCH:
    case KEY_LOSS:
    case KEY_HOLD:
    case KEY_CHANGE:
    case KEY_START:
    case KEY_KEYS:
        return *(const unsigned *)one == *(const unsigned *)other;
    case KEY_LEVEL:
        return a->log_level == b->log_level;
    case KEY_COUNT:
    case KEY_MS:
    case KEY_TIME:
    case KEY_SIZE:
        break;
    }
    return *(const uint64_t *)one == *(const uint64_t *)other;
}

static void rows_are_in_tables_and_come_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < key_row_count; i++) {
        const struct key_row *row = &key_rows[i];
        size_t table = strcspn(row->key, ".");
        assert_non_null(strchr(row->key, '.'));
        assert_ptr_equal(key_find(row->key), row);
        assert_true(row->help[0] != '\0' && strlen(key_expects(row)) > 0);
        /* A table's keys stand together: what lists tables relies on it. */
        for (size_t j = i + 1; j < key_row_count; j++) {
            if (strncmp(key_rows[j].key, row->key, table + 1) == 0) {
                assert_true(strncmp(key_rows[i + 1].key, row->key, table + 1) == 0);
            }
        }
        struct config_key told = config_key_at(i);
        assert_string_equal(told.key, row->key);
        assert_string_equal(told.fallback, row->fallback);
    }
    assert_int_equal(config_key_count(), key_row_count);
    assert_null(key_find("step"));
    assert_null(key_find(""));
}

/* A value of each row that is not its default, as TOML and as a command line has it. */
static const struct {
    const char *key, *toml, *word;
} others[] = {
    {"module.path", "'x.so'", "x.so"},
    {"module.name", "\"x\"", "x"},
    {"module.dir", "\"out\"", "out"},
    {"module.args", "[\"a\", \"b c\"]", NULL},
    {"module.allow_writable", "true", "true"},
    {"step.rate", "120.5", "120.5"},
    {"step.max_dt", "\"1s\"", "1s"},
    {"reload.defer_limit", "5", "5"},
    {"state.on_mismatch", "\"reset\"", "reset"},
    {"state.on_loss", "\"hold\"", "hold"},
    {"state.statics", "true", "true"},
    {"state.max_json", "\"1KiB\"", "1KiB"},
    {"state.max_size", "1000", "1000"},
    {"state.pin_limit", "\"0.5 MB\"", "0.5 MB"},
    {"checkpoint.interval", "\"2s\"", "2s"},
    {"checkpoint.durable_interval", "0", "0"},
    {"checkpoint.history", "5", "5"},
    {"build.command", "\"make\"", "make"},
    {"build.sources", "[\"a.c\"]", NULL},
    {"build.cc", "\"tcc\"", "tcc"},
    {"build.cflags", "\"-O2\"", "-O2"},
    {"build.libs", "\"-lm\"", "-lm"},
    {"build.pkg_config", "\"sdl2\"", "sdl2"},
    {"build.linker", "\"bfd\"", "bfd"},
    {"build.watch", "[\"src\"]", NULL},
    {"build.ignore", "[\"*.tmp\"]", NULL},
    {"build.gitignore", "false", "false"},
    {"build.on_change", "\"queue\"", "queue"},
    {"build.at_start", "\"never\"", "never"},
    {"build.timeout", "\"1min\"", "1min"},
    {"build.env", "{ CC = \"tcc\", X = \"\" }", NULL},
    {"watch.enabled", "false", "false"},
    {"watch.settle_ms", "7", "7"},
    {"watch.poll_ms", "0", "0"},
    {"stage.dir", "\"/tmp\"", "/tmp"},
    {"stage.name", "\"{generation}\"", "{generation}"},
    {"supervise.probation", "\"2min\"", "2min"},
    {"supervise.probation_steps", "0x10", "16"},
    {"supervise.max_restarts", "0", "0"},
    {"supervise.window", "\"1h\"", "1h"},
    {"supervise.on_hold", "\"exit\"", "exit"},
    {"supervise.spare", "false", "false"},
    {"supervise.hang_timeout", "\"1s\"", "1s"},
    {"supervise.blocked_timeout", "\"1min\"", "1min"},
    {"supervise.start_timeout", "0", "0"},
    {"supervise.stop_timeout", "\"2500us\"", "2500us"},
    {"run.name", "\"a\"", "a"},
    {"run.dir", "\"r\"", "r"},
    {"run.resume", "true", "true"},
    {"run.restore", "\"s.json\"", "s.json"},
    {"run.wrap", "\"gdb --args\"", "gdb --args"},
    {"terminal.keys", "\"on\"", "on"},
    {"terminal.status_line", "false", "false"},
    {"log.level", "\"trace\"", "trace"},
    {"log.color", "false", "false"},
    {"log.events", "\"-\"", "-"},
};

static void each_key_is_set_by_the_file_and_the_command_line_alike(void **state)
{
    (void)state;
    assert_int_equal(sizeof others / sizeof others[0], key_row_count);
    for (size_t i = 0; i < key_row_count; i++) {
        struct config fallback;
        struct config file;
        struct config line;
        struct error err;
        const struct key_row *row = key_find(others[i].key);
        assert_non_null(row);
        assert_true(config_init(&fallback, &err));
        assert_true(config_init(&line, &err));
        load_one(&file, row->key, others[i].toml);
        if (others[i].word != NULL) {
            assert_true(config_set(&line, row->key, others[i].word, "--option", &err));
        }
        for (size_t j = 0; j < key_row_count; j++) {
            bool untouched = agree(&file, &fallback, &key_rows[j]);
            bool alike = others[i].word == NULL || agree(&file, &line, &key_rows[j]);
            if (untouched != (&key_rows[j] != row) || !alike) {
                fail_msg("%s = %s: wrong effect on %s", row->key, others[i].toml, key_rows[j].key);
            }
        }
        config_finish(&fallback);
        config_finish(&file);
        config_finish(&line);
    }
}

static void a_default_that_is_written_down_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < key_row_count; i++) {
        struct config fallback;
        struct config file;
        struct error err;
        assert_true(config_init(&fallback, &err));
        load_one(&file, key_rows[i].key, key_rows[i].fallback);
        if (strcmp(key_rows[i].key, "run.dir") == 0) {
            assert_null(fallback.run_dir); /* beside hotrun.toml, or a command looks for it */
            assert_string_equal(file.run_dir, ".hotrun");
        } else {
            assert_true(agree(&file, &fallback, &key_rows[i]));
        }
        config_finish(&fallback);
        config_finish(&file);
    }
}

static void units_are_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        uint64_t is;
    } rows[] = {
        {"step.max_dt", "1", 1000000},
        {"step.max_dt", "1.5", 1500000},
        {"step.max_dt", "\"1500us\"", 1500000},
        {"step.max_dt", "\"250 ms\"", 250000000},
        {"step.max_dt", "\"0.25s\"", 250000000},
        {"step.max_dt", "\"1min\"", UINT64_C(60000000000)},
        {"step.max_dt", "\"24h\"", UINT64_C(86400000000000)},
        {"reload.defer_limit", "0", 0},
        {"state.max_size", "1", 1},
        {"state.max_size", "\"12B\"", 12},
        {"state.max_size", "\"2KB\"", 2000},
        {"state.max_size", "\"2KiB\"", 2048},
        {"state.max_size", "\"1.5MB\"", 1500000},
        {"state.max_size", "\"1MiB\"", 1048576},
        {"state.max_size", "\"1GB\"", 1000000000},
        {"state.max_size", "\"16GiB\"", UINT64_C(17179869184)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config config;
        load_one(&config, rows[i].key, rows[i].value);
        const uint64_t *found = (void *)((char *)&config + key_find(rows[i].key)->offset);
        if (*found != rows[i].is) {
            fail_msg("%s = %s gave %llu", rows[i].key, rows[i].value, (unsigned long long)*found);
        }
        config_finish(&config);
    }
}

/* Sets the key by a file of one line; the sentence behind the place, "" when it was taken. */
static const char *told(const char *key, const char *value)
{
    static struct error err;
    struct config config;
    char text[512];
    (void)snprintf(text, sizeof text, "%s = %s\n", key, value);
    put(at("hotrun.toml"), text);
    assert_true(config_init(&config, &err));
    err.text[0] = '\0';
    bool ok = config_load(&config, at("hotrun.toml"), &err);
    config_finish(&config);
    if (ok) {
        return "";
    }
    const char *place = strstr(err.text, "hotrun.toml:1:");
    assert_non_null(place);
    return strchr(place, ' ') + 1;
}

/* Of each type of row all kinds of TOML values but those that it takes. */
static void a_value_of_the_wrong_type_is_refused_with_what_was_expected(void **state)
{
    (void)state;
    static const struct {
        const char *toml, *found;
    } values[] = {{"\"?\"", "\"?\""},
                  {"7", "7"},
                  {"7.5", "7.5"},
                  {"7.0", "7.0"},
                  {"1e300", "1e+300"},
                  {"nan", "nan"},
                  {"true", "true"},
                  {"[]", "an array"},
                  {"[\"x\"]", "an array"},
                  {"[1]", "an array of other things"},
                  {"{}", "a table"},
                  {"2020-01-01", "a date or time"},
                  {"07:00:00", "a date or time"}};
    static const char *const taken[] = {[KEY_TEXT] = "\"?\"",
                                        [KEY_PATH] = "\"?\"",
                                        [KEY_BOOL] = "true",
                                        [KEY_COUNT] = "7",
                                        [KEY_SMALL] = "7",
                                        [KEY_MS] = "7",
                                        [KEY_TIME] = "7 7.5 7.0 1e300",
                                        [KEY_SIZE] = "7",
                                        [KEY_RATE] = "7 7.5 7.0 1e300 nan",
                                        [KEY_MISMATCH] = "",
                                        [KEY_LOSS] = "",
                                        [KEY_HOLD] = "",
                                        [KEY_CHANGE] = "",
                                        [KEY_START] = "",
                                        [KEY_KEYS] = "",
                                        [KEY_LEVEL] = "",
                                        [KEY_WORDS] = "[] [\"x\"]",
                                        [KEY_PATHS] = "[] [\"x\"]",
                                        [KEY_ENV] = "{}"};
    for (size_t i = 0; i < key_row_count; i++) {
        const struct key_row *row = &key_rows[i];
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            const char *list = taken[row->type];
            bool fits = false;
            for (size_t len; *list != '\0'; list += len + (list[len] == ' ')) {
                len = strcspn(list, " ");
                fits = fits ||
                       (len == strlen(values[j].toml) && strncmp(list, values[j].toml, len) == 0);
            }
            char expected[512];
            (void)snprintf(expected, sizeof expected, "%s: expected %s, found %s", row->key,
                           key_expects(row), values[j].found);
            if (!fits) {
                assert_string_equal(told(row->key, values[j].toml), expected);
            }
        }
    }
}

static void numbers_are_taken_up_to_their_bounds_and_no_further(void **state)
{
    (void)state;
    for (size_t i = 0; i < key_row_count; i++) {
        const struct key_row *row = &key_rows[i];
        char text[64];
        if (row->most == 0) {
            continue;
        }
        (void)snprintf(text, sizeof text, "%.15g", row->least);
        assert_string_equal(told(row->key, text), "");
        (void)snprintf(text, sizeof text, "%.15g", row->most);
        assert_string_equal(told(row->key, row->type == KEY_RATE ? "1000000" : text), "");
        (void)snprintf(text, sizeof text, "%.0f", row->most + 1);
        assert_non_null(strstr(told(row->key, text), ": expected "));
        (void)snprintf(text, sizeof text, "%.0f", floor(row->least) - 1);
        assert_non_null(strstr(told(row->key, text), ": expected "));
    }
    assert_string_equal(told("watch.settle_ms", "-1"),
                        "watch.settle_ms: expected 0 to 60000 ms, found -1");
    assert_string_equal(told("step.max_dt", "0.5"),
                        "step.max_dt: expected 1 to 86400000 ms, found 0.5");
    assert_string_equal(told("step.max_dt", "\"25h\""),
                        "step.max_dt: expected 1 to 86400000 ms, found \"25h\"");
    assert_string_equal(told("state.max_size", "\"17GiB\""),
                        "state.max_size: expected 0 to 17179869184 bytes, found \"17GiB\"");
    assert_string_equal(told("supervise.max_restarts", "17"),
                        "supervise.max_restarts: expected 0 to 16, found 17");
    assert_string_equal(told("step.rate", "0"),
                        "step.rate: expected 0.001 to 1000000 steps a second, found 0");
    assert_string_equal(told("step.rate", "nan"),
                        "step.rate: expected 0.001 to 1000000 steps a second, found nan");
    assert_string_equal(told("step.rate", "9223372036854775807"),
                        "step.rate: expected 0.001 to 1000000 steps a second, found 9.22337e+18");
}

static void a_number_with_an_odd_unit_is_refused(void **state)
{
    (void)state;
    static const char *const times[] = {"",     "s",    "2",      "2 S", "2sec", " 2s", "2s ",
                                        "0x2s", "infs", "nan ms", "2d",  "2,5s", "--2s"};
    static const char *const sizes[] = {"", "MB", "2", "2mb", "2 TB", " 2MB", "0x2MB", "inf MB"};
    char value[32];
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        (void)snprintf(value, sizeof value, "\"%s\"", times[i]);
        assert_non_null(strstr(told("step.max_dt", value), "or a time such as \"2s\""));
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        (void)snprintf(value, sizeof value, "\"%s\"", sizes[i]);
        assert_non_null(strstr(told("state.max_size", value), "or a size such as \"64MB\""));
    }
}

static void a_quoted_value_is_cut_between_characters_and_shows_no_controls(void **state)
{
    (void)state;
    char out[16];
    key_excerpt("short", out, sizeof out);
    assert_string_equal(out, "short");
    key_excerpt("exactly fifteen", out, sizeof out);
    assert_string_equal(out, "exactly fifteen");
    key_excerpt("sixteen are many", out, sizeof out);
    assert_string_equal(out, "sixteen are ...");
    key_excerpt("sixteen are\xc3\xa4xxxx", out, sizeof out); /* two bytes over the cut */
    assert_string_equal(out, "sixteen are...");
    key_excerpt("a\n\033[1mb\x7f", out, sizeof out);
    assert_string_equal(out, "a??[1mb?");
    assert_string_equal(told("log.level", "\"a\\nb\""),
                        "log.level: expected trace, debug, info, warn or error, found \"a?b\"");
}

static char *read_source(const char *name)
{
    char path[512];
    struct text text = {0};
    struct error err;
    (void)snprintf(path, sizeof path, "%s/%s", SOURCE_DIR, name);
    if (!file_read(path, 1U << 20, &text, &err)) {
        fail_msg("%s", err.text);
    }
    return text.data;
}

/* Each key with its default, in its table, and each number's range nearby. */
static void the_example_is_the_defaults(void **state)
{
    (void)state;
    char *text = read_source("hotrun.toml.example");
    struct config example;
    struct config fallback;
    struct error err;
    load(&example, text);
    assert_true(config_init(&fallback, &err));
    for (size_t i = 0; i < key_row_count; i++) {
        const struct key_row *row = &key_rows[i];
        char line[256];
        char table[64];
        const char *name = strchr(row->key, '.') + 1;
        (void)snprintf(table, sizeof table, "\n[%.*s]\n", (int)(name - row->key - 1), row->key);
        (void)snprintf(line, sizeof line, "\n%s = %s\n", name, row->fallback);
        const char *at_table = strstr(text, table);
        assert_non_null(at_table);
        if (strstr(at_table, line) == NULL) {
            fail_msg("hotrun.toml.example lacks %s = %s", row->key, row->fallback);
        }
        if (strcmp(row->key, "run.dir") != 0) {
            assert_true(agree(&example, &fallback, row));
        }
    }
    assert_string_equal(example.module_config,
                        "{\"size\":{\"height\":480,\"width\":640},\"title\":\"a sample\"}");
    config_finish(&example);
    config_finish(&fallback);
    free(text);
}

static void the_man_page_has_each_key_with_its_default(void **state)
{
    (void)state;
    char *page = read_source("docs/hotrun.1");
    for (size_t i = 0; i < key_row_count; i++) {
        struct text line = {0};
        text_printf(&line, "\n.B %s = ", key_rows[i].key);
        for (const char *c = key_rows[i].fallback; *c != '\0'; c++) {
            text_printf(&line, *c == '"' ? "\\(dq" : *c == '-' ? "\\-" : "%c", *c);
        }
        text_puts(&line, "\n");
        if (strstr(page, text_string(&line)) == NULL) {
            fail_msg("docs/hotrun.1 lacks%s", text_string(&line));
        }
        text_finish(&line);
    }
    assert_non_null(strstr(page, "\n.B module.config = "));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_in_tables_and_come_once),
        cmocka_unit_test(each_key_is_set_by_the_file_and_the_command_line_alike),
        cmocka_unit_test(a_default_that_is_written_down_changes_nothing),
        cmocka_unit_test(units_are_what_they_say),
        cmocka_unit_test(a_value_of_the_wrong_type_is_refused_with_what_was_expected),
        cmocka_unit_test(numbers_are_taken_up_to_their_bounds_and_no_further),
        cmocka_unit_test(a_number_with_an_odd_unit_is_refused),
        cmocka_unit_test(a_quoted_value_is_cut_between_characters_and_shows_no_controls),
        cmocka_unit_test(the_example_is_the_defaults),
        cmocka_unit_test(the_man_page_has_each_key_with_its_default),
    };
    return cmocka_run_group_tests(tests, trial_setup, trial_teardown);
}
