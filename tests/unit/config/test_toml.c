#include "config/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JSON_TABLE "m.c"

/* "key kind line:column value" of each value, one a line. */
static char seen[65536];
static char json[65536];

static bool remember(void *ctx, const struct toml_value *value)
{
    static const char *const kinds[] = {
        [TOML_STRING] = "string",   [TOML_INTEGER] = "integer", [TOML_FLOAT] = "float",
        [TOML_BOOLEAN] = "boolean", [TOML_ARRAY] = "array",     [TOML_TABLE] = "table",
        [TOML_DATE] = "date"};
    size_t used = strlen(seen);
    char text[512] = "";
    (void)ctx;
    if (value->kind == TOML_STRING) {
        (void)snprintf(text, sizeof text, " %s", value->string);
    } else if (value->kind == TOML_INTEGER) {
        (void)snprintf(text, sizeof text, " %lld", (long long)value->integer);
        assert_true(value->real == (double)value->integer);
    } else if (value->kind == TOML_FLOAT) {
        (void)snprintf(text, sizeof text, " %g", value->real);
    } else if (value->kind == TOML_BOOLEAN) {
        (void)snprintf(text, sizeof text, " %d", value->boolean);
    } else if (value->kind == TOML_ARRAY) {
        (void)snprintf(text, sizeof text, " %ld", value->count);
        for (long i = 0; i < value->count; i++) {
            size_t at = strlen(text);
            (void)snprintf(text + at, sizeof text - at, " %s", value->strings[i]);
        }
    } else if (value->kind == TOML_TABLE && value->string != NULL) {
        (void)snprintf(json, sizeof json, "%s", value->string);
    }
    (void)snprintf(seen + used, sizeof seen - used, "%s %s %u:%u%s\n", value->key,
                   kinds[value->kind], value->line, value->column, text);
    return strcmp(value->key, "skipped") != 0;
}

static bool parse(const char *text, size_t len, struct toml_problem *problem)
{
    seen[0] = json[0] = '\0';
    *problem = (struct toml_problem){0};
    return toml_read(text, len, JSON_TABLE, remember, NULL, problem);
}

static void gives(const char *text, const char *expected)
{
    struct toml_problem problem;
    if (!parse(text, strlen(text), &problem)) {
        fail_msg("%u:%u: %s", problem.line, problem.column, problem.text);
    }
    assert_string_equal(seen, expected);
}

static void gives_json(const char *text, const char *expected)
{
    char whole[4096];
    struct toml_problem problem;
    (void)snprintf(whole, sizeof whole, "[m.c]\n%s", text);
    if (!parse(whole, strlen(whole), &problem)) {
        fail_msg("%u:%u: %s", problem.line, problem.column, problem.text);
    }
    assert_string_equal(json, expected);
}

static void refused(const char *text, size_t len, unsigned line, unsigned column, const char *says)
{
    struct toml_problem problem;
    assert_false(parse(text, len, &problem));
    if (problem.line != line || problem.column != column || strstr(problem.text, says) == NULL) {
        fail_msg("expected %u:%u: %s, found %u:%u: %s", line, column, says, problem.line,
                 problem.column, problem.text);
    }
}

static void every_kind_of_value_comes_with_its_place(void **state)
{
    (void)state;
    gives("a = \"x\"\nb = -3\n  c = 1.5\nd = true\ne = 2020-01-02\nf = [\"p\", \"q\"]\ng = [1]\n"
          "h = []\n[t]\nk = 1\n",
          "a string 1:1 x\nb integer 2:1 -3\nc float 3:3 1.5\nd boolean 4:1 1\ne date 5:1\n"
          "f array 6:1 2 p q\ng array 7:1 -1\nh array 8:1 0\nt table 9:2\nt.k integer 10:1 1\n");
}

static void a_column_counts_characters_not_bytes(void **state)
{
    (void)state;
    gives("t = { \"\xc3\xa4\xc3\xb6\" = 1, b = 2 }\n",
          "t table 1:1\nt.b integer 1:17 2\nt.\"\xc3\xa4\xc3\xb6\" integer 1:7 1\n");
}

static void what_a_table_holds_can_be_left_out(void **state)
{
    (void)state;
    gives("[skipped]\na = 1\n[taken]\nb = 2\n",
          "skipped table 1:2\ntaken table 3:2\ntaken.b integer 4:1 2\n");
}

static void a_quoted_key_is_not_taken_for_a_path(void **state)
{
    (void)state;
    gives("\"a.b\" = 1\na.b = 2\n\"\" = 3\n\"c\\u0000\" = 4\n\"d\" = 5\n",
          "\"\" integer 3:1 3\na table 2:1\na.b integer 2:3 2\n\"a.b\" integer 1:1 1\n"
          "\"c\\u0000\" integer 4:1 4\nd integer 5:1 5\n");
}

static void an_empty_text_has_no_values(void **state)
{
    (void)state;
    gives("", "");
    gives("# only a comment", "");
    gives("\xef\xbb\xbf"
          "a = 1",
          "a integer 1:1 1\n"); /* a byte order mark */
    gives("a = 1\r\nb = 2\r\n", "a integer 1:1 1\nb integer 2:1 2\n");
}

static void what_is_no_toml_is_refused_at_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line, column;
        const char *says;
    } rows[] = {
        {"a = ", 1, 5, "end-of-file"},
        {"a = 1\nb = \n", 2, 5, "expected value"},
        {"[t\n", 1, 3, "]"},
        {"a = 1\na = 2\n", 2, 5, "redefine"},
        {"[t]\n[t]\n", 2, 1, "redefine"},
        {"a = \"x", 1, 7, "end-of-file"},
        {"a = 99999999999999999999\n", 1, 25, "99999999999999999999"},
        {"a = 1 b = 2\n", 1, 7, ""},
        {"a = \"\xff\"\n", 1, 5, "utf-8"},
        {"a = \"\\q\"\n", 1, 7, "escape"},
        {"[\n", 1, 1, "expected a key or a value"}, /* toml++ has no words for these two */
        {"\n\n[ ?]\n", 3, 3, "expected a key or a value"},
        {"\xc3\xa4 = 1\n", 1, 1, "in quotes and comments only"},
        {"a = \"\xc3\xa4\" \xef\xb3\xbf\n", 1, 9, "in quotes and comments only"},
        {"b = 202'''\xef\xbb\xa9[1}]\n", 1, 8, ""}, /* no quote, where toml++ sees a number */
        {"a = \"x\\u0000y\"\n", 1, 5, "without \\u0000"},
        {"a = [\"x\", \"\\u0000\"]\n", 1, 11, "without \\u0000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refused(rows[i].text, strlen(rows[i].text), rows[i].line, rows[i].column, rows[i].says);
    }
    refused("a = 1\n\0b = 2\n", 13, 2, 1, "");
}

/* Values nest at most 64 deep and keys have at most 16 parts, whatever the stack would hold. */
static void depth_has_a_limit(void **state)
{
    (void)state;
    size_t deep = 300000;
    char *text = malloc(2 * deep + 64);
    assert_non_null(text);
    for (int form = 0; form < 3; form++) {
        static const char *const starts[] = {"x = 1\n a", "[a", "x = { y = 1, a"};
        static const unsigned columns[] = {33, 33, 45};
        size_t at = (size_t)sprintf(text, "%s", starts[form]);
        for (size_t i = 0; i < deep; i++) {
            text[at++] = '.';
            text[at++] = 'a';
        }
        refused(text, at, form == 0 ? 2 : 1, columns[form], "16 parts");
    }
    memcpy(text, "x = ", 4);
    memset(text + 4, '[', deep);
    refused(text, deep + 4, 1, 69, "depth");
    free(text);
    struct toml_problem problem;
    static const char allowed[] = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p = 1\n";
    assert_true(parse(allowed, strlen(allowed), &problem));
}

static void dots_in_strings_comments_and_numbers_are_no_parts(void **state)
{
    (void)state;
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "# ....................\na = \"....................\"\n"
                   "b = '....................'\nc = \"\"\"\n........\\\"\"........\n....\"\"\"\n"
                   "d = '''.........''..........'''\nf = [1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, "
                   "1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5]\n");
    struct toml_problem problem;
    if (!parse(text, strlen(text), &problem)) {
        fail_msg("%u:%u: %s", problem.line, problem.column, problem.text);
    }
    assert_non_null(strstr(seen, "f array"));
}

static void the_json_table_comes_whole_and_once(void **state)
{
    (void)state;
    gives("[m.c]\nb = 1\na = 2\n[m.c.d]\ne = 3\n[m]\nz = 1\n",
          "m table 1:2\nm.c table 1:4\nm.z integer 7:1 1\n");
    assert_string_equal(json, "{\"a\":2,\"b\":1,\"d\":{\"e\":3}}");
    gives("[m]\nc = { a = [1, [2, {}], []] }\n", "m table 1:2\nm.c table 2:1\n");
    assert_string_equal(json, "{\"a\":[1,[2,{}],[]]}");
    gives("m.c.x = 1\nm.c.y.z = 2\n", "m table 1:1\nm.c table 1:3\n");
    assert_string_equal(json, "{\"x\":1,\"y\":{\"z\":2}}");
    gives("[m.c]\n", "m table 1:2\nm.c table 1:4\n");
    assert_string_equal(json, "{}");
}

static void only_a_table_comes_as_json(void **state)
{
    (void)state;
    gives("m.c = 5\n", "m table 1:1\nm.c integer 1:3 5\n");
    gives("[[m.c]]\na = 1\n", "m table 1:3\nm.c array 1:5 -1\n");
    assert_string_equal(json, "");
}

static void integers_are_exact(void **state)
{
    (void)state;
    gives_json("a = 9007199254740993\nb = 9223372036854775807\nc = -9223372036854775808\n"
               "d = 0xff\ne = 1_000\nf = 0b101\n",
               "{\"a\":9007199254740993,\"b\":9223372036854775807,\"c\":-9223372036854775808,"
               "\"d\":255,\"e\":1000,\"f\":5}");
}

static void reals_read_back_and_stay_reals(void **state)
{
    (void)state;
    gives_json("a = 0.1\nb = 5.0\nc = -0.0\nd = 1e300\ne = 0.30000000000000004\nf = 5e-324\n",
               "{\"a\":0.1,\"b\":5.0,\"c\":-0.0,\"d\":1e+300,\"e\":0.30000000000000004,"
               "\"f\":4.94065645841247e-324}");
    gives_json("a = inf\nb = -inf\nc = nan\nd = true\n",
               "{\"a\":\"Infinity\",\"b\":\"-Infinity\",\"c\":\"NaN\",\"d\":true}");
}

static void dates_and_times_are_strings_as_toml_spells_them(void **state)
{
    (void)state;
    gives_json("a = 1979-05-27\nb = 07:32:00\nc = 1979-05-27T07:32:00\nd = 1979-05-27T07:32:00Z\n"
               "e = 1979-05-27T00:32:00.5-07:30\nf = 1979-05-27 00:32:00+00:15\n",
               "{\"a\":\"1979-05-27\",\"b\":\"07:32:00\",\"c\":\"1979-05-27T07:32:00\","
               "\"d\":\"1979-05-27T07:32:00Z\",\"e\":\"1979-05-27T00:32:00.500000000-07:30\","
               "\"f\":\"1979-05-27T00:32:00+00:15\"}");
}

static void text_keeps_each_character(void **state)
{
    (void)state;
    gives_json("a = \"\\u0000\\u0001\\n\\t\\\"\\\\/\\u00e4\\U0001F600\"\nb = '''\nx\n\\'''\n"
               "\"k\\\"\\n\" = 1\n",
               "{\"a\":\"\\u0000\\u0001\\u000a\\u0009\\\"\\\\/\xc3\xa4\xf0\x9f\x98\x80\","
               "\"b\":\"x\\u000a\\\\\",\"k\\\"\\u000a\":1}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_comes_with_its_place),
        cmocka_unit_test(a_column_counts_characters_not_bytes),
        cmocka_unit_test(what_a_table_holds_can_be_left_out),
        cmocka_unit_test(a_quoted_key_is_not_taken_for_a_path),
        cmocka_unit_test(an_empty_text_has_no_values),
        cmocka_unit_test(what_is_no_toml_is_refused_at_its_place),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(dots_in_strings_comments_and_numbers_are_no_parts),
        cmocka_unit_test(the_json_table_comes_whole_and_once),
        cmocka_unit_test(only_a_table_comes_as_json),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(reals_read_back_and_stay_reals),
        cmocka_unit_test(dates_and_times_are_strings_as_toml_spells_them),
        cmocka_unit_test(text_keeps_each_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
