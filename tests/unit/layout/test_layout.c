#include "layout/layout.h"

#include "drafts.h"

#include "base/text.h"

#define SPAN 4096

/* struct game { int hp; struct node *first; char name[8]; }, struct node { struct node *next; } */
static uint32_t add_game(struct draft *draft)
{
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
    return game;
}

static struct layout *open_draft(struct draft *draft, uint32_t state)
{
    struct error err = {0};
    struct layout *layout = draft_open(draft, state, SPAN, &err);
    assert_string_equal(err.text, "");
    assert_non_null(layout);
    return layout;
}

static void what_was_added_is_read_again(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    struct layout *layout = open_draft(draft, add_game(draft));
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

static void a_block_opens_again_wherever_it_lies(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    struct layout *layout = open_draft(draft, add_game(draft));
    size_t len = (size_t)layout->head->len;
    unsigned char *bytes = malloc(len + 1);
    struct error err = {0};
    assert_non_null(bytes);
    memcpy(bytes + 1, layout_block(layout), len); /* at an odd address */
    struct layout *again = layout_open(bytes + 1, len, &err);
    free(bytes);
    assert_non_null(again);
    assert_memory_equal(layout_block(again), layout_block(layout), len);
    assert_ptr_equal(layout_keep(again), again);
    struct layout *kept = again;
    layout_drop(&again);
    assert_string_equal(layout_string(kept, layout_state(kept)->name), "game");
    layout_drop(&kept);
    layout_drop(&layout);
    layout_drop(&layout); /* nothing */
}

static void a_module_without_state_has_one_of_no_bytes(void **state)
{
    (void)state;
    struct layout *layout = open_draft(draft_create(), LAYOUT_NONE);
    assert_int_equal(layout_state(layout)->kind, LAYOUT_BYTES);
    assert_int_equal(layout_state(layout)->size, 0);
    assert_int_equal(layout->head->state_types, 1);
    layout_drop(&layout);
}

/* ---- symbols ---- */

static void add_symbol(struct draft *draft, const char *name, const char *file, uint64_t address,
                       uint64_t size)
{
    struct layout_symbol symbol = {.name = draft_string(draft, name),
                                   .file = draft_string(draft, file),
                                   .address = address,
                                   .size = size,
                                   .function = 1};
    draft_symbol(draft, &symbol);
}

static const char *symbol_at(const struct layout *layout, uint64_t address)
{
    const struct layout_symbol *symbol = layout_symbol_at(layout, address);
    return symbol == NULL ? "" : layout_string(layout, symbol->name);
}

static void an_address_means_the_smallest_symbol_around_it(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    char name[16];
    add_symbol(draft, "after", NULL, 1000, 50);
    add_symbol(draft, "whole", NULL, 100, 400);
    for (unsigned i = 0; i < 40; i++) { /* labels, of which an assembler tells no size */
        (void)snprintf(name, sizeof name, "label%u", i);
        add_symbol(draft, name, NULL, 110 + i, 0);
    }
    add_symbol(draft, "part", NULL, 300, 20);
    add_symbol(draft, "table", NULL, 600, 40);
    add_symbol(draft, "edge", NULL, 640, 0);
    add_symbol(draft, "beyond", NULL, SPAN + 1, 8);
    struct layout *layout = open_draft(draft, LAYOUT_NONE);
    static const struct {
        uint64_t address;
        const char *name;
    } rows[] = {{0, ""},         {99, ""},        {100, "whole"}, {112, "whole"}, {200, "whole"},
                {300, "part"},   {319, "part"},   {320, "whole"}, {499, "whole"}, {500, "whole"},
                {501, ""},       {600, "table"},  {639, "table"}, {640, "edge"},  {641, ""},
                {1049, "after"}, {1050, "after"}, {1051, ""},     {SPAN + 1, ""}, {UINT64_MAX, ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(symbol_at(layout, rows[i].address), rows[i].name);
    }
    assert_null(layout_symbol_named(layout, "beyond", NULL));
    layout_drop(&layout);
}

static void neighbours_are_found_as_such(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    char name[16];
    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "f%u", i);
        add_symbol(draft, name, NULL, i * 16, 16);
    }
    struct layout *layout = open_draft(draft, LAYOUT_NONE);
    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "f%u", i);
        assert_string_equal(symbol_at(layout, i * 16), name);
        assert_string_equal(symbol_at(layout, i * 16 + 15), name);
    }
    assert_string_equal(symbol_at(layout, 200 * 16), "f199"); /* the end of an array */
    layout_drop(&layout);
}

static void a_local_symbol_is_found_by_its_file(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    add_symbol(draft, "update", "b.c", 40, 4);
    add_symbol(draft, "update", "a.c", 20, 4);
    add_symbol(draft, "draw", NULL, 60, 4);
    add_symbol(draft, "draw", "a.c", 80, 4);
    add_symbol(draft, "moved", "new.c", 100, 4);
    add_symbol(draft, "twice", "a.c", 120, 4);
    add_symbol(draft, "twice", "a.c", 140, 4);
    struct layout *layout = open_draft(draft, LAYOUT_NONE);
    static const struct {
        const char *name, *file;
        uint64_t address; /* 0: none */
    } rows[] = {{"update", "a.c", 20}, {"update", "b.c", 40},   {"update", "c.c", 0},
                {"update", NULL, 0},   {"draw", "a.c", 80},     {"draw", "b.c", 60},
                {"draw", NULL, 60},    {"moved", "old.c", 100}, {"twice", "a.c", 0},
                {"nobody", NULL, 0},   {"", NULL, 0},           {"zzz", "a.c", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct layout_symbol *found = layout_symbol_named(layout, rows[i].name, rows[i].file);
        assert_int_equal(found == NULL ? 0 : found->address, rows[i].address);
    }
    layout_drop(&layout);
}

/* ---- variables and marks ---- */

static void add_variable(struct draft *draft, const char *file, const char *function,
                         const char *name, uint32_t type, uint64_t address, uint32_t flags)
{
    struct layout_variable variable = {.file = draft_string(draft, file),
                                       .function = draft_string(draft, function),
                                       .name = draft_string(draft, name),
                                       .type = type,
                                       .flags = flags,
                                       .reason = draft_string(draft, ""),
                                       .address = address};
    draft_variable(draft, &variable);
}

static const char *variable_at(const struct layout *layout, uint64_t address)
{
    const struct layout_variable *variable = layout_variable_at(layout, address);
    return variable == NULL ? "" : layout_string(layout, variable->name);
}

static void variables_are_found_by_address_and_by_identity(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    uint32_t number = draft_scalar(draft, LAYOUT_INT, "int", 4);
    uint32_t big = draft_array(draft, number, 25);
    uint32_t none = draft_array(draft, number, 0);
    add_variable(draft, "b.c", "", "speed", number, 300, LAYOUT_CARRIED);
    add_variable(draft, "a.c", "", "speed", number, 200, LAYOUT_CARRIED);
    add_variable(draft, "a.c", "step", "count", number, 220, LAYOUT_CARRIED);
    add_variable(draft, "a.c", "", "grid", big, 100, LAYOUT_CARRIED | LAYOUT_GLOBAL);
    add_variable(draft, "a.c", "", "empty", none, 222, LAYOUT_CARRIED);
    add_variable(draft, "a.c", "", "thread", number, 110, 0);
    struct layout *layout = open_draft(draft, LAYOUT_NONE);
    assert_string_equal(variable_at(layout, 99), "");
    assert_string_equal(variable_at(layout, 100), "grid");
    assert_string_equal(variable_at(layout, 112), "grid");
    assert_string_equal(variable_at(layout, 199), "grid");
    assert_string_equal(variable_at(layout, 203), "speed");
    assert_string_equal(variable_at(layout, 204), "");
    assert_string_equal(variable_at(layout, 223), "count");
    assert_string_equal(variable_at(layout, UINT64_MAX), "");
    assert_int_equal(layout_variable_named(layout, "a.c", "", "speed", false)->address, 200);
    assert_int_equal(layout_variable_named(layout, "b.c", "", "speed", false)->address, 300);
    assert_int_equal(layout_variable_named(layout, "a.c", "step", "count", false)->address, 220);
    assert_int_equal(layout_variable_named(layout, "other.c", "", "grid", true)->address, 100);
    assert_int_equal(layout_variable_named(layout, "a.c", "", "thread", false)->flags, 0);
    assert_null(layout_variable_named(layout, "a.c", "", "grid", false));
    assert_null(layout_variable_named(layout, "c.c", "", "speed", false));
    assert_null(layout_variable_named(layout, "a.c", "", "count", false));
    assert_null(layout_variable_named(layout, "", "", "zzz", true));
    layout_drop(&layout);
}

static void a_mark_names_its_type(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    uint32_t node = draft_scalar(draft, LAYOUT_BYTES, "node", 16);
    uint32_t leaf = draft_scalar(draft, LAYOUT_BYTES, "leaf", 8);
    draft_mark(draft, 64, leaf);
    draft_mark(draft, 32, node);
    struct layout *layout = open_draft(draft, LAYOUT_NONE);
    uint32_t of_node = layout_mark_at(layout, 32), of_leaf = layout_mark_at(layout, 64);
    assert_string_equal(layout_string(layout, layout->types[of_node].name), "node");
    assert_string_equal(layout_string(layout, layout->types[of_leaf].name), "leaf");
    assert_int_equal(layout_mark_at(layout, 33), LAYOUT_NONE);
    assert_int_equal(layout_mark_at(layout, 128), LAYOUT_NONE);
    layout_drop(&layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_read_again),
        cmocka_unit_test(a_block_opens_again_wherever_it_lies),
        cmocka_unit_test(a_module_without_state_has_one_of_no_bytes),
        cmocka_unit_test(an_address_means_the_smallest_symbol_around_it),
        cmocka_unit_test(neighbours_are_found_as_such),
        cmocka_unit_test(a_local_symbol_is_found_by_its_file),
        cmocka_unit_test(variables_are_found_by_address_and_by_identity),
        cmocka_unit_test(a_mark_names_its_type)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
