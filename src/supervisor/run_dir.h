/* The run directory: where one hotrun keeps what others may read of it. Mode 0700, owned by this
 * user, no symbolic link in its own name, locked by one supervisor at a time. */
#ifndef SUPERVISOR_RUN_DIR_H
#define SUPERVISOR_RUN_DIR_H

#include "base/error.h"

#include <sys/types.h>

#define RUN_DIR_PATCH                                                                              \
    ".merge-" /* begins the name of a patch that a client has put there for a while */

struct run_dir {
    char *path;   /* absolute, owned */
    int fd;       /* the folder */
    int lock_fd;  /* `lock`, locked (F_OFD_SETLK) while the supervisor lives; holds its pid */
    int stage_fd; /* `stage/` or stage.dir */
    char *stage_path;
};

/* Creates what is missing, the folder around it included (with a .gitignore of "*" inside), takes
 * the lock, sweeps stage/ of copies that a dead hotrun left (only in the run directory's own
 * stage/; in a foreign stage.dir, given as `stage_dir`, nothing is swept), and patches of clients
 * that were killed. A folder that is there
 * already is taken when it belongs to this user and nobody else may write into it; one that others
 * may read is closed to them when it is empty or was a run directory before. ERROR_BUSY names the
 * pid of the one that runs here, ERROR_REFUSED says what is wrong with owner, mode or kind. On
 * failure nothing is held and `dir` needs no run_dir_close. */
bool run_dir_open(struct run_dir *dir, const char *path, const char *stage_dir, struct error *err);

/* Removes lock, control.sock, the empty stage/ and clients' patches; keeps the records. */
void run_dir_close(struct run_dir *dir);

/* The pid in the lock of the run directory `path` if a supervisor holds it; 0: none runs there.
 * Asking disturbs nobody who is about to take the lock. */
pid_t run_dir_holder(const char *path);

#endif
