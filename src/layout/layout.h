/* A layout: what lies where in a module's state, and what of the module the state may point to, as
 * hotrun-inspect read it from the debug info. It is one block of bytes that means the same in each
 * process and is never trusted: layout_open checks all of it, and what it returns can be followed
 * without a further look. Immutable, so any thread may read it.
 *
 * Types are numbered. 0 is the state's type (a module without state: LAYOUT_BYTES of size 0); types
 * that it leads to follow in the order of a walk, so that equal states have equal numbers. */
#ifndef LAYOUT_LAYOUT_H
#define LAYOUT_LAYOUT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYOUT_TYPES_MOST  (1U << 18)
#define LAYOUT_FIELDS_MOST (1U << 20)
#define LAYOUT_DEPTH_MOST  100 /* of types that lie inside of each other; pointers end the count */
#define LAYOUT_PATHS_MOST                                                                          \
    (1U << 22) /* ways from a type to the types in it; elements count once                         \
                */
#define LAYOUT_BYTES_MOST ((size_t)256 << 20)
#define LAYOUT_SPAN_MOST  (UINT64_C(1) << 47)
#define LAYOUT_NONE       UINT32_MAX

enum layout_kind {
    LAYOUT_BYTES = 1, /* opaque: copied where name, size and `elements` are the same */
    LAYOUT_BOOL,
    LAYOUT_CHAR, /* `char` itself: an array of it is a string */
    LAYOUT_INT,  /* signed, 1 to 16 bytes */
    LAYOUT_UINT,
    LAYOUT_FLOAT, /* 4, 8; 16 with the 10 bytes of x87 or IEEE quad, as `long double` is here */
    LAYOUT_ENUM,
    LAYOUT_POINTER,
    LAYOUT_ARRAY, /* of one dimension; more are arrays of arrays */
    LAYOUT_STRUCT,
    LAYOUT_UNION,
    LAYOUT_FUNCTION, /* behind pointers only; so is the next */
    LAYOUT_UNKNOWN,  /* a type without a definition here, or void */
    LAYOUT_KIND_COUNT
};

enum {                   /* layout_type.flags */
    LAYOUT_EXACT = 1,    /* HOTRUN_EXACT stands in it */
    LAYOUT_FLEXIBLE = 2, /* ends in an array without a size: never lies in a state */
    LAYOUT_SIGNED = 4,   /* CHAR and ENUM: their integer is signed */
    LAYOUT_CLASS = 8,    /* STRUCT: of C++ with bases or virtual functions */
    LAYOUT_ONCE = 16,    /* POINTER: a reference of C++ */
    LAYOUT_OFFSET = 64,  /* POINTER: to a data member of C++, -1 for none; its target is a UNION of
                            two  fields, the class and the member's type */
    LAYOUT_TYPEDEF = 32  /* STRUCT, UNION, ENUM: without a tag; `name` is that of its typedef */
};

struct layout_type {
    uint32_t kind, flags;
    uint32_t name;         /* into strings: "game", "ns::node", "unsigned int"; "": it has none */
    uint32_t first, count; /* STRUCT, UNION: fields; ENUM: enumerators */
    uint32_t target;       /* ARRAY: its element; POINTER: what it points to; else LAYOUT_NONE */
    uint64_t size;         /* in bytes; 0 for FUNCTION and UNKNOWN */
    uint64_t elements;     /* ARRAY; 0 when they take no bytes. BYTES: what tells it from others of
                              its name and size, 0: nothing */
    uint32_t align;        /* a power of two, as far as debug info tells; at least 1 */
    uint32_t depth;        /* of types that lie in it: 0 for scalars */
};

enum {                    /* layout_field.flags */
    LAYOUT_TRANSIENT = 1, /* HOTRUN_TRANSIENT: each new generation has its default */
    LAYOUT_MEMBERS = 2,   /* a STRUCT or UNION without a name: its fields count as those of the type
                             around it */
    LAYOUT_BASE = 4,      /* a base class, a STRUCT; `name` is its name */
    LAYOUT_VTABLE = 8     /* a POINTER of the compiler's to a table of the library */
};

struct layout_field {
    uint32_t name, type;
    uint32_t old_name; /* HOTRUN_RENAMED: what it was called; LAYOUT_NONE: the same */
    uint32_t flags;
    uint64_t offset;    /* in bytes, of the byte that holds its lowest bit */
    uint32_t bit, bits; /* a bit-field: its lowest bit in that byte, how many; bits 0: none */
};

struct layout_enumerator {
    uint32_t name, pad;
    uint64_t value; /* extended to 64 bits, with the sign if the ENUM has one */
};

enum {                  /* layout_variable.flags */
    LAYOUT_RESET = 1,   /* HOTRUN_RESET: it starts anew */
    LAYOUT_CARRIED = 2, /* it can be carried over; without it `reason` says why not */
    LAYOUT_GLOBAL = 4,  /* other files see it: `file` does not count when it is looked for */
    LAYOUT_FIXED = 8    /* nothing is lost when it is not carried: it never changes */
};

/* A variable that outlives calls. Those that are CARRIED come first, in the order of addresses, and
 * lie neither in each other nor outside of the library; no two have one identity. Then the others,
 * whose address may mean nothing. */
struct layout_variable {
    uint32_t file;     /* as it was compiled: "src/game.c" */
    uint32_t function; /* the function, or the block's, that it stands in; "": none */
    uint32_t name, type;
    uint32_t flags, reason;
    uint64_t address; /* from the library's base */
    uint64_t image;   /* where it lies in an image's variables: packed, each at a multiple of 16 */
};

/* A function or object that the library defines; in the order of addresses. */
struct layout_symbol {
    uint32_t name;
    uint32_t file; /* of a local one: the last part of its source's path; LAYOUT_NONE: it is global,
                      or not known */
    uint64_t address, size;
    uint32_t function; /* 1: a function */
    uint32_t pad;
};

struct layout_mark { /* where hotrun_alloc names a type; in the order of addresses */
    uint64_t address;
    uint32_t type, pad;
};

struct layout_head {
    char magic[8];
    uint64_t len;            /* of all of it, the head included */
    uint64_t hash;           /* of all that follows this field: which layout it is */
    uint64_t shape;          /* of the types that the state leads to: equal ones need no moves */
    uint64_t span;           /* bytes that the library takes in memory; at most LAYOUT_SPAN_MOST */
    uint64_t variables_size; /* of an image's variables */
    uint64_t text_address, text_size; /* read-only bytes of the library that are kept at `text` */
    uint32_t types, fields, enumerators, variables, symbols, marks, strings;
    uint32_t state_types; /* the first so many are those that the state leads to */
};

struct layout { /* all of these lie in one block, which the layout owns; but for `index` */
    const struct layout_head *head;
    const struct layout_type *types;
    const struct layout_field *fields;
    const struct layout_enumerator *enumerators;
    const struct layout_variable *variables;
    const struct layout_symbol *symbols;
    const uint32_t *by_name; /* symbols by name, then file */
    const struct layout_mark *marks;
    const char *strings;
    const unsigned char *text; /* string literals among it; NULL: none are kept */
    unsigned references;
    struct layout_index *index; /* for what is looked up; opaque */
};

/* A checked copy of bytes[0..len). NULL with `err`: they are no layout. The caller has the first
 * reference. */
struct layout *layout_open(const void *bytes, size_t len, struct error *err);

/* The block that it was opened from: head->len bytes. */
const void *layout_block(const struct layout *layout);

struct layout *layout_keep(struct layout *layout); /* one reference more; not for two threads */
void layout_drop(struct layout **layout);          /* one less; *layout is NULL then */

static inline const char *layout_string(const struct layout *layout, uint32_t at)
{
    return at == LAYOUT_NONE ? "" : layout->strings + at;
}

static inline const struct layout_type *layout_state(const struct layout *layout)
{
    return &layout->types[0];
}

/* The symbol that `address` (from the library's base) means: the smallest one that covers it; else
 * one that begins there, which has no size; else one that ends there (the end of an array). NULL:
 * none. */
const struct layout_symbol *layout_symbol_at(const struct layout *layout, uint64_t address);

/* The symbol of this name. With a file, a local one of that file is preferred to a global one; two
 * local ones of the same name and file are none. NULL: none, or several that could be meant. */
const struct layout_symbol *layout_symbol_named(const struct layout *layout, const char *name,
                                                const char *file);

/* The carried variable that covers `address`; NULL: none. */
const struct layout_variable *layout_variable_at(const struct layout *layout, uint64_t address);

/* The one of this identity, carried or not; of a global one `file` does not count. NULL: none. */
const struct layout_variable *layout_variable_named(const struct layout *layout, const char *file,
                                                    const char *function, const char *name,
                                                    bool global);

/* The type that the mark at `address` names; LAYOUT_NONE: it is not known. */
uint32_t layout_mark_at(const struct layout *layout, uint64_t address);

/* "struct node *", "int[4][3]", "enum state", "int (*)[4]": as C writes it, as a cast has it. */
struct text;
bool layout_type_name(const struct layout *layout, uint32_t type, struct text *out);

#endif
