#include "codec/encode_parts.h"

#include "state/json.h"
#include "state/place.h"

#define NAMES_MOST 4096 /* that are looked at to say what is there */
#define LEAF_MOST  ((uint64_t)64 << 10)

enum node_kind {
    NODE_ROOT,
    NODE_VALUE, /* `spot` in `bytes` */
    NODE_HEAP,
    NODE_OBJECT, /* number `first` */
    NODE_STATICS,
    NODE_FILE,    /* that the variable `first` is in */
    NODE_FUNCTION /* the same */
};

struct node { /* a value of the document */
    enum node_kind kind;
    struct path_spot spot;
    const unsigned char *bytes; /* of offset 0 */
    size_t first;
};

static struct node value_node(const unsigned char *bytes, uint32_t type, uint64_t count)
{
    return (struct node){NODE_VALUE, {type, 0, count, 0, 0}, bytes, 0};
}

static const struct layout_type *type_of(const struct encoding *encoding, const struct node *node)
{
    return &encoding->layout->types[node->spot.type];
}

/* An array of char is a string, whose bytes have no names. */
static bool is_string(const struct encoding *encoding, const struct node *node)
{
    const struct layout_type *type = type_of(encoding, node);
    return node->spot.count == 1 ? type->kind == LAYOUT_ARRAY &&
                                       encoding->layout->types[type->target].kind == LAYOUT_CHAR
                                 : type->kind == LAYOUT_CHAR;
}

static bool is_text(const char *name, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(name, text, len) == 0;
}

/* ---- one step ---- */

static bool step_variable(struct encoding *encoding, struct node *node, const char *function,
                          size_t function_len, const char *name, size_t len)
{
    const struct static_entry *first = &encoding->statics.entries[node->first];
    const char *file = layout_string(encoding->layout, first->variable->file);
    const struct static_entry *entry =
        statics_named(&encoding->statics, file, strlen(file), function, function_len, name, len);
    if (entry == NULL || !statics_same_file(&encoding->statics, (uint32_t)node->first,
                                            (uint32_t)(entry - encoding->statics.entries))) {
        return false;
    }
    const unsigned char *bytes = image_variable(encoding->image, entry->number);
    *node = value_node(bytes, entry->variable->type, 1);
    return bytes != NULL;
}

static bool step_statics(struct encoding *encoding, struct node *node, const char *name, size_t len)
{
    const struct statics *statics = &encoding->statics;
    const struct static_entry *entry = &statics->entries[node->first];
    if (node->kind == NODE_STATICS) {
        entry = statics_in_file(statics, name, len);
        *node = (struct node){.kind = NODE_FILE,
                              .first = entry == NULL ? 0 : (size_t)(entry - statics->entries)};
        return entry != NULL;
    }
    if (node->kind == NODE_FUNCTION) {
        struct text function = {0};
        statics_function(statics, entry, &function);
        bool found = step_variable(encoding, node, text_string(&function), function.len, name, len);
        text_finish(&function);
        return found;
    }
    if (step_variable(encoding, node, "", 0, name, len)) {
        return true;
    }
    entry = len == 0 ? NULL : statics_in_function(statics, entry, name, len);
    if (entry != NULL) {
        *node = (struct node){.kind = NODE_FUNCTION, .first = (size_t)(entry - statics->entries)};
    }
    return entry != NULL;
}

static bool step_heap(struct encoding *encoding, struct node *node, const char *name, size_t len)
{
    uint64_t index;
    const unsigned char *bytes;
    struct path_spot spot;
    if (node->kind == NODE_HEAP) {
        bool found = path_index(name, len, &index) && index < encoding->heap.count;
        *node = found ? (struct node){.kind = NODE_OBJECT, .first = (size_t)index} : *node;
        return found;
    }
    if (!is_text(name, len, "value") ||
        !encode_object_bytes(encoding, node->first, &spot, &bytes) || spot.type == LAYOUT_NONE) {
        return false;
    }
    *node = value_node(bytes, spot.type, spot.count);
    return true;
}

static bool step_root(struct encoding *encoding, struct node *node, const char *name, size_t len)
{
    if (encoding->has_heap && is_text(name, len, "$heap")) {
        node->kind = NODE_HEAP;
        return true;
    }
    if (encoding->has_statics && is_text(name, len, "$statics")) {
        node->kind = NODE_STATICS;
        return true;
    }
    if (encoding->state_member && is_text(name, len, "$state")) {
        *node = value_node(encoding->image->state, 0, 1);
        return true;
    }
    struct node state = value_node(encoding->image->state, 0, 1);
    if (encoding->state_member ||
        path_step(encoding->roster, &state.spot, name, len, false) != PATH_FOUND) {
        return false;
    }
    *node = state;
    return true;
}

/* A step that fails leaves nonsense. */
static bool step(struct encoding *encoding, struct node *node, const char *name, size_t len)
{
    switch (node->kind) {
    case NODE_ROOT:
        return step_root(encoding, node, name, len);
    case NODE_VALUE:
        return !is_string(encoding, node) &&
               path_step(encoding->roster, &node->spot, name, len, false) == PATH_FOUND;
    case NODE_HEAP:
    case NODE_OBJECT:
        return step_heap(encoding, node, name, len);
    default:
        return step_statics(encoding, node, name, len);
    }
}

/* ---- what is written ---- */

static void put_node(struct encoding *encoding, const struct node *node)
{
    switch (node->kind) {
    case NODE_ROOT:
        encode_document(encoding);
        break;
    case NODE_VALUE:
        encode_value(encoding, &node->spot, node->bytes + node->spot.offset);
        break;
    case NODE_HEAP:
        encode_heap(encoding);
        break;
    case NODE_OBJECT:
        encode_object(encoding, node->first);
        break;
    case NODE_STATICS:
        encode_statics(encoding);
        break;
    case NODE_FILE:
        (void)encode_file(encoding, (uint32_t)node->first);
        break;
    case NODE_FUNCTION:
        (void)encode_function(encoding, (uint32_t)node->first);
        break;
    }
}

static bool append(void *ctx, const char *text, size_t len)
{
    return text_append(ctx, text, len);
}

/* Writes the node to `out` alone. False: it is larger than what has to be looked into as text. */
static bool write_leaf(struct encoding *encoding, const struct node *node, struct text *out)
{
    struct sink outer = encoding->sink;
    bool small = node->kind == NODE_OBJECT
                     ? encoding->heap.objects[node->first].size < LEAF_MOST &&
                           encoding->heap.objects[node->first].count < 2
                     : node->kind == NODE_VALUE && type_of(encoding, node)->size < LEAF_MOST;
    if (!small || !sink_open(&encoding->sink, append, out)) {
        encoding->sink = outer;
        return false;
    }
    put_node(encoding, node);
    sink_flush(&encoding->sink);
    sink_close(&encoding->sink);
    encoding->sink = outer;
    return !encoding->failed && !out->failed;
}

/* ---- what is not there ---- */

static void add_name(struct text *names, size_t *count, const char *name, size_t len)
{
    if ((*count)++ < NAMES_MOST) {
        (void)text_puts(names, *count == 1 ? "{" : ",");
        (void)json_quote_bytes(names, name, len);
        (void)text_puts(names, ":0");
    }
}

static void add_members(struct encoding *encoding, uint32_t type, struct text *names, size_t *count)
{
    const struct roster_list *list = roster_members(encoding->roster, type, NULL);
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        add_name(names, count, list->members[i].name, list->members[i].name_len);
    }
}

static void add_variables(struct encoding *encoding, const struct node *node, struct text *names,
                          size_t *count)
{
    const struct statics *statics = &encoding->statics;
    uint32_t first = (uint32_t)node->first;
    for (uint32_t i = first; i < statics->count; i++) {
        const struct static_entry *entry = &statics->entries[i];
        bool outside = *layout_string(encoding->layout, entry->variable->function) == '\0';
        struct text name = {0};
        if (node->kind == NODE_STATICS) {
            (void)text_puts(&name, layout_string(encoding->layout, entry->variable->file));
        } else if (!(node->kind == NODE_FILE ? statics_same_file
                                             : statics_same_function)(statics, first, i)) {
            return;
        } else if (node->kind == NODE_FUNCTION || outside) {
            statics_name(statics, entry, &name);
        } else {
            statics_function(statics, entry, &name);
        }
        bool again = i > first && (node->kind == NODE_STATICS ? statics_same_file(statics, i - 1, i)
                                   : node->kind == NODE_FILE && !outside
                                       ? statics_same_function(statics, i - 1, i)
                                       : false);
        if (!again) {
            add_name(names, count, text_string(&name), name.len);
        }
        text_finish(&name);
    }
}

static void add_names(struct encoding *encoding, const struct node *node, struct text *names,
                      size_t *count)
{
    bool struct_state = layout_state(encoding->layout)->kind == LAYOUT_STRUCT;
    if (node->kind == NODE_VALUE || (node->kind == NODE_ROOT && struct_state)) {
        add_members(encoding, node->kind == NODE_ROOT ? 0 : node->spot.type, names, count);
    } else if (node->kind == NODE_OBJECT) {
        struct path_spot spot = {.type = LAYOUT_NONE};
        const unsigned char *bytes;
        (void)encode_object_bytes(encoding, node->first, &spot, &bytes);
        bool typed = spot.type != LAYOUT_NONE;
        add_name(names, count, typed ? "type" : "size", 4);
        if (!typed || spot.count != 1) {
            add_name(names, count, "count", 5);
        }
        add_name(names, count, "value", 5);
    } else if (node->kind != NODE_ROOT) {
        add_variables(encoding, node, names, count);
    }
    if (node->kind == NODE_ROOT) {
        const bool has[] = {encoding->state_member, encoding->has_heap, encoding->has_statics};
        const char *const roots[] = {"$state", "$heap", "$statics"};
        for (size_t i = 0; i < 3; i++) {
            if (has[i]) {
                add_name(names, count, roots[i], strlen(roots[i]));
            }
        }
    }
}

/* The first byte of a scalar's JSON, which tells of which kind it is. */
static const char *sample_of(const struct encoding *encoding, const struct node *node)
{
    uint32_t kind = type_of(encoding, node)->kind;
    return kind == LAYOUT_BOOL         ? "true"
           : is_string(encoding, node) ? "\"\""
           : kind == LAYOUT_ENUM       ? "\"\""
                                       : "0";
}

static void refuse(struct encoding *encoding, const struct node *node, const char *pointer,
                   const char *part, const char *name, size_t len)
{
    struct place place = {.kind = PLACE_KEY, .part = part};
    struct text names = {0};
    size_t count = 0;
    bool array = node->kind == NODE_HEAP;
    bool object = node->kind != NODE_VALUE && !array;
    uint64_t index, items = encoding->heap.count;
    if (node->kind == NODE_VALUE) {
        const struct layout_type *type = type_of(encoding, node);
        bool chars =
            type->kind == LAYOUT_ARRAY && encoding->layout->types[type->target].kind == LAYOUT_CHAR;
        array = node->spot.count != 1 || (type->kind == LAYOUT_ARRAY && !chars);
        object = !array && type->kind == LAYOUT_STRUCT && node->spot.count == 1;
        items = node->spot.count != 1 ? node->spot.count : type->elements;
    }
    memcpy(place.name, name, len);
    place.name_len = len;
    if (object) {
        add_names(encoding, node, &names, &count);
        (void)text_puts(&names, count == 0 ? "{}" : "}");
        place.holder = text_string(&names);
        place.members.end = place.holder + names.len;
    } else if (array) {
        count = (size_t)items;
        place.kind = path_index(name, len, &index) ? PLACE_ITEM : PLACE_INDEX;
    } else {
        place.kind = PLACE_SCALAR;
        place.holder = sample_of(encoding, node);
    }
    place.members.count = count;
    encoding->failed = true;
    (void)place_refuse(&place, pointer, encoding->err);
    text_finish(&names);
}

/* What a pointer, a union or a heap object is written as has members that no layout has. */
static bool put_inside(struct encoding *encoding, const struct node *node, const char *rest)
{
    struct text leaf = {0};
    struct span span;
    uint32_t kind = node->kind == NODE_VALUE ? type_of(encoding, node)->kind : LAYOUT_STRUCT;
    bool looks = node->kind == NODE_OBJECT || kind == LAYOUT_POINTER || kind == LAYOUT_UNION ||
                 kind == LAYOUT_BYTES;
    bool found = looks && write_leaf(encoding, node, &leaf) &&
                 pointer_find(text_string(&leaf), leaf.len, rest, &span, NULL);
    if (found) {
        sink_put(&encoding->sink, leaf.data + span.start, span.end - span.start);
    }
    text_finish(&leaf);
    return found;
}

void encode_named(struct encoding *encoding, const char *pointer)
{
    const struct layout_type *state = layout_state(encoding->layout);
    struct node node = {.kind = NODE_ROOT};
    char name[POINTER_MOST];
    size_t len;
    if (!pointer_check(pointer, encoding->err)) {
        encoding->failed = true;
        return;
    }
    if (state->kind != LAYOUT_STRUCT && state->size > 0 && !encoding->state_member) {
        node = value_node(encoding->image->state, 0, 1);
    }
    const char *end = pointer + strlen(pointer);
    for (const char *at = pointer; at < end;) {
        const char *part = at + 1;
        at = part + path_take(part, end, name, &len);
        struct node next = node;
        if (!step(encoding, &next, name, len)) {
            if (!encoding->failed && !put_inside(encoding, &node, part - 1) && !encoding->failed) {
                refuse(encoding, &node, pointer, part, name, len);
            }
            return;
        }
        node = next;
    }
    put_node(encoding, &node);
}
