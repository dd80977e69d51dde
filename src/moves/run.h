/* The inside of plan_move and plan_rebind: one image on its way. run.c moves values, run_pointer.c
 * finds where pointers lead, run_heap.c and run_variables.c do what lies outside of the state. */
#ifndef MOVES_RUN_H
#define MOVES_RUN_H

#include "layout/bind.h"
#include "moves/pair.h"
#include "moves/plan.h"
#include "moves/texts.h"
#include "moves/twins.h"

struct roster;

struct plan {
    const struct layout *from, *to;
    struct pairs *pairs;    /* of what is moved */
    struct pairs *pointees; /* of what pointers lead to, for telling whether it has changed: apart,
                               since these are compiled while moves of the others run */
    struct twins *twins;
    uint32_t state; /* pair */
};

struct root {      /* what is being moved, for paths */
    uint32_t type; /* of the new layout */
    uint64_t count;
    const unsigned char *bytes; /* where it lies anew */
    const char *name;           /* "" of the state */
};

struct owner { /* owner.h: several of its pointers lead to the same, which is told once */
    const unsigned char *bytes; /* where it lies anew; NULL: none is being moved */
    uint32_t type;
    bool told;
};

struct stretches { /* of a block: what may hold something else than zeros */
    const unsigned char *block;
    uint64_t size;
    image_data *data; /* where that is asked for; with data_ctx */
    void *data_ctx;
    bool asked;
    struct stretch {
        uint64_t start, end;
    } * list; /* in order; NULL: all of it may */
    size_t count, room;
};

struct run {
    const struct plan *plan;
    const struct image *image;
    const struct target *target;
    struct findings *findings;
    struct error *err;

    bool state_stays, heap_stays;
    bool in_place; /* of what is visited right now: only pointers change */
    struct root root;
    struct owner owner;

    struct stretches *old_held, *new_held; /* of the states */

    struct heap_view heap;
    uint64_t *objects;      /* new addresses, in the order of the view's objects */
    uint32_t *object_pairs; /* of one element; LAYOUT_NONE: bytes of no known type */

    uint32_t *variables;      /* old numbers -> new ones; LAYOUT_NONE: there is none */
    uint32_t *variable_pairs; /* by old numbers */

    uint64_t *symbols; /* places of the old symbols in the new library, plus SYMBOL_KNOWN; 0: not
                          looked for; NULL: no memory for it */
    struct texts texts;
    struct roster *roster; /* names of the new layout, for paths */
    struct roster *old_roster;
};

/* Moves the value of `pair`, or with in_place only rebinds its pointers. */
void run_value(struct run *run, uint32_t pair, const unsigned char *from, unsigned char *to);

/* The same of `count` in a row. */
void run_values(struct run *run, uint32_t pair, const unsigned char *from, unsigned char *to,
                uint64_t count, uint64_t from_step, uint64_t to_step);

/* Moves a pointer. */
void run_pointer(struct run *run, const struct move *move, const unsigned char *from,
                 unsigned char *to);
void run_vtable(struct run *run, const struct move *move, const unsigned char *from,
                unsigned char *to);
void run_words(struct run *run, const struct move *move, const unsigned char *from,
               unsigned char *to);

/* Whether the pointer gets the value that the target has. */
bool run_pointer_resets(struct run *run, const struct move *move, const unsigned char *from);

/* True, and it is told: the value owns what has died with its process (owner.h), and must not be
 * moved. */
bool run_owner_stays(struct run *run, uint32_t pair, const unsigned char *from,
                     const unsigned char *to);

/* False with run->err. */
bool run_heap_prepare(struct run *run); /* makes the objects, unless they stay */
void run_heap_move(struct run *run);
bool run_variables_prepare(struct run *run);
void run_variables_move(struct run *run);

/* Whether more findings of a kind are named: else they are only counted, here. */
bool run_names(struct run *run, enum finding kind);

/* Appends the path of what lies at `to` in run->root: of the type `wanted` of the new layout, or
 * a bit-field. */
void run_path(struct run *run, const unsigned char *to, uint32_t wanted, uint32_t bit,
              uint32_t bits, struct text *out);

/* The part of a run of `count` elements, from number `at` on, that may hold or be to hold something
 * else than zeros. False: none is left. */
bool run_stretch(const struct run *run, const unsigned char *from, const unsigned char *to,
                 uint64_t from_step, uint64_t to_step, uint64_t count, uint64_t at, uint64_t *begin,
                 uint64_t *end);

/* States that are moved are asked where they hold something at once, since reading a hole of a file
 * in memory fills it; others when that is looked for, which may never be: the answer for 1 GB takes
 * longer than all the rest. False with run->err: no memory. */
bool run_stretches_open(struct run *run);
void run_stretches_close(struct run *run);

/* Whether size bytes at `from` hold something else than zeros. */
bool run_holds(const struct run *run, const unsigned char *from, uint64_t size);

#endif
