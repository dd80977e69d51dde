#include "inspect/type_scope.h"

#include "base/array.h"
#include "base/sorted.h"
#include "inspect/die.h"
#include "inspect/scopes.h"

#include <stdlib.h>

#define UNITS_MOST 4096

struct scope { /* what others stand in; the unit itself at the top */
    Dwarf_Die die;
    Dwarf_Off begin, end; /* offsets of what stands in it */
    struct scope *inner;  /* by `begin` */
    size_t count;
    bool open; /* `inner` was looked for */
};

struct type_scopes {
    struct scope *units[UNITS_MOST];
    size_t count, last; /* `last`: where the last unit was found */
};

struct type_scopes *type_scopes_create(void)
{
    return calloc(1, sizeof(struct type_scopes));
}

static void scope_free(struct scope *scope) /* never deeper than SCOPES_DEEP */
{
    for (size_t i = 0; i < scope->count; i++) {
        scope_free(&scope->inner[i]);
    }
    free(scope->inner);
}

void type_scopes_destroy(struct type_scopes *scopes)
{
    for (size_t i = 0; scopes != NULL && i < scopes->count; i++) {
        scope_free(scopes->units[i]);
        free(scopes->units[i]);
    }
    free(scopes);
}

static bool is_around(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
           tag == DW_TAG_union_type || tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block ||
           tag == DW_TAG_module || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_interface_type;
}

static void scope_open(struct scope *scope)
{
    Dwarf_Die child;
    size_t room = 0;
    scope->open = true;
    if (!die_child(&scope->die, &child)) {
        return;
    }
    bool more;
    do {
        Dwarf_Die at = child;
        more = die_next(&child);
        if (!is_around(dwarf_tag(&at)) || dwarf_haschildren(&at) != 1) {
            continue;
        }
        if (!array_reserve(&scope->inner, &room, scope->count + 1, sizeof *scope->inner)) {
            return;
        }
        scope->inner[scope->count++] =
            (struct scope){.die = at,
                           .begin = dwarf_dieoffset(&at),
                           .end = more ? dwarf_dieoffset(&child) : scope->end};
    } while (more);
}

static struct scope *scope_inner(struct scope *scope, Dwarf_Off offset)
{
    if (!scope->open) {
        scope_open(scope);
    }
    size_t low = sorted_below(scope->inner, scope->count, sizeof scope->inner[0],
                              offsetof(struct scope, begin), offset);
    return low > 0 && offset < scope->inner[low - 1].end ? &scope->inner[low - 1] : NULL;
}

static struct scope *find_unit(struct type_scopes *scopes, Dwarf_Die *unit)
{
    if (scopes->last < scopes->count && scopes->units[scopes->last]->die.addr == unit->addr) {
        return scopes->units[scopes->last];
    }
    for (size_t i = 0; i < scopes->count; i++) {
        if (scopes->units[i]->die.addr == unit->addr) {
            scopes->last = i;
            return scopes->units[i];
        }
    }
    struct scope *fresh = scopes->count == UNITS_MOST ? NULL : calloc(1, sizeof *fresh);
    if (fresh != NULL) {
        *fresh = (struct scope){.die = *unit, .end = UINT64_MAX};
        scopes->last = scopes->count;
        scopes->units[scopes->count++] = fresh;
    }
    return fresh;
}

static void put_scope(Dwarf_Die *around, struct text *name)
{
    int tag = dwarf_tag(around);
    const char *own = die_name(around);
    Dwarf_Attribute attribute;
    Dwarf_Die whole; /* a type unit may have a stub of the class around its type */
    if (*own == '\0' && dwarf_attr(around, DW_AT_signature, &attribute) != NULL &&
        dwarf_formref_die(&attribute, &whole) != NULL) {
        own = die_name(&whole);
    }
    if (tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) {
        return;
    }
    if (*own == '\0') {
        own = tag == DW_TAG_namespace ? "(anonymous namespace)" : "(unnamed)";
    }
    (void)text_printf(name, "%s::", own);
}

/* In C all names of types stand for themselves. */
static bool has_scopes(Dwarf_Die *unit)
{
    int language = dwarf_srclang(unit);
    return language != DW_LANG_C && language != DW_LANG_C89 && language != DW_LANG_C99 &&
           language != DW_LANG_C11 && language != DW_LANG_Mips_Assembler && language != 0x2c &&
           language != 0x3e; /* C17, C23 */
}

void type_scopes_name(struct type_scopes *scopes, Dwarf_Die *die, const char *alias,
                      struct text *name)
{
    const char *own = die_name(die);
    Dwarf_Die unit, at = *die, declared;
    Dwarf_Attribute attribute;
    Dwarf_Half version;
    uint8_t kind = DW_UT_compile;
    text_clear(name);
    if (*own == '\0') {
        own = alias == NULL ? "" : alias;
    }
    /* What is defined outside of its class is named by where it is declared. */
    if (dwarf_attr(&at, DW_AT_specification, &attribute) != NULL &&
        dwarf_formref_die(&attribute, &declared) != NULL) {
        at = declared;
    }
    if (*own != '\0' && dwarf_cu_info(at.cu, &version, &kind, &unit, NULL, NULL, NULL, NULL) == 0 &&
        has_scopes(&unit)) {
        Dwarf_Off offset = dwarf_dieoffset(&at);
        struct scopes few; /* a unit of one type is not worth an index */
        bool alone = kind == DW_UT_type || kind == DW_UT_split_type;
        struct scope *scope = alone ? NULL : find_unit(scopes, &unit);
        for (unsigned deep = 0; scope != NULL && deep < SCOPES_DEEP; deep++) {
            scope = scope_inner(scope, offset);
            if (scope != NULL) {
                put_scope(&scope->die, name);
            }
        }
        if (alone && scopes_around(&at, &few)) {
            for (size_t i = 0; i < few.count; i++) {
                put_scope(&few.list[i], name);
            }
        }
    }
    (void)text_puts(name, own);
}
