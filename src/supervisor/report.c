#define _GNU_SOURCE /* sigabbrev_np */
#include "supervisor/report.h"

#include "base/clock.h"
#include "base/text.h"
#include "supervisor/backtrace.h"
#include "supervisor/events.h"
#include "supervisor/report_state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void report_size(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"B", "KB", "MB", "GB"};
    double amount = (double)bytes;
    size_t unit = 0;
    while (amount >= 999.95 && unit < 3) {
        amount /= 1000;
        unit++;
    }
    (void)snprintf(text, size, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
}

void report_count(uint64_t count, char *text, size_t size)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    size_t used = 0;
    for (int i = 0; i < len && used + 2 < size; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            text[used++] = ',';
        }
        text[used++] = digits[i];
    }
    text[used] = '\0';
}

void report_age(uint64_t time_ns, char *text, size_t size)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    unsigned long long s = now_ns > time_ns ? (now_ns - time_ns) / NS_PER_S : 0;
    if (s < 120) {
        (void)snprintf(text, size, "%llu s ago", s);
    } else if (s < 7200) {
        (void)snprintf(text, size, "%llu min ago", s / 60);
    } else if (s < 172800) {
        (void)snprintf(text, size, "%llu h ago", s / 3600);
    } else {
        (void)snprintf(text, size, "%llu days ago", s / 86400);
    }
}

static cJSON *event(const struct report *report, const char *name)
{
    return event_create(name, report->generation, report->step);
}

void report_started(struct report *report, pid_t host_pid, const char *library)
{
    cJSON *started = event(report, "started");
    event_add_number(started, "pid", (uint64_t)getpid());
    event_add_number(started, "host_pid", (uint64_t)host_pid);
    event_add_text(started, "library", library);
    events_emit(report->events, started);
}

static void add_reload(cJSON *reloaded, const struct message_accepted *told,
                       const struct build *build, const char *library)
{
    const struct {
        const char *name;
        uint64_t ns;
    } times[] = {{"detect", build->detect_ns},
                 {"stage", build->stage_ns},
                 {"layout", build->layout_ns},
                 {"serialize", told->serialize_ns},
                 {"load", told->load_ns},
                 {"init", told->init_ns},
                 {"deserialize", told->deserialize_ns},
                 {"total", told->total_ns},
                 {"pause", told->pause_ns}};
    event_add_text(reloaded, "library", library);
    cJSON *us = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        event_add_number(us, times[i].name, times[i].ns / NS_PER_US);
    }
    event_add_item(reloaded, "us", us);
    event_add_item(reloaded, "state", report_state_json(told));
}

void report_loaded(struct report *report, const struct message_accepted *told,
                   const struct build *build, const char *library, bool first, enum rate_kind rate,
                   double hz)
{
    report->refused = false;
    cJSON *loaded = event(report, first ? "loaded" : "reloaded");
    if (build->edited) {
        event_add_flag(loaded, "edited", true);
    }
    add_reload(loaded, told, build, library);
    events_emit(report->events, loaded);

    char size[32];
    char pace[32] = "max";
    bool some = report_state_bytes(told) > 0;
    report_size(report_state_bytes(told), size, sizeof size);
    if (rate == RATE_HZ) {
        (void)snprintf(pace, sizeof pace, "%g Hz", hz);
    } else if (rate == RATE_ONCE) {
        (void)snprintf(pace, sizeof pace, "once");
    }
    struct text line = {0};
    if (first) {
        /* Variables are told by a layout, which comes later. */
        text_printf(&line, "hotrun  %s  generation %llu  %s  %s%s", library,
                    (unsigned long long)told->generation, pace,
                    some ? "state " : "no state of its own", some ? size : "");
        report_state_lists(told, &line);
    } else {
        bool long_ago = told->total_ns >= 10 * NS_PER_S; /* it waited for a call that did not end */
        text_printf(&line, long_ago ? "generation %llu  %.1f s  " : "generation %llu  %.2f ms  ",
                    (unsigned long long)told->generation,
                    (double)told->total_ns / (long_ago ? 1e9 : 1e6));
        report_state_words(told, build, &line);
        text_puts(&line, build->edits);
    }
    log_tone(report->log, LOG_TONE_GOOD, "%s", text_string(&line));
    text_finish(&line);
    report_state_warn(report->log, told);
    if (!first && told->note.len > 0) {
        log_line(report->log, LOG_WARN, "%s", told->note.data);
    }
}

static void goes_on(uint64_t runs, char *text, size_t size)
{
    if (runs != 0) {
        (void)snprintf(text, size, "; generation %llu goes on", (unsigned long long)runs);
    } else {
        (void)snprintf(text, size, "; save a fix to go on");
    }
}

/* A save that led to no new generation: tells it, and says what goes on. Takes `refusal` over. */
static void tell_refusal(struct report *report, cJSON *refusal, const char *reason, uint64_t runs)
{
    char tail[64];
    report->refused = true;
    event_add_text(refusal, "reason", reason);
    events_emit(report->events, refusal);
    goes_on(runs, tail, sizeof tail);
    log_tone(report->log, LOG_TONE_BAD, "not loaded: %s%s", reason, tail);
}

void report_rejected(struct report *report, const char *stage, const char *reason, uint64_t runs)
{
    cJSON *rejected = event(report, "rejected");
    event_add_text(rejected, "stage", stage);
    tell_refusal(report, rejected, reason, runs);
}

void report_not_edited(struct report *report, const char *stage, const char *reason, uint64_t runs)
{
    cJSON *rejected = event(report, "rejected");
    char tail[64];
    event_add_text(rejected, "stage", stage);
    event_add_flag(rejected, "edited", true);
    event_add_text(rejected, "reason", reason);
    events_emit(report->events, rejected);
    goes_on(runs, tail, sizeof tail);
    log_tone(report->log, LOG_TONE_BAD, "state not edited: %s%s", reason, tail);
}

void report_unchanged(struct report *report, const char *words, const char *reason)
{
    report->refused = false;
    cJSON *unchanged = event(report, "unchanged");
    event_add_text(unchanged, "reason", reason);
    events_emit(report->events, unchanged);
    log_tone(report->log, LOG_TONE_FAINT, "%s: %s", words, reason);
}

void report_quarantined(struct report *report, const char *reason, uint64_t runs)
{
    tell_refusal(report, event(report, "quarantined"), reason, runs);
}

void report_waiting(struct report *report, const char *reason)
{
    cJSON *waiting = event(report, "waiting");
    event_add_text(waiting, "reason", reason);
    events_emit(report->events, waiting);
    log_tone(report->log, LOG_TONE_PLAIN, "waiting: %s", reason);
}

void report_confirmed(struct report *report, uint64_t generation, bool resident, const char *reason)
{
    cJSON *confirmed = event(report, "confirmed");
    if (resident) {
        event_add_flag(confirmed, "resident", true);
        event_add_text(confirmed, "reason", reason);
    }
    events_emit(report->events, confirmed);
    log_line(report->log, LOG_DEBUG, "generation %llu is confirmed",
             (unsigned long long)generation);
    if (resident && !report->resident_told) {
        report->resident_told = true;
        log_line(report->log, LOG_WARN, "replaced libraries stay in memory: %s", reason);
    }
}

void report_superseded(struct report *report, uint64_t generation)
{
    cJSON *superseded = event_create("superseded", generation, report->step);
    events_emit(report->events, superseded);
    log_line(report->log, LOG_DEBUG, "generation %llu is superseded before it was confirmed",
             (unsigned long long)generation);
}

void report_signal(int signal, char *text, size_t size)
{
    const char *name = sigabbrev_np(signal);
    if (name != NULL) {
        (void)snprintf(text, size, "SIG%s", name);
    } else {
        (void)snprintf(text, size, "signal %d", signal);
    }
}

void report_death_words(const struct report_death *death, char *text, size_t size)
{
    if (death->reason[0] != '\0') {
        (void)snprintf(text, size, "%s", death->reason);
    } else if (death->cause != NULL) {
        (void)snprintf(text, size, "%s", death->cause);
    } else if (death->signal == SIGKILL) {
        (void)snprintf(text, size, "SIGKILL, by kill -9 or for lack of memory");
    } else if (death->signal > 0) {
        report_signal(death->signal, text, size);
    } else {
        (void)snprintf(text, size, "exit status %d without request_exit", death->exit_status);
    }
}

void report_crashed(struct report *report, const struct report_death *death)
{
    char words[640];
    char step[32];
    struct text lines = {0};
    cJSON *crashed = event_create(death->hung ? "hung" : "crashed", death->generation, death->step);
    if (death->signal > 0) {
        char signal[32];
        report_signal(death->signal, signal, sizeof signal);
        event_add_text(crashed, "signal", signal);
    } else {
        event_add_number(crashed, "exit_status", (uint64_t)death->exit_status);
    }
    event_add_text(crashed, "in", death->in);
    if (death->reason[0] != '\0') {
        event_add_text(crashed, "reason", death->reason);
    }
    if (death->cause != NULL) {
        event_add_text(crashed, "cause", death->cause);
    }
    if (death->trace != NULL) {
        event_add_item(crashed, "backtrace", backtrace_json(death->trace));
        backtrace_lines(death->trace, &lines);
    }
    if (death->file != NULL) {
        event_add_text(crashed, "report", death->file);
    }
    events_emit(report->events, crashed);
    report_death_words(death, words, sizeof words);
    report_count(death->step, step, sizeof step);
    const char *verb = death->hung ? "hung" : "crashed";
    if (strcmp(death->in, "step") == 0) {
        log_tone(report->log, LOG_TONE_BAD, "%s in step %s of generation %llu: %s%s", verb, step,
                 (unsigned long long)death->generation, words, text_string(&lines));
    } else {
        log_tone(report->log, LOG_TONE_BAD, "%s in %s of generation %llu, before step %s: %s%s",
                 verb, death->in, (unsigned long long)death->generation, step, words,
                 text_string(&lines));
    }
    text_finish(&lines);
}

void report_back(struct report *report, const struct report_back *back)
{
    char step[32];
    char lost[48] = "";
    report->refused = report->refused || (back->rolled_back && !back->by_command);
    cJSON *event_back = event(report, back->rolled_back ? "rolled_back" : "restarted");
    event_add_number(event_back, "host_pid", (uint64_t)back->host_pid);
    event_add_text(event_back, "reason", back->reason);
    event_add_number(event_back, "from", back->from);
    event_add_number(event_back, "to", back->to);
    event_add_number(event_back, "steps_lost", back->steps_lost);
    event_add_number(event_back, "us", back->us);
    event_add_text(event_back, "how", back->how);
    events_emit(report->events, event_back);
    if (back->to == 0) {
        return;
    }
    report_count(back->step, step, sizeof step);
    if (back->steps_lost > 0) {
        char count[32];
        report_count(back->steps_lost, count, sizeof count);
        (void)snprintf(lost, sizeof lost, " (%s %s %s)", count,
                       back->steps_lost == 1 ? "step" : "steps", back->as_asked ? "back" : "lost");
    }
    log_tone(report->log, LOG_TONE_PLAIN, "%s generation %llu with %s of step %s%s%s",
             back->rolled_back ? "back to"
             : !back->as_asked ? "restarted"
             : back->reset     ? "reset:"
                               : "restored:",
             (unsigned long long)back->to,
             back->reset ? "a new state, instead of that" : "the state", step, lost,
             back->rolled_back && !back->by_command ? "; save a fix to go on" : "");
}

void report_held(struct report *report, const char *reason, bool told)
{
    cJSON *held = event(report, "held");
    event_add_text(held, "reason", reason);
    events_emit(report->events, held);
    if (!told) {
        log_tone(report->log, LOG_TONE_BAD, "held: %s; save a fix to go on", reason);
    }
}

void report_paused(struct report *report, bool on)
{
    cJSON *paused = event(report, on ? "paused" : "resumed");
    event_add_text(paused, "reason", "by command");
    events_emit(report->events, paused);
    char step[32];
    report_count(report->step, step, sizeof step);
    log_tone(report->log, LOG_TONE_PLAIN, "%s before step %s", on ? "paused" : "resumed", step);
}

void report_checkpoint(struct report *report, const struct message_published *published)
{
    char size[32];
    report_size(published->bytes, size, sizeof size);
    if (!published->ok) {
        log_line(report->log, LOG_WARN, "no snapshot: %s", published->reason.data);
        return;
    }
    cJSON *checkpoint = event_create("checkpoint", report->generation, published->step);
    event_add_number(checkpoint, "bytes", published->bytes);
    event_add_number(checkpoint, "us", published->took_ns / NS_PER_US);
    event_add_flag(checkpoint, "durable", false);
    events_emit(report->events, checkpoint);
    log_line(report->log, LOG_DEBUG, "snapshot of step %llu, %s",
             (unsigned long long)published->step, size);
}

void report_durable(struct report *report, uint64_t id, const struct snapshot *snapshot,
                    uint64_t took_ns)
{
    cJSON *checkpoint = event_create("checkpoint", snapshot->generation, snapshot->step);
    event_add_number(checkpoint, "bytes", snapshot->len);
    event_add_number(checkpoint, "us", took_ns / NS_PER_US);
    (void)cJSON_AddTrueToObject(checkpoint, "durable");
    event_add_number(checkpoint, "id", id);
    events_emit(report->events, checkpoint);
    log_line(report->log, LOG_DEBUG, "snapshot %llu of step %llu is on the disk",
             (unsigned long long)id, (unsigned long long)snapshot->step);
}

void report_durable_failed(struct report *report, const char *reason)
{
    cJSON *failed = event(report, "durable_failed");
    event_add_text(failed, "reason", reason);
    events_emit(report->events, failed);
    log_line(report->log, LOG_WARN,
             "no snapshot on disk: %s; the run goes on, and this is tried again", reason);
}

void report_exited(struct report *report, int status)
{
    cJSON *exited = event(report, "exited");
    event_add_number(exited, "status", (uint64_t)status);
    events_emit(report->events, exited);
    char step[32];
    report_count(report->step, step, sizeof step);
    if (report->generation != 0) {
        log_tone(report->log, LOG_TONE_FAINT, "ended  generation %llu  step %s  status %d",
                 (unsigned long long)report->generation, step, status);
    }
}
