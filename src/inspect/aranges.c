#include "inspect/aranges.h"

#include "inspect/debug_file.h"

#include <string.h>

#define HEADER_SIZE 12 /* of a set in 32-bit DWARF */
#define PAIR_SIZE   16

struct set { /* the ranges of one unit */
    uint64_t unit;
    const unsigned char *pairs, *end;
};

static uint32_t word_at(const unsigned char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Takes the first set of [*at, end). False: there is none, or it is of another form. */
static bool take_set(const unsigned char **at, const unsigned char *end, struct set *set)
{
    const unsigned char *header = *at;
    if ((size_t)(end - header) < HEADER_SIZE) {
        return false;
    }
    uint32_t len = word_at(header);
    if (len > (size_t)(end - header) - 4 || len < HEADER_SIZE - 4 || header[10] != 8 ||
        header[11] != 0) {
        return false;
    }
    const unsigned char *pairs = header + PAIR_SIZE; /* aligned from the set's begin */
    *at = header + 4 + len;
    *set = (struct set){word_at(header + 6), pairs < *at ? pairs : *at, *at};
    return true;
}

static bool holds(const struct set *set, uint64_t address)
{
    for (const unsigned char *at = set->pairs; (size_t)(set->end - at) >= PAIR_SIZE;
         at += PAIR_SIZE) {
        uint64_t pair[2];
        memcpy(pair, at, sizeof pair);
        if (address >= pair[0] && address - pair[0] < pair[1]) {
            return true;
        }
    }
    return false;
}

bool aranges_find(Dwarf *dwarf, Dwarf_Addr address, Dwarf_Die *unit)
{
    struct set set;
    size_t size;
    const unsigned char *at = debug_file_table(dwarf_getelf(dwarf), ".debug_aranges", &size);
    const unsigned char *end = at == NULL ? NULL : at + size;
    while (at != NULL && take_set(&at, end, &set)) {
        Dwarf_Off next;
        size_t header;
        if (holds(&set, address)) {
            return dwarf_nextcu(dwarf, set.unit, &next, &header, NULL, NULL, NULL) == 0 &&
                   dwarf_offdie(dwarf, set.unit + header, unit) != NULL;
        }
    }
    return false;
}
