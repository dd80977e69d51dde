#include "layout/layout.h"

#include "base/hash.h"
#include "layout/layout_check.h"
#include "layout/layout_index.h"

#include <stdlib.h>
#include <string.h>

static const char magic[8] = LAYOUT_MAGIC;

struct cut { /* the block, of which arrays are cut one after the other */
    const unsigned char *at;
    size_t left;
    bool ok;
};

static const void *take(struct cut *cut, size_t count, size_t size)
{
    const void *array = cut->at;
    size_t len = count * size; /* counts are bounded before */
    len += (size_t)-len % 8;
    if (!cut->ok || len > cut->left) {
        cut->ok = false;
        return NULL;
    }
    cut->at += len;
    cut->left -= len;
    return array;
}

static bool counts_are_sane(const struct layout_head *head)
{
    return head->types >= 1 && head->types <= LAYOUT_TYPES_MOST &&
           head->state_types <= head->types && head->state_types >= 1 &&
           head->fields <= LAYOUT_FIELDS_MOST && head->enumerators <= LAYOUT_FIELDS_MOST &&
           head->variables <= LAYOUT_FIELDS_MOST && head->symbols <= 4 * LAYOUT_FIELDS_MOST &&
           head->marks <= LAYOUT_FIELDS_MOST && head->strings >= 1 &&
           head->span <= LAYOUT_SPAN_MOST && head->text_size <= LAYOUT_BYTES_MOST &&
           head->text_address <= head->span && head->text_size <= head->span - head->text_address;
}

static bool set_arrays(struct layout *layout, const unsigned char *block, size_t len)
{
    const struct layout_head *head = (const void *)block;
    struct cut cut = {block + sizeof *head, len - sizeof *head, true};
    layout->head = head;
    layout->types = take(&cut, head->types, sizeof *layout->types);
    layout->fields = take(&cut, head->fields, sizeof *layout->fields);
    layout->enumerators = take(&cut, head->enumerators, sizeof *layout->enumerators);
    layout->variables = take(&cut, head->variables, sizeof *layout->variables);
    layout->symbols = take(&cut, head->symbols, sizeof *layout->symbols);
    layout->by_name = take(&cut, head->symbols, sizeof *layout->by_name);
    layout->marks = take(&cut, head->marks, sizeof *layout->marks);
    layout->strings = take(&cut, head->strings, 1);
    layout->text = take(&cut, head->text_size, 1);
    if (head->text_size == 0) {
        layout->text = NULL;
    }
    return cut.ok && cut.left == 0 && layout->strings[head->strings - 1] == '\0';
}

struct layout *layout_open(const void *bytes, size_t len, struct error *err)
{
    struct layout_head head;
    struct layout *layout = NULL;
    unsigned char *block = NULL;
    if (len < sizeof head || len > LAYOUT_BYTES_MOST) {
        (void)error_set(err, ERROR_FORMAT, "%zu bytes are no layout", len);
        return NULL;
    }
    memcpy(&head, bytes, sizeof head);
    if (memcmp(head.magic, magic, sizeof magic) != 0 || head.len != len ||
        !counts_are_sane(&head)) {
        (void)error_set(err, ERROR_FORMAT, "it is no layout");
        return NULL;
    }
    layout = calloc(1, sizeof *layout);
    block = malloc(len);
    if (layout == NULL || block == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no memory for a layout of %zu bytes", len);
        goto fail;
    }
    memcpy(block, bytes, len);
    size_t hashed = offsetof(struct layout_head, shape);
    if (head.hash != hash_bytes(block + hashed, len - hashed) || !set_arrays(layout, block, len)) {
        (void)error_set(err, ERROR_FORMAT, "the layout is damaged");
        goto fail;
    }
    if (!layout_check(layout, err)) {
        goto fail;
    }
    layout->index = layout_index_create(layout);
    if (layout->index == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no memory for a layout of %zu bytes", len);
        goto fail;
    }
    layout->references = 1;
    return layout;
fail:
    free(block);
    free(layout);
    return NULL;
}

const void *layout_block(const struct layout *layout)
{
    return layout->head;
}

struct layout *layout_keep(struct layout *layout)
{
    layout->references++;
    return layout;
}

void layout_drop(struct layout **layout)
{
    struct layout *old = *layout;
    *layout = NULL;
    if (old != NULL && --old->references == 0) {
        layout_index_destroy(old->index);
        free((void *)(uintptr_t)old->head);
        free(old);
    }
}
