#include "supervisor/snapshots.h"

#include "base/clock.h"
#include "store/durable.h"
#include "supervisor/comeback.h"
#include "supervisor/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CANDIDATES_MOST (FALLBACKS_MOST + 2)
#define SAVES_MOST      4U /* each keeps the memory of a dead host */

struct waiting { /* `hotrun snapshot`, or a file apart */
    struct waiting *next;
    struct control_call *call;
    char *file;             /* NULL: none */
    snapshots_saved *saved; /* of a file apart */
    void *ctx;
};

struct snapshots {
    struct store *store;
    struct durable *durable;
    struct waiting *asked;        /* the host has not published yet */
    bool unsent;                  /* nor been asked: its layout is being read */
    struct waiting *storing;      /* submitted: in the order of their answers */
    unsigned saves;               /* of them, files apart */
    uint64_t id, step, stored_ns; /* of the newest; id 0: none */
    bool failing;
    char reason[1024]; /* why the newest is not stored; "": it is */
};

/* ---- which ---- */

/* What the code that runs, or ran last, has published. */
static const struct shared *memory_of(const struct supervisor *sup)
{
    bool lives = sup->host != NULL && !sup->cold;
    return lives ? host_process_shared(sup->host) : &sup->memory;
}

static int newest(const struct supervisor *sup)
{
    uint64_t generation = sup->current != NULL ? sup->current->generation : UINT64_MAX;
    return comeback_newest_slot(memory_of(sup), generation, UINT64_MAX);
}

/* The newest one that no unproven code has made. */
static int proven(const struct supervisor *sup)
{
    if (sup->attempt_next < sup->attempt_count) {
        return sup->attempts[sup->attempt_next].slot;
    }
    bool unproven = sup->cold || sup->unconfirmed;
    if (unproven && sup->fallback_count > 0 && sup->fallbacks[0].slot != NO_SLOT) {
        return sup->fallbacks[0].slot;
    }
    if (sup->good_slot != NO_SLOT) {
        return sup->good_slot;
    }
    return newest(sup);
}

/* The slot's sequence; 0: there is nothing, or nothing newer than what is stored. */
static uint64_t fresh_sequence(const struct supervisor *sup, int slot)
{
    struct snapshot snapshot;
    const struct shared *memory = memory_of(sup);
    bool there = slot != NO_SLOT && memory->fd >= 0 && shared_peek(memory, slot, &snapshot);
    return there && snapshot.sequence > durable_sequence(sup->snapshots->durable)
               ? snapshot.sequence
               : 0;
}

/* ---- what becomes of it ---- */

static void answer(struct supervisor *sup, struct waiting *waiting,
                   const struct durable_outcome *outcome)
{
    if (!outcome->ok) {
        control_fail(waiting->call, CONTROL_REFUSED, outcome->err.text);
        return;
    }
    char *path = store_path(sup->snapshots->store, outcome->id);
    cJSON *result = cJSON_CreateObject();
    event_add_number(result, "id", outcome->id);
    event_add_text(result, "path", path == NULL ? "" : path);
    event_add_number(result, "generation", outcome->snapshot.generation);
    event_add_number(result, "step", outcome->snapshot.step);
    event_add_number(result, "bytes", outcome->snapshot.len);
    control_answer(waiting->call, result);
    free(path);
}

static void free_waiting(struct waiting *waiting)
{
    free(waiting->file);
    free(waiting);
}

static void failed(struct supervisor *sup, const struct durable_outcome *outcome)
{
    struct snapshots *snapshots = sup->snapshots;
    (void)snprintf(snapshots->reason, sizeof snapshots->reason, "%s", outcome->err.text);
    if (outcome->useless) {
        log_line(sup->log, LOG_DEBUG, "no snapshot on disk: %s", outcome->err.text);
    } else if (!snapshots->failing) {
        snapshots->failing = true;
        report_durable_failed(&sup->report, outcome->err.text);
        supervisor_dispatch(sup, POLICY_DURABLE_FAILED);
    }
}

static void stored(struct supervisor *sup, const struct durable_outcome *outcome)
{
    struct snapshots *snapshots = sup->snapshots;
    if (snapshots->failing) {
        snapshots->failing = false;
        log_line(sup->log, LOG_INFO, "snapshots are stored again");
    }
    snapshots->reason[0] = '\0';
    snapshots->id = outcome->id;
    snapshots->step = outcome->snapshot.step;
    if (outcome->fresh) {
        snapshots->stored_ns = clock_ns();
        report_durable(&sup->report, outcome->id, &outcome->snapshot, outcome->took_ns);
    }
}

static void done(void *ctx, void *call, const struct durable_outcome *outcome)
{
    struct supervisor *sup = ctx;
    struct waiting *waiting = call;
    bool apart = waiting != NULL && waiting->saved != NULL;
    if (apart) {
        sup->snapshots->saves--;
    } else if (outcome->stored) {
        stored(sup, outcome);
    } else {
        failed(sup, outcome);
    }
    if (waiting != NULL) {
        struct waiting **at = &sup->snapshots->storing;
        while (*at != waiting) {
            at = &(*at)->next;
        }
        *at = waiting->next;
        if (apart) {
            waiting->saved(sup, waiting->ctx, outcome->ok, &outcome->err);
        } else {
            answer(sup, waiting, outcome);
        }
        free_waiting(waiting);
    }
    supervisor_arm(sup, TIMER_STATUS, 20);
}

static void submit(struct supervisor *sup, int slot)
{
    struct error err;
    if (!durable_submit(sup->snapshots->durable, memory_of(sup), slot, NULL, NULL, &err)) {
        log_line(sup->log, LOG_WARN, "%s", err.text);
    }
}

/* ---- when ---- */

void snapshots_due(struct supervisor *sup)
{
    int slot = proven(sup);
    if (!durable_is_busy(sup->snapshots->durable) && fresh_sequence(sup, slot) != 0) {
        submit(sup, slot);
    }
    supervisor_arm(sup, TIMER_DURABLE, sup->config->durable_ns / NS_PER_MS + 1);
}

void snapshots_keep(struct supervisor *sup)
{
    int slot = newest(sup);
    if (fresh_sequence(sup, slot) != 0) {
        submit(sup, slot);
    }
}

bool snapshots_save(struct supervisor *sup, int slot, int folder_fd, const char *name,
                    snapshots_saved *saved, void *ctx, struct error *err)
{
    struct snapshots *snapshots = sup->snapshots;
    bool many = snapshots->saves == SAVES_MOST;
    struct waiting *waiting = many ? NULL : calloc(1, sizeof *waiting);
    if (waiting == NULL) {
        (void)close(folder_fd);
        return error_set(err, many ? ERROR_BUSY : ERROR_SYSTEM,
                         many ? "those of earlier deaths are still being written"
                              : "no memory to save a snapshot");
    }
    *waiting = (struct waiting){.next = snapshots->storing, .saved = saved, .ctx = ctx};
    snapshots->storing = waiting;
    snapshots->saves++;
    if (!durable_keep(snapshots->durable, &sup->memory, slot, folder_fd, name, waiting, err)) {
        snapshots->storing = waiting->next;
        snapshots->saves--;
        free_waiting(waiting);
        return false;
    }
    return true;
}

/* Older ones first, so that the newest gets the highest number. */
void snapshots_end(struct supervisor *sup)
{
    int candidates[CANDIDATES_MOST];
    unsigned count = 0;
    snapshots_host_died(sup);
    candidates[count++] = proven(sup);
    bool comeback = sup->attempt_next < sup->attempt_count;
    bool held = sup->good_slot != NO_SLOT && !sup->unconfirmed;
    if (!comeback && !sup->cold && !held) {
        candidates[count++] = newest(sup);
    }
    durable_flush_store(sup->snapshots->durable);
    for (unsigned i = 0; i < count; i++) {
        if (fresh_sequence(sup, candidates[i]) != 0) {
            submit(sup, candidates[i]);
            durable_flush_store(sup->snapshots->durable);
        }
    }
    durable_flush(sup->snapshots->durable);
}

/* ---- `hotrun snapshot` ---- */

static void store_for(struct supervisor *sup, struct waiting *waiting, int slot)
{
    struct snapshots *snapshots = sup->snapshots;
    struct error err;
    waiting->next = snapshots->storing;
    snapshots->storing = waiting; /* it may be answered before submit returns */
    if (!durable_submit(snapshots->durable, memory_of(sup), slot, waiting->file, waiting, &err)) {
        snapshots->storing = waiting->next;
        control_fail(waiting->call, CONTROL_REFUSED, err.text);
        free_waiting(waiting);
    }
}

static const char *problem(const struct supervisor *sup)
{
    if (sup->state == POLICY_STOPPING || sup->ending) {
        return "hotrun is stopping";
    }
    if (sup->state != POLICY_HELD && (sup->host == NULL || sup->cold)) {
        return "no code runs at this moment: try again";
    }
    struct snapshot snapshot;
    int slot = proven(sup);
    if (sup->state == POLICY_HELD &&
        (slot == NO_SLOT || sup->memory.fd < 0 || !shared_peek(&sup->memory, slot, &snapshot))) {
        return "nothing runs, and there is no state that could be stored";
    }
    return NULL;
}

void snapshots_command(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const cJSON *file = cJSON_GetObjectItemCaseSensitive(params, "file");
    const char *path = cJSON_GetStringValue(file);
    if (file != NULL && (path == NULL || path[0] != '/')) {
        control_fail(call, CONTROL_INVALID_PARAMS, "file: expected an absolute path");
        return;
    }
    const char *why = problem(sup);
    if (why != NULL) {
        control_fail(call, CONTROL_REFUSED, why);
        return;
    }
    struct waiting *waiting = calloc(1, sizeof *waiting);
    if (waiting != NULL) {
        *waiting = (struct waiting){.call = call, .file = path == NULL ? NULL : strdup(path)};
    }
    if (waiting == NULL || (path != NULL && waiting->file == NULL)) {
        free(waiting);
        control_fail(call, CONTROL_INTERNAL, "no memory");
        return;
    }
    if (sup->state == POLICY_HELD) {
        store_for(sup, waiting, proven(sup));
        return;
    }
    waiting->next = sup->snapshots->asked;
    sup->snapshots->asked = waiting;
    sup->snapshots->unsent = true;
    snapshots_go_on(sup);
}

/* The host is asked when it knows the layout of the state, or when there is none. */
void snapshots_go_on(struct supervisor *sup)
{
    if (sup->snapshots->unsent && !layouts_hold_up_state(sup)) {
        sup->snapshots->unsent = false;
        supervisor_send(sup, &(struct message){.type = MESSAGE_SNAPSHOT,
                                               .snapshot = {.why = SNAPSHOT_REQUEST}});
    }
}

void snapshots_published(struct supervisor *sup, const struct message_published *published)
{
    struct waiting *asked = sup->snapshots->asked;
    if (published->why != SNAPSHOT_REQUEST) {
        return;
    }
    sup->snapshots->asked = NULL;
    for (struct waiting *waiting = asked, *next; waiting != NULL; waiting = next) {
        next = waiting->next;
        if (published->ok) {
            store_for(sup, waiting, published->slot < SHARED_SLOT_COUNT ? (int)published->slot : 0);
        } else {
            control_fail(waiting->call, CONTROL_REFUSED, published->reason.data);
            free_waiting(waiting);
        }
    }
}

void snapshots_host_died(struct supervisor *sup)
{
    struct waiting *asked = sup->snapshots == NULL ? NULL : sup->snapshots->asked;
    if (asked != NULL) {
        sup->snapshots->asked = NULL;
        sup->snapshots->unsent = false;
    }
    for (struct waiting *waiting = asked, *next; waiting != NULL; waiting = next) {
        next = waiting->next;
        control_fail(waiting->call, CONTROL_REFUSED, "the module ended before it gave its state");
        free_waiting(waiting);
    }
}

/* ---- the rest ---- */

bool snapshots_last_good(const struct supervisor *sup, struct snapshot *snapshot, int *slot,
                         struct error *err)
{
    *slot = proven(sup);
    bool there = *slot != NO_SLOT && sup->memory.fd >= 0;
    return (there && shared_peek(&sup->memory, *slot, snapshot)) ||
           error_set(err, ERROR_MISSING,
                     there ? "nothing runs, and the last state is not whole"
                           : "nothing runs, and there is no state");
}

void snapshots_add_status(const struct supervisor *sup, cJSON *status)
{
    const struct snapshots *snapshots = sup->snapshots;
    cJSON *durable = cJSON_AddObjectToObject(status, "durable");
    const char *unstored = snapshots_unstored(sup);
    (void)cJSON_AddBoolToObject(durable, "ok", unstored == NULL);
    if (unstored != NULL) {
        event_add_text(durable, "reason", unstored);
    }
    if (snapshots->id != 0) {
        event_add_number(durable, "id", snapshots->id);
        event_add_number(durable, "step", snapshots->step);
        event_add_number(durable, "age_s", (clock_ns() - snapshots->stored_ns) / NS_PER_S);
    }
}

const char *snapshots_unstored(const struct supervisor *sup)
{
    return sup->snapshots->reason[0] != '\0' ? sup->snapshots->reason : NULL;
}

struct store *snapshots_store(const struct supervisor *sup)
{
    return sup->snapshots->store;
}

void snapshots_set_stored(struct supervisor *sup, uint64_t sequence, uint64_t id, uint64_t step)
{
    durable_set_stored(sup->snapshots->durable, sequence, id);
    if (id != 0) {
        sup->snapshots->id = id;
        sup->snapshots->step = step;
        sup->snapshots->stored_ns = clock_ns();
    }
}

uint64_t snapshots_stored_id(const struct supervisor *sup, uint64_t sequence)
{
    return durable_sequence(sup->snapshots->durable) == sequence ? sup->snapshots->id : 0;
}

bool snapshots_create(struct supervisor *sup, struct error *err)
{
    struct snapshots *snapshots = calloc(1, sizeof *snapshots);
    if (snapshots == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for snapshots");
    }
    snapshots->store = store_create(sup->run_dir.fd, sup->run_dir.path, sup->config->history);
    snapshots->durable = snapshots->store == NULL ? NULL
                                                  : durable_create(sup->loop, snapshots->store,
                                                                   layouts_known(sup), done, sup);
    if (snapshots->durable == NULL) {
        store_destroy(snapshots->store);
        free(snapshots);
        return error_set(err, ERROR_SYSTEM, "no memory for snapshots");
    }
    sup->snapshots = snapshots;
    if (sup->config->durable_ns > 0) {
        supervisor_arm(sup, TIMER_DURABLE, sup->config->durable_ns / NS_PER_MS + 1);
    }
    return true;
}

void snapshots_destroy(struct supervisor *sup)
{
    if (sup->snapshots != NULL) {
        durable_destroy(sup->snapshots->durable);
        store_destroy(sup->snapshots->store);
        free(sup->snapshots);
        sup->snapshots = NULL;
    }
}
