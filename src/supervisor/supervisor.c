#include "supervisor/supervisor.h"

#include "base/clock.h"
#include "base/path.h"
#include "state/slot.h"
#include "supervisor/asks.h"
#include "supervisor/comeback.h"
#include "supervisor/edits.h"
#include "supervisor/resume.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <hotrun/hotrun.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STATUS_USAGE  2 /* a file that was named is not what it should be */
#define STATUS_FAILED 125

#define CONFIG_SETTLE_NS (100 * NS_PER_MS) /* editors save in several steps */

static void on_probation(uv_timer_t *timer)
{
    struct supervisor *sup = timer->data;
    if (sup->host == NULL || sup->state != POLICY_PROBATION) {
        return;
    }
    const struct page *page = host_process_shared(sup->host)->page;
    supervisor_look(sup);
    bool enough = sup->report.step - sup->first_step >= sup->config->probation_steps;
    bool idle = atomic_load_explicit(&page->idle, memory_order_relaxed) != 0;
    /* A death that waits to be heard of came in time. */
    bool lives = !host_process_is_ending(sup->host);
    if (lives && (enough || idle)) {
        supervisor_dispatch(sup, POLICY_PROBATION_OVER);
    } else {
        supervisor_arm(sup, TIMER_PROBATION, 20);
    }
}

/* Something is being loaded for longer than allowed: killed if it is user code that does not
 * return. */
static void on_start_limit(uv_timer_t *timer)
{
    struct supervisor *sup = timer->data;
    hearing_announced(sup);
    if (sup->host == NULL || sup->asked_ns == 0) {
        return;
    }
    const struct page *page = host_process_shared(sup->host)->page;
    enum phase phase = page_phase(atomic_load_explicit(&page->word, memory_order_acquire));
    bool deferring = atomic_load_explicit(&page->deferring, memory_order_relaxed) != 0;
    bool loading = phase != PHASE_STEP && phase != PHASE_NONE && !deferring;
    if (sup->cold || loading) {
        (void)snprintf(sup->looks.hung, sizeof sup->looks.hung,
                       "not ready after %g s (supervise.start_timeout)",
                       (double)sup->config->start_timeout_ns / 1e9);
        sup->hung = true;
        supervisor_dispatch(sup, POLICY_HOST_HUNG);
    } else {
        supervisor_arm(sup, TIMER_START, 1000);
    }
}

static void on_stop_limit(uv_timer_t *timer)
{
    struct supervisor *sup = timer->data;
    if (sup->host != NULL && host_process_is_ending(sup->host)) {
        return; /* it has ended in time, and is heard of next */
    }
    log_line(sup->log, LOG_WARN,
             "the module did not end within supervise.stop_timeout: it is killed");
    supervisor_dispatch(sup, POLICY_SIGNAL_TERM);
}

static void on_backoff(uv_timer_t *timer)
{
    supervisor_dispatch(timer->data, POLICY_BACKOFF_OVER);
}

static void on_busy(uv_timer_t *timer)
{
    struct supervisor *sup = timer->data;
    sup->polled = true;
    staging_now(sup, false);
    sup->polled = false;
}

static void on_announced(uv_timer_t *timer)
{
    struct supervisor *sup = timer->data;
    hearing_announced(sup);
    if (sup->asked_ns != 0) {
        /* The longer it takes, the less a moment more matters. */
        uint64_t passed_ms = (clock_ns() - sup->asked_ns) / NS_PER_MS;
        supervisor_arm(sup, TIMER_ANNOUNCED, passed_ms < 1000 ? passed_ms + 1 : 1000);
    }
}

static void on_durable(uv_timer_t *timer)
{
    snapshots_due(timer->data);
}

static void on_replace(uv_timer_t *timer)
{
    struct supervisor *sup = timer->data;
    const struct host_process *asked = sup->host;
    hearing_now(sup);
    if (sup->replacement.by == REPLACE_NONE || sup->host != asked) {
        return; /* it has come */
    }
    log_line(sup->log, LOG_WARN,
             "the module does not give its state: what came after its last checkpoint is lost");
    replace_saved(sup);
}

static void on_look(uv_timer_t *timer)
{
    looking_now(timer->data);
}

static void on_spare(uv_timer_t *timer)
{
    hosts_make_spare(timer->data);
}

static void on_gone(uv_timer_t *timer)
{
    staging_still_gone(timer->data);
}

static void on_inspect(uv_timer_t *timer)
{
    autopsy_prepare(timer->data);
}

static void on_status(uv_timer_t *timer)
{
    status_write(timer->data);
    service_tell_status(timer->data);
}

static void on_trust(uv_timer_t *timer)
{
    staging_look_at_trust(timer->data);
}

static void on_ask(uv_timer_t *timer)
{
    struct supervisor *sup = timer->data;
    hearing_now(sup);
    if (sup->asks != NULL) {
        asks_overdue(sup);
    }
}

static void on_edit(uv_timer_t *timer)
{
    edits_go_on(timer->data);
}

static void on_building(uv_timer_t *timer)
{
    building_look(timer->data);
}

static void on_watchdog(uv_timer_t *timer)
{
    service_watchdog(timer->data);
}

static void on_layout(uv_timer_t *timer)
{
    layouts_go_on(timer->data);
}

static void on_console(uv_timer_t *timer)
{
    console_look(timer->data);
}

static const uv_timer_cb timer_callbacks[TIMER_COUNT] = {
    [TIMER_PROBATION] = on_probation, [TIMER_START] = on_start_limit,
    [TIMER_STOP] = on_stop_limit,     [TIMER_BACKOFF] = on_backoff,
    [TIMER_BUSY] = on_busy,           [TIMER_GONE] = on_gone,
    [TIMER_ANNOUNCED] = on_announced, [TIMER_REPLACE] = on_replace,
    [TIMER_LOOK] = on_look,           [TIMER_SPARE] = on_spare,
    [TIMER_STATUS] = on_status,       [TIMER_INSPECT] = on_inspect,
    [TIMER_DURABLE] = on_durable,     [TIMER_WATCHDOG] = on_watchdog,
    [TIMER_TRUST] = on_trust,         [TIMER_ASK] = on_ask,
    [TIMER_EDIT] = on_edit,           [TIMER_BUILDING] = on_building,
    [TIMER_LAYOUT] = on_layout,       [TIMER_CONSOLE] = on_console};

static void on_signal(uv_signal_t *handle, int signal)
{
    struct supervisor *sup = handle->data;
    if (signal == SIGCHLD) {
        orphans_reap(&sup->orphans);
        return;
    }
    if (signal == SIGUSR1 || signal == SIGUSR2) {
        supervisor_send(sup, &(struct message){.type = MESSAGE_TELL,
                                               .tell = {.type = HOTRUN_EVENT_SIGNAL,
                                                        .value = signal,
                                                        .name = bytes_of(""),
                                                        .text = bytes_of("")}});
        return;
    }
    if (signal == SIGINT && looking_tool_has_prompt(sup)) {
        log_line(sup->log, LOG_DEBUG, "Ctrl-C is left to the tool that the host runs under");
        return;
    }
    if (sup->stop_signal == 0) {
        sup->stop_signal = signal;
        log_line(sup->log, LOG_DEBUG, "stopping on signal %d", signal);
    }
    hearing_announced(sup); /* what has begun to step is to end in order */
    supervisor_dispatch(sup, POLICY_SIGNAL_TERM);
}

static bool is_left(int signal)
{
    struct sigaction now;
    if (signal == SIGQUIT) { /* it ends with a core; only the first process of a container would
                                ignore it */
        return getpid() != 1;
    }
    /* nohup's: who has started it so wants it to outlive the terminal. */
    return signal == SIGHUP && sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static bool start_handles(struct supervisor *sup)
{
    static const int signals[SIGNALS_COUNT] = {SIGINT,  SIGTERM, SIGHUP, SIGUSR1,
                                               SIGUSR2, SIGCHLD, SIGQUIT};
    for (size_t i = 0; i < TIMER_COUNT; i++) {
        (void)uv_timer_init(sup->loop, &sup->timers[i]);
        sup->timers[i].data = sup;
    }
    for (size_t i = 0; i < SIGNALS_COUNT; i++) {
        (void)uv_signal_init(sup->loop, &sup->signals[i]);
        sup->signals[i].data = sup;
        if (is_left(signals[i])) {
            continue;
        }
        if (uv_signal_start(&sup->signals[i], on_signal, signals[i]) != 0) {
            return error_set(&sup->fatal, ERROR_SYSTEM, "cannot handle signal %d", signals[i]);
        }
    }
    return true;
}

static void on_config(void *ctx, enum watch_news news, uint64_t since_ns)
{
    struct supervisor *sup = ctx;
    (void)since_ns;
    if (news == WATCH_CHANGED || news == WATCH_POLLED) {
        log_line(sup->log, LOG_INFO, "%s changed: it is read when hotrun starts again",
                 path_base(sup->config->file));
    }
}

static bool watch_files(struct supervisor *sup, struct error *err)
{
    const struct config *config = sup->config;
    if (!config->watch) {
        return true;
    }
    sup->watch = watch_create(sup->loop, sup->log, config->module_path, config->settle_ns,
                              config->poll_ns, staging_changed, sup, err);
    if (sup->watch != NULL && config->file != NULL) {
        sup->config_watch = watch_create(sup->loop, sup->log, config->file, CONFIG_SETTLE_NS,
                                         config->poll_ns, on_config, sup, err);
    }
    return sup->watch != NULL && (config->file == NULL || sup->config_watch != NULL);
}

static bool set_up(struct supervisor *sup)
{
    const struct config *config = sup->config;
    struct error *err = &sup->fatal;
    if (!resume_file(sup, err)) {
        bool own = err->code == ERROR_SYSTEM || err->code == ERROR_INTERNAL;
        sup->exit_status = own ? STATUS_FAILED : STATUS_USAGE;
        return false;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* what crosses `ulimit -f` is an error of the write */
    orphans_adopt(&sup->orphans);
    sup->inspector = inspector_create(sup->loop, &sup->orphans, sup->log, NULL);
    sup->slot_address = slots_find_address();
    if (sup->slot_address == 0) {
        return error_set(err, ERROR_SYSTEM, "there is no room for states in the address space");
    }
    /* What hotrun compiles itself is known by its source. */
    sup->library = path_short(config->build_sources[0] != NULL ? config->build_sources[0]
                                                               : config->module_path);
    if (sup->library == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for a path");
    }
    if (!run_dir_open(&sup->run_dir, config->run_dir, config->stage_dir, err)) {
        return false;
    }
    sup->events = events_create(sup->run_dir.fd, config->events_file, sup->log, err);
    if (sup->events == NULL) {
        return false;
    }
    sup->report = (struct report){.log = sup->log, .events = sup->events};
    sup->control = control_create(sup->loop, sup->log, sup->run_dir.fd, commands_handle, sup, err);
    if (sup->control == NULL) {
        return false;
    }
    events_set_control(sup->events, sup->control);
    return watch_files(sup, err) && start_handles(sup) && building_create(sup, err) &&
           layouts_create(sup, err) && snapshots_create(sup, err) && resume_newest(sup, err);
}

/* A signal to end has no handler any more while the last things are put away: it would leave them.
 */
static void hold_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Everything that set_up made, in reverse; also what it did not come to. */
static void tear_down(struct supervisor *sup)
{
    hold_signals();
    building_destroy(sup);
    supervisor_answer_reloads(sup, 0, "stopped", "hotrun ends");
    supervisor_answer_reloads(sup, UINT64_MAX, "stopped", "hotrun ends");
    hosts_drop_spare(sup);
    hosts_drop(sup);
    autopsy_finish(sup);
    layouts_destroy(sup);
    looking_end(sup);
    build_drop(&sup->current);
    build_drop(&sup->next);
    build_drop(&sup->pending);
    build_drop(&sup->previous.build);
    text_finish(&sup->replacement.state);
    comeback_drop_fallbacks(sup);
    comeback_drop_attempts(sup);
    hosts_forget_mapped(sup);
    shared_finish(&sup->memory);
    if (sup->copy_fd >= 0) {
        close(sup->copy_fd);
        (void)unlinkat(sup->run_dir.stage_fd, sup->copy_name, 0);
    }
    watch_destroy(sup->config_watch);
    watch_destroy(sup->watch);
    if (sup->events != NULL) {
        events_set_control(sup->events, NULL);
    }
    control_destroy(sup->control);
    asks_finish(sup);
    resume_finish(sup);
    edits_finish(sup);
    for (size_t i = 0; i < SIGNALS_COUNT; i++) {
        if (sup->signals[i].data != NULL) {
            uv_close((uv_handle_t *)&sup->signals[i], NULL);
        }
    }
    for (size_t i = 0; i < TIMER_COUNT; i++) {
        if (sup->timers[i].data != NULL) {
            uv_close((uv_handle_t *)&sup->timers[i], NULL);
        }
    }
    (void)uv_run(sup->loop, UV_RUN_DEFAULT);
    snapshots_destroy(sup);
    (void)uv_loop_close(sup->loop);
    unsigned left = orphans_end_last(&sup->orphans);
    if (left > 0) {
        log_line(sup->log, LOG_WARN, "%u processes that the module started do not end", left);
    }
    events_destroy(sup->events);
    if (sup->run_dir.path != NULL) {
        run_dir_close(&sup->run_dir);
    }
    free(sup->library);
    free(sup->copy_name);
    free(sup->copy_path);
    service_finish(sup);
}

int supervisor_run(const struct config *config, struct log *log, struct error *err)
{
    static uv_loop_t loop;
    static struct supervisor sup;
    sup = (struct supervisor){.loop = &loop,
                              .config = config,
                              .log = log,
                              .state = POLICY_HELD,
                              .good_slot = NO_SLOT,
                              .next_pin = NO_SLOT,
                              .restored_step = UINT64_MAX,
                              .memory = {.fd = -1},
                              .copy_fd = -1,
                              .console = {.keys = {.fd = -1}},
                              .rate = config->rate,
                              .rate_hz = config->rate_hz,
                              .timer_callbacks = timer_callbacks,
                              .started_ns = clock_ns()};
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    sup.wall_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    service_begin(&sup);
    int status = uv_loop_init(&loop);
    if (status != 0) {
        service_finish(&sup);
        error_set(err, ERROR_SYSTEM, "cannot start the event loop: %s", uv_strerror(status));
        return STATUS_FAILED;
    }
    terminal_save(&sup.terminal);
    if (set_up(&sup)) {
        console_begin(&sup);
        service_start_watchdog(&sup);
        sup.noticed_ns = clock_ns();
        if (!building_begin(&sup)) {
            staging_now(&sup, false);
        }
        console_look(&sup);
        if (!sup.ending || sup.host != NULL || building_runs(&sup)) {
            (void)uv_run(&loop, UV_RUN_DEFAULT);
        }
        snapshots_end(&sup);
        report_exited(&sup.report, sup.fatal.code != ERROR_NONE && sup.exit_status == 0
                                       ? STATUS_FAILED
                                       : sup.exit_status);
        status_write(&sup);
        service_end(&sup);
    }
    console_end(&sup);
    tear_down(&sup);
    *err = sup.fatal;
    if (sup.fatal.code != ERROR_NONE && sup.exit_status == 0) {
        return STATUS_FAILED;
    }
    return sup.exit_status;
}
