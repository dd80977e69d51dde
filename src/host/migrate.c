#include "host/migrate.h"

#include "host/generation.h"
#include "host/host.h"

static const hotrun_migrate *ask(struct generation *generation)
{
    struct host *host = generation->host;
    const struct library *library = generation->library;
    if (generation->module->get_extension == NULL) {
        return NULL;
    }
    host_enter(host, generation, PHASE_INIT);
    const hotrun_migrate *found = generation->module->get_extension("migrate/1");
    host_back(host);
    if (found == NULL) {
        return NULL;
    }
    const unsigned char *last = (const unsigned char *)(found + 1) - 1;
    bool sane = library_contains(library, found) && library_contains(library, last) &&
                HOTRUN_HAS(hotrun_migrate, found, migrate) && found->migrate != NULL;
    if (!sane) {
        host_note(host, LOG_WARN,
                  "what get_extension gave for migrate/1 is left aside: expected a constant struct "
                  "hotrun_migrate of the library with its size");
    }
    return sane ? found : NULL;
}

bool migrate_is_there(struct generation *generation)
{
    if (!generation->asked_migrate) {
        generation->asked_migrate = true;
        generation->migrate = ask(generation);
    }
    return generation->migrate != NULL;
}

bool migrate_run(struct generation *generation, const struct text *before, const struct text *after,
                 uint32_t from_version, struct error *err)
{
    struct host *host = generation->host;
    services_expect(generation);
    host_enter(host, generation, PHASE_DESERIALIZE);
    hotrun_status status =
        generation->migrate->migrate(&generation->api, generation->state, text_string(before),
                                     before->len, text_string(after), after->len, from_version);
    host_back(host);
    if (status == HOTRUN_OK) {
        return true;
    }
    char reason[700];
    services_reason(generation, "migrate", status, reason, sizeof reason);
    return error_set(err, ERROR_REFUSED, "%s", reason);
}
