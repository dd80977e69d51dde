/* How the entries of a unit are stored: its abbreviations, made into what a walk over many entries
 * needs of them. libdw takes ten times as long to get from one entry to the next. */
#ifndef INSPECT_ENTRY_SHAPES_H
#define INSPECT_ENTRY_SHAPES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shape_way { /* how to get past an attribute */
    SHAPE_BYTES, /* so many; neighbours are one */
    SHAPE_NUMBER,
    SHAPE_STRING,
    SHAPE_BLOCK, /* behind a length: a number, or one of that many bytes */
    SHAPE_BLOCK1 = SHAPE_BLOCK + 1,
    SHAPE_BLOCK2 = SHAPE_BLOCK + 2,
    SHAPE_BLOCK4 = SHAPE_BLOCK + 4
};

struct shape_step {
    uint16_t attribute; /* DW_AT_location of a block, DW_AT_sibling of 4 bytes; else 0 */
    uint16_t way;
    uint32_t bytes;
};

struct shape {
    uint32_t tag;                     /* 0: there is none */
    bool children, declares, located; /* it has DW_AT_declaration, DW_AT_location */
    uint32_t first, count;            /* steps */
};

struct entry_shapes {
    struct shape *list; /* by the abbreviation's code */
    struct shape_step *steps;
    size_t count, room, step_count, step_room;
};

/* Those of the unit of `die`, in the place of what was there; zeroed before the first time. Entries
 * whose shape could not be read have none. False: no memory. */
bool entry_shapes_read(struct entry_shapes *shapes, Dwarf_Die *die);
void entry_shapes_finish(struct entry_shapes *shapes);

#endif
