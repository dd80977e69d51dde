#include "inspect/entry_shapes.h"

#include "base/array.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define CODES_MOST (1U << 16)

struct sizes { /* of the unit's addresses and offsets */
    uint8_t address, offset;
    Dwarf_Half version;
};

static struct shape_step bytes(uint32_t count)
{
    return (struct shape_step){.way = SHAPE_BYTES, .bytes = count};
}

static struct shape_step way(enum shape_way way)
{
    return (struct shape_step){.way = (uint16_t)way};
}

/* False: nobody knows how long it is. */
static bool step_of(unsigned form, const struct sizes *sizes, struct shape_step *step)
{
    switch (form) {
    case DW_FORM_addr:
        *step = bytes(sizes->address);
        return true;
    case DW_FORM_ref_addr:
        *step = bytes(sizes->version == 2 ? sizes->address : sizes->offset);
        return true;
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_sec_offset:
    case DW_FORM_strp_sup:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
        *step = bytes(sizes->offset);
        return true;
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
        *step = bytes(0);
        return true;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
        *step = bytes(1);
        return true;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
        *step = bytes(2);
        return true;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
        *step = bytes(3);
        return true;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
    case DW_FORM_ref_sup4:
        *step = bytes(4);
        return true;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
        *step = bytes(8);
        return true;
    case DW_FORM_data16:
        *step = bytes(16);
        return true;
    case DW_FORM_sdata:
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
    case DW_FORM_GNU_addr_index:
    case DW_FORM_GNU_str_index:
        *step = way(SHAPE_NUMBER);
        return true;
    case DW_FORM_string:
        *step = way(SHAPE_STRING);
        return true;
    case DW_FORM_block:
    case DW_FORM_exprloc:
        *step = way(SHAPE_BLOCK);
        return true;
    case DW_FORM_block1:
        *step = way(SHAPE_BLOCK1);
        return true;
    case DW_FORM_block2:
        *step = way(SHAPE_BLOCK2);
        return true;
    case DW_FORM_block4:
        *step = way(SHAPE_BLOCK4);
        return true;
    default:
        return false;
    }
}

static void add_step(struct entry_shapes *shapes, struct shape *shape, unsigned name, unsigned form,
                     const struct shape_step *step)
{
    struct shape_step *last = shape->count > 0 ? &shapes->steps[shapes->step_count - 1] : NULL;
    bool marked = (name == DW_AT_location && step->way >= SHAPE_BLOCK) ||
                  (name == DW_AT_sibling && form == DW_FORM_ref4);
    if (!marked && last != NULL && last->way == SHAPE_BYTES && last->attribute == 0 &&
        step->way == SHAPE_BYTES) {
        last->bytes += step->bytes;
        return;
    }
    shapes->steps[shapes->step_count] = *step;
    shapes->steps[shapes->step_count++].attribute = marked ? (uint16_t)name : 0;
    shape->count++;
}

/* False: no memory. */
static bool add(struct entry_shapes *shapes, Dwarf_Abbrev *abbreviation, const struct sizes *sizes)
{
    unsigned code = dwarf_getabbrevcode(abbreviation), name, form;
    size_t had = shapes->count;
    if (code >= CODES_MOST) {
        return true;
    }
    if (!array_reserve(&shapes->list, &shapes->room, code + 1, sizeof shapes->list[0])) {
        return false;
    }
    if (code >= had) {
        memset(&shapes->list[had], 0, (code + 1 - had) * sizeof shapes->list[0]);
        shapes->count = code + 1;
    }
    struct shape shape = {.children = dwarf_abbrevhaschildren(abbreviation) == 1,
                          .first = (uint32_t)shapes->step_count};
    /* dwarf_getattrcnt of Debian 12 miscounts where there is DW_FORM_implicit_const. */
    for (size_t i = 0; dwarf_getabbrevattr(abbreviation, i, &name, &form, NULL) == 0; i++) {
        struct shape_step step;
        if (!step_of(form, sizes, &step)) {
            return true;
        }
        if (!array_reserve(&shapes->steps, &shapes->step_room, shapes->step_count + 1,
                           sizeof shapes->steps[0])) {
            return false;
        }
        shape.declares |= name == DW_AT_declaration;
        shape.located |= name == DW_AT_location;
        add_step(shapes, &shape, name, form, &step);
    }
    shape.tag = dwarf_getabbrevtag(abbreviation);
    shapes->list[code] = shape;
    return true;
}

bool entry_shapes_read(struct entry_shapes *shapes, Dwarf_Die *die)
{
    struct sizes sizes;
    Dwarf_Off offset = 0;
    size_t len;
    shapes->count = shapes->step_count = 0;
    if (dwarf_cu_info(die->cu, &sizes.version, NULL, NULL, NULL, NULL, &sizes.address,
                      &sizes.offset) != 0) {
        return true;
    }
    for (;;) {
        Dwarf_Abbrev *abbreviation = dwarf_getabbrev(die, offset, &len);
        if (abbreviation == NULL || abbreviation == DWARF_END_ABBREV) {
            return true;
        }
        if (!add(shapes, abbreviation, &sizes)) {
            return false;
        }
        offset += len;
    }
}

void entry_shapes_finish(struct entry_shapes *shapes)
{
    free(shapes->list);
    free(shapes->steps);
    *shapes = (struct entry_shapes){.count = 0};
}
