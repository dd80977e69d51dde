#include "host/carry.h"

#include "base/clock.h"
#include "host/carry_ways.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/snapshot.h"
#include "host/views.h"
#include "layout/heap.h"

#include <string.h>

bool carry_is_stateless(const struct generation *generation)
{
    return generation->module->state_size == 0;
}

bool carry_save(struct swap *swap)
{
    struct host *host = swap->host;
    struct generation *old = swap->old;
    uint64_t begun = clock_ns();
    bool ok = true;
    swap->stage = SWAP_SERIALIZE;
    bool json = snapshot_has_json(old);
    if (json || views_size(old) <= host->setup.pin_limit) {
        ok = (!json || snapshot_serialize(old, &host->json, &swap->err)) &&
             snapshot_publish(old, swap->load->slot, SNAPSHOT_SWAP, host->index,
                              json ? &host->json : NULL, NULL, &swap->err);
        swap->told.pinned = ok;
    } else {
        swap->told.note = bytes_of(
            "the state is larger than state.pin_limit, so that no snapshot is made of it: going "
            "back would lose it; raise the limit");
    }
    swap->told.serialize_ns = clock_ns() - begun;
    return ok;
}

/* Only a layout puts another state in the place of what init made. Looking fills the holes of what
 * init left untouched, and reads all that the library may write to: a death in it is the module's.
 */
static void note_leftovers(struct swap *swap)
{
    const struct generation *fresh = swap->fresh;
    if (fresh->layout != NULL && fresh->module->deserialize == NULL &&
        swap->load->how != LOAD_FRESH) {
        host_enter(swap->host, swap->fresh, PHASE_INIT);
        leftovers_note(&swap->leftovers, swap->fresh);
        host_back(swap->host);
    }
}

bool carry_begin(struct swap *swap)
{
    uint64_t begun = clock_ns();
    swap->stage = SWAP_INIT;
    bool ok =
        generation_take_state(swap->fresh, &swap->err) && generation_init(swap->fresh, &swap->err);
    if (ok) {
        note_leftovers(swap);
    }
    swap->told.init_ns = clock_ns() - begun;
    return ok;
}

static bool fits_in_place(const struct swap *swap, struct error *err)
{
    const hotrun_module *old = swap->old->module;
    const hotrun_module *fresh = swap->fresh->module;
    if (old->state_size != fresh->state_size) {
        return error_set(err, ERROR_REFUSED, "the state has %zu bytes and had %zu",
                         fresh->state_size, old->state_size);
    }
    if (old->state_version != fresh->state_version) {
        return error_set(err, ERROR_REFUSED, "state_version is %u and was %u",
                         (unsigned)fresh->state_version, (unsigned)old->state_version);
    }
    return old->state_align >= fresh->state_align ||
           error_set(err, ERROR_REFUSED, "the state's alignment is %u and was %u",
                     (unsigned)fresh->state_align, (unsigned)old->state_align);
}

/* Without a layout nobody knows what points where. */
static void carry_in_place(struct swap *swap)
{
    struct host *host = swap->host;
    bool plain = (swap->fresh->module->flags & HOTRUN_STATE_PLAIN) != 0;
    swap->lives_on = true;
    swap->reaches_back = !carry_is_stateless(swap->fresh) && !plain;
    swap->fresh->state = swap->old->state;
    swap->fresh->initialised = true;
    swap->told.how = STATE_IN_PLACE;
    swap->told.state_bytes = swap->old->module->state_size;
    if (swap->old->heap != NULL) {
        heap_retype(swap->old->heap, NULL, 0);
    }
    if (!carry_is_stateless(swap->fresh) && !host->in_place_told) {
        host->in_place_told = true;
        host_note(host, LOG_WARN,
                  "%s has neither serialize nor debug info that could be used: its state stays as "
                  "it lies in "
                  "memory; compile with -g, or raise state_version when its fields move",
                  swap->fresh->name);
    }
}

/* `remedy`: what is to be written. */
static bool mismatch(struct swap *swap, const char *why, const char *remedy)
{
    if (!swap->host->setup.reset_on_mismatch) {
        swap->stage = SWAP_TABLE;
        return error_set(&swap->err, ERROR_REFUSED,
                         "%s, and the state can't be carried over without %s, start "
                         "anew, or set state.on_mismatch = \"reset\"",
                         why, remedy);
    }
    host_note(swap->host, LOG_WARN, "%s: the state is reset, as state.on_mismatch says", why);
    swap->told.how = STATE_RESET;
    return carry_begin(swap);
}

/* Where a layout is missing that would be needed. */
static bool carry_by_size(struct swap *swap)
{
    struct error why;
    if (fits_in_place(swap, &why)) {
        carry_in_place(swap);
        return true;
    }
    if (carry_is_stateless(swap->old)) {
        swap->told.how = STATE_NEW;
        return carry_begin(swap) && carry_variables(swap);
    }
    struct text remedy = {0};
    const char *reason = swap->load->no_layout;
    (void)text_printf(&remedy, "%s%s%s or serialize and deserialize: add one of them",
                      *reason == '\0' ? "debug info (-g)" : "its layout (", reason,
                      *reason == '\0' ? "" : ")");
    bool ok = mismatch(swap, why.text, text_string(&remedy));
    text_finish(&remedy);
    return ok;
}

enum way {
    WAY_SIZE,
    WAY_CALLBACKS, /* JSON by both codes */
    WAY_TO_CALLBACKS,
    WAY_FROM_CALLBACKS,
    WAY_LAYOUT,
    WAY_LATER /* WAY_FROM_CALLBACKS, when the layout is there */
};

static enum way find_way(const struct swap *swap)
{
    const struct generation *old = swap->old;
    const struct generation *fresh = swap->fresh;
    bool gives_json = old->module->serialize != NULL;
    bool takes_json = fresh->module->deserialize != NULL;
    bool old_state = !carry_is_stateless(old);
    bool fresh_state = !carry_is_stateless(fresh);
    if (gives_json && takes_json) {
        return WAY_CALLBACKS;
    }
    if (takes_json) {
        return old_state && old->layout != NULL ? WAY_TO_CALLBACKS : WAY_SIZE;
    }
    if (old_state != fresh_state || fresh->layout == NULL) {
        bool later = gives_json && fresh_state && swap->load->may_want;
        return later ? WAY_LATER : WAY_SIZE;
    }
    if (gives_json) {
        return WAY_FROM_CALLBACKS;
    }
    bool more = old_state || old->host->setup.statics || views_has_parts(old);
    return old->layout != NULL && more ? WAY_LAYOUT : WAY_SIZE;
}

static bool carry_json_begin(struct swap *swap)
{
    return carry_begin(swap) && carry_variables(swap);
}

bool carry_over(struct swap *swap)
{
    struct text *json = &swap->host->json;
    struct generation *old = swap->old;
    uint32_t version = old->module->state_version;
    enum way way = find_way(swap);
    struct error why;
    if ((way == WAY_FROM_CALLBACKS || way == WAY_LAYOUT) &&
        !carry_takes_version(swap, version, &why)) {
        return mismatch(swap, why.text, "an extension migrate/1: write it");
    }
    switch (way) {
    case WAY_CALLBACKS:
        return carry_json_begin(swap) && carry_by_callbacks(swap, json, version);
    case WAY_TO_CALLBACKS:
        swap->stage = SWAP_MIGRATE;
        return views_encode(old, false, json, &swap->err) && carry_json_begin(swap) &&
               carry_by_callbacks(swap, json, version);
    case WAY_FROM_CALLBACKS:
        return carry_json_begin(swap) && carry_by_text(swap, json, version);
    case WAY_LAYOUT:
        return swap->load->edited ? carry_edited(swap) : carry_by_layout(swap);
    case WAY_LATER:
        swap->wants_layout = true;
        return error_set(&swap->err, ERROR_BUSY,
                         "it has no deserialize, and its debug info is being read");
    default:
        return carry_by_size(swap);
    }
}
