#include "supervisor/check_build.h"

#include "supervisor/compile_config.h"
#include "supervisor/own_header.h"
#include "supervisor/report_build.h"

#include <stdlib.h>

struct check_build {
    uv_loop_t *loop;
    const struct config *config;
    struct log *log;
    struct orphans *orphans;
    struct compile *compile;
    char **env;
    struct command_end end;
    bool ended;
};

static void on_process(void *ctx, pid_t pid, bool runs)
{
    struct check_build *build = ctx;
    if (runs) {
        orphans_expect(build->orphans, pid);
    } else {
        orphans_forget(build->orphans, pid);
    }
}

static void on_output(void *ctx, const char *bytes, size_t len)
{
    log_bytes(((struct check_build *)ctx)->log, bytes, len);
}

static void on_ended(void *ctx, const struct command_end *end)
{
    struct check_build *build = ctx;
    build->end = *end;
    build->ended = true;
    uv_stop(build->loop);
}

static bool begin(struct check_build *build, const char *library, struct error *err)
{
    const struct config *config = build->config;
    build->env = own_header_environment((const char *const *)config->build_env, config->color, err);
    if (build->env == NULL) {
        return false;
    }
    const struct command_callbacks callbacks = {
        .ctx = build, .process = on_process, .output = on_output, .ended = on_ended};
    build->compile = compile_from_config(build->loop, config, build->log, library,
                                         (const char *const *)build->env, err);
    return build->compile != NULL && compile_start(build->compile, &callbacks, err);
}

struct check_build *check_build_start(uv_loop_t *loop, const struct config *config, struct log *log,
                                      struct orphans *orphans, const char *library,
                                      struct error *err)
{
    struct check_build *build = calloc(1, sizeof *build);
    if (build == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory to compile");
        return NULL;
    }
    *build = (struct check_build){.loop = loop, .config = config, .log = log, .orphans = orphans};
    if (!begin(build, library, err)) {
        check_build_destroy(build);
        return NULL;
    }
    return build;
}

void check_build_cancel(struct check_build *build)
{
    compile_cancel(build->compile);
}

bool check_build_finish(struct check_build *build, struct error *err)
{
    while (!build->ended) {
        (void)uv_run(build->loop, UV_RUN_DEFAULT);
    }
    if (build->end.status == 0 && build->end.signal == 0 && !build->end.cancelled &&
        !build->end.timed_out) {
        return true;
    }
    char reason[256];
    report_build_words(&build->end, build->config->build_timeout_ns, reason, sizeof reason);
    return error_set(err, ERROR_FORMAT, "it does not compile: %s", reason);
}

void check_build_destroy(struct check_build *build)
{
    if (build != NULL) {
        compile_destroy(build->compile);
        own_header_free_environment(build->env);
        free(build);
    }
}
