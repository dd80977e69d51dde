/* The status page: what must outlive the host. It is mapped by both processes. The host writes
 * where it is before it calls user code; the supervisor reads it after the host's death, copies
 * what it needs and believes nothing that it has not bounded: user code may have written over any
 * of it. */
#ifndef LINK_PAGE_H
#define LINK_PAGE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum phase {    /* what the host was calling, in 4 bits */
    PHASE_NONE, /* the host's own code */
    PHASE_LOAD, /* dlopen: constructors */
    PHASE_INIT,
    PHASE_STEP,
    PHASE_SERIALIZE,
    PHASE_DESERIALIZE,
    PHASE_EVENT,
    PHASE_FINI,
    PHASE_UNLOAD, /* dlclose: destructors */
    PHASE_COUNT
};

enum page_end { /* why the host leaves; without one, its end is a crash */
    PAGE_END_NONE,
    PAGE_END_EXIT,  /* the module asked: HOTRUN_EXIT, request_exit */
    PAGE_END_STOP,  /* the supervisor asked */
    PAGE_END_ERROR, /* step returned an error: to be handled as a crash of that step; `reason` is
                       set */
    PAGE_END_HOST   /* the host itself could not go on; `reason` is set */
};

struct page {
    /* Written by the host, on each step: one store, nothing else on this cache line. */
    alignas(64) _Atomic uint64_t word; /* (step index << 4) | phase */

    /* Written by the supervisor. */
    alignas(64) _Atomic uint32_t
        command; /* not 0: messages wait; the host sets it back to 0 and then reads them */
    _Atomic int32_t log_level; /* enum log_level */

    /* Written by the host, between steps. */
    alignas(64) _Atomic uint64_t generation; /* whose code `word` is about */
    _Atomic uint64_t calls; /* into user code so far, but for steps at full speed: two that follow
                               each other in the same `word` are not one long one */
    _Atomic uint64_t committed;   /* the generation that owns the loop; 0: none */
    _Atomic uint64_t announced;   /* the generation whose ACCEPTED lies in shared memory */
    _Atomic uint64_t first_index; /* index of its first step */
    _Atomic uint64_t late;        /* steps that were left out because others took too long */
    _Atomic uint64_t heap_bytes;  /* of the heap objects of the code that owns the loop */
    _Atomic uint32_t deferring;   /* 1: the module puts a swap off */
    _Atomic uint32_t idle;        /* 1: no step is due until something happens (rate once) */
    _Atomic uint32_t dying; /* 1: a handler is writing the crash record; no snapshot any more */
    _Atomic uint32_t end;   /* enum page_end */
    _Atomic int32_t exit_status; /* with PAGE_END_EXIT */
    char reason[512];            /* with PAGE_END_ERROR, PAGE_END_HOST */

    /* Written once, before the host is started. */
    uint64_t snapshot_limit;
};

#define PAGE_PHASE_BITS 4

static inline uint64_t page_word(uint64_t index, enum phase phase)
{
    return index << PAGE_PHASE_BITS | (uint64_t)phase;
}

static inline uint64_t page_index(uint64_t word)
{
    return word >> PAGE_PHASE_BITS;
}

/* The phase in `word`; PHASE_NONE for a value that is none. */
static inline enum phase page_phase(uint64_t word)
{
    uint64_t phase = word & ((1U << PAGE_PHASE_BITS) - 1);
    return phase < PHASE_COUNT ? (enum phase)phase : PHASE_NONE;
}

/* False for a word that no host wrote: a phase that is none, an index beyond all time. */
static inline bool page_word_is_sane(uint64_t word)
{
    return (word & ((1U << PAGE_PHASE_BITS) - 1)) < PHASE_COUNT && page_index(word) < UINT64_C(1)
                                                                                          << 56;
}

/* "step", "load", ...: the word of the events' field `in`. */
const char *phase_name(enum phase phase);

#endif
