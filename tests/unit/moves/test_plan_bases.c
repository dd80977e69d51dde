#include "moves/plan.h"

#include "../layout/drafts.h"

/* A class in C++ lays its own fields over an empty base, and behind the last field of another one.
 */
struct classes {
    struct draft *draft;
    uint32_t i64, integer, pointer, empty, base;
};

static struct classes begin(void)
{
    struct classes classes = {.draft = draft_create()};
    struct draft *draft = classes.draft;
    assert_non_null(draft);
    classes.i64 = draft_scalar(draft, LAYOUT_INT, "long", 8);
    classes.integer = draft_scalar(draft, LAYOUT_INT, "int", 4);
    classes.pointer = draft_pointer(draft, classes.integer);
    classes.empty = draft_reserve(draft);
    draft_compound(draft, classes.empty, LAYOUT_STRUCT, "empty", 1, NULL, 0);
    struct layout_field fields[] = {draft_field(draft, "a", classes.i64, 0),
                                    draft_field(draft, "b", classes.integer, 8)};
    classes.base = draft_reserve(draft);
    draft_compound(draft, classes.base, LAYOUT_STRUCT, "base", 16, fields, 2);
    return classes;
}

static struct layout *end(struct classes *classes, uint64_t size, struct layout_field *fields,
                          uint32_t count, uint64_t span)
{
    struct error err = {0};
    uint32_t number = draft_reserve(classes->draft);
    fields[0].flags |= LAYOUT_BASE;
    draft_compound(classes->draft, number, LAYOUT_STRUCT, "game", size, fields, count);
    struct layout *layout = draft_open(classes->draft, number, span, &err);
    assert_string_equal(err.text, "");
    return layout;
}

static void move(struct layout *from, struct layout *to, void *old, void *fresh)
{
    struct error err = {0};
    struct findings findings = {0};
    struct image image = {.layout = from,
                          .state = old,
                          .state_size = layout_state(from)->size,
                          .state_address = 0x10000};
    struct target target = {.layout = to, .state = fresh};
    struct plan *plan = plan_create(from, to, &err);
    assert_non_null(plan);
    assert_true(plan_move(plan, &image, &target, &findings, &err));
    plan_destroy(plan);
    findings_finish(&findings);
    layout_drop(&from);
    layout_drop(&to);
}

static struct layout *with_empty(uint64_t span)
{
    struct classes classes = begin();
    struct layout_field fields[] = {draft_field(classes.draft, "empty", classes.empty, 0),
                                    draft_field(classes.draft, "p", classes.pointer, 0)};
    return end(&classes, 8, fields, 2, span);
}

static void an_empty_base_is_no_byte_of_the_first_field(void **state)
{
    (void)state;
    uint64_t old = 0x7f0011223344; /* of the process that died */
    uint64_t fresh = 0x5500556677d0;
    move(with_empty(100), with_empty(200), &old, &fresh);
    assert_int_equal(fresh, 0x5500556677d0);
}

static void what_lies_behind_a_base_is_not_its_own(void **state)
{
    (void)state;
    struct {
        int64_t a;
        int32_t b, c;
        int64_t d;
    } old = {1, 2, -1, 3}, fresh = {10, 20, 7, 30};
    struct classes before = begin();
    struct layout_field old_fields[] = {draft_field(before.draft, "base", before.base, 0),
                                        draft_field(before.draft, "d", before.i64, 16)};
    struct layout *from = end(&before, 24, old_fields, 2, 100);
    struct classes after = begin();
    struct layout_field fields[] = {draft_field(after.draft, "base", after.base, 0),
                                    draft_field(after.draft, "c", after.integer, 12),
                                    draft_field(after.draft, "d", after.i64, 16)};
    move(from, end(&after, 24, fields, 3, 200), &old, &fresh);
    assert_int_equal(fresh.a, 1);
    assert_int_equal(fresh.b, 2);
    assert_int_equal(fresh.c, 7); /* new: it has its default */
    assert_int_equal(fresh.d, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_base_is_no_byte_of_the_first_field),
        cmocka_unit_test(what_lies_behind_a_base_is_not_its_own),
    };
    return cmocka_run_group_tests_name("layout: bases", tests, NULL, NULL);
}
