/* From a change on disk to a library that is ready: copied, checked, and neither known nor refused
 * before. */
#include "base/clock.h"
#include "base/path.h"
#include "module/trust.h"
#include "supervisor/state.h"

#include <hotrun/hotrun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_FIRST_MS 20U
#define BUSY_MOST_MS  1000U
#define GONE_MS       1000U
#define TRUST_MS      500U

/* What would run if nothing more came. */
static const struct build *newest(const struct supervisor *sup)
{
    return sup->pending != NULL ? sup->pending : sup->next != NULL ? sup->next : sup->current;
}

static void tell_module(struct supervisor *sup, const char *reason)
{
    if (supervisor_running(sup) != 0) {
        supervisor_send(sup, &(struct message){.type = MESSAGE_TELL,
                                               .tell = {.type = HOTRUN_EVENT_RELOAD_REJECTED,
                                                        .value = (int64_t)supervisor_running(sup),
                                                        .name = bytes_of(""),
                                                        .text = bytes_of(reason)}});
    }
}

/* A writer will be done, and what was missing may be there again: no save is forgotten for that. */
static void look_again(struct supervisor *sup)
{
    sup->busy_wait_ms = sup->busy_wait_ms == 0 ? BUSY_FIRST_MS : sup->busy_wait_ms * 2;
    if (sup->busy_wait_ms > BUSY_MOST_MS) {
        sup->busy_wait_ms = BUSY_MOST_MS;
    }
    supervisor_arm(sup, TIMER_BUSY, sup->busy_wait_ms);
}

static void wait_for_file(struct supervisor *sup, bool by_command)
{
    char reason[1200];
    (void)snprintf(reason, sizeof reason,
                   building_takes(sup)
                       ? "the build ended well, but %s is not there: module.path is "
                         "to name what it writes"
                   : sup->config->build_sources[0] != NULL
                       ? "%s was not compiled so far: `hotrun build` does it"
                       : "%s is not there",
                   sup->library);
    if (!sup->missing_told || by_command || building_takes(sup)) {
        report_waiting(&sup->report, reason);
        supervisor_answer_reloads(sup, 0, "waiting", reason);
    }
    sup->missing_told = true;
    supervisor_arm(sup, TIMER_STATUS, 20);
    if (!sup->config->watch && sup->current == NULL) {
        error_set(&sup->fatal, ERROR_MISSING,
                  "%s is not there, and watch.enabled is false: nothing "
                  "to wait for",
                  sup->library);
        sup->exit_status = 126;
        sup->ending = true;
        supervisor_finish_if_idle(sup);
    }
}

static void refuse_file(struct supervisor *sup, const struct stage *stage,
                        enum stage_outcome outcome, const char *reason)
{
    static const struct hash none = {0, 0};
    bool hashed = outcome == STAGE_BAD && !hash_equal(stage->hash, none);
    if (hashed && quarantine_has(&sup->quarantine, stage->hash) && !sup->forced) {
        if (sup->touched) {
            return;
        }
        report_quarantined(&sup->report, reason, supervisor_running(sup));
        tell_module(sup, reason);
        supervisor_answer_reloads(sup, 0, "quarantined", reason);
        return;
    }
    if (hashed) {
        quarantine_add(&sup->quarantine, stage->hash);
    }
    report_rejected(&sup->report, swap_stage_name(SWAP_FILE), reason, supervisor_running(sup));
    tell_module(sup, reason);
    supervisor_answer_reloads(sup, 0, "rejected", reason);
    if (sup->state == POLICY_HELD) {
        (void)supervisor_ends_held(sup, 126);
    }
}

static void same_as_before(struct supervisor *sup)
{
    char reason[512];
    char how[256] = "the library's bytes are those";
    const struct build *known = newest(sup);
    const char *what = known == sup->current && supervisor_running(sup) != 0 ? "runs"
                       : known == sup->current                               ? "is held"
                                                                             : "is being loaded";
    if (building_takes(sup)) {
        building_tell_same(sup, how, sizeof how);
        (void)snprintf(reason, sizeof reason, "%s; generation %llu %s", how,
                       (unsigned long long)known->generation, what);
    } else {
        (void)snprintf(reason, sizeof reason, "%s of generation %llu, which %s", how,
                       (unsigned long long)known->generation, what);
    }
    report_unchanged(&sup->report, building_takes(sup) ? "nothing to reload" : "unchanged", reason);
    supervisor_answer_reloads(sup, 0, "unchanged", reason);
}

void staging_refused(struct supervisor *sup, uint64_t generation)
{
    static const char reason[] =
        "these bytes failed before and did not change (reload --force loads "
        "them all the same)";
    report_quarantined(&sup->report, reason, supervisor_running(sup));
    tell_module(sup, reason);
    supervisor_answer_reloads(sup, generation, "quarantined", reason);
}

/* Formatting costs more with cold caches than the copy's own calls do: it is done ahead. */
static bool prepare_name(struct supervisor *sup)
{
    if (sup->copy_path == NULL) {
        free(sup->copy_name);
        sup->copy_name = build_file_name(sup->config->stage_name, sup->config->module_path,
                                         sup->generations + 1);
        sup->copy_path =
            sup->copy_name == NULL ? NULL : path_join(sup->run_dir.stage_path, sup->copy_name);
    }
    return sup->copy_path != NULL;
}

/* The file of the next copy, too. */
static void prepare_copy(struct supervisor *sup)
{
    if (prepare_name(sup) && sup->copy_fd < 0) {
        sup->copy_fd = stage_prepare(sup->run_dir.stage_fd, sup->copy_name);
    }
}

/* Where it could be loaded at once. */
static bool waits_for_layout(struct supervisor *sup, struct build *build)
{
    bool able =
        sup->state == POLICY_RUNNING || sup->state == POLICY_PROBATION || sup->state == POLICY_HELD;
    return able && layouts_put_off(sup, build);
}

/* False: no memory. */
static bool copied(struct supervisor *sup, const struct stage *stage, uint64_t begun_ns,
                   bool by_command)
{
    if (sup->watch != NULL && watch_has_news(sup->watch)) {
        /* A writer came and went while it was read: its event brings us back here. */
        (void)unlink(sup->copy_path);
        return true;
    }
    if (quarantine_has(&sup->quarantine, stage->hash)) {
        if (!sup->forced) {
            (void)unlink(sup->copy_path);
            if (!sup->touched) {
                staging_refused(sup, 0);
            }
            return true;
        }
        quarantine_remove(&sup->quarantine, stage->hash);
    }
    sup->generations++;
    struct build *build = build_create(sup->generations, sup->copy_path, stage);
    sup->copy_path = NULL;
    if (build == NULL) {
        return false;
    }
    build->noticed_ns = sup->noticed_ns;
    build->detect_ns = begun_ns - sup->noticed_ns;
    build->stage_ns = clock_ns() - begun_ns;
    for (unsigned i = 0; i < sup->reload_call_count; i++) {
        if (sup->reload_calls[i].generation == 0) {
            sup->reload_calls[i].generation = build->generation;
        }
    }
    layouts_arrived(sup, build);
    build_drop(&sup->pending); /* the newest wins */
    if (waits_for_layout(sup, build)) {
        sup->pending = build;
        layouts_go_on(sup);
        return true;
    }
    sup->arrived = build;
    supervisor_dispatch(sup, by_command            ? POLICY_CTL_RELOAD
                             : building_takes(sup) ? POLICY_BUILD_OK
                                                   : POLICY_LIBRARY_READY);
    return true;
}

struct build *staging_copy_again(struct supervisor *sup, const struct build *build,
                                 struct error *err)
{
    struct stage stage = {0};
    uint64_t begun = clock_ns();
    if (!prepare_name(sup)) {
        error_set(err, ERROR_SYSTEM, "no memory to copy the library");
        return NULL;
    }
    enum stage_outcome outcome = stage_copy(build->path, sup->run_dir.stage_fd, sup->copy_name,
                                            &sup->copy_fd, NULL, &stage, err);
    if (outcome != STAGE_COPIED) {
        if (outcome == STAGE_BUSY || outcome == STAGE_MISSING) {
            error_set(err, ERROR_MISSING, "the copy of the library that runs is %s",
                      outcome == STAGE_BUSY ? "open for writing" : "not there any more");
        }
        return NULL;
    }
    sup->generations++;
    struct build *again = build_create(sup->generations, sup->copy_path, &stage);
    sup->copy_path = NULL;
    if (again == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for a library");
        return NULL;
    }
    again->noticed_ns = begun;
    layouts_arrived(sup, again);
    again->stage_ns = clock_ns() - begun;
    prepare_copy(sup);
    return again;
}

static void tell_failure(struct supervisor *sup, const struct stage *stage, const char *reason)
{
    /* Who looks again and again tells the same trouble once. */
    if (!sup->polled || strncmp(sup->failed_reason, reason, sizeof sup->failed_reason - 1) != 0) {
        refuse_file(sup, stage, STAGE_FAILED, reason);
    }
    (void)snprintf(sup->failed_reason, sizeof sup->failed_reason, "%.255s", reason);
    look_again(sup);
}

/* What is wrong with a folder's mode is mended without an event: looked at until then. */
static bool is_trusted(struct supervisor *sup, const struct stat *source, struct error *err)
{
    bool trusted =
        sup->config->allow_writable || trust_check(sup->config->module_path, source, err);
    if (!trusted && sup->watch != NULL) {
        supervisor_arm(sup, TIMER_TRUST, TRUST_MS);
    }
    return trusted;
}

void staging_look_at_trust(struct supervisor *sup)
{
    struct stat source;
    struct error err;
    if (stat(sup->config->module_path, &source) != 0 || !is_trusted(sup, &source, &err)) {
        return; /* one that is missing brings an event when it is back */
    }
    sup->noticed_ns = clock_ns();
    staging_now(sup, false);
}

void staging_now(struct supervisor *sup, bool by_command)
{
    struct stage stage = {0};
    struct error err = {0};
    uint64_t begun = clock_ns();
    if (sup->state == POLICY_STOPPING || sup->ending || building_defers(sup, by_command)) {
        return;
    }
    supervisor_look(sup);
    const struct build *known = newest(sup);
    bool again = sup->forced || (by_command && sup->state == POLICY_HELD);
    enum stage_outcome outcome = STAGE_FAILED;
    if (prepare_name(sup)) {
        outcome = stage_copy(sup->config->module_path, sup->run_dir.stage_fd, sup->copy_name,
                             &sup->copy_fd, known != NULL && !again ? &known->stage.hash : NULL,
                             &stage, &err);
    } else {
        error_set(&err, ERROR_SYSTEM, "no memory to copy %s", sup->library);
    }
    supervisor_disarm(sup, TIMER_TRUST);
    if (outcome == STAGE_COPIED && !is_trusted(sup, &stage.source, &err)) {
        (void)unlink(sup->copy_path);
        outcome = err.code == ERROR_MISSING ? STAGE_BUSY : STAGE_FAILED;
    }
    supervisor_disarm(sup, TIMER_BUSY);
    if (outcome != STAGE_BUSY && outcome != STAGE_FAILED) {
        sup->busy_wait_ms = 0;
        sup->failed_reason[0] = '\0';
    }
    if (outcome != STAGE_MISSING) {
        sup->missing_told = false;
    }
    if (sup->watch != NULL && outcome != STAGE_BUSY && outcome != STAGE_FAILED) {
        watch_seen(sup->watch, outcome == STAGE_MISSING ? NULL : &stage.source);
    }
    switch (outcome) {
    case STAGE_COPIED:
        if (!copied(sup, &stage, begun, by_command)) {
            tell_failure(sup, &stage, "no memory for a library");
        }
        break;
    case STAGE_SAME:
        if (!sup->touched) {
            same_as_before(sup);
        }
        break;
    case STAGE_MISSING:
        wait_for_file(sup, by_command);
        break;
    case STAGE_BUSY:
        look_again(sup);
        break;
    case STAGE_BAD:
        refuse_file(sup, &stage, outcome, err.text);
        break;
    case STAGE_FAILED:
        tell_failure(sup, &stage, err.text);
        break;
    }
    if (outcome != STAGE_BUSY) {
        sup->forced = false;
    }
    prepare_copy(sup);
}

bool staging_will_look(const struct supervisor *sup)
{
    return uv_is_active((const uv_handle_t *)&sup->timers[TIMER_BUSY]) != 0;
}

void staging_still_gone(struct supervisor *sup)
{
    if (building_runs(sup)) {
        return; /* which looks at its end */
    }
    bool gone = access(sup->config->module_path, F_OK) != 0;
    if (sup->state != POLICY_STOPPING && gone && !building_replaces(sup)) {
        supervisor_look(sup);
        wait_for_file(sup, false);
    }
}

void staging_changed(void *ctx, enum watch_news news, uint64_t since_ns)
{
    struct supervisor *sup = ctx;
    if (news == WATCH_GONE) {
        /* Linkers remove the old file first: only one that stays away is worth a word. */
        supervisor_arm(sup, TIMER_GONE, GONE_MS);
        return;
    }
    sup->noticed_ns = since_ns;
    supervisor_disarm(sup, TIMER_GONE);
    sup->polled = news != WATCH_CHANGED;
    sup->touched = news == WATCH_TOUCHED && sup->reload_call_count == 0;
    staging_now(sup, false);
    sup->polled = sup->touched = false;
}
