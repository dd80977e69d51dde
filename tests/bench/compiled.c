/* A module of two hundred lines, as one writes them by hand: what is saved in the row about saves
 * of sources. Like reloaded.c it writes down when the first step of its code begins. Each save has
 * another number behind SAVE. */
#define _GNU_SOURCE
#include "sheet.h"

#include <hotrun/hotrun.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SAVE   0U
#define BODIES 24
#define WIDTH  640.0
#define HEIGHT 480.0
#define LINES  8

struct body {
    char name[16];
    double x, y, vx, vy, radius, mass;
    bool alive;
};

struct field {
    double pull, drag, wind;
};

struct state {
    long ticks;
    struct body bodies[BODIES];
    struct field field;
    double energy, momentum[2];
    char lines[LINES][80];
    unsigned line;
};

static struct lane *lane;

static void take_over(const hotrun_host *host, uint64_t began)
{
    lane = host->kept(host, "lane");
    if (lane == NULL) {
        lane = &sheet_map(host->argv[0])->hotrun;
        (void)host->keep(host, "lane", lane);
    }
    lane->pause_ns = began - lane->end_ns;
    lane->first_ns = began;
    atomic_store_explicit(&lane->save, SAVE, memory_order_release);
}

static void say(struct state *state, const char *what, double value)
{
    char *line = state->lines[state->line++ % LINES];
    (void)snprintf(line, sizeof state->lines[0], "%8ld  %-20s %12.4f", state->ticks, what, value);
}

static hotrun_status init(const hotrun_host *host, void *memory)
{
    struct state *state = memory;
    (void)host;
    state->field = (struct field){.pull = 9.81, .drag = 0.01, .wind = 0.3};
    for (int i = 0; i < BODIES; i++) {
        struct body *body = &state->bodies[i];
        (void)snprintf(body->name, sizeof body->name, "body %02d", i);
        body->x = WIDTH * (i + 1) / (BODIES + 1);
        body->y = HEIGHT / 2 + 100 * sin(i);
        body->vx = 10 * cos(i * 0.7);
        body->vy = 10 * sin(i * 0.7);
        body->radius = 4 + i % 5;
        body->mass = body->radius * body->radius;
        body->alive = true;
    }
    return HOTRUN_OK;
}

static void fall(const struct field *field, struct body *body, double dt)
{
    body->vy += field->pull * dt;
    body->vx += field->wind * dt;
    body->vx *= 1 - field->drag * dt;
    body->vy *= 1 - field->drag * dt;
    body->x += body->vx * dt;
    body->y += body->vy * dt;
}

static bool bounce(struct body *body)
{
    bool bounced = false;
    if (body->x < body->radius) {
        body->x = body->radius;
        body->vx = fabs(body->vx);
        bounced = true;
    }
    if (body->x > WIDTH - body->radius) {
        body->x = WIDTH - body->radius;
        body->vx = -fabs(body->vx);
        bounced = true;
    }
    if (body->y < body->radius) {
        body->y = body->radius;
        body->vy = fabs(body->vy);
        bounced = true;
    }
    if (body->y > HEIGHT - body->radius) {
        body->y = HEIGHT - body->radius;
        body->vy = -fabs(body->vy);
        bounced = true;
    }
    return bounced;
}

static bool touch(const struct body *a, const struct body *b)
{
    double reach = a->radius + b->radius;
    return a->alive && b->alive && hypot(a->x - b->x, a->y - b->y) < reach;
}

static void collide(struct body *a, struct body *b)
{
    double nx = b->x - a->x;
    double ny = b->y - a->y;
    double len = hypot(nx, ny);
    if (len <= 0) {
        return;
    }
    nx /= len;
    ny /= len;
    double along = (a->vx - b->vx) * nx + (a->vy - b->vy) * ny;
    if (along <= 0) {
        return;
    }
    double share = 2 * along / (a->mass + b->mass);
    a->vx -= share * b->mass * nx;
    a->vy -= share * b->mass * ny;
    b->vx += share * a->mass * nx;
    b->vy += share * a->mass * ny;
}

static void collide_all(struct state *state)
{
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            if (touch(&state->bodies[i], &state->bodies[j])) {
                collide(&state->bodies[i], &state->bodies[j]);
            }
        }
    }
}

static void measure(struct state *state)
{
    state->energy = 0;
    state->momentum[0] = state->momentum[1] = 0;
    for (int i = 0; i < BODIES; i++) {
        const struct body *body = &state->bodies[i];
        double speed = hypot(body->vx, body->vy);
        state->energy += body->mass * speed * speed / 2;
        state->energy += body->mass * state->field.pull * (HEIGHT - body->y);
        state->momentum[0] += body->mass * body->vx;
        state->momentum[1] += body->mass * body->vy;
    }
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct state *state = memory;
    double dt = (double)now->dt_ns / 1e9;
    if ((now->flags & HOTRUN_STEP_UPDATED) != 0) {
        take_over(host, sheet_clock());
    }
    for (int i = 0; i < BODIES; i++) {
        fall(&state->field, &state->bodies[i], dt);
        if (bounce(&state->bodies[i]) && strcmp(state->bodies[i].name, "body 00") == 0) {
            say(state, "bounced at", state->bodies[i].x);
        }
    }
    collide_all(state);
    measure(state);
    state->ticks++;
    lane->end_ns = sheet_clock();
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct state, .name = "compiled", .init = init, .step = step,
              .flags = HOTRUN_STATE_PLAIN);
