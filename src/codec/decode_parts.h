/* The inside of decode.c: one JSON text on its way into a state. */
#ifndef CODEC_DECODE_PARTS_H
#define CODEC_DECODE_PARTS_H

#include "codec/decode.h"
#include "codec/statics.h"
#include "layout/convert.h"
#include "layout/heap.h"
#include "layout/path.h"
#include "layout/roster.h"
#include "state/members.h"

struct trail { /* how a value was come by */
    const struct trail *up;
    const char *name; /* of a member; NULL: an item */
    size_t len;
    uint64_t index;
    bool only;  /* an element that stands for its array here */
    bool added; /* an element that the text does not have: the value stands for an array of it */
    const char *key; /* what the text calls the member, when that is not `name`; else NULL */
    size_t key_len;
};

struct decode_object { /* a heap object; bytes NULL: it could not be made */
    unsigned char *bytes;
    struct path_spot spot;
};

struct decode_word { /* an enumerator of the layout, by its name */
    const char *name;
    uint32_t number;
};

struct decode_told { /* an enumerator of the code that wrote the text */
    char *name;
    uint64_t type; /* as "$types" numbers it */
    __extension__ __int128 number;
    bool clear, clear_of_type; /* all behind it with this name, and of the type, have the number */
};

struct decode_type {   /* of one place in the text */
    uint64_t place;    /* a hash of its path */
    const char *at;    /* its value; NULL: there are two */
    uint32_t union_of; /* the type that it was compared with last; LAYOUT_NONE: none */
    bool alike;
};

struct decode_place {
    uint64_t way; /* a hash of a trail; 0: none */
    struct decode_type *type;
};

struct decoding {
    const char *end; /* of the text */
    const struct decode_given *given;
    const struct target *target;
    const struct layout *layout;
    struct roster *roster;
    struct findings *findings;
    struct error *err;
    struct decode_object *objects; /* as "$heap" numbers them */
    size_t object_count;
    struct statics statics;
    struct decode_word *words; /* sorted; NULL: nobody has asked */
    uint32_t word_count;
    const char *enums;         /* "$enums"; NULL: there is none */
    struct decode_told *names; /* of it, sorted; when somebody has asked */
    size_t names_count, names_room;
    bool names_listed;
    const char *type_list;     /* "$types"; NULL: there is none */
    struct decode_type *types; /* of it, by place */
    size_t type_count;
    bool has_floats;             /* among them */
    struct decode_place *places; /* that are remembered */
    size_t place_count;          /* a power of two */
    struct text path;
    uint64_t *told; /* what is told once: hashes, a table */
    size_t told_count, told_size;
    struct text scratch;
    bool failed; /* `err` is filled */
};

/* Stores the value at `at` and returns what is behind it. `bytes` is of the spot's first byte. */
const char *decode_value(struct decoding *decoding, const struct path_spot *spot,
                         unsigned char *bytes, const char *at, const struct trail *trail);

/* The object's members as those of `type`; at the `root` "$heap", "$statics" and what stands beside
 * (beside.h) are left aside. */
const char *decode_members(struct decoding *decoding, uint32_t type, unsigned char *bytes,
                           const char *at, const struct trail *trail, bool root);

/* An array of `count` elements; spot's type is told. */
const char *decode_array(struct decoding *decoding, const struct path_spot *spot, uint32_t element,
                         uint64_t count, unsigned char *bytes, const char *at,
                         const struct trail *trail);

/* A union, or what is opaque: all or nothing. */
void decode_opaque(struct decoding *decoding, const struct path_spot *spot, unsigned char *bytes,
                   const char *at, const struct trail *trail);

/* A scalar: number, string, true, false. */
void decode_scalar(struct decoding *decoding, const struct path_spot *spot, unsigned char *bytes,
                   const char *at, const struct trail *trail);

/* Whether the string at `at` is a number, as a string that is no text of an array of char is: an
 * infinity, more than 2^53, an enumerator. */
bool decode_is_named(struct decoding *decoding, uint32_t type, const char *at,
                     const struct trail *trail);

/* What `word`, which ends in '\0', means as an enumerator, for a value of `type`. An enum has names
 * of its own; else it is the number that "$enums" tells. False: no such name is known. */
bool decode_word(struct decoding *decoding, const struct layout_type *type, const struct text *word,
                 const struct trail *trail, struct value *value);

/* Reads "$types". */
void decode_list_types(struct decoding *decoding);

/* What it tells of the place; NULL: nothing. */
struct decode_type *decode_type_at(struct decoding *decoding, const struct trail *trail);

/* Whether it tells of all places: what it does not tell of is known, too. */
static inline bool decode_is_typed(const struct decoding *decoding)
{
    return decoding->types != NULL && !decoding->given->strict;
}

/* Whether the place is told to be `word`: "char[" or "bits", of any length. */
bool decode_was(struct decoding *decoding, const struct trail *trail, const char *word);

bool decode_was_union(struct decoding *decoding, const struct trail *trail); /* or is opaque */

/* How many bytes the float that was there took, how many characters the text; 0: not known. */
uint32_t decode_float_at(struct decoding *decoding, const struct trail *trail);
uint64_t decode_chars_at(struct decoding *decoding, const struct trail *trail);

/* The number of the enum that was there. False: it was none. */
bool decode_enum_at(struct decoding *decoding, const struct trail *trail, uint64_t *number);

/* Whether the bytes of the union that was there mean the same in that of `type`. */
bool decode_union_is_alike(struct decoding *decoding, uint32_t type, const struct trail *trail);

/* Appends the path; `any`: "*" for each element, `keys`: as the text calls members. */
void decode_path(const struct trail *trail, bool any, bool keys, struct text *out);

/* Stores a value, and tells what was lost. `shown`: how it was written. */
void decode_store(struct decoding *decoding, const struct path_spot *spot, unsigned char *bytes,
                  const struct value *value, const char *shown, size_t shown_len,
                  const struct trail *trail);

void decode_pointer(struct decoding *decoding, const struct path_spot *spot, unsigned char *bytes,
                    const char *at, const struct trail *trail);

/* The objects of "$heap", whose array is at `at`: all of them before any value, for pointers may
 * lead to later ones, and in circles. */
size_t decode_count_items(const struct decoding *decoding, const char *at);
void decode_list_objects(struct decoding *decoding, const char *at, const struct trail *trail);
void decode_fill_objects(struct decoding *decoding, const char *at, const struct trail *trail);

/* The member of that name in the object at `at`; NULL: none, or no object. */
const char *decode_member(const struct decoding *decoding, const char *at, const char *name);

/* The characters of the string at `at` in `out`; false: no string, or no memory (failed). */
bool decode_string(struct decoding *decoding, const char *at, struct text *out);

/* An object whose first member is "$bytes": no struct has a member of that name. */
bool decode_is_bytes(const struct decoding *decoding, const char *at);

static inline bool decode_is_scalar(uint32_t kind)
{
    return kind >= LAYOUT_BOOL && kind <= LAYOUT_ENUM;
}

/* The bytes of {"$bytes": base64}; false: it is none, or no memory (failed). */
bool decode_bytes(struct decoding *decoding, const char *at, struct text *out);

/* A number without sign, fraction or exponent. */
bool decode_count(const struct decoding *decoding, const char *at, uint64_t *count);

/* Tells of the value of a kind that cannot be stored, or refuses it. */
void decode_mismatch(struct decoding *decoding, uint32_t type, const char *at,
                     const struct trail *trail, const char *expected);

/* Adds "PATH" or "PATH: sentence" to the findings; where `once` is not 0, once for each `kind` and
 * `once`, and of all elements of arrays: "/enemies/ * /hp", without the spaces. */
void decode_tell(struct decoding *decoding, enum finding kind, uint64_t once,
                 const struct trail *trail, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Fills the error, with the path in front. */
void decode_refuse(struct decoding *decoding, const struct trail *trail, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void decode_no_memory(struct decoding *decoding);

#endif
