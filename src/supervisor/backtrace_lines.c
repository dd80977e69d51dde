/* How a person sees a backtrace. */
#include "base/path.h"
#include "supervisor/backtrace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTION_WIDTH 48U /* characters; longer ones are cut */
#define PLACE_WIDTH    48U
#define SOURCE_WIDTH   100U
#define CUT            "and more; the innermost %d calls are recorded"

struct row {
    char function[FUNCTION_WIDTH * 4 + 1], place[PLACE_WIDTH * 4 + 1], source[SOURCE_WIDTH * 4 + 1];
    unsigned times;
};

static size_t width(const char *text)
{
    size_t characters = 0;
    for (; *text != '\0'; text++) {
        characters += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return characters;
}

/* Cuts to `most` characters, with ".." in the place of the rest; `from_start`: of the beginning. */
static void fit(char *out, size_t size, const char *text, size_t most, bool from_start)
{
    size_t all = width(text);
    if (all <= most) {
        (void)snprintf(out, size, "%.*s", (int)(size - 1), text);
        return;
    }
    const char *at = text;
    size_t skip = from_start ? all - (most - 2) : most - 2;
    while (skip > 0) {
        at++;
        skip -= ((unsigned char)*at & 0xc0) != 0x80;
    }
    if (from_start) {
        (void)snprintf(out, size, "..%s", at);
    } else {
        (void)snprintf(out, size, "%.*s..", (int)(at - text), text);
    }
}

/* Below the current folder as it is typed there; elsewhere its last part. */
static void short_file(const char *file, char *out, size_t size)
{
    char *near = path_short(file);
    const char *text = near == NULL || near[0] == '/' ? path_base(file) : near;
    (void)snprintf(out, size, "%s", text);
    free(near);
}

static const char *object_name(const struct backtrace_frame *frame)
{
    return frame->object[0] == '\0' ? "hotrun-host" : path_base(frame->object);
}

/* "step", "step+0x1f", "libgame.so+0x1139", "0x0" */
static void callee(const struct backtrace_frame *frame, char *out, size_t size)
{
    if (frame->function[0] != '\0' && frame->line == 0 && frame->past != 0) {
        (void)snprintf(out, size, "%s+0x%x", frame->function, frame->past);
    } else if (frame->function[0] != '\0') {
        (void)snprintf(out, size, "%s", frame->function);
    } else if (strcmp(frame->object, "?") == 0) {
        (void)snprintf(out, size, "0x%llx", (unsigned long long)frame->address);
    } else {
        (void)snprintf(out, size, "%s+0x%llx", object_name(frame),
                       (unsigned long long)frame->offset);
    }
}

static void place(const struct backtrace_frame *frame, char *out, size_t size)
{
    char file[512];
    out[0] = '\0';
    if (frame->line != 0) {
        short_file(frame->file, file, sizeof file);
        (void)snprintf(out, size, "%s:%u", file, frame->line);
    } else if (frame->function[0] != '\0' && strcmp(frame->object, "?") != 0) {
        (void)snprintf(out, size, "in %s", object_name(frame));
    }
}

static void fill(struct row *row, const struct backtrace_frame *frame)
{
    char text[1024];
    callee(frame, text, sizeof text);
    fit(row->function, sizeof row->function, text, FUNCTION_WIDTH, false);
    place(frame, text, sizeof text);
    fit(row->place, sizeof row->place, text, PLACE_WIDTH, true);
    fit(row->source, sizeof row->source,
        frame->edited ? "(changed since it was built)" : frame->source, SOURCE_WIDTH, false);
    row->times = 1;
}

static bool same(const struct row *a, const struct row *b)
{
    return strcmp(a->function, b->function) == 0 && strcmp(a->place, b->place) == 0;
}

static void pad(struct text *out, const char *text, size_t to)
{
    text_puts(out, text);
    for (size_t have = width(text); have < to; have++) {
        text_puts(out, " ");
    }
}

static void write_rows(const struct row *rows, unsigned count, struct text *out)
{
    size_t function = 0, spot = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t a = width(rows[i].function), b = width(rows[i].place);
        function = a > function ? a : function;
        spot = b > spot ? b : spot;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        bool tail = row->source[0] != '\0' || row->times > 1;
        text_puts(out, "\n    ");
        pad(out, row->function, row->place[0] != '\0' || tail ? function + 2 : 0);
        pad(out, row->place, tail ? spot + 2 : 0);
        text_puts(out, tail ? "  " : "");
        text_puts(out, row->source);
        if (row->times > 1) {
            text_printf(out, "%s(%u times)", row->source[0] != '\0' ? "  " : "", row->times);
        }
    }
}

void backtrace_lines(const struct backtrace *trace, struct text *out)
{
    struct row rows[BACKTRACE_LINES_MOST];
    unsigned count = 0, left = trace->more;
    bool any_own = false;
    for (unsigned i = 0; i < trace->count; i++) {
        any_own = any_own || trace->frames[i].own;
    }
    for (unsigned i = 0; i < trace->count; i++) {
        struct row row;
        if (any_own && !trace->frames[i].own) {
            continue;
        }
        fill(&row, &trace->frames[i]);
        if (left == trace->more && count > 0 && same(&rows[count - 1], &row)) {
            rows[count - 1].times++;
        } else if (count < BACKTRACE_LINES_MOST) {
            rows[count++] = row;
        } else {
            left++;
        }
    }
    write_rows(rows, count, out);
    if (trace->cut) {
        text_printf(out, "\n    " CUT, CRASH_FRAMES_MOST);
    } else if (left > 0) {
        text_printf(out, "\n    and %u more", left);
    }
}

void backtrace_list(const struct backtrace *trace, struct text *out)
{
    for (unsigned i = 0; i < trace->count; i++) {
        const struct backtrace_frame *frame = &trace->frames[i];
        char name[1024];
        callee(frame, name, sizeof name);
        text_printf(out, "%3u  %s", i, name);
        if (frame->line != 0) {
            text_printf(out, "  %s:%u", frame->file, frame->line);
            if (frame->column != 0) {
                text_printf(out, ":%u", frame->column);
            }
        }
        text_puts(out, frame->inlined ? "  (inlined)\n" : "\n");
        if (frame->source[0] != '\0' || frame->edited) {
            text_printf(out, "         %s\n",
                        frame->edited ? "(the source was changed since it was built)"
                                      : frame->source);
        }
        if (!frame->inlined && strcmp(frame->object, "?") != 0) {
            text_printf(out, "         %s+0x%llx, 0x%llx in memory\n",
                        frame->object[0] == '\0' ? "hotrun-host" : frame->object,
                        (unsigned long long)frame->offset, (unsigned long long)frame->address);
        }
    }
    if (trace->cut) {
        text_printf(out, "     " CUT "\n", CRASH_FRAMES_MOST);
    } else if (trace->more > 0) {
        text_printf(out, "     and %u more\n", trace->more);
    }
}
