/* What a build runs. */
#include "builder/command.h"
#include "supervisor/building_parts.h"

#include <sys/ioctl.h>
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

bool building_work_start(struct supervisor *sup,
                         void (*ended)(void *ctx, const struct command_end *end), struct error *err)
{
    struct building *building = sup->building;
    const struct command_callbacks callbacks = {
        .ctx = sup, .process = on_process, .output = on_output, .ended = ended};
    const struct command_options options = {.shell = sup->config->build_command,
                                            .dir = sup->config->base_dir,
                                            .env = (const char *const *)building->env,
                                            .timeout_ns = sup->config->build_timeout_ns,
                                            .columns = columns_of(sup),
                                            .plain = !sup->log->color};
    building->command = command_start(sup->loop, &options, &callbacks, err);
    building->running = building->command != NULL;
    return building->running;
}

void building_work_cancel(struct building *building)
{
    if (building->command != NULL) {
        command_cancel(building->command);
    }
}

void building_work_drop(struct building *building)
{
    command_destroy(building->command);
    building->command = NULL;
    building->running = false;
}

const char *building_work_line(const struct config *config)
{
    return config->build_command;
}
