#define _GNU_SOURCE
#include "static/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define EXIT_PROGRAM_FAILED  125
#define EXIT_MODULE_UNUSABLE 126

const char *hotrun_static_status_name(hotrun_status status)
{
    switch (status) {
    case HOTRUN_ERR_NOMEM:
        return "HOTRUN_ERR_NOMEM";
    case HOTRUN_ERR_SCHEMA:
        return "HOTRUN_ERR_SCHEMA";
    case HOTRUN_ERR_IO:
        return "HOTRUN_ERR_IO";
    default:
        return "HOTRUN_ERR";
    }
}

/* NULL, or what is wrong with the table. */
static const char *table_fault(const hotrun_module *module)
{
    if (module->abi_major != HOTRUN_ABI_MAJOR)
        return "it was compiled with the hotrun.h of another major version";
    if (!HOTRUN_HAS(hotrun_module, module, get_extension))
        return "its size is smaller than that of version 1.0";
    if (!module->step)
        return "it has no step";
    if (!module->serialize != !module->deserialize)
        return "it has one of serialize and deserialize; both or none are needed";
    if (module->state_align == 0 || module->state_align > 4096 ||
        (module->state_align & (module->state_align - 1)) != 0)
        return "its state_align is not a power of two up to 4096";
    return NULL;
}

static const char *module_name(const hotrun_static *run)
{
    return run->module->name ? run->module->name : "module";
}

/* The module can't go on; what is wrong has been told. */
static void give_up(hotrun_static *run)
{
    run->ending = true;
    run->failed = true;
    run->exit_status = EXIT_MODULE_UNUSABLE;
}

static bool state_open(hotrun_static *run)
{
    size_t size = run->module->state_size;
    if (size == 0)
        return true;
    /* Whole pages: zeroed, and aligned for whatever state_align allows. */
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        hotrun_static_log(run, HOTRUN_LOG_ERROR, "no memory for a state of %zu bytes: %s", size,
                          strerror(errno));
        return false;
    }
    run->state = memory;
    return true;
}

static void release(hotrun_static *run)
{
    hotrun_static_services_close(run);
    if (run->signals_on)
        hotrun_static_stop_close();
    if (run->state)
        (void)munmap(run->state, run->module->state_size);
    free(run);
}

static bool open_all(hotrun_static *run, int argc, char **argv, double hz, const char *config)
{
    if (!hotrun_static_services_open(run, argc, argv, config) || !state_open(run))
        return false;
    run->signals_on = hotrun_static_stop_open(&run->stop_fd);
    if (!run->signals_on) {
        hotrun_static_log(run, HOTRUN_LOG_ERROR, "no handler for SIGINT and SIGTERM: %s",
                          strerror(errno));
        return false;
    }
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* else each wait ends up to 50 us late */
    run->period_ns = hotrun_static_period(hz);
    return true;
}

hotrun_static *hotrun_static_begin(const hotrun_module *module, int argc, char **argv, double hz,
                                   const char *config)
{
    hotrun_static *run = calloc(1, sizeof *run);
    if (!run) {
        (void)fputs("error: no memory to start a module\n", stderr);
        return NULL;
    }
    run->module = module;
    run->wake_fd = -1;
    run->stop_fd = -1;
    run->burst = 1;
    run->step = (hotrun_step){.size = sizeof run->step,
                              .flags = HOTRUN_STEP_UPDATED,
                              .generation = 1,
                              .index = UINT64_MAX};

    const char *fault = table_fault(module);
    if (fault) {
        run->log_level = HOTRUN_LOG_ERROR;
        hotrun_static_log(run, HOTRUN_LOG_ERROR, "%s can't run: %s", module_name(run), fault);
        give_up(run);
        return run;
    }
    if (!open_all(run, argc, argv, hz, config)) {
        release(run);
        return NULL;
    }
    if (module->init) {
        hotrun_status status = module->init(&run->host, run->state);
        if (status != HOTRUN_OK) {
            hotrun_static_log(run, HOTRUN_LOG_ERROR, "%s can't run: init returned %s",
                              module_name(run), hotrun_static_status_name(status));
            give_up(run);
        }
    }
    run->deadline_ns = run->stepped_ns = hotrun_static_clock();
    return run;
}

const hotrun_host *hotrun_static_host(const hotrun_static *run)
{
    return run ? &run->host : NULL;
}

void *hotrun_static_state(const hotrun_static *run)
{
    return run ? run->state : NULL;
}

static void take_status(hotrun_static *run, hotrun_status last)
{
    if (last == HOTRUN_EXIT) {
        run->ending = true;
        run->exit_status = 0;
        return;
    }
    hotrun_static_log(run, HOTRUN_LOG_ERROR, "%s ends: step %llu returned %s", module_name(run),
                      (unsigned long long)run->step.index, hotrun_static_status_name(last));
    give_up(run);
}

const hotrun_step *hotrun_static_next(hotrun_static *run, hotrun_status last)
{
    if (!run)
        return NULL;
    if (last != HOTRUN_OK && !run->failed)
        take_status(run, last);
    if (run->ending)
        return NULL;
    if (run->credit > 0)
        run->credit--;
    else if (!hotrun_static_pace(run))
        return NULL;
    run->step.index++; /* from UINT64_MAX to 0 for the first */
    if (run->step.index > 0)
        run->step.flags = 0;
    return &run->step;
}

int hotrun_static_end(hotrun_static *run)
{
    if (!run)
        return EXIT_PROGRAM_FAILED;
    if (!run->failed) {
        hotrun_static_event(run, HOTRUN_EVENT_STOPPING, NULL, run->exit_status);
        if (run->module->fini)
            run->module->fini(&run->host, run->state, HOTRUN_FINI_EXIT);
    }
    int status = run->exit_status;
    release(run);
    return status;
}
