#include "host/heap_service.h"

#include "host/host.h"
#include "host/views.h"
#include "layout/heap.h"
#include "layout/layout.h"

enum { /* what a generation was told once: bits of heap_told */
    TOLD_THREAD = 1,
    TOLD_NO_HEAP = 2,
    TOLD_NO_ROOM = 4,
    TOLD_FREE = 8 /* shifted by enum heap_mistake */
};

/* A module that errs does so again and again: each kind is told once. [any thread] */
static void tell(struct generation *generation, unsigned what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void tell(struct generation *generation, unsigned what, const char *format, ...)
{
    char line[1024];
    va_list args;
    if ((atomic_fetch_or(&generation->heap_told, what) & what) != 0) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    generation->api.log(&generation->api, HOTRUN_LOG_WARN, line);
}

static bool is_taken(const struct generation *other, uint64_t address)
{
    return other != NULL && other->heap != NULL && heap_address(other->heap) == address;
}

struct heap *heap_service_of(struct generation *generation, struct error *err)
{
    struct host *host = generation->host;
    if (generation->heap != NULL) {
        return generation->heap;
    }
    uint64_t first = host->slots.address + HEAP_OFFSET;
    uint64_t address = first + (generation->slot == 1 ? SLOT_STRIDE : 0);
    if (is_taken(host->current, address) || is_taken(host->older, address)) {
        address = address == first ? first + SLOT_STRIDE : first;
    }
    generation->heap = heap_create(address, host->setup.state_max_size, err);
    return generation->heap;
}

static bool is_main(struct generation *generation, const char *what)
{
    if (pthread_equal(pthread_self(), generation->host->main_thread)) {
        return true;
    }
    tell(generation, TOLD_THREAD, "%s on another thread than the main one does nothing", what);
    return false;
}

static void *service_alloc(const hotrun_host *api, const void *mark, size_t element, size_t count,
                           size_t align)
{
    struct generation *generation = api->ctx;
    struct error err;
    if (!is_main(generation, "hotrun_alloc")) {
        return NULL;
    }
    struct heap *heap = heap_service_of(generation, &err);
    if (heap == NULL) {
        tell(generation, TOLD_NO_HEAP, "hotrun_alloc gives nothing: %s", err.text);
        return NULL;
    }
    /* Code of an older generation that is still called has marks that say nothing here. */
    bool known = mark != NULL && library_contains(generation->library, mark);
    uint64_t place = known ? (uintptr_t)mark - library_base(generation->library) : 0;
    uint32_t type = LAYOUT_NONE;
    if (known && generation->layout != NULL) {
        type = layout_mark_at(generation->layout, place);
        bool fits = type != LAYOUT_NONE && generation->layout->types[type].size == element;
        type = fits ? type : LAYOUT_NONE;
        place = 0;
    }
    void *object = heap_alloc(heap, type, place, element, count, align);
    if (object == NULL && element > 0 && count > 0) {
        (void)heap_explain(heap, element, count, &err);
        tell(generation, TOLD_NO_ROOM,
             "hotrun_alloc has no room for %zu times %zu bytes, aligned to %zu: %s", count, element,
             align, err.text);
    }
    views_tell_heap(generation);
    return object;
}

static void service_free(const hotrun_host *api, void *object)
{
    static const char *const mistakes[] = {
        [HEAP_FREED] = "it was freed before",
        [HEAP_INSIDE] = "it lies in an object, whose address was another one",
        [HEAP_FOREIGN] = "hotrun_alloc did not give it to this generation"};
    struct generation *generation = api->ctx;
    if (object == NULL || !is_main(generation, "hotrun_free")) {
        return;
    }
    if (generation->heap != NULL && heap_free(generation->heap, object)) {
        views_tell_heap(generation);
        return;
    }
    enum heap_mistake mistake =
        generation->heap != NULL ? heap_mistake(generation->heap, object) : HEAP_FOREIGN;
    tell(generation, (unsigned)TOLD_FREE << mistake, "hotrun_free of %p does nothing: %s", object,
         mistakes[mistake]);
}

const hotrun_heap heap_service = {
    .size = (uint32_t)sizeof(hotrun_heap), .alloc = service_alloc, .free = service_free};
