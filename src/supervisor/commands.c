/* The methods of the control socket. */
#include "base/clock.h"
#include "supervisor/state.h"

#include <signal.h>
#include <string.h>

static void command_status(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    (void)params;
    control_answer(call, status_make(sup));
}

static void command_reload(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const cJSON *force = cJSON_GetObjectItemCaseSensitive(params, "force");
    if (force != NULL && !cJSON_IsBool(force)) {
        control_fail(call, CONTROL_INVALID_PARAMS, "force: expected true or false");
        return;
    }
    if (sup->state == POLICY_STOPPING || sup->ending) {
        control_fail(call, CONTROL_REFUSED, "hotrun is stopping");
        return;
    }
    if (sup->reload_call_count == CALLS_MOST) {
        control_fail(call, CONTROL_REFUSED, "too many reloads wait for their outcome already");
        return;
    }
    sup->reload_calls[sup->reload_call_count++] = (struct reload_call){.call = call};
    sup->noticed_ns = clock_ns();
    sup->forced = cJSON_IsTrue(force);
    staging_now(sup, true);
}

static void command_quit(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    cJSON *result = cJSON_CreateObject();
    (void)params;
    (void)cJSON_AddTrueToObject(result, "stopping");
    control_answer(call, result);
    if (sup->state != POLICY_STOPPING) {
        supervisor_dispatch(sup, POLICY_SIGNAL_TERM);
    }
}

static void command_events(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    (void)sup;
    (void)params;
    control_subscribe(call);
}

static const struct {
    const char *method;
    void (*act)(struct supervisor *, const cJSON *, struct control_call *);
} rows[] = {{"status", command_status},
            {"reload", command_reload},
            {"quit", command_quit},
            {"events", command_events}};

bool commands_handle(void *ctx, const char *method, const cJSON *params, struct control_call *call)
{
    hearing_announced(ctx);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].method, method) == 0) {
            rows[i].act(ctx, params, call);
            return true;
        }
    }
    return false;
}
