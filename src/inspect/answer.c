#include "inspect/answer.h"

#include "base/clock.h"
#include "inspect/calls.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 4096

struct asked {        /* one frame of the record */
    const char *path; /* of its object; "": the program itself; NULL: not known */
    uint64_t address, offset;
    bool exact;
};

static struct asked look_at(const struct crash_record *record, uint32_t i)
{
    const struct crash_frame *frame = &record->frames[i];
    struct asked asked = {.address = frame->pc, .exact = frame->exact != 0};
    uint32_t object = frame->object;
    if (object > 0 && object <= record->object_count && object <= CRASH_OBJECTS_MOST &&
        frame->pc >= record->objects[object - 1].base) {
        const struct crash_object *found = &record->objects[object - 1];
        asked.offset = frame->pc - found->base;
        bool whole = memchr(found->path, '\0', sizeof found->path) != NULL;
        if (whole && strcmp(found->path, "?") != 0) {
            asked.path = found->path;
        }
    }
    return asked;
}

/* The compiler may have been told of a path that is relative to where it ran. */
static void file_path(const struct call *call, char path[PATH_SIZE])
{
    bool relative = call->file[0] != '/' && call->file[0] != '\0' && call->folder[0] != '\0';
    (void)snprintf(path, PATH_SIZE, "%s%s%s", relative ? call->folder : "", relative ? "/" : "",
                   call->file);
}

static void add_call(struct text *packet, struct source *source, const struct asked *asked,
                     const struct object *object, const struct call *call, bool inlined)
{
    char path[PATH_SIZE];
    char line[NAMING_STRING_MOST];
    file_path(call, path);
    struct naming_frame frame = {.address = asked->address,
                                 .offset = asked->offset,
                                 .line = (uint32_t)call->line,
                                 .column = (uint32_t)call->column,
                                 .past = (uint32_t)call->past,
                                 .inlined = inlined,
                                 .function = call->function,
                                 .file = path,
                                 .source = "",
                                 .object = asked->path};
    switch (source_line(source, path, call->line, object->written_ns, line, sizeof line)) {
    case SOURCE_LINE:
        frame.source = line;
        break;
    case SOURCE_EDITED:
        frame.edited = 1;
        break;
    case SOURCE_NONE:
        break;
    }
    naming_add(packet, &frame);
}

static void add_bare(struct text *packet, const struct asked *asked)
{
    struct naming_frame frame = {.address = asked->address,
                                 .offset = asked->offset,
                                 .function = "",
                                 .file = "",
                                 .source = "",
                                 .object = asked->path == NULL ? "?" : asked->path};
    naming_add(packet, &frame);
}

/* Code whose source is here is what somebody works on. */
static bool has_source(const struct call *call)
{
    char path[PATH_SIZE];
    file_path(call, path);
    return path[0] == '/' && access(path, R_OK) == 0;
}

bool answer_make(struct shelf *shelf, struct source *source, const char *program,
                 const struct naming_request *request, struct text *packet)
{
    static struct call calls[CALLS_MOST];
    const struct crash_record *record = &request->record;
    uint32_t frames =
        record->frame_count < CRASH_FRAMES_MOST ? record->frame_count : CRASH_FRAMES_MOST;
    uint64_t begun_ns = clock_ns();
    if (!naming_begin(packet, request->number)) {
        return false;
    }
    /* The frames of large libraries, as of a language's own, leave time for the user's. */
    uint64_t half_ns = begun_ns < request->until_ns ? begun_ns + (request->until_ns - begun_ns) / 2
                                                    : request->until_ns;
    for (uint32_t i = 0; i < frames; i++) {
        struct asked asked = look_at(record, i);
        const char *path = asked.path != NULL && asked.path[0] == '\0' ? program : asked.path;
        struct object *object =
            path == NULL || (clock_ns() >= request->until_ns && !shelf_has(shelf, path))
                ? NULL
                : shelf_take(shelf, path);
        if (object == NULL) {
            add_bare(packet, &asked);
            continue;
        }
        if (request->written_ns != 0 && strcmp(path, request->path) == 0) {
            object->written_ns = request->written_ns;
        }
        /* A call's return address may belong to the next line, or to the next function. */
        uint64_t at = asked.exact || asked.offset == 0 ? asked.offset : asked.offset - 1;
        size_t count = 1;
        calls_glance(object, at, &calls[0]);
        if (clock_ns() < (has_source(&calls[0]) ? request->until_ns : half_ns)) {
            count = calls_find(object, at, calls);
        }
        for (size_t c = 0; c < count; c++) {
            add_call(packet, source, &asked, object, &calls[c], c + 1 < count);
        }
    }
    source_forget(source);
    return !packet->failed;
}
