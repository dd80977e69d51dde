/* The supervisor's state, and the functions by which its parts call each other. Each part is a
 * file: supervisor.c sets up and ends, actions.c does what the policy says, hosts.c starts and ends
 * host processes, staging.c brings in new libraries, hearing.c takes in what hosts say, deaths.c
 * how they end, asks.c and edits.c reach into what runs, commands.c answers the control socket,
 * replace.c puts other code or another state in the place of what runs, building.c builds, status.c
 * tells how things stand, service.c tells the service manager, console.c and keys.c have the
 * terminal, layouts.c has the layouts of states read.
 */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "control/control.h"
#include "link/shared.h"
#include "supervisor/backtrace.h"
#include "supervisor/build.h"
#include "supervisor/building.h"
#include "supervisor/console.h"
#include "supervisor/crash_report.h"
#include "supervisor/events.h"
#include "supervisor/hang.h"
#include "supervisor/host_process.h"
#include "supervisor/inspector.h"
#include "supervisor/kept.h"
#include "supervisor/layouts.h"
#include "supervisor/notify.h"
#include "supervisor/policy.h"
#include "supervisor/proc.h"
#include "supervisor/report.h"
#include "supervisor/run_dir.h"
#include "terminal/terminal.h"
#include "watch/watch.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct ask;
struct edit_request;
struct layouts;
struct snapshots;
struct value_job;

#define FALLBACKS_MOST 2
#define ATTEMPTS_MOST  6
#define CALLS_MOST     8
#define MAPPED_MOST    64
#define NO_SLOT        (-1)
#define ANNOUNCED_MS   20
#define INSPECT_MS     100 /* from a start to the reading of debug info: not while it settles */
#define SIGNALS_COUNT  7

enum supervisor_timer {
    TIMER_PROBATION, /* probation may be over */
    TIMER_START,     /* loading takes too long */
    TIMER_STOP,      /* stopping takes too long */
    TIMER_BACKOFF,   /* what failed is tried again */
    TIMER_BUSY,      /* the library had a writer, or could not be copied: look again */
    TIMER_ANNOUNCED, /* something is being loaded: look whether it has been accepted already */
    TIMER_DURABLE,   /* the newest snapshot is to go to the disk */
    TIMER_REPLACE,   /* the state was to be saved for a command */
    TIMER_LOOK,      /* the host is to be looked at */
    TIMER_SPARE,     /* a spare host is to be started */
    TIMER_GONE,      /* the library was removed: is it still gone? */
    TIMER_STATUS,    /* status.json is out of date */
    TIMER_INSPECT,   /* there is time to open the new library's debug info */
    TIMER_TRUST,     /* others may write the library: may they still? */
    TIMER_ASK,       /* somebody has waited for the module's answer for too long */
    TIMER_EDIT,      /* something has changed: an edit of the state may go on */
    TIMER_BUILDING,  /* a build takes long */
    TIMER_WATCHDOG,  /* the service manager wants a sign of life */
    TIMER_LAYOUT,    /* a layout is to be read, or was waited for long enough */
    TIMER_CONSOLE,   /* the terminal is to be looked at */
    TIMER_COUNT
};

struct fallback { /* what to go back to */
    struct build *build;
    int slot; /* SHARED_PIN_: its own snapshot; NO_SLOT: none could be kept */
};

struct attempt { /* one way to bring known code back */
    struct build *build;
    int slot; /* NO_SLOT: fresh */
};

enum replace_by {
    REPLACE_NONE,
    REPLACE_ROLLBACK, /* the code before */
    REPLACE_RESET,    /* a fresh state */
    REPLACE_RESTORE   /* the state of a snapshot */
};

struct replacement { /* a command that puts something else in the place of what runs */
    enum replace_by by;
    bool keep_state; /* REPLACE_ROLLBACK: the present state goes on with the code before */
    struct control_call *call; /* waits for the outcome */
    uint64_t id;               /* REPLACE_RESTORE: of the store; 0: of a file */
    struct snapshot snapshot;  /* what is restored */
    struct text state;
};

struct looks { /* at the host, on a timer of our own */
    struct proc proc;
    struct hang hang;
    bool own_group;               /* it is in another process group than this process */
    pid_t tracer;                 /* that holds it; 0: none */
    uint64_t told_of;             /* the generation that a blocked call was told of */
    char blocked[192], hung[256]; /* what it waits in, "": it does not; why it is ended as hung */
};

struct last_death { /* for the report of what follows it */
    uint64_t generation, step, noticed_ns;
    char reason[640];
    int signal;  /* 0: it ended by itself */
    bool edited; /* an edit of the state led to it: there is nothing to mend */
    bool rolled_back;
};

struct autopsy { /* of the last death */
    struct backtrace trace;
    char cause[256];     /* "": not known */
    struct text account; /* death.reason and the backtrace, for the module */
    struct crash_report report;
    char file[160];    /* where that goes, below the run directory */
    bool trouble_told; /* that reports cannot be written */
};

struct supervisor {
    uv_loop_t *loop;
    const struct config *config;
    struct log *log;
    struct run_dir run_dir;
    struct events *events;
    struct report report;
    struct control *control;
    struct watch *watch;
    struct watch *config_watch; /* of hotrun.toml */
    struct building *building;  /* NULL: hotrun does not build */
    struct terminal terminal;
    struct console console;
    uint64_t slot_address;
    uint64_t started_ns, wall_ns; /* monotonic; since 1970 */
    char *library;                /* its path as messages show it */

    enum policy_state state, origin; /* origin: where a swap came from */
    bool paused;

    struct notify notify;
    struct kept kept;
    bool kept_told; /* that there are too many */

    struct orphans orphans;
    struct host_process *host;  /* NULL: none lives */
    struct host_process *spare; /* started, without code, to take over; NULL: none */
    unsigned spare_failures;    /* in a row */
    struct shared memory;       /* what the last dead host left; fd -1: nothing */
    bool cold;         /* the host has no code yet: it is starting with `next` or an attempt */
    uint64_t adopted;  /* the newest generation that this host was heard to have accepted */
    uint64_t asked_ns; /* when LOAD was sent, for the start limit; 0: nothing is being loaded */

    struct build *current; /* owns the loop, or did when its host died */
    uint64_t first_step;   /* current's first step */
    bool unconfirmed; /* current was told as loaded, and neither as confirmed nor as superseded */
    uint64_t state_bytes, state_version;
    bool callbacks;
    char module[SNAPSHOT_NAME_SIZE]; /* its name for itself */
    struct build *next;              /* being loaded */
    int next_pin;                    /* where the state from before goes */
    struct build *pending;           /* waits; the newest wins */
    struct fallback fallbacks[FALLBACKS_MOST];
    unsigned fallback_count;
    struct fallback
        previous; /* the good one before current, for `hotrun rollback`; build NULL: none */
    struct replacement replacement;
    struct restoring *restoring;    /* what that may be of: a file that is being read; NULL: none */
    uint64_t rewound;               /* the snapshot that `hotrun rewind` led to; 0: none */
    struct control_call *step_call; /* waits until its steps are made */
    struct ask *asks;               /* wait for the module's answer */
    uint64_t asked;                 /* numbers given to them */
    struct value_job *values;       /* answers in the making */
    unsigned asks_sent;             /* to this host, and not replied to */
    struct edit_request *edits;     /* in their order; the first may be under way */
    struct attempt attempts[ATTEMPTS_MOST];
    unsigned attempt_count, attempt_next;
    struct snapshots *snapshots;
    struct layouts *layouts;           /* NULL: at the ends of a run */
    int good_slot;                     /* the last good state while nothing runs; NO_SLOT: none */
    struct build *mapped[MAPPED_MOST]; /* what the host has loaded: their copies stay */
    unsigned mapped_count;
    struct quarantine quarantine;
    uint64_t generations; /* numbers given */
    bool loaded_once;
    bool confirming; /* CONFIRM was sent, CLOSED is awaited */
    uint64_t confirming_generation;
    bool hung;  /* the host was killed because it took too long */
    bool dying; /* the host is dead, and its last words are being heard */
    struct looks looks;
    bool uncounted; /* the death that is being handled is not the code's that runs */

    struct build *arrived; /* a library that was just staged: of the event that is being handled */
    const struct message *heard; /* of the event that is being handled */
    struct last_death death;
    uint64_t restored_step;   /* where the last comeback began; UINT64_MAX: there was none */
    unsigned restored_deaths; /* that followed it without a newer snapshot */
    struct inspector *inspector;
    struct autopsy autopsy;
    uint64_t restarts_ns[16]; /* times of the last restarts */
    unsigned restart_count;   /* within the window */
    uint64_t restarts_total;
    char held_reason[640];

    uv_timer_t timers[TIMER_COUNT];
    uint64_t left_ms[TIMER_COUNT];      /* of clocks that stand: what is left, and 1; else 0 */
    const uv_timer_cb *timer_callbacks; /* one for each */
    uv_signal_t signals[SIGNALS_COUNT];
    enum rate_kind rate;
    double rate_hz;
    uint64_t noticed_ns;         /* the change that is being staged */
    char *copy_name, *copy_path; /* of the next copy, made ready while there is time */
    int copy_fd;                 /* its file; -1: none yet */
    bool polled;                 /* it is a timer that makes us look */
    bool touched;            /* the same file was looked at before: the same bytes are no news */
    char failed_reason[256]; /* why the last look could not read or copy it; "": it could */
    uint64_t busy_wait_ms;
    bool missing_told;
    bool forced; /* reload --force: quarantine and unchanged are passed over */

    struct reload_call { /* waits for the outcome of a save */
        struct control_call *call;
        uint64_t generation; /* which the save became; 0: it is being looked at */
    } reload_calls[CALLS_MOST];
    unsigned reload_call_count;

    int stop_signal; /* the signal that ends the run; 0: none */
    bool ending;     /* nothing is started any more */
    bool gave_up;    /* the host was killed, not ended */
    int exit_status;
    struct error fatal;
    uint64_t deaths;
};

/* state.c */
void supervisor_send(struct supervisor *sup,
                     const struct message *message);       /* to the host; none: nothing */
uint64_t supervisor_running(const struct supervisor *sup); /* the generation; 0: none runs */
void supervisor_look(struct supervisor *sup); /* report.step as the status page has it */
/* A save has come to its end: those who wait for generation `generation` or an older one are
 * answered; 0: those whose save did not become a generation. `event`: the outcome's name. */
void supervisor_answer_reloads(struct supervisor *sup, uint64_t generation, const char *event,
                               const char *reason);
void supervisor_finish_if_idle(
    struct supervisor *sup); /* ends the loop when `ending` and no host lives */
uint64_t supervisor_heap_bytes(const struct supervisor *sup);     /* of what runs, as it says */
uint64_t supervisor_snapshot_limit(const struct supervisor *sup); /* bytes of a state */
/* With supervise.on_hold = "exit", or nothing that could end the hold: the run ends with `status`.
 * False: it goes on. */
bool supervisor_ends_held(struct supervisor *sup, int status);
void supervisor_arm(struct supervisor *sup, enum supervisor_timer timer, uint64_t ms);
void supervisor_disarm(struct supervisor *sup, enum supervisor_timer timer);
/* Probation and the limits of loading and ending stand while a debugger holds the host, probation
 * also while it is paused: stops those that have to, and lets the others go on with what they had
 * left. To be called when one of these has changed; what is armed meanwhile stands, too. */
void supervisor_set_clocks(struct supervisor *sup);

/* actions.c */
void supervisor_dispatch(struct supervisor *sup, enum policy_event event);
void supervisor_hold(struct supervisor *sup, const char *reason);
void supervisor_take_pending(struct supervisor *sup); /* loads it, unless it has to wait */

/* The probation of what was just accepted begins. Not while paused. */
void supervisor_start_probation(struct supervisor *sup);

/* replace.c: rollback, reset, restore. Each saves the state first, and brings the code up in
 * another host. */
/* Takes a command on. `id`, `snapshot` and `state` (taken over, cleared): of REPLACE_RESTORE. The
 * call is answered with the outcome, or with the reason why it can't be done now. */
void replace_ask(struct supervisor *sup, enum replace_by by, bool keep_state, uint64_t id,
                 const struct snapshot *snapshot, struct text *state, struct control_call *call);
void replace_saved(struct supervisor *sup); /* the state is saved, or can't be: go on */
void replace_do(struct supervisor *sup);    /* what the policy says then */
void replace_came_back(struct supervisor *sup, bool as_asked); /* else it is what ran before */
void replace_failed(struct supervisor *sup, const char *reason);

/* hosts.c */
/* Sends the LOAD of `build` to the host. `slot`: SHARED_, or NO_SLOT. */
void hosts_load(struct supervisor *sup, enum load_how how, const struct build *build, int slot);

/* `build` in another host, the spare one if there is one, with the snapshot in `slot` of what the
 * last host left, or fresh (NO_SLOT). */
void hosts_start(struct supervisor *sup, const struct build *build, int slot);

/* The host goes, and with it what it did to the terminal. */
void hosts_drop(struct supervisor *sup);

void hosts_forget_mapped(struct supervisor *sup); /* what the host that is gone had loaded */

/* The same, and what it published is kept for the next one. */
void hosts_give_up(struct supervisor *sup);

void hosts_want_spare(struct supervisor *sup); /* soon; after failures later */
void hosts_make_spare(struct supervisor *sup); /* now */
void hosts_spare_died(struct supervisor *sup);
void hosts_drop_spare(struct supervisor *sup);

/* looking.c */
void looking_begin(struct supervisor *sup); /* at a new host */
void looking_now(struct supervisor *sup);   /* TIMER_LOOK */
void looking_end(struct supervisor *sup);
/* What it is in, as a person reads it: "step 1,204 of generation 3". */
void looking_place(const struct supervisor *sup, char *text, size_t size);
/* Whether a tool that the host runs under has a prompt, as debuggers have: Ctrl-C belongs to it. */
bool looking_tool_has_prompt(const struct supervisor *sup);
/* At the end of a tool that its user left, or ended by Ctrl-C: hotrun ends with it. `intended`: the
 * host had begun its own. */
bool looking_tool_was_left(struct supervisor *sup, const struct host_death *death, bool intended);

/* staging.c */
void staging_changed(void *ctx, enum watch_news news, uint64_t since_ns);
void staging_refused(struct supervisor *sup,
                     uint64_t generation);                 /* tells that bytes are in quarantine */
void staging_now(struct supervisor *sup, bool by_command); /* with noticed_ns set */

/* Another copy of what runs, under a number of its own; never of the user's file. NULL with `err`.
 */
struct build *staging_copy_again(struct supervisor *sup, const struct build *build,
                                 struct error *err);

void staging_still_gone(struct supervisor *sup);
bool staging_will_look(const struct supervisor *sup); /* again, by a timer: it was busy */
void staging_look_at_trust(struct supervisor *sup);   /* has its mode or owner been mended? */

/* hearing.c */
void hearing_message(void *ctx, struct host_process *host, const struct message *message);
/* Takes what the host has said so far. The loop looks at the clock first: what came in time may
 * wait behind the end of it. */
void hearing_now(struct supervisor *sup);
/* The same while something is being loaded; then an ACCEPTED that lies in shared memory and was not
 * sent, because the first step blocks or has died. */
void hearing_announced(struct supervisor *sup);

/* deaths.c */
void deaths_hear(void *ctx, struct host_process *host, const struct host_death *death);

/* autopsy.c: what a dead host's crash record says, by name. In this order: */
/* Lets the record be named, while other things are done. */
void autopsy_ask(struct supervisor *sup, const struct host_death *death, uint64_t generation);
/* Takes the names, and completes `told` with what lives until the next death. The dead library's
 * copy must still be there. */
void autopsy_learn(struct supervisor *sup, const struct host_death *death,
                   struct report_death *told);
/* Begins the report file. `told` as it was announced. */
void autopsy_note(struct supervisor *sup, const struct host_death *death,
                  const struct report_death *told);
/* Writes the report file, when one was begun; `outcome` says in a sentence what followed. */
void autopsy_file(struct supervisor *sup, const char *outcome, int slot);
/* The same with that a generation came back, from the snapshot in `slot`. */
void autopsy_came_back(struct supervisor *sup, const struct report_back *back, int slot);
/* A generation runs: lets its debug info be opened, now or, by autopsy_prepare, when there is time
 * to start a process. */
void autopsy_adopted(struct supervisor *sup);
void autopsy_prepare(struct supervisor *sup);
/* death.reason with the backtrace, where there is one. */
const char *autopsy_account(const struct supervisor *sup);
void autopsy_finish(struct supervisor *sup);

/* commands.c */
bool commands_handle(void *ctx, const char *method, const cJSON *params, struct control_call *call);

/* The steps that were granted are made: `count` of them. */
void commands_stepped(struct supervisor *sup, uint64_t count);

/* console.c */
void console_begin(struct supervisor *sup); /* log lines go its way from here on */
void console_end(struct supervisor *sup);   /* the terminal is as it was before hotrun */
void console_look(struct supervisor *sup);  /* TIMER_CONSOLE */
void console_soon(struct supervisor *sup);  /* something has changed that the line may tell */
void console_loading(struct supervisor *sup, const struct build *build); /* is about to run */
/* Other code runs: "loaded", "reload", "back". */
void console_loaded(struct supervisor *sup, uint64_t took_ns, const char *how);
void console_host_died(struct supervisor *sup); /* what it did to the terminal goes with it */

/* status.c */
cJSON *status_make(struct supervisor *sup);
void status_write(struct supervisor *sup); /* status.json */

/* service.c */
void service_begin(struct supervisor *sup); /* before anything is opened: takes what was handed over
                                               and cleans the environment */
void service_start_watchdog(struct supervisor *sup);
void service_watchdog(struct supervisor *sup);    /* gives a sign of life and arms the next */
void service_tell_phase(struct supervisor *sup);  /* ready, reloading or stopping, if it is new */
void service_tell_status(struct supervisor *sup); /* the same, and the line of words */
/* A KEEP was heard: takes `fd` over; -1: it did not pass, or the name is dropped. */
void service_keep(struct supervisor *sup, const char *name, bool dropped, int fd);
void service_end(struct supervisor *sup); /* the run is over */
void service_finish(struct supervisor *sup);

#endif
