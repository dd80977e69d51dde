#include "host/snapshot.h"

#include "base/clock.h"
#include "host/host.h"
#include "host/views.h"
#include "state/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define RETIRE_BYTES_MOST ((size_t)1 << 20)

bool snapshot_has_json(const struct generation *generation)
{
    return generation->module->serialize != NULL;
}

static hotrun_status write_json(const hotrun_writer *writer, const char *text, size_t len)
{
    return text_append(writer->ctx, text, len) ? HOTRUN_OK : HOTRUN_ERR_NOMEM;
}

bool snapshot_serialize(struct generation *generation, struct text *json, struct error *err)
{
    struct host *host = generation->host;
    text_clear(json);
    json->limit = host->setup.state_max_json;
    hotrun_writer writer = {.ctx = json, .write = write_json};
    services_expect(generation);
    host_enter(host, generation, PHASE_SERIALIZE);
    hotrun_status status =
        generation->module->serialize(&generation->api, generation->state, &writer);
    host_back(host);
    if (json->failed) {
        return error_set(err, ERROR_LIMIT,
                         "serialize wrote more than the %llu bytes that state.max_json allows: "
                         "write less or raise the limit",
                         (unsigned long long)host->setup.state_max_json);
    }
    if (status != HOTRUN_OK) {
        char reason[700];
        services_reason(generation, "serialize", status, reason, sizeof reason);
        return error_set(err, ERROR_REFUSED, "%s", reason);
    }
    struct error why;
    return json_check(text_string(json), json->len, &why) ||
           error_set(err, ERROR_FORMAT, "serialize wrote invalid JSON: %s", why.text);
}

static bool publish_parts(struct generation *generation, int slot, struct snapshot *snapshot,
                          struct error *err)
{
    struct view_parts parts;
    struct shared_part list[IMAGE_PARTS];
    if (!views_parts(generation, &parts, err)) {
        return false;
    }
    for (size_t i = 0; i < parts.count; i++) {
        list[i] = (struct shared_part){parts.list[i].bytes, parts.list[i].len};
    }
    snapshot->kind = SNAPSHOT_PARTS;
    snapshot->layout = generation->layout->head->hash;
    return shared_publish_parts(&generation->host->shared, slot, snapshot, list, parts.count, err);
}

static bool publish_bytes(struct generation *generation, int slot, struct snapshot *snapshot,
                          struct error *err)
{
    struct host *host = generation->host;
    size_t size = generation->module->state_size;
    if (size > host->setup.pin_limit) {
        return error_set(err, ERROR_LIMIT,
                         "the state takes %zu bytes, state.pin_limit is %llu: raise the limit",
                         size, (unsigned long long)host->setup.pin_limit);
    }
    snapshot->kind = SNAPSHOT_IMAGE;
    return shared_publish(&host->shared, slot, snapshot, generation->state, size, err);
}

bool snapshot_publish(struct generation *generation, int slot, enum snapshot_why why, uint64_t step,
                      const struct text *json, uint64_t *bytes, struct error *err)
{
    struct host *host = generation->host;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    struct snapshot snapshot = {.sequence = ++host->sequence,
                                .generation = generation->number,
                                .step = step,
                                .time_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec,
                                .kind = SNAPSHOT_JSON,
                                .why = (uint32_t)why,
                                .state_version = generation->module->state_version,
                                .flags = generation->module->flags};
    snapshot_name(snapshot.module, generation->module->name);
    bool ok = json != NULL ? shared_publish(&host->shared, slot, &snapshot, text_string(json),
                                            json->len, err)
              : views_has_parts(generation) ? publish_parts(generation, slot, &snapshot, err)
                                            : publish_bytes(generation, slot, &snapshot, err);
    if (bytes != NULL) {
        *bytes = ok ? snapshot.len : 0;
    }
    return ok;
}

static void publish_in_turn(struct host *host, const struct text *json, enum snapshot_why why,
                            uint64_t step)
{
    struct generation *generation = host->current;
    uint64_t begun = clock_ns();
    struct error err = {0};
    bool ok = true;
    if (json == NULL && snapshot_has_json(generation)) {
        ok = snapshot_serialize(generation, &host->json, &err);
        json = &host->json;
    }
    uint64_t bytes = 0;
    int slot = host->turn;
    ok = ok && snapshot_publish(generation, slot, why, step, json, &bytes, &err);
    if (ok) {
        host->turn = slot == SHARED_TURN_0 ? SHARED_TURN_1 : SHARED_TURN_0;
    }
    uint64_t ended = clock_ns();
    bool told = why == SNAPSHOT_INTERVAL && !ok && host->checkpoint.failed;
    host->checkpoint.failed = why == SNAPSHOT_INTERVAL ? !ok : host->checkpoint.failed && !ok;
    checkpoint_made(host, step, ended - begun, ended);
    if (told) {
        return; /* the same trouble once */
    }
    host_send(host, &(struct message){.type = MESSAGE_PUBLISHED,
                                      .published = {.ok = ok,
                                                    .slot = (uint64_t)slot,
                                                    .bytes = bytes,
                                                    .took_ns = ended - begun,
                                                    .step = step,
                                                    .why = (uint64_t)why,
                                                    .reason = bytes_of(ok ? "" : err.text)}});
}

void snapshot_request(struct host *host, enum snapshot_why why)
{
    publish_in_turn(host, NULL, why, host->index);
}

void snapshot_before_retire(struct host *host)
{
    if (host->older == NULL || host->current == NULL) {
        return;
    }
    bool json = snapshot_has_json(host->current);
    uint64_t bytes = json ? host->json_after.len : views_size(host->current);
    /* A large state would hold up the steps for longer than the risk is worth. */
    if (bytes <= RETIRE_BYTES_MOST) {
        publish_in_turn(host, NULL, SNAPSHOT_RELOAD, host->index);
    }
}

void snapshot_after_commit(struct host *host)
{
    enum snapshot_why why = host->publish;
    host->publish = 0;
    if (host->publish_json) {
        publish_in_turn(host, &host->json_after, why, host->publish_step);
    } else {
        publish_in_turn(host, NULL, why, host->index);
    }
}
