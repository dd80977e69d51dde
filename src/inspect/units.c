#include "inspect/units.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/sorted.h"

#include <dwarf.h>
#include <stdint.h>
#include <stdlib.h>

#define UNITS_MOST  (1U << 20)
#define RANGES_MOST (8U << 20)
#define LOOK_BACK   8

struct range {
    Dwarf_Addr low, high;
    uint32_t unit;
};

struct units {
    struct unit *list;
    struct range *ranges; /* by `low` */
    size_t count, room, range_count, range_room;
    uint32_t *unbounded; /* units that do not tell their ranges */
    size_t unbounded_count, unbounded_room;
};

static bool add_ranges(struct units *units, Dwarf_Die *die, uint32_t index)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;
    bool any = false;
    while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0 &&
           units->range_count < RANGES_MOST) {
        if (low >= high) {
            continue;
        }
        if (!array_reserve(&units->ranges, &units->range_room, units->range_count + 1,
                           sizeof units->ranges[0])) {
            return true;
        }
        units->ranges[units->range_count++] = (struct range){low, high, index};
        any = true;
    }
    return any;
}

static void add(struct units *units, Dwarf_Die *die, Dwarf_Die *split)
{
    if (!array_reserve(&units->list, &units->room, units->count + 1, sizeof units->list[0])) {
        return;
    }
    uint32_t index = (uint32_t)units->count++;
    /* The file of split debug info may be missing, or be that of another build. */
    bool is_split = split->addr != NULL && dwarf_tag(split) == DW_TAG_compile_unit;
    units->list[index] = (struct unit){*die, is_split ? *split : *die};
    if (!add_ranges(units, die, index) &&
        array_reserve(&units->unbounded, &units->unbounded_room, units->unbounded_count + 1,
                      sizeof units->unbounded[0])) {
        units->unbounded[units->unbounded_count++] = index;
    }
}

static int compare(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    return a->low < b->low ? -1 : a->low > b->low ? 1 : a->unit < b->unit ? -1 : a->unit > b->unit;
}

struct units *units_create(Dwarf *dwarf)
{
    struct units *units = calloc(1, sizeof *units);
    Dwarf_CU *cu = NULL;
    Dwarf_Die die, split;
    Dwarf_Half version;
    uint8_t type;
    if (units == NULL) {
        return NULL;
    }
    while (units->count < UNITS_MOST &&
           dwarf_get_units(dwarf, cu, &cu, &version, &type, &die, &split) == 0) {
        int tag = dwarf_tag(&die);
        if (tag == DW_TAG_compile_unit || tag == DW_TAG_skeleton_unit) {
            add(units, &die, &split);
        }
    }
    if (units->range_count > 0) {
        qsort(units->ranges, units->range_count, sizeof units->ranges[0], compare);
    }
    return units;
}

void units_destroy(struct units *units)
{
    if (units != NULL) {
        free(units->list);
        free(units->ranges);
        free(units->unbounded);
        free(units);
    }
}

void units_warm(struct units *units, uint64_t until_ns)
{
    for (size_t i = 0; i < units->count && clock_ns() < until_ns; i++) {
        Dwarf_Lines *lines;
        size_t count;
        (void)dwarf_getsrclines(&units->list[i].lines, &lines, &count);
    }
}

struct unit *units_find(struct units *units, Dwarf_Addr address)
{
    size_t low = sorted_upto(units->ranges, units->range_count, sizeof units->ranges[0],
                             offsetof(struct range, low), address);
    for (size_t i = low; i > 0 && low - i < LOOK_BACK; i--) {
        if (address < units->ranges[i - 1].high) {
            return &units->list[units->ranges[i - 1].unit];
        }
    }
    for (size_t i = 0; i < units->unbounded_count; i++) {
        struct unit *unit = &units->list[units->unbounded[i]];
        if (unit_line(unit, address) != NULL) {
            return unit;
        }
    }
    return NULL;
}

static Dwarf_Addr address_of(Dwarf_Lines *lines, size_t i)
{
    Dwarf_Addr address = 0;
    (void)dwarf_lineaddr(dwarf_onesrcline(lines, i), &address);
    return address;
}

Dwarf_Line *unit_line(struct unit *unit, Dwarf_Addr address)
{
    Dwarf_Lines *lines;
    size_t count;
    if (dwarf_getsrclines(&unit->lines, &lines, &count) != 0) {
        return NULL;
    }
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (address_of(lines, middle) <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    /* Code that the compiler made up has line 0: it belongs to what stands before it. */
    for (size_t i = low; i > 0; i--) {
        Dwarf_Line *line = dwarf_onesrcline(lines, i - 1);
        bool end = false;
        int number = 0;
        if (line == NULL || dwarf_lineendsequence(line, &end) != 0 || end ||
            dwarf_lineno(line, &number) != 0) {
            return NULL;
        }
        if (number > 0) {
            return line;
        }
    }
    return NULL;
}
