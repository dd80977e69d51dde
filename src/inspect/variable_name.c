#include "inspect/variable_name.h"

#include "inspect/cxx_name.h"
#include "inspect/die.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 2048

/* What a link-time optimizer or an inlining copied leads to its original. */
static Dwarf_Die origin_of(Dwarf_Die *die)
{
    Dwarf_Die at = *die;
    Dwarf_Attribute attribute;
    for (int i = 0; i < DIE_CHAIN_MOST; i++) {
        if (dwarf_attr(&at, DW_AT_abstract_origin, &attribute) == NULL ||
            dwarf_formref_die(&attribute, &at) == NULL) {
            break;
        }
    }
    return at;
}

/* Rust divides a crate: "src/lib.rs/@/3f2a". */
static void put_unit(const char *name, const char *folder, struct text *out)
{
    size_t len = strlen(folder);
    const char *part = strstr(name, "/@/");
    if (len > 0 && strncmp(name, folder, len) == 0 && name[len] == '/') {
        name += len + 1;
    }
    while (strncmp(name, "./", 2) == 0) {
        name += 2;
    }
    text_clear(out);
    (void)text_append(out, name,
                      part != NULL && part > name ? (size_t)(part - name) : strlen(name));
}

void variable_name_file(struct type_table *table, Dwarf_Die *variable, uint32_t *file)
{
    Dwarf_Die origin = origin_of(variable), unit;
    Dwarf_Attribute attribute;
    const char *folder = NULL, *name = "";
    if (dwarf_diecu(&origin, &unit, NULL, NULL) != NULL) {
        name = die_name(&unit);
        folder = dwarf_formstring(dwarf_attr_integrate(&unit, DW_AT_comp_dir, &attribute));
    }
    put_unit(name, folder == NULL ? "" : folder, &table->name);
    *file = draft_string(table->draft, text_string(&table->name));
}

/* The hash at the end of a name of Rust ("::h0123456789abcdef") is another one for each compiler.
 */
static void cut_hash(char *name)
{
    size_t len = strlen(name);
    if (len > 19 && strncmp(name + len - 19, "::h", 3) == 0 &&
        strspn(name + len - 16, "0123456789abcdef") == 16) {
        name[len - 19] = '\0';
    }
}

/* "_ZZN2ns4stepEiE5speed" -> "_ZN2ns4stepEi", and what has no such form ("step.speed") -> "step".
 * False: it does not tell. */
static bool cut_function(const char *symbol, const char *own, char *function, size_t size)
{
    char end[NAME_SIZE];
    bool mangled = strncmp(symbol, "_ZZ", 3) == 0;
    int len = mangled ? snprintf(end, sizeof end, "E%zu%s", strlen(own), own)
                      : snprintf(end, sizeof end, ".%s", own);
    const char *at = NULL;
    if (*own == '\0' || len < 0 || (size_t)len >= sizeof end) {
        return false;
    }
    for (const char *next = symbol; (next = strstr(next, end)) != NULL; next++) {
        at = next;
    }
    if (at == NULL || at == symbol || (size_t)(at - symbol) >= size) {
        return false;
    }
    size_t cut = mangled ? 2 : 0; /* a second 'Z' */
    memcpy(function, symbol, cut);
    memcpy(function + cut, symbol + cut + mangled, (size_t)(at - symbol) - cut - mangled);
    function[(size_t)(at - symbol) - mangled] = '\0';
    return true;
}

static uint32_t put_readable(struct type_table *table, const char *linkage)
{
    char readable[NAME_SIZE];
    cxx_name(linkage, readable, sizeof readable);
    cut_hash(readable);
    return draft_string(table->draft, readable);
}

void variable_name_function(struct type_table *table, Dwarf_Die *function, const char *symbol,
                            const char *own, uint32_t *name)
{
    char cut[NAME_SIZE];
    Dwarf_Attribute attribute;
    if (function == NULL) {
        *name = draft_string(table->draft, "");
        return;
    }
    const char *linkage =
        dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute));
    bool asked = linkage == NULL && symbol != NULL &&
                 (*die_name(function) == '\0' || strncmp(symbol, "_ZZ", 3) == 0);
    if (asked && cut_function(symbol, own, cut, sizeof cut)) {
        linkage = cut;
    }
    if (linkage != NULL && (strncmp(linkage, "_Z", 2) == 0 || linkage == cut)) {
        *name = put_readable(table, linkage);
        return;
    }
    struct type_entry entry = {.die = origin_of(function)};
    *name = type_table_name(table, &entry);
}

/* Debug info names all variables of one template alike; their symbols end in its arguments. */
static bool is_of_template(Dwarf_Die *variable, const char *symbol, char *readable, size_t size)
{
    Dwarf_Attribute attribute;
    const char *linkage =
        dwarf_formstring(dwarf_attr_integrate(variable, DW_AT_linkage_name, &attribute));
    linkage = linkage == NULL ? symbol : linkage; /* static ones have none */
    size_t len = linkage == NULL ? 0 : strlen(linkage);
    if (len < 2 || strncmp(linkage, "_Z", 2) != 0 || linkage[len - 1] != 'E' ||
        strchr(linkage, 'I') == NULL) {
        return false;
    }
    cxx_name(linkage, readable, size);
    len = strlen(readable);
    return len > 0 && readable[len - 1] == '>';
}

void variable_name_own(struct type_table *table, Dwarf_Die *variable, Dwarf_Die *function,
                       const char *symbol, uint32_t *name)
{
    struct type_entry entry = {.die = origin_of(variable)};
    char readable[NAME_SIZE];
    if (function != NULL) {
        *name = draft_string(table->draft, die_name(variable));
    } else if (is_of_template(variable, symbol, readable, sizeof readable)) {
        *name = draft_string(table->draft, readable);
    } else {
        *name = type_table_name(table, &entry);
    }
}
