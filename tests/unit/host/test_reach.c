#include "host/reach.h"

#include "../layout/drafts.h"

static struct draft *draft;

static int setup(void **state)
{
    (void)state;
    draft = draft_create();
    return draft == NULL;
}

static uint32_t structure(const char *name, uint32_t type)
{
    struct layout_field field = draft_field(draft, "field", type, 0);
    uint32_t number = draft_reserve(draft);
    draft_compound(draft, number, LAYOUT_STRUCT, name, draft_type(draft, type)->size, &field, 1);
    return number;
}

static enum reach reach(uint32_t state)
{
    struct error err = {0};
    struct layout *layout = draft_open(draft, state, 1 << 20, &err);
    assert_string_equal(err.text, "");
    assert_non_null(layout);
    enum reach reach = reach_of(layout, layout->head->state_types);
    layout_drop(&layout);
    return reach;
}

static uint32_t integer(void)
{
    return draft_scalar(draft, LAYOUT_INT, "int", 4);
}

static uint32_t function(void)
{
    return draft_scalar(draft, LAYOUT_FUNCTION, "", 0);
}

static void numbers_reach_nowhere(void **state)
{
    (void)state;
    assert_int_equal(reach(structure("game", draft_array(draft, integer(), 9))), REACH_KNOWN);
}

static void pointers_to_functions_and_numbers_are_known(void **state)
{
    (void)state;
    uint32_t hook = draft_pointer(draft, function());
    assert_int_equal(reach(structure("game", hook)), REACH_KNOWN);
    assert_int_equal(setup(state), 0);
    uint32_t text = draft_pointer(draft, draft_scalar(draft, LAYOUT_CHAR, "char", 1));
    assert_int_equal(reach(structure("game", draft_array(draft, text, 3))), REACH_KNOWN);
    assert_int_equal(setup(state), 0);
    assert_int_equal(reach(structure("game", draft_pointer(draft, structure("point", integer())))),
                     REACH_KNOWN);
}

static void memory_that_holds_pointers_may_reach_anywhere(void **state)
{
    (void)state;
    uint32_t hooks = structure("hooks", draft_pointer(draft, function()));
    uint32_t more = structure("more", draft_array(draft, hooks, 2));
    assert_int_equal(reach(structure("game", draft_pointer(draft, more))), REACH_FAR);
    assert_int_equal(setup(state), 0);
    uint32_t unknown = draft_scalar(draft, LAYOUT_UNKNOWN, "", 0);
    assert_int_equal(reach(structure("game", draft_pointer(draft, unknown))), REACH_FAR);
}

static void a_list_ends_somewhere(void **state)
{
    (void)state;
    uint32_t node = draft_reserve(draft);
    struct layout_field next = draft_field(draft, "next", draft_pointer(draft, node), 0);
    draft_compound(draft, node, LAYOUT_STRUCT, "node", 8, &next, 1);
    assert_int_equal(reach(node), REACH_FAR);
}

static void opaque_bytes_may_be_pointers(void **state)
{
    (void)state;
    assert_int_equal(reach(structure("game", draft_scalar(draft, LAYOUT_BYTES, "box", 8))),
                     REACH_OPAQUE);
    assert_int_equal(setup(state), 0);
    assert_int_equal(reach(structure("game", draft_scalar(draft, LAYOUT_BYTES, "flags", 4))),
                     REACH_KNOWN);
}

static struct layout *opened(uint32_t state)
{
    struct error err = {0};
    struct layout *layout = draft_open(draft, state, 1 << 20, &err);
    assert_string_equal(err.text, "");
    return layout;
}

static void packed_structs_have_pointers_anywhere(void **state)
{
    (void)state;
    for (uint64_t offset = 0; offset < 9; offset++) {
        assert_int_equal(setup(state), 0);
        uint32_t tight = draft_reserve(draft);
        struct layout_field field =
            draft_field(draft, "field", draft_pointer(draft, integer()), offset);
        draft_compound(draft, tight, LAYOUT_STRUCT, "tight", offset + 8, &field, 1);
        struct layout *layout = opened(structure("game", draft_array(draft, tight, 2)));
        assert_int_equal(reach_is_aligned(layout), offset % 8 == 0);
        layout_drop(&layout);
    }
}

static void numbers_need_no_place_of_their_own(void **state)
{
    (void)state;
    struct layout *layout = opened(structure("game", draft_array(draft, integer(), 3)));
    assert_true(reach_is_aligned(layout));
    layout_drop(&layout);
}

static void an_array_at_the_end_is_seen_through_structs(void **state)
{
    (void)state;
    struct layout *layout =
        opened(structure("game", structure("inner", draft_array(draft, integer(), 3))));
    assert_true(reach_ends_in_array(layout, 0));
    layout_drop(&layout);
    assert_int_equal(setup(state), 0);
    layout = opened(structure("game", structure("inner", integer())));
    assert_false(reach_ends_in_array(layout, 0));
    layout_drop(&layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(numbers_reach_nowhere, setup),
        cmocka_unit_test_setup(pointers_to_functions_and_numbers_are_known, setup),
        cmocka_unit_test_setup(memory_that_holds_pointers_may_reach_anywhere, setup),
        cmocka_unit_test_setup(a_list_ends_somewhere, setup),
        cmocka_unit_test_setup(opaque_bytes_may_be_pointers, setup),
        cmocka_unit_test(packed_structs_have_pointers_anywhere),
        cmocka_unit_test_setup(numbers_need_no_place_of_their_own, setup),
        cmocka_unit_test_setup(an_array_at_the_end_is_seen_through_structs, setup),
    };
    return cmocka_run_group_tests_name("host: reach", tests, NULL, NULL);
}
