/* A particle on a line, whose state crosses a reload as JSON: the struct may change. */
#include <cJSON.h>
#include <hotrun/hotrun.h>

#include <string.h>

struct particle {
    double x;
    double vx;
};

static hotrun_status init(const hotrun_host *host, void *state)
{
    (void)host;
    *(struct particle *)state = (struct particle){.x = 0.5, .vx = 0.1};
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct particle *particle = state;
    particle->x += particle->vx * (double)now->dt_ns * 1e-9;
    if (particle->x < 0 || particle->x > 1) {
        particle->x = particle->x < 0 ? 0 : 1;
        particle->vx = -particle->vx;
    }
    if (now->index % 60 == 0)
        hotrun_logf(host, HOTRUN_LOG_INFO, "x %.3f", particle->x);
    return HOTRUN_OK;
}

static hotrun_status serialize(const hotrun_host *host, const void *state,
                               const hotrun_writer *writer)
{
    const struct particle *particle = state;
    hotrun_status status = HOTRUN_ERR_NOMEM;
    char *text = NULL;
    cJSON *json = cJSON_CreateObject();
    (void)host;
    if (cJSON_AddNumberToObject(json, "x", particle->x) &&
        cJSON_AddNumberToObject(json, "vx", particle->vx))
        text = cJSON_PrintUnformatted(json);
    if (text)
        status = writer->write(writer, text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(json);
    return status;
}

/* A key that is missing leaves what init has set. */
static void read_number(const cJSON *json, const char *key, double *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    if (cJSON_IsNumber(item))
        *value = item->valuedouble;
}

static hotrun_status deserialize(const hotrun_host *host, void *state, const char *text, size_t len,
                                 uint32_t from_version)
{
    struct particle *particle = state;
    cJSON *json = cJSON_ParseWithLength(text, len);
    (void)from_version;
    if (!cJSON_IsObject(json)) {
        host->log(host, HOTRUN_LOG_ERROR, "the state is not a JSON object");
        cJSON_Delete(json);
        return HOTRUN_ERR_SCHEMA;
    }
    read_number(json, "x", &particle->x);
    read_number(json, "vx", &particle->vx);
    cJSON_Delete(json);
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct particle, .name = "particle", .state_version = 1, .init = init, .step = step,
              .serialize = serialize, .deserialize = deserialize);
