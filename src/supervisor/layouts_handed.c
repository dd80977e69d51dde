/* Which layouts are kept, and which of them the host has. */
#define _GNU_SOURCE /* memfd_create */
#include "base/clock.h"
#include "base/file.h"
#include "supervisor/layouts.h"
#include "supervisor/layouts_parts.h"
#include "supervisor/state.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- which are kept ---- */

static bool slot_needs(const struct shared *memory, uint64_t hash)
{
    struct snapshot snapshot;
    for (int slot = 0; memory->fd >= 0 && slot < SHARED_SLOT_COUNT; slot++) {
        if (shared_peek(memory, slot, &snapshot) && snapshot.kind == SNAPSHOT_PARTS &&
            snapshot.layout == hash) {
            return true;
        }
    }
    return false;
}

static bool snapshot_needs(const struct supervisor *sup, uint64_t hash)
{
    return slot_needs(&sup->memory, hash) ||
           (sup->host != NULL && slot_needs(host_process_shared(sup->host), hash));
}

/* Whether its layout may be asked for again: not for what is only still mapped. */
static bool may_come_back(const struct supervisor *sup, const struct build *build)
{
    bool found = build == sup->current || build == sup->next || build == sup->pending ||
                 build == sup->previous.build || build == sup->arrived;
    for (unsigned i = 0; i < sup->fallback_count; i++) {
        found = found || build == sup->fallbacks[i].build;
    }
    for (unsigned i = sup->attempt_next; i < sup->attempt_count; i++) {
        found = found || build == sup->attempts[i].build;
    }
    return found;
}

void layouts_sweep(struct supervisor *sup)
{
    struct layout_set *known = &sup->layouts->known;
    for (unsigned i = 0; i < sup->mapped_count; i++) {
        if (!may_come_back(sup, sup->mapped[i])) {
            layout_drop(&sup->mapped[i]->layout);
        }
    }
    for (unsigned i = known->count; i-- > 0;) {
        const struct layout *layout = known->layouts[i];
        if (layout->references == 1 && !snapshot_needs(sup, layout->head->hash)) {
            layout_set_remove(known, i);
        }
    }
}

void layouts_keep(struct supervisor *sup, struct layout *layout)
{
    struct layout_set *known = &sup->layouts->known;
    if (!layout_set_add(known, layout)) {
        layouts_sweep(sup);
        for (unsigned i = 0; i < known->count && known->count == LAYOUT_SET_MOST; i++) {
            if (!snapshot_needs(sup, known->layouts[i]->head->hash)) {
                layout_set_remove(known, i);
            }
        }
        (void)layout_set_add(known, layout);
    }
}

const struct layout_set *layouts_known(const struct supervisor *sup)
{
    static const struct layout_set none;
    return sup->layouts == NULL ? &none : &sup->layouts->known;
}

/* ---- what hosts are told ---- */

bool layouts_carry(const struct supervisor *sup)
{
    return sup->config->statics || (!sup->callbacks && sup->state_bytes > 0);
}

static void tell_once(struct supervisor *sup, enum log_level level, const char *why)
{
    struct layouts *layouts = sup->layouts;
    if (strncmp(layouts->told, why, sizeof layouts->told - 1) != 0) {
        (void)snprintf(layouts->told, sizeof layouts->told, "%s", why);
        log_line(sup->log, level, "the state is carried over without its layout: %s", why);
    }
}

void layouts_came_back(const struct supervisor *sup)
{
    const struct layout *layout = sup->current->layout;
    if (sup->config->statics && sup->callbacks && layout != NULL &&
        layout->head->variables_size > 0) {
        log_line(sup->log, LOG_WARN,
                 "the module's variables start anew: serialize writes the state alone. Keep them "
                 "in the state, or leave serialize and deserialize out");
    }
}

static bool was_sent(const struct layouts *layouts, uint64_t hash)
{
    unsigned count = layouts->sent_count < LAYOUTS_MOST ? layouts->sent_count : LAYOUTS_MOST;
    for (unsigned i = 0; i < count; i++) {
        if (layouts->sent[i] == hash) {
            return true;
        }
    }
    return false;
}

static bool send_layout(struct supervisor *sup, const struct layout *layout, uint64_t generation)
{
    struct layouts *layouts = sup->layouts;
    struct error err;
    uint64_t hash = layout->head->hash;
    int fd = memfd_create("hotrun-layout", MFD_CLOEXEC);
    bool ok = fd >= 0 && file_write_all(fd, layout_block(layout), (size_t)layout->head->len);
    if (!ok) {
        (void)error_errno(&err, "no memory for a layout");
    } else {
        ok = host_process_send_fd(
            sup->host,
            &(struct message){.type = MESSAGE_LAYOUT,
                              .layout = {.generation = generation, .hash = hash}},
            fd, &err);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (!ok) {
        log_line(sup->log, LOG_ERROR, "the host was not told a layout: %s", err.text);
    } else if (!was_sent(layouts, hash)) {
        layouts->sent[layouts->sent_count++ % LAYOUTS_MOST] = hash;
    }
    return ok;
}

static bool hand(struct supervisor *sup, const struct layout *layout, uint64_t generation)
{
    return layout != NULL &&
           (was_sent(sup->layouts, layout->head->hash) || send_layout(sup, layout, generation));
}

void layouts_host_is_new(struct supervisor *sup)
{
    if (sup->layouts != NULL) {
        sup->layouts->sent_count = 0;
        sup->layouts->handed = sup->layouts->bound = sup->layouts->without = 0;
    }
}

/* The one of both whose layout is missing, if any. */
static const struct build *find_without(const struct supervisor *sup, const struct build *fresh)
{
    return sup->current != NULL && !layouts_is_there(sup->current) ? sup->current : fresh;
}

const char *layouts_missing(const struct supervisor *sup, const struct build *build)
{
    const struct build *without = find_without(sup, build);
    return sup->layouts == NULL || layouts_is_there(without) ? ""
           : without->outcome == READER_UNREAD ? "reading the library's debug info takes too long"
           : without->why == NULL              ? ""
                                               : without->why;
}

static void tell_missing(struct supervisor *sup, const struct build *fresh)
{
    const struct build *without = find_without(sup, fresh);
    if (!layouts_is_there(without) && (without->debug_info || sup->config->statics)) {
        tell_once(sup, without->outcome == READER_FAILED ? LOG_WARN : LOG_INFO,
                  layouts_missing(sup, fresh));
    }
}

uint64_t layouts_hand_over(struct supervisor *sup, enum load_how how, const struct build *build,
                           int slot)
{
    struct snapshot snapshot;
    if (sup->layouts == NULL) {
        return 0;
    }
    if (how == LOAD_SWAP && sup->current != NULL) {
        if (layouts_carry(sup)) {
            tell_missing(sup, build);
        }
        (void)hand(sup, sup->current->layout, sup->current->generation);
    } else if (how == LOAD_RESTORE && slot != NO_SLOT &&
               shared_peek(host_process_shared(sup->host), slot, &snapshot) &&
               snapshot.kind == SNAPSHOT_PARTS) {
        (void)hand(sup, layout_set_find(&sup->layouts->known, snapshot.layout), 0);
    } else if (how == LOAD_RESTORE && build->callbacks) {
        return 0; /* it reads its state by itself: the layout follows when it is there */
    }
    if (!hand(sup, build->layout, build->generation)) {
        return 0;
    }
    sup->layouts->handed = build->generation;
    return build->layout->head->hash;
}

void layouts_bind(struct supervisor *sup)
{
    struct layouts *layouts = sup->layouts;
    const struct build *current = sup->current;
    if (supervisor_running(sup) == 0) {
        return;
    }
    if (layouts->handed == current->generation) {
        layouts->bound = current->generation;
    }
    if (layouts_is_there(current) && layouts->bound != current->generation &&
        send_layout(sup, current->layout, current->generation)) {
        layouts->bound = current->generation;
    }
    bool none = !layouts_is_there(current) && current->outcome != READER_UNREAD;
    if (none && layouts->without != current->generation) {
        layouts->without = current->generation;
        supervisor_send(sup, &(struct message){.type = MESSAGE_LAYOUT,
                                               .layout = {.generation = current->generation}});
    }
}

/* ---- what runs ---- */

bool layouts_tell_state(const struct supervisor *sup)
{
    return sup->current != NULL && layouts_is_there(sup->current);
}

uint64_t layouts_variables_bytes(const struct supervisor *sup)
{
    uint64_t bytes = 0;
    if (!sup->config->statics || !layouts_tell_state(sup)) {
        return 0;
    }
    const struct layout *layout = sup->current->layout;
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        const struct layout_variable *one = &layout->variables[i];
        bool carried = (one->flags & (LAYOUT_CARRIED | LAYOUT_RESET)) == LAYOUT_CARRIED;
        bytes += carried ? layout->types[one->type].size : 0;
    }
    return bytes;
}

const char *layouts_why(const struct supervisor *sup)
{
    const struct build *current = sup->current;
    return current == NULL                     ? "no generation has run so far"
           : layouts_is_there(current)         ? ""
           : current->outcome == READER_UNREAD ? "its debug info is being read"
           : current->why != NULL              ? current->why
                                               : "it is not kept any more";
}

const char *layouts_without(const struct supervisor *sup, char *room, size_t size)
{
    (void)snprintf(room, size,
                   "the module has no serialize and deserialize, and its state no layout: %s",
                   layouts_why(sup));
    return room;
}

void layouts_add_status(const struct supervisor *sup, cJSON *status)
{
    static const char *const words[] = {[READER_UNREAD] = "reading",
                                        [READER_OK] = "ok",
                                        [READER_NONE] = "none",
                                        [READER_REFUSED] = "refused",
                                        [READER_FAILED] = "failed"};
    const struct build *current = sup->current;
    if (current == NULL) {
        return;
    }
    cJSON *layout = cJSON_AddObjectToObject(status, "layout");
    event_add_text(layout, "outcome", words[current->outcome]);
    if (layouts_is_there(current)) {
        char hash[24];
        (void)snprintf(hash, sizeof hash, "%016llx",
                       (unsigned long long)current->layout->head->hash);
        event_add_text(layout, "hash", hash);
        event_add_number(layout, "us", current->layout_ns / NS_PER_US);
    } else {
        event_add_text(layout, "reason", layouts_why(sup));
    }
}
