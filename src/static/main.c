/* main() of a program that has none: linked from the archive only then. */
#include "static/program.h"

#define DEFAULT_HZ 60

int main(int argc, char **argv)
{
    hotrun_static *run = hotrun_static_begin(&hotrun_module_table, argc, argv, DEFAULT_HZ, NULL);
    const hotrun_host *host = hotrun_static_host(run);
    void *state = hotrun_static_state(run);
    hotrun_status status = HOTRUN_OK;
    const hotrun_step *step;
    while ((step = hotrun_static_next(run, status)) != NULL)
        status = hotrun_module_table_step(host, state, step);
    return hotrun_static_end(run);
}
