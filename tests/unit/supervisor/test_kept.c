#define _GNU_SOURCE
#include "supervisor/kept.h"

#include "trial.h"

#include <fcntl.h>

static struct kept kept;

static int teardown(void **state)
{
    (void)state;
    kept_finish(&kept);
    return 0;
}

static int open_one(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void put_well(const char *name, int fd)
{
    struct error err = {0};
    if (!kept_put(&kept, name, fd, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
}

static void expect_closed(int fd)
{
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void names_are_found_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    int one = open_one(), two = open_one(), three = open_one();
    put_well("one", one);
    put_well("two", two);
    put_well("three", three);
    assert_int_equal(kept_find(&kept, "two"), two);
    assert_int_equal(kept_find(&kept, "tw"), -1);
    assert_true(kept_drop(&kept, "one"));
    assert_false(kept_drop(&kept, "one"));
    expect_closed(one);
    assert_int_equal(kept.count, 2);
    assert_string_equal(kept.items[0].name, "two");
    assert_string_equal(kept.items[1].name, "three");
}

static void the_same_name_again_replaces_and_closes(void **state)
{
    (void)state;
    int old = open_one(), fresh = open_one();
    put_well("listen", old);
    put_well("listen", fresh);
    expect_closed(old);
    assert_int_equal(kept_find(&kept, "listen"), fresh);
    assert_int_equal(kept.count, 1);
}

static void names_have_bounds(void **state)
{
    (void)state;
    struct error err;
    char name[KEEP_NAME_MOST + 2];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    int fd = open_one();
    assert_false(kept_put(&kept, name, fd, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    expect_closed(fd);
    fd = open_one();
    assert_false(kept_put(&kept, "", fd, &err));
    expect_closed(fd);
    name[KEEP_NAME_MOST] = '\0';
    put_well(name, open_one());
}

static void there_is_room_for_so_many(void **state)
{
    (void)state;
    struct error err;
    char name[16];
    for (int i = 0; i < KEPT_MOST; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        put_well(name, open_one());
    }
    int fd = open_one();
    assert_false(kept_put(&kept, "more", fd, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    expect_closed(fd);
    put_well("17", open_one()); /* replaces */
    assert_true(kept_drop(&kept, "0"));
    put_well("more", open_one());
    assert_int_equal(kept.count, KEPT_MOST);
}

static void the_end_closes_all(void **state)
{
    (void)state;
    int one = open_one(), two = open_one();
    put_well("one", one);
    put_well("two", two);
    kept_finish(&kept);
    expect_closed(one);
    expect_closed(two);
    assert_int_equal(kept_find(&kept, "one"), -1);
}

#define TRIAL(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRIAL(names_are_found_in_the_order_in_which_they_came),
        TRIAL(the_same_name_again_replaces_and_closes),
        TRIAL(names_have_bounds),
        TRIAL(there_is_room_for_so_many),
        TRIAL(the_end_closes_all),
    };
    return cmocka_run_group_tests_name("supervisor: kept", tests, NULL, NULL);
}
