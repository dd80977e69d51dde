/* Calls each callback of typed.cpp so that it throws, and expects HOTRUN_ERR and what() in the log.
 * Ends with 0 when all is right, else says what is not. */
#include "hotrun/hotrun.h"

#include <string.h>

static char logged[256];

static void log_line(const hotrun_host *host, int32_t level, const char *message)
{
    (void)host;
    (void)snprintf(logged, sizeof logged, "%d %s", (int)level, message);
}

static hotrun_status write_json(const hotrun_writer *writer, const char *text, size_t len)
{
    (void)writer;
    (void)text;
    (void)len;
    return HOTRUN_ERR_IO;
}

static int wrong;

static void expect(const char *call, hotrun_status status, hotrun_status wanted, const char *log)
{
    if (status != wanted || strcmp(logged, log) != 0) {
        printf("%s: %d with log '%s', expected %d with '%s'\n", call, (int)status, logged,
               (int)wanted, log);
        wrong = 1;
    }
    logged[0] = '\0';
}

int main(void)
{
    const hotrun_module *module = &hotrun_module_table;
    hotrun_host host = {.size = sizeof host, .argc = 0, .log = log_line};
    const hotrun_step now = {.size = sizeof now, .dt_ns = 500000000};
    const hotrun_writer writer = {.write = write_json};
    hotrun_event event = {.size = sizeof event, .type = HOTRUN_EVENT_AFTER_RELOAD};
    struct {
        double x;
        unsigned ticks;
    } state;
    memset(&state, 0, sizeof state);

    expect("init", module->init(&host, &state), HOTRUN_OK, "");
    if (module->state_size != sizeof state || state.x != 1.5 || state.ticks != 1)
        expect("the state after init", HOTRUN_ERR, HOTRUN_OK, "");
    expect("step", module->step(&host, &state, &now), HOTRUN_OK, "");
    if (state.x != 2.0)
        expect("the state after step", HOTRUN_ERR, HOTRUN_OK, "");
    expect("serialize passes on a status", module->serialize(&host, &state, &writer), HOTRUN_ERR_IO,
           "");
    expect("deserialize", module->deserialize(&host, &state, "{}", 2, 0), HOTRUN_OK, "");
    expect("on_event", module->on_event(&host, &state, &event), HOTRUN_OK, "");

    host.argc = 1;
    expect("init", module->init(&host, &state), HOTRUN_ERR, "4 init threw");
    host.argc = 2;
    expect("step", module->step(&host, &state, &now), HOTRUN_ERR, "4 step threw");
    host.argc = 3;
    expect("step with an int", module->step(&host, &state, &now), HOTRUN_ERR,
           "4 an exception that is not a std::exception");
    state.ticks = 0;
    expect("serialize", module->serialize(&host, &state, &writer), HOTRUN_ERR, "4 serialize threw");
    expect("deserialize", module->deserialize(&host, &state, "[]", 2, 1), HOTRUN_ERR,
           "4 deserialize threw");
    event.type = HOTRUN_EVENT_MESSAGE;
    expect("on_event", module->on_event(&host, &state, &event), HOTRUN_ERR, "4 on_event threw");
    state.ticks = 0;
    module->fini(&host, &state, HOTRUN_FINI_EXIT);
    expect("fini", HOTRUN_OK, HOTRUN_OK, "4 fini threw");
    module->fini(&host, NULL, HOTRUN_FINI_REPLACED);
    expect("fini without a state", HOTRUN_OK, HOTRUN_OK, "");
    return wrong;
}
