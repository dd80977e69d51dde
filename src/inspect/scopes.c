#include "inspect/scopes.h"

#include <dwarf.h>

#define VISITS_MOST 2000000U /* of a tree whose siblings go round in circles, too */

static bool is_block(int tag)
{
    return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
           tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

static bool descend(Dwarf_Die *parent, Dwarf_Addr address, bool in_function, unsigned *visits,
                    struct scopes *scopes)
{
    Dwarf_Die child;
    if (scopes->count == SCOPES_DEEP || dwarf_child(parent, &child) != 0) {
        return false;
    }
    do {
        int tag = dwarf_tag(&child);
        bool around = !in_function && (tag == DW_TAG_namespace || tag == DW_TAG_module);
        bool code = in_function ? is_block(tag) : tag == DW_TAG_subprogram;
        if (++*visits > VISITS_MOST) {
            return false;
        }
        if (code && dwarf_haspc(&child, address) == 1) {
            scopes->list[scopes->count++] = child;
            (void)descend(&child, address, true, visits, scopes);
            return true;
        }
        if (around) {
            scopes->list[scopes->count++] = child;
            if (descend(&child, address, false, visits, scopes)) {
                return true;
            }
            scopes->count--;
        }
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

bool scopes_of_address(Dwarf_Die *unit, Dwarf_Addr address, struct scopes *scopes)
{
    unsigned visits = 0;
    scopes->count = 0;
    return descend(unit, address, false, &visits, scopes);
}

/* Children lie behind their parent and before its next sibling: the one that `die` is in is the
 * last that begins before it. */
bool scopes_around(Dwarf_Die *die, struct scopes *scopes)
{
    Dwarf_Die unit, next;
    Dwarf_Off wanted = dwarf_dieoffset(die);
    unsigned visits = 0;
    scopes->count = 0;
    if (dwarf_diecu(die, &unit, NULL, NULL) == NULL) {
        return false;
    }
    Dwarf_Die parent = unit;
    while (scopes->count < SCOPES_DEEP && dwarf_child(&parent, &next) == 0) {
        Dwarf_Die child;
        do {
            child = next;
            if (++visits > VISITS_MOST) {
                return false;
            }
        } while (dwarf_dieoffset(&child) != wanted && dwarf_siblingof(&child, &next) == 0 &&
                 dwarf_dieoffset(&next) <= wanted);
        if (dwarf_dieoffset(&child) == wanted) {
            return true;
        }
        if (dwarf_dieoffset(&child) > wanted) {
            return false;
        }
        scopes->list[scopes->count++] = child;
        parent = child;
    }
    return false;
}
