/* What hosts say. The status page is the truth; messages are hints. */
#include "base/clock.h"
#include "base/path.h"
#include "supervisor/asks.h"
#include "supervisor/comeback.h"
#include "supervisor/edits.h"
#include "supervisor/report_state.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <hotrun/hotrun.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void adopt(struct supervisor *sup, const struct message_accepted *told)
{
    sup->cold = false;
    sup->asked_ns = 0;
    supervisor_disarm(sup, TIMER_START);
    supervisor_disarm(sup, TIMER_ANNOUNCED);
    sup->first_step = told->first_step;
    sup->state_bytes = told->callbacks != 0 ? told->state_bytes : told->state_size;
    sup->state_version = told->state_version;
    sup->callbacks = told->callbacks != 0;
    snapshot_name(sup->module, told->module.data);
    sup->current->callbacks = sup->callbacks;
    sup->current->rate = sup->rate;
    sup->current->rate_hz = sup->rate_hz;
    sup->adopted = sup->current->generation;
    sup->report.generation = sup->current->generation;

    sup->report.step = told->first_step;
    autopsy_adopted(sup);
    if (sup->mapped_count < MAPPED_MOST) {
        sup->mapped[sup->mapped_count++] = build_keep(sup->current);
    }
    shared_finish(&sup->memory); /* the new host has all of it */
    layouts_adopted(sup);
    hosts_want_spare(sup);
}

static void came_back(struct supervisor *sup, const struct message_accepted *told)
{
    const struct attempt *attempt = &sup->attempts[sup->attempt_next];
    uint64_t lost = sup->death.step > told->first_step ? sup->death.step - told->first_step : 0;
    struct report_back back = {
        .rolled_back = sup->death.rolled_back,
        .by_command = sup->replacement.by != REPLACE_NONE || sup->death.edited,
        .as_asked = sup->replacement.by != REPLACE_NONE && sup->attempt_next == 0,
        .host_pid = host_process_pid(sup->host),
        .reason = sup->death.reason,
        .from = sup->death.generation,
        .to = attempt->build->generation,
        .step = told->first_step,
        .steps_lost = lost,
        .us = told->total_ns / NS_PER_US,
        .how = state_how_name((enum state_how)told->how),
        .reset = told->how == STATE_RESET || told->how == STATE_NEW};
    autopsy_came_back(sup, &back, attempt->slot);
    struct build *build = build_keep(attempt->build);
    bool as_asked = sup->attempt_next == 0;
    build_drop(&sup->current);
    sup->current = build;
    comeback_drop_attempts(sup);
    sup->unconfirmed = false;
    sup->restored_deaths = sup->restored_step == told->first_step ? sup->restored_deaths : 0;
    sup->restored_step = told->first_step;
    sup->good_slot = NO_SLOT; /* what runs makes its own snapshots */
    adopt(sup, told);
    console_loaded(sup, told->total_ns, "back");
    report_back(&sup->report, &back);
    layouts_came_back(sup);
    report_state_warn(sup->log, told);
    replace_came_back(sup, as_asked);
    supervisor_dispatch(sup, POLICY_SWAP_ACCEPTED);
}

static void took_over(struct supervisor *sup, const struct message_accepted *told)
{
    bool first = !sup->loaded_once;
    autopsy_file(sup, "a newer library took its place", NO_SLOT);
    if (!sup->cold) {
        sup->report.step = told->first_step; /* its last; the new one has gone on since */
    }
    if (sup->unconfirmed && sup->current != NULL) {
        report_superseded(&sup->report, sup->current->generation);
    }
    if ((sup->state == POLICY_SWAPPING || sup->state == POLICY_STOPPING) && !sup->cold) {
        comeback_shift_fallbacks(sup, told->pinned != 0, told->first_step);
    } else if (sup->state == POLICY_STARTING) {
        comeback_drop_fallbacks(sup);
    }
    if (sup->cold && sup->death.generation != 0 && sup->death.step > told->first_step) {
        log_line(sup->log, LOG_WARN, "%llu steps were lost with the death of generation %llu",
                 (unsigned long long)(sup->death.step - told->first_step),
                 (unsigned long long)sup->death.generation);
    }
    build_drop(&sup->current);
    sup->current = sup->next;
    sup->next = NULL;
    sup->loaded_once = true;
    sup->unconfirmed = true;
    if (sup->cold) {
        sup->restart_count = 0; /* the old code's restarts are not the new one's */
    }

    sup->held_reason[0] = '\0';
    adopt(sup, told);
    supervisor_start_probation(sup);
    sup->rewound = 0;
    console_loaded(sup, told->total_ns, first ? "loaded" : "reload");
    report_loaded(&sup->report, told, sup->current, sup->library, first, sup->rate, sup->rate_hz);
    edits_accepted(sup, told);
    supervisor_answer_reloads(sup, told->generation, first ? "loaded" : "reloaded", "");
    supervisor_dispatch(sup, POLICY_SWAP_ACCEPTED);
}

static void accepted(struct supervisor *sup, const struct message_accepted *told)
{
    bool back = sup->state == POLICY_RESTARTING && sup->attempt_next < sup->attempt_count &&
                sup->attempts[sup->attempt_next].build->generation == told->generation;
    if (back) {
        came_back(sup, told);
    } else if (sup->next != NULL && sup->next->generation == told->generation) {
        took_over(sup, told);
    } else if (told->generation > sup->adopted && sup->state != POLICY_STOPPING) {
        /* One that is not newer was found in shared memory before its packet came. */
        log_line(sup->log, LOG_ERROR,
                 "the host answers for generation %llu, which nobody asked for: it is killed",
                 (unsigned long long)told->generation);
        host_process_kill(sup->host, SIGKILL);
    }
}

static void rejected(struct supervisor *sup, const struct message_rejected *told)
{
    const char *stage = swap_stage_name((enum swap_stage)told->stage);
    sup->asked_ns = 0;
    supervisor_disarm(sup, TIMER_START);
    supervisor_disarm(sup, TIMER_ANNOUNCED);
    bool edited = sup->next != NULL && sup->next->edited;
    if (told->wants_layout != 0 && sup->state == POLICY_SWAPPING && sup->next != NULL &&
        layouts_may_come(sup, sup->next)) {
        sup->next->layout_wanted = true;
        if (sup->pending == NULL) {
            sup->pending = build_keep(sup->next);
        }
        supervisor_dispatch(sup, POLICY_SWAP_CANCELLED);
        layouts_go_on(sup);
        return;
    }
    if (told->stage == SWAP_CANCEL) {
        if (edited) {
            edits_refused(sup, "a library that was saved meanwhile took its place: try again");
        }
        supervisor_dispatch(sup, POLICY_SWAP_CANCELLED);
        return;
    }
    if (sup->state == POLICY_RESTARTING) {
        log_line(sup->log, LOG_WARN, "generation %llu did not come back: %s",
                 (unsigned long long)told->generation, told->reason.data);
        (void)snprintf(sup->death.reason, sizeof sup->death.reason, "%s", told->reason.data);
    } else if (sup->next != NULL) {
        bool runs = sup->state == POLICY_SWAPPING && sup->current != NULL;
        (edited ? report_not_edited : report_rejected)(&sup->report, stage, told->reason.data,
                                                       runs ? sup->current->generation : 0);
    }
    if (edited) {
        edits_refused(sup, told->reason.data);
    }
    /* The library that failed is still `next`: it goes into quarantine. */
    supervisor_dispatch(sup, POLICY_SWAP_REJECTED);
    supervisor_answer_reloads(sup, told->generation, "rejected", told->reason.data);
}

static void deferred(struct supervisor *sup, uint64_t generation)
{
    uint64_t runs = sup->current != NULL ? sup->current->generation : 0;
    if (sup->next != NULL && sup->next->edited) {
        report_not_edited(&sup->report, "defer",
                          "the module puts the edit off for longer than reload.defer_limit; it is "
                          "made as soon as the module lets it",
                          runs);
        return;
    }
    report_rejected(&sup->report, "defer",
                    "the module puts the reload off for longer than reload.defer_limit; "
                    "it is loaded as soon as the module lets it",
                    runs);
    supervisor_answer_reloads(sup, generation, "rejected", "the module puts the reload off");
}

static void forget_mapped(struct supervisor *sup, uint64_t generation)
{
    for (unsigned i = 0; i < sup->mapped_count; i++) {
        if (sup->mapped[i]->generation == generation) {
            build_drop(&sup->mapped[i]);
            sup->mapped[i] = sup->mapped[--sup->mapped_count];
            return;
        }
    }
}

static void closed(struct supervisor *sup, const struct message_closed *told)
{
    if (told->resident == 0 && told->kept == 0) {
        forget_mapped(sup, told->generation);
    }
    if (sup->confirming_generation != 0) {
        uint64_t generation = sup->confirming_generation;
        sup->confirming_generation = 0;
        sup->unconfirmed = false;
        report_confirmed(&sup->report, generation, told->resident != 0, told->reason.data);
    }
}

static void changed_rate(struct supervisor *sup, uint64_t kind, double hz)
{
    if (kind == (uint64_t)RATE_HZ && !(hz > 0 && hz <= 1e6)) {
        return; /* by no host of ours: the next one is not to run at it */
    }
    sup->rate = kind == (uint64_t)RATE_MAX ? RATE_MAX : RATE_HZ;
    sup->rate_hz = hz;
    if (sup->current != NULL) {
        sup->current->rate = sup->rate;
        sup->current->rate_hz = hz;
    }
}

void hearing_message(void *ctx, struct host_process *host, const struct message *message)
{
    struct supervisor *sup = ctx;
    if (host == sup->spare && message->type == MESSAGE_READY) {
        supervisor_dispatch(sup, POLICY_SPARE_READY);
    }
    if (host != sup->host) {
        return;
    }
    sup->heard = message;
    supervisor_look(sup);
    switch (message->type) {
    case MESSAGE_ACCEPTED:
        accepted(sup, &message->accepted);
        break;
    case MESSAGE_REJECTED:
        rejected(sup, &message->rejected);
        break;
    case MESSAGE_DEFERRED:
        deferred(sup, message->deferred.generation);
        break;
    case MESSAGE_CLOSED:
        closed(sup, &message->closed);
        break;
    case MESSAGE_PUBLISHED:
        if (!message->published.ok || message->published.why >= SNAPSHOT_REQUEST) {
            report_checkpoint(&sup->report, &message->published);
        }
        if (message->published.ok && sup->callbacks) {
            sup->state_bytes = message->published.bytes;
        }
        snapshots_published(sup, &message->published);
        if (message->published.why == SNAPSHOT_COMMAND) {
            replace_saved(sup);
        }
        break;
    case MESSAGE_REPLY:
        asks_replied(sup, message);
        break;
    case MESSAGE_STEPS:
        commands_stepped(sup, message->steps.count);
        break;
    case MESSAGE_RELOAD:
        sup->noticed_ns = clock_ns();
        staging_now(sup, true);
        break;
    case MESSAGE_RATE:
        changed_rate(sup, message->rate.kind, message->rate.hz);
        break;
    case MESSAGE_READY:
        looking_now(sup);
        break;
    case MESSAGE_KEEP:
        service_keep(sup, message->keep.name.data, message->keep.dropped != 0,
                     host_process_take_fd(host));
        break;
    case MESSAGE_LEAVING:
        supervisor_dispatch(sup, POLICY_EXIT_INTENT);
        break;
    case MESSAGE_NOTE: {
        uint64_t level = message->note.level;
        log_line(sup->log, level <= LOG_ERROR ? (enum log_level)level : LOG_ERROR, "%s",
                 message->note.text.data);
        break;
    }
    default:
        break;
    }
    sup->heard = NULL;
}

void hearing_now(struct supervisor *sup)
{
    if (sup->host != NULL) {
        host_process_hear(sup->host);
    }
}

void hearing_announced(struct supervisor *sup)
{
    char packet[MESSAGE_SIZE_MAX];
    struct message message;
    struct error err;
    if (sup->asked_ns != 0) {
        hearing_now(sup); /* what was said before it counts before it */
    }
    if (sup->host == NULL || sup->asked_ns == 0) {
        return;
    }
    const struct shared *shared = host_process_shared(sup->host);
    uint64_t generation = atomic_load_explicit(&shared->page->announced, memory_order_acquire);
    bool awaited = (sup->next != NULL && sup->next->generation == generation) ||
                   (sup->state == POLICY_RESTARTING && sup->attempt_next < sup->attempt_count &&
                    sup->attempts[sup->attempt_next].build->generation == generation);
    size_t len = awaited ? shared_announcement(shared, packet, sizeof packet) : 0;
    if (len > 0 && message_decode(&message, packet, len, &err) &&
        message.type == MESSAGE_ACCEPTED && message.accepted.generation == generation) {
        hearing_message(sup, sup->host, &message);
    }
}
