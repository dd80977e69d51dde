#include "host/views.h"

#include "base/hash.h"
#include "codec/encode.h"
#include "host/heap_service.h"
#include "host/host.h"
#include "layout/heap.h"

#include <stdlib.h>

#define VARIABLES_TOLD 6

/* The compiler may have left no place that a variable could be carried to. */
static void warn_of_variables(struct host *host, const struct layout *layout)
{
    struct text named = {.limit = 1500};
    size_t count = 0;
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        const struct layout_variable *one = &layout->variables[i];
        if ((one->flags & (LAYOUT_CARRIED | LAYOUT_RESET | LAYOUT_FIXED)) == 0 &&
            count++ < VARIABLES_TOLD) {
            (void)text_printf(&named, "%s%.100s (%.100s): %.200s", named.len > 0 ? "; " : "",
                              layout_string(layout, one->name), layout_string(layout, one->file),
                              layout_string(layout, one->reason));
        }
    }
    uint64_t hash = hash_bytes(text_string(&named), named.len);
    if (count > 0 && hash != host->uncarried_told) {
        host->uncarried_told = hash;
        host_note(host, LOG_WARN, "%zu variable%s start%s anew at each reload: %s%s", count,
                  count == 1 ? "" : "s", count == 1 ? "s" : "", text_string(&named),
                  count > VARIABLES_TOLD ? "; ..." : "");
    }
    text_finish(&named);
}

bool views_take_layout(struct generation *generation, struct layout *layout, struct error *err)
{
    uint64_t size = layout_state(layout)->size;
    if (size != generation->module->state_size) {
        return error_set(err, ERROR_FORMAT,
                         "its debug info tells of a state of %llu bytes, the module of %zu",
                         (unsigned long long)size, generation->module->state_size);
    }
    generation->layout = layout_keep(layout);
    generation->state_reach = reach_of(layout, layout->head->state_types);
    generation->all_reach = reach_of(layout, layout->head->types);
    if (generation->heap != NULL) {
        heap_resolve(generation->heap, layout);
    }
    if (generation->host->setup.statics) {
        warn_of_variables(generation->host, layout);
    }
    return true;
}

static bool has_variables(const struct generation *generation)
{
    return generation->host->setup.statics && generation->layout->head->variables_size > 0;
}

static uint64_t heap_bytes(const struct generation *generation)
{
    return generation->heap != NULL ? heap_total(generation->heap) : 0;
}

void views_tell_heap(const struct generation *generation)
{
    if (generation == generation->host->current) {
        atomic_store_explicit(&generation->host->page->heap_bytes, heap_bytes(generation),
                              memory_order_relaxed);
    }
}

bool views_has_parts(const struct generation *generation)
{
    return generation->layout != NULL && (generation->module->state_size > 0 ||
                                          has_variables(generation) || heap_bytes(generation) > 0);
}

uint64_t views_size(const struct generation *generation)
{
    uint64_t size = generation->module->state_size + heap_bytes(generation);
    return generation->layout != NULL && has_variables(generation)
               ? size + generation->layout->head->variables_size
               : size;
}

enum reach views_reach(const struct generation *generation, const struct generation *older)
{
    bool objects = heap_bytes(generation) > 0 || heap_bytes(older) > 0;
    bool more = generation->host->setup.statics || objects;
    return more ? generation->all_reach : generation->state_reach;
}

/* ---- images ---- */

/* Where a large state's file has holes, there is nothing to look at. */
static image_data *data_of(struct generation *generation)
{
    for (int i = 0; i < 2; i++) {
        const struct slot *slot = &generation->host->slots.slot[i];
        if (slot->base == generation->state && generation->state != NULL) {
            generation->file =
                (struct image_file){.fd = slot->fd, .size = generation->module->state_size};
            return image_file_data;
        }
    }
    return NULL;
}

struct image views_image(struct generation *generation)
{
    return (struct image){.layout = generation->layout,
                          .state = generation->state,
                          .state_size = generation->module->state_size,
                          .state_address = (uintptr_t)generation->state,
                          .objects = generation->heap,
                          .module_base = library_base(generation->library),
                          .alive = true,
                          .data = data_of(generation),
                          .data_ctx = &generation->file};
}

static const void *keep_text(void *ctx, const void *bytes, size_t len)
{
    struct host *host = ctx;
    return kept_texts_add(&host->texts, bytes, len);
}

struct target views_target(struct generation *generation)
{
    return (struct target){.layout = generation->layout,
                           .state = generation->state,
                           .data = data_of(generation),
                           .data_ctx = &generation->file,
                           .heap = generation->heap,
                           .module_base = library_base(generation->library),
                           .statics = generation->host->setup.statics,
                           .keep = keep_text,
                           .ctx = generation->host};
}

bool views_target_with_heap(struct generation *generation, struct target *target, struct error *err)
{
    struct heap *heap = heap_service_of(generation, err);
    if (heap == NULL) {
        return false;
    }
    *target = views_target(generation);
    return true;
}

bool views_parts(struct generation *generation, struct view_parts *parts, struct error *err)
{
    struct host *host = generation->host;
    struct image image = views_image(generation);
    unsigned char *variables = NULL;
    uint64_t bytes = views_size(generation);
    if (bytes > host->setup.pin_limit) {
        return error_set(err, ERROR_LIMIT,
                         "the state takes %llu bytes, state.pin_limit is %llu: raise the limit",
                         (unsigned long long)bytes, (unsigned long long)host->setup.pin_limit);
    }
    if (has_variables(generation)) {
        size_t size = (size_t)generation->layout->head->variables_size;
        if (host->variables_size < size) {
            free(host->variables);
            host->variables = malloc(size);
            host->variables_size = host->variables != NULL ? size : 0;
        }
        variables = host->variables;
        if (variables == NULL) {
            return error_set(err, ERROR_SYSTEM, "no memory for %zu bytes of variables", size);
        }
    }
    parts->count = image_parts(&image, &parts->head, variables, parts->list);
    parts->len = 0;
    for (size_t i = 0; i < parts->count; i++) {
        parts->len += parts->list[i].len;
    }
    return parts->count > 0 ||
           error_set(err, ERROR_SYSTEM, "no memory for a list of the heap's objects");
}

/* ---- text ---- */

static bool write_text(void *ctx, const char *text, size_t len)
{
    return text_append(ctx, text, len);
}

bool views_encode_image(struct host *host, const struct image *image, bool statics,
                        struct text *json, struct error *err)
{
    struct encode_wanted wanted = {.statics = statics && host->setup.statics};
    text_clear(json);
    json->limit = host->setup.state_max_json;
    if (encode_image(image, &wanted, write_text, json, err)) {
        return true;
    }
    return json->failed
               ? error_set(err, ERROR_LIMIT,
                           "the state's JSON takes more than the %llu bytes that state.max_json "
                           "allows: raise the limit",
                           (unsigned long long)host->setup.state_max_json)
               : false;
}

bool views_encode(struct generation *generation, bool statics, struct text *json, struct error *err)
{
    struct image image = views_image(generation);
    return views_encode_image(generation->host, &image, statics, json, err);
}

bool views_encode_value(struct generation *generation, const char *pointer, size_t limit,
                        struct text *json, struct error *err)
{
    struct image image = views_image(generation);
    struct encode_wanted wanted = {.statics = generation->host->setup.statics, .pointer = pointer};
    text_clear(json);
    json->limit = limit;
    if (encode_image(&image, &wanted, write_text, json, err)) {
        return true;
    }
    return json->failed ? error_set(err, ERROR_LIMIT, "the value takes more than %zu bytes", limit)
                        : false;
}
