/* The crash record: what a dying host writes of its death into shared memory, cheapest first, with
 * a stage after each part. What stands before the stage that was reached is whole, whatever
 * happened then. The supervisor copies it before it reads it, and believes nothing that it has not
 * bounded.
 */
#ifndef LINK_CRASH_H
#define LINK_CRASH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CRASH_FRAMES_MOST    64
#define CRASH_OBJECTS_MOST   24
#define CRASH_REGISTERS_MOST 36
#define CRASH_PATH_SIZE      512
#define CRASH_LIMIT_MS       200 /* the time that a dying host has for its record */

enum crash_stage {
    CRASH_NONE,
    CRASH_BEGUN,   /* cause, signal, code, address, exit_status, threads, registers */
    CRASH_WALKED,  /* frames by frame pointers, which may be few or wrong */
    CRASH_UNWOUND, /* frames by unwind tables, in their place */
    CRASH_DONE     /* nothing more will come */
};

enum crash_cause {
    CRASH_BY_SIGNAL = 1,
    CRASH_BY_EXIT, /* the module called exit() */
    CRASH_BY_ORDER /* the supervisor asked: the call hangs, and is looked at (SIGABRT) */
};

struct crash_frame {
    uint64_t pc;     /* of an exact frame the instruction itself; else where the call returns to */
    uint32_t object; /* index + 1 into `objects`; 0: code of nobody that is known */
    uint32_t exact;  /* 1: the frame that was interrupted */
};

struct crash_object { /* a loaded library or program */
    uint64_t base;    /* what its addresses in memory are above those in its file */
    char
        path[CRASH_PATH_SIZE]; /* as it was opened; "": the program itself; "?": longer than fits */
};

struct crash_record {
    _Atomic uint32_t stage; /* enum crash_stage */
    uint32_t cause;         /* enum crash_cause */
    int32_t signal, code;   /* of siginfo */
    int32_t exit_status;
    uint32_t has_address;
    uint64_t address;                         /* si_addr of the signals that have one */
    uint32_t writing;                         /* 1: a write, 2: a read or a jump, 0: not known */
    uint32_t by_main;                         /* 1: in the main thread */
    uint64_t thread;                          /* its id */
    uint64_t registers[CRASH_REGISTERS_MOST]; /* in the order of crash_register_name */
    uint32_t register_count;
    uint32_t frame_count, object_count;
    struct crash_frame frames[CRASH_FRAMES_MOST];
    struct crash_object objects[CRASH_OBJECTS_MOST];
};

/* Copies what the dead host wrote as far as it came, with each number within its bounds and each
 * path ended. False: it wrote nothing, or nothing that makes sense. */
bool crash_read(const struct crash_record *from, struct crash_record *to);

/* "rax", ...: of this machine; NULL behind the last one. */
const char *crash_register_name(unsigned index);

#endif
