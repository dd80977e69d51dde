#define _GNU_SOURCE /* memfd_create */
#include "scene.h"

#include <sys/mman.h>
#include <unistd.h>

/* 16 GB of which two pages hold something: in a second or never. */
static void a_large_sparse_state_costs_what_it_holds(void **state)
{
    (void)state;
    struct scene scene;
    struct layout *from = sketch_layout("struct foe {int hp; int x; i64 y;}; struct game {int a; "
                                        "struct foe foes[1000000000]; int b;}");
    struct layout *to = sketch_layout("struct foe {i64 y; int x; int more; i64 hp;}; struct game "
                                      "{struct foe foes[1000000000]; int b; int a;}");
    int fds[2] = {memfd_create("old", MFD_CLOEXEC), memfd_create("new", MFD_CLOEXEC)};
    struct layout *layouts[2] = {from, to};
    struct image_file files[2];
    unsigned char *blocks[2];
    for (int i = 0; i < 2; i++) {
        size_t size = (size_t)layout_state(layouts[i])->size;
        assert_int_equal(ftruncate(fds[i], (off_t)size), 0);
        blocks[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fds[i], 0);
        assert_ptr_not_equal(blocks[i], MAP_FAILED);
        files[i] = (struct image_file){fds[i], 0, size};
    }
    scene = (struct scene){.from = from, .to = to, .plan = plan_create(from, to, NULL)};
    scene.old = blocks[0];
    scene.fresh = blocks[1];
    scene.image = (struct image){.layout = from,
                                 .state = blocks[0],
                                 .state_size = files[0].size,
                                 .state_address = (uint64_t)(uintptr_t)blocks[0],
                                 .alive = true,
                                 .data = image_file_data,
                                 .data_ctx = &files[0]};
    scene.target = (struct target){
        .layout = to, .state = blocks[1], .data = image_file_data, .data_ctx = &files[1]};
    scene_set(&scene, "/foes/777777777/hp", 5);
    scene_set(&scene, "/b", 6);
    scene_default(&scene, "/foes/333333333/x", 7);
    scene_default(&scene, "/foes/333333333/more", 8);
    scene_move(&scene);
    scene_expect(&scene, "/foes/777777777/hp", 5);
    scene_expect(&scene, "/b", 6);
    scene_expect(&scene, "/foes/333333333/x", 0);
    scene_expect(&scene, "/foes/333333333/more", 8);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(munmap(blocks[i], (size_t)files[i].size), 0);
        (void)close(fds[i]);
    }
    scene.old = scene.fresh = NULL;
    scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_sparse_state_costs_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
