/* The host process: it owns the main loop and the state, and runs user code. Everything here is on
 * its main thread, but for what services.h marks. Nothing here is trusted by the supervisor. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "host/checkpoint.h"
#include "host/descriptors.h"
#include "host/edits.h"
#include "host/layouts.h"
#include "host/pace.h"
#include "host/reach.h"
#include "host/services.h"
#include "hotrun/hotrun.h"
#include "layout/image.h"
#include "link/channel.h"
#include "link/shared.h"
#include "module/library.h"
#include "state/slot.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct setup { /* what the supervisor said at the start; strings are owned */
    uint64_t state_max_json, state_max_size, pin_limit, defer_limit_ns, max_dt_ns;
    uint64_t stop_timeout_ns;
    bool reset_on_mismatch, hold_on_loss, statics;
    char *config;
    const char **argv; /* NULL-terminated; points into args */
    char *args;
    int argc;
};

struct generation { /* one loaded version of the module */
    struct host *host;
    uint64_t number;
    struct library *library;
    const hotrun_module *module;
    hotrun_host api;  /* what this generation is handed; ctx points back to it */
    char name[64];    /* of the library, for messages */
    int slot;         /* of the state; -1: none of its own (it lives on in another generation's) */
    void *state;      /* NULL for a module without state */
    bool initialised; /* init succeeded: fini is owed */

    struct layout *layout;             /* a reference; NULL: it is not known (yet) */
    bool layout_comes;                 /* it, or that there is none, is told later */
    enum reach state_reach, all_reach; /* the latter with heap objects and variables */
    struct image_file file;            /* of views_image */
    atomic_uint heap_told;             /* warnings of heap_service.c */
    struct heap *heap;                 /* its heap objects; NULL: there is none */
    bool lives_on;                     /* newer code has its state, or what that points to */
    bool reached;                      /* that may point into the library */
    const hotrun_migrate *migrate;     /* migrate_is_there; NULL: it has none */
    bool asked_migrate;
    struct requests requests; /* what it asked for and has not got yet */
};

struct load { /* a LOAD that is under way or put off */
    enum load_how how;
    uint64_t generation, started_ns, failed, step, layout;
    int slot;
    bool restored;
    bool edited;                                     /* host->edits are part of it */
    bool may_want;                                   /* its layout is told later */
    char *path, *name, *module, *reason, *no_layout; /* owned */
    struct elf_facts facts;
    bool has_facts;
    uint64_t deferred_since_ns; /* 0: not deferred */
    uint64_t asked_index;       /* the module was asked before this step */
    bool deferral_told;
};

struct host {
    uv_loop_t loop;
    uv_poll_t channel_poll;
    uv_async_t wake;
    pthread_t main_thread;
    struct channel *channel;
    struct shared shared;
    struct page *page;
    struct log log;
    struct setup setup;
    struct slots slots;
    struct layouts layouts;
    struct kept_texts texts;
    struct kept kept;
    struct descriptors descriptors;
    struct pace pace;

    struct generation *current; /* owns the loop; NULL before the first one */
    struct generation *older;   /* what current replaced, until that is confirmed */
    struct load *load;          /* to be done between two steps */
    struct edits edits;
    uint64_t index;      /* of the next step */
    uint64_t calls;      /* into user code */
    uint64_t sequence;   /* of the last snapshot that was published */
    int turn;            /* the slot for the next one: SHARED_TURN_ */
    uint32_t step_flags; /* for the next step */
    uint64_t last_step_end_ns;
    bool step_now;             /* do not wait for the tick */
    bool in_place_told;        /* the warning about states that hotrun cannot look into */
    uint64_t strays_told;      /* fingerprint of the last warning about symbols */
    uint64_t uncarried_told;   /* the same, about variables */
    enum snapshot_why publish; /* due after the next step; 0: nothing is */
    uint64_t publish_step;     /* the step that follows what json_after holds */
    struct checkpoint checkpoint;
    bool paused;            /* no step is made but those that are granted */
    uint64_t granted;       /* steps to be made while paused */
    uint64_t granted_asked; /* of how many; 0: none are under way */
    bool publish_json;      /* json_after holds the state as it was before that step */

    char held[MESSAGE_SIZE_MAX]; /* a packet that is announced and not sent yet */
    size_t held_len;

    bool stopping; /* a STOP, EXIT or request_exit is due */
    enum page_end end;
    int exit_status;
    bool done; /* the loop ends */
    struct text json,
        json_after;           /* the module's state as text; memory that is used again and again */
    unsigned char *variables; /* a copy of the module's; as well */
    size_t variables_size;
};

/* Sends to the supervisor. A message that cannot be sent ends the process. */
void host_send(struct host *host, const struct message *message);

/* The same for a KEEP that `fd` goes along with; fd stays the caller's, -1: none. */
void host_send_fd(struct host *host, const struct message *message, int fd);

/* The channel is readable or writable. */
void host_on_channel(uv_poll_t *poll, int status, int events);

/* Puts a message where the supervisor finds it if need be, and sends it with host_send_held or
 * before the next one. */
void host_hold(struct host *host, const struct message *message, uint64_t generation);
void host_send_held(struct host *host);

/* A line for the supervisor to log. */
void host_note(struct host *host, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Leaves at once, without any further user code, with the reason in the status page. */
_Noreturn void host_leave(struct host *host, enum page_end end, int status, const char *reason);

/* Stores in the status page that user code of `generation` is about to be called, and that it has
 * returned. */
static inline void host_enter(struct host *host, const struct generation *generation,
                              enum phase phase)
{
    atomic_store_explicit(&host->page->generation, generation->number, memory_order_relaxed);
    atomic_store_explicit(&host->page->calls, ++host->calls, memory_order_relaxed);
    atomic_store_explicit(&host->page->word, page_word(host->index, phase), memory_order_release);
}

static inline void host_back(struct host *host)
{
    atomic_store_explicit(&host->page->word, page_word(host->index, PHASE_NONE),
                          memory_order_release);
}

#endif
