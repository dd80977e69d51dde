/* The module of the rows about crashes: it dies in a step when the sheet says so, and writes down
 * when, and when the first step of the restored state began. Its state is about 1 KB of JSON, or
 * more by the third argument. Arguments: the sheet's path, megabytes of heap that it takes when
 * told to, bytes of JSON. */
#define _GNU_SOURCE
#include "sheet.h"

#include <hotrun/hotrun.h>
#include <stdio.h>
#include <string.h>

struct state {
    uint64_t ticks;
    struct sheet *sheet;
    char *heap;
    size_t bytes;
};

static hotrun_status init(const hotrun_host *host, void *memory)
{
    struct state *state = memory;
    state->sheet = sheet_map(host->argv[0]);
    state->bytes = strtoul(host->argv[2], NULL, 10);
    return HOTRUN_OK;
}

static void obey(const hotrun_host *host, struct state *state, uint64_t order)
{
    size_t heap = strtoul(host->argv[1], NULL, 10) << 20;
    if (order == ORDER_HEAP && (state->heap = malloc(heap + 1)) != NULL) {
        memset(state->heap, 1, heap + 1);
    }
    atomic_store(&state->sheet->order, ORDER_NONE);
    if (order == ORDER_DIE) {
        state->sheet->hotrun.end_ns = sheet_clock();
        *(volatile int *)(uintptr_t)8 = 1;
    }
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct state *state = memory;
    struct sheet *sheet = state->sheet;
    if ((now->flags & HOTRUN_STEP_RESTORED) != 0) {
        sheet->hotrun.first_ns = sheet_clock();
        atomic_fetch_add(&sheet->hotrun.save, 1);
    }
    uint64_t order = atomic_load_explicit(&sheet->order, memory_order_relaxed);
    if (order != ORDER_NONE) {
        obey(host, state, order);
    }
    state->ticks++;
    return HOTRUN_OK;
}

static hotrun_status serialize(const hotrun_host *host, const void *memory,
                               const hotrun_writer *writer)
{
    const struct state *state = memory;
    (void)host;
    uint64_t begun = sheet_clock();
    hotrun_status status = hotrun_writef(writer, "{\"ticks\": %lu, \"bodies\": [0", state->ticks);
    char body[128];
    for (size_t at = 0; status == HOTRUN_OK && at + 64 < state->bytes; at += 64) {
        int len = snprintf(body, sizeof body,
                           ", {\"x\": %zu, \"y\": -%zu, \"name\": \"body %08zu\", \"alive\": true}",
                           at * 7919, at, at);
        status = writer->write(writer, body, (size_t)len);
    }
    if (status == HOTRUN_OK) {
        status = writer->write(writer, "]}", 2);
    }
    state->sheet->bare.pause_ns = sheet_clock() - begun; /* what serialize itself takes */
    return status;
}

static hotrun_status deserialize(const hotrun_host *host, void *memory, const char *json,
                                 size_t len, uint32_t from_version)
{
    struct state *state = memory;
    (void)host, (void)len, (void)from_version;
    return sscanf(json, "{\"ticks\": %lu", &state->ticks) == 1 ? HOTRUN_OK : HOTRUN_ERR_SCHEMA;
}

HOTRUN_MODULE(struct state, .name = "dying", .init = init, .step = step, .serialize = serialize,
              .deserialize = deserialize);
