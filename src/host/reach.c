#include "host/reach.h"

#include <stdlib.h>

enum {
    UNKNOWN,
    WITHOUT, /* pointers */
    WITH
};

/* `known`: one for each type. Layouts are not deep. */
static bool holds_pointers(const struct layout *layout, uint32_t number, unsigned char *known)
{
    const struct layout_type *type = &layout->types[number];
    if (known[number] != UNKNOWN) {
        return known[number] == WITH;
    }
    bool holds = type->kind == LAYOUT_POINTER || type->kind == LAYOUT_UNKNOWN ||
                 (type->kind == LAYOUT_BYTES && type->size >= sizeof(void *));
    if (type->kind == LAYOUT_ARRAY) {
        holds = holds_pointers(layout, type->target, known);
    } else if (type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION) {
        for (uint32_t i = 0; i < type->count && !holds; i++) {
            holds = holds_pointers(layout, layout->fields[type->first + i].type, known);
        }
    }
    known[number] = holds ? WITH : WITHOUT;
    return holds;
}

bool reach_may_lead(const struct layout *layout, uint32_t type)
{
    unsigned char *known = calloc(layout->head->types, 1);
    bool may = known == NULL || holds_pointers(layout, type, known);
    free(known);
    return may;
}

static bool is_aligned(const struct layout *layout, uint32_t number, unsigned char *known)
{
    const struct layout_type *type = &layout->types[number];
    bool aligned = type->size % sizeof(void *) == 0;
    bool has_fields = type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION;
    for (uint32_t i = 0; has_fields && i < type->count && aligned; i++) {
        const struct layout_field *field = &layout->fields[type->first + i];
        aligned =
            field->offset % sizeof(void *) == 0 || !holds_pointers(layout, field->type, known);
    }
    return aligned || !holds_pointers(layout, number, known);
}

bool reach_is_aligned(const struct layout *layout)
{
    unsigned char *known = calloc(layout->head->types, 1);
    bool aligned = known != NULL;
    for (uint32_t i = 0; i < layout->head->types && aligned; i++) {
        aligned = is_aligned(layout, i, known);
    }
    free(known);
    return aligned;
}

/* Layouts are not deep. */
bool reach_ends_in_array(const struct layout *layout, uint32_t number)
{
    const struct layout_type *type = &layout->types[number];
    bool has_fields = type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION;
    for (uint32_t i = 0; has_fields && i < type->count; i++) {
        const struct layout_field *field = &layout->fields[type->first + i];
        if (field->offset + layout->types[field->type].size == type->size &&
            reach_ends_in_array(layout, field->type)) {
            return true;
        }
    }
    return type->kind == LAYOUT_ARRAY;
}

enum reach reach_of(const struct layout *layout, uint32_t count)
{
    unsigned char *known = calloc(layout->head->types, 1);
    enum reach reach = known == NULL ? REACH_OPAQUE : REACH_KNOWN;
    for (uint32_t i = 0; i < count && reach != REACH_OPAQUE; i++) {
        const struct layout_type *type = &layout->types[i];
        if (type->kind == LAYOUT_BYTES && type->size >= sizeof(void *)) {
            reach = REACH_OPAQUE;
        } else if (type->kind == LAYOUT_POINTER && holds_pointers(layout, type->target, known)) {
            reach = REACH_FAR;
        }
    }
    free(known);
    return reach;
}
