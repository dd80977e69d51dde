#include "host/carry_ways.h"

#include "base/clock.h"
#include "codec/decode.h"
#include "host/edits.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/migrate.h"
#include "host/snapshot.h"
#include "host/views.h"
#include "layout/heap.h"
#include "moves/plan.h"

#include <string.h>

bool carry_takes_version(const struct swap *swap, uint32_t version, struct error *err)
{
    const hotrun_module *module = swap->fresh->module;
    return module->state_version == version || migrate_is_there(swap->fresh) ||
           error_set(err, ERROR_REFUSED, "state_version is %u and was %u",
                     (unsigned)module->state_version, (unsigned)version);
}

static void put_list(const struct text *list, struct text *out)
{
    for (const char *at = text_string(list); at < text_string(list) + list->len;
         at += strlen(at) + 1) {
        (void)text_printf(out, "%s%s", out->len > 0 ? ", " : "", at);
    }
}

bool carry_allows_loss(struct swap *swap)
{
    const struct findings *findings = &swap->findings;
    size_t count = findings->count[FINDING_LOST] + findings->count[FINDING_ROUNDED];
    if (count == 0 || !swap->host->setup.hold_on_loss || swap->load->failed != 0) {
        return true;
    }
    struct text named = {.limit = 700};
    put_list(&findings->list[FINDING_LOST], &named);
    put_list(&findings->list[FINDING_ROUNDED], &named);
    swap->stage = SWAP_MIGRATE;
    (void)error_set(
        &swap->err, ERROR_REFUSED,
        "%zu value%s would be lost or rounded (%s): change the types back, fill fields of new "
        "names by an extension migrate/1, or set state.on_loss = \"warn\"",
        count, count == 1 ? "" : "s", text_string(&named));
    text_finish(&named);
    return false;
}

bool carry_migrate(struct swap *swap, const struct text *old_json, uint32_t from_version)
{
    struct text *after = &swap->host->json_after;
    swap->stage = SWAP_MIGRATE;
    return views_encode(swap->fresh, true, after, &swap->err) &&
           migrate_run(swap->fresh, old_json, after, from_version, &swap->err);
}

/* Whether migrate is called for a state of `from`, and an earlier state_version. */
static bool wants_migrate(const struct swap *swap, const struct layout *from, uint32_t version)
{
    struct generation *fresh = swap->fresh;
    return (fresh->module->state_version != version ||
            fresh->layout->head->shape != from->head->shape) &&
           migrate_is_there(fresh);
}

static bool move(struct swap *swap, const struct plan *plan, const struct image *image,
                 uint32_t from_version)
{
    struct host *host = swap->host;
    struct generation *fresh = swap->fresh;
    struct target target;
    struct text before = {0};
    uint64_t begun = clock_ns();
    swap->stage = SWAP_MIGRATE;
    if (!views_target_with_heap(fresh, &target, &swap->err)) {
        return false;
    }
    swap->lives_on = image->alive;
    host_enter(host, fresh, PHASE_DESERIALIZE);
    plan_tell(plan, &swap->findings);
    bool ok = plan_move(plan, image, &target, &swap->findings, &swap->err);
    if (ok) {
        leftovers_free(&swap->leftovers, fresh);
    }
    host_back(host);
    ok = ok && carry_allows_loss(swap);
    if (ok && wants_migrate(swap, image->layout, from_version)) {
        ok = views_encode_image(host, image, true, &before, &swap->err) &&
             carry_migrate(swap, &before, from_version);
    }
    text_finish(&before);
    swap->told.how = STATE_MIGRATED;
    swap->told.state_bytes = views_size(fresh);
    swap->told.deserialize_ns += clock_ns() - begun;
    return ok;
}

/* Whether something that went over may point into the old library still. */
static bool reaches_back(const struct swap *swap, enum reach reach)
{
    const struct findings *findings = &swap->findings;
    return findings->count[FINDING_KEPT] > 0 || reach == REACH_OPAQUE ||
           (reach == REACH_FAR && findings->elsewhere > 0);
}

/* What the state may point to beyond what the layout tells of lives on with it. */
static void live_on(struct swap *swap)
{
    bool plain = (swap->fresh->module->flags & HOTRUN_STATE_PLAIN) != 0;
    swap->lives_on = true;
    swap->reaches_back = reaches_back(swap, views_reach(swap->fresh, swap->old)) && !plain;
}

/* ---- in place ---- */

/* The bytes that went to shared memory before the swap, to where they were. */
static bool put_back(struct swap *swap)
{
    struct host *host = swap->host;
    struct snapshot snapshot;
    struct image image;
    struct heap_view heap = {0};
    struct text bytes = {0};
    bool ok = swap->told.pinned &&
              shared_read(&host->shared, swap->load->slot, &snapshot, &bytes, NULL) &&
              image_read(&image, bytes.data, bytes.len, swap->old->layout, NULL) &&
              image_objects(&image, &heap, NULL);
    if (ok && image.state_size > 0) {
        memcpy(swap->old->state, image.state, (size_t)image.state_size);
    }
    for (size_t i = 0; ok && i < heap.count; i++) {
        const struct heap_object *object = &heap.objects[i];
        unsigned char *to = (unsigned char *)(uintptr_t)(heap.address + object->offset);
        memcpy(to, heap_bytes_of(&heap, object), (size_t)(object->size * object->count));
    }
    heap_close(&heap);
    text_finish(&bytes);
    return ok;
}

/* A state too large to be saved: its pointers are led back as they were led on. */
static bool lead_back(struct swap *swap)
{
    struct generation *old = swap->old;
    struct image image = views_image(old);
    struct target target = views_target(old);
    struct findings unused = {0};
    struct error why;
    image.layout = swap->fresh->layout;
    image.module_base = library_base(swap->fresh->library);
    target.statics = false;
    struct plan *back = plan_create(swap->fresh->layout, old->layout, &why);
    bool ok = back != NULL && plan_rebind(back, &image, &target, &unused, &why);
    plan_destroy(back);
    findings_finish(&unused);
    return ok;
}

static bool stay(struct swap *swap, const struct plan *plan, const struct image *image)
{
    struct host *host = swap->host;
    struct generation *old = swap->old;
    struct generation *fresh = swap->fresh;
    uint64_t begun = clock_ns();
    fresh->state = old->state;
    struct target target = views_target(fresh);
    target.heap = old->heap;
    swap->stage = SWAP_MIGRATE;
    if (old->layout->head->shape != fresh->layout->head->shape) { /* by names, perhaps */
        plan_tell(plan, &swap->findings);
    }
    host_enter(host, fresh, PHASE_DESERIALIZE);
    bool ok = plan_rebind(plan, image, &target, &swap->findings, &swap->err);
    host_back(host);
    ok = ok && carry_allows_loss(swap);
    if (!ok) {
        fresh->state = NULL;
        fresh->reached = !put_back(swap) && !lead_back(swap);
        return false;
    }
    if (old->heap != NULL && heap_count(old->heap) > 0) {
        size_t count = 0;
        const uint32_t *types = plan_types(plan, &count);
        heap_retype(old->heap, types, count);
    }
    fresh->initialised = true;
    swap->told.how = STATE_IN_PLACE;
    swap->told.state_bytes = views_size(old);
    swap->told.deserialize_ns = clock_ns() - begun;
    return true;
}

bool carry_by_layout(struct swap *swap)
{
    struct generation *old = swap->old;
    struct generation *fresh = swap->fresh;
    struct image image = views_image(old);
    uint32_t version = old->module->state_version;
    swap->stage = SWAP_MIGRATE;
    struct plan *plan = layouts_plan(&swap->host->layouts, old->layout, fresh->layout, &swap->err);
    if (plan == NULL) {
        return false;
    }
    bool stays = version == fresh->module->state_version && plan_keeps_state(plan) &&
                 plan_keeps_heap(plan, &image);
    bool ok =
        stays ? stay(swap, plan, &image) : carry_begin(swap) && move(swap, plan, &image, version);
    if (ok) {
        live_on(swap);
    }
    plan_destroy(plan);
    return ok;
}

/* ---- other ways ---- */

bool carry_image(struct swap *swap, const struct image *image, uint32_t from_version)
{
    swap->stage = SWAP_MIGRATE;
    struct plan *plan = plan_create(image->layout, swap->fresh->layout, &swap->err);
    bool ok = plan != NULL && move(swap, plan, image, from_version);
    if (ok && plan_keeps_state(plan) && plan_keeps_heap(plan, image)) {
        swap->told.how = STATE_IN_PLACE;
    }
    plan_destroy(plan);
    return ok;
}

bool carry_variables(struct swap *swap)
{
    struct host *host = swap->host;
    struct generation *old = swap->old;
    struct generation *fresh = swap->fresh;
    if (!host->setup.statics || old->layout == NULL || fresh->layout == NULL) {
        return true;
    }
    swap->stage = SWAP_MIGRATE;
    struct plan *plan = layouts_plan(&host->layouts, old->layout, fresh->layout, &swap->err);
    if (plan == NULL) {
        return false;
    }
    struct image image = views_image(old);
    struct target target = views_target(fresh);
    target.only_variables = true;
    host_enter(host, fresh, PHASE_DESERIALIZE);
    bool ok = plan_move(plan, &image, &target, &swap->findings, &swap->err);
    host_back(host);
    plan_destroy(plan);
    swap->reaches_back = ok && reaches_back(swap, fresh->all_reach);
    return ok && carry_allows_loss(swap);
}

bool carry_edited(struct swap *swap)
{
    struct host *host = swap->host;
    struct generation *fresh = swap->fresh;
    struct findings read = {0};
    if (!carry_begin(swap)) {
        return false;
    }
    struct image image = views_image(swap->old);
    struct target target;
    struct decode_given given = {.same_process = true, .strict = true};
    swap->stage = SWAP_EDIT;
    swap->lives_on = true;
    struct plan *plan = plan_create_whole(swap->old->layout, fresh->layout, &swap->err);
    host_enter(host, fresh, PHASE_DESERIALIZE);
    bool ok = plan != NULL && views_target_with_heap(fresh, &target, &swap->err);
    if (ok) {
        heap_line_up(fresh->heap, true);
        ok = plan_move(plan, &image, &target, &swap->findings, &swap->err);
        heap_line_up(fresh->heap, false);
        leftovers_set_aside(&swap->leftovers, fresh); /* objects are numbered as they were */
    }
    ok = ok && views_encode(fresh, true, &host->json, &swap->err) && edits_apply(swap) &&
         decode_state(text_string(&host->json), host->json.len, &given, &target, &read,
                      &swap->err) &&
         views_encode(fresh, true, &host->json_after, &swap->err);
    if (ok) {
        leftovers_free(&swap->leftovers, fresh);
    }
    host_back(host);
    if (ok) {
        edits_compare(swap);
        swap->told.how = STATE_JSON;
        swap->told.state_bytes = host->json.len;
        live_on(swap);
    }
    findings_finish(&read);
    plan_destroy(plan);
    return ok;
}
