/* What moving a state to another layout costs, and in the same run a memcpy of as many bytes. For
 * each of three states it prints the ns of moving and of memcpy, the median of some rounds:
 *
 *     structs    32 MB of structs: fields reordered, one added, one widened, one made a float
 *     fields     one struct of 100 fields in another order, with the comparing of the layouts
 *     nodes      100,000 linked heap objects whose struct has got a field (memcpy: of their bytes)
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "layout/draft.h"
#include "layout/heap.h"
#include "moves/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 15
#define NODES  100000
#define FIELDS 100
#define MARK   64

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void *checked(void *made, const char *what)
{
    if (made == NULL) {
        (void)fprintf(stderr, "moving: no %s\n", what);
        exit(1);
    }
    return made;
}

/* ---- layouts ---- */

struct member {
    const char *name;
    enum layout_kind kind;
    uint64_t size;
};

static uint32_t scalar(struct draft *draft, enum layout_kind kind, uint64_t size, uint32_t target)
{
    uint32_t number = draft_reserve(draft);
    struct layout_type type = {.kind = kind, .target = target, .size = size, .align = 8};
    draft_fill(draft, number, &type, NULL, NULL);
    return number;
}

/* A struct of these members, one behind the other at multiples of their sizes. */
static void define(struct draft *draft, uint32_t number, const char *name,
                   const struct member *members, uint32_t count)
{
    struct layout_field *fields = checked(calloc(count, sizeof *fields), "memory");
    struct layout_type type = {.kind = LAYOUT_STRUCT,
                               .name = draft_string(draft, name),
                               .count = count,
                               .target = LAYOUT_NONE,
                               .align = 8};
    for (uint32_t i = 0; i < count; i++) {
        uint64_t size = members[i].size;
        type.size = (type.size + size - 1) / size * size;
        fields[i].name = draft_string(draft, members[i].name);
        fields[i].type = scalar(draft, members[i].kind, size,
                                members[i].kind == LAYOUT_POINTER ? number : LAYOUT_NONE);
        fields[i].old_name = LAYOUT_NONE;
        fields[i].offset = type.size;
        type.size += size;
    }
    type.size = (type.size + 7) / 8 * 8;
    draft_fill(draft, number, &type, fields, NULL);
    free(fields);
}

static struct layout *finish(struct draft *draft, uint32_t state)
{
    struct text block = {0};
    struct error err = {0};
    struct layout *layout = NULL;
    if (draft_finish(draft, state, &(struct draft_library){.span = 4096}, &block, &err)) {
        layout = layout_open(block.data, block.len, &err);
    }
    draft_destroy(draft);
    text_finish(&block);
    return checked(layout, err.text);
}

/* ---- moving ---- */

struct trial {
    struct layout *from, *to;
    unsigned char *old, *fresh;
    struct image image;
    struct target target;
    uint64_t moved[ROUNDS], copied[ROUNDS];
};

static void prepare(struct trial *trial, struct layout *from, struct layout *to)
{
    *trial = (struct trial){.from = from, .to = to};
    size_t old = (size_t)layout_state(from)->size, fresh = (size_t)layout_state(to)->size;
    trial->old = checked(malloc(old), "memory");
    trial->fresh = checked(malloc(fresh), "memory");
    memset(trial->old, 1, old);
    memset(trial->fresh, 1, fresh);
    trial->image = (struct image){.layout = from,
                                  .state = trial->old,
                                  .state_size = old,
                                  .state_address = (uint64_t)(uintptr_t)trial->old,
                                  .alive = true};
    trial->target = (struct target){.layout = to, .state = trial->fresh};
}

static uint64_t move(struct trial *trial)
{
    struct findings findings = {0};
    struct error err = {0};
    uint64_t begun = now_ns();
    struct plan *plan = checked(plan_create(trial->from, trial->to, &err), err.text);
    plan_tell(plan, &findings);
    if (!plan_move(plan, &trial->image, &trial->target, &findings, &err)) {
        (void)checked(NULL, err.text);
    }
    plan_destroy(plan);
    uint64_t took = now_ns() - begun;
    findings_finish(&findings);
    return took;
}

static uint64_t copy(unsigned char *to, const unsigned char *from, size_t len)
{
    uint64_t begun = now_ns();
    memcpy(to, from, len);
    __asm__ volatile("" : : "r"(to) : "memory"); /* somebody could read it */
    return now_ns() - begun;
}

static int by_size(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static void print(struct trial *trial, const char *name)
{
    qsort(trial->moved, ROUNDS, sizeof trial->moved[0], by_size);
    qsort(trial->copied, ROUNDS, sizeof trial->copied[0], by_size);
    (void)printf("%s %llu %llu\n", name, (unsigned long long)trial->moved[ROUNDS / 2],
                 (unsigned long long)trial->copied[ROUNDS / 2]);
    layout_drop(&trial->from);
    layout_drop(&trial->to);
    free(trial->old);
    free(trial->fresh);
}

/* ---- the three ---- */

static struct layout *array_of(const struct member *members, uint32_t count, uint64_t bytes)
{
    struct draft *draft = checked(draft_create(), "memory");
    uint32_t element = draft_reserve(draft), array = draft_reserve(draft);
    define(draft, element, "item", members, count);
    uint64_t size = draft_type(draft, element)->size;
    struct layout_type type = {.kind = LAYOUT_ARRAY,
                               .target = element,
                               .size = bytes / 64 * size,
                               .elements = bytes / 64,
                               .align = 8};
    draft_fill(draft, array, &type, NULL, NULL);
    return finish(draft, array);
}

static void structs(void)
{
    static const struct member old[] = {
        {"id", LAYOUT_INT, 4},  {"hp", LAYOUT_INT, 4},  {"x", LAYOUT_FLOAT, 8},
        {"y", LAYOUT_FLOAT, 8}, {"z", LAYOUT_FLOAT, 8}, {"flags", LAYOUT_UINT, 8},
        {"t", LAYOUT_FLOAT, 8}, {"u", LAYOUT_FLOAT, 8}, {"v", LAYOUT_FLOAT, 8}};
    static const struct member fresh[] = {{"flags", LAYOUT_UINT, 8}, {"x", LAYOUT_FLOAT, 8},
                                          {"y", LAYOUT_FLOAT, 8},    {"z", LAYOUT_FLOAT, 8},
                                          {"id", LAYOUT_INT, 8},     {"hp", LAYOUT_FLOAT, 4},
                                          {"more", LAYOUT_INT, 4},   {"t", LAYOUT_FLOAT, 8},
                                          {"u", LAYOUT_FLOAT, 8},    {"v", LAYOUT_FLOAT, 8}};
    size_t size = (size_t)32 << 20;
    struct trial trial;
    prepare(&trial, array_of(old, 9, size), array_of(fresh, 10, size));
    for (size_t i = 0; i < size / 64; i++) { /* all of them small, so that nothing is lost */
        memcpy(trial.old + i * 64 + 4, &(int){(int)i}, sizeof(int));
    }
    for (int i = 0; i < ROUNDS; i++) {
        trial.copied[i] = copy(trial.fresh, trial.old, size);
        trial.moved[i] = move(&trial);
    }
    print(&trial, "structs");
}

static struct layout *shuffled(uint32_t step)
{
    struct member members[FIELDS];
    static char names[FIELDS][16];
    for (uint32_t i = 0; i < FIELDS; i++) {
        uint32_t number = i * step % FIELDS;
        (void)snprintf(names[number], sizeof names[number], "field_%u", number);
        members[i] = (struct member){names[number], LAYOUT_INT, number % 2 == 0 ? 4 : 8};
    }
    struct draft *draft = checked(draft_create(), "memory");
    uint32_t state = draft_reserve(draft);
    define(draft, state, "state", members, FIELDS);
    return finish(draft, state);
}

static void fields(void)
{
    struct trial trial;
    prepare(&trial, shuffled(1), shuffled(37));
    for (int i = 0; i < ROUNDS; i++) {
        trial.copied[i] = copy(trial.fresh, trial.old, (size_t)layout_state(trial.from)->size);
        trial.moved[i] = move(&trial);
    }
    print(&trial, "fields");
}

static struct layout *list_of(const struct member *members, uint32_t count)
{
    static const struct member first[] = {{"first", LAYOUT_POINTER, 8}};
    struct draft *draft = checked(draft_create(), "memory");
    uint32_t node = draft_reserve(draft), state = draft_reserve(draft);
    define(draft, node, "node", members, count);
    define(draft, state, "state", first, 1);
    draft_mark(draft, MARK, node);
    return finish(draft, state);
}

static void nodes(void)
{
    static const struct member old[] = {{"next", LAYOUT_POINTER, 8},
                                        {"prev", LAYOUT_POINTER, 8},
                                        {"value", LAYOUT_INT, 8},
                                        {"rest", LAYOUT_INT, 8}};
    static const struct member fresh[] = {{"value", LAYOUT_INT, 8},
                                          {"prev", LAYOUT_POINTER, 8},
                                          {"next", LAYOUT_POINTER, 8},
                                          {"more", LAYOUT_INT, 8},
                                          {"rest", LAYOUT_INT, 8}};
    struct node {
        struct node *next, *prev;
        long value, rest;
    } *last = NULL;
    struct trial trial;
    struct error err = {0};
    prepare(&trial, list_of(old, 4), list_of(fresh, 5));
    trial.image.objects =
        checked(heap_create(UINT64_C(0x551800000000), HEAP_SIZE_MAX, &err), err.text);
    for (long i = 0; i < NODES; i++) {
        struct node *node =
            checked(heap_alloc(trial.image.objects, LAYOUT_NONE, MARK, sizeof *node, 1, 8), "room");
        *node = (struct node){NULL, last, i, i};
        if (last != NULL) {
            last->next = node;
        } else {
            memcpy(trial.old, &node, sizeof(void *));
        }
        last = node;
    }
    heap_resolve(trial.image.objects, trial.from);
    const unsigned char *first = (const void *)(uintptr_t)heap_address(trial.image.objects);
    unsigned char *copies = checked(calloc(NODES, sizeof *last), "memory");
    for (int i = 0; i < ROUNDS; i++) {
        trial.target.heap =
            checked(heap_create(UINT64_C(0x559800000000), HEAP_SIZE_MAX, &err), err.text);
        trial.copied[i] = copy(copies, first, NODES * sizeof *last);
        trial.moved[i] = move(&trial);
        heap_destroy(trial.target.heap);
    }
    free(copies);
    heap_destroy(trial.image.objects);
    print(&trial, "nodes");
}

int main(void)
{
    structs();
    fields();
    nodes();
    return 0;
}
