#include "host/leftovers.h"

#include "../moves/scene.h"

#include "host/host.h"
#include "host/views.h"

/* What stays and what goes is computed once more here, on numbers in the place of addresses. Old
 * objects have the ids 0.., those that init makes come behind them. */

#define OLD_ADDRESS UINT64_C(0x551800000000)
#define NEW_ADDRESS UINT64_C(0x559800000000)

#define OLD                                                                                        \
    "struct node {int id; struct node *a; struct node *b;}; "                                      \
    "struct game {struct node *kept; struct node *gone; struct node *more; struct node *cache;}"
#define NEW                                                                                        \
    "struct node {struct node *b; i64 more; struct node *a; int id;}; "                            \
    "struct game {struct node *fresh; transient struct node *cache; struct node *more; "           \
    "struct node *kept;}"

#define MOST  24
#define WORDS 3 /* of the library's data */
#define NONE  (-1)

struct old_node {
    int id;
    struct old_node *a, *b;
};

struct node {
    struct node *b;
    int64_t unused;
    struct node *a;
    int id;
};

struct old_game {
    struct old_node *kept, *gone, *more, *cache;
};

struct game {
    struct node *fresh, *cache, *more, *kept;
};

struct trial {
    struct scene scene;
    struct generation generation;
    uint64_t seed;
    int old_count, count;         /* of ids */
    int a[2 * MOST], b[2 * MOST]; /* where the objects lead; NONE: nowhere */
    int kept, gone, more, cache;  /* where the old state leads */
    int fresh, new_cache, new[2]; /* where the new one does after init; more, kept */
    int data[WORDS];              /* where the library's data does */
    bool led_to[2 * MOST], stays[2 * MOST];
    struct node *made[2 * MOST]; /* what init made, by id */
};

static struct node *words[WORDS];

/* ---- in the place of the host ---- */

struct image views_image(struct generation *generation)
{
    return (struct image){.layout = generation->layout,
                          .state = generation->state,
                          .state_size = sizeof(struct game)};
}

void library_each_data(const struct library *library,
                       void (*visit)(void *ctx, const void *bytes, size_t size), void *ctx)
{
    (void)library;
    visit(ctx, words, sizeof words);
}

/* ---- the model ---- */

static void spread(const struct trial *trial, int id, bool *reached)
{
    if (id != NONE && !reached[id]) {
        reached[id] = true;
        spread(trial, trial->a[id], reached);
        spread(trial, trial->b[id], reached);
    }
}

static void spread_from_data(const struct trial *trial, bool *reached)
{
    for (int i = 0; i < WORDS; i++) {
        spread(trial, trial->data[i], reached);
    }
    spread(trial, trial->fresh, reached);
    spread(trial, trial->new_cache, reached);
}

static void predict(struct trial *trial)
{
    memset(trial->led_to, 0, sizeof trial->led_to);
    memset(trial->stays, 0, sizeof trial->stays);
    spread_from_data(trial, trial->led_to);
    spread(trial, trial->new[0], trial->led_to);
    spread(trial, trial->new[1], trial->led_to);
    spread_from_data(trial, trial->stays);
    spread(trial, trial->kept, trial->stays);
    spread(trial, trial->more, trial->stays);
    for (int i = trial->old_count; i < trial->count; i++) {
        if (!trial->led_to[i]) {
            spread(trial, i, trial->stays);
        }
    }
}

/* ---- chance ---- */

static int chance(struct trial *trial, int most)
{
    trial->seed = trial->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((trial->seed >> 33) % (uint64_t)most);
}

/* One of the ids, or NONE. */
static int some(struct trial *trial, int from, int to)
{
    return from == to || chance(trial, 3) == 0 ? NONE : from + chance(trial, to - from);
}

static void choose(struct trial *trial)
{
    int old = trial->old_count = chance(trial, MOST);
    int count = trial->count = old + chance(trial, MOST);
    for (int i = 0; i < count; i++) {
        int from = i < old ? 0 : old, to = i < old ? old : count;
        trial->a[i] = some(trial, from, to);
        trial->b[i] = chance(trial, 2) == 0 ? NONE : some(trial, from, to);
    }
    int *olds[] = {&trial->kept, &trial->gone, &trial->more, &trial->cache};
    int *news[] = {&trial->fresh, &trial->new_cache, &trial->new[0], &trial->new[1]};
    for (int i = 0; i < 4; i++) {
        *olds[i] = some(trial, 0, old);
        *news[i] = some(trial, old, count);
    }
    for (int i = 0; i < WORDS; i++) {
        trial->data[i] = some(trial, old, count);
    }
}

/* ---- the heaps ---- */

static struct layout *layout_of(const char *text)
{
    struct sketch sketch;
    sketch_begin(&sketch, text);
    uint32_t game = sketch.last;
    sketch_mark(&sketch, "struct node", 64);
    sketch.last = game;
    return sketch_end_with(&sketch, &(struct draft_library){.span = 4096});
}

static void *make(struct trial *trial, struct heap *heap, const struct layout *layout, size_t size)
{
    uint32_t type = layout_mark_at(layout, 64);
    void *hole = chance(trial, 4) == 0 ? heap_alloc(heap, type, 0, size, 1, 8) : NULL;
    void *object = heap_alloc(heap, type, 0, size, 1, 8);
    assert_non_null(object);
    (void)(hole != NULL && heap_free(heap, hole));
    return object;
}

static void make_old(struct trial *trial)
{
    struct scene *scene = &trial->scene;
    struct old_node *nodes[MOST + 1] = {NULL}; /* [id + 1] */
    for (int i = 0; i < trial->old_count; i++) {
        nodes[i + 1] = make(trial, scene->image.objects, scene->from, sizeof *nodes[i]);
    }
    for (int i = 0; i < trial->old_count; i++) {
        *nodes[i + 1] = (struct old_node){i, nodes[trial->a[i] + 1], nodes[trial->b[i] + 1]};
    }
    *(struct old_game *)(void *)scene->old =
        (struct old_game){nodes[trial->kept + 1], nodes[trial->gone + 1], nodes[trial->more + 1],
                          nodes[trial->cache + 1]};
}

static struct node *made(const struct trial *trial, int id)
{
    return id == NONE ? NULL : trial->made[id];
}

/* What init does. */
static void make_new(struct trial *trial)
{
    struct scene *scene = &trial->scene;
    for (int i = trial->old_count; i < trial->count; i++) {
        trial->made[i] = make(trial, scene->target.heap, scene->to, sizeof *trial->made[i]);
    }
    for (int i = trial->old_count; i < trial->count; i++) {
        trial->made[i]->id = i;
        trial->made[i]->a = made(trial, trial->a[i]);
        trial->made[i]->b = made(trial, trial->b[i]);
    }
    *(struct game *)(void *)scene->fresh =
        (struct game){made(trial, trial->fresh), made(trial, trial->new_cache),
                      made(trial, trial->new[0]), made(trial, trial->new[1])};
    for (int i = 0; i < WORDS; i++) {
        words[i] = made(trial, trial->data[i]);
    }
}

static void start(struct trial *trial, uint64_t seed)
{
    struct scene *scene = &trial->scene;
    *trial = (struct trial){.seed = seed};
    scene_start_with(scene, layout_of(OLD), layout_of(NEW));
    assert_int_equal(layout_state(scene->from)->size, sizeof(struct old_game));
    assert_int_equal(layout_state(scene->to)->size, sizeof(struct game));
    scene->image.objects = heap_create(OLD_ADDRESS, HEAP_SIZE_MAX, &scene->err);
    scene->target.heap = heap_create(NEW_ADDRESS, HEAP_SIZE_MAX, &scene->err);
    assert_true(scene->image.objects != NULL && scene->target.heap != NULL);
    trial->generation =
        (struct generation){.layout = scene->to, .state = scene->fresh, .heap = scene->target.heap};
}

static void end(struct trial *trial)
{
    heap_destroy(trial->scene.image.objects);
    heap_destroy(trial->scene.target.heap);
    scene_end(&trial->scene);
}

/* ---- comparing ---- */

static void see(const struct trial *trial, const struct node *node, int id, bool *seen)
{
    if (id == NONE) {
        assert_null(node);
        return;
    }
    assert_non_null(node);
    assert_int_equal(node->id, id);
    if (!seen[id]) {
        seen[id] = true;
        see(trial, node->a, trial->a[id], seen);
        see(trial, node->b, trial->b[id], seen);
    }
}

/* Each pointer leads to what it led to. */
static void compare_pointers(const struct trial *trial)
{
    const struct game *game = (const void *)trial->scene.fresh;
    bool seen[2 * MOST] = {false};
    see(trial, game->kept, trial->kept, seen);
    see(trial, game->more, trial->more, seen);
    see(trial, game->fresh, trial->fresh, seen);
    see(trial, game->cache, trial->new_cache, seen);
    for (int i = 0; i < WORDS; i++) {
        see(trial, words[i], trial->data[i], seen);
    }
    /* What init made may be known to anybody. */
    for (int i = trial->old_count; i < trial->count; i++) {
        see(trial, trial->made[i], i, seen);
    }
}

static void compare_objects(const struct trial *trial)
{
    bool found[2 * MOST] = {false};
    struct heap_view view;
    assert_true(heap_look(&view, trial->scene.target.heap));
    for (size_t i = 0; i < view.count; i++) {
        const struct node *node = (const void *)(view.bytes + view.objects[i].offset);
        if (node->id >= 0) {
            assert_in_range(node->id, 0, trial->count - 1);
            assert_false(found[node->id]);
            found[node->id] = true;
        }
    }
    heap_close(&view);
    for (int i = 0; i < trial->count; i++) {
        if (found[i] != trial->stays[i]) {
            fail_msg("object %d of %d and %d %s", i, trial->old_count,
                     trial->count - trial->old_count, found[i] ? "is still there" : "is gone");
        }
    }
}

/* The module goes on. */
static void use(struct trial *trial)
{
    for (int i = 0; i < 2 * MOST; i++) {
        struct node *node = make(trial, trial->scene.target.heap, trial->scene.to, sizeof *node);
        memset(node, 0xff, sizeof *node);
    }
}

static void play(uint64_t seed)
{
    struct trial trial;
    struct leftovers leftovers = {0};
    start(&trial, seed);
    choose(&trial);
    predict(&trial);
    make_old(&trial);
    make_new(&trial);
    leftovers_note(&leftovers, &trial.generation);
    scene_move(&trial.scene);
    if (chance(&trial, 2) == 0) {
        leftovers_set_aside(&leftovers, &trial.generation);
        assert_int_equal(heap_count(trial.scene.target.heap), trial.old_count);
    }
    leftovers_free(&leftovers, &trial.generation);
    compare_pointers(&trial);
    compare_objects(&trial);
    use(&trial);
    compare_pointers(&trial);
    compare_objects(&trial);
    end(&trial);
}

static void what_stays_is_what_a_model_says(void **state)
{
    (void)state;
    const char *all = getenv("HOTRUN_TEST_ALL");
    uint64_t count = all != NULL && strcmp(all, "0") != 0 ? 100000 : 1000;
    for (uint64_t seed = 1; seed <= count; seed++) {
        play(seed);
    }
}

/* ---- cases ---- */

static void copies_that_nothing_leads_to_are_freed(void **state)
{
    (void)state;
    struct trial trial;
    struct leftovers leftovers = {0};
    start(&trial, 1);
    trial.old_count = trial.count = 3;
    trial.a[0] = trial.a[1] = trial.a[2] = 2;
    trial.b[0] = trial.b[1] = trial.b[2] = NONE;
    trial.kept = 0;
    trial.gone = trial.cache = 1;
    trial.more = NONE;
    make_old(&trial);
    leftovers_note(&leftovers, &trial.generation);
    scene_move(&trial.scene);
    assert_int_equal(heap_count(trial.scene.target.heap), 3);
    leftovers_free(&leftovers, &trial.generation);
    assert_int_equal(heap_count(trial.scene.target.heap), 2);
    end(&trial);
}

static void without_a_note_all_stays(void **state)
{
    (void)state;
    struct trial trial;
    struct leftovers leftovers = {0};
    start(&trial, 1);
    (void)make(&trial, trial.scene.target.heap, trial.scene.to, sizeof(struct node));
    leftovers_free(&leftovers, &trial.generation);
    assert_int_equal(heap_count(trial.scene.target.heap), 1);
    end(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_that_nothing_leads_to_are_freed),
        cmocka_unit_test(without_a_note_all_stays),
        cmocka_unit_test(what_stays_is_what_a_model_says),
    };
    return cmocka_run_group_tests_name("host: leftovers", tests, NULL, NULL);
}
