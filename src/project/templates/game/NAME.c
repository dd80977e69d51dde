/* @name@: keep the ball in the air. Change it while it runs: the game goes on. */
#define _GNU_SOURCE
#include <hotrun/hotrun.h>

#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define WIDTH  48
#define HEIGHT 10
#define BALL   'o'
#define SPARKS 6 /* of one hit */

/* A spark of the ball on the paddle. They are on the heap, in a list: hotrun_alloc makes objects
 * that hotrun knows. They go on in new code, also when this struct is another one, and after a
 * crash. */
struct spark {
    struct spark *next;
    double x, y, vx, vy; /* in columns and rows, and a second */
    double life;         /* seconds that are left */
};

struct rules {
    double fall; /* of the ball, in rows a second */
    double spin; /* how much the place of a hit says where the ball goes */
    int paddle;  /* its width */
};

/* Add, remove, reorder and retype fields while it runs: hotrun reads this struct from the debug
 * info
 * (-g) and carries each value to the field of its name. Marks, which stand behind the last field,
 * say what names can't: HOTRUN_RENAMED(points, score); gives points what was called score. */
struct state {
    double x, y, vx, vy; /* the ball */
    double paddle;       /* its left end */
    long long score, best;
    struct spark *sparks;
    struct rules rules;
    HOTRUN_TRANSIENT(rules); /* after each save they are what init says, not what they were */
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
    for (const struct spark *spark = state->sparks; spark != NULL; spark = spark->next) {
        if (row == (int)spark->y && column == (int)spark->x)
            return '*';
    }
    return row == HEIGHT - 1 && column >= left && column < left + state->rules.paddle ? '=' : ' ';
}

/* At the top of the screen, with the cursor back where the log goes on. A kept descriptor is there
 * until the run ends, so that a crash does not clear away what hotrun says of it. */
static void draw(const hotrun_host *host, const struct state *state)
{
    char frame[(WIDTH + 8) * (HEIGHT + 4)];
    size_t len = 0;
    if (!isatty(STDOUT_FILENO))
        return;
    if (host->kept_fd(host, "screen") < 0 &&
        host->keep_fd(host, "screen", STDOUT_FILENO) == HOTRUN_OK)
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
    state->vy = state->rules.fall;
}

/* What a fresh state holds, and what a field has that an older state does not know. */
static hotrun_status init(const hotrun_host *host, void *memory)
{
    struct state *state = memory;
    (void)host;
    *state = (struct state){.rules = {.fall = 7, .spin = 8, .paddle = 7}};
    state->paddle = (WIDTH - state->rules.paddle) / 2.0;
    serve(state);
    set_keys(true);
    return HOTRUN_OK;
}

static void steer(struct state *state, char key)
{
    state->paddle += key == 'a' ? -3 : key == 'd' ? 3 : 0;
}

static void keep_in_court(struct state *state)
{
    if (state->paddle > WIDTH - state->rules.paddle)
        state->paddle = WIDTH - state->rules.paddle;
    if (state->paddle < 0)
        state->paddle = 0;
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

static void throw_sparks(const hotrun_host *host, struct state *state)
{
    for (int i = 0; i < SPARKS; i++) {
        struct spark *spark = hotrun_alloc(host, struct spark, 1);
        if (spark == NULL)
            return;
        double side = i - (SPARKS - 1) / 2.0;
        *spark = (struct spark){state->sparks, state->x, state->y, 5 * side, -9, 0.6};
        state->sparks = spark;
    }
}

static void move_sparks(const hotrun_host *host, struct state *state, double seconds)
{
    struct spark **link = &state->sparks;
    while (*link != NULL) {
        struct spark *spark = *link;
        spark->life -= seconds;
        spark->x += spark->vx * seconds;
        spark->y += spark->vy * seconds;
        spark->vy += 30 * seconds;
        if (spark->life > 0) {
            link = &spark->next;
            continue;
        }
        *link = spark->next;
        hotrun_free(host, spark);
    }
}

static void move_ball(const hotrun_host *host, struct state *state, double seconds)
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
    if (off < 0 || off >= state->rules.paddle) {
        state->score = 0;
        serve(state);
        return;
    }
    state->y = HEIGHT - 1.01;
    state->vy = -state->vy;
    state->vx = (off - state->rules.paddle / 2.0) * state->rules.spin;
    state->score++;
    throw_sparks(host, state);
    if (state->best < state->score)
        state->best = state->score;
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct state *state = memory;
    if (!take_keys(state))
        return HOTRUN_EXIT;
    double seconds = (double)now->dt_ns * 1e-9;
    keep_in_court(state);
    move_sparks(host, state, seconds);
    move_ball(host, state, seconds);
    draw(host, state);
    if (!isatty(STDOUT_FILENO) && now->index % 60 == 0)
        hotrun_logf(host, HOTRUN_LOG_INFO, "score %lld  best %lld", state->score, state->best);
    return HOTRUN_OK;
}

/* NULL: the state lives on in newer code. */
static void fini(const hotrun_host *host, void *memory, uint32_t why)
{
    struct state *state = memory;
    if (why != HOTRUN_FINI_EXIT)
        return;
    set_keys(false);
    move_sparks(host, state, 1e9);
}

HOTRUN_MODULE(struct state, .name = "@name@", .init = init, .step = step, .fini = fini);
