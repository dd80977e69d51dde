/* What supervisor and host say to each other. Each message is one packet: a type and the fields of
 * its struct, described by rows in message.c. The receiver takes every packet as hostile: a packet
 * that does not fit its rows is an error. */
#ifndef LINK_MESSAGE_H
#define LINK_MESSAGE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_SIZE_MAX ((size_t)128 << 10)
#define SEND_MOST        ((size_t)127 << 10) /* bytes of a SEND's name and text, of a REPLY's text */
#define LAYOUTS_MOST     8                   /* layouts that a host has: those that came last */
#define KEEP_NAME_MOST   255 /* bytes of a kept descriptor's name that a KEEP can carry */

struct bytes { /* data[len] is '\0'; a received one lives until the next receive */
    const char *data;
    size_t len;
};

enum message_type {
    /* to the host */
    MESSAGE_SETUP = 1, /* first, once */
    MESSAGE_LOAD,      /* answered by exactly one ACCEPTED or REJECTED, or by the host's death */
    MESSAGE_CANCEL,    /* a swap that the module defers: answered by REJECTED with stage `cancel`,
                          unless it was answered already */
    MESSAGE_CONFIRM,   /* probation is over: the older generation can go; answered by CLOSED */
    MESSAGE_TELL,      /* call on_event */
    MESSAGE_SNAPSHOT,  /* publish one; answered by PUBLISHED */
    MESSAGE_STOP,      /* STOPPING, serialize, fini, exit */
    MESSAGE_PAUSE,     /* steps are made no more, or again */
    MESSAGE_STEPS,     /* while paused: this many steps */
    MESSAGE_SEND,      /* what somebody has for on_event; answered by REPLY */
    MESSAGE_ASK,    /* write the state as text into the descriptor that comes with it; answered by
                       REPLY */
    MESSAGE_EDIT,   /* what the next LOAD_SWAP changes in the state: an edit list, in the
                       descriptor that comes with it */
    MESSAGE_LAYOUT, /* a layout, in the descriptor that comes with it: before the LOAD that names
                       it, or later, of the generation that runs; or that it has none */
    MESSAGE_LOG,    /* another log level */
    /* both ways */
    MESSAGE_RATE, /* another pace: by command, or by the module */
    MESSAGE_KEEP, /* a kept descriptor, which comes with the packet; or its name is forgotten */
    /* to the supervisor */
    MESSAGE_READY,
    MESSAGE_ACCEPTED,
    MESSAGE_REJECTED,
    MESSAGE_DEFERRED, /* the module has deferred a swap for longer than the limit */
    MESSAGE_CLOSED,
    MESSAGE_PUBLISHED,
    MESSAGE_RELOAD,  /* the module asked for a reload */
    MESSAGE_REPLY,   /* to a SEND or ASK */
    MESSAGE_LEAVING, /* the orderly end begins; why is in the status page */
    MESSAGE_NOTE,    /* something to log */
    MESSAGE_CHECKED, /* answer to LOAD_CHECK */
    MESSAGE_TYPE_COUNT
};

enum load_how {
    LOAD_FRESH = 1, /* zeroed state, init */
    LOAD_RESTORE,   /* init, then the snapshot in `slot` */
    LOAD_SWAP,      /* take over from the running generation; its state goes to `slot` first */
    LOAD_CHECK      /* load, look, unload */
};

enum swap_stage {
    SWAP_FILE = 1, /* before the host: the file check */
    SWAP_DEFER,
    SWAP_LOAD,
    SWAP_TABLE,
    SWAP_SERIALIZE,
    SWAP_INIT,
    SWAP_DESERIALIZE,
    SWAP_CANCEL,
    SWAP_MIGRATE, /* the state does not become one of the new layout */
    SWAP_EDIT,    /* what was to be changed in the state can't be */
    SWAP_STAGE_COUNT
};
const char *swap_stage_name(enum swap_stage stage); /* the word of the events' field `stage` */

enum state_how {
    STATE_JSON = 1,
    STATE_IN_PLACE,
    STATE_MIGRATED, /* moved field by field into another layout */
    STATE_RESET,    /* init alone, although there was a state */
    STATE_NEW       /* init alone: there was none before */
};
const char *state_how_name(enum state_how how); /* the word of the events' field `how` */

/* In all of these, times are in ns and booleans are 0 or 1. */
struct message_setup {
    uint64_t supervisor_pid, slot_address, state_max_json, state_max_size, pin_limit,
        defer_limit_ns, max_dt_ns;
    uint64_t rate_kind; /* as in struct config: 0 rate_hz, 1 max, 2 once */
    double rate_hz;
    uint64_t hold_on_loss, statics; /* state.on_loss, state.statics */
    uint64_t reset_on_mismatch, log_level, color, paused;
    uint64_t checkpoint_ns;    /* between two snapshots at intervals; 0: none */
    uint64_t stop_timeout_ns;  /* after STOP it is killed */
    struct bytes config, args; /* args: each with a '\0' behind it */
};

struct message_load {
    uint64_t how, generation, slot;
    uint64_t started_ns;     /* clock_ns when the change was noticed: the start of `total` */
    uint64_t failed;         /* RESTORE: the generation that failed, 0 when the code is a new one:
                                ROLLED_BACK or AFTER_RELOAD follows */
    uint64_t restored;       /* RESTORE, FRESH: it is after a crash: HOTRUN_STEP_RESTORED */
    uint64_t step;           /* FRESH: index of the first step */
    uint64_t edited;         /* SWAP: the EDIT before it is part of it */
    uint64_t layout;         /* of the library: the hash of one that a LAYOUT brought; 0: there is
                                none, or it comes later */
    uint64_t may_want;       /* it, or that there is none, is told later; of a SWAP, the LOAD may
                                come again with it */
    struct bytes path, name; /* the private copy; what messages call the library */
    struct bytes module;     /* the module's name that is expected; "": any */
    struct bytes reason;     /* with `failed` */
    struct bytes no_layout;  /* why there is none, of the library or of the one before; "": there
                                is, or it is not known */
    struct bytes facts;      /* struct elf_facts, as the file check found them */
};

struct message_accepted {
    uint64_t generation, how; /* enum state_how */
    uint64_t state_bytes; /* of the JSON or the image that was carried over; of a fresh state: its
                             size */
    uint64_t state_size, state_version, callbacks, first_step;
    uint64_t serialize_ns, load_ns, init_ns, deserialize_ns, pause_ns, total_ns;
    uint64_t pinned; /* the state from before is in the slot that LOAD named */
    uint64_t more_added, more_dropped, more_converted, more_lost, more_rounded, more_kept;
    struct bytes module, added, dropped;         /* lists: '\0' between two */
    struct bytes converted, lost, rounded, kept; /* lists of sentences (layout/findings.h) */
    struct bytes adjusted; /* sentences: what was edited, and is another value in the new state */
    struct bytes note;     /* what a person should know of this state's way; "" */
};

struct message_rejected {
    uint64_t generation, stage; /* enum swap_stage */
    uint64_t
        by_old; /* not the library is at fault: the running one refused, or memory is missing */
    uint64_t wants_layout; /* nothing is at fault: it has to come with its layout (may_want) */
    struct bytes reason;
};

struct message_closed {
    uint64_t generation; /* the one that went; 0: there was none */
    uint64_t kept;       /* it stays mapped on purpose: the state may point into it */
    uint64_t resident;   /* it could not be unloaded */
    struct bytes reason; /* why it is resident */
};

struct message_tell {
    uint64_t type; /* HOTRUN_EVENT_ */
    int64_t value;
    struct bytes name, text;
};

struct message_published {
    uint64_t ok, slot, bytes, took_ns, step, why;
    struct bytes reason;
};

struct message_checked {
    uint64_t resident, state_size, state_align, state_version, abi_minor, flags, load_ns, mapped;
    struct bytes module, callbacks; /* callbacks: names, separated by ", " */
    struct bytes strays;            /* one sentence a line */
    struct bytes resident_reason;
};

enum reply_form {   /* what the ASK's descriptor has */
    REPLY_TEXT = 0, /* the whole state's */
    REPLY_IMAGE,    /* of the whole state (layout/image.h) */
    REPLY_VALUE     /* text of what was wanted */
};

struct message {
    enum message_type type;
    union {
        struct message_setup setup;
        struct message_load load;
        struct message_accepted accepted;
        struct message_rejected rejected;
        struct message_closed closed;
        struct message_tell tell;
        struct message_published published;
        struct message_checked checked;
        struct {
            uint64_t generation;
        } cancel, confirm, deferred;
        struct {
            uint64_t why;
        } snapshot;
        struct {
            uint64_t status;
        } stop;
        struct {
            uint64_t on;
        } pause;
        struct {
            uint64_t count;
        } steps;
        struct {
            uint64_t number;         /* of the call, for its REPLY */
            struct bytes name, text; /* text: JSON; "": none */
        } send;
        struct {
            uint64_t number;
            struct bytes pointer; /* what of the state is wanted; "": all of it */
        } ask;
        struct {
            uint64_t generation; /* of the LOAD */
        } edit;
        struct {
            uint64_t generation; /* whose it is; 0: of a snapshot */
            uint64_t hash;       /* 0: there is none, and no descriptor */
        } layout;
        struct {
            uint64_t number, ok;
            uint64_t form;     /* enum reply_form: to an ASK */
            uint64_t step;     /* index of the next step */
            struct bytes text; /* JSON, "" for none; not ok: the reason */
        } reply;
        struct {
            uint64_t level;
        } log;
        struct {
            uint64_t dropped; /* 1: the name is forgotten, and no descriptor comes */
            struct bytes name;
        } keep;
        struct {
            uint64_t pid;
        } ready;
        struct {
            uint64_t kind;
            double hz;
        } rate;
        struct {
            uint64_t level;
            struct bytes text;
        } note;
    };
};

/* What both ends must have in common, as text: the version, and the shape of the messages. */
void message_protocol(char *text, size_t size);

struct bytes bytes_of(const char *string); /* NULL: "" */

/* Writes `message` into buffer[0..size). Returns its length; 0 when it does not fit. */
size_t message_encode(const struct message *message, void *buffer, size_t size);

/* Reads a packet; its bytes point into `packet`. */
bool message_decode(struct message *message, const void *packet, size_t len, struct error *err);

#endif
