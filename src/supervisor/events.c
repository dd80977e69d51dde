#define _GNU_SOURCE
#include "supervisor/events.h"

#include "base/clock.h"
#include "base/file.h"
#include "control/control.h"
#include "state/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL      "events.jsonl"
#define JOURNAL_OLD  "events.jsonl.1"
#define JOURNAL_MOST ((off_t)4 << 20)

struct events {
    int dir_fd;
    int journal; /* events.jsonl; -1: cannot be written at the moment */
    off_t size;
    int file;   /* --events; -1: none */
    char *rest; /* of a line that the file's reader was too slow for; owned */
    size_t rest_len;
    uint64_t dropped; /* lines */
    struct control *control;
    struct log *log;
    bool trouble_told;
};

static void open_journal(struct events *events)
{
    struct stat st;
    events->journal = openat(events->dir_fd, JOURNAL,
                             O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    events->size = events->journal >= 0 && fstat(events->journal, &st) == 0 ? st.st_size : 0;
}

/* A pipe whose reader stops, or a terminal that is stopped, must not stop the supervisor: it gets a
 * description of its own, which does not block, while the module's stdout stays as it is. */
static int open_stdout(void)
{
    struct stat st;
    if (fstat(STDOUT_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || isatty(STDOUT_FILENO) == 1)) {
        int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0) {
            return fd;
        }
    }
    return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
}

static bool open_file(struct events *events, const char *file, struct error *err)
{
    if (file == NULL) {
        return true;
    }
    if (strcmp(file, "-") == 0) {
        events->file = open_stdout();
    } else {
        events->file = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600);
        if (events->file < 0 && errno == ENXIO) {
            return error_set(err, ERROR_SYSTEM,
                             "%s is a FIFO that nobody reads: start its reader first", file);
        }
    }
    return events->file >= 0 || error_errno(err, "cannot open %s for events", file);
}

struct events *events_create(int dir_fd, const char *file, struct log *log, struct error *err)
{
    struct events *events = calloc(1, sizeof *events);
    if (events == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for events");
        return NULL;
    }
    *events = (struct events){.dir_fd = dir_fd, .journal = -1, .file = -1, .log = log};
    if (!open_file(events, file, err)) {
        events_destroy(events);
        return NULL;
    }
    open_journal(events);
    return events;
}

void events_destroy(struct events *events)
{
    if (events == NULL) {
        return;
    }
    if (events->journal >= 0) {
        close(events->journal);
    }
    if (events->file >= 0) {
        close(events->file);
    }
    free(events->rest);
    free(events);
}

void events_set_control(struct events *events, struct control *control)
{
    events->control = control;
}

/* An object that lacks a member is worse than none: it can be deleted, and printed no more. */
static void spoil(cJSON *object)
{
    if (object != NULL) {
        object->type = cJSON_Invalid;
    }
}

void event_add_item(cJSON *object, const char *name, cJSON *item)
{
    bool added = item != NULL && (name != NULL ? cJSON_AddItemToObject(object, name, item)
                                               : cJSON_AddItemToArray(object, item));
    if (!added) {
        cJSON_Delete(item);
        spoil(object);
    }
}

void event_add_number(cJSON *object, const char *name, uint64_t value)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    event_add_item(object, name, cJSON_CreateRaw(digits));
}

void event_add_flag(cJSON *object, const char *name, bool value)
{
    event_add_item(object, name, cJSON_CreateBool(value));
}

cJSON *event_text(const char *text)
{
    struct text quoted = {0};
    cJSON *item = json_quote(&quoted, text) ? cJSON_Parse(text_string(&quoted)) : NULL;
    text_finish(&quoted);
    return item;
}

void event_add_text(cJSON *object, const char *name, const char *text)
{
    event_add_item(object, name, event_text(text));
}

cJSON *event_create(const char *name, uint64_t generation, uint64_t step)
{
    cJSON *event = cJSON_CreateObject();
    event_add_number(event, "t_ns", clock_ns());
    event_add_text(event, "event", name);
    event_add_number(event, "generation", generation);
    event_add_number(event, "step", step);
    return event;
}

static void rotate(struct events *events)
{
    if (events->size < JOURNAL_MOST) {
        return;
    }
    (void)renameat(events->dir_fd, JOURNAL, events->dir_fd, JOURNAL_OLD);
    close(events->journal);
    open_journal(events);
}

static void write_journal(struct events *events, const char *line, size_t len)
{
    if (events->journal < 0) {
        open_journal(events);
    }
    if (events->journal >= 0 && file_write_all(events->journal, line, len)) {
        events->size += (off_t)len;
        events->trouble_told = false;
        rotate(events);
    } else if (!events->trouble_told) {
        events->trouble_told = true;
        log_line(events->log, LOG_WARN, "cannot write %s: %s; the run goes on", JOURNAL,
                 strerror(errno));
    }
}

/* Writes what goes. What is left of a line that was begun comes first; a line that finds no room is
 * dropped whole. */
static void write_file(struct events *events, const char *line, size_t len)
{
    if (events->file < 0) {
        return;
    }
    if (events->rest != NULL) {
        ssize_t done = write(events->file, events->rest, events->rest_len);
        if (done > 0) {
            events->rest_len -= (size_t)done;
            memmove(events->rest, events->rest + done, events->rest_len);
        }
        if (events->rest_len == 0) {
            free(events->rest);
            events->rest = NULL;
        }
    }
    ssize_t done = events->rest == NULL ? write(events->file, line, len) : -1;
    if (done >= 0 && (size_t)done < len) {
        events->rest_len = len - (size_t)done;
        events->rest = malloc(events->rest_len);
        if (events->rest != NULL) {
            memcpy(events->rest, line + done, events->rest_len);
        }
    } else if (done < 0 && events->rest == NULL && errno == EPIPE) {
        close(events->file);
        events->file = -1;
    } else if (done < 0 && events->dropped++ == 0) {
        log_line(events->log, LOG_WARN,
                 "events are dropped: who reads them is too slow, or the "
                 "disk is full");
    }
}

void events_emit(struct events *events, cJSON *event)
{
    char *line = event != NULL ? cJSON_PrintUnformatted(event) : NULL;
    cJSON_Delete(event);
    if (line == NULL) {
        log_line(events->log, LOG_WARN, "an event is lost: no memory");
        return;
    }
    if (events->control != NULL) {
        control_publish(events->control, line);
    }
    size_t len = strlen(line);
    line[len] = '\n'; /* in the place of its '\0': one write a line */
    write_journal(events, line, len + 1);
    write_file(events, line, len + 1);
    cJSON_free(line);
}
