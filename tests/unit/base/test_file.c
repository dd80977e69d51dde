#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "base/file.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    char path[64];
    int fd;
} folder;

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder.path, sizeof folder.path, "/tmp/hotrun-test-XXXXXX");
    if (mkdtemp(folder.path) == NULL || chdir(folder.path) != 0) {
        return -1;
    }
    folder.fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder.fd < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    close(folder.fd);
    return chdir("/") != 0 || nftw(folder.path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 ? -1 : 0;
}

static void put(const char *name, const char *bytes, size_t len)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void expect_content(const char *name, const char *expected, size_t len)
{
    struct text text = {0};
    struct error err;
    assert_true(file_read(name, 1 << 20, &text, &err));
    assert_int_equal(text.len, len);
    assert_memory_equal(text_string(&text), expected, len);
    text_finish(&text);
}

static void refuse(const char *name, size_t limit, enum error_code code)
{
    struct text text = {0};
    struct error err = {0};
    assert_false(file_read(name, limit, &text, &err));
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.text, name));
    text_finish(&text);
}

static void a_file_is_read_whole_behind_what_is_there(void **state)
{
    (void)state;
    struct text text = {0};
    struct error err;
    put("a", "one\0two", 7);
    assert_true(text_puts(&text, "> "));
    assert_true(file_read("a", 7, &text, &err));
    assert_int_equal(text.len, 9);
    assert_memory_equal(text_string(&text), "> one\0two", 10);
    text_finish(&text);
    put("empty", "", 0);
    expect_content("empty", "", 0);
}

static void a_file_of_many_pieces_is_read_whole(void **state)
{
    (void)state;
    size_t len = 16384 * 3 + 5;
    char *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(i * 31 >> 3);
    }
    put("large", bytes, len);
    expect_content("large", bytes, len);
    free(bytes);
}

static void a_file_over_the_limit_is_refused(void **state)
{
    (void)state;
    put("a", "12345678", 8);
    refuse("a", 7, ERROR_LIMIT);
    refuse("a", 0, ERROR_LIMIT);
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(mkdir("sub", 0700), 0);
    refuse("fifo", 100, ERROR_FORMAT);
    refuse("sub", 100, ERROR_FORMAT);
    refuse("/dev/null", 100, ERROR_FORMAT);
}

static void a_missing_file_is_missing(void **state)
{
    (void)state;
    put("a", "", 0);
    refuse("none", 100, ERROR_MISSING);
    refuse("a/below", 100, ERROR_MISSING);
    refuse("none/below", 100, ERROR_MISSING);
}

static void only_the_replaced_file_is_left(void **state)
{
    (void)state;
    struct error err;
    struct stat st;
    put("status", "old and long", 12);
    assert_int_equal(chmod("status", 0644), 0);
    assert_true(file_replace(folder.fd, "status", "new", 3, &err));
    expect_content("status", "new", 3);
    assert_int_equal(stat("status", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(unlink("status"), 0);
    assert_int_equal(rmdir(folder.path), 0);
    assert_int_equal(mkdir(folder.path, 0700), 0);
}

static void a_reader_keeps_the_old_file(void **state)
{
    (void)state;
    struct error err;
    char bytes[8] = "";
    put("status", "old", 3);
    int fd = open("status", O_RDONLY | O_CLOEXEC);
    assert_true(file_replace(folder.fd, "status", "new", 3, &err));
    assert_int_equal(read(fd, bytes, sizeof bytes), 3);
    assert_string_equal(bytes, "old");
    close(fd);
}

static void a_failure_keeps_the_old_file_and_leaves_nothing(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(mkdir("status", 0700), 0);
    put("status/inside", "x", 1);
    assert_false(file_replace(folder.fd, "status", "new", 3, &err));
    assert_int_equal(err.code, ERROR_SYSTEM);
    expect_content("status/inside", "x", 1);
    assert_int_equal(access(".status.new", F_OK), -1);
    assert_false(file_replace(folder.fd, "no/such", "new", 3, &err));
}

static void what_a_crash_left_behind_is_in_nobodys_way(void **state)
{
    (void)state;
    struct error err;
    struct stat st;
    put("elsewhere", "keep", 4);
    put(".status.new", "a longer rest of it", 19);
    assert_int_equal(chmod(".status.new", 0644), 0);
    assert_true(file_replace(folder.fd, "status", "new", 3, &err));
    expect_content("status", "new", 3);
    assert_int_equal(stat("status", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);

    assert_int_equal(symlink("elsewhere", ".status.new"), 0);
    assert_true(file_replace(folder.fd, "status", "link", 4, &err));
    assert_int_equal(mkfifo(".status.new", 0600), 0);
    assert_true(file_replace(folder.fd, "status", "fifo", 4, &err));
    assert_int_equal(link("elsewhere", ".status.new"), 0);
    assert_true(file_replace(folder.fd, "status", "last", 4, &err));
    expect_content("status", "last", 4);
    expect_content("elsewhere", "keep", 4);
}

struct reading {
    int fd;
    size_t got;
};

static void *read_slowly(void *ctx)
{
    struct reading *reading = ctx;
    char piece[1000];
    ssize_t got;
    while ((got = read(reading->fd, piece, sizeof piece)) > 0) {
        reading->got += (size_t)got;
    }
    return NULL;
}

static void all_is_written_over_short_writes(void **state)
{
    (void)state;
    int fds[2];
    pthread_t thread;
    size_t len = 1 << 20;
    char *bytes = calloc(1, len);
    assert_non_null(bytes);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    (void)fcntl(fds[1], F_SETPIPE_SZ, 4096);
    struct reading reading = {.fd = fds[0]};
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reading), 0);
    assert_true(file_write_all(fds[1], bytes, len));
    close(fds[1]);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(reading.got, len);
    close(fds[0]);
    assert_false(file_write_all(-1, bytes, 1));
    assert_true(file_write_all(-1, bytes, 0));
    free(bytes);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_file_is_read_whole_behind_what_is_there),
        IN_A_FOLDER(a_file_of_many_pieces_is_read_whole),
        IN_A_FOLDER(a_file_over_the_limit_is_refused),
        IN_A_FOLDER(what_is_no_regular_file_is_refused_without_waiting),
        IN_A_FOLDER(a_missing_file_is_missing),
        IN_A_FOLDER(only_the_replaced_file_is_left),
        IN_A_FOLDER(a_reader_keeps_the_old_file),
        IN_A_FOLDER(a_failure_keeps_the_old_file_and_leaves_nothing),
        IN_A_FOLDER(what_a_crash_left_behind_is_in_nobodys_way),
        cmocka_unit_test(all_is_written_over_short_writes),
    };
    return cmocka_run_group_tests_name("base: file", tests, NULL, NULL);
}
