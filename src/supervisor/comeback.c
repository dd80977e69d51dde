#include "supervisor/comeback.h"

#include "supervisor/report.h"
#include "supervisor/state.h"

#include <signal.h>

#define DEATHS_MOST 2

static bool pin_is_used(const struct supervisor *sup, int slot)
{
    bool used = slot == sup->good_slot ||
                (sup->previous.build != NULL && slot == sup->previous.slot) ||
                (sup->next != NULL && slot == sup->next_pin);
    for (unsigned i = 0; i < sup->fallback_count; i++) {
        used = used || sup->fallbacks[i].slot == slot;
    }
    for (unsigned i = sup->attempt_next; i < sup->attempt_count; i++) {
        used = used || sup->attempts[i].slot == slot;
    }
    return used;
}

int comeback_free_pin(const struct supervisor *sup)
{
    int slot = SHARED_PIN_0;
    while (slot < SHARED_PIN_4 && pin_is_used(sup, slot)) {
        slot++;
    }
    return slot;
}

int comeback_newest_slot(const struct shared *memory, uint64_t generation, uint64_t below)
{
    int best = NO_SLOT;
    struct snapshot found = {0};
    for (int slot = 0; memory->fd >= 0 && slot < SHARED_SLOT_COUNT; slot++) {
        struct snapshot snapshot;
        if (!shared_peek(memory, slot, &snapshot) || snapshot.generation > generation ||
            snapshot.sequence >= below) {
            continue;
        }
        bool own = snapshot.generation == generation;
        bool found_own = best != NO_SLOT && found.generation == generation;
        if (best == NO_SLOT || (own && !found_own) ||
            (own == found_own && snapshot.sequence > found.sequence)) {
            best = slot;
            found = snapshot;
        }
    }
    return best;
}

int comeback_slot_of(const struct supervisor *sup, const struct fallback *fallback)
{
    struct snapshot snapshot;
    bool own = fallback->slot != NO_SLOT && shared_peek(&sup->memory, fallback->slot, &snapshot);
    return own ? fallback->slot
               : comeback_newest_slot(&sup->memory, fallback->build->generation, UINT64_MAX);
}

int comeback_trusted_slot(struct supervisor *sup)
{
    uint64_t generation = sup->current->generation;
    int slot = comeback_newest_slot(&sup->memory, generation, UINT64_MAX);
    struct snapshot snapshot;
    if (slot == NO_SLOT || !shared_peek(&sup->memory, slot, &snapshot) ||
        snapshot.step != sup->restored_step) {
        sup->restored_deaths = 0;
        return slot;
    }
    if (sup->death.signal == SIGKILL) {
        return slot; /* somebody killed it: no fault of the snapshot's */
    }
    if (++sup->restored_deaths < DEATHS_MOST) {
        return slot;
    }
    int before = comeback_newest_slot(&sup->memory, generation, snapshot.sequence);
    if (before == NO_SLOT) {
        return slot;
    }
    char step[32];
    report_count(snapshot.step, step, sizeof step);
    log_line(sup->log, LOG_WARN,
             "code that starts from the snapshot of step %s died twice: it is set aside for the "
             "one before it",
             step);
    return before;
}

void comeback_drop_fallbacks(struct supervisor *sup)
{
    for (unsigned i = 0; i < sup->fallback_count; i++) {
        build_drop(&sup->fallbacks[i].build);
    }
    sup->fallback_count = 0;
}

void comeback_set_previous(struct supervisor *sup)
{
    struct fallback *before = &sup->fallbacks[0];
    if (sup->fallback_count > 0 && before->build != sup->current) {
        build_drop(&sup->previous.build);
        sup->previous = (struct fallback){build_keep(before->build), before->slot};
    }
}

void comeback_drop_attempts(struct supervisor *sup)
{
    for (unsigned i = 0; i < sup->attempt_count; i++) {
        build_drop(&sup->attempts[i].build);
    }
    sup->attempt_count = sup->attempt_next = 0;
}

void comeback_add_attempt(struct supervisor *sup, struct build *build, int slot)
{
    if (sup->attempt_count < ATTEMPTS_MOST) {
        sup->attempts[sup->attempt_count++] = (struct attempt){build_keep(build), slot};
    }
}

void comeback_run(struct supervisor *sup)
{
    if (sup->attempt_next >= sup->attempt_count) {
        supervisor_hold(sup, sup->death.reason[0] != '\0' ? sup->death.reason
                                                          : "there is nothing to go back to");
        return;
    }
    const struct attempt *attempt = &sup->attempts[sup->attempt_next];
    if (layouts_put_off_comeback(sup, attempt->build, attempt->slot)) {
        return;
    }
    hosts_start(sup, attempt->build, attempt->slot);
}

void comeback_shift_fallbacks(struct supervisor *sup, bool pinned, uint64_t step)
{
    struct fallback previous = {sup->current, pinned ? sup->next_pin : NO_SLOT};
    bool proven = sup->origin != POLICY_PROBATION;
    if (proven || sup->fallback_count == 0) {
        comeback_drop_fallbacks(sup);
        sup->fallbacks[0] = previous;
        sup->fallback_count = 1;
    } else if (step - sup->first_step >= sup->config->probation_steps) {
        /* The last of the list is the one that was confirmed: it stays the last resort. */
        struct fallback last = sup->fallbacks[sup->fallback_count - 1];
        if (sup->fallback_count == FALLBACKS_MOST) {
            build_drop(&sup->fallbacks[0].build);
        }
        sup->fallbacks[0] = previous;
        sup->fallbacks[1] = last;
        sup->fallback_count = 2;
    } else {
        build_drop(&sup->current);
    }
    sup->current = NULL;
    if (sup->fallbacks[0].slot != NO_SLOT) {
        sup->good_slot = NO_SLOT; /* a newer state is pinned */
    }
}
