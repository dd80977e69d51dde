#define _GNU_SOURCE /* O_DIRECTORY, O_PATH */
#include "cli/stored.h"

#include "base/clock.h"
#include "base/path.h"
#include "cli/ask.h"
#include "cli/client.h"
#include "cli/print.h"
#include "state/json.h"
#include "state/pointer.h"
#include "store/store.h"
#include "supervisor/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* NULL with `err`; *dir_fd is to be closed after the store. */
static struct store *open_store(const char *run_dir, int *dir_fd, struct error *err)
{
    *dir_fd = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*dir_fd < 0) {
        char *shown = path_short(run_dir);
        if (errno == ENOENT || errno == ENOTDIR) {
            error_set(err, ERROR_MISSING,
                      "there is no run directory %s: say where it is with --run-dir DIR or "
                      "--name NAME",
                      shown == NULL ? run_dir : shown);
        } else {
            error_errno(err, "cannot open %s", run_dir);
        }
        free(shown);
        return NULL;
    }
    struct store *store = store_view(*dir_fd, run_dir);
    if (store == NULL) {
        (void)close(*dir_fd);
        error_set(err, ERROR_SYSTEM, "no memory for snapshots");
    }
    return store;
}

bool stored_read(const char *run_dir, const char *number, size_t limit, struct text *bytes,
                 struct error *err)
{
    int dir_fd;
    struct store *store = open_store(run_dir, &dir_fd, err);
    if (store == NULL) {
        return false;
    }
    bool ok = store_read(store, strtoull(number, NULL, 10), limit, bytes, err);
    store_destroy(store);
    (void)close(dir_fd);
    return ok;
}

/* ---- history ---- */

/* When the run that goes on here began, in ns since 1970; UINT64_MAX: none does. */
static uint64_t run_began(const struct options *options)
{
    struct text status = {0};
    struct span span;
    struct error none;
    uint64_t began = UINT64_MAX;
    if (client_call_text(options->config.run_dir, "status", NULL, 2 * NS_PER_S, &status, &none) &&
        pointer_find(text_string(&status), status.len, "/started_ns", &span, &none)) {
        began = strtoull(status.data + span.start, NULL, 10);
    }
    text_finish(&status);
    return began;
}

static const char *why_of(const struct store_entry *entry)
{
    const char *word = envelope_why(entry->snapshot.why);
    return word == NULL ? "?" : word;
}

static void print_entry(const struct store_entry *entry, bool present)
{
    char when[32] = "", age[48], step[32], size[32];
    time_t seconds = (time_t)(entry->snapshot.time_ns / NS_PER_S);
    struct tm local;
    if (!entry->readable) {
        printf("%6llu  not readable\n", (unsigned long long)entry->id);
        return;
    }
    if (localtime_r(&seconds, &local) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
    }
    report_age(entry->snapshot.time_ns, age, sizeof age);
    report_count(entry->snapshot.step, step, sizeof step);
    report_size(entry->snapshot.len, size, sizeof size);
    printf("%6llu  %-19s  %12s  %10llu  %12s  %-8s  %8s%s\n", (unsigned long long)entry->id, when,
           age, (unsigned long long)entry->snapshot.generation, step, why_of(entry), size,
           present ? "  this run" : "");
}

static void put_entry(struct text *out, const struct store_entry *entry, bool present)
{
    const struct snapshot *snapshot = &entry->snapshot;
    (void)text_printf(out, "{\"id\":%llu", (unsigned long long)entry->id);
    if (entry->readable) {
        (void)(text_printf(out,
                           ",\"time_ns\":%llu,\"generation\":%llu,\"step\":%llu,\"why\":\"%s\","
                           "\"kind\":\"%s\",\"bytes\":%llu,\"present\":%s,\"module\":",
                           (unsigned long long)snapshot->time_ns,
                           (unsigned long long)snapshot->generation,
                           (unsigned long long)snapshot->step, why_of(entry),
                           snapshot->kind == SNAPSHOT_JSON ? "json" : "image",
                           (unsigned long long)snapshot->len, present ? "true" : "false") &&
               json_quote(out, snapshot->module));
    }
    (void)text_puts(out, "}");
}

int stored_history(const struct options *options, struct log *log, struct error *err)
{
    int dir_fd;
    uint64_t *ids = NULL;
    size_t count = 0, shown = 0;
    struct text json = {0};
    (void)log;
    struct store *store = open_store(options->config.run_dir, &dir_fd, err);
    if (store == NULL) {
        return STATUS_FAILED;
    }
    bool ok = store_ids(store, &ids, &count, err);
    uint64_t began = ok && count > 0 ? run_began(options) : UINT64_MAX;
    (void)text_puts(&json, "[");
    for (size_t i = 0; ok && i < count; i++) {
        struct store_entry entry;
        struct error gone;
        if (!store_look(store, ids[i], &entry, &gone)) {
            continue; /* it may have gone in favour of a newer one */
        }
        bool present = entry.readable && entry.snapshot.time_ns >= began;
        if (options->json) {
            (void)text_puts(&json, shown > 0 ? ",\n " : "");
            put_entry(&json, &entry, present);
        } else {
            if (shown == 0) {
                printf("%6s  %-19s  %12s  %10s  %12s  %-8s  %8s\n", "id", "when", "age",
                       "generation", "step", "why", "size");
            }
            print_entry(&entry, present);
        }
        shown++;
    }
    if (ok && options->json) {
        (void)text_puts(&json, "]\n");
        ok = !json.failed || error_set(err, ERROR_SYSTEM, "no memory for the list");
        (void)fputs(ok ? json.data : "", stdout);
    } else if (ok && shown == 0) {
        printf("no snapshots\n");
    }
    text_finish(&json);
    free(ids);
    store_destroy(store);
    (void)close(dir_fd);
    return ok ? 0 : STATUS_FAILED;
}
