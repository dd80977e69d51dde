#include "layout/layout.h"

#include "base/hash.h"
#include "base/text.h"
#include "layout/layout_check.h"

#include <stdlib.h>
#include <string.h>

static const char magic[8] = LAYOUT_MAGIC;

struct cut { /* the block, of which arrays are cut one after the other */
    const unsigned char *at;
    size_t left;
    bool ok;
};

static const void *take(struct cut *cut, size_t count, size_t size)
{
    const void *array = cut->at;
    size_t len = count * size; /* counts are bounded before */
    len += (size_t)-len % 8;
    if (!cut->ok || len > cut->left) {
        cut->ok = false;
        return NULL;
    }
    cut->at += len;
    cut->left -= len;
    return array;
}

static bool counts_are_sane(const struct layout_head *head)
{
    return head->types >= 1 && head->types <= LAYOUT_TYPES_MOST &&
           head->state_types <= head->types && head->state_types >= 1 &&
           head->fields <= LAYOUT_FIELDS_MOST && head->enumerators <= LAYOUT_FIELDS_MOST &&
           head->variables <= LAYOUT_FIELDS_MOST && head->symbols <= 4 * LAYOUT_FIELDS_MOST &&
           head->marks <= LAYOUT_FIELDS_MOST && head->strings >= 1 &&
           head->text_size <= LAYOUT_BYTES_MOST;
}

static bool set_arrays(struct layout *layout, const unsigned char *block, size_t len)
{
    const struct layout_head *head = (const void *)block;
    struct cut cut = {block + sizeof *head, len - sizeof *head, true};
    layout->head = head;
    layout->types = take(&cut, head->types, sizeof *layout->types);
    layout->fields = take(&cut, head->fields, sizeof *layout->fields);
    layout->enumerators = take(&cut, head->enumerators, sizeof *layout->enumerators);
    layout->variables = take(&cut, head->variables, sizeof *layout->variables);
    layout->symbols = take(&cut, head->symbols, sizeof *layout->symbols);
    layout->by_name = take(&cut, head->symbols, sizeof *layout->by_name);
    layout->marks = take(&cut, head->marks, sizeof *layout->marks);
    layout->strings = take(&cut, head->strings, 1);
    layout->text = take(&cut, head->text_size, 1);
    if (head->text_size == 0) {
        layout->text = NULL;
    }
    return cut.ok && cut.left == 0 && layout->strings[head->strings - 1] == '\0';
}

struct layout *layout_open(const void *bytes, size_t len, struct error *err)
{
    struct layout_head head;
    struct layout *layout = NULL;
    unsigned char *block = NULL;
    if (len < sizeof head || len > LAYOUT_BYTES_MOST) {
        (void)error_set(err, ERROR_FORMAT, "%zu bytes are no layout", len);
        return NULL;
    }
    memcpy(&head, bytes, sizeof head);
    if (memcmp(head.magic, magic, sizeof magic) != 0 || head.len != len ||
        !counts_are_sane(&head)) {
        (void)error_set(err, ERROR_FORMAT, "it is no layout");
        return NULL;
    }
    layout = calloc(1, sizeof *layout);
    block = malloc(len);
    if (layout == NULL || block == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no memory for a layout of %zu bytes", len);
        goto fail;
    }
    memcpy(block, bytes, len);
    size_t hashed = offsetof(struct layout_head, shape);
    if (head.hash != hash_bytes(block + hashed, len - hashed) || !set_arrays(layout, block, len)) {
        (void)error_set(err, ERROR_FORMAT, "the layout is damaged");
        goto fail;
    }
    if (!layout_check(layout, err)) {
        goto fail;
    }
    layout->references = 1;
    return layout;
fail:
    free(block);
    free(layout);
    return NULL;
}

const void *layout_block(const struct layout *layout)
{
    return layout->head;
}

struct layout *layout_keep(struct layout *layout)
{
    layout->references++;
    return layout;
}

void layout_drop(struct layout **layout)
{
    struct layout *old = *layout;
    *layout = NULL;
    if (old != NULL && --old->references == 0) {
        free((void *)(uintptr_t)old->head);
        free(old);
    }
}

/* ---- looking things up ---- */

const struct layout_symbol *layout_symbol_at(const struct layout *layout, uint64_t address)
{
    size_t low = 0, high = layout->head->symbols;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (layout->symbols[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct layout_symbol *ends = NULL;
    for (size_t i = low; i > 0; i--) {
        const struct layout_symbol *symbol = &layout->symbols[i - 1];
        uint64_t past = address - symbol->address;
        if (past < symbol->size || past == 0) {
            return symbol;
        }
        if (past == symbol->size && ends == NULL) {
            ends = symbol;
        }
        if (low - i >= 8) {
            break; /* symbols do not lie in each other deeper than that */
        }
    }
    return ends;
}

static int compare_name(const struct layout *layout, uint32_t number, const char *name)
{
    return strcmp(layout_string(layout, layout->symbols[number].name), name);
}

const struct layout_symbol *layout_symbol_named(const struct layout *layout, const char *name,
                                                const char *file)
{
    size_t low = 0, high = layout->head->symbols;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_name(layout, layout->by_name[middle], name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct layout_symbol *global = NULL, *local = NULL, *of_file = NULL;
    unsigned locals = 0, of_files = 0;
    for (size_t i = low;
         i < layout->head->symbols && compare_name(layout, layout->by_name[i], name) == 0; i++) {
        const struct layout_symbol *symbol = &layout->symbols[layout->by_name[i]];
        if (symbol->file == LAYOUT_NONE) {
            global = symbol;
            continue;
        }
        local = symbol;
        locals++;
        if (file != NULL && strcmp(layout_string(layout, symbol->file), file) == 0) {
            of_file = symbol;
            of_files++;
        }
    }
    if (of_files > 0) {
        return of_files == 1 ? of_file : NULL;
    }
    if (global != NULL) {
        return global;
    }
    return locals == 1 ? local : NULL; /* one that has moved to another file */
}

const struct layout_variable *layout_variable_at(const struct layout *layout, uint64_t address)
{
    size_t low = 0, high = layout->head->variables;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (layout->variables[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    const struct layout_variable *variable = &layout->variables[low - 1];
    return address - variable->address < layout->types[variable->type].size ? variable : NULL;
}

const struct layout_variable *layout_variable_named(const struct layout *layout, const char *file,
                                                    const char *function, const char *name,
                                                    bool global)
{
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        const struct layout_variable *variable = &layout->variables[i];
        if (((variable->flags & LAYOUT_GLOBAL) != 0) == global &&
            strcmp(layout_string(layout, variable->name), name) == 0 &&
            strcmp(layout_string(layout, variable->function), function) == 0 &&
            (global || strcmp(layout_string(layout, variable->file), file) == 0)) {
            return variable;
        }
    }
    return NULL;
}

uint32_t layout_mark_at(const struct layout *layout, uint64_t address)
{
    size_t low = 0, high = layout->head->marks;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (layout->marks[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < layout->head->marks && layout->marks[low].address == address
               ? layout->marks[low].type
               : LAYOUT_NONE;
}

/* ---- names ---- */

static const char *const words[LAYOUT_KIND_COUNT] = {
    [LAYOUT_STRUCT] = "struct ", [LAYOUT_UNION] = "union ", [LAYOUT_ENUM] = "enum "};

bool layout_type_name(const struct layout *layout, uint32_t number, struct text *out)
{
    const struct layout_type *type = &layout->types[number];
    unsigned stars = 0, guard = 0;
    const struct layout_type *inner = type;
    while ((inner->kind == LAYOUT_ARRAY || inner->kind == LAYOUT_POINTER) && guard++ < 64) {
        stars += inner->kind == LAYOUT_POINTER;
        inner = &layout->types[inner->target];
    }
    const char *name = layout_string(layout, inner->name);
    const char *word = words[inner->kind] != NULL ? words[inner->kind] : "";
    if (*name == '\0') {
        name = inner->kind == LAYOUT_UNKNOWN    ? "void"
               : inner->kind == LAYOUT_FUNCTION ? "function"
                                                : "(unnamed)";
    }
    (void)text_printf(out, "%s%s%s", strstr(name, "::") != NULL ? "" : word, name,
                      stars > 0 ? " " : "");
    for (unsigned i = 0; i < stars; i++) {
        (void)text_puts(out, "*");
    }
    for (inner = type, guard = 0;
         (inner->kind == LAYOUT_ARRAY || inner->kind == LAYOUT_POINTER) && guard++ < 64;
         inner = &layout->types[inner->target]) {
        if (inner->kind == LAYOUT_ARRAY) {
            (void)text_printf(out, "[%llu]", (unsigned long long)inner->elements);
        }
    }
    return !out->failed;
}
