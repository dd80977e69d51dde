#include "inspect/variable_walk.h"

#include "inspect/die.h"
#include "inspect/function.h"

#include <stddef.h>

#define DEEP_MOST 64

struct walk {
    variable_visit *visit;
    void *ctx;
};

static bool is_around(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_lexical_block ||
           tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type ||
           tag == DW_TAG_try_block || tag == DW_TAG_catch_block || tag == DW_TAG_inlined_subroutine;
}

static bool walk_below(const struct walk *walk, Dwarf_Die *around, Dwarf_Die *function,
                       unsigned deep)
{
    Dwarf_Die child;
    if (deep > DEEP_MOST || !die_child(around, &child)) {
        return true;
    }
    do {
        int tag = dwarf_tag(&child);
        bool ok = true;
        if (tag == DW_TAG_variable) {
            ok = walk->visit(walk->ctx, &child, function);
        } else if (tag == DW_TAG_subprogram) {
            ok = walk_below(walk, &child, &child, deep + 1);
        } else if (is_around(tag)) {
            Dwarf_Die inlined = child;
            ok = walk_below(walk, &child, tag == DW_TAG_inlined_subroutine ? &inlined : function,
                            deep + 1);
        }
        if (!ok) {
            return false;
        }
    } while (die_next(&child));
    return true;
}

bool variable_walk(const struct debug_file *file, Dwarf_Die *first, variable_visit *visit,
                   void *ctx)
{
    struct walk walk = {visit, ctx};
    Dwarf_CU *cu = NULL;
    Dwarf_Die unit, contents;
    Dwarf_Half version;
    uint8_t type;
    if (first != NULL &&
        dwarf_cu_die(first->cu, &contents, NULL, NULL, NULL, NULL, NULL, NULL) != NULL &&
        !walk_below(&walk, &contents, NULL, 0)) {
        return false;
    }
    while (dwarf_get_units(file->dwarf, cu, &cu, &version, &type, &unit, NULL) == 0) {
        if (type == DW_UT_type || !function_unit(file, &unit, &contents) ||
            (first != NULL && contents.cu == first->cu)) {
            continue;
        }
        if (!walk_below(&walk, &contents, NULL, 0)) {
            return false;
        }
    }
    return true;
}
