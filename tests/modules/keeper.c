/* A module whose state shows whether it is whole: `first` counts steps, `last` counts them again,
 * and each cell in between is made from the count. It tells what it saves, gets and starts with,
 * one JSON line each, in the file that its first argument names. */
#include "hotrun/hotrun.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CELLS 64

static volatile const char version_mark[] = "@version=0000000000@";

struct keeper {
    uint64_t first;
    uint64_t cells[CELLS];
    uint64_t at; /* now_ns of the last step */
    uint64_t last;
};

static const hotrun_host *the_host;
static uint64_t turn;

static void say(const char *call, uint64_t count, uint64_t at, uint64_t json)
{
    char line[512];
    unsigned version = 0;
    for (const volatile char *p = version_mark + 9; *p != '@'; p++)
        version = version * 10 + (unsigned)(*p - '0');
    int len = snprintf(line, sizeof line,
                       "{\"version\":%u,\"pid\":%d,\"call\":\"%s\",\"count\":%" PRIu64
                       ",\"at\":%" PRIu64 ",\"json\":%" PRIu64 "}\n",
                       version, (int)getpid(), call, count, at, json);
    int fd = open(the_host->argv[0], O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        abort();
    close(fd);
}

static uint64_t mixed(uint64_t count, uint64_t i)
{
    return (count + i) * UINT64_C(0x9e3779b97f4a7c15);
}

static int is_whole(const struct keeper *state)
{
    for (uint64_t i = 0; i < CELLS; i++)
        if (state->cells[i] != mixed(state->first, i))
            return 0;
    return state->first == state->last;
}

static void fill(struct keeper *state, uint64_t count)
{
    state->first = count;
    for (uint64_t i = 0; i < CELLS; i++)
        state->cells[i] = mixed(count, i);
    state->last = count;
}

static hotrun_status init(const hotrun_host *host, void *memory)
{
    the_host = host;
    fill(memory, 0);
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct keeper *state = memory;
    the_host = host;
    if (!is_whole(state)) {
        say("torn", state->first, state->at, 0);
        abort();
    }
    if (turn++ == 0)
        say("step", state->first, state->at, 0);
    state->at = now->now_ns;
    fill(state, state->first + 1);
    return HOTRUN_OK;
}

#ifndef NO_CODEC
static uint64_t hash(const char *text, size_t len)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    return sum;
}

static hotrun_status serialize(const hotrun_host *host, const void *memory,
                               const hotrun_writer *writer)
{
    const struct keeper *state = memory;
    static char text[CELLS * 24 + 200];
    size_t len = (size_t)snprintf(text, sizeof text,
                                  "{\"first\":%" PRIu64 ",\"at\":%" PRIu64 ",\"cells\":[0",
                                  state->first, state->at);
    the_host = host;
    for (size_t i = 0; i < CELLS; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, ",%" PRIu64, state->cells[i]);
    len += (size_t)snprintf(text + len, sizeof text - len, "],\"last\":%" PRIu64 "}", state->last);
    hotrun_status status = writer->write(writer, text, len);
    say("serialize", state->first, state->at, hash(text, len));
    return status;
}

static hotrun_status deserialize(const hotrun_host *host, void *memory, const char *json,
                                 size_t len, uint32_t from_version)
{
    struct keeper *state = memory;
    char *at = NULL;
    (void)from_version;
    the_host = host;
    state->first = strtoull(strstr(json, "\"first\":") + 8, NULL, 10);
    state->at = strtoull(strstr(json, "\"at\":") + 5, NULL, 10);
    at = strstr(json, "[0") + 2;
    for (size_t i = 0; i < CELLS; i++)
        state->cells[i] = strtoull(at + 1, &at, 10);
    state->last = strtoull(strstr(json, "\"last\":") + 7, NULL, 10);
    say("deserialize", state->first, state->at, hash(json, len));
    return HOTRUN_OK;
}
#define CODEC .serialize = serialize, .deserialize = deserialize
#else
#define CODEC .serialize = NULL, .deserialize = NULL
#endif

HOTRUN_MODULE(struct keeper, .name = "keeper", .flags = HOTRUN_STATE_PLAIN, .state_version = 1,
              .init = init, .step = step, CODEC);
