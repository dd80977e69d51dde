#define _GNU_SOURCE
#include "supervisor/keys.h"

#include "base/clock.h"
#include "supervisor/state.h"
#include "terminal/status_line.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a key asks of the methods of the control socket. False: nothing; `call` is still there. */
typedef bool key_act(struct supervisor *sup, struct control_call *call);

static bool ask(struct supervisor *sup, const char *method, const cJSON *params,
                struct control_call *call)
{
    return commands_handle(sup, method, params, call);
}

static bool reload(struct supervisor *sup, struct control_call *call)
{
    const struct config *config = sup->config;
    bool builds = config->build_command != NULL || config->build_sources[0] != NULL;
    return (builds && ask(sup, "build", NULL, call)) || ask(sup, "reload", NULL, call);
}

static bool pause_or_resume(struct supervisor *sup, struct control_call *call)
{
    bool held = sup->state == POLICY_HELD && sup->current != NULL;
    return ask(sup, sup->paused || held ? "resume" : "pause", NULL, call);
}

static bool step(struct supervisor *sup, struct control_call *call)
{
    bool runs = sup->host != NULL && !sup->cold && sup->state != POLICY_STOPPING;
    if (runs && !sup->paused) {
        supervisor_dispatch(sup, POLICY_CTL_PAUSE);
    }
    return ask(sup, "step", NULL, call);
}

static bool rewind_one(struct supervisor *sup, struct control_call *call)
{
    return ask(sup, "rewind", NULL, call);
}

static bool quit(struct supervisor *sup, struct control_call *call)
{
    return ask(sup, "quit", NULL, call);
}

static bool help(struct supervisor *sup, struct control_call *call);

static const struct {
    char key;
    const char *name, *help;
    const char *refused; /* what to say with the reason */
    key_act *act;
} rows[] = {
    {'r', "r", "reload, after a build where hotrun builds", "not reloaded", reload},
    {'p', "p", "pause, or go on", "not paused", pause_or_resume},
    {' ', "space", "one step, paused", "not stepped", step},
    {'z', "z", "rewind to the snapshot before, each time one further", "not rewound", rewind_one},
    {'q', "q", "quit", "not ended", quit},
    {'?', "?", "this list", "", help}};

enum {
    ROWS = sizeof rows / sizeof rows[0]
};

static bool help(struct supervisor *sup, struct control_call *call)
{
    struct text lines = {0};
    for (size_t i = 0; i < ROWS; i++) {
        text_printf(&lines, "  %-6s %s\n", rows[i].name, rows[i].help);
    }
    log_answer(sup->log, text_string(&lines));
    text_finish(&lines);
    control_answer(call, cJSON_CreateObject());
    return true;
}

static void on_outcome(struct supervisor *sup, size_t row, const char *problem)
{
    struct keys *keys = &sup->console.keys;
    keys->waiting &= ~(1U << row);
    if (problem != NULL && !sup->ending) {
        log_tone(sup->log, LOG_TONE_PLAIN, "%s: %s", rows[row].refused, problem);
    }
}

struct pressed {
    struct supervisor *sup;
    size_t row;
};

static void on_answer(void *ctx, const cJSON *result, const char *problem)
{
    struct pressed *pressed = ctx;
    (void)result;
    on_outcome(pressed->sup, pressed->row, problem);
    free(pressed);
}

/* A key whose command is under way is not heard again until that has its outcome. */
static void press(struct supervisor *sup, char key)
{
    size_t row = 0;
    while (row < ROWS && rows[row].key != key) {
        row++;
    }
    if (row == ROWS || (sup->console.keys.waiting & 1U << row) != 0) {
        return;
    }
    struct pressed *pressed = malloc(sizeof *pressed);
    struct control_call *call =
        pressed != NULL ? control_call_create(sup->control, on_answer, pressed) : NULL;
    if (call == NULL) {
        free(pressed);
        return;
    }
    *pressed = (struct pressed){sup, row};
    sup->console.keys.waiting |= 1U << row;
    if (!rows[row].act(sup, call)) {
        control_fail(call, CONTROL_UNKNOWN_METHOD, "hotrun does not know how");
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct supervisor *sup = poll->data;
    struct keys *keys = &sup->console.keys;
    char known[ROWS + 1] = "";
    char bytes[4096];
    (void)events;
    ssize_t got = status == 0 ? read(keys->fd, bytes, sizeof bytes) : -1;
    if (got <= 0) {
        keys_listen(sup, false); /* the next look begins anew, if there is still something */
        return;
    }
    for (size_t i = 0; i < ROWS; i++) {
        known[i] = rows[i].key;
    }
    size_t count = key_press_take(&keys->press, known, bytes, (size_t)got, clock_ns());
    for (size_t i = 0; i < count && !sup->ending; i++) {
        press(sup, bytes[i]);
    }
}

void keys_begin(struct supervisor *sup)
{
    const struct config *config = sup->config;
    struct keys *keys = &sup->console.keys;
    bool asked = config->keys == KEYS_ON;
    *keys = (struct keys){.fd = -1};
    /* A debugger reads for its own prompt; without `on`, a terminal that is only a part of what
     * hotrun has is rather a script's. */
    if (config->keys == KEYS_OFF || config->wrap != NULL || isatty(STDIN_FILENO) != 1 ||
        tcgetpgrp(STDIN_FILENO) <= 0 || (!asked && !status_line_is_possible())) {
        return;
    }
    keys->fd = open("/dev/tty", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (keys->fd >= 0 && uv_poll_init(sup->loop, &keys->poll, keys->fd) == 0) {
        keys->poll.data = sup;
        keys->possible = true;
    }
}

/* `by`: who may read; NULL: nobody. Said when it changes, not at the start. */
static void tell(struct supervisor *sup, const struct build *by)
{
    struct keys *keys = &sup->console.keys;
    if (keys->decided && keys->on && !keys->told_on && sup->current != NULL) {
        log_tone(sup->log, LOG_TONE_FAINT,
                 "keys are on: generation %llu does not read the terminal",
                 (unsigned long long)sup->current->generation);
    } else if (keys->decided && !keys->on && keys->told_on) {
        log_tone(sup->log, LOG_TONE_PLAIN,
                 "keys are off: generation %llu may read the terminal (%s); --keys turns them on",
                 (unsigned long long)by->generation, by->stage.facts.reader);
    } else if (!keys->decided && !keys->on) {
        log_line(sup->log, LOG_DEBUG, "keys are off: the module may read the terminal (%s)",
                 by->stage.facts.reader);
    }
    keys->told_on = keys->on;
    keys->decided = true;
}

/* The one that may read, of what runs and what is about to; NULL: none. */
static const struct build *reader(const struct supervisor *sup, const struct build *loading)
{
    const struct build *runs = sup->host != NULL && !sup->cold ? sup->current : NULL;
    if (loading != NULL && loading->stage.facts.reader[0] != '\0') {
        return loading;
    }
    return runs != NULL && runs->stage.facts.reader[0] != '\0' ? runs : NULL;
}

void keys_decide(struct supervisor *sup, const struct build *loading)
{
    struct keys *keys = &sup->console.keys;
    bool nothing = loading == NULL && (sup->host == NULL || sup->current == NULL);
    if (!keys->possible || (nothing && keys->decided)) {
        return; /* what is held has the terminal as it was */
    }
    const struct build *by = sup->config->keys == KEYS_AUTO ? reader(sup, loading) : NULL;
    keys->on = by == NULL;
    terminal_set_keys(&sup->terminal, keys->on);
    if (keys->on && !keys->decided) {
        keys->told_on = keys->decided = true;
    }
    if (loading == NULL) { /* what it may come to is told when it has come */
        tell(sup, by);
    }
}

void keys_listen(struct supervisor *sup, bool on)
{
    struct keys *keys = &sup->console.keys;
    if (!keys->possible || on == keys->listens) {
        return;
    }
    keys->listens = on && uv_poll_start(&keys->poll, UV_READABLE, on_readable) == 0;
    if (!on) {
        (void)uv_poll_stop(&keys->poll);
    }
}

void keys_end(struct supervisor *sup)
{
    struct keys *keys = &sup->console.keys;
    if (keys->possible) {
        keys_listen(sup, false);
        uv_close((uv_handle_t *)&keys->poll, NULL);
        keys->possible = false;
    }
    if (keys->fd >= 0) {
        close(keys->fd);
        keys->fd = -1;
    }
}
