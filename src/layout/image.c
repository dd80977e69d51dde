#define _GNU_SOURCE /* SEEK_DATA */
#include "layout/image.h"

#include "layout/heap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PART_ALIGN 16

static const char magic[8] = {'h', 'r', 'i', 'm', 'a', 'g', 'e', '1'};
static const unsigned char zeros[PART_ALIGN];

static size_t filling(uint64_t size)
{
    return (size_t)-size % PART_ALIGN;
}

/* ---- writing ---- */

struct parts {
    struct image_part *list;
    size_t count;
};

static void put(struct parts *parts, const void *bytes, size_t len)
{
    if (len > 0) {
        parts->list[parts->count++] = (struct image_part){bytes, len};
    }
}

static bool put_heap(struct parts *parts, const struct image *image, uint64_t *size)
{
    struct heap_piece pieces[HEAP_PIECES];
    *size = image->heap_size;
    if (image->objects == NULL) {
        put(parts, image->heap, (size_t)image->heap_size);
        return true;
    }
    size_t count = heap_pieces(image->objects, pieces);
    *size = 0;
    for (size_t i = 0; i < count; i++) {
        put(parts, pieces[i].bytes, pieces[i].len);
        *size += pieces[i].len;
    }
    return count > 0;
}

static void gather_variables(const struct image *image, unsigned char *variables)
{
    const struct layout *layout = image->layout;
    memset(variables, 0, (size_t)layout->head->variables_size);
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        const unsigned char *bytes = image_variable(image, i);
        size_t size = (size_t)layout->types[layout->variables[i].type].size;
        if (bytes != NULL && size > 0) {
            memcpy(variables + layout->variables[i].image, bytes, size);
        }
    }
}

size_t image_parts(const struct image *image, struct image_head *head, unsigned char *variables,
                   struct image_part list[IMAGE_PARTS])
{
    struct parts parts = {.list = list};
    *head = (struct image_head){
        .layout = image->layout->head->hash,
        .state_size = image->state_size,
        .state_address = image->state_address,
        .heap_address = image->objects == NULL ? image->heap_address : heap_address(image->objects),
        .module_base = image->module_base};
    memcpy(head->magic, magic, sizeof magic);
    put(&parts, head, sizeof *head);
    put(&parts, image->state, (size_t)image->state_size);
    put(&parts, zeros, filling(image->state_size));
    if (!put_heap(&parts, image, &head->heap_size)) {
        return 0;
    }
    put(&parts, zeros, filling(head->heap_size));
    if (variables != NULL) {
        head->variables_size = image->layout->head->variables_size; /* a multiple of 16 */
        gather_variables(image, variables);
        put(&parts, variables, (size_t)head->variables_size);
    }
    return parts.count;
}

/* ---- reading ---- */

uint64_t image_layout(const void *bytes, size_t len)
{
    struct image_head head;
    if (len < sizeof head) {
        return 0;
    }
    memcpy(&head, bytes, sizeof head);
    return memcmp(head.magic, magic, sizeof magic) == 0 ? head.layout : 0;
}

/* Moves *at behind a part of `size` bytes. */
static bool skip(uint64_t size, size_t len, size_t *at)
{
    if (size > len - *at || filling(size) > len - *at - size) {
        return false;
    }
    *at += (size_t)size + filling(size);
    return true;
}

static bool lies_well(uint64_t address, uint64_t size)
{
    return size <= UINT64_MAX - address;
}

bool image_read(struct image *image, const void *bytes, size_t len, const struct layout *layout,
                struct error *err)
{
    struct image_head head;
    *image = (struct image){.layout = layout};
    if (image_layout(bytes, len) == 0) {
        return error_set(err, ERROR_FORMAT, "%zu bytes are no image of a state", len);
    }
    memcpy(&head, bytes, sizeof head);
    if (head.layout != layout->head->hash) {
        return error_set(err, ERROR_FORMAT, "the image of the state is of another layout");
    }
    size_t heap = sizeof head, variables, end;
    bool ok = skip(head.state_size, len, &heap);
    variables = heap;
    ok = ok && skip(head.heap_size, len, &variables);
    end = variables;
    ok = ok && skip(head.variables_size, len, &end) && end == len &&
         lies_well(head.state_address, head.state_size) &&
         lies_well(head.module_base, layout->head->span);
    if (!ok || head.state_size != layout_state(layout)->size ||
        (head.variables_size != 0 && head.variables_size != layout->head->variables_size)) {
        return error_set(err, ERROR_FORMAT, "the image of the state is damaged");
    }
    unsigned char *start = (unsigned char *)(uintptr_t)bytes;
    image->state = start + sizeof head;
    image->state_size = head.state_size;
    image->state_address = head.state_address;
    image->heap = head.heap_size > 0 ? start + heap : NULL;
    image->heap_size = head.heap_size;
    image->heap_address = head.heap_address;
    image->variables = head.variables_size > 0 ? start + variables : NULL;
    image->module_base = head.module_base;
    return true;
}

/* ---- what lies in it ---- */

bool image_objects(const struct image *image, struct heap_view *view, struct error *err)
{
    *view = (struct heap_view){0};
    if (image->objects != NULL) {
        return heap_look(view, image->objects) ||
               error_set(err, ERROR_SYSTEM, "no memory for looking at the heap's objects");
    }
    return image->heap == NULL || heap_open(view, image->heap, (size_t)image->heap_size, err);
}

unsigned char *image_variable(const struct image *image, uint32_t i)
{
    const struct layout_variable *variable = &image->layout->variables[i];
    if ((variable->flags & LAYOUT_CARRIED) == 0) {
        return NULL;
    }
    if (image->variables != NULL) {
        return image->variables + variable->image;
    }
    return image->alive ? (unsigned char *)(uintptr_t)(image->module_base + variable->address)
                        : NULL;
}

/* ---- what is not zero ---- */

bool image_file_data(void *ctx, uint64_t offset, uint64_t *start, uint64_t *end)
{
    const struct image_file *file = ctx;
    if (offset >= file->size) {
        return false;
    }
    off_t data = lseek(file->fd, (off_t)(file->offset + offset), SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
        return false;
    }
    off_t hole = data < 0 ? -1 : lseek(file->fd, data, SEEK_HOLE);
    *start = data < 0 ? offset : (uint64_t)data - file->offset;
    *end = hole < 0 ? file->size : (uint64_t)hole - file->offset;
    *end = *end < file->size ? *end : file->size;
    return *start < file->size;
}
