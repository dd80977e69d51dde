/* Pairs of types, an old and a new one, and the moves that make a value of the one from a value of
 * the other. Each pair is compiled once, when somebody first asks for it. */
#ifndef MOVES_PAIR_H
#define MOVES_PAIR_H

#include "base/error.h"
#include "layout/layout.h"

enum {                  /* pair.flags */
    PAIR_NONE = 1,      /* nothing of the value can be taken */
    PAIR_LIKE = 2,      /* all lies where it lay and means the same; pointers may lead elsewhere */
    PAIR_POINTERS = 4,  /* there are pointers in it */
    PAIR_TRANSIENT = 8, /* HOTRUN_TRANSIENT stands in it */
    PAIR_LEAVES = 16,   /* not each byte of the new value is written */
    PAIR_STIRS = 32,    /* what is zero may become something else */
    PAIR_EXACT = 64,    /* it is not alike, and HOTRUN_EXACT forbids that */
    PAIR_SCALAR = 128,
    PAIR_OWNER = 256,  /* as in layout/owner.h, with pointers */
    PAIR_OFFSETS = 512 /* there are pointers to data members in it */
};

enum move_kind {
    MOVE_COPY,    /* size bytes */
    MOVE_CONVERT, /* a scalar, by convert.h */
    MOVE_POINTER,
    MOVE_VTABLE, /* a pointer of C++ to a table of the library, from_step and to_step bytes behind
                    the start of the object that it is of; count 0: that is a member */
    MOVE_WORDS,  /* size bytes of a union that may hold pointers, from_step bytes apart, copied */
    MOVE_EACH,   /* count elements, or a struct */
    MOVE_TEXT,   /* an array of `char` with size bytes into one with to_step bytes, fewer */
    MOVE_ZERO,   /* size bytes behind a text that was shorter */
    MOVE_CUT     /* nothing; tells when size bytes, which are cut, were not zero */
};

struct move {
    uint8_t kind;
    bool apart; /* what lies between the move before and this one is not only padding */
    uint8_t from_bit, from_bits, to_bit, to_bits;
    uint8_t quick_from, quick_to; /* CONVERT: as in layout/quick.h */
    uint32_t pair;                /* EACH */
    uint32_t from_type, to_type;  /* of CONVERT, POINTER, WORDS, TEXT, CUT */
    uint64_t from, to;            /* offsets */
    uint64_t size;
    uint64_t count, from_step, to_step; /* EACH */
};

struct link { /* a member of an old struct, and its place in the new one */
    uint64_t from, to, size;
    uint32_t pair; /* LAYOUT_NONE: it is gone */
    uint32_t from_type;
};

struct pair {
    uint32_t from, to; /* types */
    uint32_t flags;
    uint32_t first, count;           /* moves, in the order of the new value */
    uint32_t first_link, link_count; /* in the order of the old value */
    uint32_t element;                /* of arrays: their pair; LAYOUT_NONE: other kinds */
};

struct pairs {
    const struct layout *from, *to;
    struct pair *list;
    struct move *moves;
    struct link *links;
    uint32_t count, move_count, link_count;
    size_t room, move_room, link_room;
    uint32_t *slots; /* pairs by their types */
    uint32_t slot_count;
    bool whole;      /* HOTRUN_TRANSIENT is not heeded; set before the first pair */
    uint64_t budget; /* of members that may yet be looked at: bounds what a damaged layout costs */
};

bool pairs_create(struct pairs *pairs, const struct layout *from, const struct layout *to);
void pairs_finish(struct pairs *pairs);

/* The number of the pair. LAYOUT_NONE with `err`: memory, or the layouts are too large. */
uint32_t pairs_find(struct pairs *pairs, uint32_t from, uint32_t to, struct error *err);

/* Alike, and no pointer and nothing transient in it: bytes can be copied. */
static inline bool pair_is_plain(const struct pair *pair)
{
    return (pair->flags & (PAIR_LIKE | PAIR_POINTERS | PAIR_TRANSIENT)) == PAIR_LIKE;
}

/* A value that lies where it lay need not be moved. */
static inline bool pair_stays(const struct pair *pair)
{
    return (pair->flags & (PAIR_LIKE | PAIR_TRANSIENT)) == PAIR_LIKE;
}

/* Where what lay `offset` bytes in the old value lies in the new one. A pointer's type tells what
 * is meant: `wanted` is the old type that it points to (LAYOUT_NONE: any). An end behind an array's
 * last element stays one behind as many elements. False: it has no place. */
bool pair_place(const struct pairs *pairs, uint32_t pair, uint64_t offset, uint32_t wanted,
                uint64_t *place);

#endif
