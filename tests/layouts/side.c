#define _GNU_SOURCE /* dlinfo */
#include "side.h"

#include "layout/heap.h"
#include "pair_call.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLOTS_ADDRESS  UINT64_C(0x551000000000)
#define SLOT_DISTANCE  (UINT64_C(64) << 30)
#define HEAP_LIMIT     (UINT64_C(64) << 20)
#define KEPT_AT_A_TIME 64

/* ---- the host's side of a module ---- */

static struct side *side_of(const hotrun_host *host)
{
    return host->ctx;
}

static void *alloc(const hotrun_host *host, const void *mark, size_t size, size_t count,
                   size_t align)
{
    struct side *side = side_of(host);
    uint64_t at = (uint64_t)(uintptr_t)mark - side->base;
    return heap_alloc(side->heap, layout_mark_at(side->layout, at), at, size, count, align);
}

static const void *get_extension(const hotrun_host *host, const char *id)
{
    static const hotrun_heap heap = {.size = sizeof heap, .alloc = alloc};
    (void)host;
    return strcmp(id, "heap/1") == 0 ? &heap : NULL;
}

static void write_log(const hotrun_host *host, int32_t level, const char *line)
{
    (void)host, (void)level;
    (void)fprintf(stderr, "%s\n", line);
}

/* What a pair's code allocates for itself is not this program's to free. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void leave_leaks(bool leave)
{
    void (*function)(void) = leave ? __lsan_disable : __lsan_enable;
    if (function != NULL) {
        function();
    }
}

/* ---- loading ---- */

/* The loader takes another path of the same file for the same library. */
static bool copy_file(const char *from, const char *to, struct error *err)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char block[65536];
    size_t len = 0;
    bool ok = in != NULL && out != NULL;
    while (ok && (len = fread(block, 1, sizeof block, in)) > 0) {
        ok = fwrite(block, 1, len, out) == len;
    }
    ok = (in == NULL || fclose(in) == 0) && ok;
    ok = (out == NULL || fclose(out) == 0) && ok;
    return ok ||
           error_set(err, ERROR_SYSTEM, "%s cannot be copied to %s: %s", from, to, strerror(errno));
}

static bool load(struct side *side, unsigned slot, const char *path, struct error *err)
{
    char copy[4096];
    struct link_map *map;
    (void)snprintf(copy, sizeof copy, "%s.%u", path, slot);
    if (!copy_file(path, copy, err)) {
        return false;
    }
    side->library = dlopen(copy, RTLD_NOW | RTLD_LOCAL);
    (void)remove(copy);
    if (side->library == NULL) {
        return error_set(err, ERROR_SYSTEM, "%s", dlerror());
    }
    side->table = dlsym(side->library, "hotrun_module_table");
    if (side->table == NULL || dlinfo(side->library, RTLD_DI_LINKMAP, &map) != 0) {
        return error_set(err, ERROR_FORMAT, "%s has no table", path);
    }
    side->base = map->l_addr;
    return true;
}

static unsigned char *map_state(uint64_t address, size_t size)
{
    void *state = mmap((void *)(uintptr_t)address, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
    return state == MAP_FAILED ? NULL : state;
}

bool side_start(struct side *side, unsigned slot, const char *path, const struct layout *layout,
                struct error *err)
{
    uint64_t address = SLOTS_ADDRESS + slot * SLOT_DISTANCE;
    side->layout = layout;
    side->size = (size_t)layout_state(layout)->size;
    side->host = (hotrun_host){.size = sizeof side->host,
                               .abi_major = HOTRUN_ABI_MAJOR,
                               .abi_minor = HOTRUN_ABI_MINOR,
                               .config = "{}",
                               .ctx = side,
                               .log = write_log,
                               .get_extension = get_extension};
    if (!load(side, slot, path, err)) {
        return false;
    }
    if (side->table->state_size != side->size) {
        return error_set(err, ERROR_FORMAT, "the layout has %zu bytes, the state %zu", side->size,
                         side->table->state_size);
    }
    if (side->size > 0 && (side->state = map_state(address, side->size)) == NULL) {
        return error_set(err, ERROR_SYSTEM, "no slot %u: %s", slot, strerror(errno));
    }
    side->heap = heap_create(address + HEAP_OFFSET, HEAP_LIMIT, err);
    if (side->heap == NULL) {
        return false;
    }
    leave_leaks(true);
    bool ok = side->table->init == NULL || side->table->init(&side->host, side->state) == HOTRUN_OK;
    leave_leaks(false);
    return ok || error_set(err, ERROR_REFUSED, "init failed");
}

void side_finish(struct side *side)
{
    heap_destroy(side->heap);
    if (side->state != NULL) {
        (void)munmap(side->state, side->size);
    }
    if (side->library != NULL) {
        (void)dlclose(side->library);
    }
    for (size_t i = 0; i < side->kept_count; i++) {
        free(side->kept[i]);
    }
    free(side->kept);
    *side = (struct side){0};
}

/* ---- what it is to others ---- */

struct image side_image(const struct side *side)
{
    return (struct image){.layout = side->layout,
                          .state = side->state,
                          .state_size = side->size,
                          .state_address = (uintptr_t)side->state,
                          .objects = side->heap,
                          .heap_address = heap_address(side->heap),
                          .module_base = side->base,
                          .alive = true};
}

static const void *keep(void *ctx, const void *bytes, size_t len)
{
    struct side *side = ctx;
    if (side->kept_count % KEPT_AT_A_TIME == 0) {
        char **more = realloc(side->kept, (side->kept_count + KEPT_AT_A_TIME) * sizeof *side->kept);
        if (more == NULL) {
            return NULL;
        }
        side->kept = more;
    }
    char *copy = malloc(len == 0 ? 1 : len);
    if (copy != NULL) {
        memcpy(copy, bytes, len);
        side->kept[side->kept_count++] = copy;
    }
    return copy;
}

struct target side_target(struct side *side, bool statics)
{
    return (struct target){.layout = side->layout,
                           .state = side->state,
                           .heap = side->heap,
                           .module_base = side->base,
                           .statics = statics,
                           .keep = keep,
                           .ctx = side};
}

/* ---- calling it ---- */

static struct { /* of the call under way: a module's function takes no context */
    const char *name;
    uint64_t old;
    unsigned failed;
} calling;

static void say(const char *expression)
{
    calling.failed++;
    (void)printf("%s\tfails\t%s\n", calling.name, expression);
}

static int is_old(const void *address)
{
    Dl_info info;
    return dladdr(address, &info) != 0 && (uintptr_t)info.dli_fbase == calling.old;
}

unsigned side_call(struct side *side, const char *function, unsigned char *state, unsigned way,
                   const char *name, uint64_t old)
{
    pair_function *call = NULL;
    void *symbol = dlsym(side->library, function);
    memcpy(&call, &symbol, sizeof call);
    calling.name = name;
    calling.old = old;
    calling.failed = 0;
    if (call == NULL) {
        say(function);
        return calling.failed;
    }
    leave_leaks(true);
    call(&(struct pair_call){&side->host, state, way, say, is_old});
    leave_leaks(false);
    return calling.failed;
}
