/* hotrun-inspect: names the code of crash records from debug info, which is read at length and
 * trusted in nothing. It runs no user code, and may die: the supervisor then tells bare addresses.
 *
 *     hotrun-inspect PROGRAM    the file of the program whose records come
 *
 * It is asked on descriptor 3 and ends when that is closed. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "base/clock.h"
#include "inspect/answer.h"
#include "inspect/units.h"
#include "link/naming.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_MOST ((rlim_t)4 << 30)
#define CPU_SECONDS 10 /* for one request */
#define WARM_NS     (20 * NS_PER_MS)

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_BOUND false /* the sanitizer reserves terabytes */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_IS_BOUND false
#endif
#endif
#ifndef MEMORY_IS_BOUND
#define MEMORY_IS_BOUND true
#endif

static void bind_resources(void)
{
    if (MEMORY_IS_BOUND) {
        (void)setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY_MOST, MEMORY_MOST});
    }
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    /* Where memory runs out, this process is the least loss. */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, "1000", 4);
        (void)close(fd);
    }
}

/* Debug info whose reading does not end is left by dying: SIGXCPU. */
static void bind_time(void)
{
    struct rusage used;
    struct rlimit limit;
    if (getrusage(RUSAGE_SELF, &used) == 0 && getrlimit(RLIMIT_CPU, &limit) == 0) {
        limit.rlim_cur = (rlim_t)used.ru_utime.tv_sec + (rlim_t)used.ru_stime.tv_sec + CPU_SECONDS;
        (void)setrlimit(RLIMIT_CPU, &limit);
    }
}

static int take_libc(struct dl_phdr_info *info, size_t size, void *data)
{
    const char *slash = info->dlpi_name == NULL ? NULL : strrchr(info->dlpi_name, '/');
    (void)size;
    if (slash != NULL && strncmp(slash, "/libc.so", 8) == 0) {
        uint64_t past;
        struct object *libc = shelf_take(data, info->dlpi_name);
        (void)(libc == NULL || object_symbol(libc, 1, &past)); /* reads the table */
    }
    return 0;
}

/* The program and the C library are in every record: the latter is the one that runs here, too. */
static void prepare(struct shelf *shelf, const char *program, const struct naming_request *request)
{
    shelf_sweep(shelf);
    (void)shelf_take(shelf, program);
    (void)dl_iterate_phdr(take_libc, shelf);
    struct object *object = shelf_take(shelf, request->path);
    if (object == NULL) {
        return;
    }
    if (request->written_ns != 0) {
        object->written_ns = request->written_ns;
    }
    if (object->units != NULL) {
        units_warm(object->units, clock_ns() + WARM_NS);
    }
}

/* False: nobody asks any more. */
static bool receive(struct naming_request *request, size_t *len)
{
    ssize_t got;
    do {
        got = recv(NAMING_CHANNEL, request, sizeof *request, 0);
    } while (got < 0 && errno == EINTR);
    *len = got > 0 ? (size_t)got : 0;
    return got > 0;
}

static bool reply(const struct text *packet)
{
    ssize_t sent;
    do {
        sent = send(NAMING_CHANNEL, packet->data, packet->len, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

static void serve(const char *program)
{
    static struct naming_request request;
    static struct source source;
    struct shelf shelf = {.count = 0};
    struct text packet = {.limit = 0};
    size_t len;
    bool asked = true;
    while (asked && receive(&request, &len)) {
        bool whole =
            len >= NAMING_SHORT_SIZE && memchr(request.path, '\0', sizeof request.path) != NULL;
        bind_time();
        if (whole && request.kind == NAMING_PREPARE) {
            prepare(&shelf, program, &request);
        } else if (whole && request.kind == NAMING_FORGET) {
            shelf_forget(&shelf, request.path);
        } else if (whole && request.kind == NAMING_NAME && len == sizeof request) {
            asked = answer_make(&shelf, &source, program, &request, &packet) && reply(&packet);
        }
    }
    shelf_finish(&shelf);
    text_finish(&packet);
}

int main(int argc, char **argv)
{
    struct stat st;
    if (argc != 2 || fstat(NAMING_CHANNEL, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        (void)fprintf(stderr, "hotrun-inspect is started by hotrun\n");
        return 2;
    }
    /* A terminal's signals are the supervisor's to answer; this process ends with its channel. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGQUIT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    (void)elf_version(EV_CURRENT);
    bind_resources();
    serve(argv[1]);
    return 0;
}
