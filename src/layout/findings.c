#include "layout/findings.h"

#include <stdarg.h>
#include <string.h>

#define CUT "..."

/* Not in the middle of a character. */
static size_t cut_len(const char *entry, size_t len)
{
    if (len <= FINDING_BYTES) {
        return len;
    }
    size_t most = FINDING_BYTES - strlen(CUT);
    while (most > 0 && ((unsigned char)entry[most] & 0xC0) == 0x80) {
        most--;
    }
    return most;
}

void findings_add(struct findings *findings, enum finding kind, const char *format, ...)
{
    struct text *list = &findings->list[kind];
    struct text entry = {0};
    va_list args;
    if (findings->count[kind]++ >= FINDINGS_TOLD) {
        return;
    }
    va_start(args, format);
    bool ok = text_vprintf(&entry, format, args);
    va_end(args);
    if (ok && entry.len == 0) {
        ok = text_puts(&entry, "/");
    }
    size_t len = ok ? cut_len(entry.data, entry.len) : 0;
    if (ok && list->len + len + sizeof CUT <= FINDINGS_BYTES) {
        /* In one piece: a list with half of an entry would be counted wrong. */
        struct text whole = {0};
        (void)(list->len > 0 && text_append(&whole, "", 1));
        (void)text_append(&whole, entry.data, len);
        (void)(len < entry.len && text_puts(&whole, CUT));
        (void)(!whole.failed && text_append(list, whole.data, whole.len));
        list->failed = false;
        text_finish(&whole);
    }
    text_finish(&entry);
}

size_t findings_named(const struct findings *findings, enum finding kind)
{
    const struct text *list = &findings->list[kind];
    size_t named = list->len > 0;
    for (size_t i = 0; i < list->len; i++) {
        named += list->data[i] == '\0';
    }
    return named;
}

size_t findings_more(const struct findings *findings, enum finding kind)
{
    size_t named = findings_named(findings, kind);
    return findings->count[kind] > named ? findings->count[kind] - named : 0;
}

void findings_clear(struct findings *findings)
{
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        text_clear(&findings->list[kind]);
        findings->count[kind] = 0;
    }
    findings->elsewhere = 0;
}

void findings_finish(struct findings *findings)
{
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        text_finish(&findings->list[kind]);
        findings->count[kind] = 0;
    }
    findings->elsewhere = 0;
}
