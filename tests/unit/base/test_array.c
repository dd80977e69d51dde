/* Room in an array that is appended to. */
#include "base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void items_stay_while_the_array_grows(void **state)
{
    uint32_t *items = NULL;
    size_t room = 0, moves = 0;
    (void)state;
    for (uint32_t i = 0; i < 10000; i++) {
        size_t before = room;
        assert_true(array_reserve(&items, &room, i + 1, sizeof *items));
        assert_true(room > i);
        moves += room != before ? 1 : 0;
        items[i] = i;
    }
    assert_true(moves <= 12);
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(items[i], i);
    }
    free(items);
}

static void much_is_made_room_for_at_once(void **state)
{
    char *items = NULL;
    size_t room = 0;
    (void)state;
    assert_true(array_reserve(&items, &room, 1000, sizeof *items));
    assert_true(room >= 1000);
    items[999] = 1;
    free(items);
}

static void an_array_with_room_is_left_alone(void **state)
{
    char item, *items = &item;
    size_t room = 1;
    (void)state;
    assert_true(array_reserve(&items, &room, 0, sizeof *items));
    assert_true(array_reserve(&items, &room, 1, sizeof *items));
    assert_ptr_equal(items, &item);
    assert_int_equal(room, 1);
}

static void bytes_that_no_size_holds_are_refused(void **state)
{
    static const struct {
        size_t room, need, size;
    } rows[] = {
        {0, SIZE_MAX, 1},
        {0, SIZE_MAX / 8 + 2, 8},
        {0, (size_t)PTRDIFF_MAX / 8 + 1, 8},
        {0, 1, SIZE_MAX},
        {0, 1, SIZE_MAX / 16 + 2},
        {(size_t)PTRDIFF_MAX / 8, (size_t)PTRDIFF_MAX / 8 + 1, 8},
        {SIZE_MAX - 1, SIZE_MAX, 1},
    };
    char item, *items = &item;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t room = rows[i].room;
        assert_false(array_reserve(&items, &room, rows[i].need, rows[i].size));
        assert_ptr_equal(items, &item);
        assert_int_equal(room, rows[i].room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_stay_while_the_array_grows),
        cmocka_unit_test(much_is_made_room_for_at_once),
        cmocka_unit_test(an_array_with_room_is_left_alone),
        cmocka_unit_test(bytes_that_no_size_holds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
