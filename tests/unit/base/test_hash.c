#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned char bytes[3000];

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 7 + i / 256);
    }
    return 0;
}

static struct hash hash_in_pieces(size_t len, size_t piece)
{
    struct hash_stream *stream = hash_stream_create();
    assert_non_null(stream);
    for (size_t at = 0; at < len; at += piece) {
        hash_stream_add(stream, bytes + at, len - at < piece ? len - at : piece);
    }
    struct hash hash = hash_stream_end(stream);
    hash_stream_destroy(stream);
    return hash;
}

static void pieces_do_not_matter(void **state)
{
    (void)state;
    struct hash whole = hash_in_pieces(sizeof bytes, sizeof bytes);
    static const size_t pieces[] = {1, 7, 64, 255, 256, 257, 1024};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        assert_true(hash_equal(hash_in_pieces(sizeof bytes, pieces[i]), whole));
    }
}

static void a_stream_gives_what_one_piece_gives(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 17, 240, 241, 1024, 1025, sizeof bytes};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct hash_stream *stream = hash_stream_create();
        assert_non_null(stream);
        hash_stream_add(stream, bytes, lens[i] / 3);
        hash_stream_add(stream, bytes + lens[i] / 3, lens[i] - lens[i] / 3);
        assert_true(hash_stream_bytes(stream) == hash_bytes(bytes, lens[i]));
        hash_stream_destroy(stream);
    }
}

static void each_length_has_its_own_fingerprint(void **state)
{
    (void)state;
    static unsigned char zeros[600];
    struct hash before[600];
    for (size_t len = 0; len < 600; len++) {
        struct hash_stream *stream = hash_stream_create();
        assert_non_null(stream);
        hash_stream_add(stream, zeros, len);
        before[len] = hash_stream_end(stream);
        hash_stream_destroy(stream);
        for (size_t i = 0; i < len; i++) {
            assert_false(hash_equal(before[i], before[len]));
        }
    }
}

static void each_bit_matters(void **state)
{
    (void)state;
    static const size_t lens[] = {1, 8, 17, 129, 300};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        uint64_t whole = hash_bytes(bytes, lens[i]);
        struct hash wide = hash_in_pieces(lens[i], lens[i]);
        for (size_t bit = 0; bit < lens[i] * 8; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
            assert_true(hash_bytes(bytes, lens[i]) != whole);
            assert_false(hash_equal(hash_in_pieces(lens[i], lens[i]), wide));
            bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        }
    }
}

static void a_fingerprint_does_not_end_its_stream(void **state)
{
    (void)state;
    struct hash_stream *stream = hash_stream_create();
    assert_non_null(stream);
    hash_stream_add(stream, bytes, 100);
    struct hash middle = hash_stream_end(stream);
    assert_true(hash_equal(hash_stream_end(stream), middle));
    hash_stream_add(stream, bytes + 100, 200);
    assert_true(hash_equal(hash_stream_end(stream), hash_in_pieces(300, 300)));
    hash_stream_destroy(stream);
    hash_stream_destroy(NULL);
}

static void both_halves_are_compared(void **state)
{
    (void)state;
    assert_true(hash_equal((struct hash){1, 2}, (struct hash){1, 2}));
    assert_false(hash_equal((struct hash){1, 2}, (struct hash){1, 3}));
    assert_false(hash_equal((struct hash){1, 2}, (struct hash){3, 2}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(a_stream_gives_what_one_piece_gives),
        cmocka_unit_test(each_length_has_its_own_fingerprint),
        cmocka_unit_test(each_bit_matters),
        cmocka_unit_test(a_fingerprint_does_not_end_its_stream),
        cmocka_unit_test(both_halves_are_compared),
    };
    return cmocka_run_group_tests_name("base: hash", tests, fill, NULL);
}
