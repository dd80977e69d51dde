#define _GNU_SOURCE /* memfd_create */
#include "host/layouts.h"

#include "../layout/drafts.h"
#include "base/file.h"
#include "moves/plan.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static struct layouts layouts;

static int teardown(void **state)
{
    (void)state;
    layouts_finish(&layouts);
    return 0;
}

/* A library of so many bytes: each is another layout. */
static struct layout *make(uint64_t span)
{
    struct error err;
    struct draft *draft = draft_create();
    assert_non_null(draft);
    struct layout *layout =
        draft_open(draft, draft_scalar(draft, LAYOUT_INT, "int", 4), span, &err);
    assert_non_null(layout);
    return layout;
}

static int file_of(const struct layout *layout, size_t len)
{
    int fd = memfd_create("layout", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(file_write_all(fd, layout_block(layout), len));
    return fd;
}

static uint64_t take(uint64_t span)
{
    struct error err;
    struct layout *layout = make(span);
    uint64_t hash = layout->head->hash;
    struct layout *taken =
        layouts_take(&layouts, hash, file_of(layout, (size_t)layout->head->len), &err);
    assert_non_null(taken);
    assert_int_equal(taken->head->hash, hash);
    layout_drop(&layout);
    return hash;
}

static void one_is_found_by_its_hash(void **state)
{
    (void)state;
    assert_null(layouts_find(&layouts, 0));
    uint64_t hash = take(100);
    assert_non_null(layouts_find(&layouts, hash));
    assert_null(layouts_find(&layouts, hash + 1));
}

static void the_last_few_are_kept(void **state)
{
    (void)state;
    uint64_t hashes[LAYOUTS_MOST + 3];
    for (size_t i = 0; i < LAYOUTS_MOST + 3; i++) {
        hashes[i] = take(1000 + i);
        (void)take(1000 + i); /* again: it takes no room */
    }
    for (size_t i = 0; i < LAYOUTS_MOST + 3; i++) {
        assert_int_equal(layouts_find(&layouts, hashes[i]) != NULL, i >= 3);
    }
}

static void who_keeps_one_has_it_for_longer(void **state)
{
    (void)state;
    struct layout *mine = layout_keep(layouts_find(&layouts, take(50)));
    for (size_t i = 0; i < LAYOUTS_MOST; i++) {
        (void)take(2000 + i);
    }
    assert_null(layouts_find(&layouts, mine->head->hash));
    assert_int_equal(mine->head->span, 50);
    layout_drop(&mine);
}

static void what_is_none_is_refused_and_its_descriptor_closed(void **state)
{
    (void)state;
    struct error err = {0};
    struct layout *layout = make(7);
    size_t len = (size_t)layout->head->len;
    uint64_t hash = layout->head->hash;
    int fds[] = {file_of(layout, len - 1), file_of(layout, 0), file_of(layout, len)};
    assert_null(layouts_take(&layouts, hash, fds[0], &err));
    assert_int_equal(err.code, ERROR_FORMAT);
    assert_null(layouts_take(&layouts, hash, fds[1], &err));
    assert_null(layouts_take(&layouts, hash + 1, fds[2], &err)); /* by the name of another one */
    assert_int_equal(err.code, ERROR_FORMAT);
    assert_null(layouts_take(&layouts, hash, -1, &err));
    assert_int_equal(err.code, ERROR_SYSTEM);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        assert_int_equal(fcntl(fds[i], F_GETFD), -1);
    }
    assert_null(layouts_find(&layouts, hash));
    layout_drop(&layout);
}

static void a_plan_is_made_ahead_for_two_layouts_only(void **state)
{
    (void)state;
    struct error err;
    uint64_t first = take(1), second = take(2);
    struct layout *from = layouts_find(&layouts, first);
    struct layout *to = layouts_find(&layouts, second);
    layouts_plan_ahead(&layouts, from, to);
    struct plan *ahead = layouts.plan;
    assert_non_null(ahead);
    struct plan *back = layouts_plan(&layouts, to, from, &err);
    assert_ptr_not_equal(back, ahead);
    struct plan *plan = layouts_plan(&layouts, from, to, &err);
    assert_ptr_equal(plan, ahead);
    assert_null(layouts.plan);
    plan_destroy(plan);
    plan_destroy(back);
    layouts_plan_ahead(&layouts, from, to);
    layouts_plan_ahead(&layouts, to, from);
}

static void the_same_text_is_kept_once(void **state)
{
    (void)state;
    struct kept_texts texts = {0};
    char text[] = "hello";
    const char *kept = kept_texts_add(&texts, text, sizeof text);
    const char *part = kept_texts_add(&texts, text, 3);
    text[0] = 'j';
    assert_string_equal(kept, "hello");
    assert_memory_equal(part, "hel", 3);
    assert_ptr_equal(kept_texts_add(&texts, "hello", sizeof text), kept);
    assert_ptr_not_equal(kept_texts_add(&texts, text, sizeof text), kept);
    kept_texts_finish(&texts);
}

#define WITH_LAYOUTS(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LAYOUTS(one_is_found_by_its_hash),
        WITH_LAYOUTS(the_last_few_are_kept),
        WITH_LAYOUTS(who_keeps_one_has_it_for_longer),
        WITH_LAYOUTS(what_is_none_is_refused_and_its_descriptor_closed),
        WITH_LAYOUTS(a_plan_is_made_ahead_for_two_layouts_only),
        cmocka_unit_test(the_same_text_is_kept_once),
    };
    return cmocka_run_group_tests_name("host: layouts", tests, NULL, NULL);
}
