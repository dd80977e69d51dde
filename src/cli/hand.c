#include "cli/hand.h"

#include "base/text.h"
#include "cli/ask.h"
#include "cli/client.h"
#include "cli/print.h"
#include "state/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_MOST 1000000000000000ULL

static int usage(struct error *err, const char *what)
{
    error_set(err, ERROR_USAGE, "%s", what);
    return STATUS_USAGE;
}

/* ---- rate ---- */

static void print_rate(const cJSON *result)
{
    const cJSON *rate = cJSON_GetObjectItemCaseSensitive(result, "rate");
    if (cJSON_IsString(rate)) {
        printf("rate  %s\n", rate->valuestring);
    } else {
        printf("rate  %g Hz\n", rate == NULL ? 0 : rate->valuedouble);
    }
}

int hand_rate(const struct options *options, struct log *log, struct error *err)
{
    static const char *const words[] = {[RATE_MAX] = "max", [RATE_ONCE] = "once"};
    struct config config;
    (void)log;
    if (options->word_count == 0) {
        return usage(err, "rate: expected steps a second, `max` or `once` behind it");
    }
    if (!config_init(&config, err)) {
        return STATUS_FAILED;
    }
    /* By the rules of --rate. */
    bool ok = config_set(&config, "step.rate", options->words[0], "rate", err);
    enum rate_kind kind = config.rate;
    double hz = config.rate_hz;
    config_finish(&config);
    if (!ok) {
        return STATUS_USAGE;
    }
    cJSON *params = cJSON_CreateObject();
    bool made = kind == RATE_HZ ? cJSON_AddNumberToObject(params, "rate", hz) != NULL
                                : cJSON_AddStringToObject(params, "rate", words[kind]) != NULL;
    return made ? ask_print(options, "rate", params, CLIENT_TIMEOUT_NS, print_rate, err)
                : ask_no_memory(params, err);
}

/* ---- log ---- */

static void print_level(const cJSON *result)
{
    const cJSON *level = cJSON_GetObjectItemCaseSensitive(result, "level");
    printf("log level  %s\n", cJSON_IsString(level) ? level->valuestring : "");
}

int hand_log(const struct options *options, struct log *log, struct error *err)
{
    enum log_level level;
    (void)log;
    if (options->word_count == 0) {
        return usage(err, "log: expected trace, debug, info, warn or error behind it");
    }
    if (!log_level_parse(options->words[0], &level)) {
        error_set(err, ERROR_USAGE,
                  "log: expected trace, debug, info, warn or error, found \"%.40s\"",
                  options->words[0]);
        return STATUS_USAGE;
    }
    cJSON *params = cJSON_CreateObject();
    return cJSON_AddStringToObject(params, "level", options->words[0]) != NULL
               ? ask_print(options, "log", params, CLIENT_TIMEOUT_NS, print_level, err)
               : ask_no_memory(params, err);
}

/* ---- send ---- */

int hand_send(const struct options *options, struct log *log, struct error *err)
{
    struct text reply = {0};
    struct error why;
    (void)log;
    if (options->word_count == 0 || options->words[0][0] == '\0') {
        return usage(err, "send: expected a name behind it, and JSON behind that if you like");
    }
    const char *json = options->word_count > 1 ? options->words[1] : NULL;
    if (json != NULL && !json_check(json, strlen(json), &why)) {
        error_set(err, ERROR_USAGE, "send: %.200s is no JSON: %s; a text has quotes: '\"text\"'",
                  json, why.text);
        return STATUS_USAGE;
    }
    cJSON *params = cJSON_CreateObject();
    if (cJSON_AddStringToObject(params, "name", options->words[0]) == NULL ||
        (json != NULL && cJSON_AddStringToObject(params, "json", json) == NULL)) {
        return ask_no_memory(params, err);
    }
    bool ok =
        client_call_text(options->config.run_dir, "send", params, CLIENT_TIMEOUT_NS, &reply, err) &&
        print_member(&reply, options->json ? "" : "/reply", err);
    cJSON_Delete(params);
    text_finish(&reply);
    return ok ? 0 : STATUS_FAILED;
}

/* ---- rewind ---- */

/* Where nothing had run so far the library is started, and the outcome is that of a save. */
static void print_rewound(const cJSON *result)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(result, "id");
    if (cJSON_GetObjectItemCaseSensitive(result, "outcome") != NULL) {
        (void)print_reload(result, false);
        return;
    }
    if (cJSON_IsNumber(id)) {
        printf("snapshot %.0f  ", id->valuedouble);
    }
    print_place(result);
}

int hand_rewind(const struct options *options, struct log *log, struct error *err)
{
    char *end = NULL;
    (void)log;
    cJSON *params = cJSON_CreateObject();
    if (options->word_count > 0) {
        const char *word = options->words[0];
        unsigned long long id = strtoull(word, &end, 10);
        if (*end != '\0' || end == word || word[0] == '-' || id < 1 || id > ID_MOST) {
            cJSON_Delete(params);
            error_set(err, ERROR_USAGE,
                      "rewind: expected the number of a snapshot, as `hotrun history` lists them, "
                      "found \"%.40s\"",
                      word);
            return STATUS_USAGE;
        }
        if (cJSON_AddNumberToObject(params, "id", (double)id) == NULL) {
            return ask_no_memory(params, err);
        }
    }
    return ask_print(options, "rewind", params, CLIENT_TIMEOUT_NS, print_rewound, err);
}
