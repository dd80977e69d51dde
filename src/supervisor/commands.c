/* The methods of the control socket. */
#include "base/clock.h"
#include "supervisor/resume.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <signal.h>
#include <string.h>

#define STEPS_MOST 1e9

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
    event_add_flag(result, "stopping", true);
    control_answer(call, result);
    if (sup->state != POLICY_STOPPING) {
        sup->stop_signal = sup->stop_signal == 0 ? SIGTERM : sup->stop_signal;
        supervisor_dispatch(sup, POLICY_SIGNAL_TERM);
    }
}

static void command_events(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    (void)sup;
    (void)params;
    control_subscribe(call);
}

/* False: it can't be done in this state, and the call is answered. */
static bool is_possible(struct supervisor *sup, enum policy_event event, struct control_call *call)
{
    if ((policy_decide(sup->state, event).steps & POLICY_REFUSE) != 0 || sup->ending) {
        control_fail(call, CONTROL_REFUSED, "hotrun is stopping");
        return false;
    }
    return true;
}

static void answer_done(struct supervisor *sup, struct control_call *call)
{
    cJSON *result = cJSON_CreateObject();
    supervisor_look(sup);
    event_add_number(result, "generation", sup->report.generation);
    event_add_number(result, "step", sup->report.step);
    event_add_flag(result, "paused", sup->paused);
    control_answer(call, result);
}

static void command_pause(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    (void)params;
    if (is_possible(sup, POLICY_CTL_PAUSE, call)) {
        supervisor_dispatch(sup, POLICY_CTL_PAUSE);
        answer_done(sup, call);
    }
}

static void command_resume(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    (void)params;
    if (!is_possible(sup, POLICY_CTL_RESUME, call)) {
        return;
    }
    if (sup->state == POLICY_HELD && sup->current == NULL && sup->paused) {
        sup->paused = false; /* for what is saved next */
        report_paused(&sup->report, false);
        answer_done(sup, call);
        return;
    }
    if (sup->state == POLICY_HELD && sup->current == NULL) {
        control_fail(call, CONTROL_REFUSED,
                     "nothing has run so far that could go on: save a library");
        return;
    }
    if (sup->state == POLICY_HELD) {
        sup->restart_count = 0;
        sup->death.noticed_ns = clock_ns();
    }
    supervisor_dispatch(sup, POLICY_CTL_RESUME);
    answer_done(sup, call);
}

static void command_step(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const cJSON *count = cJSON_GetObjectItemCaseSensitive(params, "count");
    double steps = cJSON_IsNumber(count) ? count->valuedouble : 1;
    if ((count != NULL && !cJSON_IsNumber(count)) || !(steps >= 1 && steps <= STEPS_MOST)) {
        control_fail(call, CONTROL_INVALID_PARAMS, "count: expected 1 to 1000000000 steps");
    } else if (!sup->paused) {
        control_fail(call, CONTROL_REFUSED, "it is not paused: `hotrun pause` comes first");
    } else if (sup->step_call != NULL) {
        control_fail(call, CONTROL_REFUSED, "the steps of another command are still being made");
    } else if (sup->host == NULL || sup->cold || sup->state == POLICY_STOPPING) {
        control_fail(call, CONTROL_REFUSED, "nothing runs that could be stepped");
    } else {
        sup->step_call = call;
        supervisor_send(
            sup, &(struct message){.type = MESSAGE_STEPS, .steps = {.count = (uint64_t)steps}});
    }
}

void commands_stepped(struct supervisor *sup, uint64_t count)
{
    struct control_call *call = sup->step_call;
    sup->step_call = NULL;
    if (call != NULL && count == 0) {
        control_fail(call, CONTROL_REFUSED, "the steps were not made");
    } else if (call != NULL) {
        cJSON *result = cJSON_CreateObject();
        supervisor_look(sup);
        event_add_number(result, "steps", count);
        event_add_number(result, "generation", sup->report.generation);
        event_add_number(result, "step", sup->report.step);
        control_answer(call, result);
    }
}

static void command_rollback(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const cJSON *keep = cJSON_GetObjectItemCaseSensitive(params, "keep_state");
    if (keep != NULL && !cJSON_IsBool(keep)) {
        control_fail(call, CONTROL_INVALID_PARAMS, "keep_state: expected true or false");
        return;
    }
    replace_ask(sup, REPLACE_ROLLBACK, cJSON_IsTrue(keep), NULL, NULL, call);
}

static void command_reset(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    (void)params;
    replace_ask(sup, REPLACE_RESET, false, NULL, NULL, call);
}

static const struct {
    const char *method;
    void (*act)(struct supervisor *, const cJSON *, struct control_call *);
} rows[] = {
    {"status", command_status},     {"reload", command_reload}, {"quit", command_quit},
    {"pause", command_pause},       {"resume", command_resume}, {"step", command_step},
    {"rollback", command_rollback}, {"reset", command_reset},   {"snapshot", snapshots_command},
    {"restore", resume_command},    {"events", command_events}};

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
