/* The module of the reload rows, which the program of the bare limit loads as well. It writes down
 * when its first step begins and when its last one ended. With -DBENCH_JSON its state is about 1 KB
 * of JSON; without, it lives on in place. Its argument is the sheet's path. */
#define _GNU_SOURCE
#include "sheet.h"

#include <hotrun/hotrun.h>
#include <stdio.h>
#include <string.h>

#define BODIES 24

struct state {
    long ticks;
    long x[BODIES], y[BODIES];
};

/* The saver puts a new number behind the tag, so that no two saves have the same bytes. */
static const volatile struct {
    char tag[16];
    uint64_t save;
} mark = {"BENCH-SAVE-HERE", 0};

/* Brings the library to its 15 KB. */
static const volatile char filling[BENCH_FILLING] = {1};

static struct lane *lane;

static void take_over(const hotrun_host *host, uint64_t began)
{
    lane = host->kept(host, "lane");
    if (lane == NULL) {
        lane = &sheet_map(host->argv[0])->hotrun;
        (void)host->keep(host, "lane", lane);
    }
    lane->pause_ns = began - lane->end_ns;
    lane->first_ns = began + (uint64_t)filling[1];
    atomic_store_explicit(&lane->save, mark.save, memory_order_release);
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct state *state = memory;
    if ((now->flags & HOTRUN_STEP_UPDATED) != 0) {
        take_over(host, sheet_clock());
    }
    state->ticks++;
    lane->end_ns = sheet_clock();
    return HOTRUN_OK;
}

#ifdef BENCH_JSON
static hotrun_status serialize(const hotrun_host *host, const void *memory,
                               const hotrun_writer *writer)
{
    const struct state *state = memory;
    char text[4096];
    int len = snprintf(text, sizeof text, "{\"ticks\": %ld, \"bodies\": [", state->ticks);
    (void)host;
    for (int i = 0; i < BODIES; i++) {
        len += snprintf(text + len, sizeof text - (size_t)len,
                        "%s{\"x\": %ld, \"y\": %ld, \"name\": \"body %02d\"}", i > 0 ? ", " : "",
                        state->x[i], state->y[i], i);
    }
    len += snprintf(text + len, sizeof text - (size_t)len, "]}");
    return writer->write(writer, text, (size_t)len);
}

static hotrun_status deserialize(const hotrun_host *host, void *memory, const char *json,
                                 size_t len, uint32_t from_version)
{
    struct state *state = memory;
    const char *at = json;
    (void)host, (void)len, (void)from_version;
    if (sscanf(at, "{\"ticks\": %ld", &state->ticks) != 1) {
        return HOTRUN_ERR_SCHEMA;
    }
    for (int i = 0; i < BODIES && (at = strstr(at, "{\"x\": ")) != NULL; i++) {
        char *rest = NULL;
        state->x[i] = strtol(at + 6, &rest, 10);
        state->y[i] = strtol(rest + 7, &rest, 10);
        at = rest;
    }
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct state, .name = "reloaded", .step = step, .serialize = serialize,
              .deserialize = deserialize);
#else
HOTRUN_MODULE(struct state, .name = "reloaded", .step = step, .flags = HOTRUN_STATE_PLAIN);
#endif
