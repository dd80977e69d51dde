/* The host processes: which one gets the code, what it is handed, when it goes. One owns the loop;
 * a spare waits, started and without code, and takes over when that one dies. */
#include "base/clock.h"
#include "supervisor/asks.h"
#include "supervisor/comeback.h"
#include "supervisor/edits.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <string.h>

#define SPARE_FIRST_MS UINT64_C(50) /* not while a start or a comeback is under way */
#define SPARE_MOST_MS  UINT64_C(60000)

void hosts_load(struct supervisor *sup, enum load_how how, const struct build *build, int slot)
{
    bool known = sup->state == POLICY_RESTARTING;
    bool after_death = sup->death.generation != 0;
    struct message message = {
        .type = MESSAGE_LOAD,
        .load = {.how = (uint64_t)how,
                 .generation = build->generation,
                 .slot = slot == NO_SLOT ? 0 : (uint64_t)slot,
                 .started_ns = known ? sup->death.noticed_ns : build->noticed_ns,
                 .failed = known ? sup->death.generation : 0,
                 .restored = how == LOAD_RESTORE || (how == LOAD_FRESH && after_death),
                 .step = how == LOAD_FRESH && after_death ? sup->death.step : 0,
                 .edited = how == LOAD_SWAP && build->edited,
                 .path = bytes_of(build->path),
                 .name = bytes_of(sup->library),
                 .module = bytes_of(sup->module),
                 .reason = bytes_of(known ? autopsy_account(sup) : ""),
                 .no_layout = bytes_of(layouts_missing(sup, build)),
                 .facts = {(const char *)&build->stage.facts, sizeof build->stage.facts}}};
    message.load.layout = layouts_hand_over(sup, how, build, slot);
    message.load.may_want = message.load.layout == 0 && layouts_may_come(sup, build);
    if (message.load.edited) {
        edits_hand_over(sup, build);
    }
    console_loading(sup, build);
    supervisor_send(sup, &message);
    sup->asked_ns = clock_ns();
    supervisor_arm(sup, TIMER_ANNOUNCED, ANNOUNCED_MS);
    if (sup->config->start_timeout_ns > 0) {
        supervisor_arm(sup, TIMER_START, sup->config->start_timeout_ns / NS_PER_MS + 1);
    }
}

void hosts_forget_mapped(struct supervisor *sup)
{
    while (sup->mapped_count > 0) {
        build_drop(&sup->mapped[--sup->mapped_count]);
    }
}

/* The host goes, and with it what it did to the terminal. */
void hosts_drop(struct supervisor *sup)
{
    if (sup->host != NULL) {
        host_process_destroy(sup->host);
        sup->host = NULL;
        commands_stepped(sup, 0);
        snapshots_host_died(sup);
        asks_host_gone(sup);
        console_host_died(sup);
    }
    sup->hung = false;
    sup->asked_ns = 0;
    supervisor_disarm(sup, TIMER_ANNOUNCED);
    hosts_forget_mapped(sup);
}

/* The pace of code that is known; a module may have set another one, which went with it. */
static void set_rate(struct supervisor *sup, const struct build *build)
{
    sup->rate = build != NULL ? build->rate : sup->config->rate;
    sup->rate_hz = build != NULL ? build->rate_hz : sup->config->rate_hz;
}

/* Where the good state is safe: new code is going to write into the slots in turn, and may not
 * live. */
static int pin_good_state(struct supervisor *sup, int slot)
{
    bool in_turn = slot == SHARED_TURN_0 || slot == SHARED_TURN_1;
    if (in_turn && slot == sup->good_slot && sup->memory.fd >= 0) {
        int pin = comeback_free_pin(sup);
        if (shared_copy(&sup->memory, slot, pin)) {
            sup->good_slot = pin;
            if (sup->fallback_count > 0 && sup->fallbacks[0].slot == slot) {
                sup->fallbacks[0].slot = pin;
            }
            return pin;
        }
    }
    return slot;
}

/* A host process without code. NULL: it cannot be had, and `err` says why. */
static struct host_process *spawn(struct supervisor *sup, struct error *err)
{
    struct shared shared;
    const struct config *config = sup->config;
    struct host_callbacks callbacks = {
        .ctx = sup, .orphans = &sup->orphans, .message = hearing_message, .died = deaths_hear};
    return shared_create(&shared, supervisor_snapshot_limit(sup), err)
               ? host_process_start(sup->loop, config, &shared, &callbacks, err)
               : NULL;
}

/* The spare, if there is one, or a cold one. It has those snapshots of the last host then that it
 * may write over or is to read at once, and knows how it is to run. */
static struct host_process *take_over(struct supervisor *sup, int slot, struct error *err)
{
    unsigned first = SHARED_SLOTS_IN_TURN | (slot == NO_SLOT ? 0 : 1U << slot);
    struct host_process *host = sup->spare;
    sup->spare = NULL;
    supervisor_disarm(sup, TIMER_SPARE);
    if (host != NULL && host_process_is_ending(host)) { /* who killed one may have killed both */
        host_process_destroy(host);
        host = NULL;
    }
    if (host == NULL) {
        host = spawn(sup, err);
    }
    if (host == NULL) {
        return NULL;
    }
    struct snapshot snapshot;
    unsigned copied =
        sup->memory.fd < 0 ? 0 : shared_salvage(&sup->memory, host_process_shared(host), first);
    bool there = slot == NO_SLOT || (copied & 1U << slot) != 0;
    /* One that is torn is the host's to refuse; one that is whole must not be given up for that. */
    if (!there && shared_peek(&sup->memory, slot, &snapshot)) {
        error_set(err, ERROR_SYSTEM, "no memory to copy the last state");
    } else if (host_process_setup(host, sup->config, sup->slot_address, sup->rate, sup->rate_hz,
                                  sup->paused, (enum log_level)sup->log->level, err)) {
        return host;
    }
    host_process_destroy(host);
    return NULL;
}

void hosts_start(struct supervisor *sup, const struct build *build, int slot)
{
    struct error err;
    hosts_drop(sup);
    set_rate(sup, sup->state == POLICY_RESTARTING ? build : sup->current);
    slot = pin_good_state(sup, slot);
    sup->host = take_over(sup, slot, &err);
    if (sup->host == NULL) {
        if (!sup->loaded_once && sup->deaths == 0) {
            sup->fatal = err;
            sup->ending = true;
            supervisor_finish_if_idle(sup);
            return;
        }
        log_line(sup->log, LOG_ERROR, "%s", err.text);
        supervisor_dispatch(sup, POLICY_SPAWN_FAILED);
        return;
    }
    sup->cold = true;
    sup->adopted = 0;
    layouts_host_is_new(sup);
    looking_begin(sup);
    if (sup->report.generation == 0 && sup->deaths == 0) {
        report_started(&sup->report, host_process_pid(sup->host), sup->library);
    }
    kept_send(&sup->kept, sup->host, sup->log);
    hosts_load(sup, slot == NO_SLOT ? LOAD_FRESH : LOAD_RESTORE, build, slot);
    if (sup->memory.fd >= 0 && sup->host != NULL) {
        /* Pinned ones are not the host's to write: they can follow while it loads. */
        unsigned rest =
            SHARED_SLOTS_ALL & ~SHARED_SLOTS_IN_TURN & ~(slot == NO_SLOT ? 0 : 1U << slot);
        (void)shared_salvage(&sup->memory, host_process_shared(sup->host), rest);
    }
}

void hosts_give_up(struct supervisor *sup)
{
    if (sup->host != NULL) {
        shared_finish(&sup->memory);
        sup->memory = host_process_take_shared(sup->host);
        hosts_drop(sup);
        orphans_end(&sup->orphans);
    }
}

/* ---- the spare ---- */

static bool spare_is_wanted(const struct supervisor *sup)
{
    /* A tool that hosts are started under has one to look at. */
    return sup->config->spare && sup->config->wrap == NULL && !sup->ending &&
           sup->state != POLICY_STOPPING;
}

void hosts_want_spare(struct supervisor *sup)
{
    if (sup->spare == NULL && spare_is_wanted(sup)) {
        uint64_t ms = SPARE_FIRST_MS << (sup->spare_failures < 11 ? sup->spare_failures : 11);
        supervisor_arm(sup, TIMER_SPARE, ms < SPARE_MOST_MS ? ms : SPARE_MOST_MS);
    }
}

void hosts_make_spare(struct supervisor *sup)
{
    struct error err;
    if (sup->spare != NULL || !spare_is_wanted(sup)) {
        return;
    }
    sup->spare = spawn(sup, &err);
    if (sup->spare == NULL) {
        log_line(sup->log, sup->spare_failures == 0 ? LOG_WARN : LOG_DEBUG, "no spare host: %s",
                 err.text);
        supervisor_dispatch(sup, POLICY_SPARE_DIED);
    }
}

void hosts_spare_died(struct supervisor *sup)
{
    sup->spare_failures++;
    hosts_want_spare(sup);
}

void hosts_drop_spare(struct supervisor *sup)
{
    host_process_destroy(sup->spare);
    sup->spare = NULL;
    supervisor_disarm(sup, TIMER_SPARE);
}
