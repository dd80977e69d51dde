/* Commands that put something else in the place of what runs: the code before (rollback), a fresh
 * state (reset), the state of a snapshot (restore). The state that runs is published first, so that
 * it can be had back; the code comes up in another host. */
#include "base/clock.h"
#include "supervisor/comeback.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <stdio.h>
#include <string.h>

#define SAVE_MS                                                                                    \
    2000U /* a module that does not answer in this time loses what came after its last             \
             checkpoint */

static const char *const words[] = {[REPLACE_ROLLBACK] = "rolled back by command",
                                    [REPLACE_RESET] = "reset by command",
                                    [REPLACE_RESTORE] = "restored by command"};

static enum policy_event event_of(enum replace_by by)
{
    return by == REPLACE_ROLLBACK ? POLICY_CTL_ROLLBACK
           : by == REPLACE_RESET  ? POLICY_CTL_RESET
                                  : POLICY_CTL_RESTORE;
}

/* What a rollback leads to. NULL: there is nothing. */
static const struct fallback *earlier(const struct supervisor *sup)
{
    if (sup->state == POLICY_PROBATION && sup->fallback_count > 0) {
        return &sup->fallbacks[0];
    }
    return sup->previous.build != NULL ? &sup->previous : NULL;
}

static const char *problem(const struct supervisor *sup, enum replace_by by)
{
    if (sup->replacement.by != REPLACE_NONE) {
        return "another rollback, reset or restore is under way";
    }
    if ((policy_decide(sup->state, event_of(by)).steps & POLICY_REFUSE) != 0) {
        return "not while code is being started or ended: try again in a moment";
    }
    if (sup->ending) {
        return "hotrun is stopping";
    }
    if (sup->current == NULL) {
        return "no generation has run so far";
    }
    if (by == REPLACE_ROLLBACK && sup->state != POLICY_SWAPPING && earlier(sup) == NULL) {
        return "there is no earlier generation to go back to";
    }
    return NULL;
}

static void forget(struct supervisor *sup)
{
    text_finish(&sup->replacement.state);
    sup->replacement = (struct replacement){.by = REPLACE_NONE};
    supervisor_arm(sup, TIMER_EDIT, 0);
}

void replace_ask(struct supervisor *sup, enum replace_by by, bool keep_state, uint64_t id,
                 const struct snapshot *snapshot, struct text *state, struct control_call *call)
{
    const char *why = problem(sup, by);
    if (why != NULL) {
        control_fail(call, CONTROL_REFUSED, why);
        return;
    }
    sup->replacement = (struct replacement){.by = by, .keep_state = keep_state, .call = call};
    if (by == REPLACE_RESTORE) {
        sup->replacement.id = id;
        sup->replacement.snapshot = *snapshot;
        sup->replacement.state = *state;
        *state = (struct text){0};
    }
    if (sup->host == NULL || sup->cold) {
        replace_saved(sup);
        return;
    }
    supervisor_send(
        sup, &(struct message){.type = MESSAGE_SNAPSHOT, .snapshot = {.why = SNAPSHOT_COMMAND}});
    supervisor_arm(sup, TIMER_REPLACE, SAVE_MS);
}

void replace_saved(struct supervisor *sup)
{
    enum replace_by by = sup->replacement.by;
    supervisor_disarm(sup, TIMER_REPLACE);
    if (by == REPLACE_NONE) {
        return;
    }
    struct control_call *call = sup->replacement.call;
    sup->replacement.by = REPLACE_NONE;
    const char *why = problem(sup, by); /* a moment has passed */
    sup->replacement.by = by;
    if (why != NULL) {
        forget(sup);
        control_fail(call, CONTROL_REFUSED, why);
        return;
    }
    snapshots_keep(sup);
    supervisor_dispatch(sup, event_of(by));
}

/* The snapshot goes where the next host finds it. NO_SLOT with `err`. */
static int put_snapshot(struct supervisor *sup, struct error *err)
{
    struct replacement *replacement = &sup->replacement;
    int pin = comeback_free_pin(sup);
    bool ok =
        (sup->memory.fd >= 0 || shared_create(&sup->memory, supervisor_snapshot_limit(sup), err)) &&
        shared_publish(&sup->memory, pin, &replacement->snapshot, text_string(&replacement->state),
                       replacement->state.len, err);
    return ok ? pin : NO_SLOT;
}

/* What was asked for, as the first attempt. A snapshot that finds no room is told to who asked:
 * what ran comes back alone. */
static void add_asked(struct supervisor *sup, const struct fallback *target, int present)
{
    const struct replacement *replacement = &sup->replacement;
    struct error err;
    int slot = NO_SLOT;
    switch (replacement->by) {
    case REPLACE_RESTORE:
        slot = put_snapshot(sup, &err);
        if (slot == NO_SLOT) {
            replace_failed(sup, err.text);
        } else {
            comeback_add_attempt(sup, sup->current, slot);
        }
        break;
    case REPLACE_RESET:
        comeback_add_attempt(sup, sup->current, NO_SLOT);
        break;
    default:
        if (target != NULL) {
            slot = replacement->keep_state ? present : comeback_slot_of(sup, target);
            comeback_add_attempt(sup, target->build, slot);
        }
    }
}

/* Adds the attempts: what was asked for, and the way back to what runs. */
static void add_attempts(struct supervisor *sup, const struct fallback *target)
{
    int present = comeback_newest_slot(&sup->memory, sup->current->generation, UINT64_MAX);
    add_asked(sup, target, present);
    comeback_add_attempt(sup, sup->current, present);
}

void replace_do(struct supervisor *sup)
{
    bool in_swap = sup->next != NULL;
    struct fallback target = {NULL, NO_SLOT};
    if (sup->replacement.by == REPLACE_ROLLBACK && !in_swap) {
        bool fresh = sup->unconfirmed && sup->fallback_count > 0;
        target = fresh ? sup->fallbacks[0] : sup->previous;
        target.build = build_keep(target.build);
    } else if (sup->unconfirmed) {
        sup->unconfirmed = false;
        report_superseded(&sup->report, sup->current->generation);
    }
    if (in_swap) {
        const char *why = words[sup->replacement.by];
        (sup->next->edited ? report_not_edited : report_rejected)(
            &sup->report, swap_stage_name(SWAP_DEFER), why, sup->current->generation);
        supervisor_answer_reloads(sup, sup->next->generation, "rejected", why);
    }
    supervisor_disarm(sup, TIMER_PROBATION);
    supervisor_disarm(sup, TIMER_START);
    supervisor_disarm(sup, TIMER_BACKOFF);
    hosts_give_up(sup);
    sup->death = (struct last_death){.generation = sup->report.generation,
                                     .step = sup->report.step,
                                     .noticed_ns = clock_ns(),
                                     .rolled_back = target.build != NULL};
    (void)snprintf(sup->death.reason, sizeof sup->death.reason, "%s", words[sup->replacement.by]);
    comeback_drop_attempts(sup);
    add_attempts(sup, target.build != NULL ? &target : NULL);
    if (target.build == NULL) {
        comeback_set_previous(sup);
    }
    comeback_drop_fallbacks(sup);
    build_drop(&target.build);
    build_drop(&sup->next);
    sup->next_pin = sup->good_slot = NO_SLOT;
    sup->confirming_generation = 0;
    comeback_run(sup);
}

void replace_came_back(struct supervisor *sup, bool as_asked)
{
    struct replacement *replacement = &sup->replacement;
    if (sup->current == sup->previous.build) {
        build_drop(&sup->previous.build);
    }
    if (replacement->by == REPLACE_NONE) {
        return;
    }
    struct control_call *call = replacement->call;
    uint64_t id = replacement->id;
    forget(sup);
    if (!as_asked) {
        control_fail(call, CONTROL_REFUSED, sup->death.reason);
        return;
    }
    cJSON *result = cJSON_CreateObject();
    event_add_number(result, "generation", sup->report.generation);
    event_add_number(result, "step", sup->report.step);
    sup->rewound = id;
    if (id != 0) {
        event_add_number(result, "id", id);
    }
    control_answer(call, result);
}

void replace_failed(struct supervisor *sup, const char *reason)
{
    struct control_call *call = sup->replacement.call;
    if (sup->replacement.by != REPLACE_NONE) {
        supervisor_disarm(sup, TIMER_REPLACE);
        forget(sup);
        control_fail(call, CONTROL_REFUSED, reason);
    }
}
