#define _GNU_SOURCE /* memfd_create */
#include "sketch.h"

#include "layout/bind.h"
#include "layout/image.h"

#include <sys/mman.h>
#include <unistd.h>

static _Alignas(16) unsigned char library[4096];
static const char text[] = "\0one\0two";

#define SPAN_TEXT 2048

static struct layout *make_layout(void)
{
    struct sketch sketch;
    sketch_begin(&sketch, "struct game {int a; char name[5];}");
    uint32_t game = sketch.last;
    sketch_variable(&sketch, "game.c", "", "list", "u64", 128, 0);
    sketch_variable(&sketch, "game.c", "", "near", "int", 136, 0);
    sketch_variable(&sketch, "game.c", "", "stuck", "int", 200, LAYOUT_CARRIED);
    sketch_symbol(&sketch, "run", NULL, 16, 32, true);
    sketch_symbol(&sketch, "table", "game.c", 64, 32, false);
    sketch.last = game;
    return sketch_end_with(&sketch,
                           &(struct draft_library){sizeof library, SPAN_TEXT, sizeof text, text});
}

static unsigned char *join(const struct image_part *parts, size_t count, size_t *len)
{
    unsigned char *bytes = aligned_alloc(16, 4096);
    assert_non_null(bytes);
    *len = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(bytes + *len, parts[i].bytes, parts[i].len);
        *len += parts[i].len;
    }
    return bytes;
}

static void a_copy_reads_as_what_it_was_made_of(void **state)
{
    (void)state;
    struct layout *layout = make_layout();
    unsigned char block[12] = "0123abcde\0\0";
    unsigned char *variables = malloc((size_t)layout->head->variables_size);
    struct image image = {.layout = layout,
                          .state = block,
                          .state_size = 12,
                          .state_address = (uint64_t)(uintptr_t)block,
                          .module_base = (uint64_t)(uintptr_t)library,
                          .alive = true};
    struct image_head head;
    struct image_part parts[IMAGE_PARTS];
    struct image read;
    struct error err = {0};
    size_t len;
    memset(library, 7, sizeof library);
    assert_ptr_equal(image_variable(&image, 0), library + 128);
    assert_null(image_variable(&image, 2));
    unsigned char *bytes = join(parts, image_parts(&image, &head, variables, parts), &len);
    assert_int_equal(len % 16, 0);
    assert_int_equal(image_layout(bytes, len), layout->head->hash);
    assert_true(image_read(&read, bytes, len, layout, &err));
    assert_false(read.alive);
    assert_memory_equal(read.state, block, sizeof block);
    assert_int_equal(read.state_address, image.state_address);
    assert_int_equal(read.module_base, image.module_base);
    assert_memory_equal(image_variable(&read, 0), library + 128, 8);
    assert_memory_equal(image_variable(&read, 1), library + 136, 4);
    for (size_t cut = 0; cut < len; cut++) {
        assert_false(image_read(&read, bytes, cut, layout, &err));
    }
    free(bytes);
    bytes = join(parts, image_parts(&image, &head, NULL, parts), &len);
    assert_true(image_read(&read, bytes, len, layout, &err));
    assert_null(image_variable(&read, 0));
    free(bytes);
    free(variables);
    layout_drop(&layout);
}

static void pointers_are_told_apart(void **state)
{
    (void)state;
    struct layout *layout = make_layout();
    unsigned char block[12];
    struct image image = {.layout = layout,
                          .state = block,
                          .state_size = 12,
                          .state_address = (uint64_t)(uintptr_t)block,
                          .module_base = (uint64_t)(uintptr_t)library,
                          .alive = true};
    uint64_t base = image.module_base;
    const struct {
        uint64_t address;
        bool statics;
        enum pointee what;
        uint64_t offset;
    } cases[] = {
        {0, true, POINTEE_NULL, 0},
        {image.state_address, true, POINTEE_STATE, 0},
        {image.state_address + 12, true, POINTEE_STATE, 12},
        {base + 16, true, POINTEE_SYMBOL, 0},
        {base + 64 + 32, true, POINTEE_SYMBOL, 32},
        {base + 128, true, POINTEE_VARIABLE, 0},
        {base + 135, true, POINTEE_VARIABLE, 7},
        {base + 136, true, POINTEE_VARIABLE, 0},
        {base + 140, true, POINTEE_VARIABLE, 4},
        {base + 128, false, POINTEE_LIBRARY, 128},
        {base + 200, true, POINTEE_LIBRARY, 200},
        {base + SPAN_TEXT + 1, true, POINTEE_TEXT, 0},
        {base + SPAN_TEXT + sizeof text, true, POINTEE_LIBRARY, SPAN_TEXT + sizeof text},
        {base + sizeof library, true, POINTEE_FOREIGN, 0},
        {1, true, POINTEE_FOREIGN, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bound bound = bind_look(&image, NULL, cases[i].statics, cases[i].address);
        if (bound.what != cases[i].what || bound.offset != cases[i].offset) {
            fail_msg("case %zu: %d, %llu", i, (int)bound.what, (unsigned long long)bound.offset);
        }
    }
    assert_string_equal(bind_look(&image, NULL, true, base + SPAN_TEXT + 1).text, "one");
    uint64_t address;
    assert_true(bind_text(layout, "two", &address));
    assert_int_equal(address, SPAN_TEXT + 5);
    assert_true(bind_text(layout, "wo", &address));
    assert_int_equal(address, SPAN_TEXT + 6);
    assert_true(bind_text(layout, "", &address));
    assert_false(bind_text(layout, "on", &address));
    layout_drop(&layout);
}

static void a_sparse_file_tells_where_it_holds_something(void **state)
{
    (void)state;
    int fd = memfd_create("sparse", MFD_CLOEXEC);
    struct image_file file = {fd, 4096, (uint64_t)16 << 30};
    uint64_t start, end, at = 0, held = 0;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)(file.offset + file.size + 4096)), 0);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1); /* in front of the block */
    assert_false(image_file_data(&file, 0, &start, &end));
    assert_int_equal(pwrite(fd, "x", 1, 4096 + ((off_t)1 << 33)), 1);
    assert_int_equal(pwrite(fd, "x", 1, (off_t)(file.offset + file.size)), 1); /* behind it */
    while (image_file_data(&file, at, &start, &end)) {
        assert_true(start >= at && end > start && end <= file.size);
        assert_true(start <= (uint64_t)1 << 33 && end > (uint64_t)1 << 33);
        held += end - start;
        at = end;
    }
    assert_in_range(held, 1, 4 << 20);
    (void)close(fd);
    file.fd = -1; /* nothing can be told: so all of it may */
    assert_true(image_file_data(&file, 5, &start, &end));
    assert_true(start == 5 && end == file.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_reads_as_what_it_was_made_of),
        cmocka_unit_test(pointers_are_told_apart),
        cmocka_unit_test(a_sparse_file_tells_where_it_holds_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
