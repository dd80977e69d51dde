#define _GNU_SOURCE /* qsort_r */
#include "layout/statics.h"

#include <stdlib.h>
#include <string.h>

static const char *file_of(const struct statics *statics, const struct static_entry *entry)
{
    return layout_string(statics->layout, entry->variable->file);
}

static const char *function_of(const struct statics *statics, const struct static_entry *entry)
{
    return layout_string(statics->layout, entry->variable->function);
}

static const char *name_of(const struct statics *statics, const struct static_entry *entry)
{
    return layout_string(statics->layout, entry->variable->name);
}

static int order(const void *left, const void *right, void *ctx)
{
    const struct statics *statics = ctx;
    const struct static_entry *a = left, *b = right;
    int by_file = strcmp(file_of(statics, a), file_of(statics, b));
    int by_function =
        by_file != 0 ? by_file : strcmp(function_of(statics, a), function_of(statics, b));
    if (by_function != 0) {
        return by_function;
    }
    int by_name = strcmp(name_of(statics, a), name_of(statics, b));
    return by_name != 0 ? by_name : (a->number > b->number) - (a->number < b->number);
}

bool statics_open(struct statics *statics, const struct layout *layout)
{
    uint32_t all = layout->head->variables;
    *statics =
        (struct statics){.layout = layout, .entries = calloc(all + 1, sizeof(struct static_entry))};
    if (statics->entries == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < all; i++) {
        const struct layout_variable *variable = &layout->variables[i];
        if ((variable->flags & (LAYOUT_CARRIED | LAYOUT_RESET)) == LAYOUT_CARRIED) {
            statics->entries[statics->count++] = (struct static_entry){variable, i, 1};
        }
    }
    if (statics->count > 1) {
        qsort_r(statics->entries, statics->count, sizeof *statics->entries, order, statics);
    }
    for (uint32_t i = 1; i < statics->count; i++) {
        bool same = statics_same_function(statics, i - 1, i) &&
                    strcmp(name_of(statics, &statics->entries[i - 1]),
                           name_of(statics, &statics->entries[i])) == 0;
        statics->entries[i].nth = same ? statics->entries[i - 1].nth + 1 : 1;
    }
    return true;
}

void statics_close(struct statics *statics)
{
    free(statics->entries);
    *statics = (struct statics){0};
}

void statics_function(const struct statics *statics, const struct static_entry *entry,
                      struct text *out)
{
    (void)text_printf(out, "%s()", function_of(statics, entry));
}

void statics_name(const struct statics *statics, const struct static_entry *entry, struct text *out)
{
    (void)text_puts(out, name_of(statics, entry));
    if (entry->nth > 1) {
        (void)text_printf(out, "#%u", entry->nth);
    }
}

bool statics_same_file(const struct statics *statics, uint32_t a, uint32_t b)
{
    return strcmp(file_of(statics, &statics->entries[a]), file_of(statics, &statics->entries[b])) ==
           0;
}

bool statics_same_function(const struct statics *statics, uint32_t a, uint32_t b)
{
    return statics_same_file(statics, a, b) &&
           strcmp(function_of(statics, &statics->entries[a]),
                  function_of(statics, &statics->entries[b])) == 0;
}

const struct static_entry *statics_entry(const struct statics *statics,
                                         const struct layout_variable *variable)
{
    struct static_entry wanted = {variable, (uint32_t)(variable - statics->layout->variables), 1};
    uint32_t low = 0, high = statics->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int compared = order(&statics->entries[middle], &wanted, (void *)(uintptr_t)statics);
        if (compared == 0) {
            return &statics->entries[middle];
        }
        low = compared < 0 ? middle + 1 : low;
        high = compared < 0 ? high : middle;
    }
    return NULL;
}

/* ---- by names ---- */

static bool is(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

const struct static_entry *statics_in_file(const struct statics *statics, const char *file,
                                           size_t len)
{
    for (uint32_t i = 0; i < statics->count; i++) {
        if (is(file_of(statics, &statics->entries[i]), file, len)) {
            return &statics->entries[i];
        }
    }
    return NULL;
}

static bool is_function(const struct statics *statics, const struct static_entry *entry,
                        const char *function, size_t len)
{
    const char *own = function_of(statics, entry);
    return len == 0 ? *own == '\0'
                    : *own != '\0' && len > 2 && memcmp(function + len - 2, "()", 2) == 0 &&
                          is(own, function, len - 2);
}

const struct static_entry *statics_in_function(const struct statics *statics,
                                               const struct static_entry *file,
                                               const char *function, size_t len)
{
    for (uint32_t i = (uint32_t)(file - statics->entries), first = i;
         i < statics->count && statics_same_file(statics, first, i); i++) {
        if (is_function(statics, &statics->entries[i], function, len)) {
            return &statics->entries[i];
        }
    }
    return NULL;
}

static bool is_named(const struct statics *statics, const struct static_entry *entry,
                     const char *name, size_t len)
{
    char more[16] = "";
    const char *own = name_of(statics, entry);
    size_t own_len = strlen(own);
    int more_len = 0;
    if (entry->nth > 1) {
        struct text number = {0};
        (void)text_printf(&number, "#%u", entry->nth);
        more_len = (int)(number.len < sizeof more ? number.len : 0);
        memcpy(more, text_string(&number), (size_t)more_len);
        text_finish(&number);
    }
    return len == own_len + (size_t)more_len && memcmp(name, own, own_len) == 0 &&
           memcmp(name + own_len, more, (size_t)more_len) == 0;
}

const struct static_entry *statics_named(const struct statics *statics, const char *file,
                                         size_t file_len, const char *function, size_t function_len,
                                         const char *name, size_t name_len)
{
    const struct static_entry *global = NULL;
    for (uint32_t i = 0; i < statics->count; i++) {
        const struct static_entry *entry = &statics->entries[i];
        if (!is_function(statics, entry, function, function_len) ||
            !is_named(statics, entry, name, name_len)) {
            continue;
        }
        if (is(file_of(statics, entry), file, file_len)) {
            return entry;
        }
        if ((entry->variable->flags & LAYOUT_GLOBAL) != 0) {
            global = entry;
        }
    }
    return global;
}
