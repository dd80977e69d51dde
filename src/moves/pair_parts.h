/* The inside of pairs: pair.c keeps them, pair_compile.c makes moves of two types, and pair_moves.c
 * keeps neighbouring ones together. */
#ifndef MOVES_PAIR_PARTS_H
#define MOVES_PAIR_PARTS_H

#include "moves/pair.h"

/* Sets all of *pair but its types. False with `err`, as pairs_find. */
bool pair_compile(struct pairs *pairs, struct pair *pair, struct error *err);

/* The same of two structs or unions. */
bool pair_compile_members(struct pairs *pairs, struct pair *pair, struct error *err);

/* Appends a move to those of `pair`, which are the last ones. */
bool pair_push(struct pairs *pairs, struct pair *pair, const struct move *move, struct error *err);

struct inner { /* a value in another one */
    uint32_t pair;
    bool apart; /* as in struct move */
    bool base;  /* the part of an object that a base class has */
    uint64_t from, to;
};

/* Appends what makes the value of another pair. */
bool pair_push_inner(struct pairs *pairs, struct pair *pair, const struct inner *inner,
                     struct error *err);

bool pair_push_link(struct pairs *pairs, const struct link *link, struct error *err);

/* ERROR_SYSTEM: memory. */
bool pair_no_memory(struct error *err);

/* Lowers the budget. False with `err`: it is used up. */
bool pair_spend(struct pairs *pairs, uint64_t amount, struct error *err);

#endif
