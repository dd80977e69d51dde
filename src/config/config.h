/* Everything that can be set, from hotrun.toml and the command line. One row for each key
 * (config_keys in keys.c) gives its name, type, range, default and one line of help; parsing,
 * --help, the man page and hotrun.toml.example agree with the rows, and a test holds them to it. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rate_kind {
    RATE_HZ,  /* rate_hz steps a second */
    RATE_MAX, /* as fast as possible */
    RATE_ONCE /* one step a generation */
};

enum on_mismatch {
    MISMATCH_REFUSE, /* the new library is refused, the old one goes on */
    MISMATCH_RESET   /* the new library starts from init; the loss is told */
};

enum on_loss { /* a value of the state does not fit the new layout, or is rounded */
    LOSS_WARN, /* the nearest one is taken, and that is told */
    LOSS_HOLD  /* the new library is refused, the old one goes on */
};

enum on_hold {
    HOLD_WAIT, /* for a changed library or a command */
    HOLD_EXIT
};

enum on_change {    /* a source is saved while the build runs */
    CHANGE_RESTART, /* the build is ended and begins anew */
    CHANGE_QUEUE    /* another one follows */
};

enum at_start {   /* whether a run begins with a build */
    START_NEEDED, /* when the library is missing or older than a source */
    START_ALWAYS,
    START_NEVER
};

enum keys_wanted { /* whether hotrun reads keys from the terminal */
    KEYS_AUTO,     /* where the module does not */
    KEYS_ON,
    KEYS_OFF
};

struct config {        /* strings are owned and never NULL unless said, lists end in NULL; paths are
                          absolute once config_resolve ran */
    char *file;        /* hotrun.toml in use; NULL: none */
    char *base_dir;    /* its folder, or the current one: relative paths of the file start here */
    char *module_path; /* module.path: the library; NULL until resolved */
    char *module_name; /* module.name + module.dir: the library by name, NULL if not used */
    char *module_dir;
    char *module_config;          /* [module.config] as JSON text, "{}" if none; at most 64 KB */
    char **args;                  /* module.args, or what stood behind `--`; NULL-terminated */
    bool allow_writable;          /* module.allow_writable */
    enum rate_kind rate;          /* step.rate: a number, "max" or "once" */
    double rate_hz;               /* 0.001 to 1,000,000; default 60 */
    uint64_t max_dt_ns;           /* step.max_dt */
    uint64_t defer_limit_ns;      /* reload.defer_limit */
    enum on_mismatch on_mismatch; /* state.on_mismatch */
    enum on_loss on_loss;         /* state.on_loss */
    bool statics;                 /* state.statics: variables of the module are carried, too */
    uint64_t state_max_json;      /* state.max_json: bytes of one snapshot's JSON */
    uint64_t state_max_size;      /* state.max_size: bytes of the state buffer */
    uint64_t pin_limit;           /* state.pin_limit: bytes */
    uint64_t checkpoint_ns;       /* checkpoint.interval; 0: none at intervals */
    uint64_t durable_ns;          /* checkpoint.durable_interval; 0: none at intervals */
    unsigned history;             /* checkpoint.history: snapshots kept on disk */
    char *build_command;         /* build.command: for a shell; NULL: hotrun does not build by it */
    char **build_sources;        /* build.sources: what hotrun compiles itself; empty: nothing */
    char *build_cc;              /* build.cc; NULL: cc or c++, as the sources want it */
    char *build_cflags;          /* build.cflags, words as a shell has them; NULL: none */
    char *build_libs;            /* build.libs, likewise */
    char *build_pkg_config;      /* build.pkg_config: names of packages; NULL: none */
    char *build_linker;          /* build.linker: of -fuse-ld; NULL: the fastest that is there */
    char **build_watch;          /* build.watch: folders and patterns; empty: the defaults */
    char **build_ignore;         /* build.ignore: patterns */
    bool build_gitignore;        /* build.gitignore: what git ignores is no source */
    enum on_change on_change;    /* build.on_change */
    enum at_start at_start;      /* build.at_start */
    uint64_t build_timeout_ns;   /* build.timeout; 0: never */
    char **build_env;            /* [build.env], "NAME=value" each */
    bool watch;                  /* watch.enabled */
    uint64_t settle_ns;          /* watch.settle_ms */
    uint64_t poll_ns;            /* watch.poll_ms: the stat poll; 0: off */
    char *stage_dir;             /* stage.dir; NULL: stage/ in the run directory */
    char *stage_name;            /* stage.name */
    uint64_t probation_ns;       /* supervise.probation */
    uint64_t probation_steps;    /* supervise.probation_steps */
    unsigned max_restarts;       /* supervise.max_restarts */
    uint64_t window_ns;          /* supervise.window */
    enum on_hold on_hold;        /* supervise.on_hold */
    bool spare;                  /* supervise.spare */
    uint64_t hang_timeout_ns;    /* supervise.hang_timeout; 0: never */
    uint64_t blocked_timeout_ns; /* supervise.blocked_timeout; 0: never */
    uint64_t start_timeout_ns;   /* supervise.start_timeout */
    uint64_t stop_timeout_ns;    /* supervise.stop_timeout: STOPPING, last serialize and fini */
    char *name;                  /* run.name: NULL: the run directory itself */
    char *run_dir;               /* run.dir; after config_resolve with the name applied */
    bool resume;                 /* run.resume */
    char *restore;               /* run.restore: a snapshot file; NULL: none */
    char *events_file;           /* log.events: NULL: none; "-": stdout */
    enum log_level log_level;    /* log.level */
    bool color;                  /* log.color: false: never */
    enum keys_wanted keys;       /* terminal.keys */
    bool status_line;            /* terminal.status_line */
    char *wrap;                  /* run.wrap: a command that starts the host; NULL: none */
};

/* The defaults. False: no memory. config_finish frees what the struct owns. */
bool config_init(struct config *config, struct error *err);
void config_finish(struct config *config);

/* Reads `path` over `config`. Every problem is told as "path:line:column: sentence" (several lines,
 * at most 10): unknown table or key with the nearest known one, wrong type, value out of range,
 * what TOML itself refuses. */
bool config_load(struct config *config, const char *path, struct error *err);

/* *file: the path of the hotrun.toml in the folder `dir` or the nearest parent that has one; NULL:
 * none. Caller frees. */
bool config_find(const char *dir, char **file, struct error *err);

/* Sets one key from text as the command line gives it ("step.rate", "max"). `option` is what the
 * error names. */
bool config_set(struct config *config, const char *key, const char *value, const char *option,
                struct error *err);

/* Makes paths absolute, applies HOTRUN_LOG, derives module_path (from name and dir: "lib" + name +
 * ".so"; from build.sources: build/NAME.so in the run directory) and run_dir, and checks what only
 * the whole can tell: a library is named, there is one way to build it, stage.name holds
 * {generation} (and {pid} where stage.dir may be shared). */
bool config_resolve(struct config *config, struct error *err);

/* Only where the run directory is, for commands that talk to a running hotrun. */
bool config_resolve_run_dir(struct config *config, struct error *err);

/* Whether `path` ends as a source that hotrun can compile itself: .c .cc .cpp .cxx .c++ .C */
bool config_is_source(const char *path);

/* For tests, help and the man page: the rows, in order. */
struct config_key {
    const char *key, *type, *fallback,
        *help; /* fallback: the default as it would be written in TOML */
};
size_t config_key_count(void);
struct config_key config_key_at(size_t index);

#endif
