/* What is told of builds. */
#include "supervisor/report_build.h"

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/events.h"
#include "supervisor/report.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

void report_duration(uint64_t ns, char *text, size_t size)
{
    if (ns < NS_PER_S) {
        (void)snprintf(text, size, "%llu ms", (unsigned long long)(ns / NS_PER_MS));
    } else {
        (void)snprintf(text, size, "%.1f s", (double)ns / 1e9);
    }
}

void report_build_words(const struct command_end *end, uint64_t timeout_ns, char *text, size_t size)
{
    if (end->timed_out) {
        (void)snprintf(text, size, "ended after %g s (build.timeout)", (double)timeout_ns / 1e9);
    } else if (end->signal != 0) {
        report_signal(end->signal, text, size);
    } else if (end->status == 127) {
        (void)snprintf(text, size,
                       "exit status 127: the shell did not find a command that "
                       "build.command names; install it, or mend the line and start hotrun anew");
    } else if (end->status == 126) {
        (void)snprintf(text, size, "exit status 126: what build.command names may not be run");
    } else {
        (void)snprintf(text, size, "exit status %d", end->status);
    }
}

static cJSON *event(const struct report *report, const char *name, const char *command,
                    uint64_t took_ns)
{
    cJSON *told = event_create(name, report->generation, report->step);
    event_add_text(told, "command", command);
    event_add_number(told, "ms", took_ns / NS_PER_MS);
    return told;
}

void report_build_started(struct report *report, const char *command, const char *cause, bool anew)
{
    cJSON *started = event(report, "build_started", command, 0);
    event_add_text(started, "cause", cause);
    events_emit(report->events, started);
    log_tone(report->log, LOG_TONE_FAINT, "building%s  %s", anew ? " anew" : "", cause);
}

void report_build_ok(struct report *report, const char *command, uint64_t took_ns,
                     const char *output)
{
    char took[32];
    cJSON *ok = event(report, "build_ok", command, took_ns);
    event_add_text(ok, "output", output);
    events_emit(report->events, ok);
    report_duration(took_ns, took, sizeof took);
    log_tone(report->log, LOG_TONE_FAINT, "built  %s", took);
}

void report_build_failed(struct report *report, const struct report_build *build)
{
    char took[32];
    cJSON *failed = event(report, "build_failed", build->command, build->took_ns);
    event_add_text(failed, "reason", build->reason);
    event_add_flag(failed, "cancelled", build->cancelled);
    event_add_text(failed, "output", build->output);
    events_emit(report->events, failed);
    report_duration(build->took_ns, took, sizeof took);
    if (!build->cancelled) {
        log_tone(report->log, LOG_TONE_BAD, "build failed  %s  %s; %s", build->reason, took,
                 build->then);
    }
}
