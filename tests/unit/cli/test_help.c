#define _GNU_SOURCE /* nftw */
#include "cli/help.h"

#include "base/file.h"
#include "base/text.h"
#include "config/config.h"
#include "trial.h"

static const enum command commands[] = {
    COMMAND_RUN,    COMMAND_CHECK,      COMMAND_STATUS, COMMAND_RELOAD, COMMAND_QUIT,
    COMMAND_EVENTS, COMMAND_PAUSE,      COMMAND_RESUME, COMMAND_STEP,   COMMAND_ROLLBACK,
    COMMAND_RESET,  COMMAND_COMPLETION, COMMAND_NEW,    COMMAND_HELP};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void every_help_fits_a_terminal(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char *help = help_text(commands[i]);
        size_t lines = 0;
        assert_non_null(help);
        for (const char *line = help; *line != '\0'; lines++) {
            size_t len = strcspn(line, "\n");
            if (len > 80) {
                fail_msg("%zu columns: %.*s", len, (int)len, line);
            }
            assert_int_equal(line[len], '\n'); /* the last line ends, too */
            line += len + 1;
        }
        assert_in_range(lines, 5, 60);
        free(help);
    }
}

static void the_overview_has_every_command_and_all_options_of_run(void **state)
{
    (void)state;
    char *help = help_text(COMMAND_HELP);
    for (size_t i = 0; i < command_row_count; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "\n  %-10s ", command_rows[i].name);
        assert_non_null(strstr(help, line));
    }
    for (size_t i = 0; i < option_row_count; i++) {
        char option[32];
        (void)snprintf(option, sizeof option, "--%s ", option_rows[i].name);
        bool has = (option_rows[i].commands & 1U << COMMAND_RUN) != 0;
        assert_int_equal(strstr(help, option) != NULL, has);
    }
    free(help);
}

static void a_command_has_its_own_options_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_row_count; i++) {
        char *help = help_text(command_rows[i].command);
        char head[64];
        (void)snprintf(head, sizeof head, "hotrun %s: ", command_rows[i].name);
        assert_int_equal(strncmp(help, head, strlen(head)), 0);
        for (size_t j = 0; j < option_row_count; j++) {
            char option[32];
            (void)snprintf(option, sizeof option, "--%s ", option_rows[j].name);
            bool has = (option_rows[j].commands & 1U << command_rows[i].command) != 0;
            assert_int_equal(strstr(help, option) != NULL, has);
        }
        free(help);
    }
}

static void every_option_has_its_key(void **state)
{
    (void)state;
    struct config config;
    struct error err;
    assert_true(config_init(&config, &err));
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        static const char *const none[] = {"config",   "json",  "force", "keep-state", "layout",
                                           "template", "build", "help",  "version"};
        bool free_standing = false;
        for (size_t j = 0; j < sizeof none / sizeof none[0]; j++) {
            free_standing = free_standing || strcmp(row->name, none[j]) == 0;
        }
        assert_int_equal(row->key == NULL, free_standing);
        assert_true(row->set == NULL || row->value == NULL);
        if (row->key != NULL) {
            const char *value = row->set != NULL                      ? row->set
                                : strcmp(row->name, "rate") == 0      ? "max"
                                : strcmp(row->name, "log-level") == 0 ? "warn"
                                                                      : "x";
            assert_true(config_set(&config, row->key, value, row->name, &err));
        }
    }
    config_finish(&config);
}

static void the_man_page_has_every_command_and_option(void **state)
{
    (void)state;
    struct text page = {0};
    struct error err;
    assert_true(file_read(SOURCE_DIR "/docs/hotrun.1", 1U << 20, &page, &err));
    for (size_t i = 0; i < command_row_count; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "\n.TP\n.B %s\n", command_rows[i].name);
        assert_non_null(strstr(page.data, line));
    }
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        struct text option = {0};
        struct text line = {0};
        for (const char *c = row->name; *c != '\0'; c++) {
            text_printf(&option, *c == '-' ? "\\-" : "%c", *c);
        }
        text_puts(&line, "\n.TP\n");
        if (row->letter != 0) {
            text_printf(&line, ".BR \\-%c \", \" ", row->letter);
        } else {
            text_puts(&line, row->value != NULL ? ".BR " : ".B ");
        }
        text_printf(&line, "\\-\\-%s", text_string(&option));
        if (row->value != NULL) {
            text_printf(&line, " \" \\fI%s\\fR\"", row->value);
        }
        text_puts(&line, "\n");
        if (strstr(page.data, text_string(&line)) == NULL) {
            fail_msg("docs/hotrun.1 lacks%s", text_string(&line));
        }
        text_finish(&option);
        text_finish(&line);
    }
    text_finish(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_help_fits_a_terminal),
        cmocka_unit_test(the_overview_has_every_command_and_all_options_of_run),
        cmocka_unit_test(a_command_has_its_own_options_and_no_other),
        cmocka_unit_test(every_option_has_its_key),
        cmocka_unit_test(the_man_page_has_every_command_and_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
