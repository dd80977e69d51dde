#include "layout/draft.h"

#include "drafts.h"

#define SPAN 4096

static struct layout *open_draft(struct draft *draft, uint32_t state)
{
    struct error err = {0};
    struct layout *layout = draft_open(draft, state, SPAN, &err);
    assert_string_equal(err.text, "");
    assert_non_null(layout);
    return layout;
}

/* ---- which states are equal ---- */

/* What a state is made of, to be changed in one point. */
struct variety {
    const char *hp, *node, *red;
    uint64_t second; /* where a field lies */
    uint64_t green;
    uint32_t next; /* the kind of what nodes hold */
    uint32_t flags, mark;
    uint32_t bits;
    uint64_t elements;
    bool other_order, other_types;
};

static const struct variety plain = {.hp = "hp",
                                     .node = "node",
                                     .red = "RED",
                                     .second = 24,
                                     .green = 1,
                                     .next = LAYOUT_INT,
                                     .bits = 3,
                                     .elements = 4};

enum part {
    GAME,
    NODE,
    COLOUR,
    NUMBER,
    INNER,
    TO_NODE,
    LIST,
    PARTS
};

static void add_part(struct draft *draft, enum part part, const uint32_t *types,
                     const struct variety *variety)
{
    struct layout_type type = {.target = LAYOUT_NONE, .size = 4, .align = 4};
    struct layout_field fields[5];
    struct layout_enumerator colours[2] = {
        {.name = draft_string(draft, variety->red), .value = 0},
        {.name = draft_string(draft, "GREEN"), .value = variety->green}};
    switch (part) {
    case GAME:
        fields[0] = draft_field(draft, variety->hp, types[NUMBER], 0);
        fields[1] = draft_field(draft, "first", types[TO_NODE], 8);
        fields[2] = draft_field(draft, "colour", types[COLOUR], 16);
        fields[3] = draft_field(draft, "second", types[NUMBER], variety->second);
        fields[3].bits = variety->bits;
        fields[4] = draft_field(draft, "list", types[LIST], 32);
        fields[1].flags = variety->mark;
        draft_compound(draft, types[part], LAYOUT_STRUCT, "game", 64, fields, 5);
        return;
    case NODE:
        fields[0] = draft_field(draft, "next", types[TO_NODE], 0);
        fields[1] = draft_field(draft, "value", types[INNER], 8);
        draft_compound(draft, types[part], LAYOUT_STRUCT, variety->node, 16, fields, 2);
        return;
    case COLOUR:
        type.kind = LAYOUT_ENUM;
        type.name = draft_string(draft, "colour");
        type.count = 2;
        draft_fill(draft, types[part], &type, NULL, colours);
        return;
    case NUMBER:
    case INNER:
        type.kind = part == NUMBER ? (uint32_t)LAYOUT_INT : variety->next;
        type.name = draft_string(draft, "int");
        break;
    case TO_NODE:
        type = (struct layout_type){
            .kind = LAYOUT_POINTER, .target = types[NODE], .size = 8, .align = 8};
        break;
    default:
        type = (struct layout_type){.kind = LAYOUT_ARRAY,
                                    .target = types[NUMBER],
                                    .size = 4 * variety->elements,
                                    .elements = variety->elements,
                                    .align = 4,
                                    .flags = variety->flags};
    }
    draft_fill(draft, types[part], &type, NULL, NULL);
}

static uint64_t shape_of(const struct variety *variety)
{
    struct draft *draft = draft_create();
    uint32_t types[PARTS];
    if (variety->other_types) { /* that nothing leads to, or only a mark */
        (void)draft_scalar(draft, LAYOUT_INT, "unused", 4);
        draft_mark(draft, 16, draft_scalar(draft, LAYOUT_FLOAT, "double", 8));
        (void)draft_string(draft, "second");
    }
    for (unsigned i = 0; i < PARTS; i++) {
        types[variety->other_order ? PARTS - 1 - i : i] = draft_reserve(draft);
    }
    for (unsigned i = 0; i < PARTS; i++) {
        add_part(draft, (enum part)(variety->other_order ? i : PARTS - 1 - i), types, variety);
    }
    struct layout *layout = open_draft(draft, types[GAME]);
    uint64_t shape = layout->head->shape;
    layout_drop(&layout);
    return shape;
}

static void equal_states_have_equal_shapes_in_whatever_order_they_were_found(void **state)
{
    (void)state;
    struct variety variety = plain;
    uint64_t shape = shape_of(&plain);
    assert_int_equal(shape_of(&variety), shape);
    variety.other_order = true;
    assert_int_equal(shape_of(&variety), shape);
    variety.other_types = true;
    assert_int_equal(shape_of(&variety), shape);
}

static void what_differs_in_one_point_has_another_shape(void **state)
{
    (void)state;
    struct variety rows[12];
    uint64_t shapes[13];
    size_t count = sizeof rows / sizeof rows[0];
    for (size_t i = 0; i < count; i++) {
        rows[i] = plain;
    }
    rows[0].hp = "health";
    rows[1].node = "leaf";
    rows[2].red = "ROT";
    rows[3].second = 28;
    rows[4].green = 2;
    rows[5].next = LAYOUT_UINT;
    rows[6].flags = LAYOUT_EXACT;
    rows[7].mark = LAYOUT_TRANSIENT;
    rows[8].bits = 4;
    rows[9].elements = 5;
    rows[10].bits = 0;
    rows[11].next = LAYOUT_FLOAT;
    for (size_t i = 0; i < count; i++) {
        shapes[i] = shape_of(&rows[i]);
    }
    shapes[count] = shape_of(&plain);
    for (size_t i = 0; i <= count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(shapes[i], shapes[j]);
        }
    }
}

/* ---- limits ---- */

/* struct { struct { ... int } } so many times. */
static struct layout *nested(unsigned levels, bool by_parts, struct error *err)
{
    struct draft *draft = draft_create();
    uint32_t inner = draft_scalar(draft, LAYOUT_INT, "int", 4);
    uint32_t middle = inner;
    for (unsigned i = 0; i < levels; i++) {
        uint32_t outer = draft_reserve(draft);
        struct layout_field field = draft_field(draft, "in", inner, 0);
        draft_compound(draft, outer, LAYOUT_STRUCT, "shell", 8, &field, 1);
        inner = outer;
        middle = i == levels / 2 ? outer : middle;
    }
    uint32_t state = inner;
    if (by_parts) { /* the inner half is met before the whole */
        uint32_t pointer = draft_pointer(draft, inner);
        struct layout_field fields[] = {draft_field(draft, "half", middle, 0),
                                        draft_field(draft, "whole", pointer, 8)};
        state = draft_reserve(draft);
        draft_compound(draft, state, LAYOUT_STRUCT, "both", 16, fields, 2);
    }
    return draft_open(draft, state, SPAN, err);
}

static void what_lies_too_deep_is_refused_and_a_little_less_is_not(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct error err = {0};
        struct layout *layout = nested(LAYOUT_DEPTH_MOST, i == 1, &err);
        assert_non_null(layout);
        layout_drop(&layout);
        assert_null(nested(LAYOUT_DEPTH_MOST + 1, i == 1, &err));
        assert_int_equal(err.code, ERROR_LIMIT);
        assert_non_null(strstr(err.text, "shell"));
    }
    struct error err = {0};
    assert_null(nested(10000, false, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
}

static void what_lies_in_itself_is_refused(void **state)
{
    (void)state;
    struct error err = {0};
    struct draft *draft = draft_create();
    uint32_t first = draft_reserve(draft), second = draft_reserve(draft);
    struct layout_field to_second = draft_field(draft, "a", second, 0);
    struct layout_field to_first = draft_field(draft, "b", first, 0);
    draft_compound(draft, first, LAYOUT_STRUCT, "", 8, &to_second, 1);
    draft_compound(draft, second, LAYOUT_STRUCT, "two", 8, &to_first, 1);
    assert_null(draft_open(draft, first, SPAN, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_non_null(strstr(err.text, "(unnamed)"));
}

static void what_leads_to_too_much_is_refused(void **state)
{
    (void)state;
    struct error err = {0};
    struct draft *draft = draft_create();
    uint32_t inner = draft_scalar(draft, LAYOUT_CHAR, "char", 1);
    for (unsigned i = 0; i < 60; i++) { /* 2^60 ways to one byte */
        struct layout_field both[] = {draft_field(draft, "a", inner, 0),
                                      draft_field(draft, "b", inner, 0)};
        uint32_t outer = draft_reserve(draft);
        draft_compound(draft, outer, LAYOUT_UNION, "either", 1, both, 2);
        inner = outer;
    }
    assert_null(draft_open(draft, inner, SPAN, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
}

static void elements_without_bytes_are_none(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    uint32_t empty = draft_reserve(draft);
    draft_compound(draft, empty, LAYOUT_STRUCT, "empty", 0, NULL, 0);
    uint32_t many = draft_array(draft, draft_array(draft, empty, UINT64_C(1) << 40), 1U << 20);
    struct layout *layout = open_draft(draft, many);
    assert_int_equal(layout_state(layout)->elements, 0);
    assert_int_equal(layout->types[layout_state(layout)->target].elements, 0);
    layout_drop(&layout);
}

static void a_number_that_was_not_given_out_is_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct error err = {0};
        struct draft *draft = draft_create();
        uint32_t game = draft_reserve(draft);
        struct layout_field field = draft_field(draft, "x", i == 0 ? 77 : game, 0);
        struct layout_type pointer = {.kind = LAYOUT_POINTER, .target = 77, .size = 8, .align = 8};
        struct layout_variable variable = {.type = LAYOUT_NONE};
        if (i == 0) {
            draft_compound(draft, game, LAYOUT_STRUCT, "game", 8, &field, 1);
        } else if (i == 1) {
            draft_fill(draft, game, &pointer, NULL, NULL);
        } else if (i == 2) {
            draft_variable(draft, &variable);
        } else if (i == 3) {
            draft_mark(draft, 0, 77);
        }
        assert_null(draft_open(draft, i == 4 ? 77 : game, SPAN, &err));
        assert_string_not_equal(err.text, "");
    }
}

static void a_refused_draft_takes_back_what_it_appended(void **state)
{
    (void)state;
    struct error err = {0};
    struct text out = {0};
    struct draft *draft = draft_create();
    uint32_t game = draft_reserve(draft);
    struct layout_field field = draft_field(draft, "x", game, 0);
    draft_compound(draft, game, LAYOUT_STRUCT, "game", 8, &field, 1);
    assert_true(text_puts(&out, "before"));
    assert_false(draft_finish(draft, game, &(struct draft_library){.span = 8}, &out, &err));
    assert_string_equal(out.data, "before");
    draft_destroy(draft);

    draft = draft_create();
    out.limit = 100;
    assert_false(draft_finish(draft, LAYOUT_NONE, &(struct draft_library){.span = 8}, &out, &err));
    assert_string_equal(out.data, "before");
    draft_destroy(draft);
    text_finish(&out);
}

/* ---- variables ---- */

struct told { /* what is added, and what becomes of it */
    const char *file, *function, *name;
    uint64_t address, elements;
    uint32_t flags;
    int carried; /* -1: it is left out */
};

static void check_told(const struct told *told, size_t count)
{
    struct draft *draft = draft_create();
    uint32_t byte = draft_scalar(draft, LAYOUT_CHAR, "char", 1);
    uint64_t image = 0, behind = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct layout_variable variable = {.file = draft_string(draft, told[i].file),
                                           .function = draft_string(draft, told[i].function),
                                           .name = draft_string(draft, told[i].name),
                                           .type = draft_array(draft, byte, told[i].elements),
                                           .flags = told[i].flags,
                                           .address = told[i].address};
        draft_variable(draft, &variable);
        kept += told[i].carried >= 0;
    }
    struct layout *layout = open_draft(draft, LAYOUT_NONE);
    assert_int_equal(layout->head->variables, kept);
    for (size_t i = 0; i < kept; i++) {
        const struct layout_variable *variable = &layout->variables[i];
        bool carried = (variable->flags & LAYOUT_CARRIED) != 0;
        size_t row = 0;
        while (told[row].carried < 0 || told[row].address != variable->address ||
               strcmp(told[row].name, layout_string(layout, variable->name)) != 0) {
            row++;
            assert_true(row < count);
        }
        assert_int_equal(carried, told[row].carried);
        if (carried) {
            assert_true(variable->address >= behind);
            assert_int_equal(variable->image, image);
            behind = variable->address + told[row].elements;
            image += (told[row].elements + 15) / 16 * 16;
        } else {
            bool was = (told[row].flags & LAYOUT_CARRIED) != 0;
            assert_int_equal(was, layout_string(layout, variable->reason)[0] != '\0');
        }
    }
    assert_int_equal(layout->head->variables_size, image);
    layout_drop(&layout);
}

static void variables_that_share_a_place_or_a_name_are_not_guessed(void **state)
{
    (void)state;
    enum {
        ON = LAYOUT_CARRIED,
        GLOBAL = LAYOUT_CARRIED | LAYOUT_GLOBAL
    };
    static const struct told apart[] = {{"a.c", "", "x", 32, 17, ON, 1},
                                        {"b.c", "", "x", 16, 16, ON, 1},
                                        {"a.c", "f", "x", 64, 4, ON, 1},
                                        {"a.c", "", "y", 20, 4, 0, 0}};
    static const struct told twice[] = {{"a.c", "", "x", 16, 4, ON, 1},
                                        {"a.c", "", "x", 16, 4, 0, -1},
                                        {"a.c", "", "x", 16, 4, ON, -1},
                                        {"b.c", "", "shared", 32, 4, GLOBAL, 1},
                                        {"c.c", "", "shared", 32, 4, GLOBAL, -1}};
    static const struct told one_name[] = {{"a.c", "f", "n", 16, 4, ON, 0},
                                           {"a.c", "f", "n", 32, 4, ON, 0},
                                           {"a.c", "f", "n", 48, 4, ON, 0},
                                           {"a.c", "f", "m", 64, 4, ON, 1}};
    static const struct told one_place[] = {{"a.c", "", "first", 16, 16, ON, 1},
                                            {"a.c", "", "in", 20, 4, ON, 0},
                                            {"a.c", "", "next", 32, 4, ON, 1},
                                            {"a.c", "", "over", 34, 8, ON, 0},
                                            {"a.c", "", "last", 36, 8, ON, 1}};
    static const struct told outside[] = {{"a.c", "", "far", SPAN + 8, 4, ON, 0},
                                          {"a.c", "", "over", SPAN - 2, 4, ON, 0},
                                          {"a.c", "", "edge", SPAN - 4, 2, ON, 1},
                                          {"a.c", "", "thread", UINT64_MAX, 8, 0, 0}};
    check_told(apart, 4);
    check_told(twice, 5);
    check_told(one_name, 4);
    check_told(one_place, 5);
    check_told(outside, 4);
}

static void a_variable_without_a_size_is_not_carried(void **state)
{
    (void)state;
    struct draft *draft = draft_create();
    struct layout_type flexible = {.kind = LAYOUT_STRUCT,
                                   .target = LAYOUT_NONE,
                                   .size = 4,
                                   .align = 4,
                                   .flags = LAYOUT_FLEXIBLE};
    uint32_t types[] = {draft_reserve(draft), draft_reserve(draft)};
    draft_fill(draft, types[1], &flexible, NULL, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        struct layout_variable variable = {.name = draft_string(draft, i == 0 ? "a" : "b"),
                                           .type = types[i],
                                           .flags = LAYOUT_CARRIED,
                                           .address = i * 16};
        draft_variable(draft, &variable);
    }
    struct layout *layout = open_draft(draft, LAYOUT_NONE);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(layout->variables[i].flags, 0);
        assert_string_not_equal(layout_string(layout, layout->variables[i].reason), "");
    }
    layout_drop(&layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_states_have_equal_shapes_in_whatever_order_they_were_found),
        cmocka_unit_test(what_differs_in_one_point_has_another_shape),
        cmocka_unit_test(what_lies_too_deep_is_refused_and_a_little_less_is_not),
        cmocka_unit_test(what_lies_in_itself_is_refused),
        cmocka_unit_test(what_leads_to_too_much_is_refused),
        cmocka_unit_test(elements_without_bytes_are_none),
        cmocka_unit_test(a_number_that_was_not_given_out_is_refused),
        cmocka_unit_test(a_refused_draft_takes_back_what_it_appended),
        cmocka_unit_test(variables_that_share_a_place_or_a_name_are_not_guessed),
        cmocka_unit_test(a_variable_without_a_size_is_not_carried)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
