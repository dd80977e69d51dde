/* What the supervisor owes to whoever runs it as a service, and the descriptors that outlive a
 * host.
 */
#include "base/clock.h"
#include "supervisor/inherited.h"
#include "supervisor/state.h"

#include <stdio.h>

#define AGAIN_MS 200U

void service_begin(struct supervisor *sup)
{
    inherited_take(&sup->kept, sup->log);
    notify_init(&sup->notify, sup->log);
}

void service_start_watchdog(struct supervisor *sup)
{
    if (sup->notify.watchdog_ms > 0) {
        supervisor_arm(sup, TIMER_WATCHDOG, sup->notify.watchdog_ms);
    }
}

void service_watchdog(struct supervisor *sup)
{
    notify_watchdog(&sup->notify);
    service_start_watchdog(sup);
}

void service_tell_phase(struct supervisor *sup)
{
    enum notify_phase phase = sup->notify.phase;
    switch (sup->state) {
    case POLICY_RUNNING:
    case POLICY_PROBATION:
    case POLICY_PAUSED:
        phase = NOTIFY_READY;
        break;
    case POLICY_SWAPPING:
        phase = NOTIFY_RELOADING;
        break;
    case POLICY_HELD:
        /* A reload that ends here has ended; a start that came to nothing goes on. */
        phase = phase == NOTIFY_RELOADING ? NOTIFY_READY : phase;
        break;
    case POLICY_STOPPING:
        phase = NOTIFY_STOPPING;
        break;
    default:
        break;
    }
    if (!notify_phase(&sup->notify, phase)) {
        supervisor_arm(sup, TIMER_STATUS, AGAIN_MS);
    }
}

void service_tell_status(struct supervisor *sup)
{
    char line[NOTIFY_STATUS_MOST];
    const char *state = sup->paused ? "paused" : policy_state_name(sup->state);
    if (sup->state == POLICY_HELD && sup->missing_told) {
        (void)snprintf(line, sizeof line, "waiting: %s is not there", sup->library);
    } else if (sup->state == POLICY_HELD) {
        (void)snprintf(line, sizeof line, "held: %.200s", sup->held_reason);
    } else {
        (void)snprintf(line, sizeof line, "%s: generation %llu of %s", state,
                       (unsigned long long)sup->report.generation, sup->library);
    }
    service_tell_phase(sup);
    if (!notify_status(&sup->notify, line)) {
        supervisor_arm(sup, TIMER_STATUS, AGAIN_MS);
    }
}

void service_keep(struct supervisor *sup, const char *name, bool dropped, int fd)
{
    struct error err;
    bool known = kept_find(&sup->kept, name) >= 0;
    if (dropped || fd < 0 || known) {
        notify_remove(&sup->notify, name);
    }
    if (dropped) {
        (void)kept_drop(&sup->kept, name);
    } else if (fd < 0) {
        /* What was kept under this name before is not what the module means. */
        (void)kept_drop(&sup->kept, name);
        log_line(sup->log, LOG_WARN,
                 "the descriptor %s will not survive a crash: it did not pass, because of its kind "
                 "or the limit of open files",
                 name);
    } else if (kept_put(&sup->kept, name, fd, &err)) {
        notify_store(&sup->notify, name, fd);
    } else if (!sup->kept_told) {
        sup->kept_told = true;
        log_line(sup->log, LOG_WARN, "the descriptor %s will not survive a crash: %s", name,
                 err.text);
    }
    supervisor_arm(sup, TIMER_STATUS, 20);
}

void service_end(struct supervisor *sup)
{
    (void)notify_phase(&sup->notify, NOTIFY_STOPPING);
}

void service_finish(struct supervisor *sup)
{
    notify_finish(&sup->notify);
    kept_finish(&sup->kept);
}
