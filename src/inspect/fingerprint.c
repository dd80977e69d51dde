#include "inspect/fingerprint.h"

#include "base/array.h"
#include "base/hash.h"
#include "base/sorted.h"
#include "base/text.h"
#include "inspect/die.h"
#include "inspect/type_path.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST   256
#define TYPES_MOST   4096
#define ENTRIES_MOST (1U << 17)

struct known { /* a type that was looked at: many parts share one */
    uint64_t place, hash;
};

struct reading {
    const struct debug_file *file;
    struct text facts;   /* of the entries that are being looked at, the innermost last */
    struct known *known; /* by `place` */
    size_t count, room;
    unsigned left; /* entries that may yet be looked at */
    bool cut;      /* not all of it was looked at */
};

static void add_number(struct reading *reading, uint64_t number)
{
    (void)text_append(&reading->facts, &number, sizeof number);
}

/* Of one entry of debug info; -1 stands for what it does not have. */
static void add_facts(struct reading *reading, Dwarf_Die *die)
{
    static const unsigned attributes[] = {DW_AT_byte_size, DW_AT_data_member_location,
                                          DW_AT_discr_value, DW_AT_encoding, DW_AT_const_value};
    const char *name = die_name(die);
    add_number(reading, (uint64_t)dwarf_tag(die));
    (void)text_append(&reading->facts, name, strlen(name) + 1);
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        int64_t value;
        add_number(reading, die_integer(die, attributes[i], &value) ? (uint64_t)value : UINT64_MAX);
    }
}

static bool is_part(int tag)
{
    return tag == DW_TAG_member || tag == DW_TAG_inheritance || tag == DW_TAG_variant_part ||
           tag == DW_TAG_variant || tag == DW_TAG_enumerator;
}

static uint64_t hash_of(struct reading *reading, Dwarf_Die *die, unsigned depth);

static uint64_t hash_of_type(struct reading *reading, Dwarf_Die *type, unsigned depth)
{
    uint64_t place = (uintptr_t)type->addr;
    size_t at = sorted_below(reading->known, reading->count, sizeof reading->known[0],
                             offsetof(struct known, place), place);
    if (at < reading->count && reading->known[at].place == place) {
        return reading->known[at].hash;
    }
    struct known known = {place, hash_of(reading, type, depth)};
    if (reading->count == TYPES_MOST ||
        !array_reserve(&reading->known, &reading->room, reading->count + 1, sizeof known)) {
        reading->cut = true;
        return 0;
    }
    at = sorted_below(reading->known, reading->count, sizeof known, offsetof(struct known, place),
                      place); /* others have come in between */
    memmove(&reading->known[at + 1], &reading->known[at], (reading->count - at) * sizeof known);
    reading->known[at] = known;
    reading->count++;
    return known.hash;
}

static uint64_t hash_of(struct reading *reading, Dwarf_Die *die, unsigned depth)
{
    Dwarf_Die child, type;
    const char *alias;
    uint64_t size;
    size_t begin = reading->facts.len;
    int tag = dwarf_tag(die);
    reading->cut = reading->cut || depth == DEPTH_MOST || reading->left == 0;
    if (reading->cut) {
        return 0;
    }
    reading->left--;
    add_facts(reading, die);
    bool typed = tag == DW_TAG_member || tag == DW_TAG_inheritance || tag == DW_TAG_array_type;
    if (typed && type_path_size(reading->file, die, &size)) {
        add_number(reading, size);
    }
    if (typed && type_path_follow(reading->file, die, &type, &alias)) {
        add_number(reading, hash_of_type(reading, &type, depth + 1));
    }
    if (die_child(die, &child)) {
        do {
            if (is_part(dwarf_tag(&child))) {
                add_number(reading, hash_of(reading, &child, depth + 1));
            }
        } while (die_next(&child));
    }
    if (reading->facts.failed) {
        reading->cut = true;
        return 0;
    }
    uint64_t hash = hash_bytes(reading->facts.data + begin, reading->facts.len - begin);
    reading->facts.len = begin;
    return hash;
}

uint64_t fingerprint_of(const struct debug_file *file, Dwarf_Die *type)
{
    struct reading reading = {.file = file, .left = ENTRIES_MOST};
    uint64_t found = hash_of(&reading, type, 0);
    found = reading.cut ? 0 : found == 0 ? 1 : found;
    text_finish(&reading.facts);
    free(reading.known);
    return found;
}
