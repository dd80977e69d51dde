#include "inspect/fingerprint.h"

#include "base/hash.h"
#include "inspect/die.h"
#include "inspect/type_path.h"

#include <string.h>

#define DEPTH_MOST   32
#define ENTRIES_MOST 4096

struct reading {
    const struct debug_file *file;
    struct hash_stream *stream;
    unsigned left; /* entries that may yet be looked at */
};

/* Of one entry of debug info; -1 stands for what it does not have. */
static void add_facts(struct reading *reading, Dwarf_Die *die)
{
    static const unsigned attributes[] = {DW_AT_byte_size, DW_AT_data_member_location,
                                          DW_AT_discr_value, DW_AT_encoding, DW_AT_const_value};
    const char *name = die_name(die);
    int tag = dwarf_tag(die);
    hash_stream_add(reading->stream, &tag, sizeof tag);
    hash_stream_add(reading->stream, name, strlen(name) + 1);
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        int64_t value;
        if (!die_integer(die, attributes[i], &value)) {
            value = -1;
        }
        hash_stream_add(reading->stream, &value, sizeof value);
    }
}

static bool is_part(int tag)
{
    return tag == DW_TAG_member || tag == DW_TAG_inheritance || tag == DW_TAG_variant_part ||
           tag == DW_TAG_variant || tag == DW_TAG_enumerator;
}

static void add(struct reading *reading, Dwarf_Die *die, unsigned depth)
{
    Dwarf_Die child, type;
    const char *alias;
    uint64_t size;
    int tag = dwarf_tag(die);
    if (depth == DEPTH_MOST || reading->left == 0) {
        return;
    }
    reading->left--;
    add_facts(reading, die);
    bool typed = tag == DW_TAG_member || tag == DW_TAG_inheritance || tag == DW_TAG_array_type;
    if (typed && type_path_size(reading->file, die, &size)) {
        hash_stream_add(reading->stream, &size, sizeof size);
    }
    if (typed && type_path_follow(reading->file, die, &type, &alias)) {
        add(reading, &type, depth + 1);
    }
    if (!die_child(die, &child)) {
        return;
    }
    do {
        if (is_part(dwarf_tag(&child))) {
            add(reading, &child, depth + 1);
        }
    } while (die_next(&child));
}

uint64_t fingerprint_of(const struct debug_file *file, Dwarf_Die *type)
{
    struct reading reading = {file, hash_stream_create(), ENTRIES_MOST};
    uint64_t found = 0;
    if (reading.stream != NULL) {
        add(&reading, type, 0);
        found = hash_stream_bytes(reading.stream);
        found = found == 0 ? 1 : found;
    }
    hash_stream_destroy(reading.stream);
    return found;
}
