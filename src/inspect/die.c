#include "inspect/die.h"

bool die_child(Dwarf_Die *die, Dwarf_Die *child)
{
    return dwarf_child(die, child) == 0;
}

bool die_next(Dwarf_Die *die)
{
    Dwarf_Die next;
    if (dwarf_siblingof(die, &next) != 0 || (char *)next.addr <= (char *)die->addr) {
        return false;
    }
    *die = next;
    return true;
}

const char *die_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attribute));
    return name == NULL ? "" : name;
}

bool die_flag(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute found;
    bool flag = false;
    return dwarf_attr_integrate(die, attribute, &found) != NULL &&
           dwarf_formflag(&found, &flag) == 0 && flag;
}

bool die_declares(Dwarf_Die *die)
{
    Dwarf_Attribute found; /* not that of the declaration which it completes */
    bool flag = false;
    return dwarf_attr(die, DW_AT_declaration, &found) != NULL &&
           dwarf_formflag(&found, &flag) == 0 && flag;
}

bool die_unsigned(Dwarf_Die *die, unsigned attribute, uint64_t *value)
{
    Dwarf_Attribute found;
    return dwarf_attr_integrate(die, attribute, &found) != NULL &&
           dwarf_formudata(&found, value) == 0;
}

bool die_integer(Dwarf_Die *die, unsigned attribute, int64_t *value)
{
    Dwarf_Attribute found;
    if (dwarf_attr_integrate(die, attribute, &found) == NULL) {
        return false;
    }
    unsigned form = dwarf_whatform(&found);
    if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
        return dwarf_formsdata(&found, value) == 0;
    }
    uint64_t plain; /* a byte of 255 is no -1 */
    if (dwarf_formudata(&found, &plain) != 0) {
        return false;
    }
    *value = (int64_t)plain;
    return true;
}
