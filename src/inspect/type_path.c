#include "inspect/type_path.h"

#include "inspect/die.h"
#include "inspect/package.h"

#include <string.h>

static bool is_wrapper(int tag)
{
    return tag == DW_TAG_typedef || tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
           tag == DW_TAG_restrict_type || tag == DW_TAG_atomic_type ||
           tag == DW_TAG_immutable_type || tag == DW_TAG_packed_type || tag == DW_TAG_shared_type ||
           tag == DW_TAG_template_alias;
}

static bool refer(const struct debug_file *file, Dwarf_Die *die, unsigned name, Dwarf_Die *to)
{
    Dwarf_Attribute attribute;
    uint64_t signature;
    if (dwarf_attr_integrate(die, name, &attribute) == NULL) {
        return false;
    }
    if (dwarf_formref_die(&attribute, to) != NULL) {
        return true;
    }
    if (file->package == NULL || dwarf_whatform(&attribute) != DW_FORM_ref_sig8) {
        return false;
    }
    memcpy(&signature, attribute.valp, sizeof signature);
    return package_type(file->package, signature, to);
}

bool type_path_follow(const struct debug_file *file, Dwarf_Die *die, Dwarf_Die *type,
                      const char **alias)
{
    Dwarf_Die at = *die;
    *alias = NULL;
    for (int i = 0; i < DIE_CHAIN_MOST; i++) {
        if (!refer(file, &at, DW_AT_type, type)) {
            return false;
        }
        Dwarf_Die unit; /* the whole of what only a type unit has */
        if (dwarf_hasattr(type, DW_AT_signature) && refer(file, type, DW_AT_signature, &unit)) {
            *type = unit;
        }
        int tag = dwarf_tag(type);
        if (!is_wrapper(tag)) {
            return true;
        }
        if (tag == DW_TAG_typedef) {
            *alias = die_name(type);
        }
        at = *type;
    }
    return false;
}

bool type_path_class(const struct debug_file *file, Dwarf_Die *die, Dwarf_Die *type)
{
    Dwarf_Die unit;
    if (!refer(file, die, DW_AT_containing_type, type)) {
        return false;
    }
    if (dwarf_hasattr(type, DW_AT_signature) && refer(file, type, DW_AT_signature, &unit)) {
        *type = unit;
    }
    return dwarf_tag(type) == DW_TAG_structure_type || dwarf_tag(type) == DW_TAG_class_type;
}

bool type_path_bounds(Dwarf_Die *die, struct type_bounds *bounds)
{
    Dwarf_Die child;
    bounds->count = 0;
    if (!die_child(die, &child)) {
        return false;
    }
    do {
        int tag = dwarf_tag(&child);
        uint64_t count;
        int64_t lower = 0, upper;
        if (tag != DW_TAG_subrange_type && tag != DW_TAG_enumeration_type) {
            continue;
        }
        (void)die_integer(&child, DW_AT_lower_bound, &lower);
        if (!die_unsigned(&child, DW_AT_count, &count)) {
            if (!die_integer(&child, DW_AT_upper_bound, &upper)) {
                return false;
            }
            count = (uint64_t)upper - (uint64_t)lower + 1;
        }
        if (bounds->count == TYPE_RANKS_MOST || count > INT64_MAX) {
            return false;
        }
        bounds->of[bounds->count++] = count;
    } while (die_next(&child));
    return bounds->count > 0;
}

static bool scale(uint64_t *factor, const struct type_bounds *bounds)
{
    for (size_t i = 0; i < bounds->count; i++) {
        if (__builtin_mul_overflow(*factor, bounds->of[i], factor)) {
            return false;
        }
    }
    return true;
}

bool type_path_size(const struct debug_file *file, Dwarf_Die *die, uint64_t *size)
{
    Dwarf_Die at = *die, type;
    const char *alias;
    uint64_t factor = 1;
    for (int i = 0; i < DIE_CHAIN_MOST; i++) {
        struct type_bounds bounds;
        uint64_t one;
        if (!type_path_follow(file, &at, &type, &alias)) {
            return false;
        }
        int tag = dwarf_tag(&type);
        if (die_unsigned(&type, DW_AT_byte_size, &one)) {
            return !__builtin_mul_overflow(factor, one, size) && *size <= INT64_MAX;
        }
        if (tag == DW_TAG_array_type && type_path_bounds(&type, &bounds)) {
            if (!scale(&factor, &bounds)) {
                return false;
            }
            at = type;
            continue;
        }
        one = sizeof(void *);
        if (tag == DW_TAG_ptr_to_member_type) {
            Dwarf_Die pointee;
            one = type_path_follow(file, &type, &pointee, &alias) &&
                          dwarf_tag(&pointee) == DW_TAG_subroutine_type
                      ? 2 * sizeof(void *)
                      : sizeof(void *);
        } else if (tag != DW_TAG_pointer_type && tag != DW_TAG_reference_type &&
                   tag != DW_TAG_rvalue_reference_type && tag != DW_TAG_unspecified_type) {
            return false;
        }
        return !__builtin_mul_overflow(factor, one, size) && *size <= INT64_MAX;
    }
    return false;
}
