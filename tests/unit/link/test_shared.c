#define _GNU_SOURCE /* memfd_create */
#include "link/shared.h"

#include "base/hash.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT 200
#define PAGE  4096

/* As it stands at the start of each slot; the bytes follow after one page. */
struct header {
    uint64_t magic, check;
    struct snapshot snapshot;
};

static struct shared shared;
static struct text bytes;

static void create(struct shared *fresh, uint64_t limit)
{
    struct error err;
    assert_true(shared_create(fresh, limit, &err));
}

static int setup(void **state)
{
    (void)state;
    create(&shared, LIMIT);
    bytes = (struct text){0};
    return 0;
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
    return (struct snapshot){.sequence = sequence,
                             .generation = 3,
                             .step = 81204,
                             .time_ns = 5,
                             .kind = SNAPSHOT_JSON,
                             .why = SNAPSHOT_SWAP,
                             .state_version = 7,
                             .flags = 1,
                             .module = "game"};
}

static void publish(const struct shared *to, int slot, uint64_t sequence, const char *text)
{
    struct error err;
    struct snapshot snapshot = envelope(sequence);
    assert_true(shared_publish(to, slot, &snapshot, text, strlen(text), &err));
    assert_int_equal(snapshot.len, strlen(text));
}

static bool is_readable(const struct shared *from, int slot)
{
    struct error err = {0};
    struct snapshot snapshot;
    bool ok = shared_read(from, slot, &snapshot, &bytes, &err);
    assert_true(ok || err.code == ERROR_FORMAT);
    return ok;
}

static void expect(const struct shared *from, int slot, uint64_t sequence, const char *text)
{
    struct error err;
    struct snapshot snapshot;
    assert_true(shared_read(from, slot, &snapshot, &bytes, &err));
    struct snapshot expected = envelope(sequence);
    expected.len = snapshot.len;
    expected.checksum = snapshot.checksum;
    assert_memory_equal(&snapshot, &expected, sizeof snapshot);
    assert_string_equal(text_string(&bytes), text);
    assert_int_equal(bytes.len, strlen(text));
}

static off_t slot_offset(const struct shared *of, int slot)
{
    struct stat st;
    assert_int_equal(fstat(of->fd, &st), 0);
    off_t tail = (off_t)(SHARED_ANNOUNCE_SIZE + SHARED_CRASH_SIZE);
    return PAGE + slot * ((st.st_size - PAGE - tail) / SHARED_SLOT_COUNT);
}

/* Reads and writes what lies in a slot, as stray user code could. */
static void look(int slot, off_t at, void *to, size_t len)
{
    assert_int_equal(pread(shared.fd, to, len, slot_offset(&shared, slot) + at), len);
}

static void scribble(int slot, off_t at, const void *from, size_t len)
{
    assert_int_equal(pwrite(shared.fd, from, len, slot_offset(&shared, slot) + at), len);
}

static void every_slot_is_empty_at_first(void **state)
{
    (void)state;
    struct snapshot snapshot;
    for (int slot = 0; slot < SHARED_SLOT_COUNT; slot++) {
        assert_false(shared_peek(&shared, slot, &snapshot));
        assert_false(is_readable(&shared, slot));
    }
    assert_int_equal(atomic_load(&shared.page->word), 0);
}

static void a_snapshot_is_read_as_it_was_published(void **state)
{
    (void)state;
    char text[] = "slot 0";
    struct snapshot snapshot;
    for (int slot = 0; slot < SHARED_SLOT_COUNT; slot++) {
        text[5] = (char)('0' + slot);
        publish(&shared, slot, (uint64_t)slot, text);
    }
    for (int slot = 0; slot < SHARED_SLOT_COUNT; slot++) {
        text[5] = (char)('0' + slot);
        assert_true(shared_peek(&shared, slot, &snapshot));
        assert_int_equal(snapshot.len, 6);
        expect(&shared, slot, (uint64_t)slot, text);
    }
    publish(&shared, 1, 9, "newer and longer");
    expect(&shared, 1, 9, "newer and longer");
    expect(&shared, 0, 0, "slot 0");
    expect(&shared, 2, 2, "slot 2");
}

static void the_limit_may_be_reached_and_not_crossed(void **state)
{
    (void)state;
    char text[LIMIT + 2] = "";
    struct error err = {0};
    struct snapshot snapshot = envelope(2);
    memset(text, 'x', LIMIT);
    publish(&shared, 0, 1, text);
    text[LIMIT] = 'x';
    assert_false(shared_publish(&shared, 0, &snapshot, text, LIMIT + 1, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    text[LIMIT] = '\0';
    expect(&shared, 0, 1, text);
    publish(&shared, 1, 3, "");
    expect(&shared, 1, 3, "");
}

static void a_snapshot_of_many_pieces_is_read_whole(void **state)
{
    (void)state;
    struct shared large;
    struct shared other;
    struct error err;
    size_t len = ((size_t)256 << 10) * 3 + 5;
    char *image = malloc(len);
    assert_non_null(image);
    for (size_t i = 0; i < len; i++) {
        image[i] = (char)(i * 2654435761U >> 7);
    }
    struct snapshot snapshot = envelope(1);
    snapshot.kind = SNAPSHOT_IMAGE;
    create(&large, len);
    create(&other, len);
    assert_true(shared_publish(&large, SHARED_PIN_2, &snapshot, image, len, &err));
    assert_int_equal(shared_salvage(&large, &other, SHARED_SLOTS_ALL), 1U << SHARED_PIN_2);
    assert_true(shared_copy(&other, SHARED_PIN_2, SHARED_TURN_0));
    assert_true(shared_read(&other, SHARED_TURN_0, &snapshot, &bytes, &err));
    assert_int_equal(bytes.len, len);
    assert_memory_equal(bytes.data, image, len);
    shared_finish(&large);
    shared_finish(&other);
    free(image);
}

static void a_snapshot_in_parts_is_read_as_one(void **state)
{
    (void)state;
    struct error err = {0};
    struct snapshot snapshot = envelope(1);
    char many[LIMIT];
    memset(many, 'x', sizeof many);
    const struct shared_part parts[] = {{"head", 4}, {NULL, 0}, {"the state", 9}, {"\0\0", 2}};
    const struct shared_part large[] = {{many, LIMIT}, {"x", 1}};
    snapshot.kind = SNAPSHOT_PARTS;
    snapshot.layout = 77;
    assert_true(shared_publish_parts(&shared, 0, &snapshot, parts, 4, &err));
    assert_true(shared_read(&shared, 0, &snapshot, &bytes, &err));
    assert_int_equal(snapshot.kind, SNAPSHOT_PARTS);
    assert_int_equal(snapshot.layout, 77);
    assert_int_equal(bytes.len, 15);
    assert_memory_equal(bytes.data, "headthe state\0\0", 15);
    assert_false(shared_publish_parts(&shared, 0, &snapshot, large, 2, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_true(shared_read(&shared, 0, &snapshot, &bytes, &err));
}

static void a_flipped_bit_anywhere_is_never_believed(void **state)
{
    (void)state;
    static const char text[] = "{\"position\": [1, 2, 9007199254740993]}";
    size_t len = sizeof text - 1;
    publish(&shared, 1, 1, text);
    for (size_t i = 0; i < sizeof(struct header) + len; i++) {
        off_t at = i < sizeof(struct header) ? (off_t)i : (off_t)(PAGE + i - sizeof(struct header));
        for (int bit = 0; bit < 8; bit++) {
            unsigned char byte;
            look(1, at, &byte, 1);
            byte ^= (unsigned char)(1U << bit);
            scribble(1, at, &byte, 1);
            assert_false(is_readable(&shared, 1));
            byte ^= (unsigned char)(1U << bit);
            scribble(1, at, &byte, 1);
        }
    }
    expect(&shared, 1, 1, text);
}

static void a_snapshot_that_is_cut_anywhere_is_never_believed(void **state)
{
    (void)state;
    static const char text[] = "not one byte of this is 0";
    static const char zeros[PAGE + sizeof text];
    size_t len = sizeof text - 1;
    for (size_t cut = 0; cut < len; cut++) {
        publish(&shared, 0, cut, text);
        scribble(0, (off_t)(PAGE + cut), zeros, len - cut);
        assert_false(is_readable(&shared, 0));
    }
    for (size_t cut = 0; cut < offsetof(struct header, snapshot.module) + 4; cut++) {
        publish(&shared, 0, cut, text);
        scribble(0, (off_t)cut, zeros, sizeof(struct header) - cut);
        assert_false(is_readable(&shared, 0));
    }
}

/* A publication writes the header without its check, the bytes, the header. Cut short after any
 * byte, the slot has what was there, what was to come, or nothing. */
static void a_publication_that_stops_anywhere_leaves_nothing_torn(void **state)
{
    (void)state;
    static const char old_text[] = "old state";
    static const char new_text[] = "NEW, LARGER STATE";
    struct header was;
    struct header begun;
    struct header done;
    publish(&shared, 1, 2, new_text);
    look(1, 0, &done, sizeof done);
    begun = done;
    begun.check = 0;
    publish(&shared, 0, 1, old_text);
    look(0, 0, &was, sizeof was);
    const struct {
        const void *bytes;
        size_t len;
        off_t at;
    } writes[] = {
        {&begun, sizeof begun, 0}, {new_text, sizeof new_text - 1, PAGE}, {&done, sizeof done, 0}};
    for (size_t write = 0; write < 3; write++) {
        for (size_t cut = 0; cut <= writes[write].len; cut++) {
            scribble(0, 0, &was, sizeof was);
            scribble(0, PAGE, old_text, sizeof old_text - 1);
            for (size_t i = 0; i < write; i++) {
                scribble(0, writes[i].at, writes[i].bytes, writes[i].len);
            }
            scribble(0, writes[write].at, writes[write].bytes, cut);
            if (is_readable(&shared, 0)) {
                assert_true(write != 1);
                expect(&shared, 0, write == 0 ? 1 : 2, write == 0 ? old_text : new_text);
            } else {
                assert_true(write != 2 || cut < sizeof done);
                assert_true(write != 0 || cut > 0);
            }
        }
    }
    expect(&shared, 0, 2, new_text);
}

static void nonsense_under_a_right_checksum_is_refused(void **state)
{
    (void)state;
    struct header whole;
    publish(&shared, 0, 1, "text");
    look(0, 0, &whole, sizeof whole);
    struct header wrong[5] = {whole, whole, whole, whole, whole};
    wrong[0].snapshot.len = shared.limit + 1;
    wrong[1].snapshot.len = UINT64_MAX;
    wrong[2].snapshot.kind = 0;
    wrong[3].snapshot.kind = SNAPSHOT_PARTS + 1;
    memset(wrong[4].snapshot.module, 'x', sizeof wrong[4].snapshot.module);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct snapshot snapshot;
        wrong[i].check = hash_bytes(&wrong[i].snapshot, sizeof wrong[i].snapshot);
        scribble(0, 0, &wrong[i], sizeof wrong[i]);
        assert_false(shared_peek(&shared, 0, &snapshot));
        assert_false(is_readable(&shared, 0));
    }
    scribble(0, 0, &whole, sizeof whole);
    expect(&shared, 0, 1, "text");
}

static void what_is_whole_is_salvaged_and_the_rest_is_not(void **state)
{
    (void)state;
    struct shared next;
    create(&next, LIMIT);
    publish(&shared, SHARED_TURN_0, 1, "first");
    publish(&shared, SHARED_TURN_1, 2, "torn");
    publish(&shared, SHARED_PIN_1, 3, "pinned");
    scribble(SHARED_TURN_1, 20, "torn", 4);
    assert_int_equal(shared_salvage(&shared, &next, SHARED_SLOTS_ALL),
                     1U << SHARED_TURN_0 | 1U << SHARED_PIN_1);
    expect(&next, SHARED_TURN_0, 1, "first");
    expect(&next, SHARED_PIN_1, 3, "pinned");
    assert_false(is_readable(&next, SHARED_TURN_1));
    assert_false(is_readable(&next, SHARED_PIN_0));
    expect(&shared, SHARED_TURN_0, 1, "first");
    shared_finish(&next);
}

static void damaged_bytes_are_not_believed_after_a_salvage_either(void **state)
{
    (void)state;
    struct shared next;
    create(&next, LIMIT);
    publish(&shared, SHARED_PIN_0, 1, "damaged");
    scribble(SHARED_PIN_0, PAGE + 2, "x", 1);
    (void)shared_salvage(&shared, &next, SHARED_SLOTS_ALL);
    assert_false(is_readable(&next, SHARED_PIN_0));
    shared_finish(&next);
}

static void what_is_too_large_for_the_next_memory_is_not_salvaged(void **state)
{
    (void)state;
    struct shared next;
    create(&next, 5);
    publish(&shared, 0, 1, "12345");
    publish(&shared, 1, 2, "123456");
    assert_int_equal(shared_salvage(&shared, &next, SHARED_SLOTS_ALL), 1U);
    expect(&next, 0, 1, "12345");
    shared_finish(&next);
}

static void a_copy_reads_like_the_original(void **state)
{
    (void)state;
    publish(&shared, SHARED_TURN_1, 4, "good");
    publish(&shared, SHARED_PIN_0, 1, "something else, longer");
    assert_true(shared_copy(&shared, SHARED_TURN_1, SHARED_PIN_0));
    assert_true(shared_copy(&shared, SHARED_TURN_1, SHARED_TURN_1));
    publish(&shared, SHARED_TURN_1, 5, "later");
    expect(&shared, SHARED_PIN_0, 4, "good");
    assert_false(shared_copy(&shared, SHARED_PIN_2, SHARED_PIN_0));
    expect(&shared, SHARED_PIN_0, 4, "good");
}

static void a_copy_that_stops_on_its_way_leaves_an_empty_slot(void **state)
{
    (void)state;
    struct snapshot snapshot;
    struct rlimit before;
    publish(&shared, SHARED_TURN_0, 2, "to be copied");
    publish(&shared, SHARED_PIN_0, 1, "what was there");
    /* The header can still be written, the bytes behind it cannot. */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit short_of = before;
    short_of.rlim_cur = (rlim_t)slot_offset(&shared, SHARED_PIN_0) + PAGE;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &short_of), 0);
    bool copied = shared_copy(&shared, SHARED_TURN_0, SHARED_PIN_0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_false(copied);
    assert_false(shared_peek(&shared, SHARED_PIN_0, &snapshot));
    expect(&shared, SHARED_TURN_0, 2, "to be copied");
}

static void nobody_can_cut_or_stretch_the_memory(void **state)
{
    (void)state;
    assert_int_equal(ftruncate(shared.fd, PAGE), -1);
    assert_int_equal(ftruncate(shared.fd, 1 << 20), -1);
    assert_true((fcntl(shared.fd, F_GETFD) & FD_CLOEXEC) != 0);
}

static void what_is_no_shared_memory_is_refused(void **state)
{
    (void)state;
    static const off_t sizes[] = {0, 1, PAGE, 2 * PAGE - 1, 2 * PAGE, 5 * PAGE};
    struct shared wrong;
    struct error err = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int fd = memfd_create("wrong", MFD_CLOEXEC);
        assert_int_equal(ftruncate(fd, sizes[i]), 0);
        assert_false(shared_attach(&wrong, fd, &err));
        assert_true(err.text[0] != '\0');
        shared_finish(&wrong);
    }
    assert_false(shared_attach(&wrong, -1, &err));
    shared_finish(&wrong);
    shared_finish(&wrong);
}

static void a_word_is_a_step_and_a_phase(void **state)
{
    (void)state;
    static const char *const names[] = {"host",        "load",     "init", "step",  "serialize",
                                        "deserialize", "on_event", "fini", "unload"};
    assert_int_equal(sizeof names / sizeof names[0], PHASE_COUNT);
    for (int phase = 0; phase < 16; phase++) {
        uint64_t word = page_word(UINT64_C(1) << 59, (enum phase)phase);
        assert_int_equal(page_index(word), UINT64_C(1) << 59);
        assert_int_equal(page_phase(word), phase < PHASE_COUNT ? phase : PHASE_NONE);
        if (phase < PHASE_COUNT) {
            assert_string_equal(phase_name((enum phase)phase), names[phase]);
        }
    }
}

#define WITH_MEMORY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void nothing_is_published_while_a_thread_dies(void **state)
{
    struct error err;
    struct snapshot snapshot = envelope(1);
    (void)state;
    assert_true(shared_publish(&shared, SHARED_TURN_0, &snapshot, "before", 6, &err));
    atomic_store(&shared.page->dying, 1);
    snapshot = envelope(2);
    assert_false(shared_publish(&shared, SHARED_TURN_1, &snapshot, "after", 5, &err));
    assert_false(shared_peek(&shared, SHARED_TURN_1, &snapshot));
    assert_true(shared_peek(&shared, SHARED_TURN_0, &snapshot));
}

static void a_file_that_has_the_number_of_the_memory_is_not_written_to(void **state)
{
    struct error err;
    struct stat st;
    struct snapshot snapshot = envelope(1);
    (void)state;
    int own = dup(shared.fd);
    int file = memfd_create("file", MFD_CLOEXEC);
    assert_int_equal(dup2(file, shared.fd), shared.fd);
    bool published = shared_publish(&shared, SHARED_TURN_0, &snapshot, "state", 5, &err);
    bool announced = shared_announce(&shared, "packet", 6);
    assert_int_equal(fstat(file, &st), 0);
    assert_int_equal(dup2(own, shared.fd), shared.fd);
    close(own);
    close(file);
    assert_false(published);
    assert_false(announced);
    assert_int_equal(st.st_size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MEMORY(every_slot_is_empty_at_first),
        WITH_MEMORY(a_snapshot_is_read_as_it_was_published),
        WITH_MEMORY(nothing_is_published_while_a_thread_dies),
        WITH_MEMORY(a_file_that_has_the_number_of_the_memory_is_not_written_to),
        WITH_MEMORY(the_limit_may_be_reached_and_not_crossed),
        WITH_MEMORY(a_snapshot_of_many_pieces_is_read_whole),
        WITH_MEMORY(a_snapshot_in_parts_is_read_as_one),
        WITH_MEMORY(a_flipped_bit_anywhere_is_never_believed),
        WITH_MEMORY(a_snapshot_that_is_cut_anywhere_is_never_believed),
        WITH_MEMORY(a_publication_that_stops_anywhere_leaves_nothing_torn),
        WITH_MEMORY(nonsense_under_a_right_checksum_is_refused),
        WITH_MEMORY(what_is_whole_is_salvaged_and_the_rest_is_not),
        WITH_MEMORY(damaged_bytes_are_not_believed_after_a_salvage_either),
        WITH_MEMORY(what_is_too_large_for_the_next_memory_is_not_salvaged),
        WITH_MEMORY(a_copy_reads_like_the_original),
        WITH_MEMORY(a_copy_that_stops_on_its_way_leaves_an_empty_slot),
        WITH_MEMORY(nobody_can_cut_or_stretch_the_memory),
        WITH_MEMORY(what_is_no_shared_memory_is_refused),
        cmocka_unit_test(a_word_is_a_step_and_a_phase),
    };
    return cmocka_run_group_tests_name("link: shared", tests, NULL, NULL);
}
