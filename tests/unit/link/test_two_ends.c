/* Supervisor and host at the two ends of shared memory. */
#include "link/shared.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT 200

static struct shared shared;
static struct text bytes;

static int setup(void **state)
{
    (void)state;
    struct error err;
    bytes = (struct text){0};
    return shared_create(&shared, LIMIT, &err) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    shared_finish(&shared);
    text_finish(&bytes);
    return 0;
}

static struct snapshot envelope(uint64_t sequence)
{
    return (struct snapshot){
        .sequence = sequence, .generation = 3, .kind = SNAPSHOT_JSON, .module = "game"};
}

/* What the child says, by its exit status: 0 for all is well. */
static int host_says(void)
{
    struct error err;
    struct shared end;
    struct text text = {0};
    struct snapshot snapshot = envelope(2);
    if (!shared_attach(&end, dup(shared.fd), &err) || end.limit < LIMIT) {
        return 1;
    }
    if (!shared_read(&end, SHARED_PIN_0, &snapshot, &text, &err) || text.len != 6) {
        return 2;
    }
    text_finish(&text);
    snapshot = envelope(2);
    if (!shared_publish(&end, SHARED_TURN_0, &snapshot, "from the host", 13, &err)) {
        return 3;
    }
    atomic_store(&end.page->word, page_word(81204, PHASE_STEP));
    atomic_store(&end.page->generation, 3);
    return atomic_load(&end.page->command) == 1 ? 0 : 4;
}

static void two_processes_see_the_same(void **state)
{
    (void)state;
    int status;
    struct error err;
    struct snapshot snapshot = envelope(1);
    assert_true(shared_publish(&shared, SHARED_PIN_0, &snapshot, "pinned", 6, &err));
    atomic_store(&shared.page->command, 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(host_says());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(shared_read(&shared, SHARED_TURN_0, &snapshot, &bytes, &err));
    assert_int_equal(snapshot.sequence, 2);
    assert_string_equal(text_string(&bytes), "from the host");
    uint64_t word = atomic_load(&shared.page->word);
    assert_int_equal(page_index(word), 81204);
    assert_int_equal(page_phase(word), PHASE_STEP);
    assert_int_equal(atomic_load(&shared.page->generation), 3);
}

#define BUSY_SIZE 100000

/* Publishes for ever, each snapshot of one letter; says so on `told` after the first. */
static void publish_for_ever(int fd, int told)
{
    static char image[BUSY_SIZE];
    struct shared to;
    struct error err;
    if (!shared_attach(&to, fd, &err)) {
        _exit(1);
    }
    for (uint64_t i = 0;; i++) {
        struct snapshot snapshot = envelope(i);
        memset(image, 'a' + (int)(i % 26), sizeof image);
        (void)shared_publish(&to, (int)(i % 2), &snapshot, image, sizeof image, NULL);
        if (i == 1) {
            (void)!write(told, "", 1);
        }
    }
}

/* True when the slot has a snapshot; it is then of one letter throughout. */
static bool expect_one_letter(const struct shared *busy, int slot)
{
    struct error err;
    struct snapshot snapshot;
    if (!shared_read(busy, slot, &snapshot, &bytes, &err)) {
        return false;
    }
    assert_int_equal(bytes.len, BUSY_SIZE);
    assert_int_equal(bytes.data[0], 'a' + (int)(snapshot.sequence % 26));
    assert_memory_equal(bytes.data, bytes.data + 1, BUSY_SIZE - 1);
    return true;
}

static void a_publisher_that_is_killed_leaves_whole_snapshots_or_none(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        int told[2];
        char byte;
        struct shared busy;
        struct error err;
        assert_true(shared_create(&busy, BUSY_SIZE, &err));
        assert_int_equal(pipe(told), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            publish_for_ever(busy.fd, told[1]);
        }
        assert_int_equal(read(told[0], &byte, 1), 1);
        for (int i = 0; i < round % 8; i++) { /* while it is being written */
            (void)expect_one_letter(&busy, i % 2);
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        /* At most one was in the making: the other slot is whole. */
        bool first = expect_one_letter(&busy, 0);
        bool second = expect_one_letter(&busy, 1);
        assert_true(first || second);
        shared_finish(&busy);
        close(told[0]);
        close(told[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_processes_see_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(a_publisher_that_is_killed_leaves_whole_snapshots_or_none,
                                        setup, teardown),
    };
    return cmocka_run_group_tests_name("link: two ends", tests, NULL, NULL);
}
