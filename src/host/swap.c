#include "host/swap.h"

#include "base/clock.h"
#include "host/carry.h"
#include "host/check.h"
#include "host/edits.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/snapshot.h"
#include "host/views.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MOST     ((size_t)16 << 10) /* bytes of each list of an ACCEPTED: it must fit a packet */
#define ADJUSTED_MOST ((size_t)8192)

void swap_forget(struct host *host)
{
    if (host->load != NULL) {
        if (host->load->edited) {
            edits_forget(host);
        }
        free(host->load->path);
        free(host->load->name);
        free(host->load->module);
        free(host->load->reason);
        free(host->load->no_layout);
        free(host->load);
        host->load = NULL;
    }
}

void swap_prepare(struct host *host, const struct message_load *load)
{
    swap_forget(host);
    host->load = calloc(1, sizeof *host->load);
    if (host->load != NULL) {
        *host->load = (struct load){.how = (enum load_how)load->how,
                                    .generation = load->generation,
                                    .started_ns = load->started_ns,
                                    .failed = load->failed,
                                    .step = load->step,
                                    .layout = load->layout,
                                    .slot = (int)load->slot,
                                    .restored = load->restored != 0,
                                    .edited = load->edited != 0,
                                    .may_want = load->may_want != 0,
                                    .path = strdup(load->path.data),
                                    .name = strdup(load->name.data),
                                    .module = strdup(load->module.data),
                                    .reason = strdup(load->reason.data),
                                    .no_layout = strdup(load->no_layout.data)};
    }
    if (host->load != NULL && load->facts.len == sizeof host->load->facts) {
        memcpy(&host->load->facts, load->facts.data, sizeof host->load->facts);
        host->load->has_facts = true;
    }
    if (host->load == NULL || host->load->path == NULL || host->load->name == NULL ||
        host->load->module == NULL || host->load->reason == NULL || host->load->no_layout == NULL) {
        host_leave(host, PAGE_END_HOST, 0, "no memory for a load");
    }
}

static void send_rejected(struct host *host, const struct message_rejected *told)
{
    host_send(host, &(struct message){.type = MESSAGE_REJECTED, .rejected = *told});
}

static void tell_rejected(struct generation *old, const char *reason)
{
    hotrun_event event = {.size = (uint32_t)sizeof event,
                          .type = HOTRUN_EVENT_RELOAD_REJECTED,
                          .text = reason,
                          .value = (int64_t)old->number};
    (void)generation_event(old, &event);
}

void swap_retire_older(struct host *host)
{
    struct generation *older = host->older;
    if (older == NULL) {
        return;
    }
    host->older = NULL;
    uint64_t number = older->number;
    bool kept = older->reached;
    struct error reason = {0};
    bool gone = true;
    generation_fini(older, older->lives_on ? NULL : older->state, HOTRUN_FINI_REPLACED);
    if (kept) {
        generation_abandon(older);
    } else {
        gone = generation_destroy(older, &reason);
    }
    host_send(host, &(struct message){.type = MESSAGE_CLOSED,
                                      .closed = {.generation = number,
                                                 .kept = kept,
                                                 .resident = !gone,
                                                 .reason = bytes_of(gone ? "" : reason.text)}});
}

/* BEFORE_RELOAD. False: not now, or not at all. */
static bool ask(struct swap *swap, bool *deferred)
{
    struct load *load = swap->load;
    hotrun_event event = {.size = (uint32_t)sizeof event,
                          .type = HOTRUN_EVENT_BEFORE_RELOAD,
                          .value = (int64_t)swap->old->number};
    swap->stage = SWAP_DEFER;
    load->asked_index = swap->host->index;
    hotrun_status status = generation_event(swap->old, &event);
    *deferred = status == HOTRUN_DEFER;
    atomic_store_explicit(&swap->host->page->deferring, *deferred, memory_order_relaxed);
    if (status == HOTRUN_OK) {
        return true;
    }
    if (!*deferred) {
        char reason[700];
        services_reason(swap->old, "on_event", status, reason, sizeof reason);
        return error_set(&swap->err, ERROR_REFUSED, "the running generation refused it: %s",
                         reason);
    }
    uint64_t now = clock_ns();
    if (load->deferred_since_ns == 0) {
        load->deferred_since_ns = now;
    } else if (!load->deferral_told &&
               now - load->deferred_since_ns > swap->host->setup.defer_limit_ns) {
        load->deferral_told = true;
        host_send(swap->host, &(struct message){.type = MESSAGE_DEFERRED,
                                                .deferred = {.generation = load->generation}});
    }
    return false;
}

static bool open_fresh(struct swap *swap)
{
    const struct load *load = swap->load;
    uint64_t begun = clock_ns();
    swap->fresh = generation_create(swap->host, load, &swap->stage, &swap->err);
    swap->told.load_ns = clock_ns() - begun;
    if (swap->fresh == NULL) {
        return false;
    }
    const char *expected = swap->old != NULL ? swap->old->module->name : load->module;
    const char *found = swap->fresh->module->name;
    if (expected[0] != '\0' && strcmp(expected, found) != 0) {
        return error_set(&swap->err, ERROR_REFUSED,
                         "it is the module \"%s\", but \"%s\" is running: its state would not fit",
                         found, expected);
    }
    struct layout *layout = layouts_find(&swap->host->layouts, load->layout);
    struct error why;
    if (load->layout != 0 && layout == NULL) {
        host_note(swap->host, LOG_WARN, "%s goes without its layout: it did not come", load->name);
    } else if (layout != NULL && !views_take_layout(swap->fresh, layout, &why)) {
        host_note(swap->host, LOG_WARN, "%s goes without its layout: %s", load->name, why.text);
    }
    return true;
}

/* What of a list fits; *more is how many of it are not told. */
static struct bytes list_of(const struct findings *findings, enum finding kind, uint64_t *more)
{
    const struct text *list = &findings->list[kind];
    const char *all = text_string(list);
    size_t len = list->len;
    *more = findings_more(findings, kind);
    while (len > LIST_MOST) {
        *more += 1;
        while (len > 0 && all[--len] != '\0') {
        }
    }
    return (struct bytes){all, len};
}

static void send_accepted(struct swap *swap)
{
    struct host *host = swap->host;
    struct generation *fresh = swap->fresh;
    uint64_t now = clock_ns();
    struct message_accepted *told = &swap->told;
    told->generation = fresh->number;
    told->state_size = fresh->module->state_size;
    told->state_version = fresh->module->state_version;
    told->callbacks = snapshot_has_json(fresh);
    told->first_step = host->index;
    told->module = bytes_of(fresh->module->name);
    told->added = list_of(&swap->findings, FINDING_ADDED, &told->more_added);
    told->dropped = list_of(&swap->findings, FINDING_DROPPED, &told->more_dropped);
    told->converted = list_of(&swap->findings, FINDING_CONVERTED, &told->more_converted);
    told->lost = list_of(&swap->findings, FINDING_LOST, &told->more_lost);
    told->rounded = list_of(&swap->findings, FINDING_ROUNDED, &told->more_rounded);
    told->kept = list_of(&swap->findings, FINDING_KEPT, &told->more_kept);
    told->adjusted = (struct bytes){text_string(&swap->adjusted), swap->adjusted.len};
    if (told->note.data == NULL) {
        told->note = bytes_of("");
    }
    told->pause_ns = host->last_step_end_ns == 0 ? 0 : now - host->last_step_end_ns;
    told->total_ns = now - swap->load->started_ns;
    host_hold(host, &(struct message){.type = MESSAGE_ACCEPTED, .accepted = *told}, fresh->number);
}

/* The new generation owns the loop. */
static void commit(struct swap *swap, const hotrun_event *event)
{
    struct host *host = swap->host;
    struct generation *fresh = swap->fresh;
    if (swap->old != NULL) {
        swap->old->lives_on = swap->lives_on && !carry_is_stateless(swap->old);
        swap->old->reached = swap->reaches_back;
        if (swap->told.how == STATE_IN_PLACE) {
            generation_inherit(fresh, swap->old);
        }
    }
    host->older = swap->old;
    host->current = fresh;
    host->step_flags = HOTRUN_STEP_UPDATED | (swap->load->restored ? HOTRUN_STEP_RESTORED : 0U);
    host->publish_step = host->index;
    /* At rate once, what came back has had its step; and an edit makes none. */
    if (!swap->load->edited) {
        host->step_now = host->pace.kind != PACE_ONCE || swap->load->failed == 0;
    }
    atomic_store_explicit(&host->page->committed, fresh->number, memory_order_relaxed);
    atomic_store_explicit(&host->page->first_index, host->index, memory_order_relaxed);
    services_commit(fresh);
    views_tell_heap(fresh);
    if (event != NULL) {
        (void)generation_event(fresh, event);
    }
    send_accepted(swap);
    if (!host->step_now || host->paused) {
        host_send_held(host);
        if (host->publish != 0) {
            snapshot_after_commit(host);
        }
    }
}

/* The new generation goes; the old one, if any, goes on. */
static void refuse(struct swap *swap)
{
    struct host *host = swap->host;
    if (swap->fresh != NULL) {
        struct error reason = {0};
        bool own = swap->fresh->slot >= 0 && !swap->lives_on;
        void *unused = own ? swap->fresh->state : NULL;
        generation_fini(swap->fresh, unused, HOTRUN_FINI_REFUSED);
        if (swap->fresh->reached) {
            host_note(host, LOG_ERROR,
                      "the state leads to the library that was refused, which stays in memory");
            generation_abandon(swap->fresh);
        } else if (!generation_destroy(swap->fresh, &reason)) {
            host_note(host, LOG_DEBUG, "the refused library stays in memory: %s", reason.text);
        }
    }
    host->publish_json = false;
    bool by_old = swap->old != NULL && swap->fresh == NULL && swap->stage != SWAP_LOAD &&
                  swap->stage != SWAP_TABLE;
    /* The answer first: the module may not survive the news. */
    send_rejected(host,
                  &(struct message_rejected){.generation = swap->load->generation,
                                             .stage = (uint64_t)swap->stage,
                                             .by_old = by_old || swap->err.code == ERROR_SYSTEM,
                                             .wants_layout = swap->wants_layout,
                                             .reason = bytes_of(swap->err.text)});
    if (swap->old != NULL) {
        tell_rejected(swap->old, swap->err.text);
    }
}

static void take_over(struct swap *swap)
{
    struct host *host = swap->host;
    bool deferred = false;
    hotrun_event event = {.size = (uint32_t)sizeof event,
                          .type = HOTRUN_EVENT_AFTER_RELOAD,
                          .value = (int64_t)swap->load->generation};
    if (!ask(swap, &deferred)) {
        if (!deferred) {
            refuse(swap);
            swap_forget(host);
        }
        return;
    }
    host->publish_json = false;
    bool edited = swap->load->edited;
    bool ok = !edited || edits_are_possible(swap);
    ok = ok && carry_save(swap) && (!edited || !snapshot_has_json(swap->old) || edits_apply(swap));
    if (ok) {
        /* Its fini may not live: the state is safe by then. */
        swap_retire_older(host);
        ok = open_fresh(swap) && carry_over(swap);
    }
    if (ok) {
        host->publish = SNAPSHOT_RELOAD;
        commit(swap, &event);
    } else {
        refuse(swap);
    }
    swap_forget(host);
}

/* Numbers and slots go on from what the shared memory holds. */
static void continue_sequence(struct host *host)
{
    uint64_t newest[2] = {0, 0};
    for (int slot = 0; slot < SHARED_SLOT_COUNT; slot++) {
        struct snapshot snapshot;
        if (shared_peek(&host->shared, slot, &snapshot)) {
            host->sequence =
                snapshot.sequence > host->sequence ? snapshot.sequence : host->sequence;
            if (slot <= SHARED_TURN_1) {
                newest[slot] = snapshot.sequence;
            }
        }
    }
    host->turn = newest[SHARED_TURN_0] <= newest[SHARED_TURN_1] ? SHARED_TURN_0 : SHARED_TURN_1;
}

/* What a comeback started from lies in shared memory already. Publishing it again would write over
 * the snapshot before it, which is wanted should this one be at fault. What another generation made
 * is not found there as this one's. */
static bool is_published(const struct swap *swap)
{
    const struct load *load = swap->load;
    struct snapshot snapshot;
    bool same =
        swap->as_published || (swap->told.how == STATE_JSON && snapshot_has_json(swap->fresh));
    return load->failed != 0 && same && load->slot <= SHARED_TURN_1 &&
           shared_peek(&swap->host->shared, (int)load->slot, &snapshot) &&
           snapshot.generation == load->generation;
}

static void start(struct swap *swap)
{
    struct host *host = swap->host;
    const struct load *load = swap->load;
    hotrun_event event = {.size = (uint32_t)sizeof event,
                          .type = load->failed != 0 ? HOTRUN_EVENT_ROLLED_BACK
                                                    : HOTRUN_EVENT_AFTER_RELOAD,
                          .text = load->failed != 0 ? load->reason : NULL,
                          .value = (int64_t)(load->failed != 0 ? load->failed : load->generation)};
    bool fresh = load->how == LOAD_FRESH;
    continue_sequence(host);
    host->index = load->step;
    swap->told.how = STATE_NEW;
    host->publish_json = false;
    bool ok = open_fresh(swap) && carry_begin(swap);
    swap->told.state_bytes = ok ? views_size(swap->fresh) : 0;
    ok = ok && (fresh || carry_restore(swap));
    if (ok && !host->publish_json && snapshot_has_json(swap->fresh)) {
        swap->stage = SWAP_SERIALIZE;
        ok = host->publish_json = snapshot_serialize(swap->fresh, &host->json_after, &swap->err);
        swap->told.state_bytes = ok ? host->json_after.len : 0;
    }
    if (ok) {
        bool there = is_published(swap);
        host->publish = there ? 0 : SNAPSHOT_START;
        if (there) {
            /* The next one goes over the other, also where that is newer: it was set aside. */
            host->turn = load->slot == SHARED_TURN_0 ? SHARED_TURN_1 : SHARED_TURN_0;
        }
        checkpoint_made(host, host->index, 0, clock_ns());
        commit(swap, fresh && load->failed == 0 ? NULL : &event);
    } else {
        refuse(swap);
    }
    swap_forget(host);
}

void swap_attempt(struct host *host)
{
    const struct load *load = host->load;
    bool stepping = host->pace.kind != PACE_ONCE;
    if (load == NULL ||
        (load->deferred_since_ns != 0 && stepping && load->asked_index == host->index)) {
        return;
    }
    struct swap swap = {.host = host,
                        .load = host->load,
                        .old = host->current,
                        .adjusted = {.limit = ADJUSTED_MOST}};
    if (load->how == LOAD_SWAP && host->current != NULL) {
        take_over(&swap);
    } else if (load->how == LOAD_CHECK && host->current == NULL) {
        check_run(host, load);
        swap_forget(host);
    } else if (host->current == NULL && load->how != LOAD_SWAP) {
        start(&swap);
    } else {
        send_rejected(
            host, &(struct message_rejected){.generation = load->generation,
                                             .stage = SWAP_LOAD,
                                             .reason = bytes_of("the host cannot do that now")});
        swap_forget(host);
    }
    findings_finish(&swap.findings);
    leftovers_finish(&swap.leftovers);
    text_finish(&swap.adjusted);
}

void swap_cancel(struct host *host)
{
    if (host->load == NULL) {
        return;
    }
    uint64_t generation = host->load->generation;
    bool asked = host->load->deferred_since_ns != 0;
    atomic_store_explicit(&host->page->deferring, 0, memory_order_relaxed);
    swap_forget(host);
    if (asked) {
        tell_rejected(host->current, "a newer library takes its place");
    }
    send_rejected(host, &(struct message_rejected){.generation = generation,
                                                   .stage = SWAP_CANCEL,
                                                   .reason = bytes_of("cancelled")});
}
