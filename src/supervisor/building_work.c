/* What a build runs. */
#include "base/hash.h"
#include "builder/command.h"
#include "module/trust.h"
#include "supervisor/building_parts.h"
#include "supervisor/compile_config.h"
#include "supervisor/own_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

static unsigned columns_of(const struct supervisor *sup)
{
    struct winsize size = {0};
    return ioctl(sup->log->fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void on_process(void *ctx, pid_t pid, bool runs)
{
    struct supervisor *sup = ctx;
    if (runs) {
        orphans_expect(&sup->orphans, pid);
    } else {
        orphans_forget(&sup->orphans, pid);
    }
}

static void on_output(void *ctx, const char *bytes, size_t len)
{
    struct supervisor *sup = ctx;
    if (!sup->building->cancelling) { /* "make: Terminated" is no news */
        log_bytes(sup->log, bytes, len);
        transcript_add(&sup->building->transcript, bytes, len);
    }
}

/* ---- a command ---- */

static bool start_command(struct supervisor *sup, const struct command_callbacks *callbacks,
                          struct error *err)
{
    const struct command_options options = {.shell = sup->config->build_command,
                                            .dir = sup->config->base_dir,
                                            .env = (const char *const *)sup->building->env,
                                            .timeout_ns = sup->config->build_timeout_ns,
                                            .columns = columns_of(sup),
                                            .plain = !sup->log->color};
    sup->building->command = command_start(sup->loop, &options, callbacks, err);
    return sup->building->command != NULL;
}

/* ---- sources ---- */

static bool compiles(const struct config *config)
{
    return config->build_sources[0] != NULL;
}

/* What another user may write is not compiled, as it would not be loaded. */
static bool are_trusted(const struct config *config, struct error *err)
{
    for (size_t i = 0; !config->allow_writable && config->build_sources[i] != NULL; i++) {
        struct stat st;
        if (stat(config->build_sources[i], &st) == 0 &&
            !trust_check(config->build_sources[i], &st, err)) {
            return false;
        }
    }
    return true;
}

/* Those that are watched already were so while the build ran. */
static void watch_files(struct supervisor *sup)
{
    struct building *building = sup->building;
    size_t count = 0;
    struct error err;
    const char *const *files = compile_files(building->compile, &count);
    uint64_t watched = count;
    for (size_t i = 0; i < count; i++) {
        uint64_t pair[2] = {watched, hash_bytes(files[i], strlen(files[i]))};
        watched = hash_bytes(pair, sizeof pair);
    }
    if (watched == building->watched) {
        return;
    }
    building->watched = watched;
    if (!sources_set_files(building->sources, files, count, building->began_at, &err)) {
        building->watched = 0;
        log_line(sup->log, LOG_WARN, "%s", err.text);
    }
}

/* ---- either ---- */

bool building_work_is_wanted(const struct config *config)
{
    return config->build_command != NULL || compiles(config);
}

bool building_work_create(struct supervisor *sup, struct error *err)
{
    const struct config *config = sup->config;
    struct building *building = sup->building;
    building->env =
        own_header_environment((const char *const *)config->build_env, config->color, err);
    if (building->env == NULL) {
        return false;
    }
    if (compiles(config)) {
        building->compile = compile_from_config(sup->loop, config, sup->log, config->module_path,
                                                (const char *const *)building->env, err);
        return building->compile != NULL;
    }
    building->shell = config->build_command;
    return true;
}

const char *building_work_line(const struct building *building)
{
    return building->compile != NULL ? compile_line(building->compile) : building->shell;
}

void building_work_destroy(struct building *building)
{
    command_destroy(building->command);
    compile_destroy(building->compile);
    own_header_free_environment(building->env);
}

bool building_work_start(struct supervisor *sup,
                         void (*ended)(void *ctx, const struct command_end *end), struct error *err)
{
    struct building *building = sup->building;
    const struct command_callbacks callbacks = {
        .ctx = sup, .process = on_process, .output = on_output, .ended = ended};
    (void)clock_gettime(CLOCK_REALTIME, &building->began_at);
    if (building->compile == NULL) {
        building->running = start_command(sup, &callbacks, err);
    } else {
        building->running =
            are_trusted(sup->config, err) && compile_start(building->compile, &callbacks, err);
    }
    return building->running;
}

void building_work_cancel(struct building *building)
{
    if (building->command != NULL) {
        command_cancel(building->command);
    } else if (building->compile != NULL) {
        compile_cancel(building->compile);
    }
}

void building_work_over(struct supervisor *sup)
{
    struct building *building = sup->building;
    building->running = false;
    command_destroy(building->command);
    building->command = NULL;
}

void building_work_watch(struct supervisor *sup)
{
    if (sup->building->compile != NULL) {
        watch_files(sup);
    }
}

bool building_work_is_due(struct supervisor *sup)
{
    struct building *building = sup->building;
    struct stat library;
    char source[400];
    bool there = stat(sup->config->module_path, &library) == 0;
    if (building->compile != NULL) {
        bool current = compile_is_current(building->compile) && there;
        (void)snprintf(building->cause, sizeof building->cause, "%.250s %s", sup->library,
                       current ? "is up to date"
                       : there ? "is out of date"
                               : "for the first time");
        watch_files(sup);
        return !current;
    }
    if (!there) {
        (void)snprintf(building->cause, sizeof building->cause, "%.450s is not there",
                       sup->library);
        return true;
    }
    if (sources_any_newer(building->sources, &library.st_mtim, source, sizeof source)) {
        (void)snprintf(building->cause, sizeof building->cause, "%s is newer than the library",
                       source);
        return true;
    }
    (void)snprintf(building->cause, sizeof building->cause, "build.at_start");
    return false;
}
