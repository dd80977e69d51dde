/* Places in an array that is in the order of a number. */
#include "base/sorted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
    char name;
    uint64_t number;
};

static const struct item items[] = {{'a', 0}, {'b', 3},          {'c', 3},
                                    {'d', 7}, {'e', UINT64_MAX}, {'f', UINT64_MAX}};

static size_t upto(size_t count, uint64_t most)
{
    return sorted_upto(items, count, sizeof items[0], offsetof(struct item, number), most);
}

static size_t below(size_t count, uint64_t limit)
{
    return sorted_below(items, count, sizeof items[0], offsetof(struct item, number), limit);
}

/* As a walk over all of them would. */
static void check(size_t count, uint64_t number)
{
    size_t at_most = 0, less = 0;
    for (size_t i = 0; i < count; i++) {
        at_most += items[i].number <= number ? 1 : 0;
        less += items[i].number < number ? 1 : 0;
    }
    assert_int_equal(upto(count, number), at_most);
    assert_int_equal(below(count, number), less);
}

static void places_are_those_that_a_walk_finds(void **state)
{
    static const uint64_t numbers[] = {0, 1, 2, 3, 4, 6, 7, 8, UINT64_MAX - 1, UINT64_MAX};
    (void)state;
    for (size_t count = 0; count <= sizeof items / sizeof items[0]; count++) {
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            check(count, numbers[i]);
        }
    }
}

static void of_equal_numbers_all_or_none_are_counted(void **state)
{
    (void)state;
    assert_int_equal(upto(6, 3), 3);
    assert_int_equal(below(6, 3), 1);
    assert_int_equal(upto(6, UINT64_MAX), 6);
    assert_int_equal(below(6, UINT64_MAX), 4);
}

static void nothing_has_no_place(void **state)
{
    (void)state;
    assert_int_equal(sorted_upto(NULL, 0, sizeof items[0], 0, 5), 0);
    assert_int_equal(sorted_below(NULL, 0, sizeof items[0], 0, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_those_that_a_walk_finds),
        cmocka_unit_test(of_equal_numbers_all_or_none_are_counted),
        cmocka_unit_test(nothing_has_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
