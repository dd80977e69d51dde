/* A state of structs as JSON: from its layout, as hotrun writes it, or from a cJSON tree of the
 * same. state_json layout|cjson MEGABYTES prints the time in ns, the bytes of JSON, and the most
 * memory that the process had beside the state, in KB. */
#define _GNU_SOURCE
#include "base/hash.h"
#include "base/text.h"
#include "codec/encode.h"
#include "layout/draft.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum mood {
    MOOD_CALM,
    MOOD_WILD
};

struct body { /* 80 bytes */
    char name[16];
    double x, y, vx, vy;
    float radius, mass;
    int id, hits;
    long score;
    enum mood mood;
    bool alive;
};

static const char *const moods[] = {"MOOD_CALM", "MOOD_WILD"};

/* Numbers as a simulation has them: with all their digits. */
static struct body *fill(size_t count)
{
    struct body *bodies = calloc(count, sizeof *bodies);
    for (size_t i = 0; bodies != NULL && i < count; i++) {
        double turn = (double)i * 0.61803398874989484;
        (void)snprintf(bodies[i].name, sizeof bodies[i].name, "body %u", (unsigned)i % 1000000);
        bodies[i].x = turn * 7.3;
        bodies[i].y = 1000 / (turn + 1);
        bodies[i].vx = 1 / (turn + 3);
        bodies[i].vy = -bodies[i].vx / 3;
        bodies[i].radius = (float)(turn * 0.37);
        bodies[i].mass = 1.5F;
        bodies[i].id = (int)i;
        bodies[i].hits = (int)(i % 7);
        bodies[i].score = (long)i * 1000003;
        bodies[i].mood = i % 3 == 0 ? MOOD_WILD : MOOD_CALM;
        bodies[i].alive = i % 2 == 0;
    }
    return bodies;
}

static uint32_t scalar(struct draft *draft, uint32_t kind, uint64_t size)
{
    uint32_t number = draft_reserve(draft);
    draft_fill(draft, number,
               &(struct layout_type){.kind = kind,
                                     .flags = kind == LAYOUT_CHAR ? LAYOUT_SIGNED : 0,
                                     .target = LAYOUT_NONE,
                                     .size = size,
                                     .align = (uint32_t)size},
               NULL, NULL);
    return number;
}

static uint32_t array(struct draft *draft, uint32_t element, uint64_t count)
{
    const struct layout_type *of = draft_type(draft, element);
    const struct layout_type type = {.kind = LAYOUT_ARRAY,
                                     .target = element,
                                     .size = of->size * count,
                                     .elements = count,
                                     .align = of->align};
    uint32_t number = draft_reserve(draft);
    draft_fill(draft, number, &type, NULL, NULL);
    return number;
}

static uint32_t mood_type(struct draft *draft)
{
    const struct layout_enumerator words[] = {{draft_string(draft, moods[0]), 0, 0},
                                              {draft_string(draft, moods[1]), 0, 1}};
    uint32_t number = draft_reserve(draft);
    draft_fill(draft, number,
               &(struct layout_type){.kind = LAYOUT_ENUM,
                                     .name = draft_string(draft, "mood"),
                                     .count = 2,
                                     .target = LAYOUT_NONE,
                                     .size = sizeof(enum mood),
                                     .align = 4},
               NULL, words);
    return number;
}

#define FIELD(field, its_type)                                                                     \
    {                                                                                              \
        .name = draft_string(draft, #field), .type = (its_type), .old_name = LAYOUT_NONE,          \
        .offset = offsetof(struct body, field)                                                     \
    }

static struct layout *make_layout(size_t count)
{
    struct draft *draft = draft_create();
    uint32_t d = scalar(draft, LAYOUT_FLOAT, 8), f = scalar(draft, LAYOUT_FLOAT, 4);
    uint32_t i = scalar(draft, LAYOUT_INT, 4);
    const struct layout_field fields[] = {
        FIELD(name, array(draft, scalar(draft, LAYOUT_CHAR, 1), 16)),
        FIELD(x, d),
        FIELD(y, d),
        FIELD(vx, d),
        FIELD(vy, d),
        FIELD(radius, f),
        FIELD(mass, f),
        FIELD(id, i),
        FIELD(hits, i),
        FIELD(score, scalar(draft, LAYOUT_INT, 8)),
        FIELD(mood, mood_type(draft)),
        FIELD(alive, scalar(draft, LAYOUT_BOOL, 1))};
    const struct layout_type body = {.kind = LAYOUT_STRUCT,
                                     .name = draft_string(draft, "body"),
                                     .count = sizeof fields / sizeof fields[0],
                                     .target = LAYOUT_NONE,
                                     .size = sizeof(struct body),
                                     .align = 8};
    struct text block = {0};
    struct error err;
    uint32_t type = draft_reserve(draft);
    draft_fill(draft, type, &body, fields, NULL);
    struct layout *layout =
        draft_finish(draft, array(draft, type, count), &(struct draft_library){0}, &block, &err)
            ? layout_open(block.data, block.len, &err)
            : NULL;
    text_finish(&block);
    draft_destroy(draft);
    return layout;
}

struct taken {
    size_t len;
    uint64_t mixed; /* so that somebody has read it */
};

static bool take(void *ctx, const char *text, size_t len)
{
    struct taken *taken = ctx;
    taken->len += len;
    taken->mixed ^= hash_bytes(text, len);
    return true;
}

static size_t by_layout(struct body *bodies, size_t count)
{
    struct layout *layout = make_layout(count);
    struct error err;
    struct taken taken = {0};
    struct image image = {.layout = layout,
                          .state = (unsigned char *)bodies,
                          .state_size = count * sizeof *bodies,
                          .state_address = 4096};
    bool ok = layout != NULL &&
              encode_image(&image, &(struct encode_wanted){.statics = true}, take, &taken, &err);
    layout_drop(&layout);
    return ok ? taken.len : 0;
}

static size_t by_tree(const struct body *bodies, size_t count)
{
    cJSON *all = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++) {
        const struct body *body = &bodies[i];
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "name", body->name);
        cJSON_AddNumberToObject(one, "x", body->x);
        cJSON_AddNumberToObject(one, "y", body->y);
        cJSON_AddNumberToObject(one, "vx", body->vx);
        cJSON_AddNumberToObject(one, "vy", body->vy);
        cJSON_AddNumberToObject(one, "radius", (double)body->radius);
        cJSON_AddNumberToObject(one, "mass", (double)body->mass);
        cJSON_AddNumberToObject(one, "id", body->id);
        cJSON_AddNumberToObject(one, "hits", body->hits);
        cJSON_AddNumberToObject(one, "score", (double)body->score);
        cJSON_AddStringToObject(one, "mood", moods[body->mood]);
        cJSON_AddBoolToObject(one, "alive", body->alive);
        cJSON_AddItemToArray(all, one);
    }
    char *text = cJSON_PrintUnformatted(all);
    struct taken taken = {0};
    if (text != NULL) {
        (void)take(&taken, text, strlen(text));
    }
    free(text);
    cJSON_Delete(all);
    return taken.len;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static long memory_kb(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    size_t count = argc < 3 ? 0 : strtoull(argv[2], NULL, 10) * 1000000 / sizeof(struct body);
    struct body *bodies = count == 0 ? NULL : fill(count);
    if (bodies == NULL) {
        (void)fprintf(stderr, "usage: state_json layout|cjson MEGABYTES\n");
        return 2;
    }
    long before_kb = memory_kb();
    uint64_t begun = now_ns();
    size_t len = argv[1][0] == 'l' ? by_layout(bodies, count) : by_tree(bodies, count);
    uint64_t took = now_ns() - begun;
    printf("%llu %zu %ld\n", (unsigned long long)took, len, memory_kb() - before_kb);
    free(bodies);
    return len == 0;
}
