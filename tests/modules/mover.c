/* A module whose state is moved by its layout, and shows whether it is whole: a ring of heap
 * objects, each of which has its number, a value that the step count decides, and the sum of both.
 * With -DWIDE its structs are others. It tells what it starts with, one JSON line each, in the file
 * that its first argument names. */
#include "hotrun/hotrun.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef NODES
#define NODES 1000
#endif
#ifndef MADE /* by init */
#define MADE NODES
#endif
#ifndef ON_CONSTRUCT
#define ON_CONSTRUCT
#endif
#ifndef ON_INIT
#define ON_INIT
#endif
#ifndef ON_MIGRATE
#define ON_MIGRATE
#endif
#ifndef ON_STEP
#define ON_STEP
#endif

#ifdef STAYS /* in place, where the structs are the same */
#define AFRESH
#else
#define AFRESH HOTRUN_TRANSIENT(scratch);
#endif

static volatile const char version_mark[] = "@version=0000000000@";

#ifdef WIDE
struct node {
    struct node *before;
    uint64_t sum, more;
    struct node *next;
    uint64_t value;
    uint32_t number;
};
struct mover {
    struct node *last, *scratch;
    AFRESH
    uint64_t check;
    struct node *first;
    double pad[200];
    uint64_t count;
};
#else
struct node {
    uint32_t number;
    uint64_t value, sum;
    struct node *next, *before;
};
struct mover {
    uint64_t count;
    struct node *first, *last, *scratch;
    AFRESH
    uint64_t check;
};
#endif

static const hotrun_host *the_host;
static uint64_t turn;

static void say(const char *call, const struct mover *mover)
{
    char line[512];
    unsigned version = 0;
    for (const volatile char *p = version_mark + 9; *p != '@'; p++)
        version = version * 10 + (unsigned)(*p - '0');
    int len = snprintf(line, sizeof line,
                       "{\"version\":%u,\"pid\":%d,\"call\":\"%s\",\"count\":%" PRIu64
                       ",\"check\":%" PRIu64 "}\n",
                       version, (int)getpid(), call, mover == NULL ? 0 : mover->count,
                       mover == NULL ? 0 : mover->check);
    int fd = open(the_host->argv[0], O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || write(fd, line, (size_t)len) != len)
        abort();
    close(fd);
}

__attribute__((constructor)) static void construct(void)
{
    ON_CONSTRUCT;
}

static uint64_t mixed(uint64_t number, uint64_t value)
{
    return (number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ value * UINT64_C(0xff51afd7ed558ccd);
}

static void set(struct mover *mover, struct node *node, uint64_t value)
{
    mover->check -= node->sum;
    node->value = value;
    node->sum = mixed(node->number, value);
    mover->check += node->sum;
}

/* The ring leads through all nodes, each is what it was, and what init made anew is there. */
static int is_whole(const struct mover *mover)
{
    const struct node *node = mover->first, *before = mover->last;
    uint64_t check = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        if (node->number != i || node->before != before || node->sum != mixed(i, node->value))
            return 0;
        check += node->sum;
        before = node;
        node = node->next;
    }
    return node == mover->first && before == mover->last && check == mover->check &&
           mover->scratch != NULL && mover->scratch->number == UINT32_MAX;
}

static struct node *made(const hotrun_host *host, uint32_t number)
{
    struct node *node = hotrun_alloc(host, struct node, 1);
    if (node == NULL)
        abort();
    node->number = number;
    return node;
}

/* What is replaced by an older state is as large. */
static hotrun_status init(const hotrun_host *host, void *memory)
{
    struct mover *mover = memory;
    struct node *before = NULL;
    the_host = host;
    for (uint32_t i = 0; i < MADE; i++) {
        struct node *node = made(host, i);
        set(mover, node, 0);
        node->before = before;
        *(before == NULL ? &mover->first : &before->next) = node;
        before = node;
    }
    if (before != NULL) {
        before->next = mover->first;
        mover->first->before = mover->last = before;
    }
    mover->scratch = made(host, UINT32_MAX);
    say("init", mover);
    ON_INIT;
    return HOTRUN_OK;
}

static hotrun_status migrate(const hotrun_host *host, void *memory, const char *old_json,
                             size_t old_len, const char *new_json, size_t new_len,
                             uint32_t from_version)
{
    (void)old_json, (void)old_len, (void)new_json, (void)new_len, (void)from_version;
    the_host = host;
    say("migrate", memory);
    ON_MIGRATE;
    return HOTRUN_OK;
}

static const void *extension(const char *id)
{
    static const hotrun_migrate with = {.size = sizeof with, .migrate = migrate};
    return strcmp(id, "migrate/1") == 0 && NODES < 10000 ? &with : NULL;
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct mover *mover = memory;
    (void)now;
    the_host = host;
    if ((turn == 0 || NODES < 10000) && !is_whole(mover)) {
        say("torn", mover);
        abort();
    }
    if (turn++ == 0)
        say("step", mover);
    mover->count++;
    set(mover, mover->last, mover->count);
    ON_STEP;
    return HOTRUN_OK;
}

static hotrun_status on_event(const hotrun_host *host, void *memory, const hotrun_event *event)
{
    the_host = host;
    if (event->type == HOTRUN_EVENT_BEFORE_RELOAD)
        say("leave", memory);
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct mover, .name = "mover", .state_version = 1, .init = init, .step = step,
              .on_event = on_event, .get_extension = extension);
