/* Does what the policy's cells say. */
#include "base/clock.h"
#include "supervisor/comeback.h"
#include "supervisor/state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define BACKOFF_FIRST_MS 100U
#define BACKOFF_MOST_MS  1000U

static void back_off(struct supervisor *sup, unsigned tries)
{
    uint64_t ms = (uint64_t)BACKOFF_FIRST_MS << (tries < 8 ? tries : 8);
    ms = ms < BACKOFF_MOST_MS ? ms : BACKOFF_MOST_MS;
    log_line(sup->log, LOG_INFO, "trying again in %llu ms", (unsigned long long)ms);
    supervisor_arm(sup, TIMER_BACKOFF, ms);
}

static void set_next(struct supervisor *sup, struct build *build)
{
    build_drop(&sup->next);
    sup->next = build;
    sup->next_pin = NO_SLOT;
}

/* ST: a library from the last good state, or what a back-off has put off. */
static void do_start(struct supervisor *sup)
{
    if (sup->state == POLICY_RESTARTING) {
        comeback_run(sup);
        return;
    }
    if (sup->arrived != NULL) {
        set_next(sup, sup->arrived);
        sup->arrived = NULL;
    }
    if (sup->next != NULL) {
        bool cold_swap = sup->state == POLICY_SWAPPING && sup->fallback_count > 0;
        hosts_start(sup, sup->next, cold_swap ? sup->fallbacks[0].slot : sup->good_slot);
    }
}

static void do_swap(struct supervisor *sup)
{
    set_next(sup, sup->arrived);
    sup->arrived = NULL;
    sup->next_pin = comeback_free_pin(sup);
    supervisor_disarm(sup, TIMER_PROBATION);
    hosts_load(sup, LOAD_SWAP, sup->next, sup->next_pin);
}

static void do_keep(struct supervisor *sup)
{
    if (sup->arrived == NULL) {
        return;
    }
    build_drop(&sup->pending);
    sup->pending = sup->arrived;
    sup->arrived = NULL;
    if (sup->state == POLICY_SWAPPING && !sup->cold && sup->next != NULL) {
        /* Has an effect only while nothing of it has begun. */
        supervisor_send(sup, &(struct message){.type = MESSAGE_CANCEL,
                                               .cancel = {.generation = sup->next->generation}});
    }
}

/* Whether a library waits that has not failed meanwhile, under another number. */
static bool pending_is_wanted(struct supervisor *sup)
{
    if (sup->pending != NULL && quarantine_has(&sup->quarantine, sup->pending->stage.hash)) {
        uint64_t generation = sup->pending->generation;
        build_drop(&sup->pending);
        staging_refused(sup, generation);
    }
    return sup->pending != NULL;
}

void supervisor_take_pending(struct supervisor *sup)
{
    bool able = !sup->dying && sup->state != POLICY_RESTARTING && sup->state != POLICY_SWAPPING &&
                sup->state != POLICY_STARTING;
    if (able && pending_is_wanted(sup) && !layouts_put_off(sup, sup->pending)) {
        sup->arrived = sup->pending;
        sup->pending = NULL;
        supervisor_dispatch(sup, POLICY_LIBRARY_READY);
    }
}

/* Refused by its size, where a layout might have told more. */
static bool lacks_layout(const struct supervisor *sup, const struct build *build)
{
    bool awaited = build->outcome == READER_UNREAD && build->due_ns != 0;
    bool unread = awaited || build->outcome == READER_FAILED;
    return unread && build->debug_info && sup->heard != NULL &&
           sup->heard->type == MESSAGE_REJECTED && sup->heard->rejected.stage == SWAP_TABLE;
}

static void do_quarantine(struct supervisor *sup)
{
    struct build *build = sup->next != NULL ? sup->next : sup->current;
    /* A running generation that does not let go is not the new build's fault. */
    bool by_old = sup->heard != NULL && sup->heard->type == MESSAGE_REJECTED &&
                  sup->heard->rejected.by_old != 0;
    /* Nor are bytes that run already at fault when an edit of the state fails, nor those whose
     * debug info could not be read this time: by the next save, they can be. */
    if (build != NULL && !by_old && !build->edited && !lacks_layout(sup, build)) {
        quarantine_add(&sup->quarantine, build->stage.hash);
    }
}

/* N. False: over the limit, and held. */
static bool do_count(struct supervisor *sup)
{
    uint64_t now = clock_ns();
    unsigned kept = 0;
    if (sup->uncounted) {
        return true;
    }
    for (unsigned i = 0; i < sup->restart_count; i++) {
        if (now - sup->restarts_ns[i] < sup->config->window_ns) {
            sup->restarts_ns[kept++] = sup->restarts_ns[i];
        }
    }
    sup->restart_count = kept;
    unsigned room = sizeof sup->restarts_ns / sizeof sup->restarts_ns[0];
    if (kept >= sup->config->max_restarts || kept == room) {
        char reason[720];
        (void)snprintf(reason, sizeof reason, "%s, and %u restarts in %.0f s were not enough",
                       sup->death.reason, kept, (double)sup->config->window_ns / 1e9);
        supervisor_hold(sup, reason);
        return false;
    }
    sup->restarts_ns[sup->restart_count++] = now;
    return true;
}

/* RS: a library that waits is started in the place of the one that died; else that one, with its
 * newest snapshot first. */
static void do_restart(struct supervisor *sup)
{
    if (sup->current == NULL) {
        supervisor_hold(sup, sup->death.reason);
        return;
    }
    uint64_t generation = sup->current->generation;
    int slot = comeback_trusted_slot(sup);
    sup->death.rolled_back = false;
    sup->good_slot = slot;
    comeback_drop_attempts(sup);
    comeback_drop_fallbacks(sup);
    if (pending_is_wanted(sup) && !layouts_put_off(sup, sup->pending)) {
        sup->state = POLICY_SWAPPING;
        sup->origin = POLICY_RUNNING;
        set_next(sup, sup->pending);
        sup->pending = NULL;
        sup->fallbacks[0] = (struct fallback){build_keep(sup->current), slot};
        sup->fallback_count = 1;
        hosts_start(sup, sup->next, slot);
        return;
    }
    sup->good_slot = NO_SLOT;
    while (slot != NO_SLOT && sup->attempt_count < 3) {
        struct snapshot snapshot;
        comeback_add_attempt(sup, sup->current, slot);
        if (!shared_peek(&sup->memory, slot, &snapshot)) {
            break;
        }
        slot = comeback_newest_slot(&sup->memory, generation, snapshot.sequence);
    }
    if (sup->attempt_count == 0) {
        comeback_add_attempt(sup, sup->current, NO_SLOT);
    }
    if (sup->restart_count > 1 && !sup->uncounted) {
        back_off(sup, sup->restart_count - 2);
        return;
    }
    comeback_run(sup);
}

/* F+, F- */
static void set_pause(struct supervisor *sup, bool on)
{
    bool changed = sup->paused != on;
    sup->paused = on;
    supervisor_send(sup, &(struct message){.type = MESSAGE_PAUSE, .pause = {.on = on}});
    if (changed) {
        report_paused(&sup->report, on);
    }
}

static void do_set_pause(struct supervisor *sup)
{
    set_pause(sup, true);
}

static void do_clear_pause(struct supervisor *sup)
{
    set_pause(sup, false);
}

/* RB: each fallback with its own snapshot, in order. */
static void do_rollback(struct supervisor *sup)
{
    if (sup->replacement.by != REPLACE_NONE) {
        replace_do(sup);
        return;
    }
    sup->death.rolled_back = true;
    comeback_drop_attempts(sup);
    set_next(sup, NULL);
    for (unsigned i = 0; i < sup->fallback_count; i++) {
        const struct fallback *fallback = &sup->fallbacks[i];
        comeback_add_attempt(sup, fallback->build, comeback_slot_of(sup, fallback));
    }
    comeback_drop_fallbacks(sup);
    comeback_run(sup);
}

/* R: where the swap came from; a host that has no code yet goes back by restarting. */
static void do_return(struct supervisor *sup)
{
    set_next(sup, NULL);
    if (sup->cold) {
        sup->state = POLICY_RESTARTING;
        do_rollback(sup);
        sup->death.rolled_back = false; /* it died long proven: this is a restart */
        return;
    }
    sup->state = sup->origin;
    if (sup->state == POLICY_PROBATION) {
        supervisor_start_probation(sup);
    }
}

static void do_confirm(struct supervisor *sup)
{
    comeback_set_previous(sup);
    comeback_drop_fallbacks(sup);
    sup->good_slot = NO_SLOT;
    sup->confirming_generation = sup->current->generation;
    supervisor_send(sup, &(struct message){.type = MESSAGE_CONFIRM,
                                           .confirm = {.generation = sup->confirming_generation}});
}

void supervisor_hold(struct supervisor *sup, const char *reason)
{
    bool told = sup->heard != NULL && sup->heard->type == MESSAGE_REJECTED;
    if (sup->unconfirmed) {
        /* What was told as loaded is gone, and nothing came back in its place. */
        struct report_back back = {
            .rolled_back = true, .reason = reason, .from = sup->report.generation, .how = "held"};
        sup->unconfirmed = false;
        report_back(&sup->report, &back);
    }
    if (sup->good_slot == NO_SLOT && sup->attempt_count > 0) {
        /* What could not be brought back is still the last good state. */
        sup->good_slot = sup->attempts[0].slot;
    }
    if (sup->current == NULL && sup->attempt_count > 0) {
        sup->current = build_keep(sup->attempts[0].build);
    }
    if (sup->current != NULL && sup->next == NULL && sup->good_slot == NO_SLOT) {
        sup->good_slot = comeback_newest_slot(&sup->memory, sup->current->generation, UINT64_MAX);
    }
    if (sup->next != NULL) {
        supervisor_answer_reloads(sup, sup->next->generation, "rejected", reason);
    }
    hosts_drop(sup);
    comeback_drop_attempts(sup);
    comeback_drop_fallbacks(sup);
    set_next(sup, NULL);
    supervisor_disarm(sup, TIMER_START);
    supervisor_disarm(sup, TIMER_PROBATION);
    supervisor_disarm(sup, TIMER_BACKOFF);
    replace_failed(sup, reason);
    sup->state = POLICY_HELD;
    (void)snprintf(sup->held_reason, sizeof sup->held_reason, "%s", reason);
    autopsy_file(sup, "nothing runs until a fix is saved", sup->good_slot);
    report_held(&sup->report, reason, told);
    bool killed = !told && sup->config->on_hold == HOLD_EXIT && sup->death.signal != 0;
    if (!supervisor_ends_held(sup, killed ? 128 + sup->death.signal : 126)) {
        supervisor_take_pending(sup);
    }
}

static void do_hold(struct supervisor *sup)
{
    char reason[640];
    if (sup->heard != NULL && sup->heard->type == MESSAGE_REJECTED) {
        (void)snprintf(reason, sizeof reason, "%s", sup->heard->rejected.reason.data);
    } else {
        (void)snprintf(reason, sizeof reason, "%s", sup->death.reason);
    }
    supervisor_hold(sup, reason);
}

static void do_exit(struct supervisor *sup)
{
    sup->ending = true;
    supervisor_finish_if_idle(sup);
}

static void do_stop(struct supervisor *sup)
{
    uint64_t limit_ms = sup->config->stop_timeout_ns / NS_PER_MS;
    if (sup->host == NULL) { /* none could be started so far */
        do_exit(sup);
        return;
    }
    supervisor_send(sup, &(struct message){.type = MESSAGE_STOP, .stop = {.status = 0}});
    supervisor_disarm(sup, TIMER_PROBATION);
    supervisor_disarm(sup, TIMER_START);
    supervisor_arm(sup, TIMER_STOP, limit_ms + 1);
    if (sup->looks.tracer != 0) {
        log_line(sup->log, LOG_INFO,
                 "the end waits for the debugger to let the host go on; a second signal kills");
    }
}

static void do_kill(struct supervisor *sup)
{
    if (sup->host != NULL) {
        sup->gave_up = sup->state == POLICY_STOPPING && !host_process_is_ending(sup->host);
        if (sup->hung && !sup->gave_up) {
            host_process_interrupt(sup->host);
        } else {
            host_process_kill(sup->host, SIGKILL);
        }
    }
}

static void do_older(struct supervisor *sup)
{
    sup->attempt_next++;
    comeback_run(sup);
}

static void do_back_off(struct supervisor *sup)
{
    if (sup->death.reason[0] == '\0') {
        (void)snprintf(sup->death.reason, sizeof sup->death.reason, "no host could be started");
    }
    if (do_count(sup)) {
        back_off(sup, sup->restart_count);
    }
}

/* SP: one is there, so that failures before do not count any more; or it is gone. */
static void do_spare(struct supervisor *sup)
{
    if (sup->spare != NULL) {
        sup->spare_failures = 0;
    } else {
        hosts_spare_died(sup);
    }
}

static void do_refuse(struct supervisor *sup)
{
    build_drop(&sup->arrived);
}

void supervisor_dispatch(struct supervisor *sup, enum policy_event event)
{
    supervisor_look(sup);
    bool paused = sup->paused && sup->state == POLICY_RUNNING;
    enum policy_state column = paused ? POLICY_PAUSED : sup->state;
    struct policy_cell cell = policy_decide(column, event);
    if (sup->log->level <= LOG_TRACE) {
        char text[128];
        policy_cell_text(cell, text, sizeof text);
        log_line(sup->log, LOG_TRACE, "policy: %s in %s: %s", policy_event_name(event),
                 policy_state_name(column), text);
    }
    unsigned steps = cell.steps;
    if (cell.next == POLICY_SWAPPING && event != POLICY_SWAP_ACCEPTED) {
        sup->origin = column == POLICY_PAUSED ? POLICY_RUNNING : column;
    }
    if (cell.next != POLICY_SAME) {
        sup->state = cell.next;
    }
    if ((steps & POLICY_BUG) != 0) {
        log_line(sup->log, LOG_ERROR, "hotrun's own fault: %s while %s; the host is restarted",
                 policy_event_name(event), policy_state_name(column));
    }
    if ((steps & POLICY_COUNT) != 0 && !do_count(sup)) {
        steps = 0;
    }
    static const struct {
        unsigned step;
        void (*act)(struct supervisor *);
    } acts[] = {{POLICY_REFUSE, do_refuse},       {POLICY_QUARANTINE, do_quarantine},
                {POLICY_SET_PAUSE, do_set_pause}, {POLICY_CLEAR_PAUSE, do_clear_pause},
                {POLICY_KILL, do_kill},           {POLICY_KEEP, do_keep},
                {POLICY_SWAP, do_swap},           {POLICY_START, do_start},
                {POLICY_ROLLBACK, do_rollback},   {POLICY_RESTART, do_restart},
                {POLICY_OLDER, do_older},         {POLICY_RETURN, do_return},
                {POLICY_CONFIRM, do_confirm},     {POLICY_TAKE, supervisor_take_pending},
                {POLICY_HOLD, do_hold},           {POLICY_TELL, building_tell},
                {POLICY_FRESH, replace_do},       {POLICY_CLOCKS, supervisor_set_clocks},
                {POLICY_SPARE, do_spare},         {POLICY_BACKOFF, do_back_off},
                {POLICY_STOP, do_stop},           {POLICY_EXIT, do_exit}};
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if ((steps & acts[i].step) != 0) {
            acts[i].act(sup);
        }
    }
    build_drop(&sup->arrived);
    if (sup->edits != NULL) {
        supervisor_arm(sup, TIMER_EDIT, 0);
    }
    if (sup->state == POLICY_STOPPING) {
        building_stop(sup);
    }
    service_tell_phase(sup);
    console_soon(sup);
    supervisor_arm(sup, TIMER_STATUS, 20);
}
