/* @name@: keep the ball in the air. Change it while it runs: the game goes on. */
#define _GNU_SOURCE
#include "json.h"

#include <hotrun/hotrun.h>

#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define WIDTH  48
#define HEIGHT 10
#define PADDLE 7
#define BALL   'o'

struct state {
    double x, y, vx, vy; /* the ball, in columns and rows, and a second */
    double paddle;       /* its left end */
    long long score, best;
};

/* ---- The terminal: the code's own, each generation sets it up again ---- */

static bool owns_terminal(int fd)
{
    return isatty(fd) && tcgetpgrp(fd) == getpgrp();
}

/* `raw`: keys come one by one, are not shown, and reading does not wait. */
static void set_keys(bool raw)
{
    struct termios modes;
    if (!owns_terminal(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &modes) != 0)
        return;
    if (raw)
        modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    else
        modes.c_lflag |= ICANON | ECHO;
    modes.c_cc[VMIN] = raw ? 0 : 1;
    modes.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &modes);
}

static char cell(const struct state *state, int column, int row)
{
    int left = (int)state->paddle;
    if (row == (int)state->y && column == (int)state->x)
        return BALL;
    return row == HEIGHT - 1 && column >= left && column < left + PADDLE ? '=' : ' ';
}

/* At the top of the screen, with the cursor back where the log goes on. */
static void draw(const struct state *state, bool first)
{
    char frame[(WIDTH + 8) * (HEIGHT + 4)];
    size_t len = 0;
    if (!isatty(STDOUT_FILENO))
        return;
    if (first)
        len += (size_t)snprintf(frame, sizeof frame, "\033[H\033[J\033[%dH", HEIGHT + 3);
    len += (size_t)snprintf(frame + len, sizeof frame - len,
                            "\0337\033[H\033[Kscore %lld  best %lld", state->score, state->best);
    for (int row = 0; row < HEIGHT; row++) {
        len += (size_t)snprintf(frame + len, sizeof frame - len, "\r\n|");
        for (int column = 0; column < WIDTH; column++)
            frame[len++] = cell(state, column, row);
        len += (size_t)snprintf(frame + len, sizeof frame - len, "|\033[K");
    }
    len += (size_t)snprintf(frame + len, sizeof frame - len, "\r\n\033[K\0338");
    if (write(STDOUT_FILENO, frame, len) < 0)
        return; /* a terminal that has gone */
}

/* ---- The game ---- */

static void serve(struct state *state)
{
    state->x = WIDTH / 2.0;
    state->y = 1;
    state->vx = state->vx < 0 ? 14 : -14;
    state->vy = 7;
}

/* What a fresh state holds, and what a field has that an older state does not know. */
static hotrun_status init(const hotrun_host *host, void *memory)
{
    struct state *state = memory;
    (void)host;
    *state = (struct state){.paddle = (WIDTH - PADDLE) / 2.0};
    serve(state);
    set_keys(true);
    return HOTRUN_OK;
}

static void steer(struct state *state, char key)
{
    state->paddle += key == 'a' ? -3 : key == 'd' ? 3 : 0;
    if (state->paddle < 0)
        state->paddle = 0;
    if (state->paddle > WIDTH - PADDLE)
        state->paddle = WIDTH - PADDLE;
}

/* False: 'q'. Arrows come as three bytes. */
static bool take_keys(struct state *state)
{
    char keys[64];
    ssize_t len = owns_terminal(STDIN_FILENO) ? read(STDIN_FILENO, keys, sizeof keys) : 0;
    for (ssize_t i = 0; i < len; i++) {
        bool arrow = keys[i] == '\033' && i + 2 < len;
        if (keys[i] == 'q')
            return false;
        if (arrow)
            i += 2;
        steer(state, !arrow ? keys[i] : keys[i] == 'D' ? 'a' : keys[i] == 'C' ? 'd' : 0);
    }
    return true;
}

static void move_ball(struct state *state, double seconds)
{
    state->x += state->vx * seconds;
    state->y += state->vy * seconds;
    if (state->x < 0 || state->x >= WIDTH) {
        state->x = state->x < 0 ? 0 : WIDTH - 0.01;
        state->vx = -state->vx;
    }
    if (state->y < 0) {
        state->y = 0;
        state->vy = -state->vy;
    }
    if (state->y < HEIGHT - 1)
        return;
    double off = state->x - state->paddle;
    if (off < 0 || off >= PADDLE) {
        state->score = 0;
        serve(state);
        return;
    }
    state->y = HEIGHT - 1.01;
    state->vy = -state->vy;
    state->vx = (off - PADDLE / 2.0) * 8; /* where it hits says where it goes */
    state->score++;
    if (state->best < state->score)
        state->best = state->score;
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct state *state = memory;
    if (!take_keys(state))
        return HOTRUN_EXIT;
    move_ball(state, (double)now->dt_ns * 1e-9);
    draw(state, now->flags != 0 && (now->generation == 1 || now->flags & HOTRUN_STEP_RESTORED));
    if (!isatty(STDOUT_FILENO) && now->index % 60 == 0)
        hotrun_logf(host, HOTRUN_LOG_INFO, "score %lld  best %lld", state->score, state->best);
    return HOTRUN_OK;
}

static void fini(const hotrun_host *host, void *memory, uint32_t why)
{
    (void)host, (void)memory;
    if (why == HOTRUN_FINI_EXIT)
        set_keys(false);
}

/* ---- The state, which goes to the next code as JSON: a new field needs a line in both ---- */

static hotrun_status serialize(const hotrun_host *host, const void *memory,
                               const hotrun_writer *writer)
{
    const struct state *state = memory;
    (void)host;
    return hotrun_writef(writer,
                         "{\"x\": %.17g, \"y\": %.17g, \"vx\": %.17g, \"vy\": %.17g, "
                         "\"paddle\": %.17g, \"score\": %lld, \"best\": %lld}",
                         state->x, state->y, state->vx, state->vy, state->paddle, state->score,
                         state->best);
}

static hotrun_status deserialize(const hotrun_host *host, void *memory, const char *json,
                                 size_t len, uint32_t from_version)
{
    struct state *state = memory;
    (void)host, (void)len, (void)from_version;
    json_double(json, "x", &state->x);
    json_double(json, "y", &state->y);
    json_double(json, "vx", &state->vx);
    json_double(json, "vy", &state->vy);
    json_double(json, "paddle", &state->paddle);
    json_integer(json, "score", &state->score);
    json_integer(json, "best", &state->best);
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct state, .name = "@name@", .state_version = 1, .init = init, .step = step,
              .serialize = serialize, .deserialize = deserialize, .fini = fini);
