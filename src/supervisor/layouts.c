/* What is read, when, and what waits for it. */
#include "supervisor/layouts.h"

#include "base/clock.h"
#include "base/path.h"
#include "supervisor/asks.h"
#include "supervisor/comeback.h"
#include "supervisor/layouts_parts.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READINGS_MOST 2U

/* ---- what is known of a build ---- */

/* Debug info that was taken out of a library and is found by its build-id. */
static bool has_debug_file(const struct build *build, const char *origin)
{
    const struct elf_facts *facts = &build->stage.facts;
    static const char system[] = "/usr/lib/debug";
    char id[2 * sizeof facts->build_id + 1] = "";
    char path[4096];
    if (facts->build_id_len < 2) {
        return false;
    }
    for (unsigned i = 0; i < facts->build_id_len; i++) {
        (void)snprintf(id + (size_t)2 * i, 3, "%02x", facts->build_id[i]);
    }
    char *folder = path_dir(origin);
    const char *const places[] = {system, folder == NULL ? system : folder};
    bool found = snprintf(path, sizeof path, "%s.debug", origin) < (int)sizeof path &&
                 access(path, R_OK) == 0;
    for (size_t i = 0; i < 2 && !found; i++) {
        int len = snprintf(path, sizeof path, "%s/.build-id/%.2s/%s.debug", places[i], id, id + 2);
        found = len < (int)sizeof path && access(path, R_OK) == 0;
    }
    free(folder);
    return found;
}

static void set_why(struct build *build, const char *why)
{
    free(build->why);
    build->why = strdup(why);
}

/* What was found out of the same bytes before. */
static bool take_from(struct build *build, const struct build *other)
{
    bool same = other != NULL && other != build &&
                hash_equal(other->stage.hash, build->stage.hash) &&
                (other->outcome == READER_OK
                     ? other->layout != NULL
                     : other->outcome == READER_NONE || other->outcome == READER_REFUSED);
    if (same) {
        build->outcome = other->outcome;
        build->layout = other->layout == NULL ? NULL : layout_keep(other->layout);
        set_why(build, other->why == NULL ? "" : other->why);
    }
    return same;
}

void layouts_arrived(struct supervisor *sup, struct build *build)
{
    build->debug_info =
        build->stage.facts.debug_info || has_debug_file(build, sup->config->module_path);
    if (!build->debug_info) {
        build->outcome = READER_NONE;
        set_why(build, "the library has no debug info: compile it with -g");
        return;
    }
    (void)(take_from(build, sup->current) || take_from(build, sup->pending) ||
           take_from(build, sup->next) || take_from(build, sup->previous.build));
}

static void look_within(struct supervisor *sup, uint64_t ms)
{
    const uv_timer_t *timer = &sup->timers[TIMER_LAYOUT];
    bool sooner = uv_is_active((const uv_handle_t *)timer) != 0 && uv_timer_get_due_in(timer) <= ms;
    if (!sooner) {
        supervisor_arm(sup, TIMER_LAYOUT, ms);
    }
}

bool layouts_await(struct supervisor *sup, struct build *build)
{
    uint64_t now = clock_ns();
    if (build->outcome != READER_UNREAD) {
        return false;
    }
    bool first = build->due_ns == 0;
    if (first) {
        build->due_ns = now + READER_LIMIT_MS * NS_PER_MS;
    }
    if (now >= build->due_ns) {
        return false;
    }
    /* Reading may not have begun: at once then, not when there is time for it. */
    look_within(sup, first ? 0 : (build->due_ns - now) / NS_PER_MS + 1);
    return true;
}

/* ---- waiting ---- */

/* Memory that is restored as it is needs no layout, nor does what callbacks read. */
static bool snapshot_needs_layout(const struct supervisor *sup, int slot, bool callbacks)
{
    struct snapshot snapshot;
    bool there =
        slot != NO_SLOT && sup->memory.fd >= 0 && shared_peek(&sup->memory, slot, &snapshot);
    return there && snapshot.kind != SNAPSHOT_IMAGE &&
           !(callbacks && snapshot.kind == SNAPSHOT_JSON);
}

bool layouts_put_off(struct supervisor *sup, struct build *build)
{
    struct build *current = sup->current;
    if (sup->layouts == NULL) {
        return false;
    }
    if (sup->host == NULL || sup->cold || current == NULL) {
        /* What takes the place of code that has died is not to wait: it reads what that wrote. */
        bool alike = sup->state == POLICY_RESTARTING && current != NULL && current->callbacks;
        return snapshot_needs_layout(sup, sup->good_slot, alike) && layouts_await(sup, build);
    }
    if (build->layout_wanted) {
        return layouts_await(sup, build);
    }
    if (!layouts_carry(sup) || (current->outcome != READER_UNREAD && !layouts_is_there(current))) {
        return false;
    }
    bool old = layouts_await(sup, current);
    return layouts_await(sup, build) || (old && layouts_is_there(build));
}

bool layouts_may_come(const struct supervisor *sup, const struct build *build)
{
    return sup->layouts != NULL && build->outcome == READER_UNREAD && !build->layout_wanted;
}

bool layouts_put_off_comeback(struct supervisor *sup, struct build *build, int slot)
{
    bool waits = sup->layouts != NULL && snapshot_needs_layout(sup, slot, build->callbacks) &&
                 layouts_await(sup, build);
    if (waits && !sup->layouts->comeback) {
        sup->layouts->comeback = true;
        supervisor_arm(sup, TIMER_LAYOUT, 0);
    }
    return waits;
}

static void go_on_with_comeback(struct supervisor *sup)
{
    if (!sup->layouts->comeback) {
        return;
    }
    bool comes = sup->state == POLICY_RESTARTING && sup->attempt_next < sup->attempt_count;
    const struct attempt *attempt = comes ? &sup->attempts[sup->attempt_next] : NULL;
    if (attempt == NULL || !layouts_put_off_comeback(sup, attempt->build, attempt->slot)) {
        sup->layouts->comeback = false;
        if (attempt != NULL) {
            comeback_run(sup);
        }
    }
}

bool layouts_hold_up_state(struct supervisor *sup)
{
    return sup->layouts != NULL && sup->current != NULL && !sup->callbacks &&
           layouts_await(sup, sup->current);
}

/* ---- reading ---- */

static bool is_wanted(const struct build *build)
{
    return build != NULL && build->outcome == READER_UNREAD;
}

/* What may be no fault of the library is tried again for the code that runs: without its layout the
 * next swap has none. */
static bool is_wanted_to_run(const struct build *build)
{
    return is_wanted(build) ||
           (build != NULL && build->outcome == READER_FAILED && build->readings < READINGS_MOST);
}

/* What is read next: what a comeback waits for; the code that runs, without which that of the next
 * one is of no use; the one that waits. */
static struct build *find_next(struct supervisor *sup)
{
    bool comes = sup->layouts->comeback && sup->attempt_next < sup->attempt_count;
    struct build *back = comes ? sup->attempts[sup->attempt_next].build : NULL;
    struct build *runs = supervisor_running(sup) != 0 ? sup->current : NULL;
    return is_wanted(back)           ? back
           : is_wanted_to_run(runs)  ? runs
           : is_wanted(sup->pending) ? sup->pending
                                     : NULL;
}

static void learn(struct supervisor *sup, struct build *build, enum reader_outcome outcome,
                  struct layout *layout, const char *why)
{
    build->outcome = outcome;
    build->layout = layout;
    if (layout != NULL) {
        layouts_keep(sup, layout);
    } else {
        set_why(build, why);
        log_line(sup->log, LOG_DEBUG, "generation %llu has no layout: %s",
                 (unsigned long long)build->generation, why);
    }
    supervisor_arm(sup, TIMER_STATUS, 20);
}

static void on_read(void *ctx, struct reader_result *result)
{
    struct supervisor *sup = ctx;
    struct build *build = sup->layouts->reading;
    sup->layouts->reading = NULL;
    build->layout_ns = result->took_ns;
    learn(sup, build, result->outcome, result->layout, result->reason);
    build_drop(&build);
    layouts_bind(sup);
    layouts_sweep(sup);
    layouts_go_on(sup);
}

static void read_next(struct supervisor *sup)
{
    struct layouts *layouts = sup->layouts;
    struct build *build;
    while (!reader_is_busy(layouts->reader) && (build = find_next(sup)) != NULL) {
        struct error err;
        build->readings++;
        build->outcome = READER_UNREAD;
        build->due_ns = build->readings > 1 ? 0 : build->due_ns;
        if (reader_ask(layouts->reader, build->path, sup->config->module_path, sup->config->statics,
                       &err)) {
            layouts->reading = build_keep(build);
        } else {
            build->readings = READINGS_MOST;
            learn(sup, build, READER_FAILED, NULL, err.text);
            layouts_bind(sup);
        }
    }
}

/* Who asks for the state of what runs has waited for its layout. */
static void tell_askers(struct supervisor *sup)
{
    layouts_answer(sup);
    if (!layouts_hold_up_state(sup)) {
        asks_go_on(sup);
        snapshots_go_on(sup);
        supervisor_arm(sup, TIMER_EDIT, 0);
    }
}

void layouts_adopted(struct supervisor *sup)
{
    if (sup->layouts != NULL) {
        bool soon = layouts_carry(sup) || reader_pid(sup->layouts->reader) != 0;
        layouts_bind(sup);
        layouts_sweep(sup);
        supervisor_arm(sup, TIMER_LAYOUT, soon ? 0 : INSPECT_MS);
    }
}

void layouts_go_on(struct supervisor *sup)
{
    if (sup->layouts != NULL && !sup->ending) {
        read_next(sup);
        go_on_with_comeback(sup);
        supervisor_take_pending(sup);
        tell_askers(sup);
    }
}

/* ---- the whole ---- */

bool layouts_create(struct supervisor *sup, struct error *err)
{
    struct layouts *layouts = calloc(1, sizeof *layouts);
    if (layouts != NULL) {
        layouts->reader =
            reader_create(sup->loop, &sup->orphans, NULL, READER_LIMIT_MS, on_read, sup);
    }
    if (layouts == NULL || layouts->reader == NULL) {
        free(layouts);
        return error_set(err, ERROR_SYSTEM, "no memory for layouts");
    }
    sup->layouts = layouts;
    return true;
}

void layouts_destroy(struct supervisor *sup)
{
    struct layouts *layouts = sup->layouts;
    if (layouts != NULL) {
        sup->layouts = NULL;
        reader_destroy(layouts->reader);
        build_drop(&layouts->reading);
        layout_set_finish(&layouts->known);
        free(layouts);
    }
}
