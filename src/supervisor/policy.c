#include "supervisor/policy.h"

#include <stdio.h>
#include <string.h>

static const char *const state_names[POLICY_STATE_COUNT] = {
    "starting", "running", "swapping", "probation", "restarting", "held", "paused", "stopping"};

static const char *const event_names[POLICY_EVENT_COUNT] = {
    "library_ready", "swap_accepted", "swap_rejected", "swap_cancelled", "probation_over",
    "host_died",     "host_hung",     "exit_intent",   "ctl_reload",     "ctl_pause",
    "ctl_resume",    "ctl_rollback",  "ctl_reset",     "ctl_restore",    "ctl_edit",
    "build_started", "build_failed",  "build_ok",      "signal_term",    "spare_ready",
    "spare_died",    "spawn_failed",  "backoff_over",  "tracer_on",      "tracer_off",
    "durable_failed"};

static const struct {
    unsigned step;
    const char *sign;
} signs[] = {{POLICY_BUG, "!"},        {POLICY_REFUSE, "E"},       {POLICY_QUARANTINE, "Q"},
             {POLICY_SET_PAUSE, "F+"}, {POLICY_CLEAR_PAUSE, "F-"}, {POLICY_COUNT, "N"},
             {POLICY_KILL, "K"},       {POLICY_KEEP, "P"},         {POLICY_SWAP, "S"},
             {POLICY_START, "ST"},     {POLICY_ROLLBACK, "RB"},    {POLICY_RESTART, "RS"},
             {POLICY_OLDER, "O"},      {POLICY_RETURN, "R"},       {POLICY_CONFIRM, "C"},
             {POLICY_TAKE, "T"},       {POLICY_HOLD, "H"},         {POLICY_TELL, "V"},
             {POLICY_FRESH, "Z"},      {POLICY_CLOCKS, "CL"},      {POLICY_SPARE, "SP"},
             {POLICY_BACKOFF, "B"},    {POLICY_STOP, "X"},         {POLICY_EXIT, "XX"},
             {POLICY_WAIT, "W"}};

/* clang-format off */
#define P   POLICY_KEEP
#define S   POLICY_SWAP
#define ST  POLICY_START
#define Q   POLICY_QUARANTINE
#define N   POLICY_COUNT
#define RB  POLICY_ROLLBACK
#define RS  POLICY_RESTART
#define O   POLICY_OLDER
#define R   POLICY_RETURN
#define C   POLICY_CONFIRM
#define T   POLICY_TAKE
#define H   POLICY_HOLD
#define K   POLICY_KILL
#define E   POLICY_REFUSE
#define V   POLICY_TELL
#define Z   POLICY_FRESH
#define CL  POLICY_CLOCKS
#define SP  POLICY_SPARE
#define B   POLICY_BACKOFF
#define X   POLICY_STOP
#define XX  POLICY_EXIT
#define W   POLICY_WAIT
#define FS  POLICY_SET_PAUSE
#define FC  POLICY_CLEAR_PAUSE
#define BUG {POLICY_BUG | POLICY_KILL, POLICY_SAME}
#define NOT {0, POLICY_SAME}
#define DO(steps) {steps, POLICY_SAME}
#define GO(steps, state) {steps, POLICY_##state}

/* Columns: starting, running, swapping, probation, restarting, held, paused, stopping. */
static const struct policy_cell table[POLICY_EVENT_COUNT][POLICY_STATE_COUNT] = {
    [POLICY_LIBRARY_READY] = {
        DO(P), GO(S, SWAPPING), DO(P), GO(S, SWAPPING), DO(P), GO(ST, STARTING), GO(S, SWAPPING), NOT},
    [POLICY_SWAP_ACCEPTED] = {
        GO(T, PROBATION), BUG, GO(T, PROBATION), BUG, GO(T, RUNNING), BUG, BUG, NOT},
    [POLICY_SWAP_REJECTED] = {
        GO(Q | H, HELD), BUG, DO(Q | R | T), BUG, DO(O), BUG, BUG, NOT},
    [POLICY_SWAP_CANCELLED] = {
        BUG, BUG, DO(R | T), BUG, BUG, BUG, BUG, NOT},
    [POLICY_PROBATION_OVER] = {
        NOT, NOT, NOT, GO(C, RUNNING), NOT, NOT, NOT, NOT},
    [POLICY_HOST_DIED] = {
        GO(Q | H, HELD), GO(N | RS, RESTARTING), GO(Q | RB, RESTARTING), GO(Q | RB, RESTARTING),
        DO(N | O), NOT, GO(N | RS, RESTARTING), DO(XX)},
    [POLICY_HOST_HUNG] = {
        DO(K), DO(K), DO(K), DO(K), DO(K), DO(K), DO(K), DO(K)},
    [POLICY_EXIT_INTENT] = {
        GO(X, STOPPING), GO(X, STOPPING), GO(X, STOPPING), GO(X, STOPPING), GO(X, STOPPING), NOT,
        GO(X, STOPPING), NOT},
    [POLICY_CTL_RELOAD] = {
        DO(P), GO(S, SWAPPING), DO(P), GO(S, SWAPPING), DO(P), GO(ST, STARTING), GO(S, SWAPPING), DO(E)},
    [POLICY_CTL_PAUSE] = {
        DO(FS), DO(FS), DO(FS), DO(FS | CL), DO(FS), DO(FS), NOT, DO(E)},
    [POLICY_CTL_RESUME] = {
        DO(FC), NOT, DO(FC), DO(FC | CL), DO(FC), GO(FC | RS, RESTARTING), DO(FC), DO(E)},
    [POLICY_CTL_ROLLBACK] = {
        DO(E), GO(Q | RB, RESTARTING), GO(Q | RB, RESTARTING), GO(Q | RB, RESTARTING), DO(E),
        GO(RB, RESTARTING), GO(Q | RB, RESTARTING), DO(E)},
    [POLICY_CTL_RESET] = {
        DO(E), GO(Z, RESTARTING), DO(E), GO(Z, RESTARTING), DO(E), GO(Z, RESTARTING),
        GO(Z, RESTARTING), DO(E)},
    [POLICY_CTL_RESTORE] = {
        DO(E), GO(Z, RESTARTING), DO(E), GO(Z, RESTARTING), DO(E), GO(Z, RESTARTING),
        GO(Z, RESTARTING), DO(E)},
    [POLICY_CTL_EDIT] = {
        DO(W), GO(S, SWAPPING), DO(W), GO(S, SWAPPING), DO(W), DO(E), GO(S, SWAPPING), DO(E)},
    [POLICY_BUILD_STARTED] = {
        DO(V), DO(V), DO(V), DO(V), DO(V), DO(V), DO(V), NOT},
    [POLICY_BUILD_FAILED] = {
        DO(V), DO(V), DO(V), DO(V), DO(V), DO(V), DO(V), NOT},
    [POLICY_BUILD_OK] = {
        DO(P), GO(S, SWAPPING), DO(P), GO(S, SWAPPING), DO(P), GO(ST, STARTING), GO(S, SWAPPING), NOT},
    [POLICY_SIGNAL_TERM] = {
        GO(K | XX, STOPPING), GO(X, STOPPING), GO(X, STOPPING), GO(X, STOPPING),
        GO(K | XX, STOPPING), GO(XX, STOPPING), GO(X, STOPPING), DO(K)},
    [POLICY_SPARE_READY] = {
        DO(SP), DO(SP), DO(SP), DO(SP), DO(SP), DO(SP), DO(SP), NOT},
    [POLICY_SPARE_DIED] = {
        DO(SP), DO(SP), DO(SP), DO(SP), DO(SP), DO(SP), DO(SP), NOT},
    [POLICY_SPAWN_FAILED] = {
        DO(B), DO(B), DO(B), DO(B), DO(B), NOT, DO(B), DO(XX)},
    [POLICY_BACKOFF_OVER] = {
        DO(ST), NOT, DO(ST), NOT, DO(ST), NOT, NOT, NOT},
    [POLICY_TRACER_ON] = {
        DO(CL), DO(CL), DO(CL), DO(CL), DO(CL), NOT, DO(CL), DO(CL)},
    [POLICY_TRACER_OFF] = {
        DO(CL), DO(CL), DO(CL), DO(CL), DO(CL), NOT, DO(CL), DO(CL)},
    [POLICY_DURABLE_FAILED] = {
        DO(V), DO(V), DO(V), DO(V), DO(V), DO(V), DO(V), DO(V)},
};
/* clang-format on */

struct policy_cell policy_decide(enum policy_state state, enum policy_event event)
{
    return table[event][state];
}

const char *policy_state_name(enum policy_state state)
{
    return state_names[state];
}

const char *policy_event_name(enum policy_event event)
{
    return event_names[event];
}

void policy_cell_text(struct policy_cell cell, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if ((cell.steps & signs[i].step) != 0 && used < size) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "",
                                     signs[i].sign);
        }
    }
    if (cell.next != POLICY_SAME && used < size) {
        (void)snprintf(text + used, size - used, " > %s", state_names[cell.next]);
    } else if (used == 0) {
        (void)snprintf(text, size, "-");
    }
}
