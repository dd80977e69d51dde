#include "codec/encode_parts.h"

#include "layout/within.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The type of the pointer that the word at `offset` is, as moves take it (run_pointer.c).
 * LAYOUT_NONE: it is none. */
static uint32_t pointer_at(struct encoding *encoding, uint32_t type, uint64_t offset, uint64_t word)
{
    bool surely;
    if (word == 0) {
        return LAYOUT_NONE;
    }
    struct bound bound = bind_look(encoding->image, encoding->has_heap ? &encoding->heap : NULL,
                                   encoding->has_statics, word);
    uint32_t found = within_pointer(encoding->layout, type, offset, &bound, &surely);
    return !surely && bound.what == POINTEE_FOREIGN ? LAYOUT_NONE : found;
}

/* The pointer words of `bytes`, from offset *at on, one after the other; *type is that of the
 * pointer. False: no more. */
static bool next_pointer(struct encoding *encoding, const struct path_spot *spot, uint64_t step,
                         const unsigned char *bytes, uint64_t *at, uint32_t *type, uint64_t *word)
{
    uint64_t size = encoding->layout->types[spot->type].size;
    for (; *at + sizeof *word <= size; *at += step) {
        memcpy(word, bytes + *at, sizeof *word);
        *type = pointer_at(encoding, spot->type, *at, *word);
        if (*type != LAYOUT_NONE) {
            *at += sizeof *word;
            return true;
        }
    }
    return false;
}

/* Without the addresses, which say something in one process alone. */
static void put_bytes(struct encoding *encoding, const struct path_spot *spot, uint64_t step,
                      const unsigned char *bytes)
{
    uint64_t size = encoding->layout->types[spot->type].size, at = 0, word;
    uint32_t type;
    unsigned char *copy = malloc((size_t)size + 1);
    if (copy == NULL) {
        encoding->failed = true;
        (void)error_set(encoding->err, ERROR_SYSTEM, "no memory for the bytes of a union");
        return;
    }
    memcpy(copy, bytes, (size_t)size);
    while (next_pointer(encoding, spot, step, bytes, &at, &type, &word)) {
        memset(copy + at - sizeof word, 0, sizeof word);
    }
    encode_bytes_open(encoding, copy, size);
    free(copy);
}

static void put_pointers(struct encoding *encoding, const struct path_spot *spot, uint64_t step,
                         const unsigned char *bytes)
{
    uint64_t at = 0, word;
    uint32_t type;
    bool some = false;
    while (!encode_is_stopped(encoding) &&
           next_pointer(encoding, spot, step, bytes, &at, &type, &word)) {
        char name[48];
        (void)snprintf(name, sizeof name, "%s\"%llu\":", some ? "," : "\",\"pointers\":{",
                       (unsigned long long)(at - sizeof word));
        sink_puts(&encoding->sink, name);
        encode_pointer(encoding, type, word);
        some = true;
    }
    sink_puts(&encoding->sink, some ? "}}" : "\"}");
}

void encode_union(struct encoding *encoding, uint32_t type, const unsigned char *bytes)
{
    const struct path_spot spot = {type, 0, 1, 0, 0};
    uint64_t step = within_pointer_step(encoding->layout, type);
    if (step == 0) {
        encode_bytes(encoding, bytes, encoding->layout->types[type].size);
        return;
    }
    put_bytes(encoding, &spot, step, bytes);
    put_pointers(encoding, &spot, step, bytes);
}
