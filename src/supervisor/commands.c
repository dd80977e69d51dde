/* The methods of the control socket. */
#include "base/clock.h"
#include "supervisor/asks.h"
#include "supervisor/edits.h"
#include "supervisor/resume.h"
#include "supervisor/rewind.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <signal.h>
#include <stdio.h>
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
    replace_ask(sup, REPLACE_ROLLBACK, cJSON_IsTrue(keep), 0, NULL, NULL, call);
}

static void command_reset(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    (void)params;
    replace_ask(sup, REPLACE_RESET, false, 0, NULL, NULL, call);
}

/* As if the module had set it: it stays over reloads and comebacks of this run. */
static void command_rate(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const cJSON *rate = cJSON_GetObjectItemCaseSensitive(params, "rate");
    const char *word = cJSON_GetStringValue(rate);
    bool once = word != NULL && strcmp(word, "once") == 0;
    bool max = word != NULL && strcmp(word, "max") == 0;
    double hz = cJSON_IsNumber(rate) ? rate->valuedouble : 0;
    if (!once && !max && !(hz >= 0.001 && hz <= 1e6)) {
        control_fail(call, CONTROL_INVALID_PARAMS,
                     "rate: expected 0.001 to 1000000 steps a second, \"max\" or \"once\"");
        return;
    }
    if (sup->host == NULL && sup->current == NULL) {
        control_fail(call, CONTROL_REFUSED, "nothing has run so far: save a library");
        return;
    }
    if (!is_possible(sup, POLICY_CTL_PAUSE, call)) {
        return;
    }
    sup->rate = once ? RATE_ONCE : max ? RATE_MAX : RATE_HZ;
    sup->rate_hz = sup->rate == RATE_HZ ? hz : sup->rate_hz;
    if (sup->current != NULL) {
        sup->current->rate = sup->rate;
        sup->current->rate_hz = sup->rate_hz;
    }
    supervisor_send(sup, &(struct message){.type = MESSAGE_RATE,
                                           .rate = {.kind = (uint64_t)sup->rate, .hz = hz}});
    if (sup->rate == RATE_HZ) {
        log_tone(sup->log, LOG_TONE_PLAIN, "rate  %g Hz from here on", hz);
    } else {
        log_tone(sup->log, LOG_TONE_PLAIN, "rate  %s from here on", word);
    }
    supervisor_arm(sup, TIMER_STATUS, 20);
    cJSON *result = cJSON_CreateObject();
    event_add_item(result, "rate",
                   sup->rate == RATE_HZ ? cJSON_CreateNumber(hz) : event_text(word));
    control_answer(call, result);
}

static void command_log(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "level"));
    enum log_level level;
    if (word == NULL || !log_level_parse(word, &level)) {
        control_fail(call, CONTROL_INVALID_PARAMS,
                     "level: expected \"trace\", \"debug\", \"info\", \"warn\" or \"error\"");
        return;
    }
    sup->log->level = (int)level;
    supervisor_send(sup, &(struct message){.type = MESSAGE_LOG, .log = {.level = (uint64_t)level}});
    cJSON *result = cJSON_CreateObject();
    event_add_text(result, "level", log_level_name(level));
    control_answer(call, result);
}

static void command_build(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    (void)params;
    building_ask(sup, call);
}

static const struct {
    const char *method;
    void (*act)(struct supervisor *, const cJSON *, struct control_call *);
    const char *params[2]; /* that it knows */
} rows[] = {{"status", command_status, {0}},
            {"reload", command_reload, {"force"}},
            {"quit", command_quit, {0}},
            {"pause", command_pause, {0}},
            {"resume", command_resume, {0}},
            {"step", command_step, {"count"}},
            {"rate", command_rate, {"rate"}},
            {"log", command_log, {"level"}},
            {"rollback", command_rollback, {"keep_state"}},
            {"reset", command_reset, {0}},
            {"snapshot", snapshots_command, {"file"}},
            {"restore", resume_command, {"file"}},
            {"rewind", rewind_command, {"id"}},
            {"send", asks_send, {"name", "json"}},
            {"state.get", asks_get, {"pointer"}},
            {"state.edit", edits_command, {"edits"}},
            {"state.layout", layouts_command, {"json"}},
            {"build", command_build, {0}},
            {"events", command_events, {0}}};

/* False: one is unknown, and the call is answered. */
static bool knows_params(const char *const *known, const cJSON *params, struct control_call *call)
{
    const cJSON *param;
    cJSON_ArrayForEach(param, params)
    {
        bool found = false;
        for (size_t i = 0; i < 2 && known[i] != NULL; i++) {
            found = found || strcmp(known[i], param->string) == 0;
        }
        if (!found) {
            char problem[256];
            (void)snprintf(problem, sizeof problem, "\"%.100s\" is no parameter of this method%s%s",
                           param->string, known[0] != NULL ? "; it knows " : "",
                           known[0] == NULL ? "" : known[0]);
            control_fail(call, CONTROL_INVALID_PARAMS, problem);
            return false;
        }
    }
    return true;
}

bool commands_handle(void *ctx, const char *method, const cJSON *params, struct control_call *call)
{
    hearing_announced(ctx);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].method, method) == 0) {
            if (knows_params(rows[i].params, params, call)) {
                rows[i].act(ctx, params, call);
            }
            return true;
        }
    }
    return false;
}
