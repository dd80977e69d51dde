#include "inspect/function.h"

#include "inspect/aranges.h"
#include "inspect/die.h"
#include "inspect/package.h"

#define DEEP_MOST 16 /* namespaces in each other */

bool function_unit(const struct debug_file *file, Dwarf_Die *unit, Dwarf_Die *contents)
{
    Dwarf_Die split;
    Dwarf_Half version;
    uint8_t type;
    uint64_t id = 0;
    *contents = *unit;
    if (dwarf_cu_info(unit->cu, &version, &type, NULL, &split, &id, NULL, NULL) != 0) {
        return false;
    }
    if (split.addr != NULL && dwarf_tag(&split) == DW_TAG_compile_unit) {
        *contents = split;
        return true;
    }
    if (type != DW_UT_skeleton && !dwarf_hasattr(unit, DW_AT_GNU_dwo_name)) {
        return true;
    }
    return file->package != NULL && package_unit(file->package, unit, id, contents);
}

static bool begins_at(Dwarf_Die *die, Dwarf_Addr address)
{
    Dwarf_Addr low;
    return dwarf_tag(die) == DW_TAG_subprogram && dwarf_lowpc(die, &low) == 0 && low == address;
}

static bool find_below(Dwarf_Die *around, Dwarf_Addr address, unsigned deep, Dwarf_Die *function)
{
    Dwarf_Die child;
    if (deep > DEEP_MOST || !die_child(around, &child)) {
        return false;
    }
    do {
        if (begins_at(&child, address)) {
            *function = child;
            return true;
        }
        if (dwarf_tag(&child) == DW_TAG_namespace &&
            find_below(&child, address, deep + 1, function)) {
            return true;
        }
    } while (die_next(&child));
    return false;
}

static bool find_in(const struct debug_file *file, Dwarf_Die *unit, Dwarf_Addr address,
                    Dwarf_Die *function)
{
    Dwarf_Die contents;
    return function_unit(file, unit, &contents) && find_below(&contents, address, 0, function);
}

bool function_find(const struct debug_file *file, Dwarf_Addr address, Dwarf_Die *function)
{
    Dwarf_Die unit;
    if (aranges_find(file->dwarf, address, &unit) && find_in(file, &unit, address, function)) {
        return true;
    }
    for (int everywhere = 0; everywhere < 2; everywhere++) {
        Dwarf_CU *cu = NULL;
        Dwarf_Half version;
        uint8_t type;
        while (dwarf_get_units(file->dwarf, cu, &cu, &version, &type, &unit, NULL) == 0) {
            int has = type == DW_UT_type ? 0 : dwarf_haspc(&unit, address);
            bool look = everywhere ? has <= 0 && type != DW_UT_type : has > 0;
            if (look && find_in(file, &unit, address, function)) {
                return true;
            }
        }
    }
    return false;
}
