#include "host/generation.h"

#include "base/hash.h"
#include "host/host.h"
#include "layout/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void warn_of_strays(struct host *host, const struct generation *generation)
{
    struct text strays = {.limit = 8192};
    size_t count = library_strays(generation->library, &strays);
    uint64_t hash = hash_bytes(text_string(&strays), strays.len);
    if (count > 0 && hash != host->strays_told) {
        char *rest = NULL;
        for (char *line = strtok_r(strays.data, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            host_note(host, LOG_WARN, "%s", line);
        }
        host->strays_told = hash;
    }
    text_finish(&strays);
}

struct generation *generation_create(struct host *host, const struct load *load,
                                     enum swap_stage *stage, struct error *err)
{
    *stage = SWAP_LOAD;
    struct generation *generation = calloc(1, sizeof *generation);
    if (generation == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for a generation");
        return NULL;
    }
    generation->host = host;
    generation->number = load->generation;
    generation->layout_comes = load->may_want;
    generation->slot = -1;
    (void)snprintf(generation->name, sizeof generation->name, "%s", load->name);
    services_init(generation);
    host_enter(host, generation, PHASE_LOAD);
    generation->library =
        library_open(load->path, load->name, load->has_facts ? &load->facts : NULL, err);
    host_back(host);
    if (generation->library != NULL) {
        *stage = SWAP_TABLE;
        generation->module = library_table(generation->library, err);
    }
    if (generation->module == NULL) {
        (void)generation_destroy(generation, NULL);
        return NULL;
    }
    warn_of_strays(host, generation);
    return generation;
}

bool generation_take_state(struct generation *generation, struct error *err)
{
    struct host *host = generation->host;
    size_t size = generation->module->state_size;
    if (size == 0) {
        return true;
    }
    if (size > host->setup.state_max_size) {
        return error_set(
            err, ERROR_LIMIT,
            "its state takes %zu bytes, state.max_size allows %llu: make it smaller or "
            "raise the limit",
            size, (unsigned long long)host->setup.state_max_size);
    }
    generation->slot = slots_take(&host->slots, size, err);
    if (generation->slot < 0) {
        return false;
    }
    generation->state = host->slots.slot[generation->slot].base;
    return true;
}

static bool failed(struct generation *generation, const char *callback, hotrun_status status,
                   struct error *err)
{
    char reason[700];
    services_reason(generation, callback, status, reason, sizeof reason);
    return error_set(err, ERROR_REFUSED, "%s", reason);
}

bool generation_init(struct generation *generation, struct error *err)
{
    struct host *host = generation->host;
    hotrun_status status = HOTRUN_OK;
    if (generation->module->init != NULL) {
        services_expect(generation);
        host_enter(host, generation, PHASE_INIT);
        status = generation->module->init(&generation->api, generation->state);
        host_back(host);
    }
    generation->initialised = status == HOTRUN_OK;
    return generation->initialised || failed(generation, "init", status, err);
}

bool generation_deserialize(struct generation *generation, const char *json, size_t len,
                            uint32_t from_version, struct error *err)
{
    struct host *host = generation->host;
    services_expect(generation);
    host_enter(host, generation, PHASE_DESERIALIZE);
    hotrun_status status = generation->module->deserialize(&generation->api, generation->state,
                                                           json, len, from_version);
    host_back(host);
    return status == HOTRUN_OK || failed(generation, "deserialize", status, err);
}

hotrun_status generation_event(struct generation *generation, const hotrun_event *event)
{
    struct host *host = generation->host;
    if (generation->module->on_event == NULL) {
        return HOTRUN_OK;
    }
    services_expect(generation);
    host_enter(host, generation, PHASE_EVENT);
    hotrun_status status = generation->module->on_event(&generation->api, generation->state, event);
    host_back(host);
    bool before = event->type == HOTRUN_EVENT_BEFORE_RELOAD;
    if (status != HOTRUN_OK && !before) {
        char reason[700];
        services_reason(generation, "on_event", status, reason, sizeof reason);
        host_note(host, LOG_WARN, "%s", reason);
    }
    return status;
}

void generation_fini(struct generation *generation, void *state, uint32_t why)
{
    struct host *host = generation->host;
    if (!generation->initialised) {
        return;
    }
    generation->initialised = false;
    if (generation->module->fini != NULL) {
        host_enter(host, generation, PHASE_FINI);
        generation->module->fini(&generation->api, state, why);
        host_back(host);
    }
}

void generation_inherit(struct generation *generation, struct generation *older)
{
    generation->slot = older->slot;
    generation->heap = older->heap;
    older->slot = -1;
    older->heap = NULL;
}

static void forget(struct generation *generation)
{
    heap_destroy(generation->heap);
    layout_drop(&generation->layout);
    slots_release(&generation->host->slots, generation->slot);
    services_finish(generation);
    free(generation);
}

bool generation_destroy(struct generation *generation, struct error *reason)
{
    if (generation == NULL) {
        return true;
    }
    struct host *host = generation->host;
    host_enter(host, generation, PHASE_UNLOAD);
    bool gone = library_close(generation->library, reason);
    host_back(host);
    forget(generation);
    return gone;
}

void generation_abandon(struct generation *generation)
{
    library_abandon(generation->library);
    forget(generation);
}
