#define _GNU_SOURCE /* qsort_r */
#include "codec/statics.h"

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

static int order_globals(const void *left, const void *right, void *ctx)
{
    const struct statics *statics = ctx;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    int by_name =
        strcmp(name_of(statics, &statics->entries[a]), name_of(statics, &statics->entries[b]));
    return by_name != 0 ? by_name : (a > b) - (a < b);
}

static void number_entries(struct statics *statics)
{
    for (uint32_t i = 0; i < statics->count; i++) {
        struct static_entry *entry = &statics->entries[i];
        bool same =
            i > 0 && statics_same_function(statics, i - 1, i) &&
            strcmp(name_of(statics, &statics->entries[i - 1]), name_of(statics, entry)) == 0;
        entry->nth = same ? statics->entries[i - 1].nth + 1 : 1;
        if ((entry->variable->flags & LAYOUT_GLOBAL) != 0 && *function_of(statics, entry) == '\0') {
            statics->globals[statics->global_count++] = i;
        }
    }
}

bool statics_open(struct statics *statics, const struct layout *layout)
{
    uint32_t all = layout->head->variables;
    *statics = (struct statics){.layout = layout,
                                .entries = calloc(all + 1, sizeof(struct static_entry)),
                                .globals = calloc(all + 1, sizeof(uint32_t))};
    if (statics->entries == NULL || statics->globals == NULL) {
        statics_close(statics);
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
    number_entries(statics);
    if (statics->global_count > 1) {
        qsort_r(statics->globals, statics->global_count, sizeof *statics->globals, order_globals,
                statics);
    }
    return true;
}

void statics_close(struct statics *statics)
{
    free(statics->entries);
    free(statics->globals);
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

/* The name without "()"; false: it is no function's. */
static bool is_function(const struct statics *statics, const struct static_entry *entry,
                        const char *function, size_t len)
{
    const char *own = function_of(statics, entry);
    if (len == 0) {
        return *own == '\0';
    }
    return *own != '\0' && len > 2 && memcmp(function + len - 2, "()", 2) == 0 &&
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

struct wanted { /* names that end where their length says */
    const char *file, *function, *name;
    size_t file_len, function_len, name_len;
    uint32_t nth;
};

static int order_part(const char *own, const char *part, size_t len)
{
    int order = strncmp(own, part, len);
    return order != 0 ? order : own[strnlen(own, len)] != '\0';
}

static int order_wanted(const struct statics *statics, const struct static_entry *entry,
                        const struct wanted *wanted)
{
    int order = order_part(file_of(statics, entry), wanted->file, wanted->file_len);
    order = order != 0
                ? order
                : order_part(function_of(statics, entry), wanted->function, wanted->function_len);
    return order != 0 ? order : order_part(name_of(statics, entry), wanted->name, wanted->name_len);
}

static const struct static_entry *find_wanted(const struct statics *statics,
                                              const struct wanted *wanted)
{
    uint32_t low = 0, high = statics->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool before = order_wanted(statics, &statics->entries[middle], wanted) < 0;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    uint64_t at = (uint64_t)low + wanted->nth - 1;
    return at < statics->count && statics->entries[at].nth == wanted->nth &&
                   order_wanted(statics, &statics->entries[at], wanted) == 0
               ? &statics->entries[at]
               : NULL;
}

/* Takes "#2" off the end of the name. */
static bool take_number(struct wanted *wanted)
{
    size_t digits = 0, len = wanted->name_len;
    while (digits < len && digits < 9 && wanted->name[len - 1 - digits] >= '0' &&
           wanted->name[len - 1 - digits] <= '9') {
        digits++;
    }
    if (digits == 0 || digits >= len || wanted->name[len - 1 - digits] != '#') {
        return false;
    }
    wanted->name_len = len - 1 - digits;
    wanted->nth = 0;
    for (size_t i = len - digits; i < len; i++) {
        wanted->nth = wanted->nth * 10 + (uint32_t)(wanted->name[i] - '0');
    }
    return wanted->nth > 1;
}

static const struct static_entry *find_global(const struct statics *statics, const char *name,
                                              size_t len)
{
    uint32_t low = 0, high = statics->global_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct static_entry *entry = &statics->entries[statics->globals[middle]];
        int compared = order_part(name_of(statics, entry), name, len);
        if (compared == 0) {
            return entry;
        }
        low = compared < 0 ? middle + 1 : low;
        high = compared < 0 ? high : middle;
    }
    return NULL;
}

const struct static_entry *statics_named(const struct statics *statics, const char *file,
                                         size_t file_len, const char *function, size_t function_len,
                                         const char *name, size_t name_len)
{
    struct wanted wanted = {file, function, name, file_len, function_len, name_len, 1};
    if (function_len > 0) {
        if (function_len <= 2 || memcmp(function + function_len - 2, "()", 2) != 0) {
            return NULL;
        }
        wanted.function_len -= 2;
    }
    const struct static_entry *found = find_wanted(statics, &wanted);
    struct wanted numbered = wanted;
    if (found == NULL && take_number(&numbered)) {
        found = find_wanted(statics, &numbered);
    }
    return found == NULL && function_len == 0 ? find_global(statics, name, name_len) : found;
}
