#define _GNU_SOURCE /* ppoll */
#include "supervisor/inspector.h"

#include "base/clock.h"
#include "supervisor/host_program.h"
#include "supervisor/tool_process.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(NAMING_CHANNEL == TOOL_CHANNEL, "it listens where it is asked");

#define STUCK_NS (10 * NS_PER_S) /* without an answer for so long it is replaced */

struct inspector {
    uv_loop_t *loop;
    struct orphans *orphans;
    struct log *log;
    char *program;                /* hotrun-host; NULL: not looked for yet */
    struct tool_process *process; /* NULL: none lives */
    int fd;                       /* of the channel; -1: none */
    bool missing;                 /* it cannot be started, and that was told */
    uint32_t number;              /* of the last question */
    bool waiting;                 /* for its answer */
    uint64_t asked_ns, until_ns;
    uint64_t silent_since_ns; /* of the first question that was not answered; 0: none is open */
    struct naming_request request;
    struct naming_answer answer;
    char packet[NAMING_PACKET_MAX];
};

struct inspector *inspector_create(uv_loop_t *loop, struct orphans *orphans, struct log *log,
                                   const char *program)
{
    struct inspector *inspector = calloc(1, sizeof *inspector);
    if (inspector != NULL) {
        inspector->loop = loop;
        inspector->orphans = orphans;
        inspector->log = log;
        inspector->fd = -1;
        inspector->program = program == NULL ? NULL : strdup(program);
    }
    return inspector;
}

static void on_ended(void *ctx, int exit_status, int signal)
{
    struct inspector *inspector = ctx;
    log_line(inspector->log, LOG_DEBUG, "hotrun-inspect ended: status %d, signal %d", exit_status,
             signal);
    inspector->process = NULL;
    (void)close(inspector->fd);
    inspector->fd = -1;
}

/* Lets go of the process, which is reaped when it has ended. */
static void drop(struct inspector *inspector)
{
    if (inspector->process != NULL) {
        tool_process_drop(inspector->process);
        inspector->process = NULL;
        (void)close(inspector->fd);
        inspector->fd = -1;
    }
    inspector->silent_since_ns = 0;
}

void inspector_destroy(struct inspector *inspector)
{
    if (inspector != NULL) {
        drop(inspector);
        free(inspector->program);
        free(inspector);
    }
}

static bool start(struct inspector *inspector)
{
    struct error err;
    if (inspector->program == NULL) {
        inspector->program = host_program_find(NULL);
    }
    char *path = inspector->program == NULL ? NULL : tool_process_find(inspector->program);
    if (path == NULL && !inspector->missing) {
        inspector->missing = true;
        log_line(inspector->log, LOG_INFO,
                 "there is no hotrun-inspect beside hotrun-host (it is built with libdw): crashes "
                 "are told "
                 "by address, and no state has a layout");
    }
    if (path == NULL) {
        return false;
    }
    struct tool_setup setup = {.loop = inspector->loop,
                               .orphans = inspector->orphans,
                               .path = path,
                               .argument = inspector->program,
                               .room = 2 * (int)NAMING_PACKET_MAX,
                               .ended = on_ended,
                               .ctx = inspector};
    inspector->process = tool_process_start(&setup, &inspector->fd, &err);
    if (inspector->process == NULL) {
        log_line(inspector->log, LOG_DEBUG, "%s", err.text);
    }
    inspector->silent_since_ns = 0;
    free(path);
    return inspector->process != NULL;
}

static bool send_request(struct inspector *inspector, size_t len)
{
    return send(inspector->fd, &inspector->request, len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           (ssize_t)len;
}

/* True: one is there, alive as far as is known. *fresh: it was started just now. */
static bool ready(struct inspector *inspector, bool *fresh)
{
    *fresh = false;
    if (inspector->process != NULL && inspector->silent_since_ns != 0 &&
        clock_ns() - inspector->silent_since_ns > STUCK_NS) {
        drop(inspector);
    }
    if (inspector->process != NULL) {
        return true;
    }
    *fresh = true;
    return start(inspector);
}

static bool set_path(struct naming_request *request, const char *path)
{
    size_t len = strlen(path);
    bool fits = len < sizeof request->path;
    memcpy(request->path, fits ? path : "", fits ? len + 1 : 1);
    return fits;
}

void inspector_prepare(struct inspector *inspector, const char *path, int64_t written_ns)
{
    bool fresh;
    inspector->request.kind = NAMING_PREPARE;
    inspector->request.written_ns = written_ns;
    if (set_path(&inspector->request, path) && ready(inspector, &fresh)) {
        (void)send_request(inspector, NAMING_SHORT_SIZE);
    }
}

void inspector_ask(struct inspector *inspector, const struct crash_record *record, const char *path,
                   int64_t written_ns)
{
    struct naming_request *request = &inspector->request;
    bool fresh = false;
    memcpy(&request->record, record, sizeof request->record);
    request->kind = NAMING_NAME;
    request->number = ++inspector->number;
    request->written_ns = written_ns;
    (void)set_path(request, path);
    inspector->asked_ns = clock_ns();
    inspector->waiting = false;
    /* One that has died is noticed here at the latest; a second that dies is not replaced. */
    for (int tries = 0; tries < 2 && !inspector->waiting && ready(inspector, &fresh); tries++) {
        uint64_t wait = INSPECTOR_WAIT_NS + (fresh ? INSPECTOR_START_NS : 0);
        inspector->until_ns = inspector->asked_ns + wait;
        request->until_ns = inspector->until_ns - wait / 2; /* room for a piece that takes long */
        inspector->waiting = send_request(inspector, sizeof *request);
        if (!inspector->waiting && (errno == EPIPE || errno == ECONNRESET)) {
            drop(inspector);
        }
    }
    if (inspector->waiting && inspector->silent_since_ns == 0) {
        inspector->silent_since_ns = inspector->asked_ns;
    }
}

/* False: the time is over, or nothing will come. An answer that is there is taken however late. */
static bool wait_readable(const struct inspector *inspector)
{
    for (;;) {
        uint64_t now = clock_ns();
        struct pollfd fd = {.fd = inspector->fd, .events = POLLIN};
        uint64_t left_ns = inspector->until_ns > now ? inspector->until_ns - now : 0;
        struct timespec left = {.tv_sec = 0, .tv_nsec = (long)left_ns};
        int ready_count = ppoll(&fd, 1, &left, NULL);
        if (ready_count > 0) {
            return true;
        }
        if (ready_count == 0 || errno != EINTR) {
            return false;
        }
    }
}

/* The answer to the last question; late ones to older questions are passed over. */
static bool receive(struct inspector *inspector)
{
    while (wait_readable(inspector)) {
        ssize_t got =
            recv(inspector->fd, inspector->packet, sizeof inspector->packet, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (got <= 0 || !naming_read(&inspector->answer, inspector->packet, (size_t)got)) {
            drop(inspector);
            return false;
        }
        inspector->silent_since_ns = 0;
        if (inspector->answer.number == inspector->number) {
            return true;
        }
    }
    return false;
}

bool inspector_await(struct inspector *inspector, const struct backtrace_view *view,
                     struct backtrace *trace)
{
    bool came = inspector->waiting && receive(inspector);
    inspector->waiting = false;
    if (came) {
        log_line(inspector->log, LOG_DEBUG, "the crash was named in %llu us",
                 (unsigned long long)((clock_ns() - inspector->asked_ns) / NS_PER_US));
        backtrace_take(trace, &inspector->answer, view);
        trace->cut = inspector->request.record.frame_count >= CRASH_FRAMES_MOST;
    } else {
        log_line(inspector->log, LOG_DEBUG, "hotrun-inspect has no answer after %llu us",
                 (unsigned long long)((clock_ns() - inspector->asked_ns) / NS_PER_US));
        backtrace_take_bare(trace, &inspector->request.record, view);
    }
    return came;
}

pid_t inspector_pid(const struct inspector *inspector)
{
    return inspector->process == NULL ? 0 : tool_process_pid(inspector->process);
}
