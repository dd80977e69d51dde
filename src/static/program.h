/* What a module runs in when it is linked into an ordinary program: the inside of hotrun/static.h.
 * Names start with hotrun_static_ because the archive shares its names with the user's program.
 * [main thread unless said] */
#ifndef STATIC_PROGRAM_H
#define STATIC_PROGRAM_H

#include "hotrun/static.h"

#include <stdbool.h>

#pragma GCC visibility push(hidden)

struct static_kept; /* a pointer or descriptor by name */

struct hotrun_static {
    const hotrun_module *module;
    hotrun_host host; /* its ctx is this struct */
    hotrun_step step; /* what the next step is told */
    void *state;
    int32_t log_level;

    bool ending;     /* no further step */
    bool failed;     /* the module returned an error: nothing of it is called any more */
    int exit_status; /* of request_exit; 0 until then */
    bool signals_on; /* hotrun_static_stop_open succeeded */
    int stop_fd;     /* readable once a signal came; not owned */
    int wake_fd;     /* an eventfd that wake writes to from any thread; -1 until opened */

    uint64_t period_ns;   /* 0: as fast as possible */
    uint64_t deadline_ns; /* of the next step */
    uint64_t stepped_ns;  /* when the last step was due to run; now_ns of it */
    uint64_t polled_ns;   /* when descriptors were last looked at */
    unsigned burst;       /* at rate 0: steps between two looks at the clock */
    unsigned credit;      /* how many of them are left */

    struct static_kept *kept;
};

uint64_t hotrun_static_clock(void); /* CLOCK_MONOTONIC in ns */

/* One line to stderr in one write, if the level passes. [any thread] */
void hotrun_static_log(const hotrun_static *run, int32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "HOTRUN_ERR_IO", or HOTRUN_ERR for a value that the call does not list. */
const char *hotrun_static_status_name(hotrun_status status);

/* Sends an event to on_event, if there is one; an error is a warning. */
void hotrun_static_event(hotrun_static *run, uint32_t type, const char *name, int64_t value);

/* Fills run->host. False: no descriptor, and it is told. Close forgets what the module kept; it
 * does not matter how far open came. */
bool hotrun_static_services_open(hotrun_static *run, int argc, char **argv, const char *config);
void hotrun_static_services_close(hotrun_static *run);

/* Those of the services that keep things by name, and the end of it. */
hotrun_status hotrun_static_keep(const hotrun_host *host, const char *name, void *ptr);
void *hotrun_static_kept(const hotrun_host *host, const char *name);
hotrun_status hotrun_static_keep_fd(const hotrun_host *host, const char *name, int fd);
int hotrun_static_kept_fd(const hotrun_host *host, const char *name);
hotrun_status hotrun_static_watch_fd(const hotrun_host *host, const char *name, int events);
void hotrun_static_forget_all(hotrun_static *run);

extern const hotrun_heap hotrun_static_heap; /* the extension "heap/1" */

/* Waits for wake, a signal or a watched descriptor, at most `timeout_ns`, and tells the module of
 * the latter. True: wake was called. */
bool hotrun_static_serve(hotrun_static *run, uint64_t timeout_ns);

/* The time between two steps; 0: as fast as possible. */
uint64_t hotrun_static_period(double hz);

/* Waits until the next step is due and writes its times into run->step. False: run->ending. */
bool hotrun_static_pace(hotrun_static *run);

/* SIGINT and SIGTERM ask to stop from here on, the second one kills. *fd becomes readable with the
 * first and stays so. Calls may nest; the last close puts things back. False with errno. */
bool hotrun_static_stop_open(int *fd);
void hotrun_static_stop_close(void);

#pragma GCC visibility pop

#endif
