/* The one place that announces: each thing that happens becomes an event for tools and, where a
 * person wants to know, a line on stderr. A function a happening; nothing is decided here. */
#ifndef SUPERVISOR_REPORT_H
#define SUPERVISOR_REPORT_H

#include "base/log.h"
#include "config/config.h"
#include "link/message.h"
#include "link/shared.h"
#include "supervisor/build.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct backtrace;
struct events;

struct report {
    struct log *log;
    struct events *events;
    uint64_t generation,
        step;     /* that owns the loop, and its present step: the first fields of each event */
    bool refused; /* the newest save is not what runs: it was refused, or has died */
    bool resident_told; /* why a library stays in memory is said once */
};

void report_started(struct report *report, pid_t host_pid, const char *library);

/* `first`: `loaded`, else `reloaded`. */
void report_loaded(struct report *report, const struct message_accepted *told,
                   const struct build *build, const char *library, bool first, enum rate_kind rate,
                   double hz);

/* `runs`: the generation that goes on, 0 if none does. */
void report_rejected(struct report *report, const char *stage, const char *reason, uint64_t runs);
/* The same of an edit of the state. */
void report_not_edited(struct report *report, const char *stage, const char *reason, uint64_t runs);
/* `words` begin the line: "unchanged". */
void report_unchanged(struct report *report, const char *words, const char *reason);
void report_quarantined(struct report *report, const char *reason, uint64_t runs);
void report_waiting(struct report *report, const char *reason);

void report_confirmed(struct report *report, uint64_t generation, bool resident,
                      const char *reason);
void report_superseded(struct report *report, uint64_t generation);

struct report_death {
    int signal, exit_status;
    const char *in; /* the phase */
    uint64_t generation, step;
    const char *reason; /* what step said when it returned an error; "" */
    bool hung;
    const char *cause;             /* "SIGSEGV, write to 0x8"; NULL: not known */
    const struct backtrace *trace; /* NULL: none */
    const char *file;              /* where the report of it is going to be; NULL: nowhere */
};
void report_crashed(struct report *report, const struct report_death *death);
/* "SIGSEGV, write to 0x8", "SIGTRAP", "exit status 3 without request_exit" */
void report_death_words(const struct report_death *death, char *text, size_t size);

struct report_back {
    bool rolled_back; /* to another library; else restarted: the same */
    bool by_command;  /* nothing is to be mended */
    bool as_asked;    /* what the command wanted, and not what ran before */
    pid_t host_pid;
    const char *reason;
    uint64_t from, to; /* generations; to 0: none */
    uint64_t step, steps_lost, us;
    const char *how; /* of the state, as in `reloaded` */
    bool reset;      /* the state began anew */
};
void report_back(struct report *report, const struct report_back *back);

/* `told`: the reason was on a line just before. */
void report_held(struct report *report, const char *reason, bool told);
void report_paused(struct report *report, bool on); /* `paused` or `resumed` */
void report_checkpoint(struct report *report, const struct message_published *published);
/* A snapshot is on the disk. */
void report_durable(struct report *report, uint64_t id, const struct snapshot *snapshot,
                    uint64_t took_ns);
/* Told once, until it works again. */
void report_durable_failed(struct report *report, const char *reason);
void report_exited(struct report *report, int status);

/* "SIGSEGV" */
void report_signal(int signal, char *text, size_t size);

/* "1.2 KB", "81,204": as a person reads it. */
void report_size(uint64_t bytes, char *text, size_t size);
void report_count(uint64_t count, char *text, size_t size);
/* "3 min ago" of a time since 1970. */
void report_age(uint64_t time_ns, char *text, size_t size);

#endif
