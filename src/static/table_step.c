/* Linked from the archive only for a table that is written by hand: HOTRUN_MODULE defines this
 * function itself, where the compiler knows the table, so that main calls step directly. */
#include "static/program.h"

hotrun_status hotrun_module_table_step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    return hotrun_module_table.step(host, state, now);
}
