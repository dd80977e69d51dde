/* Stands for hotrun-inspect in the tests of its client: what it does is what the request's path
 * says. */
#include "base/text.h"
#include "layout/draft.h"
#include "link/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A state of one int, whose name is the request's origin. */
static bool make_layout(struct text *out, const char *name)
{
    struct error err;
    struct draft *draft = draft_create();
    struct draft_library library = {.span = 4096};
    uint32_t number = draft_reserve(draft);
    struct layout_type type = {.kind = LAYOUT_INT,
                               .name = draft_string(draft, name),
                               .target = LAYOUT_NONE,
                               .size = 4,
                               .align = 4};
    draft_fill(draft, number, &type, NULL, NULL);
    bool ok = draft_finish(draft, number, &library, out, &err);
    draft_destroy(draft);
    return ok;
}

static void fill(const struct reading_request *request, int fd, struct reading_answer *answer)
{
    struct text out = {0};
    if (strcmp(request->path, "none") == 0) {
        answer->outcome = READING_NONE;
        (void)snprintf(answer->reason, sizeof answer->reason, "it has no debug info");
    } else if (strcmp(request->path, "refused") == 0) {
        answer->outcome = READING_REFUSED;
        (void)snprintf(answer->reason, sizeof answer->reason, "a flexible array");
    } else if (make_layout(&out, request->statics != 0 ? "statics" : request->origin)) {
        answer->outcome = READING_OK;
        answer->len = out.len;
        (void)!write(fd, out.data, out.len);
    }
    if (strcmp(request->path, "damaged") == 0) {
        (void)!pwrite(fd, "damage", 6, (off_t)out.len / 2);
    } else if (strcmp(request->path, "cut") == 0) {
        (void)!ftruncate(fd, (off_t)out.len / 2);
    } else if (strcmp(request->path, "endless") == 0) {
        answer->len = UINT64_MAX;
    } else if (strcmp(request->path, "unasked") == 0) {
        answer->number++;
    } else if (strcmp(request->path, "nonsense") == 0) {
        answer->outcome = 77;
    }
    text_finish(&out);
}

int main(void)
{
    static struct reading_request request;
    int fd;
    while (reading_receive(READING_CHANNEL, &request, &fd)) {
        struct reading_answer answer = {.number = request.number};
        if (strcmp(request.path, "dies") == 0) {
            abort();
        } else if (strcmp(request.path, "leaves") == 0) {
            exit(3);
        } else if (strcmp(request.path, "dies once") == 0 && access(request.origin, F_OK) != 0) {
            (void)fclose(fopen(request.origin, "w"));
            abort();
        } else if (strcmp(request.path, "hangs") == 0) {
            (void)pause();
        } else if (strcmp(request.path, "closes") == 0) {
            (void)close(READING_CHANNEL);
            (void)pause();
        }
        fill(&request, fd, &answer);
        (void)close(fd);
        (void)send(READING_CHANNEL, &answer, sizeof answer - (strcmp(request.path, "short") == 0),
                   MSG_NOSIGNAL);
        if (strcmp(request.path, "answers and leaves") == 0) {
            exit(0);
        }
    }
    return 0;
}
