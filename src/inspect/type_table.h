/* The types of a layout in the making: entries of debug info that were met, and what was read of
 * them. Numbers are in the order of meeting, so that a walk over them needs no recursion, however
 * deep the types go. When all are read, they are settled: what cannot be carried is found, equal
 * ones (of the same struct in several files) become one, and the draft is filled. */
#ifndef INSPECT_TYPE_TABLE_H
#define INSPECT_TYPE_TABLE_H

#include "inspect/debug_file.h"
#include "inspect/type_scope.h"
#include "layout/draft.h"

struct type_entry {
    const void *key;         /* the place of the DIE by which it was met; NULL: it is made up */
    Dwarf_Die die;           /* the same, or its definition; addr NULL: made up */
    const char *alias;       /* the typedef that led to it; NULL */
    struct layout_type type; /* size from the start; align 0: that of what lies in it */
    const char *trouble;     /* why it cannot lie in a state, as what follows `member`; NULL */
    const char *member;      /* of it, that the trouble is with; "" when it is all of it; NULL: */
    uint32_t member_number;  /* the same as a string of the draft */
    uint32_t number;         /* of the draft, once settled */
};

struct type_table {
    struct draft *draft; /* of the strings, and of all once settled */
    const struct debug_file *file;
    struct type_entry *entries;
    struct layout_field *fields; /* type->first is the place in these two */
    struct layout_enumerator *enumerators;
    uint32_t *slots; /* entries by their DIE; LAYOUT_NONE: free */
    size_t count, room, field_count, field_room, enumerator_count, enumerator_room, slot_count;
    size_t read; /* how many entries were read */
    struct type_scopes *scopes;
    struct text name; /* room for one */
    bool failed;      /* no memory, or too many */
};

/* `draft` and `file` are borrowed. */
void type_table_init(struct type_table *table, struct draft *draft, const struct debug_file *file);
void type_table_finish(struct type_table *table);

/* The number of what stands at `die`; a new one is LAYOUT_UNKNOWN until it is read. */
uint32_t type_table_meet(struct type_table *table, Dwarf_Die *die, const char *alias);

/* The name of a type that was met, as a string of the draft. */
uint32_t type_table_name(struct type_table *table, const struct type_entry *entry);

/* LAYOUT_TYPEDEF when that is the name of a typedef, for want of another; else 0. */
uint32_t type_table_typedef(const struct type_entry *entry);

/* The number of a type that has no entry of its own. */
uint32_t type_table_make(struct type_table *table, const struct layout_type *type);

void type_table_field(struct type_table *table, const struct layout_field *field);
void type_table_enumerator(struct type_table *table, const struct layout_enumerator *enumerator);

/* Finds what cannot lie in a state. Once all are read. */
void type_table_settle(struct type_table *table);

/* False with `err`: a sentence about what in `type` cannot be carried, by its path. */
bool type_table_allows(const struct type_table *table, uint32_t type, struct error *err);

/* "struct ", "class ", ... or "": for sentences. */
const char *type_table_word(const struct type_table *table, uint32_t type);

/* Fills the draft: entry->number is the type's there. False: no memory. */
bool type_table_emit(struct type_table *table);

#endif
