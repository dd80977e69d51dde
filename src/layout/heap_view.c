#include "layout/heap_parts.h"

#include "base/sorted.h"
#include "layout/layout.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC     "hotheap1"
#define GAP_LEAST 4096 /* bytes that are worth a piece more */

static size_t objects_len(uint64_t count)
{
    size_t len = (size_t)count * sizeof(struct heap_object);
    return len + (size_t)-len % HEAP_GRAIN;
}

/* The longest stretch without an object: what is hidden may be as large as all the others. */
static void find_gap(const struct heap *heap, const struct heap_object *objects,
                     struct heap_head *head)
{
    uint64_t end = 0;
    head->gap = head->size;
    head->gap_len = 0;
    for (uint64_t i = 0; i <= heap->count; i++) {
        bool last = i == heap->count;
        uint64_t next = last ? head->size : objects[i].offset;
        if (next - end >= GAP_LEAST && next - end > head->gap_len) {
            head->gap = end;
            head->gap_len = next - end;
        }
        uint64_t len = last ? 0 : objects[i].size * objects[i].count;
        end = (next + len + HEAP_GRAIN - 1) / HEAP_GRAIN * HEAP_GRAIN;
    }
}

size_t heap_pieces(struct heap *heap, struct heap_piece pieces[HEAP_PIECES])
{
    struct heap_object *objects = heap_sorted(heap);
    if (objects == NULL) {
        return 0;
    }
    memset(&objects[heap->count], 0, sizeof *objects);
    memcpy(heap->head.magic, MAGIC, sizeof heap->head.magic);
    heap->head.address = heap->address;
    heap->head.count = heap->count;
    heap->head.size = heap->count == 0 ? 0 : heap->used;
    find_gap(heap, objects, &heap->head);
    pieces[0] = (struct heap_piece){&heap->head, sizeof heap->head};
    if (heap->count == 0) {
        return 1;
    }
    uint64_t behind = heap->head.gap + heap->head.gap_len;
    pieces[1] = (struct heap_piece){objects, objects_len(heap->count)};
    pieces[2] = (struct heap_piece){heap->base, (size_t)heap->head.gap};
    pieces[3] = (struct heap_piece){heap->base + behind, (size_t)(heap->head.size - behind)};
    return HEAP_PIECES;
}

/* ---- finding ---- */

/* For each stretch of 1 << shift bytes, the first object that begins in it or behind it: about one
 * object to a stretch, so that a look-up is a step or two when they are spread evenly. */
struct index {
    unsigned shift;
    uint32_t first[];
};

static bool make_index(struct heap_view *view)
{
    unsigned shift = 4;
    while (view->size >> shift > view->count * 2) {
        shift++;
    }
    size_t stretches = (size_t)(view->size >> shift) + 2;
    struct index *index = malloc(sizeof *index + stretches * sizeof index->first[0]);
    if (index == NULL) {
        return false;
    }
    index->shift = shift;
    size_t next = 0;
    for (size_t i = 0; i < stretches; i++) {
        while (next < view->count && view->objects[next].offset >> shift < i) {
            next++;
        }
        index->first[i] = (uint32_t)next;
    }
    view->owned = index;
    return true;
}

const struct heap_object *heap_find(const struct heap_view *view, uint64_t address)
{
    const struct index *index = view->owned;
    uint64_t offset = address - view->address;
    if (address < view->address || offset > view->size || view->count == 0) {
        return NULL;
    }
    size_t stretch = (size_t)(offset >> index->shift);
    size_t first = index->first[stretch];
    size_t low =
        first + sorted_upto(&view->objects[first], index->first[stretch + 1] - first,
                            sizeof view->objects[0], offsetof(struct heap_object, offset), offset);
    if (low == 0) {
        return NULL;
    }
    const struct heap_object *object = &view->objects[low - 1];
    return offset - object->offset <= object->size * object->count ? object : NULL;
}

/* ---- opening ---- */

static bool check_object(const struct heap_object *object, uint64_t from, uint64_t size,
                         uint64_t number, struct error *err)
{
    uint64_t len;
    bool aligned = object->align != 0 && object->align <= HEAP_ALIGN_MOST &&
                   (object->align & (object->align - 1)) == 0 &&
                   object->offset % object->align == 0;
    if (!aligned || object->size == 0 || object->count == 0 ||
        __builtin_mul_overflow(object->size, object->count, &len) || len > size) {
        return error_set(err, ERROR_FORMAT,
                         "heap object %llu is damaged: %llu times %llu bytes, aligned to %u",
                         (unsigned long long)number, (unsigned long long)object->count,
                         (unsigned long long)object->size, object->align);
    }
    if (object->offset < from) {
        return error_set(err, ERROR_FORMAT, "heap object %llu lies in the one before it",
                         (unsigned long long)number);
    }
    return object->offset <= size - len ||
           error_set(err, ERROR_FORMAT, "heap object %llu lies outside of the heap's %llu bytes",
                     (unsigned long long)number, (unsigned long long)size);
}

static bool check_objects(const struct heap_view *view, struct error *err)
{
    uint64_t end = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct heap_object *object = &view->objects[i];
        if (!check_object(object, end, view->size, i, err)) {
            return false;
        }
        end = object->offset + object->size * object->count;
        if (end > view->gap && object->offset < view->gap + view->gap_len) {
            return error_set(err, ERROR_FORMAT, "the bytes of heap object %zu are left out", i);
        }
    }
    return true;
}

bool heap_open(struct heap_view *view, const void *block, size_t len, struct error *err)
{
    *view = (struct heap_view){0};
    struct heap_head head;
    if (len < sizeof head || (uintptr_t)block % sizeof(uint64_t) != 0) {
        return error_set(err, ERROR_FORMAT, "%zu bytes are no heap", len);
    }
    memcpy(&head, block, sizeof head);
    if (memcmp(head.magic, MAGIC, sizeof head.magic) != 0) {
        return error_set(err, ERROR_FORMAT, "it is no heap: it begins with other bytes");
    }
    size_t rest = len - sizeof head;
    if (head.count > rest / sizeof(struct heap_object) || head.count >= UINT32_MAX ||
        head.size > HEAP_SIZE_MAX || (head.count == 0 && head.size != 0) || head.gap > head.size ||
        head.gap_len > head.size - head.gap || head.gap % HEAP_GRAIN != 0 ||
        head.gap_len % HEAP_GRAIN != 0 ||
        objects_len(head.count) + head.size - head.gap_len != rest) {
        return error_set(err, ERROR_FORMAT,
                         "the heap says %llu objects in %llu bytes, which do not make its %zu",
                         (unsigned long long)head.count, (unsigned long long)head.size, len);
    }
    if (head.address % HEAP_ALIGN_MOST != 0 || head.address > UINT64_MAX - 2 * HEAP_SIZE_MAX) {
        return error_set(err, ERROR_FORMAT, "the heap says that it lay at 0x%llx",
                         (unsigned long long)head.address);
    }
    const unsigned char *bytes = block;
    *view = (struct heap_view){.address = head.address,
                               .objects = (const void *)(bytes + sizeof head),
                               .count = (size_t)head.count,
                               .bytes = bytes + sizeof head + objects_len(head.count),
                               .size = head.size,
                               .gap = head.gap,
                               .gap_len = head.gap_len};
    return check_objects(view, err) &&
           (make_index(view) || error_set(err, ERROR_SYSTEM, "no memory to look into a heap"));
}

bool heap_look(struct heap_view *view, struct heap *heap)
{
    const struct heap_object *objects = heap_sorted(heap);
    *view = (struct heap_view){.address = heap->address,
                               .objects = objects,
                               .count = (size_t)heap->count,
                               .bytes = heap->base,
                               .size = heap->used};
    return objects != NULL && make_index(view);
}

void heap_close(struct heap_view *view)
{
    free(view->owned);
    *view = (struct heap_view){0};
}
