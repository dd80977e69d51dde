#include "inspect/variable_reading.h"

#include "base/array.h"
#include "inspect/die.h"
#include "inspect/symbol_reading.h"
#include "inspect/type_path.h"
#include "inspect/type_reading.h"
#include "inspect/variable_name.h"
#include "inspect/variable_place.h"
#include "inspect/variable_walk.h"

#include <stdlib.h>
#include <string.h>

#define MARK_NAME "hotrun_type_mark"

static void add(struct variable_reading *reading, const struct found_variable *variable)
{
    if (reading->count >= LAYOUT_FIELDS_MOST ||
        !array_reserve(&reading->list, &reading->room, reading->count + 1, sizeof *reading->list)) {
        reading->failed = true;
        return;
    }
    reading->list[reading->count++] = *variable;
}

/* ---- marks ---- */

static void count_marks(struct variable_reading *reading)
{
    for (size_t i = 0; i < reading->symbols.count; i++) {
        reading->marks_wanted += strstr(reading->symbols.list[i].name, MARK_NAME) != NULL;
    }
}

static void take_mark(struct variable_reading *reading, Dwarf_Die *variable)
{
    Dwarf_Die pointer;
    const char *alias;
    struct place_found found = variable_place_find(variable);
    uint64_t address = found.addresses[0];
    if (found.place != PLACE_PLAIN ||
        !type_path_follow(reading->table->file, variable, &pointer, &alias) ||
        dwarf_tag(&pointer) != DW_TAG_pointer_type) {
        return;
    }
    for (size_t i = 0; i < reading->mark_count; i++) {
        if (reading->marks[i].address == address) {
            return; /* of a function that was inlined */
        }
    }
    if (reading->mark_count < reading->marks_wanted) {
        reading->marks[reading->mark_count++] =
            (struct found_mark){address, type_reading_of(reading->table, &pointer)};
    }
}

/* ---- variables ---- */

static void know(struct variable_reading *reading, uint64_t address)
{
    struct data_symbol *symbol = data_symbols_at(&reading->symbols, address);
    if (symbol != NULL) {
        symbol->known = true;
    }
}

/* A removed variable of a function looks like one that lived on the stack, and is one. */
static bool is_of_interest(enum place place, Dwarf_Die *variable, Dwarf_Die *function)
{
    Dwarf_Attribute attribute;
    if (place == PLACE_NONE || place == PLACE_MOVING) {
        return function == NULL && !variable_place_const(variable) &&
               dwarf_attr_integrate(variable, DW_AT_const_value, &attribute) == NULL;
    }
    return true;
}

static const char *why_not(struct variable_reading *reading, enum place place, Dwarf_Die *variable,
                           uint64_t address, bool *reset)
{
    uint64_t size;
    *reset = false;
    switch (place) {
    case PLACE_NONE:
    case PLACE_MOVING:
        return "the compiler has removed it";
    case PLACE_PARTS:
        return "the compiler took it apart: compile with -O0 or -Og, or with gcc";
    case PLACE_THREAD:
        return "each thread has its own";
    case PLACE_PLAIN:
        break;
    }
    if (!type_path_size(reading->table->file, variable, &size)) {
        return "debug info does not tell its size";
    }
    const char *why =
        variable_place_refuse(reading->table->file, &reading->symbols, address, size, reset);
    return why == NULL && variable_place_const(variable) ? "it is const" : why;
}

static bool visit(void *ctx, Dwarf_Die *variable, Dwarf_Die *function)
{
    struct variable_reading *reading = ctx;
    bool reset;
    if (strcmp(die_name(variable), MARK_NAME) == 0) {
        take_mark(reading, variable);
        return reading->statics || reading->mark_count < reading->marks_wanted;
    }
    if (!reading->statics || die_declares(variable)) {
        return true;
    }
    struct place_found at = variable_place_find(variable);
    if (!is_of_interest(at.place, variable, function) ||
        strcmp(die_name(variable), "hotrun_module_table") == 0) {
        return true;
    }
    for (size_t i = 0; i < at.count; i++) {
        know(reading, at.addresses[i]);
    }
    struct found_variable found = {.type = LAYOUT_NONE,
                                   .address = at.place == PLACE_PLAIN ? at.addresses[0] : 0,
                                   .placed = at.place == PLACE_PLAIN,
                                   .removed = at.place == PLACE_NONE};
    found.reason = why_not(reading, at.place, variable, found.address, &reset);
    found.flags =
        (reset ? LAYOUT_RESET : 0) | (die_flag(variable, DW_AT_external) ? LAYOUT_GLOBAL : 0);
    const struct data_symbol *symbol =
        at.count > 0 ? data_symbols_at(&reading->symbols, at.addresses[0]) : NULL;
    variable_name_file(reading->table, variable, &found.file);
    const char *mangled = symbol == NULL ? NULL : symbol->name;
    variable_name_function(reading->table, function, mangled, die_name(variable), &found.function);
    variable_name_own(reading->table, variable, function, mangled, &found.name);
    if (found.reason == NULL) {
        found.type = type_reading_of(reading->table, variable);
    }
    add(reading, &found);
    return !reading->failed && !reading->table->failed;
}

/* ---- what has no debug info ---- */

/* What compilers and the C library add to each library. */
static bool is_of_the_tools(const char *name)
{
    static const char *const begins[] = {"completed.", "object.", "dtor_idx.", "_GLOBAL_",
                                         "_DYNAMIC",   "_ZT",     "_ZGV",      "DW.ref."};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        if (strncmp(name, begins[i], strlen(begins[i])) == 0) {
            return true;
        }
    }
    return strstr(name, MARK_NAME) != NULL ||
           (strncmp(name, "__", 2) == 0 && strncmp(name, "__compound_literal", 18) != 0);
}

static void add_unknown(void *ctx, const GElf_Sym *symbol, const char *name, const char *source)
{
    struct variable_reading *reading = ctx;
    bool reset;
    struct data_symbol *known = data_symbols_at(&reading->symbols, symbol->st_value);
    if (GELF_ST_TYPE(symbol->st_info) != STT_OBJECT || symbol->st_size == 0 || known == NULL ||
        known->known || is_of_the_tools(name) ||
        (variable_place_refuse(reading->table->file, &reading->symbols, symbol->st_value,
                               known->size, &reset) != NULL &&
         !reset)) {
        return;
    }
    known->known = true;
    bool local = GELF_ST_BIND(symbol->st_info) == STB_LOCAL;
    add(reading, &(struct found_variable){
                     .file = draft_string(reading->table->draft, source == NULL ? "" : source),
                     .function = draft_string(reading->table->draft, ""),
                     .name = draft_string(reading->table->draft, name),
                     .type = LAYOUT_NONE,
                     .flags = (reset ? LAYOUT_RESET : 0) | (local ? 0 : LAYOUT_GLOBAL),
                     .reason = reset ? "it is marked by HOTRUN_RESET"
                                     : "debug info does not know it: compile its file with -g",
                     .address = symbol->st_value,
                     .placed = true});
}

bool variable_reading_all(struct variable_reading *reading, struct type_table *table, bool statics,
                          Dwarf_Die *first, struct error *err)
{
    *reading = (struct variable_reading){.table = table, .statics = statics};
    if (!data_symbols_read(&reading->symbols, table->file)) {
        return error_set(err, ERROR_SYSTEM, "no memory for the symbols");
    }
    count_marks(reading);
    reading->marks = calloc(reading->marks_wanted + 1, sizeof reading->marks[0]);
    if (reading->marks == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for the marks");
    }
    if (statics || reading->marks_wanted > 0) {
        (void)variable_walk(table->file, first, visit, reading);
    }
    if (statics) {
        symbol_reading_each(table->file, add_unknown, reading);
    }
    return !reading->failed ||
           error_set(err, ERROR_LIMIT, "there are more than %u variables, or there is no memory",
                     LAYOUT_FIELDS_MOST / 2);
}

void variable_reading_finish(struct variable_reading *reading)
{
    data_symbols_finish(&reading->symbols);
    free(reading->list);
    free(reading->marks);
    *reading = (struct variable_reading){.count = 0};
}
