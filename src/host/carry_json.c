#include "host/carry_ways.h"

#include "base/clock.h"
#include "codec/beside.h"
#include "codec/decode.h"
#include "host/edits.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/migrate.h"
#include "host/snapshot.h"
#include "host/views.h"
#include "state/json.h"

#define KEYS_TOLD 8 /* names of added and of dropped keys that a line shows */

/* What the new code does not know any more, or knows in addition. */
static void compare_keys(struct swap *swap, const struct text *before, const struct text *after)
{
    struct findings *findings = &swap->findings;
    struct text *added = &findings->list[FINDING_ADDED];
    struct text *dropped = &findings->list[FINDING_DROPPED];
    size_t more_added = 0;
    size_t more_dropped = 0;
    struct error why;
    if (!json_compare_keys(text_string(before), before->len, text_string(after), after->len,
                           KEYS_TOLD, added, &more_added, dropped, &more_dropped, &why)) {
        text_clear(added);
        text_clear(dropped);
        host_note(swap->host, LOG_WARN, "added and dropped keys are not told: %s", why.text);
        return;
    }
    findings->count[FINDING_ADDED] = findings_named(findings, FINDING_ADDED) + more_added;
    findings->count[FINDING_DROPPED] = findings_named(findings, FINDING_DROPPED) + more_dropped;
}

bool carry_by_callbacks(struct swap *swap, const struct text *json, uint32_t from_version)
{
    struct host *host = swap->host;
    struct text *after = &host->json_after;
    uint64_t begun = clock_ns();
    swap->stage = SWAP_DESERIALIZE;
    if (!generation_deserialize(swap->fresh, text_string(json), json->len, from_version,
                                &swap->err)) {
        return false;
    }
    swap->stage = SWAP_SERIALIZE;
    if (!snapshot_serialize(swap->fresh, after, &swap->err)) {
        return false;
    }
    if (swap->load->edited) {
        edits_compare(swap);
    } else {
        compare_keys(swap, json, after);
    }
    host->publish_json = true;
    swap->told.how = STATE_JSON;
    swap->told.state_bytes = json->len;
    swap->told.deserialize_ns = clock_ns() - begun;
    return true;
}

static bool has_changed(const struct findings *findings)
{
    return findings->count[FINDING_ADDED] + findings->count[FINDING_DROPPED] +
               findings->count[FINDING_CONVERTED] + findings->count[FINDING_LOST] +
               findings->count[FINDING_ROUNDED] >
           0;
}

bool carry_by_text(struct swap *swap, struct text *json, uint32_t from_version)
{
    struct host *host = swap->host;
    struct generation *fresh = swap->fresh;
    struct decode_given given = {.objects = true};
    struct target target;
    struct error why;
    uint64_t begun = clock_ns();
    swap->stage = SWAP_MIGRATE;
    if (!json_check(text_string(json), json->len, &why)) {
        return error_set(&swap->err, ERROR_FORMAT, "the last state is no JSON: %s", why.text);
    }
    if (!views_target_with_heap(fresh, &target, &swap->err)) {
        return false;
    }
    host_enter(host, fresh, PHASE_DESERIALIZE);
    bool ok =
        decode_state(text_string(json), json->len, &given, &target, &swap->findings, &swap->err);
    if (ok) {
        leftovers_free(&swap->leftovers, fresh);
    }
    host_back(host);
    ok = ok && carry_allows_loss(swap);
    bool changed = fresh->module->state_version != from_version || has_changed(&swap->findings);
    if (ok && changed && migrate_is_there(fresh)) {
        beside_cut(json);
        ok = carry_migrate(swap, json, from_version);
    }
    swap->told.how = STATE_JSON;
    swap->told.state_bytes = json->len;
    swap->told.deserialize_ns = clock_ns() - begun;
    return ok;
}
