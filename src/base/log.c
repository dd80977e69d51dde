#include "base/log.h"

#include "base/file.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 4096

static const char *const level_names[] = {"trace", "debug", "info", "warn", "error"};
static const char *const tone_codes[] = {"", "\033[32m", "\033[31m", "\033[2m"};

static bool wants_color(void)
{
    const char *none = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return (none == NULL || none[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0) &&
           isatty(STDERR_FILENO) == 1;
}

void log_init(struct log *log, enum log_level level, bool no_color)
{
    log->fd = STDERR_FILENO;
    log->put = NULL;
    log->ctx = NULL;
    log->color = !no_color && wants_color();
    atomic_init(&log->level, (int)level);
    atomic_init(&log->open, false);
}

/* A terminal obeys what it is sent: control bytes in messages that quote the outside are shown, not
 * sent. */
static void disarm(char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f) {
            line[i] = '?';
        } else if (c == 0xc2 && i + 1 < len && ((unsigned char)line[i + 1] & 0xe0) == 0x80) {
            line[i] = line[i + 1] = '?'; /* the same control bytes as UTF-8 spells them */
        }
    }
}

static void put(struct log *log, const char *line, size_t len)
{
    if (log->put != NULL) {
        log->put(log->ctx, line, len);
    } else {
        ssize_t done = write(log->fd, line, len);
        (void)done; /* nobody is left to be told */
    }
}

/* Ends the line that somebody else has left open. */
static void close_line(struct log *log)
{
    if (atomic_exchange_explicit(&log->open, false, memory_order_relaxed)) {
        log_bytes(log, log->color ? "\033[0m\n" : "\n", log->color ? 5 : 1);
    }
}

static void emit(struct log *log, const char *color, const char *word, const char *format,
                 va_list args)
{
    char body[LINE_SIZE - 64];
    int len = vsnprintf(body, sizeof body, format, args);
    if (len < 0) {
        return;
    }
    if ((size_t)len >= sizeof body) {
        len = (int)sizeof body - 1;
        memcpy(body + len - 3, "...", 3);
    }
    disarm(body, (size_t)len);
    char line[LINE_SIZE];
    int size;
    close_line(log);
    if (!log->color || color[0] == '\0') {
        size = snprintf(line, sizeof line, "%s%s\n", word, body);
    } else if (word[0] != '\0') {
        size = snprintf(line, sizeof line, "%s%s\033[0m%s\n", color, word, body);
    } else {
        const char *gap = strstr(body, "  ");
        const char *colon = strstr(body, ": ");
        size_t head = (size_t)len;
        if (gap != NULL && (colon == NULL || gap < colon)) {
            head = (size_t)(gap - body);
        } else if (colon != NULL) {
            head = (size_t)(colon - body);
        }
        size =
            snprintf(line, sizeof line, "%s%.*s\033[0m%s\n", color, (int)head, body, body + head);
    }
    if (size > 0) {
        size_t left = (size_t)size < sizeof line ? (size_t)size : sizeof line - 1;
        put(log, line, left);
    }
}

void log_bytes(struct log *log, const char *bytes, size_t len)
{
    if (len > 0 && log->put != NULL) {
        log->put(log->ctx, bytes, len);
    } else if (len > 0) {
        (void)file_write_all(log->fd, bytes, len);
    }
    if (len > 0) {
        atomic_store_explicit(&log->open, bytes[len - 1] != '\n', memory_order_relaxed);
    }
}

void log_line(struct log *log, enum log_level level, const char *format, ...)
{
    if ((int)level < atomic_load_explicit(&log->level, memory_order_relaxed)) {
        return;
    }
    static const char *const colors[] = {"\033[2m", "\033[2m", "", "\033[33m", "\033[31m"};
    static const char *const words[] = {"trace: ", "debug: ", "", "warning: ", "error: "};
    va_list args;
    va_start(args, format);
    emit(log, colors[level], words[level], format, args);
    va_end(args);
}

void log_tone(struct log *log, enum log_tone tone, const char *format, ...)
{
    if (LOG_INFO < atomic_load_explicit(&log->level, memory_order_relaxed)) {
        return;
    }
    va_list args;
    va_start(args, format);
    emit(log, tone_codes[tone], "", format, args);
    va_end(args);
}

void log_answer(struct log *log, const char *text)
{
    char lines[LINE_SIZE];
    size_t len = strnlen(text, sizeof lines);
    memcpy(lines, text, len);
    disarm(lines, len);
    close_line(log);
    put(log, lines, len);
}

bool log_level_parse(const char *word, enum log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(word, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}
