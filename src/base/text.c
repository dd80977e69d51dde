#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct text *text, size_t more)
{
    if (text->failed) {
        return false;
    }
    if (more > (size_t)-1 / 4 - text->len || (text->limit != 0 && text->len + more > text->limit)) {
        text->failed = true;
        return false;
    }
    size_t need = text->len + more + 1;
    if (need <= text->cap) {
        return true;
    }
    size_t cap = text->cap < 64 ? 64 : text->cap;
    while (cap < need) {
        cap *= 2;
    }
    char *data = realloc(text->data, cap);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->cap = cap;
    return true;
}

bool text_append(struct text *text, const void *bytes, size_t len)
{
    if (!reserve(text, len)) {
        return false;
    }
    if (len > 0) {
        memcpy(text->data + text->len, bytes, len);
    }
    text->len += len;
    text->data[text->len] = '\0';
    return true;
}

bool text_puts(struct text *text, const char *string)
{
    return text_append(text, string, strlen(string));
}

bool text_vprintf(struct text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0) {
        text->failed = true;
        return false;
    }
    if (!reserve(text, (size_t)len)) {
        return false;
    }
    (void)vsnprintf(text->data + text->len, (size_t)len + 1, format, args);
    text->len += (size_t)len;
    return true;
}

bool text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = text_vprintf(text, format, args);
    va_end(args);
    return ok;
}

void text_clear(struct text *text)
{
    text->len = 0;
    text->failed = false;
    if (text->data != NULL) {
        text->data[0] = '\0';
    }
}

const char *text_string(const struct text *text)
{
    return text->data == NULL ? "" : text->data;
}

void text_finish(struct text *text)
{
    free(text->data);
    *text = (struct text){.limit = text->limit};
}
