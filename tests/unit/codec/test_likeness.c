#include "codec/likeness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../layout/sketch.h"

static const char enums[] = "enum side {LEFT=0,RIGHT=1};";

static void expect_words(const char *source, bool old_names, const char *expected)
{
    char whole[512];
    struct text words = {0};
    uint64_t budget = 1000;
    (void)snprintf(whole, sizeof whole, "%s %s", enums, source);
    struct layout *layout = sketch_layout(whole);
    assert_true(likeness_words(layout, 0, old_names, &budget, &words));
    for (size_t i = 0; i + 1 < words.len; i++) {
        words.data[i] = words.data[i] == '\0' ? ';' : words.data[i];
    }
    assert_string_equal(text_string(&words), expected);
    text_finish(&words);
    layout_drop(&layout);
}

static void a_member_is_told_by_name_and_kind(void **state)
{
    (void)state;
    expect_words("union u {int a; float b; enum side side;}", false,
                 "a int32;b float32;side unsigned enum32 {LEFT 0,RIGHT 1}");
}

static void what_is_used_up_is_not_told(void **state)
{
    (void)state;
    struct layout *layout = sketch_layout("enum side {LEFT=0,RIGHT=1}; union u {enum side a;}");
    for (uint64_t budget = 0; budget < 3; budget++) {
        struct text words = {0};
        uint64_t left = budget;
        assert_false(likeness_words(layout, 0, false, &left, &words));
        text_finish(&words);
    }
    layout_drop(&layout);
}

static void an_enum_may_have_grown(void **state)
{
    (void)state;
    static const struct {
        const char *word, *old;
        bool includes;
    } cases[] = {
        {"a int32", "a int32", true},
        {"a int32", "a int64", false},
        {"a int32", "a int32@4", false},
        {"a enum32 {A 0,B 1}", "a enum32 {A 0}", true},
        {"a enum32 {B 1,A 0}", "a enum32 {A 0,B 1}", true},
        {"a enum32 {A 0}", "a enum32 {A 0,B 1}", false},
        {"a enum32 {A 0,B 2}", "a enum32 {A 0,B 1}", false},
        {"a enum32 {A 10}", "a enum32 {A 1}", false},
        {"a enum32 {A 0}", "a enum32 {}", true},
        {"a enum64 {A 0,B 1}", "a enum32 {A 0}", false},
        {"a struct 12 {A 0} {C 3,B 0}", "a struct 12 {A 0} {B 0}", true},
        {"a struct 12 {A 0,B 0} {C 3}", "a struct 12 {A 0} {B 0}", false},
        {"a struct 12 {A 0} {B 0}", "a struct 12 {A 0}", false},
        {"a struct 12 {A 0}", "a struct 12 {A 0} {B 0}", false},
        {"a bytes8 f<{l}, int>", "a bytes8 f<{l}, long>", false},
        {"a enum32 {A 0", "a enum32 {A 0}", false},
        {"a enum32 {A 0", "a enum32 {A 0", true},
        {"a enum32 {", "a enum32 {A 0", false},
        {"", "a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (likeness_includes(cases[i].word, cases[i].old) != cases[i].includes) {
            fail_msg("'%s' and '%s'", cases[i].word, cases[i].old);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_told_by_name_and_kind),
        cmocka_unit_test(what_is_used_up_is_not_told),
        cmocka_unit_test(an_enum_may_have_grown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
