/* The compiling of build.sources, as the configuration has it. */
#ifndef SUPERVISOR_COMPILE_CONFIG_H
#define SUPERVISOR_COMPILE_CONFIG_H

#include "base/error.h"
#include "base/log.h"
#include "builder/compile.h"
#include "config/config.h"

#include <uv.h>

/* `library`: where it goes. `env`: as own_header_environment gives it. NULL with `err`. */
struct compile *compile_from_config(uv_loop_t *loop, const struct config *config,
                                    const struct log *log, const char *library,
                                    const char *const *env, struct error *err);

#endif
