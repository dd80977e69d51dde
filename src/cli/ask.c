#include "cli/ask.h"

#include "cli/client.h"
#include "cli/print.h"

int ask_print(const struct options *options, const char *method, cJSON *params, uint64_t limit_ns,
              void (*print)(const cJSON *), struct error *err)
{
    const char *run_dir = options->config.run_dir;
    cJSON *result = NULL;
    struct text text = {0};
    bool ok;
    if (options->json) { /* as it was written: cJSON has no more than 53 bits for a number */
        ok = client_call_text(run_dir, method, params, limit_ns, &text, err) &&
             print_member(&text, "", err);
    } else {
        ok = client_call(run_dir, method, params, limit_ns, &result, err);
    }
    if (result != NULL && print != NULL) {
        print(result);
    }
    text_finish(&text);
    cJSON_Delete(result);
    cJSON_Delete(params);
    return ok ? 0 : STATUS_FAILED;
}

int ask_no_memory(cJSON *params, struct error *err)
{
    cJSON_Delete(params);
    error_set(err, ERROR_SYSTEM, "no memory for a request");
    return STATUS_FAILED;
}
