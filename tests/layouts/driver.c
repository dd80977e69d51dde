/* Carries the state of an old library over to a new one, in each way that there is.
 *
 *     layouts-driver INSPECT OLD NEW [statics]
 *
 * The old library fills its state (pair_call.h); for each way the new one is loaded afresh, gets
 * it, and is asked to check it. Lines on stdout: the way, what it is about, and a text, between
 * tabs.
 *
 *     -      refused    why there is no plan
 *     -      place      kept, or moved
 *     move   added ...  a finding
 *     move   fails      an expectation
 *     move   error      why it went wrong
 *     move   json       the new state
 */
#include "codec/decode.h"
#include "codec/encode.h"
#include "layout/findings.h"
#include "layout/heap.h"
#include "moves/plan.h"
#include "pair_call.h"
#include "reader.h"
#include "side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trial {
    const char *path; /* of the new library */
    bool statics;
    struct layout *from, *to;
    struct plan *plan;
    struct side old;
    struct text json; /* of the old state */
    bool failed;
};

static const char *const kinds[FINDING_COUNT] = {"added", "dropped", "converted",
                                                 "lost",  "rounded", "kept"};

static void print(const char *way, const char *what, const char *text)
{
    (void)printf("%s\t%s\t", way, what);
    for (; *text != '\0'; text++) {
        (void)putchar(*text == '\n' || *text == '\t' ? ' ' : *text);
    }
    (void)putchar('\n');
}

static void print_findings(const char *way, const struct findings *findings)
{
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        const struct text *list = &findings->list[kind];
        for (size_t at = 0; at < list->len; at += strlen(list->data + at) + 1) {
            print(way, kinds[kind], list->data + at);
        }
        size_t more = findings_more(findings, (enum finding)kind);
        if (more > 0) {
            (void)printf("%s\t%s\t%zu more\n", way, kinds[kind], more);
        }
    }
}

static bool write_text(void *ctx, const char *text, size_t len)
{
    return text_append(ctx, text, len);
}

static bool encode(const struct image *image, bool statics, bool exact, struct text *out,
                   struct error *err)
{
    const struct encode_wanted wanted = {.statics = statics, .exact = exact};
    return encode_image(image, &wanted, write_text, out, err);
}

/* ---- the ways ---- */

static bool by_moves(struct trial *trial, struct side *side, struct findings *findings,
                     struct error *err)
{
    struct image image = side_image(&trial->old);
    struct target target = side_target(side, trial->statics);
    plan_tell(trial->plan, findings);
    return plan_move(trial->plan, &image, &target, findings, err);
}

/* From a copy of all bytes, as a snapshot has them. */
static bool by_a_copy(struct trial *trial, struct side *side, struct findings *findings,
                      struct error *err)
{
    struct image live = side_image(&trial->old), image;
    struct target target = side_target(side, trial->statics);
    struct image_head head;
    struct image_part parts[IMAGE_PARTS];
    struct text bytes = {0};
    unsigned char *variables = calloc(1, (size_t)trial->from->head->variables_size + 1);
    size_t count = image_parts(&live, &head, trial->statics ? variables : NULL, parts);
    for (size_t i = 0; i < count; i++) {
        (void)text_append(&bytes, parts[i].bytes, parts[i].len);
    }
    plan_tell(trial->plan, findings);
    bool ok = image_read(&image, bytes.data, bytes.len, trial->from, err) &&
              plan_move(trial->plan, &image, &target, findings, err);
    free(variables);
    text_finish(&bytes);
    return ok;
}

static bool by_json(struct trial *trial, struct side *side, bool same_process,
                    struct findings *findings, struct error *err)
{
    struct target target = side_target(side, trial->statics);
    struct decode_given given = {.same_process = same_process, .objects = true};
    return decode_state(trial->json.data, trial->json.len, &given, &target, findings, err);
}

static bool carry(struct trial *trial, enum pair_way way, struct side *side,
                  struct findings *findings, struct error *err)
{
    switch (way) {
    case PAIR_MOVE:
        return by_moves(trial, side, findings, err);
    case PAIR_DEAD:
        return by_a_copy(trial, side, findings, err);
    case PAIR_PLACE: {
        struct image image = side_image(&trial->old);
        struct target target = side_target(side, trial->statics);
        size_t count;
        const uint32_t *types = plan_types(trial->plan, &count);
        target.state = trial->old.state;
        target.heap = trial->old.heap;
        if (!plan_rebind(trial->plan, &image, &target, findings, err)) {
            return false;
        }
        heap_retype(trial->old.heap, types, count);
        return true;
    }
    default:
        return by_json(trial, side, way == PAIR_JSON, findings, err);
    }
}

static void go(struct trial *trial, enum pair_way way, unsigned slot, const char *name)
{
    struct side side = {0};
    struct findings findings = {0};
    struct text json = {0};
    struct error err;
    unsigned char *state;
    struct image image;
    if (!side_start(&side, slot, trial->path, trial->to, &err) ||
        !carry(trial, way, &side, &findings, &err)) {
        print(name, "error", err.text);
        goto done;
    }
    image = side_image(&side);
    state = side.state;
    if (way == PAIR_PLACE) {
        state = image.state = trial->old.state;
        image.state_address = (uintptr_t)state;
        image.objects = trial->old.heap;
    }
    print_findings(name, &findings);
    if (!encode(&image, trial->statics, false, &json, &err)) {
        print(name, "error", err.text);
        goto done;
    }
    print(name, "json", json.data);
    (void)side_call(&side, PAIR_CHECK, state, way, name, trial->old.base);
done:
    text_finish(&json);
    findings_finish(&findings);
    side_finish(&side);
}

static bool prepare(struct trial *trial, struct reader *reader, const char *old, const char *new,
                    struct error *err)
{
    trial->path = new;
    trial->from = reader_layout(reader, old, trial->statics, err);
    trial->to = trial->from == NULL ? NULL : reader_layout(reader, new, trial->statics, err);
    if (trial->to == NULL || (trial->plan = plan_create(trial->from, trial->to, err)) == NULL) {
        return false;
    }
    return true;
}

static bool fill(struct trial *trial, const char *old, struct error *err)
{
    if (!side_start(&trial->old, 0, old, trial->from, err)) {
        return false;
    }
    (void)side_call(&trial->old, PAIR_FILL, trial->old.state, 0, "fill", trial->old.base);
    struct image image = side_image(&trial->old);
    return encode(&image, trial->statics, true, &trial->json, err);
}

static void go_all(struct trial *trial)
{
    struct image image = side_image(&trial->old);
    bool kept = plan_keeps_state(trial->plan) && plan_keeps_heap(trial->plan, &image);
    print("-", "place", kept ? "kept" : "moved");
    print("old", "json", trial->json.data);
    go(trial, PAIR_MOVE, 1, "move");
    go(trial, PAIR_DEAD, 2, "dead");
    go(trial, PAIR_JSON, 3, "json");
    go(trial, PAIR_FILE, 4, "file");
    if (kept) {
        go(trial, PAIR_PLACE, 5, "place"); /* the last: it changes what the others read */
    }
}

int main(int argc, char **argv)
{
    struct trial trial = {.statics = argc > 4 && strcmp(argv[4], "statics") == 0};
    struct error err;
    if (argc < 4) {
        (void)fprintf(stderr, "usage: layouts-driver INSPECT OLD NEW [statics]\n");
        return 2;
    }
    struct reader *reader = reader_create(argv[1], &err);
    int status = 0;
    if (reader == NULL) {
        print("-", "error", err.text);
        status = 1;
    } else if (!prepare(&trial, reader, argv[2], argv[3], &err)) {
        print("-", "refused", err.text);
    } else if (!fill(&trial, argv[2], &err)) {
        print("old", "error", err.text);
        status = 1;
    } else {
        go_all(&trial);
    }
    side_finish(&trial.old);
    plan_destroy(trial.plan);
    layout_drop(&trial.from);
    layout_drop(&trial.to);
    text_finish(&trial.json);
    reader_destroy(reader);
    return status;
}
