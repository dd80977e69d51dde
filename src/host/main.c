/* hotrun-host: started by the supervisor with three descriptors: the channel, the shared memory,
 * and the bell that is rung when this process dies. */
#define _GNU_SOURCE
#include "host/crash.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void on_wake(uv_async_t *wake)
{
    struct host *host = wake->data;
    host->step_now = host->current != NULL;
}

static void on_descriptor(void *ctx, const char *name, int events)
{
    struct host *host = ctx;
    if (host->current == NULL || host->done) {
        return;
    }
    hotrun_event event = {.size = (uint32_t)sizeof event,
                          .type = HOTRUN_EVENT_FD_READY,
                          .name = name,
                          .value = events};
    (void)generation_event(host->current, &event);
}

static void interrupted(int signal)
{
    (void)signal;
}

static void on_continue(int signal)
{
    (void)signal;
    loop_continued();
}

/* Signals that a terminal sends to the whole group are the supervisor's to answer. They are caught,
 * not ignored, so that a blocked read returns, and so that programs that the module starts find
 * them at their defaults. */
static void set_signals(void)
{
    struct sigaction action = {.sa_handler = interrupted};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    action.sa_handler = on_continue;
    action.sa_flags = SA_RESTART;
    (void)sigaction(SIGCONT, &action, NULL);
}

static bool set_arguments(struct setup *setup, const struct bytes *args)
{
    size_t count = 0;
    for (size_t i = 0; i < args->len; i++) {
        count += args->data[i] == '\0';
    }
    setup->args = malloc(args->len + 1);
    setup->argv = calloc(count + 1, sizeof *setup->argv);
    if (setup->args == NULL || setup->argv == NULL) {
        return false;
    }
    memcpy(setup->args, args->data, args->len + 1);
    char *at = setup->args;
    for (size_t i = 0; i < count; i++) {
        setup->argv[i] = at;
        at += strlen(at) + 1;
    }
    setup->argc = (int)count;
    return true;
}

/* A tool may have put something of its own where the supervisor has found room for states. */
static uint64_t state_address(struct host *host, const struct message_setup *told)
{
    bool under_a_tool = told->supervisor_pid == 0;
    if (!under_a_tool || slots_fit(told->slot_address)) {
        return told->slot_address;
    }
    uint64_t address = slots_find_address();
    if (address == 0) {
        return told->slot_address; /* a state that does not fit there is refused, with the reason */
    }
    host_note(host, LOG_INFO, "run.wrap: states lie at 0x%llx, because 0x%llx is taken",
              (unsigned long long)address, (unsigned long long)told->slot_address);
    return address;
}

/* The first message: it follows at once, or when a spare host is needed. */
static bool receive_setup(struct host *host, struct error *err)
{
    struct message message;
    enum channel_result result;
    struct pollfd readable = {.fd = channel_fd(host->channel), .events = POLLIN};
    while ((result = channel_receive(host->channel, &message, err)) == CHANNEL_EMPTY) {
        (void)poll(&readable, 1, -1);
    }
    if (result == CHANNEL_CLOSED) {
        return error_set(err, ERROR_MISSING, "the supervisor is gone");
    }
    if (result == CHANNEL_BAD) {
        return false;
    }
    if (message.type != MESSAGE_SETUP) {
        return error_set(err, ERROR_INTERNAL, "the first message is no setup");
    }
    const struct message_setup *told = &message.setup;
    struct setup *setup = &host->setup;
    *setup = (struct setup){.state_max_json = told->state_max_json,
                            .state_max_size = told->state_max_size,
                            .pin_limit = told->pin_limit,
                            .defer_limit_ns = told->defer_limit_ns,
                            .max_dt_ns = told->max_dt_ns,
                            .stop_timeout_ns = told->stop_timeout_ns,
                            .reset_on_mismatch = told->reset_on_mismatch != 0,
                            .hold_on_loss = told->hold_on_loss != 0,
                            .statics = told->statics != 0,
                            .config = strdup(told->config.data)};
    if (setup->config == NULL || !set_arguments(setup, &told->args)) {
        return error_set(err, ERROR_SYSTEM, "no memory for the setup");
    }
    host->paused = told->paused != 0;
    host->checkpoint.interval_ns = told->checkpoint_ns;
    host->log.color = host->log.color && told->color != 0;
    host->log.level = (int)told->log_level;
    host->page->log_level = (int32_t)told->log_level;
    slots_init(&host->slots, state_address(host, told));
    pace_init(&host->pace, (enum pace_kind)told->rate_kind, told->rate_hz, told->max_dt_ns);
    /* The supervisor may have died before the death signal was set. Under a tool it is not the
     * parent. */
    if (told->supervisor_pid != 0 && getppid() != (pid_t)told->supervisor_pid) {
        return error_set(err, ERROR_MISSING, "the supervisor is gone");
    }
    return true;
}

static bool set_up(struct host *host, struct error *err)
{
    int status = uv_loop_init(&host->loop);
    if (status == 0) {
        status = uv_async_init(&host->loop, &host->wake, on_wake);
    }
    if (status == 0) {
        status = uv_poll_init(&host->loop, &host->channel_poll, channel_fd(host->channel));
    }
    if (status == 0) {
        status = uv_poll_start(&host->channel_poll, UV_READABLE, host_on_channel);
    }
    if (status != 0) {
        return error_set(err, ERROR_SYSTEM, "cannot start the event loop: %s", uv_strerror(status));
    }
    host->wake.data = host;
    host->main_thread = pthread_self();
    host->channel_poll.data = host;
    descriptors_init(&host->descriptors, &host->loop, on_descriptor, host);
    return true;
}

static void tear_down(struct host *host)
{
    (void)generation_destroy(host->current, NULL);
    descriptors_finish(&host->descriptors);
    uv_close((uv_handle_t *)&host->wake, NULL);
    uv_close((uv_handle_t *)&host->channel_poll, NULL);
    (void)uv_run(&host->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&host->loop);
    kept_finish(&host->kept);
    slots_finish(&host->slots);
    edits_forget(host);
    text_finish(&host->json);
    text_finish(&host->json_after);
    free(host->variables);
    layouts_finish(&host->layouts);
    kept_texts_finish(&host->texts);
    free(host->setup.config);
    free(host->setup.args);
    free((void *)host->setup.argv);
    (void)channel_flush(host->channel);
    channel_destroy(host->channel);
    crash_finish();
    shared_finish(&host->shared);
}

static int descriptor_argument(const char *word)
{
    char *end = NULL;
    long fd = strtol(word, &end, 10);
    bool ok = *word != '\0' && *end == '\0' && fd > STDERR_FILENO && fd < 1024 &&
              fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0;
    return ok ? (int)fd : -1;
}

int main(int argc, char **argv)
{
    static struct host host;
    struct error err = {0};
    int channel = argc == 5 ? descriptor_argument(argv[1]) : -1;
    int shared = argc == 5 ? descriptor_argument(argv[2]) : -1;
    int bell = argc == 5 ? descriptor_argument(argv[3]) : -1;
    char protocol[64];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    set_signals();
    log_init(&host.log, LOG_INFO, false);
    if (channel < 0 || shared < 0 || bell < 0) {
        log_line(&host.log, LOG_ERROR, "hotrun-host is a part of hotrun: run hotrun");
        return 125;
    }
    message_protocol(protocol, sizeof protocol);
    if (strcmp(protocol, argv[4]) != 0) {
        log_line(&host.log, LOG_ERROR,
                 "hotrun and hotrun-host are of different builds (%s and %s): install hotrun again",
                 argv[4], protocol);
        return 125;
    }
    if (!shared_attach(&host.shared, shared, &err) ||
        !crash_install(host.shared.page, host.shared.crash, bell, &err)) {
        log_line(&host.log, LOG_ERROR, "the host cannot start: %s", err.text);
        return 125;
    }
    host.page = host.shared.page;
    host.channel = channel_create(channel, &err);
    if (host.channel == NULL || !set_up(&host, &err)) {
        host_leave(&host, PAGE_END_HOST, 125, err.text);
    }
    host_send(&host,
              &(struct message){.type = MESSAGE_READY, .ready = {.pid = (uint64_t)getpid()}});
    if (!receive_setup(&host, &err)) {
        host_leave(&host, PAGE_END_HOST, 125, err.text);
    }
    loop_run(&host);
    tear_down(&host);
    return 0;
}
