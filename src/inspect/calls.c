#include "inspect/calls.h"

#include "inspect/cxx_name.h"
#include "inspect/scopes.h"
#include "inspect/units.h"

#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#define ORIGINS_MOST 8

/* Where the function was declared: its name is qualified by what stands around that. */
static Dwarf_Die declaration(Dwarf_Die die)
{
    for (int i = 0; i < ORIGINS_MOST; i++) {
        Dwarf_Attribute attribute;
        Dwarf_Die next;
        if ((dwarf_attr(&die, DW_AT_abstract_origin, &attribute) == NULL &&
             dwarf_attr(&die, DW_AT_specification, &attribute) == NULL) ||
            dwarf_formref_die(&attribute, &next) == NULL) {
            break;
        }
        die = next;
    }
    return die;
}

static bool is_c(Dwarf_Die *unit)
{
    switch (dwarf_srclang(unit)) {
    case DW_LANG_C:
    case DW_LANG_C89:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case 0x2c: /* C17 */
    case DW_LANG_Mips_Assembler:
        return true;
    default:
        return false;
    }
}

static const char *scope_name(Dwarf_Die *scope)
{
    const char *name = dwarf_diename(scope);
    switch (dwarf_tag(scope)) {
    case DW_TAG_namespace:
        return name != NULL ? name : "(anonymous namespace)";
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
        return name != NULL ? name : "(anonymous)";
    case DW_TAG_module:
        return name;
    default:
        return NULL;
    }
}

static void append(char *text, size_t size, const char *more)
{
    size_t len = strlen(text);
    (void)snprintf(text + len, size - len, "%s", more);
}

/* "Enemy::update" */
static void function_name(Dwarf_Die *unit, Dwarf_Die *function, char *text, size_t size)
{
    struct scopes scopes;
    const char *name = dwarf_diename(function);
    text[0] = '\0';
    if (name == NULL) {
        return;
    }
    Dwarf_Die declared = declaration(*function);
    if (!is_c(unit) && scopes_around(&declared, &scopes)) {
        for (size_t i = 0; i < scopes.count; i++) {
            const char *around = scope_name(&scopes.list[i]);
            if (around != NULL) {
                append(text, size, around);
                append(text, size, "::");
            }
        }
    }
    append(text, size, name);
}

static void by_symbol(struct object *object, Dwarf_Addr address, struct call *call)
{
    const char *name = object_symbol(object, address, &call->past);
    if (name != NULL) {
        cxx_name(name, call->function, sizeof call->function);
    }
}

static int number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    bool found = dwarf_attr(die, name, &attribute) != NULL &&
                 dwarf_formudata(&attribute, &value) == 0 && value <= INT32_MAX;
    return found ? (int)value : 0;
}

static const char *unit_folder(struct unit *unit)
{
    Dwarf_Attribute attribute;
    const char *folder = dwarf_formstring(dwarf_attr(&unit->lines, DW_AT_comp_dir, &attribute));
    return folder == NULL ? "" : folder;
}

/* The place where the inlined function `die` was called. */
static void called_at(struct unit *unit, Dwarf_Die *die, struct call *call)
{
    Dwarf_Files *files;
    size_t count;
    int index = number_of(die, DW_AT_call_file);
    call->line = number_of(die, DW_AT_call_line);
    call->column = number_of(die, DW_AT_call_column);
    if (dwarf_getsrcfiles(&unit->code, &files, &count) == 0 && (size_t)index < count) {
        const char *file = dwarf_filesrc(files, (size_t)index, NULL, NULL);
        call->file = file == NULL ? "" : file;
        call->folder = unit_folder(unit);
    }
}

static void clear(struct call *call)
{
    call->function[0] = '\0';
    call->file = call->folder = "";
    call->line = call->column = 0;
    call->past = 0;
}

static struct call *start(struct call calls[CALLS_MOST], size_t *count)
{
    struct call *call = &calls[(*count)++];
    clear(call);
    return call;
}

static void stands_at(struct unit *unit, Dwarf_Addr address, struct call *call)
{
    Dwarf_Line *line = unit_line(unit, address);
    const char *file = line == NULL ? NULL : dwarf_linesrc(line, NULL, NULL);
    if (file != NULL) {
        call->file = file;
        call->folder = unit_folder(unit);
        (void)dwarf_lineno(line, &call->line);
        (void)dwarf_linecol(line, &call->column);
    }
}

size_t calls_find(struct object *object, Dwarf_Addr address, struct call calls[CALLS_MOST])
{
    struct scopes scopes;
    size_t count = 0;
    struct call *call = start(calls, &count);
    struct unit *unit = object->units == NULL ? NULL : units_find(object->units, address);
    if (unit == NULL) {
        by_symbol(object, address, call);
        return count;
    }
    stands_at(unit, address, call);
    if (!scopes_of_address(&unit->code, address, &scopes)) {
        by_symbol(object, address, call);
        return count;
    }
    for (size_t i = scopes.count; i > 0; i--) {
        Dwarf_Die *die = &scopes.list[i - 1];
        int tag = dwarf_tag(die);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) {
            continue;
        }
        function_name(&unit->code, die, call->function, sizeof call->function);
        if (tag == DW_TAG_subprogram || count == CALLS_MOST) {
            break;
        }
        call = start(calls, &count);
        called_at(unit, die, call);
    }
    if (call->function[0] == '\0') {
        by_symbol(object, address, call);
    }
    return count;
}

void calls_glance(struct object *object, Dwarf_Addr address, struct call *call)
{
    struct unit *unit = object->units == NULL ? NULL : units_find(object->units, address);
    clear(call);
    if (unit != NULL) {
        stands_at(unit, address, call);
    }
    by_symbol(object, address, call);
    if (call->line != 0) {
        call->past = 0;
    }
}
