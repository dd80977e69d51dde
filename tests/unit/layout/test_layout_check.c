#include "layout/layout_check.h"

#include "drafts.h"

#define SPAN 4096

static void add_variable(struct draft *draft, const char *name, uint32_t type, uint64_t address,
                         uint32_t flags)
{
    struct layout_variable variable = {.file = draft_string(draft, "a.c"),
                                       .name = draft_string(draft, name),
                                       .type = type,
                                       .flags = flags,
                                       .address = address};
    draft_variable(draft, &variable);
}

/* A block with something of everything. */
static struct text make_block(void)
{
    struct draft *draft = draft_create();
    struct error err = {0};
    struct text block = {0};
    uint32_t game = draft_reserve(draft), colour = draft_reserve(draft),
             either = draft_reserve(draft);
    uint32_t number = draft_scalar(draft, LAYOUT_INT, "int", 4);
    uint32_t real = draft_scalar(draft, LAYOUT_FLOAT, "double", 8);
    uint32_t function = draft_scalar(draft, LAYOUT_FUNCTION, "", 0);
    struct layout_enumerator colours[] = {{.name = draft_string(draft, "RED")},
                                          {.name = draft_string(draft, "GREEN"), .value = 1}};
    draft_fill(draft, colour,
               &(struct layout_type){.kind = LAYOUT_ENUM,
                                     .name = draft_string(draft, "colour"),
                                     .count = 2,
                                     .size = 4,
                                     .align = 4},
               NULL, colours);
    struct layout_field of_either[] = {draft_field(draft, "i", number, 0),
                                       draft_field(draft, "d", real, 0)};
    draft_compound(draft, either, LAYOUT_UNION, "", 8, of_either, 2);
    struct layout_field of_game[] = {draft_field(draft, "hp", number, 0),
                                     draft_field(draft, "flag", number, 4),
                                     draft_field(draft, "", either, 8),
                                     draft_field(draft, "next", draft_pointer(draft, game), 16),
                                     draft_field(draft, "act", draft_pointer(draft, function), 24),
                                     draft_field(draft, "hues", draft_array(draft, colour, 4), 32)};
    of_game[0].old_name = draft_string(draft, "health");
    of_game[1].bits = 3;
    of_game[1].bit = 2;
    of_game[2].flags = LAYOUT_MEMBERS;
    draft_compound(draft, game, LAYOUT_STRUCT, "game", 48, of_game, 6);
    add_variable(draft, "speed", real, 64, LAYOUT_CARRIED);
    add_variable(draft, "grid", draft_array(draft, number, 5), 80, LAYOUT_CARRIED);
    add_variable(draft, "thread", number, 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        draft_symbol(draft, &(struct layout_symbol){.name = draft_string(draft, "act"),
                                                    .file = i == 0 ? LAYOUT_NONE : 0,
                                                    .address = 100 + 10 * i,
                                                    .size = 20});
    }
    draft_mark(draft, 200, game);
    struct draft_library library = {
        .span = SPAN, .text_address = 300, .text_size = 6, .text = "a\0bcd"};
    assert_true(draft_finish(draft, game, &library, &block, &err));
    draft_destroy(draft);
    return block;
}

/* Follows all that layout_open vouches for. */
static uint64_t walk(const struct layout *layout, uint32_t number)
{
    const struct layout_type *type = &layout->types[number];
    uint64_t sum = type->size + strlen(layout_string(layout, type->name));
    if (type->kind == LAYOUT_ARRAY) {
        return sum + walk(layout, type->target);
    }
    if (type->kind == LAYOUT_POINTER) {
        return sum + layout->types[type->target].size;
    }
    for (uint32_t i = 0; type->kind == LAYOUT_ENUM && i < type->count; i++) {
        sum += layout->enumerators[type->first + i].value;
    }
    bool compound = type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION;
    for (uint32_t i = 0; compound && i < type->count; i++) {
        const struct layout_field *field = &layout->fields[type->first + i];
        uint64_t size =
            field->bits > 0 ? (field->bit + field->bits + 7) / 8 : layout->types[field->type].size;
        assert_true(size <= type->size && field->offset <= type->size - size);
        sum += strlen(layout_string(layout, field->name)) +
               strlen(layout_string(layout, field->old_name)) + walk(layout, field->type);
    }
    return sum;
}

static uint64_t use(const struct layout *layout)
{
    uint64_t sum = 0, end = 0;
    for (uint32_t i = 0; i < layout->head->types; i++) {
        sum += walk(layout, i);
    }
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        const struct layout_variable *variable = &layout->variables[i];
        if ((variable->flags & LAYOUT_CARRIED) != 0) {
            uint64_t size = layout->types[variable->type].size;
            assert_true(variable->address >= end && variable->address + size <= layout->head->span);
            assert_true(variable->image + size <= layout->head->variables_size);
            end = variable->address + size;
        }
        sum += strlen(layout_string(layout, variable->reason));
        const struct layout_variable *found = layout_variable_named(
            layout, layout_string(layout, variable->file),
            layout_string(layout, variable->function), layout_string(layout, variable->name),
            (variable->flags & LAYOUT_GLOBAL) != 0);
        assert_non_null(found);
    }
    for (uint64_t at = 0; at < 320; at++) {
        const struct layout_symbol *symbol = layout_symbol_at(layout, at);
        const struct layout_variable *variable = layout_variable_at(layout, at);
        uint32_t mark = layout_mark_at(layout, at);
        sum += symbol != NULL ? strlen(layout_string(layout, symbol->name)) : 0;
        sum += variable != NULL ? layout->types[variable->type].size : 0;
        sum += mark != LAYOUT_NONE ? layout->types[mark].size : 0;
    }
    (void)layout_symbol_named(layout, "act", "");
    (void)layout_symbol_named(layout, "", NULL);
    for (uint64_t i = 0; i < layout->head->text_size; i++) {
        sum += layout->text[i];
    }
    return sum;
}

static bool try_block(const unsigned char *block, size_t len)
{
    struct error err = {0};
    struct layout *layout = layout_open(block, len, &err);
    if (layout == NULL) {
        assert_string_not_equal(err.text, "");
        return false;
    }
    (void)use(layout);
    layout_drop(&layout);
    return true;
}

static void each_changed_byte_leads_nowhere_else(void **state)
{
    (void)state;
    static const unsigned char changes[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF};
    struct text block = make_block();
    unsigned char *bytes = (unsigned char *)block.data;
    unsigned opened = 0, refused = 0;
    assert_true(try_block(bytes, block.len));
    for (size_t i = 0; i < block.len; i++) {
        for (size_t k = 0; k < sizeof changes; k++) {
            bytes[i] ^= changes[k];
            layout_rehash(bytes, block.len);
            if (try_block(bytes, block.len)) {
                opened++;
            } else {
                refused++;
            }
            bytes[i] ^= changes[k];
        }
    }
    assert_true(opened > 100); /* names, values, symbols: what says nothing of where to go */
    assert_true(refused > 1000);
    text_finish(&block);
}

static void two_numbers_that_change_together_lead_nowhere_else(void **state)
{
    (void)state;
    struct text block = make_block();
    unsigned char *bytes = (unsigned char *)block.data;
    uint32_t random = 1;
    for (unsigned round = 0; round < 30000; round++) {
        uint32_t saved[2];
        size_t at[2];
        for (unsigned k = 0; k < 2; k++) {
            random = random * 1664525 + 1013904223;
            at[k] = (random >> 8) % (block.len / 4) * 4;
            memcpy(&saved[k], bytes + at[k], 4);
            random = random * 1664525 + 1013904223;
            uint32_t value = (random >> 16) % 24;
            memcpy(bytes + at[k], &value, 4);
        }
        layout_rehash(bytes, block.len);
        (void)try_block(bytes, block.len);
        for (unsigned k = 2; k-- > 0;) {
            memcpy(bytes + at[k], &saved[k], 4);
        }
    }
    layout_rehash(bytes, block.len);
    assert_true(try_block(bytes, block.len));
    text_finish(&block);
}

static void a_cut_block_is_none(void **state)
{
    (void)state;
    struct text block = make_block();
    for (size_t len = 0; len < block.len; len++) {
        unsigned char *cut = malloc(len + 1);
        assert_non_null(cut);
        memcpy(cut, block.data, len);
        if (len >= sizeof(struct layout_head)) { /* it says that it is whole */
            uint64_t told = len;
            memcpy(cut + offsetof(struct layout_head, len), &told, sizeof told);
            layout_rehash(cut, len);
        }
        assert_false(try_block(cut, len));
        free(cut);
    }
    text_finish(&block);
}

static void a_changed_block_with_the_old_hash_is_damaged(void **state)
{
    (void)state;
    struct error err = {0};
    struct text block = make_block();
    block.data[block.len - 1] ^= 1;
    assert_null(layout_open(block.data, block.len, &err));
    assert_non_null(strstr(err.text, "damaged"));
    text_finish(&block);
}

/* ---- what single numbers may say ---- */

static size_t first_type(const struct layout_head *head)
{
    (void)head;
    return sizeof *head;
}

static size_t last_compound(const struct layout_head *head)
{
    const struct layout_type *types = (const void *)(head + 1);
    size_t last = 0;
    for (size_t i = 0; i < head->types; i++) {
        last = types[i].kind == LAYOUT_STRUCT || types[i].kind == LAYOUT_UNION ? i : last;
    }
    return sizeof *head + last * sizeof types[0];
}

static size_t first_field(const struct layout_head *head)
{
    return sizeof *head + head->types * sizeof(struct layout_type);
}

static size_t first_variable(const struct layout_head *head)
{
    return first_field(head) + head->fields * sizeof(struct layout_field) +
           head->enumerators * sizeof(struct layout_enumerator);
}

#define TYPE(member, value)                                                                        \
    check_lie(first_type, offsetof(struct layout_type, member), value, #member)
#define FIELD(member, value)                                                                       \
    check_lie(first_field, offsetof(struct layout_field, member), value, #member)
#define VARIABLE(member, value)                                                                    \
    check_lie(first_variable, offsetof(struct layout_variable, member), value, #member)

static void check_lie(size_t (*place)(const struct layout_head *), size_t offset, uint32_t value,
                      const char *what)
{
    struct text block = make_block();
    struct error err = {0};
    memcpy(block.data + place((const void *)block.data) + offset, &value, sizeof value);
    layout_rehash((unsigned char *)block.data, block.len);
    struct layout *layout = layout_open(block.data, block.len, &err);
    if (layout != NULL) {
        fail_msg("%s %u was believed", what, (unsigned)value);
    }
    text_finish(&block);
}

static void each_number_that_leads_away_is_refused(void **state)
{
    (void)state;
    TYPE(kind, 0);
    TYPE(kind, LAYOUT_KIND_COUNT);
    TYPE(kind, LAYOUT_UNKNOWN);
    TYPE(flags, LAYOUT_FLEXIBLE);
    TYPE(name, 1U << 30);
    TYPE(first, 1);
    TYPE(count, 5);
    TYPE(count, UINT32_MAX);
    TYPE(align, 3);
    TYPE(align, 0);
    TYPE(depth, 0);
    TYPE(depth, LAYOUT_DEPTH_MOST + 1);
    TYPE(size, 4);
    check_lie(last_compound, offsetof(struct layout_type, count), 1, "a field of no type");
    FIELD(type, 1U << 30);
    FIELD(type, 0); /* in itself */
    FIELD(name, LAYOUT_NONE);
    FIELD(old_name, 1U << 30);
    FIELD(offset, 46);
    FIELD(bits, 65);
    FIELD(flags, LAYOUT_MEMBERS);
    FIELD(flags, LAYOUT_BASE);
    FIELD(flags, LAYOUT_VTABLE);
    VARIABLE(name, LAYOUT_NONE);
    VARIABLE(type, LAYOUT_NONE);
    VARIABLE(reason, 1U << 30);
    VARIABLE(address, 73); /* its end lies in the next one */
    VARIABLE(address, SPAN);
    VARIABLE(image, 16);
    VARIABLE(flags, 0); /* the next one is carried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_changed_byte_leads_nowhere_else),
        cmocka_unit_test(two_numbers_that_change_together_lead_nowhere_else),
        cmocka_unit_test(a_cut_block_is_none),
        cmocka_unit_test(a_changed_block_with_the_old_hash_is_damaged),
        cmocka_unit_test(each_number_that_leads_away_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
