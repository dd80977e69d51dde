#define _GNU_SOURCE /* memmem */
#include "layout/bind.h"

#include <string.h>

#define TEXT_MOST ((uint64_t)64 << 10) /* longer ones are told as other places in the library */

/* ---- looking ---- */

/* The string that begins at `address`, which ends within the kept bytes; NULL: none does. */
static const char *text_at(const struct layout *layout, uint64_t address)
{
    uint64_t past = address - layout->head->text_address;
    if (layout->text == NULL || past >= layout->head->text_size) {
        return NULL;
    }
    const char *text = (const char *)layout->text + past;
    uint64_t left = layout->head->text_size - past;
    return memchr(text, '\0', (size_t)(left < TEXT_MOST ? left : TEXT_MOST)) != NULL ? text : NULL;
}

static bool is_carried(const struct layout_variable *variable)
{
    return variable != NULL && (variable->flags & LAYOUT_CARRIED) != 0;
}

/* A pointer behind an array's last element is one to the array, unless something begins there. */
static struct bound look_in_library(const struct layout *layout, bool statics, uint64_t address)
{
    struct bound bound = {.what = POINTEE_LIBRARY, .offset = address};
    const struct layout_variable *variable = statics ? layout_variable_at(layout, address) : NULL;
    const struct layout_variable *before =
        statics && address > 0 ? layout_variable_at(layout, address - 1) : NULL;
    const struct layout_symbol *symbol = layout_symbol_at(layout, address);
    const char *text = text_at(layout, address);
    bool inside =
        symbol != NULL && (address == symbol->address || address - symbol->address < symbol->size);
    if (is_carried(variable) || (!inside && text == NULL && is_carried(before))) {
        bound.variable = is_carried(variable) ? variable : before;
        bound.what = POINTEE_VARIABLE;
        bound.offset = address - bound.variable->address;
    } else if (text != NULL && !inside) {
        bound.what = POINTEE_TEXT;
        bound.text = text;
        bound.offset = 0;
    } else if (symbol != NULL) {
        bound.what = POINTEE_SYMBOL;
        bound.symbol = symbol;
        bound.offset = address - symbol->address;
    }
    return bound;
}

struct bound bind_look(const struct image *image, const struct heap_view *heap, bool statics,
                       uint64_t address)
{
    if (address == 0) {
        return (struct bound){.what = POINTEE_NULL};
    }
    if (image->state_size > 0 && address >= image->state_address &&
        address - image->state_address <= image->state_size) {
        return (struct bound){.what = POINTEE_STATE, .offset = address - image->state_address};
    }
    const struct heap_object *object =
        heap != NULL && heap->count > 0 ? heap_find(heap, address) : NULL;
    if (object != NULL) {
        return (struct bound){.what = POINTEE_HEAP,
                              .object = object,
                              .offset = address - heap->address - object->offset};
    }
    uint64_t past = address - image->module_base;
    if (image->module_base != 0 && address >= image->module_base &&
        past < image->layout->head->span) {
        return look_in_library(image->layout, statics, past);
    }
    return (struct bound){.what = POINTEE_FOREIGN};
}

bool bind_suits(const struct layout *layout, const struct bound *bound, uint32_t pointee)
{
    if (pointee == LAYOUT_NONE || layout->types[pointee].kind == LAYOUT_UNKNOWN) {
        return true;
    }
    const struct layout_type *type = &layout->types[pointee];
    if (bound->what == POINTEE_TEXT) {
        return type->size == 1 &&
               (type->kind == LAYOUT_CHAR || type->kind == LAYOUT_INT || type->kind == LAYOUT_UINT);
    }
    bool code = bound->what == POINTEE_SYMBOL && bound->symbol->function != 0;
    return bound->what == POINTEE_FOREIGN || code == (type->kind == LAYOUT_FUNCTION);
}

/* ---- finding again ---- */

/* A static of a function has a symbol whose name the compiler numbers anew each time, so that its
 * variable tells more. */
static bool find_variable(const struct layout *from, const struct layout_symbol *symbol,
                          const struct layout *layout, uint64_t *address)
{
    const struct layout_variable *variable = layout_variable_at(from, symbol->address);
    if (variable == NULL || variable->address != symbol->address) {
        return false;
    }
    const struct layout_variable *found = layout_variable_named(
        layout, layout_string(from, variable->file), layout_string(from, variable->function),
        layout_string(from, variable->name), (variable->flags & LAYOUT_GLOBAL) != 0);
    *address = found == NULL ? 0 : found->address;
    return found != NULL;
}

bool bind_symbol(const struct layout *from, const struct layout_symbol *symbol,
                 const struct layout *layout, uint64_t *address)
{
    if (symbol->function == 0 && find_variable(from, symbol, layout, address)) {
        return true;
    }
    const char *file = symbol->file == LAYOUT_NONE ? NULL : layout_string(from, symbol->file);
    const struct layout_symbol *found =
        layout_symbol_named(layout, layout_string(from, symbol->name), file);
    if (found == NULL || (found->function != 0) != (symbol->function != 0)) {
        return false;
    }
    *address = found->address;
    return true;
}

/* Each of the tables is behind how far its part lies from the start of the object, negated, and the
 * class's type, which all of them have in common. */
bool bind_table(const struct layout *layout, uint64_t base, uint64_t address, uint64_t part,
                uint64_t *offset)
{
    const struct layout_symbol *symbol = layout_symbol_at(layout, address);
    uint64_t words[2], first[2];
    if (symbol == NULL || symbol->address != address || symbol->size < sizeof first ||
        symbol->size > layout->head->span - symbol->address) {
        return false;
    }
    const unsigned char *tables = (const unsigned char *)(uintptr_t)(base + symbol->address);
    memcpy(first, tables, sizeof first);
    for (uint64_t at = 0; at <= symbol->size - sizeof words; at += sizeof words[0]) {
        memcpy(words, tables + at, sizeof words);
        if (words[0] == 0 - part && words[1] == first[1]) {
            *offset = at + sizeof words;
            return true;
        }
    }
    return false;
}

/* A string of its own is preferred to the end of a longer one. */
bool bind_text(const struct layout *layout, const char *text, uint64_t *address)
{
    size_t len = strlen(text) + 1, left = (size_t)layout->head->text_size;
    const unsigned char *at = layout->text, *found = NULL;
    while (at != NULL && (at = memmem(at, left, text, len)) != NULL) {
        if (at == layout->text || at[-1] == '\0') {
            found = at;
            break;
        }
        found = found == NULL ? at : found;
        at++;
        left = (size_t)layout->head->text_size - (size_t)(at - layout->text);
    }
    if (found == NULL) {
        return false;
    }
    *address = layout->head->text_address + (uint64_t)(found - layout->text);
    return true;
}
