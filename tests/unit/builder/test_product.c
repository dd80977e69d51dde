#define _GNU_SOURCE
#include "builder/product.h"

#include "trial.h"

#include <fcntl.h>
#include <time.h>

/* Made long ago: no other save can have the same time. */
static void put_old(const char *name, const char *text)
{
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    put(at(name), text);
    assert_int_equal(utimensat(AT_FDCWD, at(name), old, 0), 0);
}

static struct flags list(const char *first, const char *second)
{
    struct flags files = {0};
    assert_true(flags_add(&files, at(first)));
    assert_true(second == NULL || flags_add(&files, at(second)));
    return files;
}

/* x.o is made of a.c and a.h by command 7. */
static void make(struct product *product)
{
    struct error err;
    struct flags files = list("a.c", "a.h");
    assert_true(product_open(product, at("x.o"), &err));
    product_begin(product, &files);
    put(at("x.o"), "object");
    product_made(product, 7, &files);
    assert_int_equal(files.count, 0);
}

/* As another process finds it. */
static bool is_current(const char *name, uint64_t command)
{
    struct product product;
    struct error err;
    assert_true(product_open(&product, at(name), &err));
    bool current = product_is_current(&product, command);
    product_finish(&product);
    return current;
}

static void what_was_made_is_current_until_something_changes(void **state)
{
    (void)state;
    struct product product;
    put_old("a.c", "one");
    put_old("a.h", "two");
    make(&product);
    assert_true(product_is_current(&product, 7));
    assert_false(product_is_current(&product, 8));
    assert_true(is_current("x.o", 7));
    put_old("a.h", "three");
    assert_false(product_is_current(&product, 7));
    assert_false(is_current("x.o", 7));
    product_finish(&product);
    make(&product);
    assert_int_equal(unlink(at("a.h")), 0);
    assert_false(product_is_current(&product, 7));
    product_finish(&product);
    put_old("a.h", "two");
    make(&product);
    assert_int_equal(unlink(at("x.o")), 0);
    assert_false(product_is_current(&product, 7));
    product_finish(&product);
}

static void a_file_that_was_just_saved_counts_by_its_bytes(void **state)
{
    (void)state;
    struct product product;
    put(at("a.c"), "one");
    put(at("a.h"), "two");
    make(&product);
    assert_true(product_is_current(&product, 7));
    assert_true(is_current("x.o", 7));
    struct stat st;
    assert_int_equal(stat(at("a.c"), &st), 0);
    put(at("a.c"), "two"); /* as long, and then as old */
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, at("a.c"), times, 0), 0);
    assert_false(product_is_current(&product, 7));
    assert_false(is_current("x.o", 7));
    product_finish(&product);
}

static void a_save_while_it_is_made_leaves_it_out_of_date(void **state)
{
    (void)state;
    struct product product;
    struct error err;
    struct flags files = list("a.c", NULL);
    put_old("a.c", "one");
    assert_true(product_open(&product, at("x.o"), &err));
    product_begin(&product, &files);
    put(at("a.c"), "two");
    put(at("x.o"), "object");
    product_made(&product, 7, &files);
    assert_false(product_is_current(&product, 7));
    product_finish(&product);
}

static void a_file_that_came_in_unexpectedly_has_to_be_old(void **state)
{
    (void)state;
    for (int fresh = 0; fresh < 2; fresh++) {
        struct product product;
        struct error err;
        struct flags inputs = list("a.c", NULL);
        struct flags files = list("a.c", "new.h");
        put_old("a.c", "one");
        put_old("new.h", "two");
        assert_true(product_open(&product, at("x.o"), &err));
        product_begin(&product, &inputs);
        if (fresh) {
            put(at("new.h"), "2");
        }
        put(at("x.o"), "object");
        product_made(&product, 7, &files);
        assert_int_equal(product_is_current(&product, 7), !fresh);
        product_finish(&product);
        flags_finish(&inputs);
    }
}

static void what_was_begun_and_never_made_is_out_of_date(void **state)
{
    (void)state;
    struct product product;
    struct flags none = {0};
    put_old("a.c", "one");
    put_old("a.h", "two");
    make(&product);
    product_begin(&product, &none);
    product_finish(&product);
    assert_false(is_current("x.o", 7));
}

static void a_record_that_was_not_written_here_is_not_believed(void **state)
{
    (void)state;
    struct product product;
    put_old("a.c", "one");
    put_old("a.h", "two");
    make(&product);
    product_finish(&product);
    static const char *const records[] = {
        "",
        "hotrun 1 0000000000000007\n",
        "hotrun 2 0000000000000007\n1 1 1 0 /a\n",
        "hotrun 1 0000000000000007\n1 1 1 0 \n",
        "hotrun 1 0000000000000007\n1 1 1 0 /etc/passwd",
        "hotrun 1 0000000000000007\n1 1 /etc/passwd\n",
        "hotrun 1 0000000000000007\n0 0 0 0 /nowhere\n",
    };
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        put(at("x.o.made"), records[i]);
        assert_false(is_current("x.o", 7));
    }
}

static void a_name_with_a_lines_end_is_known_in_this_process_alone(void **state)
{
    (void)state;
    struct product product;
    struct error err;
    struct flags files = list("a\nb.c", NULL);
    put_old("a\nb.c", "one");
    assert_true(product_open(&product, at("x.o"), &err));
    product_begin(&product, &files);
    put(at("x.o"), "object");
    product_made(&product, 7, &files);
    assert_true(product_is_current(&product, 7));
    assert_false(is_current("x.o", 7));
    product_finish(&product);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, trial_setup, trial_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_was_made_is_current_until_something_changes),
        IN_FOLDER(a_file_that_was_just_saved_counts_by_its_bytes),
        IN_FOLDER(a_save_while_it_is_made_leaves_it_out_of_date),
        IN_FOLDER(a_file_that_came_in_unexpectedly_has_to_be_old),
        IN_FOLDER(what_was_begun_and_never_made_is_out_of_date),
        IN_FOLDER(a_record_that_was_not_written_here_is_not_believed),
        IN_FOLDER(a_name_with_a_lines_end_is_known_in_this_process_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
