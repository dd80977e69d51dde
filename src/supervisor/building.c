#include "supervisor/building_parts.h"

#include "base/clock.h"
#include "base/path.h"
#include "supervisor/report_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ELAPSED_MS    10000U
#define RESTARTS_MOST 4

struct building_state building_state(const struct supervisor *sup)
{
    const struct building *building = sup->building;
    if (building == NULL) {
        return (struct building_state){.configured = false};
    }
    bool running = building->running;
    return (struct building_state){.configured = true,
                                   .running = running,
                                   .failed = building->outcome == OUTCOME_FAILED,
                                   .since_ns = running ? building->began_ns : building->ended_ns};
}

bool building_runs(const struct supervisor *sup)
{
    return sup->building != NULL && sup->building->running;
}

bool building_takes(const struct supervisor *sup)
{
    return sup->building != NULL && sup->building->takes;
}

static bool is_ending(const struct supervisor *sup)
{
    return sup->state == POLICY_STOPPING || sup->ending;
}

/* ---- the end of a build ---- */

static void begin(struct supervisor *sup);

static bool library_is_there(const struct supervisor *sup, struct stat *st)
{
    return stat(sup->config->module_path, st) == 0;
}

/* Whether the library is the one that was found at the build's start. */
static bool is_untouched(const struct supervisor *sup)
{
    const struct building *building = sup->building;
    const struct stat *before = &building->before;
    struct stat now;
    return building->was_there && library_is_there(sup, &now) && now.st_ino == before->st_ino &&
           now.st_dev == before->st_dev && now.st_size == before->st_size &&
           now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
}

void building_tell_same(const struct supervisor *sup, char *text, size_t size)
{
    if (sup->building->compile != NULL) {
        (void)snprintf(text, size, "%s makes the same code", sup->library);
    } else if (is_untouched(sup)) {
        (void)snprintf(text, size, "the build left %s as it was (module.path)", sup->library);
    } else {
        (void)snprintf(text, size, "the build made %s anew with the same bytes", sup->library);
    }
}

/* The one that runs is ended for the one that follows. */
static void restart(struct building *building)
{
    building->restarts++;
    building->cancelling = true;
    building_work_cancel(building);
}

void building_look(struct supervisor *sup)
{
    struct building *building = sup->building;
    if (!building_runs(sup)) {
        return;
    }
    if (building->again && !building->cancelling && sup->config->on_change == CHANGE_RESTART) {
        restart(building); /* it had its time */
    } else {
        uint64_t s = (clock_ns() - building->began_ns + NS_PER_S / 2) / NS_PER_S;
        log_line(sup->log, LOG_INFO, "building for %llu s", (unsigned long long)s);
    }
    supervisor_arm(sup, TIMER_BUILDING, ELAPSED_MS);
}

/* What happens to the code after a failure: `then`. True: the library is to be looked at. */
static bool decide_after_failure(struct supervisor *sup)
{
    struct building *building = sup->building;
    struct stat now;
    uint64_t runs = supervisor_running(sup);
    bool there = library_is_there(sup, &now);
    bool made = there && !is_untouched(sup);
    if (made) {
        (void)snprintf(building->then, sizeof building->then, "%.250s was written all the same",
                       sup->library);
    } else if (building->first && there) {
        (void)snprintf(building->then, sizeof building->then, "%.250s, which is older, is loaded",
                       building->compile != NULL ? "its library" : sup->library);
    } else if (runs != 0) {
        (void)snprintf(building->then, sizeof building->then, "generation %llu goes on",
                       (unsigned long long)runs);
    } else {
        (void)snprintf(building->then, sizeof building->then, "save a fix to go on");
    }
    return made || building->deferred || (building->first && there);
}

static void look_at_library(struct supervisor *sup, bool takes)
{
    struct building *building = sup->building;
    bool by_command = building->deferred_by_command;
    building->deferred = building->deferred_by_command = building->first = false;
    if (sup->watch != NULL) {
        watch_take_news(sup->watch);
    }
    sup->noticed_ns = clock_ns();
    building->takes = takes;
    sup->touched = !takes && !by_command;
    staging_now(sup, by_command);
    sup->touched = building->takes = false;
}

static void hold_without_code(struct supervisor *sup)
{
    (void)snprintf(sup->held_reason, sizeof sup->held_reason, "the build failed: %.600s",
                   sup->building->reason);
    report_held(&sup->report, sup->held_reason, true);
}

static void end_well(struct supervisor *sup)
{
    struct building *building = sup->building;
    building->outcome = OUTCOME_OK;
    building_tell_ok(sup);
    building_answer(sup, false, "ok");
    look_at_library(sup, true);
}

static void end_failed(struct supervisor *sup)
{
    struct building *building = sup->building;
    bool looks = decide_after_failure(sup);
    building->outcome = OUTCOME_FAILED;
    building_dispatch(sup, POLICY_BUILD_FAILED);
    building_answer(sup, false, "failed");
    if (looks) {
        look_at_library(sup, false);
    } else if (building->first) {
        building->first = false;
        hold_without_code(sup);
    }
}

static void note_end(struct building *building, const char *reason, uint64_t took_ns)
{
    text_clear(&building->output);
    transcript_read(&building->transcript, TRANSCRIPT_PART, &building->output);
    (void)snprintf(building->reason, sizeof building->reason, "%s", reason);
    building->took_ns = took_ns;
    building->ended_ns = clock_ns();
}

/* What was begun has ended; `reason` "": well. */
static void finish(struct supervisor *sup, const char *reason, uint64_t took_ns)
{
    struct building *building = sup->building;
    bool cancelled = building->cancelling || is_ending(sup);
    building->anew = building->cancelling;
    building->restarts = building->again ? building->restarts : 0;
    building_work_over(sup);
    sources_build_ended(building->sources, !cancelled);
    supervisor_disarm(sup, TIMER_BUILDING);
    building->cancelling = false;
    if (cancelled) {
        building_tell_cancelled(sup, took_ns);
    } else {
        note_end(building, reason, took_ns);
        if (building->first) {
            sup->held_reason[0] = '\0'; /* "building" */
        }
        if (reason[0] == '\0') {
            end_well(sup);
        } else {
            end_failed(sup);
        }
    }
    building_work_watch(sup);
    if (is_ending(sup)) {
        building_answer(sup, true, "cancelled");
        supervisor_finish_if_idle(sup);
    } else if (building->again) {
        begin(sup);
    } else if (sup->state == POLICY_HELD && !sup->missing_told && !staging_will_look(sup)) {
        (void)supervisor_ends_held(sup, 126);
    }
    supervisor_arm(sup, TIMER_STATUS, 20);
}

static void on_ended(void *ctx, const struct command_end *end)
{
    struct supervisor *sup = ctx;
    bool ok = end->status == 0 && end->signal == 0 && !end->timed_out;
    uint64_t took_ns = end->took_ns;
    char reason[256] = "";
    if (!ok) {
        report_build_words(end, sup->config->build_timeout_ns, reason, sizeof reason);
    }
    finish(sup, reason, took_ns);
}

/* ---- the begin of a build ---- */

static void begin(struct supervisor *sup)
{
    struct building *building = sup->building;
    struct error err;
    building->again = false;
    building->cancelling = false;
    building->began_ns = clock_ns();
    building->was_there = library_is_there(sup, &building->before);
    transcript_clear(&building->transcript);
    for (unsigned i = 0; i < building->call_count; i++) {
        building->calls[i].later = false;
    }
    building_dispatch(sup, POLICY_BUILD_STARTED);
    sources_build_began(building->sources);
    if (!building_work_start(sup, on_ended, &err)) {
        finish(sup, err.text, 0);
        return;
    }
    supervisor_arm(sup, TIMER_BUILDING, ELAPSED_MS);
    supervisor_arm(sup, TIMER_STATUS, 20);
}

/* `cause` is set. In the place of one that runs, or behind it. `asked`: by a person, for sure. */
static void want(struct supervisor *sup, bool asked)
{
    struct building *building = sup->building;
    if (!building->running) {
        begin(sup);
        return;
    }
    /* One that writes sources itself would else end itself again and again. But one that hangs is
     * not waited for. */
    bool long_enough = clock_ns() - building->began_ns >= ELAPSED_MS * NS_PER_MS;
    bool restarts = sup->config->on_change == CHANGE_RESTART &&
                    (asked || long_enough || building->restarts < RESTARTS_MOST);
    if (!restarts && !building->again) {
        log_tone(sup->log, LOG_TONE_FAINT, "another build follows  %s", building->cause);
    }
    building->again = true;
    if (restarts && !building->cancelling) {
        restart(building);
    }
}

static void on_sources(void *ctx, const char *path, size_t count, uint64_t since_ns)
{
    struct supervisor *sup = ctx;
    struct building *building = sup->building;
    (void)since_ns;
    if (!sup->config->watch || is_ending(sup)) {
        return;
    }
    if (count > 1) {
        (void)snprintf(building->cause, sizeof building->cause, "%.400s and %zu more changed", path,
                       count - 1);
    } else {
        (void)snprintf(building->cause, sizeof building->cause, "%.480s changed", path);
    }
    want(sup, false);
}

bool building_replaces(struct supervisor *sup)
{
    struct building *building = sup->building;
    if (building == NULL || building->compile == NULL || is_ending(sup)) {
        return false;
    }
    (void)snprintf(building->cause, sizeof building->cause, "its library was removed");
    want(sup, false);
    return true;
}

void building_ask(struct supervisor *sup, struct control_call *call)
{
    struct building *building = sup->building;
    if (building == NULL) {
        control_fail(
            call, CONTROL_REFUSED,
            "hotrun builds nothing here: set build.command in hotrun.toml, or run a source");
    } else if (is_ending(sup)) {
        control_fail(call, CONTROL_REFUSED, "hotrun is stopping");
    } else if (building->call_count == CALLS_MOST) {
        control_fail(call, CONTROL_REFUSED, "too many wait for a build already");
    } else {
        building->calls[building->call_count++] =
            (struct building_call){.call = call, .later = true};
        (void)snprintf(building->cause, sizeof building->cause, "by command");
        want(sup, true);
    }
}

static bool is_needed(struct supervisor *sup)
{
    bool due = building_work_is_due(sup);
    return sup->config->at_start != START_NEVER && (due || sup->config->at_start == START_ALWAYS);
}

bool building_begin(struct supervisor *sup)
{
    if (sup->building == NULL || !is_needed(sup)) {
        return false;
    }
    sup->building->first = true;
    (void)snprintf(sup->held_reason, sizeof sup->held_reason, "building");
    begin(sup);
    return true;
}

void building_stop(struct supervisor *sup)
{
    if (building_runs(sup)) {
        sup->building->again = false;
        sup->building->cancelling = true;
        building_work_cancel(sup->building);
    }
}

bool building_defers(struct supervisor *sup, bool by_command)
{
    if (!building_runs(sup)) {
        return false;
    }
    sup->building->deferred = true;
    sup->building->deferred_by_command = sup->building->deferred_by_command || by_command;
    return true;
}

/* ---- life ---- */

bool building_create(struct supervisor *sup, struct error *err)
{
    const struct config *config = sup->config;
    if (!building_work_is_wanted(config)) {
        return true;
    }
    const char *never[] = {config->file,      config->run_dir,     config->module_path,
                           config->stage_dir, config->events_file, NULL};
    size_t count = 0;
    for (size_t i = 0; i + 1 < sizeof never / sizeof never[0]; i++) {
        if (never[i] != NULL) {
            never[count++] = never[i];
        }
    }
    never[count] = NULL;
    const struct sources_rules rules = {.root = config->base_dir,
                                        .watch = (const char *const *)config->build_watch,
                                        .ignore = (const char *const *)config->build_ignore,
                                        .gitignore = config->build_gitignore,
                                        .files_only = config->build_sources[0] != NULL,
                                        .never = never};
    struct building *building = calloc(1, sizeof *building);
    if (building == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for builds");
    }
    sup->building = building;
    building->telling = POLICY_EVENT_COUNT;
    if (!building_work_create(sup, err)) {
        return false;
    }
    building->sources =
        sources_create(sup->loop, sup->log, &rules,
                       config->poll_ns > 0 ? config->poll_ns : NS_PER_S, on_sources, sup, err);
    return building->sources != NULL;
}

void building_destroy(struct supervisor *sup)
{
    struct building *building = sup->building;
    if (building != NULL) {
        building_work_destroy(building);
        sources_destroy(building->sources);
        text_finish(&building->output);
        free(building);
        sup->building = NULL;
    }
}
