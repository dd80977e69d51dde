#include "cli/ask.h"

#include "cli/client.h"
#include "cli/print.h"

int ask_print(const struct options *options, const char *method, cJSON *params, uint64_t limit_ns,
              void (*print)(const cJSON *), struct error *err)
{
    cJSON *result = NULL;
    bool answered = client_call(options->config.run_dir, method, params, limit_ns, &result, err);
    cJSON_Delete(params);
    if (!answered) {
        return STATUS_FAILED;
    }
    bool ok = true;
    if (options->json) {
        ok = print_json(result) || error_set(err, ERROR_SYSTEM, "no memory for the answer");
    } else if (print != NULL) {
        print(result);
    }
    cJSON_Delete(result);
    return ok ? 0 : STATUS_FAILED;
}

int ask_no_memory(cJSON *params, struct error *err)
{
    cJSON_Delete(params);
    error_set(err, ERROR_SYSTEM, "no memory for a request");
    return STATUS_FAILED;
}
