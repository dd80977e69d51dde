/* The index of a package of split debug info: by the id of a unit, which parts of the sections are
 * its. */
#ifndef INSPECT_PACKAGE_INDEX_H
#define INSPECT_PACKAGE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum package_section { /* as in the index */
    PACKAGE_INFO = 1,
    PACKAGE_TYPES = 2, /* of DWARF 4 */
    PACKAGE_ABBREV = 3,
    PACKAGE_STR_OFFSETS = 6,
    PACKAGE_SECTIONS = 9
};

struct package_part {
    uint64_t offset, size; /* size 0: it has none */
};

struct package_parts {
    struct package_part of[PACKAGE_SECTIONS];
};

/* `index`: the bytes of .debug_cu_index or .debug_tu_index. False: it does not know `id`, or is
 * damaged. Parts may still lie anywhere. */
bool package_index_find(const unsigned char *index, size_t size, uint64_t id,
                        struct package_parts *parts);

#endif
