#include "link/naming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct naming_answer answer;

static struct naming_frame frame(const char *function)
{
    return (struct naming_frame){.address = 0x7f0000001139,
                                 .offset = 0x1139,
                                 .line = 142,
                                 .column = 5,
                                 .inlined = 1,
                                 .function = function,
                                 .file = "/src/game.c",
                                 .source = "e->target->hp -= 1;",
                                 .object = "/stage/libgame.so"};
}

static void an_answer_is_read_as_it_was_written(void **state)
{
    struct text packet = {0};
    struct naming_frame one = frame("hit"), two = frame("");
    (void)state;
    assert_true(naming_begin(&packet, 7));
    naming_add(&packet, &one);
    naming_add(&packet, &two);
    assert_true(naming_read(&answer, packet.data, packet.len));
    assert_int_equal(answer.number, 7);
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.more, 0);
    assert_string_equal(answer.frames[0].function, "hit");
    assert_string_equal(answer.frames[0].file, "/src/game.c");
    assert_string_equal(answer.frames[0].source, "e->target->hp -= 1;");
    assert_string_equal(answer.frames[0].object, "/stage/libgame.so");
    assert_int_equal(answer.frames[0].line, 142);
    assert_int_equal(answer.frames[0].column, 5);
    assert_int_equal(answer.frames[0].inlined, 1);
    assert_int_equal(answer.frames[0].offset, 0x1139);
    assert_string_equal(answer.frames[1].function, "");
    text_finish(&packet);
}

static void long_names_are_cut_and_frames_without_room_are_counted(void **state)
{
    struct text packet = {0};
    char name[3 * NAMING_STRING_MOST];
    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct naming_frame long_one = frame(name);
    long_one.source = long_one.file = long_one.object = name;
    assert_true(naming_begin(&packet, 1));
    for (int i = 0; i < NAMING_FRAMES_MOST; i++) {
        naming_add(&packet, &long_one);
    }
    assert_true(packet.len <= NAMING_PACKET_MAX);
    assert_true(naming_read(&answer, packet.data, packet.len));
    assert_int_equal(answer.count + answer.more, NAMING_FRAMES_MOST);
    assert_true(answer.count > 30);
    assert_int_equal(strlen(answer.frames[0].function), NAMING_STRING_MOST);
    text_finish(&packet);
}

static void too_many_frames_are_counted(void **state)
{
    struct text packet = {0};
    struct naming_frame one = frame("f");
    (void)state;
    assert_true(naming_begin(&packet, 1));
    for (int i = 0; i < NAMING_FRAMES_MOST + 5; i++) {
        naming_add(&packet, &one);
    }
    assert_true(naming_read(&answer, packet.data, packet.len));
    assert_int_equal(answer.count, NAMING_FRAMES_MOST);
    assert_int_equal(answer.more, 5);
    text_finish(&packet);
}

/* Under AddressSanitizer each is read from memory of its own size. */
static void cut_and_changed_packets_are_no_answers_or_are_whole(void **state)
{
    struct text packet = {0};
    struct naming_frame one = frame("hit");
    (void)state;
    assert_true(naming_begin(&packet, 7));
    naming_add(&packet, &one);
    naming_add(&packet, &one);
    for (size_t len = 0; len < packet.len; len++) {
        char *cut = malloc(len + (len == 0));
        memcpy(cut, packet.data, len);
        assert_false(naming_read(&answer, cut, len));
        free(cut);
    }
    for (size_t at = 0; at < packet.len; at++) {
        static const unsigned char values[] = {0, 1, 0x7f, 0xff};
        for (size_t v = 0; v < sizeof values; v++) {
            char *changed = malloc(packet.len);
            memcpy(changed, packet.data, packet.len);
            changed[at] = (char)values[v];
            if (naming_read(&answer, changed, packet.len)) {
                for (uint32_t i = 0; i < answer.count; i++) {
                    assert_true(strlen(answer.frames[i].function) <= NAMING_STRING_MOST);
                    assert_true(strlen(answer.frames[i].object) <= NAMING_STRING_MOST);
                }
            }
            free(changed);
        }
    }
    text_finish(&packet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_read_as_it_was_written),
        cmocka_unit_test(long_names_are_cut_and_frames_without_room_are_counted),
        cmocka_unit_test(too_many_frames_are_counted),
        cmocka_unit_test(cut_and_changed_packets_are_no_answers_or_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
