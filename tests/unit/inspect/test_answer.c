#define _GNU_SOURCE /* dladdr */
#include "inspect/answer.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static char own_path[PATH_MAX];
static struct naming_request request = {.kind = NAMING_NAME, .number = 7};
static struct naming_answer answer;
static struct text packet;

static __attribute__((noinline)) int place_that_is_named(int number)
{
    return number * 3;
}

/* One frame, in this very program; its time is over before it begins. */
static void ask(void **state)
{
    Dl_info info;
    void *place = (void *)(uintptr_t)place_that_is_named;
    (void)state;
    assert_non_null(realpath("/proc/self/exe", own_path));
    assert_int_not_equal(dladdr(place, &info), 0);
    struct crash_record *record = &request.record;
    record->frame_count = record->object_count = 1;
    record->frames[0] =
        (struct crash_frame){.pc = (uint64_t)(uintptr_t)place, .exact = 1, .object = 1};
    record->objects[0].base = (uint64_t)(uintptr_t)info.dli_fbase;
    assert_true(strlen(own_path) < sizeof record->objects[0].path);
    (void)strcpy(record->objects[0].path, own_path);
}

static void answer_with(struct shelf *shelf)
{
    struct source source = {0};
    assert_true(answer_make(shelf, &source, "", &request, &packet));
    assert_true(naming_read(&answer, text_string(&packet), packet.len));
    assert_int_equal(answer.count, 1);
    source_forget(&source);
}

static void what_is_open_is_named_by_symbol_and_line_also_when_it_is_late(void **state)
{
    struct shelf shelf = {0};
    ask(state);
    assert_non_null(shelf_take(&shelf, own_path));
    answer_with(&shelf);
    const struct naming_frame *frame = &answer.frames[0];
    assert_string_equal(frame->function, "place_that_is_named");
    assert_int_not_equal(frame->line, 0);
    const char *name = strrchr(frame->file, '/');
    assert_non_null(name);
    assert_string_equal(name, "/test_answer.c");
    text_finish(&packet);
    shelf_finish(&shelf);
}

static void what_is_not_open_is_not_opened_when_it_is_late(void **state)
{
    struct shelf shelf = {0};
    ask(state);
    answer_with(&shelf);
    assert_string_equal(answer.frames[0].function, "");
    assert_string_equal(answer.frames[0].object, own_path);
    text_finish(&packet);
    shelf_finish(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_open_is_named_by_symbol_and_line_also_when_it_is_late),
        cmocka_unit_test(what_is_not_open_is_not_opened_when_it_is_late),
    };
    (void)elf_version(EV_CURRENT);
    return place_that_is_named(1) != 3 || cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
