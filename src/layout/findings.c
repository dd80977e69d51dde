#include "layout/findings.h"

#include <stdarg.h>

void findings_add(struct findings *findings, enum finding kind, const char *format, ...)
{
    struct text *list = &findings->list[kind];
    if (findings->count[kind]++ >= FINDINGS_TOLD || list->len >= FINDINGS_BYTES) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)(list->len > 0 && text_append(list, "", 1));
    (void)text_vprintf(list, format, args);
    va_end(args);
}

size_t findings_more(const struct findings *findings, enum finding kind)
{
    const struct text *list = &findings->list[kind];
    size_t named = list->len > 0;
    for (size_t i = 0; i < list->len; i++) {
        named += list->data[i] == '\0';
    }
    return findings->count[kind] > named ? findings->count[kind] - named : 0;
}

void findings_clear(struct findings *findings)
{
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        text_clear(&findings->list[kind]);
        findings->count[kind] = 0;
    }
}

void findings_finish(struct findings *findings)
{
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        text_finish(&findings->list[kind]);
        findings->count[kind] = 0;
    }
}
