/* Looks at the host from time to time, without its help: does a call hang, does a debugger hold it?
 */
#include "base/clock.h"
#include "supervisor/state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MOST_MS  UINT64_C(250)
#define LOOK_LEAST_MS UINT64_C(10)
#define GAP_MS        UINT64_C(50) /* that a look may be late by, beside three periods */

/* Often enough to keep to the shorter limit within an eighth of it. */
static uint64_t period_ms(const struct config *config)
{
    uint64_t ms = LOOK_MOST_MS;
    const uint64_t limits[] = {config->hang_timeout_ns, config->blocked_timeout_ns};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint64_t eighth = limits[i] / 8 / NS_PER_MS;
        if (limits[i] > 0 && eighth < ms) {
            ms = eighth;
        }
    }
    return ms > LOOK_LEAST_MS ? ms : LOOK_LEAST_MS;
}

static const struct page *page_of(const struct supervisor *sup)
{
    return host_process_shared(sup->host)->page;
}

/* The one that is being loaded; 0: none is. */
static uint64_t loading_generation(const struct supervisor *sup)
{
    if (sup->asked_ns == 0) {
        return 0;
    }
    if (sup->state == POLICY_RESTARTING && sup->attempt_next < sup->attempt_count) {
        return sup->attempts[sup->attempt_next].build->generation;
    }
    return sup->next != NULL ? sup->next->generation : 0;
}

/* Whether the call that `word` tells of is limited by hang_timeout. What belongs to loading is
 * limited by start_timeout, but not the old code's part in it; the end by stop_timeout. */
static bool counts(const struct supervisor *sup, const struct page *page, uint64_t word)
{
    enum phase phase = page_phase(word);
    uint64_t generation = atomic_load_explicit(&page->generation, memory_order_relaxed);
    bool loading = phase != PHASE_STEP && sup->asked_ns != 0 &&
                   (sup->cold || generation == loading_generation(sup));
    bool dying = atomic_load_explicit(&page->dying, memory_order_relaxed) != 0;
    return phase != PHASE_NONE && !loading && !dying && sup->state != POLICY_STOPPING;
}

void looking_place(const struct supervisor *sup, char *text, size_t size)
{
    const struct page *page = page_of(sup);
    uint64_t word = atomic_load_explicit(&page->word, memory_order_relaxed);
    uint64_t generation = atomic_load_explicit(&page->generation, memory_order_relaxed);
    enum phase phase = page_phase(word);
    char step[32];
    report_count(page_index(word), step, sizeof step);
    if (phase == PHASE_STEP) {
        (void)snprintf(text, size, "step %s of generation %llu", step,
                       (unsigned long long)generation);
    } else {
        (void)snprintf(text, size, "%s of generation %llu, before step %s,", phase_name(phase),
                       (unsigned long long)generation, step);
    }
}

static void tell_tracer(struct supervisor *sup, pid_t tracer)
{
    char name[64];
    pid_t before = sup->looks.tracer;
    if ((tracer != 0) == (before != 0)) {
        return;
    }
    sup->looks.tracer = tracer;
    if (tracer != 0) {
        proc_name(tracer, name, sizeof name);
        log_line(sup->log, sup->config->wrap == NULL ? LOG_INFO : LOG_DEBUG,
                 "%s (pid %ld) holds the host: the limits of time stand until it lets go", name,
                 (long)tracer);
    } else {
        log_line(sup->log, LOG_INFO, "the debugger has let go of the host: the limits go on");
    }
    supervisor_dispatch(sup, tracer != 0 ? POLICY_TRACER_ON : POLICY_TRACER_OFF);
}

static void tell_blocked(struct supervisor *sup)
{
    struct looks *looks = &sup->looks;
    char place[96];
    uint64_t generation = atomic_load_explicit(&page_of(sup)->generation, memory_order_relaxed);
    /* A module that asks a person each time is told of once. */
    enum log_level level = looks->told_of == generation ? LOG_DEBUG : LOG_INFO;
    looks->told_of = generation;
    looking_place(sup, place, sizeof place);
    proc_waits_in(&looks->proc, looks->blocked, sizeof looks->blocked);
    log_line(sup->log, level,
             "%s waits in %s for %.3g s; it is let wait (supervise.blocked_timeout)", place,
             looks->blocked, (double)looks->hang.slept_ns / 1e9);
}

static void end_hung(struct supervisor *sup, bool blocked)
{
    struct looks *looks = &sup->looks;
    const struct config *config = sup->config;
    if (blocked) {
        char call[192];
        proc_waits_in(&looks->proc, call, sizeof call);
        (void)snprintf(looks->hung, sizeof looks->hung,
                       "it waited in %s for %.3g s (supervise.blocked_timeout)", call,
                       (double)config->blocked_timeout_ns / 1e9);
    } else {
        (void)snprintf(looks->hung, sizeof looks->hung, "busy for %.3g s (supervise.hang_timeout)",
                       (double)config->hang_timeout_ns / 1e9);
    }
    sup->hung = true;
    supervisor_dispatch(sup, POLICY_HOST_HUNG);
}

static void judge(struct supervisor *sup, const struct proc_look *seen)
{
    struct looks *looks = &sup->looks;
    const struct page *page = page_of(sup);
    const struct hang_limits limits = {.hang_ns = sup->config->hang_timeout_ns,
                                       .blocked_ns = sup->config->blocked_timeout_ns,
                                       .gap_ns = (3 * period_ms(sup->config) + GAP_MS) * NS_PER_MS};
    uint64_t word = atomic_load_explicit(&page->word, memory_order_acquire);
    struct hang_look look = {.now_ns = clock_ns(),
                             .word = word,
                             .calls = atomic_load_explicit(&page->calls, memory_order_relaxed),
                             .counts = counts(sup, page, word),
                             .stands =
                                 seen->tracer != 0 || seen->state == 'T' || seen->state == 't',
                             .ready = seen->state == 'R',
                             .cpu_ns = seen->cpu_ns,
                             .starved_ns = seen->starved_ns};
    enum hang_verdict verdict = hang_judge(&looks->hang, &limits, &look);
    if (!looks->hang.told) {
        looks->blocked[0] = '\0';
    }
    if (sup->hung || verdict == HANG_NONE) {
        return;
    }
    if (verdict == HANG_BLOCKED) {
        tell_blocked(sup);
    } else {
        end_hung(sup, verdict == HANG_BLOCKED_LONG);
    }
}

void looking_now(struct supervisor *sup)
{
    struct looks *looks = &sup->looks;
    struct proc_look seen;
    if (sup->host == NULL) {
        looking_end(sup);
        return;
    }
    supervisor_arm(sup, TIMER_LOOK, period_ms(sup->config));
    if (!host_process_is_ready(sup->host)) {
        return; /* under a tool, this is the tool still */
    }
    if (!proc_is_open(&looks->proc)) {
        pid_t pid = host_process_pid(sup->host);
        looks->own_group = getpgid(pid) != getpgrp();
        supervisor_set_clocks(sup);
        if (!proc_open(&looks->proc, pid)) {
            return;
        }
    }
    if (proc_look(&looks->proc, &seen)) {
        tell_tracer(sup, seen.tracer);
        judge(sup, &seen);
    }
}

void looking_begin(struct supervisor *sup)
{
    looking_end(sup);
    sup->looks.told_of = 0;
    supervisor_arm(sup, TIMER_LOOK, period_ms(sup->config));
}

void looking_end(struct supervisor *sup)
{
    struct looks *looks = &sup->looks;
    supervisor_disarm(sup, TIMER_LOOK);
    proc_close(&looks->proc);
    looks->hang = (struct hang){0};
    looks->blocked[0] = '\0';
    looks->tracer = 0;
    looks->own_group = false;
    supervisor_set_clocks(sup);
}

/* Such a tool gives the host a process group of its own; before that it is asked what to do. */
bool looking_tool_has_prompt(const struct supervisor *sup)
{
    return sup->config->wrap != NULL && sup->host != NULL &&
           (sup->looks.own_group || !host_process_is_ready(sup->host));
}

bool looking_tool_was_left(struct supervisor *sup, const struct host_death *death, bool intended)
{
    bool by_key = death->signal == SIGINT && sup->config->wrap != NULL;
    bool quiet = death->exit_status == 0 && (death->signal == 0 || death->record != NULL);
    if (by_key && sup->stop_signal == SIGINT) {
        if (!intended) {
            log_line(sup->log, LOG_WARN,
                     "Ctrl-C has ended the tool, and the module without its end; `hotrun quit` "
                     "gives both theirs");
        }
        return true;
    }
    if (intended || !(quiet || by_key) || !looking_tool_has_prompt(sup)) {
        return false;
    }
    if (sup->state != POLICY_STOPPING) {
        looking_end(sup); /* nobody holds the host any more */
        log_line(sup->log, LOG_INFO, "the tool that the host ran under was left: hotrun ends");
        supervisor_dispatch(sup, POLICY_SIGNAL_TERM);
    }
    return true;
}
