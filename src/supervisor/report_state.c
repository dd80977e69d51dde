#include "supervisor/report_state.h"

#include "base/columns.h"
#include "supervisor/events.h"
#include "supervisor/report.h"

#include <string.h>

#define KEY_COLUMNS_MOST 60

struct told_list {
    const char *name; /* in events */
    const char *sign; /* in the line; NULL: it is warned of */
    struct bytes list;
    uint64_t more;
};

#define LISTS 6

static void make_lists(const struct message_accepted *told, struct told_list lists[LISTS])
{
    const struct told_list all[LISTS] = {{"added", "+", told->added, told->more_added},
                                         {"dropped", "-", told->dropped, told->more_dropped},
                                         {"converted", "~", told->converted, told->more_converted},
                                         {"lost", NULL, told->lost, told->more_lost},
                                         {"rounded", NULL, told->rounded, told->more_rounded},
                                         {"kept", NULL, told->kept, told->more_kept}};
    memcpy(lists, all, sizeof all);
}

static cJSON *list_json(struct bytes list)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t at = 0; array != NULL && at < list.len;) {
        event_add_text(array, NULL, list.data + at);
        at += strlen(list.data + at) + 1;
    }
    return array;
}

cJSON *report_state_json(const struct message_accepted *told)
{
    struct told_list lists[LISTS];
    cJSON *state = cJSON_CreateObject();
    make_lists(told, lists);
    event_add_text(state, "how", state_how_name((enum state_how)told->how));
    event_add_number(state, "bytes", told->state_bytes);
    for (size_t i = 0; i < LISTS; i++) {
        event_add_item(state, lists[i].name, list_json(lists[i].list));
    }
    return state;
}

static void append_list(struct text *line, const struct told_list *told)
{
    struct bytes list = told->list;
    for (size_t at = 0; at < list.len; at += strlen(list.data + at) + 1) {
        const char *entry = list.data + at;
        text_printf(line, "  %s ", told->sign);
        (void)columns_put(line, entry + (entry[0] == '/' && entry[1] != '\0'), KEY_COLUMNS_MOST);
    }
    if (told->more > 0) {
        text_printf(line, "  %s %llu more", told->sign, (unsigned long long)told->more);
    }
}

uint64_t report_state_bytes(const struct message_accepted *told)
{
    bool more =
        told->how != STATE_JSON && told->state_bytes > told->state_size; /* variables, heap */
    return more || told->callbacks ? told->state_bytes : told->state_size;
}

void report_state_lists(const struct message_accepted *told, struct text *line)
{
    struct told_list lists[LISTS];
    make_lists(told, lists);
    for (size_t i = 0; i < LISTS; i++) {
        if (lists[i].sign != NULL) {
            append_list(line, &lists[i]);
        }
    }
}

void report_state_words(const struct message_accepted *told, const struct build *build,
                        struct text *line)
{
    static const char *const words[] = {[STATE_JSON] = "kept",
                                        [STATE_IN_PLACE] = "kept in place",
                                        [STATE_MIGRATED] = "moved",
                                        [STATE_RESET] = "reset",
                                        [STATE_NEW] = "new"};
    char size[32];
    const char *word = build->edited ? "edited" : words[told->how <= STATE_NEW ? told->how : 0];
    uint64_t bytes = report_state_bytes(told);
    if (told->how == STATE_IN_PLACE && bytes == 0) {
        text_puts(line, "no state");
    } else if (told->how == STATE_IN_PLACE && told->state_size == 0) {
        /* Variables, which each library has anew. */
        report_size(bytes, size, sizeof size);
        text_printf(line, "state carried over (%s)", size);
    } else if (word != NULL) {
        report_size(bytes, size, sizeof size);
        text_printf(line, bytes > 0 ? "state %s (%s)" : "state %s", word, size);
    }
    report_state_lists(told, line);
}

static void warn(struct log *log, const char *what, struct bytes list, uint64_t more)
{
    struct text line = {0};
    for (size_t at = 0; at < list.len; at += strlen(list.data + at) + 1) {
        text_puts(&line, at > 0 ? "; " : "");
        text_puts(&line, list.data + at);
    }
    if (more > 0) {
        text_printf(&line, "%s%llu more", line.len > 0 ? "; " : "", (unsigned long long)more);
    }
    if (line.len > 0) {
        log_line(log, LOG_WARN, "%s: %s", what, text_string(&line));
    }
    text_finish(&line);
}

void report_state_warn(struct log *log, const struct message_accepted *told)
{
    warn(log, "values of the state do not fit any more", told->lost, told->more_lost);
    warn(log, "values of the state were rounded", told->rounded, told->more_rounded);
    warn(log, "about the state", told->kept, told->more_kept);
}
