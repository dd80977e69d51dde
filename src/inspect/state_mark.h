/* What the module's table, hotrun_module_table, tells of its state, read from the file. */
#ifndef INSPECT_STATE_MARK_H
#define INSPECT_STATE_MARK_H

#include "inspect/debug_file.h"

struct state_mark {
    uint64_t size; /* 0: the module has no state */
    uint64_t
        function; /* address of the function whose result is a pointer to the state's type; 0 */
};

/* False with `err`: ERROR_MISSING when there is no table, ERROR_FORMAT when it is none. */
bool state_mark_read(const struct debug_file *file, struct state_mark *mark, struct error *err);

#endif
