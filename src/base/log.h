/* Lines for a person, on stderr. Each line is one write(2), so that lines of several threads and
 * processes do not mix. [any thread] */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
    LOG_TRACE,
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR
};

enum log_tone { /* colour of the line's first words, on a terminal */
    LOG_TONE_PLAIN,
    LOG_TONE_GOOD,
    LOG_TONE_BAD,
    LOG_TONE_FAINT
};

struct log {
    int fd; /* where lines go; not owned */
    /* Where they go instead, each whole: for who must not wait for a slow reader. On the caller's
     * thread. NULL: to fd. */
    void (*put)(void *ctx, const char *line, size_t len);
    void *ctx;
    _Atomic int level; /* lines below it are dropped */
    bool color;
    _Atomic bool open; /* what log_bytes wrote last was no whole line */
};

/* fd 2; colours when it is a terminal that is not "dumb" (TERM), NO_COLOR is unset and `no_color`
 * is false. */
void log_init(struct log *log, enum log_level level, bool no_color);

/* One line at `level`; lines at WARN and ERROR start with the level's word. Longer than 4 KB is
 * cut. */
void log_line(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One line at INFO whose first words, up to the first two spaces or the first ": ", have a colour.
 */
void log_tone(struct log *log, enum log_tone tone, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Bytes of somebody else as they are, at any level. A line that they leave open is ended before the
 * next one of our own begins. */
void log_bytes(struct log *log, const char *bytes, size_t len);

/* Lines that somebody asked for: whatever the level, without a colour or a word in front. `text` is
 * at most 4 KB and has a newline at its end; control bytes are shown, not sent. */
void log_answer(struct log *log, const char *text);

/* "trace", ... "error" -> level; false for another word. */
bool log_level_parse(const char *word, enum log_level *level);
const char *log_level_name(enum log_level level);

#endif
