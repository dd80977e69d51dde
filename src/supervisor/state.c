/* What the parts of the supervisor share beside its fields. */
#include "supervisor/state.h"
#include "base/clock.h"

void supervisor_send(struct supervisor *sup, const struct message *message)
{
    struct error err;
    if (sup->host != NULL && !host_process_send(sup->host, message, &err)) {
        log_line(sup->log, LOG_ERROR, "the host was not told: %s", err.text);
    }
}

uint64_t supervisor_running(const struct supervisor *sup)
{
    bool runs = sup->host != NULL && !sup->cold && sup->current != NULL;
    return runs ? sup->current->generation : 0;
}

void supervisor_look(struct supervisor *sup)
{
    if (sup->host == NULL || sup->current == NULL || sup->cold) {
        return;
    }
    const struct page *page = host_process_shared(sup->host)->page;
    uint64_t word = atomic_load_explicit(&page->word, memory_order_relaxed);
    uint64_t index = page_index(word);
    if (page_word_is_sane(word) && index >= sup->first_step) {
        sup->report.step = index;
    }
}

void supervisor_answer_reloads(struct supervisor *sup, uint64_t generation, const char *event,
                               const char *reason)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < sup->reload_call_count; i++) {
        struct reload_call waiting = sup->reload_calls[i];
        bool looked_at = waiting.generation == 0;
        if (generation == 0 ? !looked_at : looked_at || waiting.generation > generation) {
            sup->reload_calls[kept++] = waiting;
            continue;
        }
        cJSON *result = cJSON_CreateObject();
        event_add_text(result, "outcome", event);
        event_add_number(result, "generation",
                         sup->state == POLICY_HELD ? 0 : sup->report.generation);
        if (reason[0] != '\0') {
            event_add_text(result, "reason", reason);
        }
        control_answer(waiting.call, result);
    }
    sup->reload_call_count = kept;
}

void supervisor_finish_if_idle(struct supervisor *sup)
{
    if (sup->ending) {
        building_stop(sup);
    }
    if (sup->ending && sup->host == NULL && !building_runs(sup)) {
        uv_stop(sup->loop);
    }
}

void supervisor_start_probation(struct supervisor *sup)
{
    supervisor_arm(sup, TIMER_PROBATION, sup->config->probation_ns / NS_PER_MS);
}

static bool stands(const struct supervisor *sup, enum supervisor_timer timer)
{
    bool traced = sup->looks.tracer != 0;
    switch (timer) {
    case TIMER_PROBATION:
        return traced || sup->paused;
    case TIMER_START:
        /* A tool may ask its user first. */
        return traced || (sup->config->wrap != NULL && sup->host != NULL &&
                          !host_process_is_ready(sup->host));
    case TIMER_STOP:
    case TIMER_REPLACE:
    case TIMER_ASK:
        return traced;
    default:
        return false;
    }
}

uint64_t supervisor_heap_bytes(const struct supervisor *sup)
{
    return supervisor_running(sup) == 0
               ? 0
               : atomic_load_explicit(&host_process_shared(sup->host)->page->heap_bytes,
                                      memory_order_relaxed);
}

uint64_t supervisor_snapshot_limit(const struct supervisor *sup)
{
    const struct config *config = sup->config;
    return config->state_max_json > config->pin_limit ? config->state_max_json : config->pin_limit;
}

bool supervisor_ends_held(struct supervisor *sup, int status)
{
    bool waits = sup->config->watch && sup->config->on_hold == HOLD_WAIT;
    bool next = sup->pending != NULL && !quarantine_has(&sup->quarantine, sup->pending->stage.hash);
    if (waits || next || building_runs(sup)) {
        return false;
    }
    sup->exit_status = status;
    sup->ending = true;
    supervisor_finish_if_idle(sup);
    return true;
}

void supervisor_arm(struct supervisor *sup, enum supervisor_timer timer, uint64_t ms)
{
    sup->left_ms[timer] = stands(sup, timer) ? ms + 1 : 0;
    if (sup->left_ms[timer] != 0) {
        (void)uv_timer_stop(&sup->timers[timer]);
    } else {
        uv_update_time(sup->loop); /* the loop may have looked at the clock long ago */
        (void)uv_timer_start(&sup->timers[timer], sup->timer_callbacks[timer], ms, 0);
    }
}

void supervisor_disarm(struct supervisor *sup, enum supervisor_timer timer)
{
    sup->left_ms[timer] = 0;
    (void)uv_timer_stop(&sup->timers[timer]);
}

void supervisor_set_clocks(struct supervisor *sup)
{
    for (int i = 0; i < TIMER_COUNT; i++) {
        enum supervisor_timer timer = (enum supervisor_timer)i;
        bool runs = uv_is_active((uv_handle_t *)&sup->timers[i]) != 0;
        if (runs && stands(sup, timer)) {
            supervisor_arm(sup, timer, uv_timer_get_due_in(&sup->timers[i]));
        } else if (sup->left_ms[i] != 0 && !stands(sup, timer)) {
            supervisor_arm(sup, timer, sup->left_ms[i] - 1);
        }
    }
}
