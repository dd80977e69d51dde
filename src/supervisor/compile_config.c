#include "supervisor/compile_config.h"

#include "supervisor/own_header.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

struct compile *compile_from_config(uv_loop_t *loop, const struct config *config,
                                    const struct log *log, const char *library,
                                    const char *const *env, struct error *err)
{
    struct winsize size = {0};
    char *include_dir = own_header_dir();
    struct compile_options options = {.sources = (const char *const *)config->build_sources,
                                      .dir = config->base_dir,
                                      .target = library,
                                      .include_dir = include_dir,
                                      .cc = config->build_cc,
                                      .cflags = config->build_cflags,
                                      .libs = config->build_libs,
                                      .pkg_config = config->build_pkg_config,
                                      .linker = config->build_linker,
                                      .env = env,
                                      .timeout_ns = config->build_timeout_ns,
                                      .columns =
                                          ioctl(log->fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0,
                                      .plain = !log->color};
    struct compile *compile = compile_create(loop, &options, err);
    free(include_dir);
    return compile;
}
