/* Entry tables that hotrun has to refuse, one for each value of FAULT. */
#include "hotrun/hotrun.h"

#include <stdlib.h>

__attribute__((unused)) static hotrun_status step(const hotrun_host *host, void *state,
                                                  const hotrun_step *now)
{
    (void)host, (void)state, (void)now;
    return HOTRUN_OK;
}

__attribute__((unused)) static hotrun_status
load(const hotrun_host *host, void *state, const char *json, size_t len, uint32_t from_version)
{
    (void)host, (void)state, (void)json, (void)len, (void)from_version;
    return HOTRUN_OK;
}

#define HEAD(major)                                                                                \
    .size = (uint32_t)sizeof(hotrun_module), .abi_major = (major), .state_align = 8,               \
    .state_size = 8, .name = "probe"

HOTRUN_EXPORT const hotrun_module HOTRUN_TABLE = {
#if FAULT == 1 /* another major version */
    HEAD(HOTRUN_ABI_MAJOR + 1), .step = step
#elif FAULT == 2 /* no step */
    HEAD(HOTRUN_ABI_MAJOR), .deserialize = NULL
#elif FAULT == 3 /* deserialize without serialize */
    HEAD(HOTRUN_ABI_MAJOR), .step = step, .deserialize = load
#elif FAULT == 4 /* a size that no version had */
    .size = 16, .abi_major = HOTRUN_ABI_MAJOR, .step = step
#elif FAULT == 5 /* an alignment that is no power of two */
    .size = (uint32_t)sizeof(hotrun_module),
    .abi_major = HOTRUN_ABI_MAJOR,
    .state_align = 24,
    .state_size = 24,
    .name = "probe",
    .step = step
#elif FAULT == 6 /* a callback that is in another library */
    HEAD(HOTRUN_ABI_MAJOR), .step = (hotrun_status(*)(const hotrun_host *, void *,
                                                      const hotrun_step *))(void (*)(void))abort
#elif FAULT == 7 /* no name */
    .size = (uint32_t)sizeof(hotrun_module),
    .abi_major = HOTRUN_ABI_MAJOR,
    .state_align = 8,
    .state_size = 8,
    .step = step
#elif FAULT == 8 /* an alignment of more than a page */
    .size = (uint32_t)sizeof(hotrun_module),
    .abi_major = HOTRUN_ABI_MAJOR,
    .state_align = 8192,
    .state_size = 8192,
    .name = "probe",
    .step = step
#endif
};
