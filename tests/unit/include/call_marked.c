/* Runs marked.c in a host without the extension heap/1 and in one with it, which tells of each
 * object whose type it could be. Ends with 0 when all is right, else says what is not. */
#include "hotrun/hotrun.h"

#include <string.h>

static struct {
    const void *mark;
    size_t element, count, align;
} made[64];
static size_t objects, freed;

static void *make(const hotrun_host *host, const void *mark, size_t element, size_t count,
                  size_t align)
{
    (void)host;
    made[objects].mark = mark;
    made[objects].element = element;
    made[objects].count = count;
    made[objects++].align = align;
    return calloc(count, element);
}

static void drop(const hotrun_host *host, void *object)
{
    (void)host;
    freed += object != NULL;
    free(object);
}

static const void *none(const hotrun_host *host, const char *id)
{
    (void)host;
    (void)id;
    return NULL;
}

static const void *heap(const hotrun_host *host, const char *id)
{
    static const hotrun_heap extension = {.size = sizeof extension, .alloc = make, .free = drop};
    (void)host;
    return strcmp(id, "heap/1") == 0 ? &extension : NULL;
}

static int run(const void *(*get_extension)(const hotrun_host *, const char *))
{
    const hotrun_module *module = &hotrun_module_table;
    const hotrun_host host = {.size = sizeof host, .get_extension = get_extension};
    void *state = calloc(1, module->state_size);
    hotrun_status status = module->init(&host, state);
    for (uint64_t i = 0; i < 8 && status == HOTRUN_OK; i++) {
        const hotrun_step now = {.size = sizeof now, .index = i};
        status = module->step(&host, state, &now);
    }
    module->fini(&host, state, HOTRUN_FINI_EXIT);
    free(state);
    return status;
}

int main(void)
{
    if (run(none) != HOTRUN_OK || objects != 0 || run(heap) != HOTRUN_OK || objects != 10 ||
        freed != objects) {
        printf("%zu objects made, %zu freed\n", objects, freed);
        return 1;
    }
    for (size_t i = 0; i < objects; i++) {
        int row = i == 1;
        if (made[i].element != (row ? 16 : 48) || made[i].align != (row ? 4 : 8) ||
            made[i].count != (row     ? 3
                              : i < 2 ? 1
                                      : i % 2 + 1)) {
            printf("object %zu: %zu times %zu\n", i, made[i].count, made[i].element);
            return 1;
        }
        if ((made[i].mark == NULL) != (made[0].mark == NULL) ||
            (made[i].mark != NULL && row != (made[i].mark == made[1].mark))) {
            printf("object %zu has the mark %p\n", i, made[i].mark);
            return 1;
        }
    }
    printf("%s\n", made[0].mark != NULL ? "marked" : "not marked");
    return 0;
}
