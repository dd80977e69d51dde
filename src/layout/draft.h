/* A layout in the making: whoever reads debug info adds what it finds, in any order. */
#ifndef LAYOUT_DRAFT_H
#define LAYOUT_DRAFT_H

#include "base/error.h"
#include "base/text.h"
#include "layout/layout.h"

struct draft; /* opaque */

struct draft *draft_create(void); /* NULL: no memory */
void draft_destroy(struct draft *draft);

/* The number of a string; equal strings have the same. NULL: LAYOUT_NONE. After a failed allocation
 * draft_finish fails; none of these needs to be checked. */
uint32_t draft_string(struct draft *draft, const char *string);

/* The string of that number, until the next draft_string. */
const char *draft_string_at(const struct draft *draft, uint32_t number);

/* A type that is filled in later, so that types can lead to each other. Until then it is
 * LAYOUT_UNKNOWN. */
uint32_t draft_reserve(struct draft *draft);

/* Fills it in, once. `fields` (STRUCT, UNION: type->count of them) or `enumerators` (ENUM) are
 * copied; type->first and type->depth are set here. Types that it leads to were reserved before:
 * another number makes draft_finish fail. */
void draft_fill(struct draft *draft, uint32_t number, const struct layout_type *type,
                const struct layout_field *fields, const struct layout_enumerator *enumerators);

/* What was filled in, to be read; fields only until the next call. */
const struct layout_type *draft_type(const struct draft *draft, uint32_t number);

/* `image` is set by draft_finish, which also leaves out the same one at the same place, and turns
 * LAYOUT_CARRIED into a reason where two variables have one identity or lie in each other, or one
 * lies outside of the library or has no size. */
void draft_variable(struct draft *draft, const struct layout_variable *variable);

/* One outside of the library is left out by draft_finish. */
void draft_symbol(struct draft *draft, const struct layout_symbol *symbol);
void draft_mark(struct draft *draft, uint64_t address, uint32_t type);

struct draft_library { /* what is known of the whole */
    uint64_t span;
    uint64_t text_address, text_size;
    const void *text; /* NULL: none is kept */
};

/* Appends the layout's bytes: types are numbered anew from `state` on (LAYOUT_NONE: there is no
 * state), then those of variables and marks; what nothing leads to is left out. It can be called
 * once. False with `err`: limits, a type that lies in itself, memory; what was appended is taken
 * back. */
bool draft_finish(struct draft *draft, uint32_t state, const struct draft_library *library,
                  struct text *out, struct error *err);

#endif
