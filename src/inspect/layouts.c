#include "inspect/layouts.h"

#include "base/clock.h"
#include "base/file.h"
#include "inspect/layout_reading.h"
#include "inspect/limits.h"
#include "link/reading.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CPU_SECONDS 10 /* for one request */

/* A sentence that is too long ends before the character that does not fit. */
static void put_reason(char *reason, size_t size, const char *sentence)
{
    size_t len = strlen(sentence);
    if (len >= size) {
        len = size - 1;
        while (len > 0 && ((unsigned char)sentence[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    memcpy(reason, sentence, len);
    reason[len] = '\0';
}

static void read_layout(const struct reading_request *request, int fd,
                        struct reading_answer *answer)
{
    struct text block = {.limit = 0};
    struct error err = {.text = ""};
    enum reading_outcome outcome;
    uint64_t begun_ns = clock_ns();
    *answer = (struct reading_answer){.number = request->number};
    bool ok = layout_reading_make(request->path, request->origin, request->statics != 0, &block,
                                  &outcome, &err);
    if (ok && !file_write_all(fd, block.data, block.len)) {
        outcome = READING_REFUSED;
        ok = error_errno(&err, "the layout cannot be handed on");
    }
    answer->outcome = (uint32_t)outcome;
    answer->len = ok ? block.len : 0;
    answer->took_ns = clock_ns() - begun_ns;
    if (!ok) {
        put_reason(answer->reason, sizeof answer->reason, err.text);
    }
    text_finish(&block);
}

static bool reply(const struct reading_answer *answer)
{
    ssize_t sent;
    do {
        sent = send(READING_CHANNEL, answer, sizeof *answer, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

void layouts_serve(void)
{
    static struct reading_request request;
    struct reading_answer answer;
    bool asked = true;
    int fd;
    while (asked && reading_receive(READING_CHANNEL, &request, &fd)) {
        if (fd < 0) {
            continue;
        }
        limits_bind_time(CPU_SECONDS);
        read_layout(&request, fd, &answer);
        (void)close(fd);
        asked = reply(&answer);
    }
}
