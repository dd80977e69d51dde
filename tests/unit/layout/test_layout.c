#include "layout/layout.h"

#include "drafts.h"

/* struct game { int hp; struct node *first; char name[8]; }, struct node { struct node *next; } */
static struct layout *small(void)
{
    struct draft *draft = draft_create();
    struct error err = {0};
    uint32_t game = draft_reserve(draft);
    uint32_t node = draft_reserve(draft);
    uint32_t number = draft_scalar(draft, LAYOUT_INT, "int", 4);
    uint32_t letters = draft_array(draft, draft_scalar(draft, LAYOUT_CHAR, "char", 1), 8);
    uint32_t to_node = draft_pointer(draft, node);
    struct layout_field of_game[] = {draft_field(draft, "hp", number, 0),
                                     draft_field(draft, "first", to_node, 8),
                                     draft_field(draft, "name", letters, 16)};
    struct layout_field of_node[] = {draft_field(draft, "next", to_node, 0)};
    draft_compound(draft, game, LAYOUT_STRUCT, "game", 24, of_game, 3);
    draft_compound(draft, node, LAYOUT_STRUCT, "node", 8, of_node, 1);
    struct layout *layout = draft_open(draft, game, 4096, &err);
    assert_string_equal(err.text, "");
    assert_non_null(layout);
    return layout;
}

static void what_was_added_is_read_again(void **state)
{
    (void)state;
    struct layout *layout = small();
    const struct layout_type *game = layout_state(layout);
    assert_string_equal(layout_string(layout, game->name), "game");
    assert_int_equal(game->kind, LAYOUT_STRUCT);
    assert_int_equal(game->count, 3);
    assert_int_equal(game->depth, 2);
    const struct layout_field *first = &layout->fields[game->first + 1];
    assert_string_equal(layout_string(layout, first->name), "first");
    assert_int_equal(first->offset, 8);
    const struct layout_type *pointer = &layout->types[first->type];
    assert_int_equal(pointer->kind, LAYOUT_POINTER);
    assert_string_equal(layout_string(layout, layout->types[pointer->target].name), "node");
    assert_int_equal(layout->head->state_types, layout->head->types);
    layout_drop(&layout);
    assert_null(layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_added_is_read_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
