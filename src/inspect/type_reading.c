#include "inspect/type_reading.h"

#include "inspect/die.h"
#include "inspect/field_reading.h"
#include "inspect/type_path.h"

#include <string.h>

/* Pointers beyond so many types lead to what is not known. */
#define TYPES_FOLLOWED (LAYOUT_TYPES_MOST / 2)

uint32_t type_reading_of(struct type_table *table, Dwarf_Die *die)
{
    Dwarf_Die type;
    const char *alias;
    if (!type_path_follow(table->file, die, &type, &alias)) {
        return type_table_make(
            table,
            &(struct layout_type){.kind = LAYOUT_UNKNOWN, .target = LAYOUT_NONE, .align = 1});
    }
    return type_table_meet(table, &type, alias);
}

static uint32_t scalar_align(uint64_t size)
{
    return size == 1 || size == 2 || size == 4 || size == 8 || size == 16 ? (uint32_t)size : 1;
}

static void read_pointer(struct type_table *table, uint32_t number, int tag)
{
    struct layout_type *type = &table->entries[number].type;
    uint64_t size = sizeof(void *);
    (void)die_unsigned(&table->entries[number].die, DW_AT_byte_size, &size);
    type->size = size;
    type->align = scalar_align(size);
    type->kind = size == sizeof(void *) ? LAYOUT_POINTER : LAYOUT_BYTES;
    if (type->kind == LAYOUT_POINTER) {
        bool far = table->count > TYPES_FOLLOWED;
        Dwarf_Die die = table->entries[number].die;
        type->flags = tag == DW_TAG_pointer_type ? 0 : LAYOUT_ONCE;
        uint32_t target = far ? type_table_make(table, &(struct layout_type){.kind = LAYOUT_UNKNOWN,
                                                                             .target = LAYOUT_NONE,
                                                                             .align = 1})
                              : type_reading_of(table, &die);
        table->entries[number].type.target = target;
    }
}

/* ---- numbers ---- */

static uint32_t kind_of_number(uint64_t encoding, uint64_t size, const char *name)
{
    bool power = scalar_align(size) == size;
    switch (encoding) {
    case DW_ATE_boolean:
        return power ? LAYOUT_BOOL : LAYOUT_BYTES;
    case DW_ATE_signed_char:
    case DW_ATE_unsigned_char:
        if (size == 1 && strcmp(name, "char") == 0) {
            return LAYOUT_CHAR;
        }
        return !power ? LAYOUT_BYTES : encoding == DW_ATE_signed_char ? LAYOUT_INT : LAYOUT_UINT;
    case DW_ATE_signed:
        return power && strstr(name, "_BitInt") == NULL ? LAYOUT_INT : LAYOUT_BYTES;
    case DW_ATE_unsigned:
    case DW_ATE_UTF:
    case DW_ATE_UCS:
    case DW_ATE_ASCII:
        return power && strstr(name, "_BitInt") == NULL ? LAYOUT_UINT : LAYOUT_BYTES;
    case DW_ATE_float:
        return size == 4 || size == 8 || (size == 16 && strcmp(name, "long double") == 0)
                   ? LAYOUT_FLOAT
                   : LAYOUT_BYTES;
    default:
        return LAYOUT_BYTES;
    }
}

/* Its real and its imaginary part. */
static void make_complex(struct type_table *table, uint32_t number)
{
    uint64_t part = table->entries[number].type.size / 2;
    const char *name = part == 4 ? "float" : part == 8 ? "double" : "long double";
    uint32_t target =
        type_table_make(table, &(struct layout_type){.kind = LAYOUT_FLOAT,
                                                     .name = draft_string(table->draft, name),
                                                     .target = LAYOUT_NONE,
                                                     .size = part,
                                                     .align = scalar_align(part)});
    struct layout_type *type = &table->entries[number].type;
    type->kind = LAYOUT_ARRAY;
    type->target = target;
    type->elements = 2;
    type->align = 0;
    type->name = 0;
}

static void read_number(struct type_table *table, uint32_t number)
{
    struct type_entry *entry = &table->entries[number];
    uint64_t encoding = 0, bits;
    const char *name = die_name(&entry->die);
    if (!die_unsigned(&entry->die, DW_AT_byte_size, &entry->type.size) &&
        die_unsigned(&entry->die, DW_AT_bit_size, &bits)) {
        entry->type.size = bits / 8 + (bits % 8 != 0);
    }
    (void)die_unsigned(&entry->die, DW_AT_encoding, &encoding);
    entry->type.name = draft_string(table->draft, name);
    entry->type.align = scalar_align(entry->type.size);
    entry->type.kind = kind_of_number(encoding, entry->type.size, name);
    entry->type.flags =
        entry->type.kind == LAYOUT_CHAR && encoding == DW_ATE_signed_char ? LAYOUT_SIGNED : 0;
    uint64_t size = entry->type.size;
    if (encoding == DW_ATE_complex_float &&
        (size == 8 || (size == 16 && strstr(name, "128") == NULL) ||
         (size == 32 && strstr(name, "long double") != NULL))) {
        make_complex(table, number);
    }
}

/* ---- enums ---- */

static bool enum_is_signed(Dwarf_Die *die)
{
    Dwarf_Die under = *die, child;
    Dwarf_Attribute attribute;
    uint64_t encoding;
    int64_t value;
    for (int i = 0; i < DIE_CHAIN_MOST; i++) {
        if (die_unsigned(&under, DW_AT_encoding, &encoding)) {
            return encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
        }
        if (dwarf_attr(&under, DW_AT_type, &attribute) == NULL ||
            dwarf_formref_die(&attribute, &under) == NULL) {
            break;
        }
    }
    if (!die_child(die, &child)) {
        return false;
    }
    do {
        if (die_integer(&child, DW_AT_const_value, &value) && value < 0) {
            return true;
        }
    } while (die_next(&child));
    return false;
}

static uint64_t extend(int64_t value, uint64_t size, bool is_signed)
{
    unsigned unused = size < 8 ? (unsigned)(8 - size) * 8 : 0;
    uint64_t up = (uint64_t)value << unused;
    return is_signed ? (uint64_t)((int64_t)up >> unused) : up >> unused;
}

static void read_enum(struct type_table *table, uint32_t number)
{
    struct type_entry *entry = &table->entries[number];
    struct layout_type *type = &entry->type;
    Dwarf_Die child;
    int64_t value;
    type->name = type_table_name(table, entry);
    type->flags = type_table_typedef(entry);
    if (die_declares(&entry->die) || !die_unsigned(&entry->die, DW_AT_byte_size, &type->size)) {
        return;
    }
    type->align = scalar_align(type->size);
    if (type->align != type->size || type->size > 8) {
        type->kind = LAYOUT_BYTES;
        return;
    }
    bool is_signed = enum_is_signed(&entry->die);
    type->kind = LAYOUT_ENUM;
    type->flags |= is_signed ? LAYOUT_SIGNED : 0;
    type->first = (uint32_t)table->enumerator_count;
    if (!die_child(&entry->die, &child)) {
        return;
    }
    do {
        if (dwarf_tag(&child) == DW_TAG_enumerator &&
            die_integer(&child, DW_AT_const_value, &value)) {
            type_table_enumerator(table, &(struct layout_enumerator){
                                             .name = draft_string(table->draft, die_name(&child)),
                                             .value = extend(value, type->size, is_signed)});
        }
    } while (!table->failed && die_next(&child));
    type->count = (uint32_t)table->enumerator_count - type->first;
}

/* ---- arrays ---- */

static void read_array(struct type_table *table, uint32_t number)
{
    struct type_entry *entry = &table->entries[number];
    Dwarf_Die die = entry->die;
    struct type_bounds bounds;
    uint64_t size, stored;
    if (!type_path_bounds(&die, &bounds)) {
        entry->trouble = "is an array without a size that debug info tells";
        entry->member = "";
        return;
    }
    uint32_t inner = type_reading_of(table, &die);
    if (table->failed || !type_path_size(table->file, &die, &size)) {
        return;
    }
    for (size_t i = bounds.count; i > 0; i--) {
        struct layout_type row = {
            .kind = LAYOUT_ARRAY, .target = inner, .elements = bounds.of[i - 1]};
        if (__builtin_mul_overflow(size, row.elements, &size) || size > INT64_MAX) {
            return;
        }
        row.size = size;
        if (i > 1) {
            inner = type_table_make(table, &row);
        } else {
            table->entries[number].type = row;
        }
    }
    /* A vector of three floats takes the place of four. */
    entry = &table->entries[number];
    if (die_unsigned(&die, DW_AT_byte_size, &stored) && stored != size && stored <= INT64_MAX) {
        entry->type = (struct layout_type){.kind = LAYOUT_BYTES,
                                           .name = draft_string(table->draft, die_name(&die)),
                                           .target = LAYOUT_NONE,
                                           .size = stored,
                                           .align = scalar_align(stored)};
    }
}

/* ---- the rest ---- */

void type_reading_one(struct type_table *table, uint32_t number)
{
    struct type_entry *entry = &table->entries[number];
    int tag = dwarf_tag(&entry->die);
    switch (tag) {
    case DW_TAG_base_type:
        read_number(table, number);
        break;
    case DW_TAG_enumeration_type:
        read_enum(table, number);
        break;
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        read_pointer(table, number, tag);
        break;
    case DW_TAG_array_type:
        read_array(table, number);
        break;
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_interface_type:
    case DW_TAG_union_type:
        field_reading_all(table, number);
        break;
    case DW_TAG_ptr_to_member_type:
        field_reading_member_pointer(table, number);
        break;
    case DW_TAG_subroutine_type:
        entry->type.kind = LAYOUT_FUNCTION;
        break;
    case DW_TAG_unspecified_type: /* decltype(nullptr), which has room for a pointer */
        entry->type.name = draft_string(table->draft, die_name(&entry->die));
        if (strstr(die_name(&entry->die), "nullptr") != NULL) {
            entry->type.kind = LAYOUT_BYTES;
            entry->type.size = sizeof(void *);
            entry->type.align = sizeof(void *);
        }
        break;
    default:
        entry->type.name = draft_string(table->draft, die_name(&entry->die));
        break;
    }
}

bool type_reading_all(struct type_table *table, struct error *err)
{
    for (; table->read < table->count && !table->failed; table->read++) {
        if (table->entries[table->read].die.addr != NULL) {
            type_reading_one(table, (uint32_t)table->read);
        }
    }
    if (table->failed) {
        return error_set(err, ERROR_LIMIT,
                         "the state leads to more than %u types or %u fields, or there is no "
                         "memory for them",
                         LAYOUT_TYPES_MOST, LAYOUT_FIELDS_MOST);
    }
    return true;
}
