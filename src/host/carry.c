#include "host/carry.h"

#include "base/clock.h"
#include "host/edits.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/snapshot.h"
#include "state/json.h"

#include <string.h>

#define KEYS_TOLD 8 /* names of added and of dropped keys that a line shows */

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
    if (snapshot_has_json(old)) {
        ok = snapshot_serialize(old, &host->json, &swap->err) &&
             snapshot_publish(old, swap->load->slot, SNAPSHOT_SWAP, host->index, &host->json,
                              &swap->err);
        swap->told.pinned = ok;
    } else if (old->module->state_size <= host->setup.pin_limit) {
        ok = snapshot_publish(old, swap->load->slot, SNAPSHOT_SWAP, host->index, NULL, &swap->err);
        swap->told.pinned = ok;
    } else {
        swap->told.note =
            bytes_of("the state is larger than state.pin_limit: going back would lose "
                     "what came after the last checkpoint");
    }
    swap->told.serialize_ns = clock_ns() - begun;
    return ok;
}

bool carry_begin(struct swap *swap)
{
    uint64_t begun = clock_ns();
    swap->stage = SWAP_INIT;
    bool ok =
        generation_take_state(swap->fresh, &swap->err) && generation_init(swap->fresh, &swap->err);
    swap->told.init_ns = clock_ns() - begun;
    return ok;
}

/* What the new code makes of `json` is asked back from it: what it does not know any more, or knows
 * in addition, is told. */
static bool carry_json(struct swap *swap, const struct text *json, uint32_t from_version)
{
    struct host *host = swap->host;
    struct text *after = &host->json_after;
    uint64_t begun = clock_ns();
    size_t more_added = 0;
    size_t more_dropped = 0;
    swap->stage = SWAP_DESERIALIZE;
    if (!generation_deserialize(swap->fresh, text_string(json), json->len, from_version,
                                &swap->err)) {
        return false;
    }
    swap->stage = SWAP_SERIALIZE;
    if (!snapshot_serialize(swap->fresh, after, &swap->err)) {
        return false;
    }
    struct error why;
    if (swap->load->edited) {
        edits_compare(swap);
    } else if (!json_compare_keys(text_string(json), json->len, text_string(after), after->len,
                                  KEYS_TOLD, &swap->added, &more_added, &swap->dropped,
                                  &more_dropped, &why)) {
        text_clear(&swap->added);
        text_clear(&swap->dropped);
        host_note(host, LOG_WARN, "added and dropped keys are not told: %s", why.text);
    }
    host->publish_json = true;
    swap->told.how = STATE_JSON;
    swap->told.state_bytes = json->len;
    swap->told.more_added = more_added;
    swap->told.more_dropped = more_dropped;
    swap->told.deserialize_ns = clock_ns() - begun;
    return true;
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

static void carry_in_place(struct swap *swap)
{
    struct host *host = swap->host;
    swap->fresh->state = swap->old->state;
    swap->fresh->initialised = true;
    swap->told.how = STATE_IN_PLACE;
    swap->told.state_bytes = swap->old->module->state_size;
    if (!carry_is_stateless(swap->fresh) && !host->in_place_told) {
        host->in_place_told = true;
        host_note(
            host, LOG_WARN,
            "%s has no serialize: its state stays as it lies in memory; raise state_version when "
            "its fields move",
            swap->fresh->name);
    }
}

bool carry_over(struct swap *swap)
{
    struct error mismatch = {0};
    if (swap->old->module->serialize != NULL && swap->fresh->module->deserialize != NULL) {
        uint32_t version = swap->old->module->state_version;
        return carry_begin(swap) && carry_json(swap, &swap->host->json, version);
    }
    if (fits_in_place(swap, &mismatch)) {
        carry_in_place(swap);
        return true;
    }
    if (carry_is_stateless(swap->old)) {
        swap->told.how = STATE_NEW;
        return carry_begin(swap);
    }
    if (!swap->host->setup.reset_on_mismatch) {
        swap->stage = SWAP_TABLE;
        return error_set(
            &swap->err, ERROR_REFUSED,
            "%s, and the state can't be carried over without serialize and "
            "deserialize: write them, start anew, or set state.on_mismatch = \"reset\"",
            mismatch.text);
    }
    host_note(swap->host, LOG_WARN, "%s: the state is reset, as state.on_mismatch says",
              mismatch.text);
    swap->told.how = STATE_RESET;
    return carry_begin(swap);
}

static bool mismatch(struct swap *swap, size_t bytes, uint32_t version)
{
    const hotrun_module *module = swap->fresh->module;
    swap->stage = SWAP_TABLE;
    return error_set(&swap->err, ERROR_REFUSED,
                     "the state has %zu bytes (version %u) and had %zu (version %u), and can't be "
                     "carried over without serialize and deserialize: write them, or set "
                     "state.on_mismatch = \"reset\"",
                     module->state_size, (unsigned)module->state_version, bytes, (unsigned)version);
}

/* An image is bytes of another process: right here only when no pointer is in it. */
static bool restore_image(struct swap *swap, const struct snapshot *snapshot,
                          const struct text *bytes)
{
    const hotrun_module *module = swap->fresh->module;
    const char *why = NULL;
    if ((snapshot->flags & module->flags & HOTRUN_STATE_PLAIN) == 0) {
        why = "it may hold pointers into the process that died (set HOTRUN_STATE_PLAIN if it has "
              "none, or write serialize and deserialize)";
    }
    if (bytes->len != module->state_size || snapshot->state_version != module->state_version) {
        /* Code that was at fault may not refuse its own comeback; new code waits until it fits. */
        if (swap->load->failed == 0 && !swap->host->setup.reset_on_mismatch) {
            return mismatch(swap, bytes->len, snapshot->state_version);
        }
        why = "its size or state_version is another one";
    }
    if (why == NULL) {
        if (bytes->len > 0) {
            memcpy(swap->fresh->state, bytes->data, bytes->len);
        }
        swap->told.how = STATE_IN_PLACE;
        swap->told.state_bytes = bytes->len;
        return true;
    }
    swap->told.how = STATE_RESET;
    host_note(swap->host, LOG_WARN, "the state of %zu bytes is lost and starts anew: %s",
              bytes->len, why);
    return true;
}

bool carry_restore(struct swap *swap)
{
    struct host *host = swap->host;
    struct snapshot snapshot;
    struct text *bytes = &host->json;
    swap->stage = SWAP_DESERIALIZE;
    bytes->limit = 0;
    if (!shared_read(&host->shared, swap->load->slot, &snapshot, bytes, &swap->err)) {
        return false;
    }
    host->index = snapshot.step;
    char name[SNAPSHOT_NAME_SIZE];
    snapshot_name(name, swap->fresh->module->name);
    if (strcmp(snapshot.module, name) != 0) {
        return error_set(&swap->err, ERROR_REFUSED,
                         "the snapshot is of the module \"%s\", the library is \"%s\"",
                         snapshot.module, swap->fresh->module->name);
    }
    if (carry_is_stateless(swap->fresh)) {
        swap->told.how = STATE_NEW;
        return true;
    }
    if (snapshot.kind == SNAPSHOT_IMAGE) {
        return restore_image(swap, &snapshot, bytes);
    }
    if (swap->fresh->module->deserialize == NULL) {
        return error_set(&swap->err, ERROR_REFUSED,
                         "the last state is JSON, and this library has no deserialize");
    }
    return carry_json(swap, bytes, snapshot.state_version);
}
