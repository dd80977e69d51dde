/* How things stand, for `hotrun status` and status.json. */
#include "base/clock.h"
#include "base/file.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <string.h>
#include <unistd.h>

static void add_rate(cJSON *status, const struct supervisor *sup)
{
    if (sup->rate == RATE_HZ) {
        event_add_item(status, "rate", cJSON_CreateNumber(sup->rate_hz));
    } else {
        event_add_text(status, "rate", sup->rate == RATE_MAX ? "max" : "once");
    }
}

cJSON *status_make(struct supervisor *sup)
{
    cJSON *status = cJSON_CreateObject();
    uint64_t late = 0;
    supervisor_look(sup);
    if (sup->host != NULL) {
        const struct page *page = host_process_shared(sup->host)->page;
        late = atomic_load_explicit(&page->late, memory_order_relaxed);
    }
    event_add_text(status, "state", sup->paused ? "paused" : policy_state_name(sup->state));
    event_add_number(status, "generation", sup->report.generation);
    event_add_number(status, "step", sup->report.step);
    event_add_text(status, "library", sup->config->module_path);
    event_add_text(status, "module", sup->module);
    event_add_number(status, "pid", (uint64_t)getpid());
    event_add_number(status, "host_pid",
                     sup->host != NULL ? (uint64_t)host_process_pid(sup->host) : 0);
    if (sup->host != NULL && sup->looks.tracer != 0) {
        event_add_number(status, "tracer_pid", (uint64_t)sup->looks.tracer);
    }
    if (sup->host != NULL && sup->looks.blocked[0] != '\0') {
        event_add_text(status, "blocked", sup->looks.blocked);
    }
    add_rate(status, sup);
    event_add_number(status, "late_steps", late);
    event_add_number(status, "state_bytes", sup->state_bytes);
    event_add_number(status, "heap_bytes", supervisor_heap_bytes(sup));
    event_add_number(status, "variables_bytes", layouts_variables_bytes(sup));
    event_add_number(status, "state_version", sup->state_version);
    event_add_text(status, "state_kind", sup->callbacks ? "json" : "memory");
    layouts_add_status(sup, status);
    event_add_number(status, "crashes", sup->restarts_total);
    event_add_number(status, "uptime_s", (clock_ns() - sup->started_ns) / NS_PER_S);
    event_add_number(status, "started_ns", sup->wall_ns);
    event_add_text(status, "watch",
                   sup->watch == NULL             ? "off"
                   : watch_is_polling(sup->watch) ? "polling"
                                                  : "events");
    building_add_status(sup, status);
    event_add_flag(status, "waiting_for_library", sup->missing_told);
    event_add_flag(status, "newest_refused", sup->report.refused);
    if (sup->state == POLICY_HELD && sup->held_reason[0] != '\0') {
        event_add_text(status, "held_reason", sup->held_reason);
    }
    snapshots_add_status(sup, status);
    cJSON *kept = cJSON_AddArrayToObject(status, "kept");
    for (unsigned i = 0; i < sup->kept.count; i++) {
        cJSON_AddItemToArray(kept, event_text(sup->kept.items[i].name));
    }
    event_add_text(status, "run_dir", sup->run_dir.path);
    return status;
}

void status_write(struct supervisor *sup)
{
    struct error err;
    cJSON *status = status_make(sup);
    char *text = status != NULL ? cJSON_Print(status) : NULL;
    cJSON_Delete(status);
    if (text == NULL) {
        return;
    }
    size_t len = strlen(text);
    text[len] = '\n';
    if (!file_replace(sup->run_dir.fd, "status.json", text, len + 1, &err)) {
        log_line(sup->log, LOG_DEBUG, "%s", err.text);
    }
    cJSON_free(text);
}
