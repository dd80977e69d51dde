#define _GNU_SOURCE /* memmem */
#include "inspect/name_filter.h"

#include "inspect/debug_file.h"
#include "inspect/die.h"

#include <string.h>

#define HEADER_SIZE 8 /* of a unit's table in 32-bit DWARF */

void name_filter_init(struct name_filter *filter, Dwarf *dwarf)
{
    *filter = (struct name_filter){.count = 0};
    filter->tables = debug_file_table(dwarf_getelf(dwarf), ".debug_str_offsets", &filter->size);
}

void name_filter_add(struct name_filter *filter, Dwarf *dwarf, const char *name)
{
    size_t size, len = strlen(name) + 1;
    const unsigned char *begin = debug_file_table(dwarf_getelf(dwarf), ".debug_str", &size);
    if (begin == NULL) {
        filter->tables = NULL;
        return;
    }
    /* A string may be the end of a longer one. */
    const unsigned char *at = begin;
    while (filter->tables != NULL &&
           (at = memmem(at, size - (size_t)(at - begin), name, len)) != NULL) {
        uint32_t place = (uint32_t)(at - begin);
        if (filter->count == NAME_FILTER_MOST) {
            filter->tables = NULL;
            return;
        }
        filter->places[filter->count++] = place;
        filter->bits |= UINT64_C(1) << place % 64;
        at++;
    }
}

static bool is_place(const struct name_filter *filter, uint32_t place)
{
    if ((filter->bits >> place % 64 & 1) == 0) {
        return false;
    }
    for (size_t i = 0; i < filter->count; i++) {
        if (filter->places[i] == place) {
            return true;
        }
    }
    return false;
}

bool name_filter_may(const struct name_filter *filter, Dwarf_Die *unit)
{
    uint64_t base;
    uint32_t len, place;
    if (filter->tables == NULL || !die_unsigned(unit, DW_AT_str_offsets_base, &base) ||
        base < HEADER_SIZE || base > filter->size) {
        return true;
    }
    const unsigned char *header = filter->tables + base - HEADER_SIZE;
    memcpy(&len, header, sizeof len);
    if (len < HEADER_SIZE - 4 || len > filter->size - (base - HEADER_SIZE) - 4) {
        return true;
    }
    const unsigned char *end = header + 4 + len;
    for (const unsigned char *at = filter->tables + base; (size_t)(end - at) >= sizeof place;
         at += sizeof place) {
        memcpy(&place, at, sizeof place);
        if (is_place(filter, place)) {
            return true;
        }
    }
    return false;
}
