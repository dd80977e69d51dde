#include "layout/layout_check.h"

#include <stdlib.h>

static bool is_string(const struct layout *layout, uint32_t at)
{
    return at < layout->head->strings;
}

static bool is_type(const struct layout *layout, uint32_t number)
{
    return number < layout->head->types;
}

/* Whether something can be of this type: it has a definition, and its size is all of it. */
static bool has_size(const struct layout_type *type)
{
    return type->kind != LAYOUT_FUNCTION && type->kind != LAYOUT_UNKNOWN &&
           (type->flags & LAYOUT_FLEXIBLE) == 0;
}

static bool refuse(const char **why, const char *sentence)
{
    *why = sentence;
    return false;
}

/* Its bits lie in the type around it. */
static bool field_fits(const struct layout *layout, const struct layout_type *around,
                       const struct layout_field *field)
{
    if (!is_string(layout, field->name) || !is_type(layout, field->type) ||
        (field->old_name != LAYOUT_NONE && !is_string(layout, field->old_name))) {
        return false;
    }
    const struct layout_type *type = &layout->types[field->type];
    bool compound = type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION;
    if (((field->flags & LAYOUT_MEMBERS) != 0 && !compound) ||
        ((field->flags & LAYOUT_BASE) != 0 && type->kind != LAYOUT_STRUCT) ||
        ((field->flags & LAYOUT_VTABLE) != 0 && type->kind != LAYOUT_POINTER)) {
        return false;
    }
    if (field->offset > around->size || !has_size(type)) {
        return false;
    }
    uint64_t left = around->size - field->offset;
    if (field->bits == 0) {
        return type->size <= left;
    }
    bool scalar = type->kind == LAYOUT_BOOL || type->kind == LAYOUT_CHAR ||
                  type->kind == LAYOUT_INT || type->kind == LAYOUT_UINT ||
                  type->kind == LAYOUT_ENUM;
    return scalar && field->bit < 8 && field->bits <= 64 && field->bits <= type->size * 8 &&
           (field->bit + field->bits + 7) / 8 <= left;
}

static bool check_fields(const struct layout *layout, const struct layout_type *type,
                         const char **why)
{
    if (type->first > layout->head->fields || type->count > layout->head->fields - type->first) {
        return refuse(why, "has fields that are not there");
    }
    for (uint32_t i = 0; i < type->count; i++) {
        if (!field_fits(layout, type, &layout->fields[type->first + i])) {
            return refuse(why, "has a field that does not lie in it");
        }
    }
    return true;
}

static bool check_array(const struct layout *layout, const struct layout_type *type,
                        const char **why)
{
    if (!is_type(layout, type->target)) {
        return refuse(why, "is an array of nothing");
    }
    uint64_t size = layout->types[type->target].size;
    uint64_t whole;
    if (__builtin_mul_overflow(size, type->elements, &whole) || whole != type->size) {
        return refuse(why, "is an array whose size is another one than that of its elements");
    }
    if (size == 0 && type->elements != 0) {
        return refuse(why, "is an array of elements that take no bytes");
    }
    if (!has_size(&layout->types[type->target])) {
        return refuse(why, "is an array of what has no size");
    }
    return true;
}

static bool type_is_sound(const struct layout *layout, const struct layout_type *type,
                          const char **why)
{
    if (!is_string(layout, type->name) || type->align == 0 ||
        (type->align & (type->align - 1)) != 0) {
        return refuse(why, "has no name or no alignment");
    }
    switch (type->kind) {
    case LAYOUT_BYTES:
        return true;
    case LAYOUT_BOOL:
    case LAYOUT_CHAR:
    case LAYOUT_INT:
    case LAYOUT_UINT:
        return (type->size >= 1 && type->size <= 16 && (type->size & (type->size - 1)) == 0) ||
               refuse(why, "is an integer of an odd size");
    case LAYOUT_FLOAT:
        return type->size == 4 || type->size == 8 || type->size == 16 ||
               refuse(why, "is a float of an odd size");
    case LAYOUT_ENUM:
        if (type->first > layout->head->enumerators ||
            type->count > layout->head->enumerators - type->first) {
            return refuse(why, "has enumerators that are not there");
        }
        return type->size == 1 || type->size == 2 || type->size == 4 || type->size == 8 ||
               refuse(why, "is an enum of an odd size");
    case LAYOUT_POINTER:
        return (is_type(layout, type->target) && type->size == sizeof(void *)) ||
               refuse(why, "is a pointer to nothing");
    case LAYOUT_ARRAY:
        return check_array(layout, type, why);
    case LAYOUT_STRUCT:
    case LAYOUT_UNION:
        return check_fields(layout, type, why);
    case LAYOUT_FUNCTION:
    case LAYOUT_UNKNOWN:
        return type->size == 0 || refuse(why, "has a size and no definition");
    default:
        return refuse(why, "is of no known kind");
    }
}

/* What lies in a type has a smaller depth: so nothing lies in itself. */
static bool depth_is_right(const struct layout *layout, const struct layout_type *type)
{
    if (type->depth > LAYOUT_DEPTH_MOST) {
        return false;
    }
    if (type->kind == LAYOUT_ARRAY) {
        return layout->types[type->target].depth < type->depth;
    }
    if (type->kind != LAYOUT_STRUCT && type->kind != LAYOUT_UNION) {
        return true;
    }
    for (uint32_t i = 0; i < type->count; i++) {
        if (layout->types[layout->fields[type->first + i].type].depth >= type->depth) {
            return false;
        }
    }
    return true;
}

/* Fields and enumerators follow in the order of the types: no two types share one, so that a walk
 * over all types is a walk over all of them. */
static bool follows(const struct layout_type *type, uint32_t *fields, uint32_t *enumerators)
{
    bool compound = type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION;
    uint32_t *next = compound ? fields : type->kind == LAYOUT_ENUM ? enumerators : NULL;
    if (next == NULL) {
        return true;
    }
    bool ok = type->first == *next;
    *next += type->count;
    return ok;
}

/* How many ways lead from a type to those in it: what lies in many types, and those in many others,
 * must not make a walk that follows fields endless. */
static uint64_t paths_of(const struct layout *layout, uint32_t number, uint32_t *known)
{
    const struct layout_type *type = &layout->types[number];
    uint64_t paths = 1;
    if (known[number] != 0) {
        return known[number];
    }
    if (type->kind == LAYOUT_ARRAY) {
        paths += paths_of(layout, type->target, known);
    } else if (type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION) {
        for (uint32_t i = 0; i < type->count && paths <= LAYOUT_PATHS_MOST; i++) {
            paths += paths_of(layout, layout->fields[type->first + i].type, known);
        }
    }
    known[number] = paths > LAYOUT_PATHS_MOST ? LAYOUT_PATHS_MOST + 1 : (uint32_t)paths;
    return known[number];
}

static bool check_paths(const struct layout *layout, struct error *err)
{
    uint32_t *known = calloc(layout->head->types, sizeof *known);
    bool ok = known != NULL || error_set(err, ERROR_SYSTEM, "no memory to check a layout");
    for (uint32_t i = 0; ok && i < layout->head->types; i++) {
        ok = paths_of(layout, i, known) <= LAYOUT_PATHS_MOST ||
             error_set(err, ERROR_LIMIT, "the type %s has more than %u fields, those in it counted",
                       layout_string(layout, layout->types[i].name), LAYOUT_PATHS_MOST);
    }
    free(known);
    return ok;
}

static bool check_types(const struct layout *layout, struct error *err)
{
    uint32_t fields = 0, enumerators = 0;
    for (uint32_t i = 0; i < layout->head->types; i++) {
        const struct layout_type *type = &layout->types[i];
        const char *why = "lies too deep, or in itself, or shares what is its own";
        if (!type_is_sound(layout, type, &why) || !depth_is_right(layout, type) ||
            !follows(type, &fields, &enumerators)) {
            return error_set(err, ERROR_FORMAT, "the layout is damaged: its type %u %s", i, why);
        }
    }
    if (fields != layout->head->fields || enumerators != layout->head->enumerators) {
        return error_set(err, ERROR_FORMAT, "the layout is damaged: it has fields of no type");
    }
    for (uint32_t i = 0; i < layout->head->enumerators; i++) {
        if (!is_string(layout, layout->enumerators[i].name)) {
            return error_set(err, ERROR_FORMAT, "the layout is damaged: an enumerator has no name");
        }
    }
    if (!has_size(layout_state(layout))) {
        return error_set(err, ERROR_FORMAT, "the layout is damaged: the state has no size");
    }
    return check_paths(layout, err);
}

static bool variable_is_right(const struct layout *layout, const struct layout_variable *variable)
{
    return is_string(layout, variable->file) && is_string(layout, variable->function) &&
           is_string(layout, variable->name) && is_type(layout, variable->type) &&
           is_string(layout, variable->reason);
}

static bool check_variables(const struct layout *layout, struct error *err)
{
    uint64_t behind = 0, image = 0, span = layout->head->span;
    bool carries = true;
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        const struct layout_variable *variable = &layout->variables[i];
        bool ok = variable_is_right(layout, variable);
        if (ok && (variable->flags & LAYOUT_CARRIED) != 0) {
            const struct layout_type *type = &layout->types[variable->type];
            ok = carries && has_size(type) && variable->address >= behind &&
                 variable->address <= span && type->size <= span - variable->address &&
                 variable->image == image;
            behind = variable->address + type->size;
            image += (type->size + 15) / 16 * 16;
        } else {
            carries = false;
        }
        if (!ok) {
            return error_set(err, ERROR_FORMAT, "the layout is damaged: its variable %u", i);
        }
    }
    return image == layout->head->variables_size ||
           error_set(err, ERROR_FORMAT, "the layout is damaged: the size of its variables");
}

static bool check_symbols(const struct layout *layout, struct error *err)
{
    uint64_t last = 0;
    bool ok = true;
    for (uint32_t i = 0; i < layout->head->symbols && ok; i++) {
        const struct layout_symbol *symbol = &layout->symbols[i];
        ok = is_string(layout, symbol->name) && layout->by_name[i] < layout->head->symbols &&
             (symbol->file == LAYOUT_NONE || is_string(layout, symbol->file)) &&
             symbol->address >= last && symbol->address <= layout->head->span;
        last = symbol->address;
    }
    for (uint32_t i = 0; i < layout->head->marks && ok; i++) {
        ok = is_type(layout, layout->marks[i].type);
    }
    return ok || error_set(err, ERROR_FORMAT, "the layout is damaged: its symbols");
}

bool layout_check(const struct layout *layout, struct error *err)
{
    return check_types(layout, err) && check_variables(layout, err) && check_symbols(layout, err);
}
