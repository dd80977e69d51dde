/* The module that the end-to-end tests run. It tells each call that it gets as one JSON line in the
 * file (or FIFO) that its first argument names, and runs the statements that the build gives it:
 * -DON_STEP='if (turn == 3) die_segv();'. */
#define _GNU_SOURCE
#include "hotrun/hotrun.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef PROBE_NAME
#define PROBE_NAME "probe"
#endif
#ifndef STATE_VERSION
#define STATE_VERSION 1
#endif
#ifndef STATE_PAD
#define STATE_PAD 1
#endif
#ifndef EXTRA_JSON
#define EXTRA_JSON ""
#endif
#ifndef ON_CONSTRUCT
#define ON_CONSTRUCT
#endif
#ifndef ON_INIT
#define ON_INIT
#endif
#ifndef ON_STEP
#define ON_STEP
#endif
#ifndef ON_SERIALIZE
#define ON_SERIALIZE
#endif
#ifndef ON_DESERIALIZE
#define ON_DESERIALIZE
#endif
#ifndef ON_EVENT
#define ON_EVENT
#endif
#ifndef ON_FINI
#define ON_FINI
#endif
#ifndef ON_DESTRUCT
#define ON_DESTRUCT
#endif

/* Ten digits that the tests overwrite in the finished library: many versions from one build. */
static volatile const char version_mark[] = "@version=0000000000@";

struct probe {
    uint64_t count; /* steps that this state has seen */
    int64_t lowest;
    uint64_t highest, beyond; /* integers that a double cannot hold */
    double ratio;
    char text[2048]; /* a JSON string as it was written, quotes and escapes included */
    unsigned char pad[STATE_PAD];
};

static uint64_t turn; /* steps of this generation */
static const hotrun_host *the_host;

static unsigned version(void)
{
    unsigned number = 0;
    for (const volatile char *p = version_mark + 9; *p != '@'; p++)
        number = number * 10 + (unsigned)(*p - '0');
    return number;
}

static __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
    const char *path =
        the_host != NULL && the_host->argc > 0 ? the_host->argv[0] : getenv("PROBE_LOG");
    if (path == NULL)
        return;
    char line[3800];
    int head = snprintf(line, sizeof line, "{\"version\":%u,\"pid\":%d,", version(), (int)getpid());
    va_list args;
    va_start(args, format);
    int body = vsnprintf(line + head, sizeof line - (size_t)head - 3, format, args);
    va_end(args);
    size_t len = (size_t)head + (size_t)body;
    memcpy(line + len, "}\n", 2);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, len + 2) < 0)
        abort();
    close(fd);
}

static __attribute__((unused)) void die_segv(void)
{
    *(volatile int *)(uintptr_t)8 = 1;
}

static __attribute__((unused)) void die_abort(void)
{
    abort();
}

static __attribute__((unused)) void die_exit(void)
{
    exit(3);
}

static __attribute__((unused)) void die_kill(void)
{
    kill(getpid(), SIGKILL);
}

static uint64_t hash(const void *bytes, size_t len)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
    return sum;
}

/* Says nothing of `count`, which each step changes. */
static uint64_t state_hash(const struct probe *p)
{
    char all[2300];
    int len = snprintf(all, sizeof all, "%" PRId64 " %" PRIu64 " %" PRIu64 " %a %s", p->lowest,
                       p->highest, p->beyond, p->ratio, p->text);
    return hash(all, (size_t)len);
}

__attribute__((constructor)) static void construct(void)
{
    ON_CONSTRUCT;
}

__attribute__((destructor)) static void destruct(void)
{
    ON_DESTRUCT;
}

static hotrun_status init(const hotrun_host *host, void *memory)
{
    struct probe *state = memory;
    the_host = host;
    state->lowest = INT64_MIN;
    state->highest = UINT64_MAX;
    state->beyond = UINT64_C(9007199254740993);
    state->ratio = 0.1;
    strcpy(state->text,
           "\"\\\" \\\\ \\/ / \\b \\f \\n \\r \\t \\u0000 \\u0001 \\u001f \\u007f \\u00e9 \\u20AC "
           "\\ud83d\\ude00 \x7f \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 end\"");
    say("\"call\":\"init\"");
    ON_INIT;
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct probe *state = memory;
    the_host = host;
    turn++;
    state->count++;
#ifdef SAY_EACH_STEP
    bool tell = true;
#else
    bool tell = turn == 1;
#endif
    if (tell)
        say("\"call\":\"step\",\"turn\":%" PRIu64 ",\"index\":%" PRIu64 ",\"generation\":%" PRIu64
            ",\"flags\":%u,\"now\":%" PRIu64 ",\"dt\":%" PRIu64 ",\"count\":%" PRIu64
            ",\"hash\":%" PRIu64,
            turn, now->index, now->generation, now->flags, now->now_ns, now->dt_ns, state->count,
            state_hash(state));
    ON_STEP;
    return HOTRUN_OK;
}

#ifndef NO_CODEC
static hotrun_status serialize(const hotrun_host *host, const void *memory,
                               const hotrun_writer *writer)
{
    const struct probe *state = memory;
    the_host = host;
    ON_SERIALIZE;
    char text[3000];
    int len = snprintf(text, sizeof text,
                       "{\"count\":%" PRIu64 ",\"lowest\":%" PRId64 ",\"highest\":%" PRIu64
                       ",\"beyond\":%" PRIu64 ",\"ratio\":%.17g,\"text\":%s" EXTRA_JSON "}",
                       state->count, state->lowest, state->highest, state->beyond, state->ratio,
                       state->text);
    say("\"call\":\"serialize\",\"length\":%d,\"count\":%" PRIu64 ",\"json\":%" PRIu64, len,
        state->count, hash(text, (size_t)len));
    return writer->write(writer, text, (size_t)len);
}

/* The text behind "KEY":, or NULL. Good enough for what serialize writes. */
static const char *find(const char *json, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(json, quoted);
    return at == NULL ? NULL : at + strlen(quoted);
}

static hotrun_status deserialize(const hotrun_host *host, void *memory, const char *json,
                                 size_t len, uint32_t from_version)
{
    struct probe *state = memory;
    the_host = host;
    const char *at;
    if ((at = find(json, "count")) != NULL)
        state->count = strtoull(at, NULL, 10);
    if ((at = find(json, "lowest")) != NULL)
        state->lowest = strtoll(at, NULL, 10);
    if ((at = find(json, "highest")) != NULL)
        state->highest = strtoull(at, NULL, 10);
    if ((at = find(json, "beyond")) != NULL)
        state->beyond = strtoull(at, NULL, 10);
    if ((at = find(json, "ratio")) != NULL)
        state->ratio = strtod(at, NULL);
    if ((at = find(json, "text")) != NULL && *at == '"') {
        size_t end = 1;
        while (at[end] != '"' && at[end] != '\0')
            end += at[end] == '\\' ? 2 : 1;
        if (end < sizeof state->text - 1) {
            memcpy(state->text, at, end + 1);
            state->text[end + 1] = '\0';
        }
    }
    say("\"call\":\"deserialize\",\"length\":%zu,\"from_version\":%u,\"count\":%" PRIu64
        ",\"json\":%" PRIu64 ",\"ends\":%s",
        len, from_version, state->count, hash(json, len), json[len] == '\0' ? "true" : "false");
    ON_DESERIALIZE;
    return HOTRUN_OK;
}
#endif

static hotrun_status on_event(const hotrun_host *host, void *memory, const hotrun_event *event)
{
    struct probe *state = memory;
    (void)state;
    the_host = host;
    say("\"call\":\"event\",\"type\":%u,\"value\":%" PRId64 ",\"name\":\"%s\",\"has_text\":%s",
        event->type, event->value, event->name == NULL ? "" : event->name,
        event->text == NULL ? "false" : "true");
    ON_EVENT;
    return HOTRUN_OK;
}

static void fini(const hotrun_host *host, void *memory, uint32_t why)
{
    struct probe *state = memory;
    the_host = host;
    say("\"call\":\"fini\",\"why\":%u,\"has_state\":%s,\"count\":%" PRIu64, why,
        state == NULL ? "false" : "true", state == NULL ? 0 : state->count);
    ON_FINI;
}

#ifdef NO_CODEC
#define CODEC .serialize = NULL, .deserialize = NULL
#else
#define CODEC .serialize = serialize, .deserialize = deserialize
#endif

HOTRUN_MODULE(struct probe, .name = PROBE_NAME, .flags = HOTRUN_STATE_PLAIN,
              .state_version = STATE_VERSION, .init = init, .step = step, CODEC,
              .on_event = on_event, .fini = fini);
