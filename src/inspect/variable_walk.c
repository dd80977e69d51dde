#include "inspect/variable_walk.h"

#include "inspect/entries.h"
#include "inspect/function.h"

#include <dwarf.h>
#include <stddef.h>

#define DEEP_MOST 65

struct walk {
    variable_visit *visit;
    void *ctx;
    struct entries entries;
    Dwarf_Die
        functions[DEEP_MOST + 1]; /* what the entries of that depth stand in; addr NULL: none */
};

static bool is_around(uint32_t tag)
{
    switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_lexical_block:
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
    case DW_TAG_inlined_subroutine:
    case DW_TAG_subprogram:
        return true;
    default:
        return false;
    }
}

/* An operation of its location is that of a fixed place, as far as its bytes tell: one that has
 * none is on the stack or in a register. */
static bool may_be_fixed(const struct entry *entry)
{
    for (size_t i = 0; i < entry->location_len; i++) {
        switch (entry->location[i]) {
        case DW_OP_addr:
        case DW_OP_addrx:
        case DW_OP_GNU_addr_index:
        case DW_OP_form_tls_address:
        case DW_OP_GNU_push_tls_address:
            return true;
        default:
            break;
        }
    }
    return false;
}

/* Nobody looks at the variables of a function that have no place. What was made of another
 * variable and only refers to its place need not be seen: that one is. */
static bool is_of_interest(const struct entry *entry, bool in_function)
{
    return in_function ? entry->location != NULL && may_be_fixed(entry)
                       : entry->shape->located || !entry->shape->declares;
}

static bool walk_unit(struct walk *walk, Dwarf_Die *unit)
{
    struct entry entry;
    if (!entries_open(&walk->entries, unit)) {
        return true;
    }
    walk->functions[0].addr = NULL;
    while (entries_next(&walk->entries, &entry)) {
        uint32_t tag = entry.shape->tag;
        Dwarf_Die *function = &walk->functions[entry.deep];
        if (entry.deep > 0 && (!is_around(tag) || entry.deep == DEEP_MOST)) {
            entries_pass(&walk->entries, &entry);
        } else {
            bool own = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
            walk->functions[entry.deep + 1] = own ? entry.die : *function;
        }
        if (tag == DW_TAG_variable && is_of_interest(&entry, function->addr != NULL) &&
            !walk->visit(walk->ctx, &entry.die, function->addr == NULL ? NULL : function)) {
            return false;
        }
    }
    return true;
}

static bool walk_all(struct walk *walk, const struct debug_file *file, Dwarf_Die *first)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die unit, contents;
    Dwarf_Half version;
    uint8_t type;
    if (first != NULL &&
        dwarf_cu_die(first->cu, &contents, NULL, NULL, NULL, NULL, NULL, NULL) != NULL &&
        !walk_unit(walk, &contents)) {
        return false;
    }
    while (dwarf_get_units(file->dwarf, cu, &cu, &version, &type, &unit, NULL) == 0) {
        if (type == DW_UT_type || !function_unit(file, &unit, &contents) ||
            (first != NULL && contents.cu == first->cu)) {
            continue;
        }
        if (!walk_unit(walk, &contents)) {
            return false;
        }
    }
    return true;
}

bool variable_walk(const struct debug_file *file, Dwarf_Die *first, variable_visit *visit,
                   void *ctx)
{
    struct walk walk = {.visit = visit, .ctx = ctx};
    bool whole = walk_all(&walk, file, first);
    entries_finish(&walk.entries);
    return whole;
}
