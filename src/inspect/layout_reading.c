#include "inspect/layout_reading.h"

#include "base/path.h"
#include "inspect/debug_file.h"
#include "inspect/definition.h"
#include "inspect/die.h"
#include "inspect/function.h"
#include "inspect/state_mark.h"
#include "inspect/symbol_reading.h"
#include "inspect/type_path.h"
#include "inspect/type_reading.h"
#include "inspect/variable_reading.h"
#include "layout/draft.h"

#include <string.h>

#define ROUNDS_MOST 8

struct reading {
    struct debug_file file;
    struct state_mark mark;
    struct draft *draft;
    struct type_table table;
    struct variable_reading variables;
    uint32_t state;     /* in the table; LAYOUT_NONE: the module has none */
    Dwarf_Die function; /* the mark; addr NULL */
    bool statics;
};

static const char not_known[] =
    "debug info does not know the state's type: compile the file that has HOTRUN_MODULE with -g";

/* The state's type is what the result of the mark points to. */
static bool find_state(struct reading *reading, struct error *err)
{
    Dwarf_Die pointer, state;
    const char *alias;
    reading->state = LAYOUT_NONE;
    if (reading->mark.size == 0) {
        return true;
    }
    if (reading->mark.function == 0) {
        return error_set(err, ERROR_MISSING,
                         "hotrun_module_table has no state_type: define it by HOTRUN_MODULE");
    }
    if (!function_find(&reading->file, reading->mark.function, &reading->function) ||
        !type_path_follow(&reading->file, &reading->function, &pointer, &alias) ||
        dwarf_tag(&pointer) != DW_TAG_pointer_type ||
        !type_path_follow(&reading->file, &pointer, &state, &alias)) {
        return error_set(err, ERROR_MISSING, not_known);
    }
    reading->state = type_table_meet(&reading->table, &state, alias);
    return true;
}

/* Types, and the definitions of those that are only declared where they are met. */
static bool read_types(struct type_table *table, struct error *err)
{
    bool ok = type_reading_all(table, err);
    for (int round = 0; ok && round < ROUNDS_MOST && definition_find_all(table); round++) {
        ok = type_reading_all(table, err);
    }
    return ok;
}

static bool check_size(const struct reading *reading, struct error *err)
{
    if (reading->state == LAYOUT_NONE) {
        return true;
    }
    const struct layout_type *type = &reading->table.entries[reading->state].type;
    if (type->kind == LAYOUT_UNKNOWN) {
        return error_set(err, ERROR_MISSING, not_known);
    }
    return type->size == reading->mark.size ||
           error_set(
               err, ERROR_FORMAT,
               "debug info says that the state has %llu bytes, hotrun_module_table says %llu: "
               "build the library anew",
               (unsigned long long)type->size, (unsigned long long)reading->mark.size);
}

static bool holds_pointer(const struct type_table *table, bool to_text)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct layout_type *type = &table->entries[i].type;
        if (type->kind == LAYOUT_POINTER &&
            (!to_text || table->entries[type->target].type.kind == LAYOUT_CHAR)) {
            return true;
        }
    }
    return false;
}

static bool finish(struct reading *reading, struct text *block, struct error *err)
{
    struct draft_library library;
    struct type_table *table = &reading->table;
    if (!type_table_emit(table)) {
        return error_set(err, ERROR_SYSTEM, "no memory for the layout");
    }
    variable_reading_emit(&reading->variables);
    if (reading->statics || holds_pointer(table, false)) {
        symbol_reading_all(&reading->file, reading->draft);
    }
    symbol_reading_library(&reading->file, holds_pointer(table, true), &library);
    uint32_t state =
        reading->state == LAYOUT_NONE ? LAYOUT_NONE : table->entries[reading->state].number;
    return draft_finish(reading->draft, state, &library, block, err);
}

static bool read_all(struct reading *reading, struct text *block, struct error *err)
{
    struct type_table *table = &reading->table;
    if (!state_mark_read(&reading->file, &reading->mark, err) || !find_state(reading, err) ||
        !variable_reading_all(&reading->variables, table, reading->statics,
                              reading->state == LAYOUT_NONE ? NULL : &reading->function, err) ||
        !read_types(table, err)) {
        return false;
    }
    if (!check_size(reading, err)) {
        return false;
    }
    type_table_settle(table);
    if (reading->state != LAYOUT_NONE && !type_table_allows(table, reading->state, err)) {
        return false;
    }
    return finish(reading, block, err);
}

bool layout_reading_make(const char *path, const char *origin, bool statics, struct text *block,
                         enum reading_outcome *outcome, struct error *err)
{
    struct reading reading = {.statics = statics};
    struct error why = {.code = ERROR_NONE};
    size_t start = block->len;
    bool ok = false;
    (void)elf_version(EV_CURRENT);
    if (!debug_file_open(&reading.file, path, origin, &why)) {
        goto out;
    }
    reading.draft = draft_create();
    if (reading.draft == NULL) {
        (void)error_set(&why, ERROR_SYSTEM, "no memory for a layout");
        goto out;
    }
    type_table_init(&reading.table, reading.draft, &reading.file);
    ok = read_all(&reading, block, &why);
    if (ok) {
        /* Whoever asked takes nothing that this refuses: it is told here why. */
        struct layout *layout = layout_open(block->data + start, block->len - start, &why);
        ok = layout != NULL;
        layout_drop(&layout);
    }
    variable_reading_finish(&reading.variables);
    type_table_finish(&reading.table);
out:
    draft_destroy(reading.draft);
    debug_file_close(&reading.file);
    *outcome = ok ? READING_OK : why.code == ERROR_MISSING ? READING_NONE : READING_REFUSED;
    if (!ok && err != NULL) {
        *err = why;
    }
    return ok;
}
