/* What a dead host's crash record says: named, put into words, and written down. */
#include "base/clock.h"
#include "supervisor/cause.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct build *build_of(const struct supervisor *sup, uint64_t generation)
{
    const struct build *builds[] = {sup->next, sup->current};
    for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++) {
        if (builds[i] != NULL && builds[i]->generation == generation) {
            return builds[i];
        }
    }
    for (unsigned i = sup->attempt_next; i < sup->attempt_count; i++) {
        if (sup->attempts[i].build->generation == generation) {
            return sup->attempts[i].build;
        }
    }
    return NULL;
}

static int64_t written_ns(const struct build *build)
{
    const struct timespec *written = &build->stage.source.st_mtim;
    return (int64_t)written->tv_sec * (int64_t)NS_PER_S + written->tv_nsec;
}

void autopsy_ask(struct supervisor *sup, const struct host_death *death, uint64_t generation)
{
    const struct build *build = build_of(sup, generation);
    if (death->record != NULL && sup->inspector != NULL) {
        inspector_ask(sup->inspector, death->record, build == NULL ? "" : build->path,
                      build == NULL ? 0 : written_ns(build));
    }
}

void autopsy_adopted(struct supervisor *sup)
{
    bool awaited = uv_is_active((uv_handle_t *)&sup->timers[TIMER_INSPECT]) != 0;
    if (sup->inspector != NULL && inspector_pid(sup->inspector) != 0) {
        autopsy_prepare(sup);
    } else if (!awaited) {
        supervisor_arm(sup, TIMER_INSPECT, INSPECT_MS);
    }
}

void autopsy_prepare(struct supervisor *sup)
{
    if (sup->inspector != NULL && sup->current != NULL && sup->host != NULL) {
        inspector_prepare(sup->inspector, sup->current->path, written_ns(sup->current));
    }
}

void autopsy_learn(struct supervisor *sup, const struct host_death *death,
                   struct report_death *told)
{
    struct autopsy *autopsy = &sup->autopsy;
    struct backtrace_view view = {.stage = sup->run_dir.stage_path, .shown = sup->library};
    backtrace_finish(&autopsy->trace);
    if (death->record == NULL) {
        return;
    }
    if (sup->inspector != NULL) {
        (void)inspector_await(sup->inspector, &view, &autopsy->trace);
    } else {
        backtrace_take_bare(&autopsy->trace, death->record, &view);
    }
    /* What exit() runs may be killed: its caller is told then, its status was not reached. */
    bool exits = death->record->cause == CRASH_BY_EXIT && death->signal != 0;
    if (!exits &&
        cause_words(death->record, &autopsy->trace, autopsy->cause, sizeof autopsy->cause)) {
        told->cause = autopsy->cause;
    }
    if (autopsy->trace.count > 0) {
        told->trace = &autopsy->trace;
    }
    /* A death that was meant is not reported. */
    autopsy_file(sup, "nothing came back before the next death", NO_SLOT);
    crash_report_begin(&autopsy->report, told->generation, told->step);
    (void)snprintf(autopsy->file, sizeof autopsy->file, "crashes/%s.txt", autopsy->report.name);
    told->file = autopsy->file;
}

static void describe(struct supervisor *sup, const struct crash_record *record,
                     const struct report_death *told, const char *words)
{
    struct text *body = &sup->autopsy.report.body;
    const struct build *build = build_of(sup, told->generation);
    text_printf(body, "%s in %s: %s\n\n", told->hung ? "hung" : "crashed", told->in, words);
    text_printf(body, "generation  %llu\nstep        %llu\nlibrary     %s\n",
                (unsigned long long)told->generation, (unsigned long long)told->step,
                sup->config->module_path);
    if (build != NULL) {
        text_printf(body, "            %llu bytes, fingerprint %016llx%016llx\n",
                    (unsigned long long)build->stage.size,
                    (unsigned long long)build->stage.hash.high,
                    (unsigned long long)build->stage.hash.low);
    }
    text_printf(body, "thread      %llu%s\n", (unsigned long long)record->thread,
                record->by_main ? ", the main one" : ", not the main one");
    text_puts(body, "\nbacktrace, innermost first\n");
    backtrace_list(&sup->autopsy.trace, body);
    if (record->register_count > 0) {
        text_puts(body, "\nregisters");
        cause_registers(record, body);
        text_puts(body, "\n");
    }
}

void autopsy_note(struct supervisor *sup, const struct host_death *death,
                  const struct report_death *told)
{
    struct autopsy *autopsy = &sup->autopsy;
    char words[640];
    if (sup->state != POLICY_RESTARTING) {
        text_clear(&autopsy->account);
        if (told->trace != NULL) {
            text_puts(&autopsy->account, sup->death.reason);
            backtrace_lines(told->trace, &autopsy->account);
        }
    }
    if (death->record == NULL) {
        return;
    }
    if (death->record->register_count > 0 && sup->log->level <= LOG_DEBUG) {
        struct text lines = {0};
        cause_registers(death->record, &lines);
        log_line(sup->log, LOG_DEBUG, "registers of thread %llu:%s",
                 (unsigned long long)death->record->thread, text_string(&lines));
        text_finish(&lines);
    }
    report_death_words(told, words, sizeof words);
    describe(sup, death->record, told, words);
}

/* "'" in a path would end the quotes. */
static void quote(struct text *out, const char *path)
{
    text_puts(out, "'");
    for (; *path != '\0'; path++) {
        if (*path == '\'') {
            text_puts(out, "'\\''");
        } else {
            text_append(out, path, 1);
        }
    }
    text_puts(out, "'");
}

/* What hotrun was started on. */
static void quote_target(struct text *body, const struct config *config)
{
    for (size_t i = 0; config->build_sources[i] != NULL; i++) {
        text_puts(body, " ");
        quote(body, config->build_sources[i]);
    }
    if (config->build_sources[0] == NULL) {
        text_puts(body, " ");
        quote(body, config->module_path);
    }
}

/* ---- the report's file ---- */

static void write_report(struct supervisor *sup, const struct crash_report *report)
{
    struct autopsy *autopsy = &sup->autopsy;
    struct error err;
    char file[sizeof autopsy->file];
    if (crash_report_write(report, sup->run_dir.fd, file, sizeof file, &err)) {
        autopsy->trouble_told = false;
        log_line(sup->log, LOG_DEBUG, "the report of the crash is %s/%s", sup->run_dir.path, file);
    } else if (!autopsy->trouble_told) {
        autopsy->trouble_told = true;
        log_line(sup->log, LOG_WARN, "the report of the crash is not kept: %s; the run goes on",
                 err.text);
    }
}

static void tell_snapshot(const struct supervisor *sup, struct crash_report *report)
{
    struct text path = {0};
    text_printf(&path, "%s/crashes/%s.json", sup->run_dir.path, report->name);
    text_printf(&report->body, "snapshot    %s\nreproduce   hotrun --restore ", text_string(&path));
    quote(&report->body, text_string(&path));
    quote_target(&report->body, sup->config);
    text_puts(&report->body, "\n");
    text_finish(&path);
}

static void tell_no_snapshot(struct crash_report *report, const struct error *why)
{
    text_printf(&report->body, "snapshot    none could be kept: %s\n", why->text);
}

static void on_saved(struct supervisor *sup, void *ctx, bool ok, const struct error *err)
{
    struct crash_report *report = ctx;
    if (ok) {
        tell_snapshot(sup, report);
    } else {
        tell_no_snapshot(report, err);
    }
    write_report(sup, report);
    crash_report_finish(report);
    free(report);
}

/* A large state takes seconds: the report is there without it first. */
static void write_first(struct supervisor *sup, const struct crash_report *report)
{
    struct crash_report first = *report;
    first.body = (struct text){0};
    text_puts(&first.body, text_string(&report->body));
    text_puts(&first.body, "snapshot    is being written\n");
    write_report(sup, &first);
    crash_report_finish(&first);
}

/* Begins to write the snapshot that was gone back to beside the report, which is taken over then.
 * False with `err`. */
static bool save_snapshot(struct supervisor *sup, struct crash_report *report, int slot,
                          struct error *err)
{
    char name[sizeof report->name + sizeof ".json"];
    struct crash_report *kept = malloc(sizeof *kept);
    if (kept == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory to save it");
    }
    int folder = crash_report_folder(sup->run_dir.fd, err);
    if (folder < 0) {
        free(kept);
        return false;
    }
    (void)snprintf(name, sizeof name, "%s.json", report->name);
    write_first(sup, report);
    *kept = *report;
    *report = (struct crash_report){.name = ""};
    if (snapshots_save(sup, slot, folder, name, on_saved, kept, err)) {
        return true;
    }
    *report = *kept;
    free(kept);
    return false;
}

void autopsy_file(struct supervisor *sup, const char *outcome, int slot)
{
    struct crash_report *report = &sup->autopsy.report;
    struct error err;
    if (!crash_report_is_open(report)) {
        return;
    }
    text_printf(&report->body, "\nthen        %s\n", outcome);
    bool wanted = slot != NO_SLOT && sup->memory.fd >= 0;
    if (wanted && save_snapshot(sup, report, slot, &err)) {
        return;
    }
    if (wanted) {
        tell_no_snapshot(report, &err);
    }
    write_report(sup, report);
    crash_report_finish(report);
}

void autopsy_came_back(struct supervisor *sup, const struct report_back *back, int slot)
{
    char outcome[160];
    (void)snprintf(outcome, sizeof outcome, "generation %llu came back with %s of step %llu",
                   (unsigned long long)back->to,
                   back->reset ? "a new state, instead of that" : "the state",
                   (unsigned long long)back->step);
    autopsy_file(sup, outcome, slot);
}

const char *autopsy_account(const struct supervisor *sup)
{
    const char *account = text_string(&sup->autopsy.account);
    size_t len = strlen(sup->death.reason);
    bool same = len > 0 && strncmp(account, sup->death.reason, len) == 0;
    return same ? account : sup->death.reason;
}

void autopsy_finish(struct supervisor *sup)
{
    autopsy_file(sup, "the run ended", NO_SLOT);
    backtrace_finish(&sup->autopsy.trace);
    text_finish(&sup->autopsy.account);
    crash_report_finish(&sup->autopsy.report);
    inspector_destroy(sup->inspector);
    sup->inspector = NULL;
}
