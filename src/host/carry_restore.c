#include "host/carry_ways.h"

#include "codec/beside.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/views.h"
#include "layout/image.h"

#include <string.h>

/* Code that was at fault may not refuse its own comeback; new code waits until it fits. */
static bool may_reset(const struct swap *swap)
{
    return swap->load->failed != 0 || swap->host->setup.reset_on_mismatch;
}

static bool reset(struct swap *swap, uint64_t bytes, const char *why)
{
    swap->told.how = STATE_RESET;
    host_note(swap->host, LOG_WARN, "the state of %llu bytes is lost and starts anew: %s",
              (unsigned long long)bytes, why);
    return true;
}

static bool mismatch(struct swap *swap, uint64_t bytes, uint32_t version)
{
    const hotrun_module *module = swap->fresh->module;
    swap->stage = SWAP_TABLE;
    return error_set(&swap->err, ERROR_REFUSED,
                     "the state has %zu bytes (version %u) and had %llu (version %u), and can't be "
                     "carried over without serialize and deserialize: write them, or set "
                     "state.on_mismatch = \"reset\"",
                     module->state_size, (unsigned)module->state_version, (unsigned long long)bytes,
                     (unsigned)version);
}

/* Bytes of another process: right here only when no pointer is in them. */
static bool restore_bytes(struct swap *swap, const struct snapshot *snapshot, const void *bytes,
                          uint64_t len, const char *why)
{
    const hotrun_module *module = swap->fresh->module;
    if (carry_is_stateless(swap->fresh) && len == 0) {
        swap->told.how = STATE_NEW;
        return true;
    }
    bool plain = (snapshot->flags & module->flags & HOTRUN_STATE_PLAIN) != 0;
    if (len != module->state_size || snapshot->state_version != module->state_version) {
        return may_reset(swap) ? reset(swap, len, "its size or state_version is another one")
                               : mismatch(swap, len, snapshot->state_version);
    }
    if (!plain) {
        return reset(swap, len, why);
    }
    if (len > 0) {
        memcpy(swap->fresh->state, bytes, (size_t)len);
    }
    swap->told.how = STATE_IN_PLACE;
    swap->told.state_bytes = len;
    return true;
}

static bool restore_image(struct swap *swap, const struct snapshot *snapshot,
                          const struct text *bytes)
{
    return restore_bytes(swap, snapshot, bytes->data, bytes->len,
                         "it may hold pointers into the process that died (compile with -g, set "
                         "HOTRUN_STATE_PLAIN if it has none, or write serialize and deserialize)");
}

/* An image without a layout of the code that is to have it. */
static bool restore_state_of(struct swap *swap, const struct snapshot *snapshot,
                             const struct text *bytes)
{
    struct image_head head;
    if (image_layout(bytes->data, bytes->len) == 0) {
        return error_set(&swap->err, ERROR_FORMAT, "the last state is no image");
    }
    memcpy(&head, bytes->data, sizeof head);
    if (head.state_size > bytes->len - sizeof head) {
        return error_set(&swap->err, ERROR_FORMAT, "the last state's image is cut");
    }
    return restore_bytes(swap, snapshot, bytes->data + sizeof head, head.state_size,
                         "this library has no debug info that tells how its pointers are to be "
                         "mended (compile with -g, or write serialize and deserialize)");
}

/* An image for code that reads JSON. */
static bool restore_as_json(struct swap *swap, const struct image *image, uint32_t version)
{
    struct host *host = swap->host;
    struct text json = {0};
    swap->stage = SWAP_MIGRATE;
    if (!views_encode_image(host, image, false, &json, &swap->err)) {
        text_finish(&json);
        return false;
    }
    text_finish(&host->json);
    host->json = json;
    return carry_by_callbacks(swap, &host->json, version);
}

static bool restore_parts(struct swap *swap, const struct snapshot *snapshot,
                          const struct text *bytes)
{
    struct host *host = swap->host;
    const struct generation *fresh = swap->fresh;
    const struct layout *from = layouts_find(&host->layouts, snapshot->layout);
    struct image image;
    struct error why;
    if (from == NULL || (fresh->layout == NULL && fresh->module->deserialize == NULL)) {
        return restore_state_of(swap, snapshot, bytes);
    }
    if (!image_read(&image, bytes->data, bytes->len, from, &swap->err)) {
        return false;
    }
    if (fresh->module->deserialize != NULL) {
        return restore_as_json(swap, &image, snapshot->state_version);
    }
    if (!carry_takes_version(swap, snapshot->state_version, &why)) {
        return may_reset(swap) ? reset(swap, image.state_size, why.text)
                               : mismatch(swap, image.state_size, snapshot->state_version);
    }
    swap->as_published = from == fresh->layout;
    return carry_image(swap, &image, snapshot->state_version);
}

static bool restore_text(struct swap *swap, const struct snapshot *snapshot, struct text *json)
{
    struct error why;
    if (swap->fresh->module->deserialize != NULL) {
        beside_cut(json); /* as in the text that old code alive gives */
        return carry_by_callbacks(swap, json, snapshot->state_version);
    }
    if (swap->fresh->layout == NULL) {
        return error_set(&swap->err, ERROR_REFUSED,
                         "the last state is JSON, and this library has no deserialize, and no "
                         "debug info that tells what its state is");
    }
    if (!carry_takes_version(swap, snapshot->state_version, &why)) {
        return may_reset(swap) ? reset(swap, json->len, why.text)
                               : mismatch(swap, json->len, snapshot->state_version);
    }
    return carry_by_text(swap, json, snapshot->state_version);
}

bool carry_restore(struct swap *swap)
{
    struct host *host = swap->host;
    struct snapshot snapshot;
    struct text *bytes = &host->json;
    const struct generation *fresh = swap->fresh;
    swap->stage = SWAP_DESERIALIZE;
    bytes->limit = 0;
    if (!shared_read(&host->shared, swap->load->slot, &snapshot, bytes, &swap->err)) {
        return false;
    }
    host->index = snapshot.step;
    char name[SNAPSHOT_NAME_SIZE];
    snapshot_name(name, fresh->module->name);
    if (strcmp(snapshot.module, name) != 0) {
        return error_set(&swap->err, ERROR_REFUSED,
                         "the snapshot is of the module \"%s\", the library is \"%s\"",
                         snapshot.module, fresh->module->name);
    }
    if (carry_is_stateless(fresh) && (fresh->layout == NULL || !host->setup.statics)) {
        swap->told.how = STATE_NEW;
        return true;
    }
    switch (snapshot.kind) {
    case SNAPSHOT_IMAGE:
        return restore_image(swap, &snapshot, bytes);
    case SNAPSHOT_PARTS:
        return restore_parts(swap, &snapshot, bytes);
    default:
        return restore_text(swap, &snapshot, bytes);
    }
}
