#include "supervisor/host_program.h"

#include "base/path.h"

#include <stdlib.h>
#include <unistd.h>

char *host_program_find(struct error *err)
{
    static const char *const places[] = {"hotrun-host", "../host/hotrun-host",
                                         "../libexec/hotrun/hotrun-host",
                                         HOTRUN_LIBEXECDIR "/hotrun-host"};
    char *own = path_own_dir(err);
    if (own == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char *path = path_join(own, places[i]);
        if (path != NULL && access(path, X_OK) == 0) {
            free(own);
            return path;
        }
        free(path);
    }
    error_set(err, ERROR_MISSING,
              "hotrun-host is neither beside hotrun in %s nor in %s: install hotrun again", own,
              HOTRUN_LIBEXECDIR);
    free(own);
    return NULL;
}
