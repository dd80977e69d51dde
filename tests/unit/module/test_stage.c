#define _GNU_SOURCE
#include "module/stage.h"

#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char SOURCE[] = "int hotrun_module_table = 1; int step_once(int n) { return n + 1; }";

struct fixture {
    struct sample_dir work, stage;
    char *original;
    unsigned char *bytes;
    size_t len;
};

static struct fixture fixture;

static int set_up(void **state)
{
    (void)state;
    sample_dir_create(&fixture.work);
    sample_dir_create(&fixture.stage);
    fixture.original = sample_build(&fixture.work, "libgame.so", "", SOURCE);
    fixture.bytes = sample_read(fixture.original, &fixture.len);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(fixture.original);
    free(fixture.bytes);
    sample_dir_destroy(&fixture.work);
    sample_dir_destroy(&fixture.stage);
    return 0;
}

static size_t files_in_stage(void)
{
    size_t count = 0;
    DIR *dir = opendir(fixture.stage.path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(dir);
    return count;
}

static void drop(const char *name)
{
    assert_int_equal(unlinkat(fixture.stage.fd, name, 0), 0);
    assert_int_equal(files_in_stage(), 0);
}

/* A file beside the library with these bytes; the caller frees the path. */
static char *put(const char *name, const void *bytes, size_t len)
{
    char *path = sample_path(&fixture.work, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(close(fd), 0);
    return path;
}

static void expect(const char *source, const struct hash *known, enum stage_outcome wanted,
                   const char *words, struct stage *stage)
{
    struct stage own;
    struct error err = {0};
    enum stage_outcome outcome = stage_copy(source, fixture.stage.fd, "copy", NULL, known,
                                            stage != NULL ? stage : &own, &err);
    if (outcome != wanted || (words != NULL && strstr(err.text, words) == NULL)) {
        fail_msg("outcome %d: '%s'; expected %d: '%s'", outcome, err.text, wanted,
                 words != NULL ? words : "");
    }
    if (wanted != STAGE_COPIED) {
        assert_int_equal(files_in_stage(), 0);
    }
}

static void a_library_is_copied_byte_by_byte_with_its_facts(void **state)
{
    (void)state;
    struct stage stage;
    struct stat st;
    size_t len;
    expect(fixture.original, NULL, STAGE_COPIED, NULL, &stage);
    char *path = sample_path(&fixture.stage, "copy");
    unsigned char *copy = sample_read(path, &len);
    assert_int_equal(len, fixture.len);
    assert_memory_equal(copy, fixture.bytes, len);
    assert_int_equal(stage.size, len);
    assert_true(stage.facts.table);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(fixture.original, &st), 0);
    assert_int_equal(stage.source.st_ino, st.st_ino);
    free(copy);
    free(path);
    drop("copy");
}

static void known_bytes_leave_no_file(void **state)
{
    (void)state;
    struct stage stage;
    expect(fixture.original, NULL, STAGE_COPIED, NULL, &stage);
    drop("copy");
    struct hash known = stage.hash;
    expect(fixture.original, &known, STAGE_SAME, NULL, &stage);
    assert_true(hash_equal(known, stage.hash));
    known.low++;
    expect(fixture.original, &known, STAGE_COPIED, NULL, &stage);
    drop("copy");
}

static void a_library_of_many_pieces_is_copied_and_known_too(void **state)
{
    (void)state;
    struct stage stage;
    size_t len;
    char *path = sample_build(&fixture.work, "liblarge.so", "",
                              "char hotrun_module_table[3000001] = {1, 2, 3};");
    expect(path, NULL, STAGE_COPIED, NULL, &stage);
    char *copied = sample_path(&fixture.stage, "copy");
    unsigned char *copy = sample_read(copied, &len);
    size_t source_len;
    unsigned char *source = sample_read(path, &source_len);
    assert_int_equal(len, source_len);
    assert_true(len > 3000001);
    assert_memory_equal(copy, source, len);
    free(copy);
    drop("copy");
    struct hash known = stage.hash;
    expect(path, &known, STAGE_SAME, NULL, &stage);

    char *cut = put("libcut.so", source, source_len - 5);
    expect(cut, NULL, STAGE_BAD, "libcut.so is not a complete library yet: the file ends inside",
           &stage);
    free(cut);
    free(source);
    free(copied);
    free(path);
}

static void an_existing_file_or_link_is_never_written(void **state)
{
    (void)state;
    struct stage stage;
    struct error err = {0};
    char *copy = sample_path(&fixture.stage, "copy");
    char *victim = put("victim", "keep", 4);
    assert_int_equal(symlink(victim, copy), 0);
    assert_int_equal(
        stage_copy(fixture.original, fixture.stage.fd, "copy", NULL, NULL, &stage, &err),
        STAGE_FAILED);
    assert_non_null(strstr(err.text, "cannot create the private copy copy: File exists"));
    drop("copy");
    size_t len;
    unsigned char *bytes = sample_read(victim, &len);
    assert_int_equal(len, 4);
    free(bytes);
    free(victim);
    free(copy);
}

static void a_missing_file_is_missing(void **state)
{
    (void)state;
    char *path = sample_path(&fixture.work, "nowhere/libgame.so");
    char *link = sample_path(&fixture.work, "dangling.so");
    char *below = sample_path(&fixture.work, "libgame.so/x");
    assert_int_equal(symlink(path, link), 0);
    expect(path, NULL, STAGE_MISSING, "does not exist", NULL);
    expect(link, NULL, STAGE_MISSING, "does not exist", NULL);
    expect(below, NULL, STAGE_MISSING, "does not exist", NULL);
    free(below);
    free(link);
    free(path);
}

static void a_link_is_followed(void **state)
{
    (void)state;
    char *link = sample_path(&fixture.work, "link.so");
    assert_int_equal(symlink("libgame.so", link), 0);
    expect(link, NULL, STAGE_COPIED, NULL, NULL);
    drop("copy");
    free(link);
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    (void)state;
    char *fifo = sample_path(&fixture.work, "fifo.so");
    char *sock = sample_path(&fixture.work, "sock.so");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_int_equal(mkfifo(fifo, 0600), 0);
    expect(fifo, NULL, STAGE_BAD, "fifo.so is a FIFO, not a library", NULL);
    expect(fixture.work.path, NULL, STAGE_BAD, "is a folder, not a library", NULL);
    expect("/dev/null", NULL, STAGE_BAD, "null is a device, not a library", NULL);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", sock);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    expect(sock, NULL, STAGE_BAD, "is a socket or device", NULL);
    assert_int_equal(close(fd), 0);
    free(sock);
    free(fifo);
}

static void a_bad_file_is_refused_with_its_hash(void **state)
{
    (void)state;
    struct stage stage;
    struct hash first;
    char *path = put("bad.so", "int main(void) { return 0; }\n", 29);
    expect(path, NULL, STAGE_BAD, "bad.so is not a usable library: it is a text file", &stage);
    first = stage.hash;
    assert_int_equal(stage.size, 29);
    expect(path, &first, STAGE_SAME, NULL, &stage);
    free(path);
    path = put("bad.so", "", 0);
    expect(path, NULL, STAGE_BAD, "is not a complete library yet: the file is empty", &stage);
    assert_false(hash_equal(first, stage.hash));
    free(path);
    path = put("bad.so", fixture.bytes, fixture.len - 100);
    expect(path, NULL, STAGE_BAD, "is not a complete library yet: the file ends inside", &stage);
    assert_true(stage.hash.low != 0);
    assert_true(stage.facts.incomplete);
    free(path);
    unsigned char *other = malloc(fixture.len);
    memcpy(other, fixture.bytes, fixture.len);
    other[18] = 243;
    path = put("bad.so", other, fixture.len);
    expect(path, NULL, STAGE_BAD, "is not a usable library: it is for RISC-V", &stage);
    free(other);
    free(path);
}

static bool leases_work(void)
{
    char *path = put("lease", "x", 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool works = fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
    (void)close(fd);
    free(path);
    return works;
}

static void an_open_writer_makes_it_busy(void **state)
{
    (void)state;
    if (!leases_work()) {
        print_message("skipped: no leases on this filesystem\n");
        skip();
    }
    assert_false(stage_has_writer(fixture.original));
    int writer = open(fixture.original, O_WRONLY | O_CLOEXEC);
    assert_true(writer >= 0);
    assert_true(stage_has_writer(fixture.original));
    expect(fixture.original, NULL, STAGE_BUSY, "libgame.so is open for writing", NULL);
    assert_int_equal(close(writer), 0);
    assert_false(stage_has_writer(fixture.original));
    assert_false(stage_has_writer("/nonexistent/libgame.so"));
    assert_false(stage_has_writer(fixture.work.path));
}

struct storm {
    const char *path;
    atomic_bool stop;
    unsigned long rounds;
};

static void *reopen_for_ever(void *argument)
{
    struct storm *storm = argument;
    while (!atomic_load(&storm->stop)) {
        int fd = open(storm->path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
            (void)close(fd);
            storm->rounds++;
        }
    }
    return NULL;
}

/* A writer that comes while the lease is held makes the kernel signal the holder. */
static void a_writer_that_comes_at_any_moment_does_not_kill(void **state)
{
    (void)state;
    struct storm storm = {.path = fixture.original};
    pthread_t thread;
    struct sigaction action;
    assert_int_equal(sigaction(SIGIO, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_DFL);
    assert_int_equal(pthread_create(&thread, NULL, reopen_for_ever, &storm), 0);
    for (int i = 0; i < 20000; i++) {
        (void)stage_has_writer(fixture.original);
    }
    atomic_store(&storm.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sigaction(SIGIO, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_DFL);
}

static void *rewrite_for_ever(void *argument)
{
    struct storm *storm = argument;
    while (!atomic_load(&storm->stop)) {
        int fd = open(storm->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        if (fd >= 0) {
            for (size_t at = 0; at < fixture.len; at += 4096) {
                size_t len = fixture.len - at < 4096 ? fixture.len - at : 4096;
                (void)!write(fd, fixture.bytes + at, len);
            }
            (void)close(fd);
            storm->rounds++;
        }
        for (volatile int i = 0; i < 1000000; i++) {
        }
    }
    return NULL;
}

static void what_is_copied_under_a_writer_is_whole_or_nothing(void **state)
{
    (void)state;
    char *path = put("storm.so", fixture.bytes, fixture.len);
    struct storm storm = {.path = path};
    size_t counts[STAGE_FAILED + 1] = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, rewrite_for_ever, &storm), 0);
    /* On a busy machine the writer may hold the file for a long while: at least one must come. */
    for (int i = 0; i < 3000 || (counts[STAGE_COPIED] == 0 && i < 1000000); i++) {
        struct stage stage;
        struct error err = {0};
        enum stage_outcome outcome =
            stage_copy(path, fixture.stage.fd, "copy", NULL, NULL, &stage, &err);
        counts[outcome]++;
        if (outcome == STAGE_COPIED) {
            size_t len;
            char *copy = sample_path(&fixture.stage, "copy");
            unsigned char *bytes = sample_read(copy, &len);
            assert_int_equal(len, fixture.len);
            assert_memory_equal(bytes, fixture.bytes, len);
            free(bytes);
            free(copy);
            assert_int_equal(unlinkat(fixture.stage.fd, "copy", 0), 0);
        } else if (outcome == STAGE_FAILED) {
            fail_msg("%s", err.text);
        }
    }
    atomic_store(&storm.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    print_message("%zu copied, %zu busy, %zu bad while it was written %lu times\n",
                  counts[STAGE_COPIED], counts[STAGE_BUSY], counts[STAGE_BAD], storm.rounds);
    assert_int_equal(files_in_stage(), 0);
    assert_true(counts[STAGE_COPIED] > 0);
    free(path);
}

static void *chmod_for_ever(void *argument)
{
    struct storm *storm = argument;
    while (!atomic_load(&storm->stop)) {
        (void)chmod(storm->path, storm->rounds++ % 2 == 0 ? 0755 : 0700);
        for (volatile int i = 0; i < 3000000; i++) {
        }
    }
    return NULL;
}

/* No event follows a chmod, so waiting for one would miss the save. */
static void a_change_of_mode_does_not_make_it_busy(void **state)
{
    (void)state;
    char *path = put("mode.so", fixture.bytes, fixture.len);
    struct storm storm = {.path = path};
    pthread_t thread;
    size_t copied = 0;
    assert_int_equal(pthread_create(&thread, NULL, chmod_for_ever, &storm), 0);
    for (int i = 0; i < 500; i++) {
        struct stage stage;
        struct error err = {0};
        if (stage_copy(path, fixture.stage.fd, "copy", NULL, NULL, &stage, &err) == STAGE_COPIED) {
            copied++;
            assert_int_equal(unlinkat(fixture.stage.fd, "copy", 0), 0);
        }
    }
    atomic_store(&storm.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    print_message("%zu of 500 copied while the mode changed %lu times\n", copied, storm.rounds);
    assert_true(copied > 400);
    free(path);
}

static void failures_of_the_system_are_told(void **state)
{
    (void)state;
    struct stage stage;
    struct error err = {0};
    if (geteuid() != 0) {
        char *path = put("locked.so", fixture.bytes, fixture.len);
        assert_int_equal(chmod(path, 0), 0);
        expect(path, NULL, STAGE_FAILED, "cannot open", NULL);
        free(path);
    }
    char *loop = sample_path(&fixture.work, "loop.so");
    assert_int_equal(symlink("loop.so", loop), 0);
    expect(loop, NULL, STAGE_FAILED, "Too many levels of symbolic links", NULL);
    free(loop);
    assert_int_equal(stage_copy(fixture.original, -1, "copy", NULL, NULL, &stage, &err),
                     STAGE_FAILED);
    assert_non_null(strstr(err.text, "cannot create the private copy copy: Bad file descriptor"));
    assert_int_equal(
        stage_copy(fixture.original, fixture.stage.fd, "no/where", NULL, NULL, &stage, &err),
        STAGE_FAILED);
    int full = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(stage_copy(fixture.original, full, "full", NULL, NULL, &stage, &err),
                     STAGE_FAILED);
    assert_int_equal(close(full), 0);
}

static void no_descriptor_is_left_open(void **state)
{
    (void)state;
    int before = dup(0);
    assert_int_equal(close(before), 0);
    struct stage stage;
    for (int i = 0; i < 50; i++) {
        expect(fixture.original, NULL, STAGE_COPIED, NULL, &stage);
        drop("copy");
        expect(fixture.original, &stage.hash, STAGE_SAME, NULL, NULL);
        expect(fixture.work.path, NULL, STAGE_BAD, NULL, NULL);
    }
    int after = dup(0);
    assert_int_equal(after, before);
    assert_int_equal(close(after), 0);
}

static void a_file_that_was_prepared_is_used_and_one_that_went_away_is_not(void **state)
{
    (void)state;
    struct stage stage;
    struct error err;
    for (int gone = 0; gone <= 1; gone++) {
        int ready = stage_prepare(fixture.stage.fd, "copy");
        assert_true(ready >= 0);
        assert_true(gone == 0 || unlinkat(fixture.stage.fd, "copy", 0) == 0);
        int outcome =
            (int)stage_copy(fixture.original, fixture.stage.fd, "copy", &ready, NULL, &stage, &err);
        assert_int_equal(outcome, STAGE_COPIED);
        assert_int_equal(ready, -1);
        assert_int_equal(unlinkat(fixture.stage.fd, "copy", 0), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_was_prepared_is_used_and_one_that_went_away_is_not),
        cmocka_unit_test(a_library_is_copied_byte_by_byte_with_its_facts),
        cmocka_unit_test(known_bytes_leave_no_file),
        cmocka_unit_test(a_library_of_many_pieces_is_copied_and_known_too),
        cmocka_unit_test(an_existing_file_or_link_is_never_written),
        cmocka_unit_test(a_missing_file_is_missing),
        cmocka_unit_test(a_link_is_followed),
        cmocka_unit_test(what_is_no_regular_file_is_refused_at_once),
        cmocka_unit_test(a_bad_file_is_refused_with_its_hash),
        cmocka_unit_test(an_open_writer_makes_it_busy),
        cmocka_unit_test(a_writer_that_comes_at_any_moment_does_not_kill),
        cmocka_unit_test(what_is_copied_under_a_writer_is_whole_or_nothing),
        cmocka_unit_test(a_change_of_mode_does_not_make_it_busy),
        cmocka_unit_test(failures_of_the_system_are_told),
        cmocka_unit_test(no_descriptor_is_left_open),
    };
    return cmocka_run_group_tests_name("module: stage", tests, set_up, tear_down);
}
