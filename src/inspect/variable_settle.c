#include "inspect/variable_reading.h"

#include "base/array.h"
#include "inspect/cxx_name.h"

#include <stdlib.h>
#include <string.h>

#define GUARD_SIZE 8

struct settled {
    struct variable_reading *reading;
    uint32_t unknown; /* a type of the draft */
};

/* ---- order ---- */

/* Those without a place come first; of several with one, that which can be carried. */
static int by_place(const void *left, const void *right)
{
    const struct found_variable *a = left, *b = right;
    if (a->placed != b->placed) {
        return a->placed ? 1 : -1;
    }
    if (a->address != b->address) {
        return a->address < b->address ? -1 : 1;
    }
    if (a->removed != b->removed) {
        return a->removed ? -1 : 1;
    }
    return (a->reason != NULL) - (b->reason != NULL);
}

static int by_identity(const void *left, const void *right)
{
    const struct found_variable *a = left, *b = right;
    uint32_t a_global = a->flags & LAYOUT_GLOBAL, b_global = b->flags & LAYOUT_GLOBAL;
    uint32_t a_file = a_global ? 0 : a->file, b_file = b_global ? 0 : b->file;
    if (a_global != b_global) {
        return a_global < b_global ? -1 : 1;
    }
    if (a->name != b->name) {
        return a->name < b->name ? -1 : 1;
    }
    if (a->function != b->function) {
        return a->function < b->function ? -1 : 1;
    }
    if (a_file != b_file) {
        return a_file < b_file ? -1 : 1;
    }
    return by_place(left, right);
}

static bool is_same(const struct found_variable *a, const struct found_variable *b)
{
    bool global = (a->flags & LAYOUT_GLOBAL) != 0;
    return (a->flags & LAYOUT_GLOBAL) == (b->flags & LAYOUT_GLOBAL) && a->name == b->name &&
           a->function == b->function && (global || a->file == b->file);
}

/* One variable may be described by several entries: of the copies of a function, by a link-time
 * optimizer and by what it was given. */
static void drop_copies(struct variable_reading *reading)
{
    size_t kept = 0;
    if (reading->count == 0) {
        return;
    }
    qsort(reading->list, reading->count, sizeof reading->list[0], by_place);
    for (size_t i = 0; i < reading->count; i++) {
        const struct found_variable *last = kept > 0 ? &reading->list[kept - 1] : NULL;
        if (last == NULL || !reading->list[i].placed || !last->placed ||
            last->address != reading->list[i].address) {
            reading->list[kept++] = reading->list[i];
        }
    }
    reading->count = kept;
    qsort(reading->list, reading->count, sizeof reading->list[0], by_identity);
    kept = 0;
    for (size_t i = 0; i < reading->count; i++) {
        struct found_variable *one = &reading->list[i];
        bool more = i + 1 < reading->count && is_same(one, &reading->list[i + 1]);
        if (!one->placed && (more || (kept > 0 && is_same(one, &reading->list[kept - 1])))) {
            continue; /* of the same name as one that has a place */
        }
        if (kept > 0 && is_same(one, &reading->list[kept - 1])) {
            one->reason = reading->list[kept - 1].reason =
                "another one has the same name, function and file";
        }
        reading->list[kept++] = *one;
    }
    reading->count = kept;
}

/* ---- guards ---- */

/* What tells that a function's static variable of C++ was made goes where the variable goes. */
static bool find_guard(struct variable_reading *reading, const struct found_variable *of,
                       struct found_variable *guard)
{
    char name[2048], readable[2048];
    struct data_symbol *symbol = data_symbols_at(&reading->symbols, of->address);
    if (symbol == NULL || strncmp(symbol->name, "_Z", 2) != 0 ||
        strlen(symbol->name) + 3 > sizeof name) {
        return false;
    }
    memcpy(name, "_ZGV", 4);
    memcpy(name + 4, symbol->name + 2, strlen(symbol->name) - 1);
    symbol = data_symbols_guard(&reading->symbols, name);
    if (symbol == NULL || symbol->size != GUARD_SIZE) {
        return false;
    }
    cxx_name(name, readable, sizeof readable);
    *guard = *of;
    guard->name = draft_string(reading->table->draft, readable);
    guard->address = symbol->address;
    guard->type = LAYOUT_NONE;
    return true;
}

/* ---- into the draft ---- */

/* What never changes. */
static bool is_fixed(const char *reason)
{
    static const char *const reasons[] = {
        "it is const", "it is read-only once the library is loaded", "the compiler has removed it"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(reason, reasons[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void put(struct settled *settled, const struct found_variable *variable, uint32_t type)
{
    struct draft *draft = settled->reading->table->draft;
    bool carried = variable->reason == NULL;
    uint32_t fate = carried ? LAYOUT_CARRIED : is_fixed(variable->reason) ? LAYOUT_FIXED : 0;
    draft_variable(draft, &(struct layout_variable){
                              .file = variable->file,
                              .function = variable->function,
                              .name = variable->name,
                              .type = carried ? type : settled->unknown,
                              .flags = variable->flags | fate,
                              .reason = draft_string(draft, carried ? "" : variable->reason),
                              .address = variable->placed ? variable->address : 0});
}

static void refuse_by_type(struct variable_reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        struct found_variable *variable = &reading->list[i];
        struct error why;
        if (variable->reason == NULL && !type_table_allows(reading->table, variable->type, &why)) {
            variable->reason = "its type cannot be carried";
        }
    }
}

static uint64_t size_of(const struct variable_reading *reading, const struct found_variable *of)
{
    return of->type == LAYOUT_NONE ? GUARD_SIZE : reading->table->entries[of->type].type.size;
}

/* Guards are variables like others from here on. */
static void add_guards(struct variable_reading *reading)
{
    size_t count = reading->count;
    if (!array_reserve(&reading->list, &reading->room, count * 2 + 1, sizeof reading->list[0])) {
        return;
    }
    struct found_variable *list = reading->list;
    for (size_t i = 0; i < count; i++) {
        if (list[i].reason == NULL && list[i].placed &&
            find_guard(reading, &list[i], &list[reading->count])) {
            reading->count++;
        }
    }
}

void variable_reading_emit(struct variable_reading *reading)
{
    struct draft *draft = reading->table->draft;
    struct settled settled = {.reading = reading, .unknown = draft_reserve(draft)};
    uint32_t guard = draft_reserve(draft);
    uint64_t behind = 0;
    draft_fill(draft, guard,
               &(struct layout_type){.kind = LAYOUT_UINT,
                                     .name = draft_string(draft, "long unsigned int"),
                                     .target = LAYOUT_NONE,
                                     .size = GUARD_SIZE,
                                     .align = GUARD_SIZE},
               NULL, NULL);
    drop_copies(reading);
    refuse_by_type(reading);
    add_guards(reading);
    if (reading->count > 0) {
        qsort(reading->list, reading->count, sizeof reading->list[0], by_place);
    }
    for (size_t i = 0; i < reading->count; i++) {
        struct found_variable *variable = &reading->list[i];
        if (variable->placed && variable->address < behind) {
            variable->reason = "it shares its place with another one";
            variable->placed = false;
        }
        if (variable->reason == NULL) {
            behind = variable->address + size_of(reading, variable);
        }
        put(&settled, variable,
            variable->type == LAYOUT_NONE ? guard : reading->table->entries[variable->type].number);
    }
    for (size_t i = 0; i < reading->mark_count; i++) {
        draft_mark(draft, reading->marks[i].address,
                   reading->table->entries[reading->marks[i].type].number);
    }
}
