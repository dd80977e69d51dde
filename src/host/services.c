#define _GNU_SOURCE /* F_DUPFD_CLOEXEC */
#include "host/services.h"

#include "base/array.h"
#include "base/clock.h"
#include "host/heap_service.h"
#include "host/host.h"
#include "host/snapshot.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct generation *generation_of(const hotrun_host *api)
{
    return api->ctx;
}

static void service_log(const hotrun_host *api, int32_t level, const char *message)
{
    struct generation *generation = generation_of(api);
    if (message == NULL) {
        return;
    }
    if (level >= HOTRUN_LOG_ERROR) {
        (void)pthread_mutex_lock(&generation->requests.mutex);
        (void)snprintf(generation->requests.last_error, sizeof generation->requests.last_error,
                       "%s", message);
        (void)pthread_mutex_unlock(&generation->requests.mutex);
    }
    enum log_level shown = level <= HOTRUN_LOG_TRACE   ? LOG_TRACE
                           : level == HOTRUN_LOG_DEBUG ? LOG_DEBUG
                           : level == HOTRUN_LOG_INFO  ? LOG_INFO
                           : level == HOTRUN_LOG_WARN  ? LOG_WARN
                                                       : LOG_ERROR;
    struct host *host = generation->host;
    int32_t now = atomic_load_explicit(&host->page->log_level, memory_order_relaxed);
    atomic_store_explicit(&host->log.level, now, memory_order_relaxed);
    log_line(&host->log, shown, "%s", message);
}

static void request(struct generation *generation, unsigned what)
{
    generation->requests.pending |= what;
    atomic_store_explicit(&generation->host->page->command, 1, memory_order_release);
}

static void service_wake(const hotrun_host *api)
{
    (void)uv_async_send(&generation_of(api)->host->wake);
}

static void service_set_rate(const hotrun_host *api, double hz)
{
    struct requests *requests = &generation_of(api)->requests;
    requests->hz = hz > 0 ? (hz < 1e6 ? hz : 1e6) : 0;
    request(generation_of(api), REQUEST_RATE);
}

static void service_request_reload(const hotrun_host *api)
{
    request(generation_of(api), REQUEST_RELOAD);
}

static void service_request_snapshot(const hotrun_host *api)
{
    request(generation_of(api), REQUEST_SNAPSHOT);
}

static void service_request_exit(const hotrun_host *api, int32_t exit_status)
{
    struct requests *requests = &generation_of(api)->requests;
    requests->exit_status = exit_status & 0xff;
    request(generation_of(api), REQUEST_EXIT);
}

static const void *service_get_extension(const hotrun_host *api, const char *id)
{
    (void)api;
    return id != NULL && strcmp(id, "heap/1") == 0 ? &heap_service : NULL;
}

static bool kept_set(struct kept *kept, const char *name, void *pointer)
{
    for (size_t i = 0; i < kept->count; i++) {
        if (strcmp(kept->items[i].name, name) == 0) {
            if (pointer == NULL) {
                free(kept->items[i].name);
                kept->items[i] = kept->items[--kept->count];
            } else {
                kept->items[i].pointer = pointer;
            }
            return true;
        }
    }
    if (pointer == NULL) {
        return true;
    }
    char *copy = strdup(name);
    if (copy == NULL ||
        !array_reserve(&kept->items, &kept->cap, kept->count + 1, sizeof *kept->items)) {
        free(copy);
        return false;
    }
    kept->items[kept->count++] = (struct kept_pointer){copy, pointer};
    return true;
}

void kept_finish(struct kept *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        free(kept->items[i].name);
    }
    free(kept->items);
    *kept = (struct kept){0};
}

static hotrun_status put_off(struct requests *requests, struct kept_change change, const char *name)
{
    change.name = strdup(name);
    if (change.name == NULL || !array_reserve(&requests->changes, &requests->cap,
                                              requests->count + 1, sizeof *requests->changes)) {
        free(change.name);
        return HOTRUN_ERR_NOMEM;
    }
    requests->changes[requests->count++] = change;
    return HOTRUN_OK;
}

/* The last change of `kind` that is put off under `name`; NULL: none. */
static const struct kept_change *put_off_last(const struct requests *requests, int kind,
                                              const char *name)
{
    for (size_t i = requests->count; i > 0; i--) {
        const struct kept_change *change = &requests->changes[i - 1];
        if ((int)change->kind == kind && strcmp(change->name, name) == 0) {
            return change;
        }
    }
    return NULL;
}

static hotrun_status service_keep(const hotrun_host *api, const char *name, void *pointer)
{
    struct generation *generation = generation_of(api);
    if (name == NULL) {
        return HOTRUN_ERR;
    }
    if (!generation->requests.committed) {
        struct kept_change change = {.kind = CHANGE_POINTER, .pointer = pointer};
        return put_off(&generation->requests, change, name);
    }
    return kept_set(&generation->host->kept, name, pointer) ? HOTRUN_OK : HOTRUN_ERR_NOMEM;
}

static void *service_kept(const hotrun_host *api, const char *name)
{
    struct generation *generation = generation_of(api);
    if (name == NULL) {
        return NULL;
    }
    const struct kept_change *change = put_off_last(&generation->requests, CHANGE_POINTER, name);
    if (change != NULL) {
        return change->pointer;
    }
    const struct kept *kept = &generation->host->kept;
    for (size_t i = 0; i < kept->count; i++) {
        if (strcmp(kept->items[i].name, name) == 0) {
            return kept->items[i].pointer;
        }
    }
    return NULL;
}

/* Takes `fd` over, or forgets the name (-1). The supervisor gets it too, so that it outlives this
 * process. */
static bool keep_descriptor(struct host *host, const char *name, int fd)
{
    size_t len = strlen(name);
    bool known = descriptors_find(&host->descriptors, name) >= 0;
    if (len > KEEP_NAME_MOST) {
        host_note(host, LOG_WARN, "a kept descriptor's name has %zu bytes: it survives no crash",
                  len);
    } else if (fd >= 0 || known) {
        struct message message = {.type = MESSAGE_KEEP,
                                  .keep = {.dropped = fd < 0, .name = {name, len}}};
        host_send_fd(host, &message, fd);
    }
    return descriptors_keep(&host->descriptors, name, fd);
}

static hotrun_status service_keep_fd(const hotrun_host *api, const char *name, int fd)
{
    struct generation *generation = generation_of(api);
    int own = -1;
    if (name == NULL) {
        return HOTRUN_ERR;
    }
    if (fd >= 0) {
        own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (own < 0) {
            return HOTRUN_ERR_IO;
        }
    }
    if (!generation->requests.committed) {
        struct kept_change change = {.kind = CHANGE_FD, .number = own};
        hotrun_status status = put_off(&generation->requests, change, name);
        if (status != HOTRUN_OK && own >= 0) {
            close(own);
        }
        return status;
    }
    return keep_descriptor(generation->host, name, own) ? HOTRUN_OK : HOTRUN_ERR_NOMEM;
}

static int service_kept_fd(const hotrun_host *api, const char *name)
{
    struct generation *generation = generation_of(api);
    if (name == NULL) {
        return -1;
    }
    const struct kept_change *change = put_off_last(&generation->requests, CHANGE_FD, name);
    return change != NULL ? change->number : descriptors_find(&generation->host->descriptors, name);
}

static hotrun_status service_watch_fd(const hotrun_host *api, const char *name, int events)
{
    struct generation *generation = generation_of(api);
    int known = HOTRUN_FD_READ | HOTRUN_FD_WRITE | HOTRUN_FD_HANGUP;
    if (name == NULL || (events & ~known) != 0 || service_kept_fd(api, name) < 0) {
        return HOTRUN_ERR;
    }
    if (!generation->requests.committed) {
        struct kept_change change = {.kind = CHANGE_WATCH, .number = events};
        return put_off(&generation->requests, change, name);
    }
    return descriptors_watch(&generation->host->descriptors, name, events) ? HOTRUN_OK : HOTRUN_ERR;
}

void services_init(struct generation *generation)
{
    const struct setup *setup = &generation->host->setup;
    (void)pthread_mutex_init(&generation->requests.mutex, NULL);
    generation->api = (hotrun_host){.size = (uint32_t)sizeof(hotrun_host),
                                    .abi_major = HOTRUN_ABI_MAJOR,
                                    .abi_minor = HOTRUN_ABI_MINOR,
                                    .argc = setup->argc,
                                    .argv = setup->argv,
                                    .config = setup->config,
                                    .ctx = generation,
                                    .log = service_log,
                                    .wake = service_wake,
                                    .set_rate = service_set_rate,
                                    .request_reload = service_request_reload,
                                    .request_snapshot = service_request_snapshot,
                                    .request_exit = service_request_exit,
                                    .keep = service_keep,
                                    .kept = service_kept,
                                    .keep_fd = service_keep_fd,
                                    .kept_fd = service_kept_fd,
                                    .watch_fd = service_watch_fd,
                                    .get_extension = service_get_extension};
}

void services_commit(struct generation *generation)
{
    struct requests *requests = &generation->requests;
    struct host *host = generation->host;
    requests->committed = true;
    for (size_t i = 0; i < requests->count; i++) {
        struct kept_change *change = &requests->changes[i];
        bool ok = true;
        switch (change->kind) {
        case CHANGE_POINTER:
            ok = kept_set(&host->kept, change->name, change->pointer);
            break;
        case CHANGE_FD:
            ok = keep_descriptor(host, change->name, change->number);
            change->number = -1;
            break;
        case CHANGE_WATCH:
            ok = descriptors_watch(&host->descriptors, change->name, change->number);
            break;
        }
        if (!ok) {
            host_note(host, LOG_WARN, "cannot keep or watch %s: no memory, or not pollable",
                      change->name);
        }
        free(change->name);
    }
    free(requests->changes);
    requests->changes = NULL;
    requests->count = requests->cap = 0;
}

void services_finish(struct generation *generation)
{
    struct requests *requests = &generation->requests;
    for (size_t i = 0; i < requests->count; i++) {
        if (requests->changes[i].kind == CHANGE_FD && requests->changes[i].number >= 0) {
            close(requests->changes[i].number);
        }
        free(requests->changes[i].name);
    }
    free(requests->changes);
    requests->changes = NULL;
    requests->count = requests->cap = 0;
    (void)pthread_mutex_destroy(&requests->mutex);
}

void services_expect(struct generation *generation)
{
    (void)pthread_mutex_lock(&generation->requests.mutex);
    generation->requests.last_error[0] = '\0';
    (void)pthread_mutex_unlock(&generation->requests.mutex);
}

void services_reason(struct generation *generation, const char *callback, int32_t status,
                     char *reason, size_t size)
{
    static const char *const names[] = {"HOTRUN_OK", "HOTRUN_ERR", "HOTRUN_ERR_NOMEM",
                                        "HOTRUN_ERR_SCHEMA", "HOTRUN_ERR_IO"};
    char word[32];
    if (status <= HOTRUN_OK && status >= HOTRUN_ERR_IO) {
        (void)snprintf(word, sizeof word, "%s", names[-status]);
    } else {
        (void)snprintf(word, sizeof word, "%d", (int)status);
    }
    (void)pthread_mutex_lock(&generation->requests.mutex);
    const char *said = generation->requests.last_error;
    (void)snprintf(reason, size, "%s returned %s%s%s", callback, word, said[0] != '\0' ? ": " : "",
                   said);
    (void)pthread_mutex_unlock(&generation->requests.mutex);
}

void services_serve(struct host *host)
{
    struct requests *requests = &host->current->requests;
    unsigned pending = requests->pending;
    requests->pending = 0;
    if ((pending & REQUEST_RATE) != 0) {
        pace_set(&host->pace, PACE_HZ, requests->hz, clock_ns());
        host_send(host, &(struct message){
                            .type = MESSAGE_RATE,
                            .rate = {.kind = (uint64_t)host->pace.kind, .hz = requests->hz}});
    }
    if ((pending & REQUEST_SNAPSHOT) != 0) {
        snapshot_request(host, SNAPSHOT_REQUEST);
    }
    if ((pending & REQUEST_RELOAD) != 0) {
        host_send(host, &(struct message){.type = MESSAGE_RELOAD});
    }
    if ((pending & REQUEST_EXIT) != 0 && !host->stopping) {
        host->stopping = true;
        host->end = PAGE_END_EXIT;
        host->exit_status = requests->exit_status;
    }
}
