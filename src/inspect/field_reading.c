#include "inspect/field_reading.h"

#include "inspect/die.h"
#include "inspect/fingerprint.h"
#include "inspect/type_path.h"
#include "inspect/type_reading.h"

#include <stdio.h>
#include <string.h>

static void refuse(struct type_entry *entry, const char *member, const char *why)
{
    if (entry->trouble == NULL) {
        entry->trouble = why;
        entry->member = member;
    }
}

/* ---- places ---- */

/* A constant, or as the first DWARF has it: "plus so many". */
static bool read_offset(Dwarf_Die *die, uint64_t *offset)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *ops;
    size_t count;
    *offset = 0;
    if (dwarf_attr_integrate(die, DW_AT_data_member_location, &attribute) == NULL) {
        return true;
    }
    if (dwarf_formudata(&attribute, offset) == 0) {
        return *offset <= INT64_MAX;
    }
    if (dwarf_getlocation(&attribute, &ops, &count) == 0 && count == 1 &&
        ops[0].atom == DW_OP_plus_uconst) {
        *offset = ops[0].number;
        return *offset <= INT64_MAX;
    }
    return false;
}

/* DWARF 4 counts bits from the struct's begin; before, from the top of a unit of storage. */
static bool read_bits(const struct debug_file *file, Dwarf_Die *die, struct layout_field *field)
{
    uint64_t bits, at, storage;
    int64_t from_top;
    if (!die_unsigned(die, DW_AT_bit_size, &bits)) {
        return true;
    }
    if (!die_unsigned(die, DW_AT_data_bit_offset, &at)) {
        if (!die_integer(die, DW_AT_bit_offset, &from_top)) {
            from_top = 0;
            at = 0;
        } else if (!die_unsigned(die, DW_AT_byte_size, &storage) &&
                   !type_path_size(file, die, &storage)) {
            return false;
        } else {
            at = storage * 8 - (uint64_t)from_top - bits;
        }
        at += field->offset * 8;
    }
    field->offset = at / 8;
    field->bit = (uint32_t)(at % 8);
    field->bits = (uint32_t)bits;
    return bits >= 1 && bits <= 64 && at <= INT64_MAX;
}

/* ---- one member ---- */

static bool is_flexible(const struct debug_file *file, Dwarf_Die *die)
{
    Dwarf_Die type;
    const char *alias;
    struct type_bounds bounds;
    return type_path_follow(file, die, &type, &alias) && dwarf_tag(&type) == DW_TAG_array_type &&
           !type_path_bounds(&type, &bounds);
}

static bool is_mark(const char *name)
{
    return strncmp(name, "hotrun_renamed_", 15) == 0 ||
           strncmp(name, "hotrun_transient_", 17) == 0 || strcmp(name, "hotrun_exact") == 0;
}

static void read_member(struct type_table *table, uint32_t number, Dwarf_Die *member)
{
    struct type_entry *entry = &table->entries[number];
    const char *name = die_name(member);
    struct layout_field field = {.old_name = LAYOUT_NONE};
    if (is_mark(name) || die_flag(member, DW_AT_external) || die_declares(member)) {
        return; /* a mark, or a static member, which lies elsewhere */
    }
    if (is_flexible(table->file, member)) {
        entry->type.flags |= LAYOUT_FLEXIBLE;
        refuse(entry, name, "is a flexible array: give it a size, or point to it");
        return;
    }
    if (!read_offset(member, &field.offset) || !read_bits(table->file, member, &field)) {
        refuse(entry, name,
               "lies where debug info does not tell, or is a bit-field of over 64 bits");
        return;
    }
    if (strncmp(name, "_vptr", 5) == 0) {
        entry->type.flags |= LAYOUT_CLASS;
        field.flags = LAYOUT_VTABLE;
    }
    uint32_t type = type_reading_of(table, member);
    field.type = type;
    if (*name == '\0') {
        int tag = table->failed ? 0 : dwarf_tag(&table->entries[type].die);
        if (tag != DW_TAG_structure_type && tag != DW_TAG_class_type && tag != DW_TAG_union_type) {
            if (field.bits == 0) { /* else it fills a gap */
                refuse(&table->entries[number], "a field",
                       "has no name: the debug info is damaged");
            }
            return;
        }
        field.flags |= LAYOUT_MEMBERS;
    }
    field.name = draft_string(table->draft, name);
    type_table_field(table, &field);
}

static void read_base(struct type_table *table, uint32_t number, Dwarf_Die *base)
{
    struct layout_field field = {.old_name = LAYOUT_NONE, .flags = LAYOUT_BASE};
    uint32_t type = type_reading_of(table, base);
    uint64_t virtuality = 0;
    if (table->failed) {
        return;
    }
    field.type = type;
    field.name = type_table_name(table, &table->entries[type]);
    struct type_entry *entry = &table->entries[number];
    entry->type.flags |= LAYOUT_CLASS;
    (void)die_unsigned(base, DW_AT_virtuality, &virtuality);
    if (virtuality != 0 || !read_offset(base, &field.offset)) {
        refuse(entry, die_name(&table->entries[type].die),
               "is a virtual base class, whose place only the program knows: make it a plain one, "
               "or point to the object");
        return;
    }
    type_table_field(table, &field);
}

/* ---- marks ---- */

static struct layout_field *find_field(struct type_table *table, const struct layout_type *type,
                                       const char *name, size_t len)
{
    for (uint32_t i = 0; i < type->count; i++) {
        const char *other = draft_string_at(table->draft, table->fields[type->first + i].name);
        if (strncmp(other, name, len) == 0 && other[len] == '\0') {
            return &table->fields[type->first + i];
        }
    }
    return NULL;
}

static const char *behind(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(name, prefix, len) == 0 ? name + len : NULL;
}

static void read_mark(struct type_table *table, struct type_entry *entry, const char *name)
{
    static const char between[] = "_hotrun_was_";
    const char *transient = behind(name, "hotrun_transient_");
    const char *field_name = transient != NULL ? transient : behind(name, "hotrun_renamed_");
    if (field_name == NULL) { /* hotrun_exact */
        entry->type.flags |= LAYOUT_EXACT;
        return;
    }
    const char *was = transient != NULL ? NULL : strstr(field_name, between);
    size_t len = was != NULL ? (size_t)(was - field_name) : strlen(field_name);
    struct layout_field *field = find_field(table, &entry->type, field_name, len);
    if (field == NULL || (was == NULL && transient == NULL)) {
        char missing[256];
        (void)snprintf(missing, sizeof missing, "%.*s", len < 255 ? (int)len : 255, field_name);
        refuse(entry, NULL,
               "is named by HOTRUN_RENAMED or HOTRUN_TRANSIENT, and no field between the same "
               "braces has the name");
        entry->member_number = draft_string(table->draft, missing);
    } else if (transient != NULL) {
        field->flags |= LAYOUT_TRANSIENT;
    } else {
        field->old_name = draft_string(table->draft, was + sizeof between - 1);
    }
}

static void read_marks(struct type_table *table, uint32_t number, Dwarf_Die *first)
{
    Dwarf_Die child = *first;
    do {
        int tag = dwarf_tag(&child); /* in C++ a mark is a function without a body */
        bool may_be = tag == DW_TAG_member || tag == DW_TAG_subprogram;
        const char *name = may_be ? die_name(&child) : "";
        if (is_mark(name)) {
            read_mark(table, &table->entries[number], name);
        }
    } while (die_next(&child));
}

/* ---- the whole ---- */

/* Variants of Rust: which of them holds stands in the bytes, in ways that its compiler chooses. */
static bool has_variants(Dwarf_Die *first)
{
    Dwarf_Die child = *first;
    do {
        if (dwarf_tag(&child) == DW_TAG_variant_part) {
            return true;
        }
    } while (die_next(&child));
    return false;
}

/* The only member. */
static bool find_member(Dwarf_Die *type, Dwarf_Die *member)
{
    Dwarf_Die child;
    unsigned count = 0;
    if (!die_child(type, &child)) {
        return false;
    }
    do {
        if (dwarf_tag(&child) == DW_TAG_member) {
            *member = child;
            count++;
        }
    } while (die_next(&child));
    return count == 1;
}

/* The pointer in the only variant that has data, where the other one is 0: an Option of Rust's that
 * takes no more room than the pointer. */
static bool find_niche(const struct debug_file *file, Dwarf_Die *first, Dwarf_Die *pointer)
{
    Dwarf_Die part = *first, child, member, type;
    const char *alias;
    uint64_t value, offset;
    unsigned empty = 0, full = 0;
    while (dwarf_tag(&part) != DW_TAG_variant_part) {
        if (!die_next(&part)) {
            return false;
        }
    }
    if (!die_child(&part, &child)) {
        return false;
    }
    do {
        if (dwarf_tag(&child) != DW_TAG_variant) {
            continue;
        }
        if (die_unsigned(&child, DW_AT_discr_value, &value)) {
            empty += value == 0 ? 1 : 2;
        } else if (full++ > 0 || !die_child(&child, &member)) {
            return false;
        }
    } while (die_next(&child));
    return empty == 1 && full == 1 && type_path_follow(file, &member, &type, &alias) &&
           dwarf_tag(&type) == DW_TAG_structure_type && find_member(&type, &member) &&
           die_unsigned(&member, DW_AT_data_member_location, &offset) && offset == 0 &&
           type_path_follow(file, &member, pointer, &alias) &&
           dwarf_tag(pointer) == DW_TAG_pointer_type;
}

static void read_members(struct type_table *table, uint32_t number, Dwarf_Die *first)
{
    Dwarf_Die child = *first;
    table->entries[number].type.first = (uint32_t)table->field_count;
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_member) {
            read_member(table, number, &child);
        } else if (tag == DW_TAG_inheritance) {
            read_base(table, number, &child);
        }
    } while (!table->failed && die_next(&child));
    struct layout_type *type = &table->entries[number].type;
    type->count = (uint32_t)table->field_count - type->first;
}

void field_reading_all(struct type_table *table, uint32_t number)
{
    struct type_entry *entry = &table->entries[number];
    Dwarf_Die die = entry->die, first;
    uint64_t align;
    entry->type.name = type_table_name(table, entry);
    entry->type.flags |= type_table_typedef(entry);
    if (die_declares(&die) || !die_unsigned(&die, DW_AT_byte_size, &entry->type.size) ||
        entry->type.size > INT64_MAX) {
        entry->type.size = 0;
        return; /* it stays LAYOUT_UNKNOWN */
    }
    bool fixed = die_unsigned(&die, DW_AT_alignment, &align) && align > 0 && align <= 1U << 30 &&
                 (align & (align - 1)) == 0;
    entry->type.kind = dwarf_tag(&die) == DW_TAG_union_type ? LAYOUT_UNION : LAYOUT_STRUCT;
    entry->type.align = fixed ? (uint32_t)align : 0;
    if (!die_child(&die, &first)) {
        return;
    }
    if (has_variants(&first)) {
        const uint32_t word = (uint32_t)sizeof(void *);
        Dwarf_Die pointer;
        entry->type.kind = LAYOUT_BYTES;
        entry->type.elements = fingerprint_of(table->file, &die);
        if (entry->type.size == word && find_niche(table->file, &first, &pointer)) {
            entry->type = (struct layout_type){
                .kind = LAYOUT_POINTER, .target = LAYOUT_NONE, .size = word, .align = word};
            uint32_t target = type_reading_of(table, &pointer);
            table->entries[number].type.target = target;
        } else if (entry->type.elements == 0) {
            entry->type.kind = LAYOUT_UNKNOWN;
            entry->type.size = 0;
            refuse(entry, "", "has more parts than are compared: put the inner ones into a Box");
        }
        return;
    }
    read_members(table, number, &first);
    read_marks(table, number, &first);
}

/* What a pointer to a data member needs for being led to the member of that name (LAYOUT_OFFSET).
 */
static void read_place_in_class(struct type_table *table, uint32_t number)
{
    Dwarf_Die of, die = table->entries[number].die;
    uint64_t size, member_size;
    if (!type_path_class(table->file, &die, &of) || !die_unsigned(&of, DW_AT_byte_size, &size) ||
        !type_path_size(table->file, &die, &member_size)) {
        return;
    }
    const uint32_t class_type = type_table_meet(table, &of, NULL);
    const uint32_t member_type = type_reading_of(table, &die);
    struct layout_type both = {.kind = LAYOUT_UNION,
                               .first = (uint32_t)table->field_count,
                               .count = 2,
                               .target = LAYOUT_NONE,
                               .size = size > member_size ? size : member_size,
                               .align = 1};
    type_table_field(table, &(struct layout_field){.name = draft_string(table->draft, "of"),
                                                   .type = class_type,
                                                   .old_name = LAYOUT_NONE});
    type_table_field(table, &(struct layout_field){.name = draft_string(table->draft, "member"),
                                                   .type = member_type,
                                                   .old_name = LAYOUT_NONE});
    uint32_t target = type_table_make(table, &both);
    table->entries[number].type = (struct layout_type){.kind = LAYOUT_POINTER,
                                                       .flags = LAYOUT_OFFSET,
                                                       .target = target,
                                                       .size = sizeof(void *),
                                                       .align = sizeof(void *)};
}

void field_reading_member_pointer(struct type_table *table, uint32_t number)
{
    const uint32_t word = (uint32_t)sizeof(void *);
    Dwarf_Die pointee, die = table->entries[number].die;
    const char *alias;
    table->entries[number].type = (struct layout_type){
        .kind = LAYOUT_BYTES, .target = LAYOUT_NONE, .size = word, .align = word};
    if (!type_path_follow(table->file, &die, &pointee, &alias)) {
        return;
    }
    if (dwarf_tag(&pointee) != DW_TAG_subroutine_type) {
        read_place_in_class(table, number);
        return;
    }
    struct layout_type code = {.kind = LAYOUT_FUNCTION, .target = LAYOUT_NONE, .align = 1};
    struct layout_type pointer = {.kind = LAYOUT_POINTER, .size = word, .align = word};
    pointer.target = type_table_make(table, &code);
    struct layout_type integer = {.kind = LAYOUT_INT,
                                  .name = draft_string(table->draft, "long int"),
                                  .target = LAYOUT_NONE,
                                  .size = word,
                                  .align = word};
    struct layout_field ptr = {.name = draft_string(table->draft, "ptr"),
                               .type = type_table_make(table, &pointer),
                               .old_name = LAYOUT_NONE};
    struct layout_field adj = {.name = draft_string(table->draft, "adj"),
                               .type = type_table_make(table, &integer),
                               .old_name = LAYOUT_NONE,
                               .offset = word};
    struct layout_type both = {.kind = LAYOUT_STRUCT,
                               .first = (uint32_t)table->field_count,
                               .count = 2,
                               .target = LAYOUT_NONE,
                               .size = (uint64_t)word * 2,
                               .align = word};
    type_table_field(table, &ptr);
    type_table_field(table, &adj);
    table->entries[number].type = both;
}
