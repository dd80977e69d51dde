#define _GNU_SOURCE /* nftw */
#include "cli/offer.h"

#include "project/template.h"
#include "trial.h"

static const struct row {
    const char *usage;
    enum offer_kind kind;
    const char *words;
} rows[] = {
    {"", OFFER_NONE, ""},
    {"[OPTIONS]", OFFER_NONE, ""},
    {"FILE", OFFER_FILES, ""},
    {"[OPTIONS] [FILE]", OFFER_FILES, ""},
    {"[OPTIONS] [LIB] [-- ARGS...]", OFFER_FILES, ""},
    {"[-- FILE]", OFFER_NONE, ""}, /* the module's */
    {"DIR", OFFER_FOLDERS, ""},
    {"CMD", OFFER_PROGRAMS, ""},
    {"LEVEL", OFFER_NONE, " trace debug info warn error"},
    {"[OPTIONS] HZ|max|once", OFFER_NONE, " max once"},
    {"[OPTIONS] get|set|remove ...", OFFER_NONE, " get set remove"},
    {"A B", OFFER_FILES, " now"},
    {"POINTER JSON [POINTER JSON...]", OFFER_NONE, ""},
    {"[FILES]", OFFER_NONE, ""}, /* only a part of it is known */
    {"[", OFFER_NONE, ""},
};

static void a_usage_says_what_can_stand_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct offer offer = offer_of(rows[i].usage);
        assert_int_equal(offer.kind, rows[i].kind);
        assert_string_equal(text_string(&offer.words), rows[i].words);
        offer_finish(&offer);
    }
}

static void templates_and_what_builds_them_are_offered(void **state)
{
    (void)state;
    struct offer kinds = offer_of("KIND");
    struct offer tools = offer_of("TOOL");
    for (size_t i = 0; i < template_row_count; i++) {
        assert_non_null(strstr(text_string(&kinds.words), template_rows[i].name));
    }
    for (size_t i = 0; i < build_row_count; i++) {
        assert_non_null(strstr(text_string(&tools.words), build_rows[i].name));
    }
    offer_finish(&kinds);
    offer_finish(&tools);
}

/* They stand in scripts, in single quotes, which fish reads in its own way. */
static void no_row_has_what_a_shell_reads_in_its_own_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_row_count; i++) {
        assert_null(strpbrk(command_rows[i].help, "\\\n"));
        assert_null(strpbrk(command_rows[i].name, " '\"\\$*?|&;<>()[]{}~#`\n"));
    }
    for (size_t i = 0; i < sub_row_count; i++) {
        assert_null(strpbrk(sub_rows[i].help, "\\\n"));
        assert_null(strpbrk(sub_rows[i].name, " '\"\\$*?|&;<>()[]{}~#`\n"));
    }
    for (size_t i = 0; i < option_row_count; i++) {
        assert_null(strpbrk(option_rows[i].help, "\\\n"));
        assert_null(strpbrk(option_rows[i].name, " '\"\\$*?|&;<>()[]{}~#`\n"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_usage_says_what_can_stand_there),
        cmocka_unit_test(templates_and_what_builds_them_are_offered),
        cmocka_unit_test(no_row_has_what_a_shell_reads_in_its_own_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
