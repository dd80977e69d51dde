#include "codec/encode_parts.h"

/* Any byte that is behind the start of what it is measured from is inside of it, or its end. */
static const struct path_spot whole_state = {0, 0, 1, 0, 0};

static void put_named(struct encoding *encoding, const char *name, const struct text *path)
{
    if (path->failed) {
        encoding->failed = true;
        (void)error_set(encoding->err, ERROR_SYSTEM, "no memory for a path");
        return;
    }
    sink_puts(&encoding->sink, "{\"");
    sink_puts(&encoding->sink, name);
    sink_puts(&encoding->sink, "\":");
    encode_string(encoding, text_string(path), path->len);
    sink_char(&encoding->sink, '}');
}

static void put_path(struct encoding *encoding, const struct text *path)
{
    put_named(encoding, "$ref", path);
}

bool encode_object_bytes(struct encoding *encoding, size_t i, struct path_spot *spot,
                         const unsigned char **bytes)
{
    const struct heap_view *heap = &encoding->heap;
    const struct heap_object *object = &heap->objects[i];
    const struct layout *layout = encoding->layout;
    uint64_t whole;
    if (__builtin_mul_overflow(object->size, object->count, &whole) ||
        object->offset > heap->size || whole > heap->size - object->offset) {
        encoding->failed = true;
        return error_set(encoding->err, ERROR_FORMAT,
                         "the image is damaged: the heap object %zu lies outside of the heap", i);
    }
    bool typed = object->type < layout->head->types &&
                 layout->types[object->type].size == object->size && object->count > 0;
    *spot = typed ? (struct path_spot){object->type, 0, object->count, 0, 0}
                  : (struct path_spot){LAYOUT_NONE, 0, whole, 0, 0};
    *bytes = heap_bytes_of(heap, object);
    return true;
}

static void append_heap(struct encoding *encoding, const struct bound *bound, uint32_t wanted,
                        struct text *path)
{
    struct path_spot spot;
    const unsigned char *bytes;
    size_t number = (size_t)(bound->object - encoding->heap.objects);
    (void)text_printf(path, "/$heap/%zu/value", number);
    if (!encode_object_bytes(encoding, number, &spot, &bytes)) {
        return;
    }
    if (spot.type != LAYOUT_NONE) {
        (void)path_append(encoding->roster, &spot, bound->offset, wanted, path);
    } else if (bound->offset > 0) {
        (void)text_printf(path, "+%llu", (unsigned long long)bound->offset);
    }
}

static void append_variable(struct encoding *encoding, const struct static_entry *entry,
                            uint64_t offset, uint32_t wanted, struct text *path)
{
    const struct layout_variable *variable = entry->variable;
    const char *file = layout_string(encoding->layout, variable->file);
    struct text *name = &encoding->scratch;
    (void)text_puts(path, "/$statics");
    path_part(path, file, strlen(file));
    text_clear(name);
    if (*layout_string(encoding->layout, variable->function) != '\0') {
        statics_function(&encoding->statics, entry, name);
        path_part(path, text_string(name), name->len);
        text_clear(name);
    }
    statics_name(&encoding->statics, entry, name);
    path_part(path, text_string(name), name->len);
    path->failed |= name->failed;
    (void)path_append(encoding->roster, &(struct path_spot){variable->type, 0, 1, 0, 0}, offset,
                      wanted, path);
}

static void put_text_member(struct sink *sink, struct encoding *encoding, const char *key,
                            const char *text)
{
    sink_puts(sink, key);
    encode_string(encoding, text, strlen(text));
}

/* The compiler numbers the symbols of functions' variables anew each time: such a one is told by
 * what its source says. */
static void put_symbol(struct encoding *encoding, const struct layout_symbol *symbol,
                       uint64_t offset)
{
    const struct layout *layout = encoding->layout;
    const struct layout_variable *variable =
        symbol->function != 0 ? NULL : layout_variable_at(layout, symbol->address);
    struct sink *sink = &encoding->sink;
    if (variable != NULL && variable->address == symbol->address &&
        *layout_string(layout, variable->function) != '\0') {
        put_text_member(sink, encoding, "{\"$symbol\":", layout_string(layout, variable->name));
        put_text_member(sink, encoding,
                        ",\"function\":", layout_string(layout, variable->function));
        put_text_member(sink, encoding, ",\"file\":", layout_string(layout, variable->file));
    } else {
        put_text_member(sink, encoding, "{\"$symbol\":", layout_string(layout, symbol->name));
        if (symbol->file != LAYOUT_NONE) {
            put_text_member(sink, encoding, ",\"file\":", layout_string(layout, symbol->file));
        }
    }
    if (offset != 0) {
        struct text number = {0};
        (void)text_printf(&number, ",\"offset\":%llu", (unsigned long long)offset);
        sink_put(sink, text_string(&number), number.len);
        text_finish(&number);
    }
    sink_char(sink, '}');
}

static void put_address(struct encoding *encoding, uint64_t address)
{
    static const char hex[] = "0123456789abcdef";
    struct sink *sink = &encoding->sink;
    unsigned digits = (67 - (unsigned)__builtin_clzll(address | 1)) / 4;
    sink_puts(sink, "{\"$address\":\"0x");
    for (unsigned i = digits; i > 0; i--) {
        sink_char(sink, hex[address >> (4 * (i - 1)) & 15]);
    }
    sink_puts(sink, "\"}");
}

static void put_variable(struct encoding *encoding, const struct bound *bound, uint32_t wanted,
                         uint64_t address)
{
    const struct static_entry *entry =
        encoding->has_statics ? statics_entry(&encoding->statics, bound->variable) : NULL;
    if (entry == NULL) {
        put_address(encoding, address);
        return;
    }
    struct text path = {0};
    append_variable(encoding, entry, bound->offset, wanted, &path);
    put_path(encoding, &path);
    text_finish(&path);
}

static void put_bound(struct encoding *encoding, const struct bound *bound, uint32_t wanted,
                      uint64_t address)
{
    struct text path = {0};
    switch (bound->what) {
    case POINTEE_NULL:
        sink_puts(&encoding->sink, "null");
        break;
    case POINTEE_STATE:
        (void)(encoding->state_member && text_puts(&path, "/$state"));
        (void)path_append(encoding->roster, &whole_state, bound->offset, wanted, &path);
        put_path(encoding, &path);
        break;
    case POINTEE_HEAP:
        append_heap(encoding, bound, wanted, &path);
        put_path(encoding, &path);
        break;
    case POINTEE_VARIABLE:
        put_variable(encoding, bound, wanted, address);
        break;
    case POINTEE_SYMBOL:
        put_symbol(encoding, bound->symbol, bound->offset);
        break;
    case POINTEE_TEXT:
        sink_puts(&encoding->sink, "{\"$text\":");
        encode_string(encoding, bound->text, strlen(bound->text));
        sink_char(&encoding->sink, '}');
        break;
    default:
        put_address(encoding, address);
    }
    text_finish(&path);
}

/* A pointer to a data member: a path from its class on. */
static void put_member(struct encoding *encoding, uint32_t type, uint64_t offset)
{
    const struct layout *layout = encoding->layout;
    const struct layout_type *both = &layout->types[layout->types[type].target];
    struct text path = {0};
    if (offset == UINT64_MAX || both->count != 2 || both->kind != LAYOUT_UNION) {
        sink_puts(&encoding->sink, "null");
        return;
    }
    const struct path_spot whole = {layout->fields[both->first].type, 0, 1, 0, 0};
    (void)path_append(encoding->roster, &whole, offset, layout->fields[both->first + 1].type,
                      &path);
    put_named(encoding, "$member", &path);
    text_finish(&path);
}

void encode_pointer(struct encoding *encoding, uint32_t type, uint64_t address)
{
    if ((encoding->layout->types[type].flags & LAYOUT_OFFSET) != 0) {
        put_member(encoding, type, address);
        return;
    }
    uint32_t wanted = encoding->layout->types[type].target;
    uint32_t kind = encoding->layout->types[wanted].kind;
    if (address == 0) {
        sink_puts(&encoding->sink, "null");
        return;
    }
    struct bound bound = bind_look(encoding->image, encoding->has_heap ? &encoding->heap : NULL,
                                   encoding->has_statics, address);
    put_bound(encoding, &bound,
              kind == LAYOUT_UNKNOWN || kind == LAYOUT_FUNCTION ? LAYOUT_NONE : wanted, address);
}
