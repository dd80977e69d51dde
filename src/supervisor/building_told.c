/* What is told of builds: events, the module, who asked, and `status`. */
#include "base/clock.h"
#include "supervisor/building_parts.h"
#include "supervisor/report_build.h"

#include <hotrun/hotrun.h>

/* Of each end of the output, in an event: who reads them from a pipe must not lose the next one. */
#define EVENT_PART ((size_t)4 << 10)

static void tell_module(struct supervisor *sup, uint32_t type, const char *text)
{
    if (supervisor_running(sup) != 0) {
        supervisor_send(sup,
                        &(struct message){
                            .type = MESSAGE_TELL,
                            .tell = {.type = type, .name = bytes_of(""), .text = bytes_of(text)}});
    }
}

static void tell_failed(struct supervisor *sup)
{
    struct building *building = sup->building;
    struct text output = {0};
    transcript_read(&building->transcript, EVENT_PART, &output);
    const struct report_build told = {.command = building_work_line(building),
                                      .reason = building->reason,
                                      .output = text_string(&output),
                                      .then = building->then,
                                      .took_ns = building->took_ns};
    report_build_failed(&sup->report, &told);
    text_finish(&output);
    tell_module(sup, HOTRUN_EVENT_BUILD_FAILED, text_string(&building->output));
}

/* The module hears nothing: BUILD_STARTED of the one that follows, or STOPPING, comes next. */
void building_tell_cancelled(struct supervisor *sup, uint64_t took_ns)
{
    struct text output = {0};
    transcript_read(&sup->building->transcript, EVENT_PART, &output);
    const struct report_build told = {.command = building_work_line(sup->building),
                                      .reason = sup->building->again ? sup->building->cause
                                                                     : "hotrun ends",
                                      .output = text_string(&output),
                                      .took_ns = took_ns,
                                      .cancelled = true};
    report_build_failed(&sup->report, &told);
    text_finish(&output);
}

void building_tell_ok(struct supervisor *sup)
{
    struct building *building = sup->building;
    struct text output = {0};
    transcript_read(&building->transcript, EVENT_PART, &output);
    report_build_ok(&sup->report, building_work_line(building), building->took_ns,
                    text_string(&output));
    text_finish(&output);
    tell_module(sup, HOTRUN_EVENT_BUILD_OK, text_string(&building->output));
}

void building_tell(struct supervisor *sup)
{
    struct building *building = sup->building;
    if (building == NULL) {
        return;
    }
    if (building->telling == POLICY_BUILD_STARTED) {
        report_build_started(&sup->report, building_work_line(building), building->cause,
                             building->anew);
        tell_module(sup, HOTRUN_EVENT_BUILD_STARTED, "");
    } else if (building->telling == POLICY_BUILD_FAILED) {
        tell_failed(sup);
    }
}

void building_dispatch(struct supervisor *sup, enum policy_event event)
{
    sup->building->telling = event;
    supervisor_dispatch(sup, event);
    sup->building->telling = POLICY_EVENT_COUNT;
}

void building_answer(struct supervisor *sup, bool all, const char *outcome)
{
    struct building *building = sup->building;
    unsigned kept = 0;
    for (unsigned i = 0; i < building->call_count; i++) {
        if (building->calls[i].later && !all) {
            building->calls[kept++] = building->calls[i];
            continue;
        }
        cJSON *result = cJSON_CreateObject();
        event_add_text(result, "outcome", outcome);
        event_add_text(result, "reason", all ? "hotrun ends" : building->reason);
        event_add_number(result, "ms", all ? 0 : building->took_ns / NS_PER_MS);
        event_add_text(result, "output", all ? "" : text_string(&building->output));
        control_answer(building->calls[i].call, result);
    }
    building->call_count = kept;
}

void building_add_status(const struct supervisor *sup, cJSON *status)
{
    static const char *const outcomes[] = {"none", "ok", "failed"};
    const struct building *building = sup->building;
    if (building == NULL) {
        return;
    }
    cJSON *told = cJSON_CreateObject();
    event_add_text(told, "command", building_work_line(building));
    event_add_flag(told, "running", building->running);
    if (building->running) {
        event_add_number(told, "running_ms", (clock_ns() - building->began_ns) / NS_PER_MS);
        event_add_text(told, "cause", building->cause);
    }
    event_add_text(told, "outcome", outcomes[building->outcome]);
    if (building->outcome != OUTCOME_NONE) {
        event_add_text(told, "reason", building->reason);
        event_add_number(told, "ms", building->took_ns / NS_PER_MS);
        event_add_number(told, "age_s", (clock_ns() - building->ended_ns) / NS_PER_S);
        event_add_text(told, "output", text_string(&building->output));
    }
    event_add_number(told, "sources", sources_count(building->sources));
    event_add_text(told, "watch",
                   !sup->config->watch                     ? "off"
                   : sources_is_polling(building->sources) ? "polling"
                                                           : "events");
    event_add_item(status, "build", told);
}
