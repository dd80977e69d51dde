/* How hosts end: what the status page says of it, whose fault it is, what is kept. */
#include "base/clock.h"
#include "supervisor/comeback.h"
#include "supervisor/resume.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The one that is being brought back; NULL: none is. */
static const struct build *coming_back(const struct supervisor *sup)
{
    bool coming = sup->state == POLICY_RESTARTING && sup->attempt_next < sup->attempt_count;
    return coming ? sup->attempts[sup->attempt_next].build : NULL;
}

/* Whether the dead host was in code of its own generation or of one that it had taken over from. */
static bool is_known(const struct supervisor *sup, uint64_t generation)
{
    bool known = (coming_back(sup) != NULL && coming_back(sup)->generation == generation) ||
                 (sup->next != NULL && sup->next->generation == generation) ||
                 (sup->current != NULL && sup->current->generation == generation);
    for (unsigned i = 0; i < sup->mapped_count; i++) {
        known = known || sup->mapped[i]->generation == generation;
    }
    return known;
}

static uint64_t current_generation(const struct supervisor *sup)
{
    return coming_back(sup) != NULL ? coming_back(sup)->generation
           : sup->current != NULL   ? sup->current->generation
           : sup->next != NULL      ? sup->next->generation
                                    : 0;
}

/* A death in a swap is the new library's only from the moment on that it was opened. Until then the
 * swap has not begun: the library waits, and the death is that of the code that runs. */
static void blame(struct supervisor *sup, const struct page *page, enum phase phase,
                  uint64_t generation)
{
    uint64_t committed = atomic_load_explicit(&page->committed, memory_order_relaxed);
    bool fresh =
        sup->next != NULL && ((phase != PHASE_NONE && generation == sup->next->generation) ||
                              committed == sup->next->generation);
    if (sup->state == POLICY_SWAPPING && !sup->cold && !fresh) {
        sup->state = sup->origin;
        if (sup->pending == NULL && sup->next != NULL && !sup->next->edited) {
            sup->pending = sup->next;
            sup->next = NULL;
        }
        build_drop(&sup->next);
    } else if (sup->state == POLICY_SWAPPING && !sup->cold && sup->current != NULL) {
        struct snapshot pinned;
        bool whole = sup->next_pin != NO_SLOT &&
                     shared_peek(host_process_shared(sup->host), sup->next_pin, &pinned) &&
                     pinned.generation == sup->current->generation;
        if (sup->unconfirmed) {
            sup->unconfirmed = false;
            report_superseded(&sup->report, sup->current->generation);
        }
        comeback_shift_fallbacks(sup, whole, sup->report.step);
    }
    bool leaving = phase == PHASE_FINI || phase == PHASE_UNLOAD;
    sup->uncounted = leaving && !sup->cold && !fresh && sup->current != NULL &&
                     generation != sup->current->generation;
    if (sup->uncounted && sup->unconfirmed) {
        /* It has outlived what could still be laid at its door. */
        sup->unconfirmed = false;
        report_confirmed(&sup->report, sup->current->generation, false, "");
    }
    if (sup->uncounted && sup->state == POLICY_PROBATION) {
        sup->state = POLICY_RUNNING;
    }
}

static int end_status(const struct supervisor *sup, const struct page *page,
                      const struct host_death *death)
{
    switch ((enum page_end)atomic_load_explicit(&page->end, memory_order_acquire)) {
    case PAGE_END_EXIT:
        return page->exit_status & 0xff;
    case PAGE_END_STOP:
        return sup->gave_up && sup->stop_signal != 0 ? 128 + sup->stop_signal : 0;
    default:
        break;
    }
    if ((sup->cold || sup->current == NULL) && sup->stop_signal != 0) {
        return 0; /* it was still being loaded: nothing was cut short */
    }
    return 128 + (sup->stop_signal != 0 ? sup->stop_signal
                  : death->signal != 0  ? death->signal
                                        : SIGKILL);
}

/* What the status page says of a death; whose fault it is comes later. `reason` gets the page's
 * words. */
static struct report_death describe(const struct supervisor *sup, const struct page *page,
                                    const struct host_death *death, char *reason, size_t size)
{
    uint64_t word = atomic_load_explicit(&page->word, memory_order_acquire);
    uint64_t generation = atomic_load_explicit(&page->generation, memory_order_relaxed);
    enum page_end end = (enum page_end)atomic_load_explicit(&page->end, memory_order_acquire);
    bool said = end == PAGE_END_ERROR || end == PAGE_END_HOST;
    const char *why = sup->hung ? sup->looks.hung : said ? page->reason : "";
    (void)snprintf(reason, size, "%.*s", (int)sizeof page->reason, why);
    struct report_death told = {.signal = death->signal,
                                .exit_status = death->exit_status,
                                .in = phase_name(page_phase(word)),
                                .generation = is_known(sup, generation) ? generation
                                                                        : current_generation(sup),
                                .step = page_index(word),
                                .reason = reason,
                                .hung = sup->hung};
    if (!page_word_is_sane(word) || told.step + 1 < sup->first_step) {
        told.step = sup->report.step; /* written over */
    }
    return told;
}

/* The host had been told that its older generation can go: its probation was over, only the answer
 * did not come. */
static void confirm_late(struct supervisor *sup)
{
    if (sup->confirming_generation != 0 && sup->unconfirmed) {
        sup->unconfirmed = false;
        report_confirmed(&sup->report, sup->confirming_generation, false, "");
    }
    sup->confirming_generation = 0;
}

/* Keeps what the dead host leaves of use, and clears away the rest. */
static void inherit(struct supervisor *sup)
{
    hosts_give_up(sup);
    supervisor_disarm(sup, TIMER_PROBATION);
    supervisor_disarm(sup, TIMER_START);
}

static void tell_death(struct supervisor *sup, const struct host_death *death,
                       const struct report_death *told)
{
    report_crashed(&sup->report, told);
    resume_died(sup);
    sup->restarts_total++;
    if (sup->state != POLICY_RESTARTING) {
        /* What is being brought back may die as well: the reason stays that of the first death. */
        char words[640];
        report_death_words(told, words, sizeof words);
        sup->death.signal = told->signal;
        (void)snprintf(sup->death.reason, sizeof sup->death.reason, "%.600s in %s", words,
                       told->in);
    }
    autopsy_note(sup, death, told);
}

/* Killed, by whomever, before it came to the library: that one has done nothing. */
static bool never_began(const struct supervisor *sup, const struct page *page,
                        const struct host_death *death)
{
    bool quiet = death->record == NULL || sup->hung;
    return sup->cold && sup->state != POLICY_STOPPING && sup->config->wrap == NULL && quiet &&
           death->signal != 0 && atomic_load_explicit(&page->generation, memory_order_relaxed) == 0;
}

void deaths_hear(void *ctx, struct host_process *host, const struct host_death *death)
{
    struct supervisor *sup = ctx;
    if (host == sup->spare) {
        hosts_drop_spare(sup);
        supervisor_dispatch(sup, POLICY_SPARE_DIED);
        return;
    }
    const struct page *page = host_process_shared(host)->page;
    if (never_began(sup, page, death)) {
        log_line(sup->log, LOG_WARN, "a host was killed before it had anything loaded");
        inherit(sup);
        supervisor_dispatch(sup, POLICY_SPAWN_FAILED);
        return;
    }
    enum phase phase = page_phase(atomic_load_explicit(&page->word, memory_order_acquire));
    uint32_t end = atomic_load_explicit(&page->end, memory_order_acquire);
    bool intended = end == PAGE_END_EXIT || end == PAGE_END_STOP;
    bool clean = intended && death->signal == 0 && death->exit_status == 0;
    char reason[600];
    sup->dying = true;
    hearing_announced(sup);
    sup->dying = false;
    supervisor_look(sup);
    struct report_death told = describe(sup, page, death, reason, sizeof reason);
    autopsy_ask(sup, death, told.generation);
    confirm_late(sup);
    sup->deaths++;
    if (sup->state != POLICY_RESTARTING) {
        /* What it was to be replaced by is not what follows its death. */
        replace_failed(sup, "the host died before its state was saved: ask again");
    }
    bool left = looking_tool_was_left(sup, death, intended);
    if (sup->state == POLICY_STOPPING) {
        sup->exit_status = left ? 0 : end_status(sup, page, death);
    } else {
        blame(sup, page, phase, told.generation);
    }
    autopsy_learn(sup, death, &told);
    inherit(sup);
    if (!clean && !sup->gave_up && !left) {
        tell_death(sup, death, &told);
    }
    if (sup->state != POLICY_RESTARTING) {
        const struct build *new = sup->next != NULL ? sup->next : sup->current;
        sup->death.edited = new != NULL &&new->edited &&
                            (sup->state == POLICY_SWAPPING || sup->state == POLICY_PROBATION);
        sup->death.generation = told.generation;
        sup->death.step = told.step;
    }
    sup->death.noticed_ns = death->noticed_ns;
    if (sup->next != NULL && (sup->state == POLICY_SWAPPING || sup->state == POLICY_STARTING)) {
        supervisor_answer_reloads(sup, sup->next->generation, "rejected", sup->death.reason);
    }
    supervisor_dispatch(sup, POLICY_HOST_DIED);
    sup->uncounted = false;
}
