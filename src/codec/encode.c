#include "codec/encode.h"

#include "codec/encode_parts.h"

#include <stdlib.h>

static bool fail(struct encoding *encoding, const char *sentence)
{
    encoding->failed = true;
    return error_set(encoding->err, ERROR_FORMAT, "the image is damaged: %s", sentence);
}

/* ---- "$heap" ---- */

static void put_number(struct encoding *encoding, const char *key, uint64_t number)
{
    char digits[64];
    char *at = digits + sizeof digits;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    sink_puts(&encoding->sink, key);
    sink_put(&encoding->sink, at, (size_t)(digits + sizeof digits - at));
}

void encode_object(struct encoding *encoding, size_t i)
{
    const struct heap_object *object = &encoding->heap.objects[i];
    struct sink *sink = &encoding->sink;
    struct path_spot spot;
    const unsigned char *bytes;
    if (!encode_object_bytes(encoding, i, &spot, &bytes)) {
        return;
    }
    sink_char(sink, '{');
    if (spot.type != LAYOUT_NONE) {
        text_clear(&encoding->scratch);
        if (!layout_type_name(encoding->layout, spot.type, &encoding->scratch)) {
            encoding->failed = true;
            (void)error_set(encoding->err, ERROR_SYSTEM, "no memory for the name of a type");
            return;
        }
        struct text name = encoding->scratch; /* encode_string uses it, too */
        encoding->scratch = (struct text){0};
        sink_puts(sink, "\"type\":");
        encode_string(encoding, text_string(&name), name.len);
        text_finish(&name);
        if (object->count != 1) {
            put_number(encoding, ",\"count\":", object->count);
        }
        sink_puts(sink, ",\"value\":");
        encode_value(encoding, &spot, bytes);
    } else {
        put_number(encoding, "\"size\":", object->size);
        put_number(encoding, ",\"count\":", object->count);
        sink_puts(sink, ",\"value\":");
        encode_bytes(encoding, bytes, spot.count);
    }
    sink_char(sink, '}');
}

void encode_heap(struct encoding *encoding)
{
    sink_char(&encoding->sink, '[');
    for (size_t i = 0; i < encoding->heap.count && !encode_is_stopped(encoding); i++) {
        if (i > 0) {
            sink_char(&encoding->sink, ',');
        }
        encode_object(encoding, i);
    }
    sink_char(&encoding->sink, ']');
}

/* ---- "$statics" ---- */

static void put_variable(struct encoding *encoding, const struct static_entry *entry)
{
    const unsigned char *bytes = image_variable(encoding->image, entry->number);
    struct text name = {0};
    statics_name(&encoding->statics, entry, &name);
    encode_string(encoding, text_string(&name), name.len);
    text_finish(&name);
    sink_char(&encoding->sink, ':');
    if (bytes == NULL) {
        (void)fail(encoding, "a variable is not in it");
        return;
    }
    encode_value(encoding, &(struct path_spot){entry->variable->type, 0, 1, 0, 0}, bytes);
}

static bool is_outside(const struct encoding *encoding, uint32_t i)
{
    return *layout_string(encoding->layout, encoding->statics.entries[i].variable->function) ==
           '\0';
}

/* The variables of the function, or of the file outside of them, that `first` is in. */
static uint32_t put_variables(struct encoding *encoding, uint32_t first)
{
    uint32_t i = first;
    for (; i < encoding->statics.count && !encode_is_stopped(encoding) &&
           statics_same_function(&encoding->statics, first, i);
         i++) {
        if (i > first) {
            sink_char(&encoding->sink, ',');
        }
        put_variable(encoding, &encoding->statics.entries[i]);
    }
    return i;
}

uint32_t encode_function(struct encoding *encoding, uint32_t first)
{
    sink_char(&encoding->sink, '{');
    uint32_t next = put_variables(encoding, first);
    sink_char(&encoding->sink, '}');
    return next;
}

uint32_t encode_file(struct encoding *encoding, uint32_t first)
{
    const struct statics *statics = &encoding->statics;
    struct sink *sink = &encoding->sink;
    sink_char(sink, '{');
    uint32_t i = is_outside(encoding, first) ? put_variables(encoding, first) : first;
    while (i < statics->count && !encode_is_stopped(encoding) &&
           statics_same_file(statics, first, i)) {
        struct text name = {0};
        if (i > first) {
            sink_char(sink, ',');
        }
        statics_function(statics, &statics->entries[i], &name);
        encode_string(encoding, text_string(&name), name.len);
        text_finish(&name);
        sink_char(sink, ':');
        i = encode_function(encoding, i);
    }
    sink_char(sink, '}');
    return i;
}

void encode_statics(struct encoding *encoding)
{
    const struct statics *statics = &encoding->statics;
    sink_char(&encoding->sink, '{');
    for (uint32_t i = 0; i < statics->count && !encode_is_stopped(encoding);) {
        const char *file = layout_string(encoding->layout, statics->entries[i].variable->file);
        if (i > 0) {
            sink_char(&encoding->sink, ',');
        }
        encode_string(encoding, file, strlen(file));
        sink_char(&encoding->sink, ':');
        i = encode_file(encoding, i);
    }
    sink_char(&encoding->sink, '}');
}

/* ---- the whole ---- */

void encode_document(struct encoding *encoding)
{
    static const struct path_spot state = {0, 0, 1, 0, 0};
    const struct layout_type *type = layout_state(encoding->layout);
    const unsigned char *bytes = encoding->image->state;
    bool none = type->kind == LAYOUT_BYTES && type->size == 0;
    bool some = false;
    if (type->kind != LAYOUT_STRUCT && !none && !encoding->state_member) {
        encode_value(encoding, &state, bytes);
        return;
    }
    sink_char(&encoding->sink, '{');
    if (encoding->state_member) {
        sink_puts(&encoding->sink, "\"$state\":");
        encode_value(encoding, &state, bytes);
        some = true;
    } else if (!none) {
        some = encode_members(encoding, 0, bytes);
    }
    if (encoding->has_heap && !encode_is_stopped(encoding)) {
        sink_puts(&encoding->sink, some ? ",\"$heap\":" : "\"$heap\":");
        encode_heap(encoding);
        some = true;
    }
    if (encoding->has_statics && !encode_is_stopped(encoding)) {
        sink_puts(&encoding->sink, some ? ",\"$statics\":" : "\"$statics\":");
        encode_statics(encoding);
        some = true;
    }
    some = encode_types(encoding, some);
    encode_words(encoding, some);
    sink_char(&encoding->sink, '}');
}

static bool open_heap(struct encoding *encoding)
{
    if (!image_objects(encoding->image, &encoding->heap, encoding->err)) {
        encoding->failed = true;
        return false;
    }
    encoding->has_heap = encoding->heap.count > 0;
    return true;
}

/* Variables of an image that has none are not those of this process's library. */
static bool has_variables(const struct image *image)
{
    return image->variables != NULL || image->alive;
}

static bool open_parts(struct encoding *encoding, const struct encode_wanted *wanted)
{
    const struct layout_type *state = layout_state(encoding->layout);
    if (state->size > encoding->image->state_size ||
        (encoding->image->state == NULL && state->size > 0)) {
        return fail(encoding, "its state is shorter than the layout says");
    }
    if (!open_heap(encoding)) {
        return false;
    }
    if (wanted->statics && has_variables(encoding->image)) {
        if (!statics_open(&encoding->statics, encoding->layout)) {
            encoding->failed = true;
            return error_set(encoding->err, ERROR_SYSTEM, "no memory for the variables");
        }
        encoding->has_statics = encoding->statics.count > 0;
    }
    bool words = wanted->exact && encoding->layout->head->enumerators > 0;
    encoding->words = words ? calloc(encoding->layout->head->enumerators, 1) : NULL;
    if (words && encoding->words == NULL) {
        encoding->failed = true;
        return error_set(encoding->err, ERROR_SYSTEM, "no memory for the names of numbers");
    }
    encoding->state_member = state->kind != LAYOUT_STRUCT && state->size > 0 &&
                             (encoding->has_heap || encoding->has_statics || wanted->exact);
    encoding->exact = wanted->exact;
    return true;
}

bool encode_image(const struct image *image, const struct encode_wanted *wanted,
                  encode_write *write, void *ctx, struct error *err)
{
    struct encoding encoding = {.image = image, .layout = image->layout, .err = err};
    encoding.roster = roster_create(image->layout);
    if (!sink_open(&encoding.sink, write, ctx) || encoding.roster == NULL) {
        encoding.failed = true;
        (void)error_set(err, ERROR_SYSTEM, "no memory to write a state as JSON");
        goto out;
    }
    if (open_parts(&encoding, wanted)) {
        if (wanted->pointer == NULL || wanted->pointer[0] == '\0') {
            encode_document(&encoding);
        } else {
            encode_named(&encoding, wanted->pointer);
        }
    }
    if (!encoding.failed) {
        sink_flush(&encoding.sink);
    }
    if (!encoding.failed && encoding.sink.failed) {
        encoding.failed = true;
        (void)error_set(err, ERROR_LIMIT, "the JSON of the state was not taken in whole");
    }
out:
    heap_close(&encoding.heap);
    statics_close(&encoding.statics);
    roster_destroy(encoding.roster);
    sink_close(&encoding.sink);
    free(encoding.words);
    text_finish(&encoding.scratch);
    return !encoding.failed;
}
