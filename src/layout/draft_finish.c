#define _GNU_SOURCE /* qsort_r */
#include "base/hash.h"
#include "layout/draft_parts.h"
#include "layout/layout_check.h"

#include <stdlib.h>
#include <string.h>

/* ---- numbering anew ---- */

struct walk {
    const struct draft *draft;
    uint32_t *fresh; /* number in the draft -> in the layout; LAYOUT_NONE: not met */
    uint32_t *order; /* numbers in the draft, in the layout's order */
    uint32_t *depth; /* 0: not known; else one more than it is; by the draft's numbers */
    uint32_t count;
};

static const struct layout_type *types_of(const struct draft *draft)
{
    return draft->types.data;
}

static void meet(struct walk *walk, uint32_t number)
{
    if (number < walk->draft->types.count && walk->fresh[number] == LAYOUT_NONE) {
        walk->fresh[number] = walk->count;
        walk->order[walk->count++] = number;
    }
}

static void follow(struct walk *walk, uint32_t *done)
{
    const struct layout_field *fields = walk->draft->fields.data;
    for (; *done < walk->count; (*done)++) {
        const struct layout_type *type = &types_of(walk->draft)[walk->order[*done]];
        if (type->kind == LAYOUT_ARRAY || type->kind == LAYOUT_POINTER) {
            meet(walk, type->target);
        }
        if (type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION) {
            for (uint32_t i = 0; i < type->count; i++) {
                meet(walk, fields[type->first + i].type);
            }
        }
    }
}

/* One more than the depth; 0: too deep, or it lies in itself. */
static uint32_t depth_of(struct walk *walk, uint32_t number, unsigned level)
{
    const struct layout_type *type = &types_of(walk->draft)[number];
    const struct layout_field *fields = walk->draft->fields.data;
    uint32_t most = 0;
    bool compound = type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION;
    if (walk->depth[number] != 0) {
        return walk->depth[number];
    }
    if (level > LAYOUT_DEPTH_MOST) {
        return 0; /* also what lies in itself ends here */
    }
    for (uint32_t i = 0; compound && i < type->count; i++) {
        uint32_t inner = depth_of(walk, fields[type->first + i].type, level + 1);
        if (inner == 0) {
            return 0;
        }
        most = inner > most ? inner : most;
    }
    if (type->kind == LAYOUT_ARRAY) {
        most = depth_of(walk, type->target, level + 1);
        if (most == 0) {
            return 0;
        }
    }
    uint32_t depth = most + 1 + (compound && most == 0);
    walk->depth[number] = depth > LAYOUT_DEPTH_MOST + 1 ? 0 : depth;
    return walk->depth[number];
}

static bool number_types(struct draft *draft, uint32_t state, struct walk *walk,
                         uint32_t *state_types, struct error *err)
{
    const struct layout_variable *variables = draft->variables.data;
    const struct layout_mark *marks = draft->marks.data;
    uint32_t done = 0;
    meet(walk, state);
    follow(walk, &done);
    *state_types = walk->count;
    for (size_t i = 0; i < draft->variables.count; i++) {
        meet(walk, variables[i].type);
    }
    for (size_t i = 0; i < draft->marks.count; i++) {
        meet(walk, marks[i].type);
    }
    follow(walk, &done);
    for (uint32_t i = 0; i < walk->count; i++) {
        if (depth_of(walk, walk->order[i], 0) == 0) {
            const char *name = draft->strings.data + types_of(draft)[walk->order[i]].name;
            return error_set(err, ERROR_LIMIT,
                             "the type %.200s has types in it more than %d deep, or itself",
                             *name != '\0' ? name : "(unnamed)", LAYOUT_DEPTH_MOST);
        }
    }
    return true;
}

/* ---- sorting ---- */

static int by_address(const void *left, const void *right)
{
    const struct layout_symbol *a = left, *b = right;
    return a->address != b->address ? (a->address < b->address ? -1 : 1)
           : a->size != b->size     ? (a->size > b->size ? -1 : 1)
                                    : (a->name > b->name) - (a->name < b->name);
}

static int by_mark(const void *left, const void *right)
{
    const struct layout_mark *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

struct named { /* a symbol; its name's first bytes are compared without a look at the name */
    uint64_t begins;
    uint32_t number;
};

static uint64_t beginning(const char *name)
{
    uint64_t begins = 0;
    for (unsigned i = 0; i < 8; i++) {
        begins = begins << 8 | (unsigned char)*name;
        name += *name != '\0';
    }
    return begins;
}

static int by_name(const void *left, const void *right, void *ctx)
{
    const struct named *first = left, *second = right;
    const struct draft *draft = ctx;
    const struct layout_symbol *symbols = draft->symbols.data;
    const struct layout_symbol *a = &symbols[first->number], *b = &symbols[second->number];
    if (first->begins != second->begins) {
        return first->begins < second->begins ? -1 : 1;
    }
    int order = strcmp(draft->strings.data + a->name, draft->strings.data + b->name);
    return order != 0 ? order : a->address < b->address ? -1 : a->address > b->address;
}

static uint32_t *sort_names(struct draft *draft)
{
    size_t count = draft->symbols.count;
    const struct layout_symbol *symbols = draft->symbols.data;
    uint32_t *names = malloc((count + 1) * sizeof *names);
    struct named *list = malloc((count + 1) * sizeof *list);
    if (names == NULL || list == NULL) {
        free(names);
        free(list);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        list[i] = (struct named){beginning(draft->strings.data + symbols[i].name), i};
    }
    if (count > 0) {
        qsort_r(list, count, sizeof *list, by_name, draft);
    }
    for (uint32_t i = 0; i < count; i++) {
        names[i] = list[i].number;
    }
    free(list);
    return names;
}

static void sort(struct list *list, int (*compare)(const void *, const void *))
{
    if (list->count > 1) {
        qsort(list->data, list->count, list->size, compare);
    }
}

/* They are sorted. */
static void leave_out_symbols(struct draft *draft, uint64_t span)
{
    const struct layout_symbol *symbols = draft->symbols.data;
    while (draft->symbols.count > 0 && symbols[draft->symbols.count - 1].address > span) {
        draft->symbols.count--;
    }
}

/* ---- writing ---- */

static void put(struct text *out, size_t start, const void *bytes, size_t len)
{
    static const char zeros[8];
    (void)(len > 0 && text_append(out, bytes, len));
    (void)text_append(out, zeros, (size_t) - (out->len - start) % 8);
}

/* Elements without bytes can't be told apart, and so many of them would be walked through. */
static uint64_t elements_of(const struct draft *draft, const struct layout_type *type)
{
    bool some = type->kind == LAYOUT_ARRAY && types_of(draft)[type->target].size > 0;
    return some || type->kind == LAYOUT_BYTES ? type->elements : 0;
}

static void put_types(const struct draft *draft, const struct walk *walk, struct text *out,
                      struct layout_head *head)
{
    for (uint32_t i = 0; i < walk->count; i++) {
        struct layout_type type = types_of(draft)[walk->order[i]];
        type.depth = walk->depth[walk->order[i]] - 1;
        type.target = type.target == LAYOUT_NONE ? LAYOUT_NONE : walk->fresh[type.target];
        type.elements = elements_of(draft, &types_of(draft)[walk->order[i]]);
        if (type.kind == LAYOUT_STRUCT || type.kind == LAYOUT_UNION) {
            type.first = head->fields;
            head->fields += type.count;
        } else if (type.kind == LAYOUT_ENUM) {
            type.first = head->enumerators;
            head->enumerators += type.count;
        }
        (void)text_append(out, &type, sizeof type);
    }
    head->types = walk->count;
}

static void put_fields(const struct draft *draft, const struct walk *walk, struct text *out)
{
    const struct layout_field *fields = draft->fields.data;
    for (uint32_t i = 0; i < walk->count; i++) {
        const struct layout_type *type = &types_of(draft)[walk->order[i]];
        bool compound = type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION;
        for (uint32_t k = 0; compound && k < type->count; k++) {
            struct layout_field field = fields[type->first + k];
            field.type = walk->fresh[field.type];
            (void)text_append(out, &field, sizeof field);
        }
    }
}

static void put_enumerators(const struct draft *draft, const struct walk *walk, struct text *out)
{
    const struct layout_enumerator *enumerators = draft->enumerators.data;
    for (uint32_t i = 0; i < walk->count; i++) {
        const struct layout_type *type = &types_of(draft)[walk->order[i]];
        if (type->kind == LAYOUT_ENUM && type->count > 0) {
            (void)text_append(out, &enumerators[type->first], type->count * sizeof enumerators[0]);
        }
    }
}

static void put_variables(struct draft *draft, const struct walk *walk, struct text *out,
                          struct layout_head *head)
{
    struct layout_variable *variables = draft->variables.data;
    for (size_t i = 0; i < draft->variables.count; i++) {
        struct layout_variable variable = variables[i];
        variable.image = 0;
        if ((variable.flags & LAYOUT_CARRIED) != 0) {
            variable.image = head->variables_size;
            head->variables_size += (types_of(draft)[variable.type].size + 15) / 16 * 16;
        }
        variable.type = walk->fresh[variable.type];
        (void)text_append(out, &variable, sizeof variable);
    }
    head->variables = (uint32_t)draft->variables.count;
}

/* What tells one state from another: the types that it leads to, with their names in the place of
 * numbers of strings. */
static bool find_shape(const struct draft *draft, const struct walk *walk, uint32_t state_types,
                       uint64_t *shape)
{
    struct hash_stream *stream = hash_stream_create();
    const struct layout_field *fields = draft->fields.data;
    const struct layout_enumerator *enumerators = draft->enumerators.data;
    const char *strings = draft->strings.data;
    if (stream == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < state_types; i++) {
        const struct layout_type *type = &types_of(draft)[walk->order[i]];
        uint64_t facts[] = {type->kind,
                            type->flags,
                            type->count,
                            type->size,
                            elements_of(draft, type),
                            type->target == LAYOUT_NONE ? LAYOUT_NONE : walk->fresh[type->target]};
        hash_stream_add(stream, facts, sizeof facts);
        hash_stream_add(stream, strings + type->name, strlen(strings + type->name) + 1);
        for (uint32_t k = 0; k < type->count; k++) {
            if (type->kind == LAYOUT_ENUM) {
                const struct layout_enumerator *one = &enumerators[type->first + k];
                hash_stream_add(stream, &one->value, sizeof one->value);
                hash_stream_add(stream, strings + one->name, strlen(strings + one->name) + 1);
                continue;
            }
            const struct layout_field *field = &fields[type->first + k];
            uint64_t place[] = {walk->fresh[field->type], field->flags, field->offset, field->bit,
                                field->bits};
            hash_stream_add(stream, place, sizeof place);
            hash_stream_add(stream, strings + field->name, strlen(strings + field->name) + 1);
        }
    }
    *shape = hash_stream_end(stream).low;
    hash_stream_destroy(stream);
    return true;
}

static bool write_all(struct draft *draft, const struct walk *walk, uint32_t state_types,
                      const struct draft_library *library, const uint32_t *names, struct text *out)
{
    size_t start = out->len;
    bool text = library->text != NULL && library->text_address <= library->span &&
                library->text_size <= library->span - library->text_address;
    struct layout_head head = {.magic = LAYOUT_MAGIC,
                               .span = library->span,
                               .text_address = text ? library->text_address : 0,
                               .text_size = text ? library->text_size : 0,
                               .symbols = (uint32_t)draft->symbols.count,
                               .marks = (uint32_t)draft->marks.count,
                               .strings = (uint32_t)draft->strings.len,
                               .state_types = state_types};
    struct layout_mark *marks = draft->marks.data;
    if (!find_shape(draft, walk, state_types, &head.shape)) {
        return false;
    }
    for (size_t i = 0; i < draft->marks.count; i++) {
        marks[i].type = walk->fresh[marks[i].type];
    }
    put(out, start, &head, sizeof head);
    put_types(draft, walk, out, &head);
    put_fields(draft, walk, out);
    put_enumerators(draft, walk, out);
    put_variables(draft, walk, out, &head);
    put(out, start, draft->symbols.data, draft->symbols.count * draft->symbols.size);
    put(out, start, names, draft->symbols.count * sizeof names[0]);
    put(out, start, marks, draft->marks.count * draft->marks.size);
    put(out, start, draft->strings.data, draft->strings.len);
    put(out, start, library->text, (size_t)head.text_size);
    if (out->failed) {
        return false;
    }
    head.len = out->len - start;
    memcpy(out->data + start, &head, sizeof head);
    size_t hashed = offsetof(struct layout_head, shape);
    head.hash = hash_bytes(out->data + start + hashed, out->len - start - hashed);
    memcpy(out->data + start, &head, sizeof head);
    return true;
}

static bool limits_hold(const struct draft *draft, const struct draft_library *library,
                        struct error *err)
{
    if (draft->types.count > LAYOUT_TYPES_MOST || draft->fields.count > LAYOUT_FIELDS_MOST ||
        draft->enumerators.count > LAYOUT_FIELDS_MOST ||
        draft->variables.count > LAYOUT_FIELDS_MOST || draft->marks.count > LAYOUT_FIELDS_MOST ||
        draft->symbols.count > 4 * (size_t)LAYOUT_FIELDS_MOST) {
        return error_set(err, ERROR_LIMIT, "there are more than %u types, or than %u fields",
                         LAYOUT_TYPES_MOST, LAYOUT_FIELDS_MOST);
    }
    return library->span <= LAYOUT_SPAN_MOST ||
           error_set(err, ERROR_LIMIT, "the library takes more memory than there can be");
}

bool draft_finish(struct draft *draft, uint32_t state, const struct draft_library *library,
                  struct text *out, struct error *err)
{
    struct walk walk = {.draft = draft};
    uint32_t state_types = 0;
    uint32_t *names = NULL;
    size_t start = out->len;
    bool ok = false;
    if (state == LAYOUT_NONE) {
        state = draft_reserve(draft);
        draft_fill(draft, state,
                   &(struct layout_type){.kind = LAYOUT_BYTES, .target = LAYOUT_NONE, .align = 1},
                   NULL, NULL);
    }
    size_t count = draft->types.count;
    walk.fresh = malloc(count * sizeof *walk.fresh);
    walk.order = malloc(count * sizeof *walk.order);
    walk.depth = calloc(count, sizeof *walk.depth);
    sort(&draft->symbols, by_address);
    sort(&draft->marks, by_mark);
    leave_out_symbols(draft, library->span);
    names = sort_names(draft);
    if (!draft_settle_variables(draft, library->span) || walk.fresh == NULL || walk.order == NULL ||
        walk.depth == NULL || names == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no memory for the layout");
        goto out;
    }
    if (!limits_hold(draft, library, err)) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        walk.fresh[i] = LAYOUT_NONE;
    }
    if (number_types(draft, state, &walk, &state_types, err)) {
        ok = write_all(draft, &walk, state_types, library, names, out) ||
             error_set(err, ERROR_SYSTEM, "no memory for the layout");
    }
    if (ok && out->len - start > LAYOUT_BYTES_MOST) {
        ok = error_set(err, ERROR_LIMIT, "the layout takes more than %zu bytes", LAYOUT_BYTES_MOST);
    }
    if (!ok && out->len > start) {
        out->len = start;
        out->data[start] = '\0';
    }
out:
    free(walk.fresh);
    free(walk.order);
    free(walk.depth);
    free(names);
    return ok;
}
