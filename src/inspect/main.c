/* hotrun-inspect: reads debug info, at length, and trusts it in nothing. It runs no user code, and
 * may die: the supervisor then tells bare addresses, or does without a layout.
 *
 *     hotrun-inspect PROGRAM      names the code of crash records; the file of the program that
 *                                 they are of
 *     hotrun-inspect --layouts    reads the layouts of states
 *
 * It is asked on descriptor 3 and ends when that is closed. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "base/clock.h"
#include "inspect/answer.h"
#include "inspect/layouts.h"
#include "inspect/limits.h"
#include "inspect/units.h"
#include "link/naming.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CPU_SECONDS 10 /* for one request */
#define WARM_NS     (20 * NS_PER_MS)

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
        limits_bind_time(CPU_SECONDS);
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
    limits_bind();
    if (strcmp(argv[1], "--layouts") == 0) {
        layouts_serve();
    } else {
        serve(argv[1]);
    }
    return 0;
}
