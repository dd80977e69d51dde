/* A growing byte buffer that is always NUL-terminated. A failed allocation or a crossed limit sets
 * `failed`, keeps what was there and turns later appends into no-ops, so that a caller checks once
 * at the end. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data; /* owned; NULL until the first append; data[len] is '\0' otherwise */
    size_t len, cap;
    size_t limit; /* most bytes that len may reach; 0: no limit */
    bool failed;
};

/* Each returns !failed. */
bool text_append(struct text *text, const void *bytes, size_t len);
bool text_puts(struct text *text, const char *string);
bool text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool text_vprintf(struct text *text, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Makes the text empty again and keeps its memory; `failed` is cleared. */
void text_clear(struct text *text);

/* What was appended as a C string that lives until the next call on `text`; "" when empty. */
const char *text_string(const struct text *text);

/* Gives back the memory; the text is then as if zero-initialised, but for its limit. */
void text_finish(struct text *text);

#endif
