/* The shortest module; in C++ within a namespace, which must not change the table's name. */
#include "hotrun/hotrun.h"

#ifdef __cplusplus
namespace shortest
{
#endif

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    (void)host;
    (void)state;
    (void)now;
    return HOTRUN_EXIT;
}

HOTRUN_MODULE_STATELESS(.name = "shortest", .step = step);

#ifdef __cplusplus
}
#endif
