#define _GNU_SOURCE /* nftw */
#include "supervisor/backtrace.h"

#include "supervisor/cause.h"
#include "trial.h"

#include <cjson/cJSON.h>
#include <signal.h>

#define STAGED "/run/stage/libgame-1-4.so"

static const struct backtrace_view view = {.stage = "/run/stage", .shown = "./libgame.so"};
static struct naming_answer answer;
static struct backtrace trace;
static struct text text;
static char cwd[256];

static int empty(void **state)
{
    (void)state;
    memset(&answer, 0, sizeof answer);
    text_finish(&text);
    backtrace_finish(&trace);
    return getcwd(cwd, sizeof cwd) == NULL ? -1 : 0;
}

static struct naming_frame *add(const char *function, const char *file, uint32_t line,
                                const char *source, const char *object)
{
    struct naming_frame *frame = &answer.frames[answer.count++];
    *frame = (struct naming_frame){.address = 0x7f0000001000 + answer.count,
                                   .offset = 0x1000 + answer.count,
                                   .line = line,
                                   .function = function,
                                   .file = file,
                                   .source = source,
                                   .object = object};
    return frame;
}

static void expect_lines(const char *expected)
{
    text_clear(&text);
    backtrace_take(&trace, &answer, &view);
    backtrace_lines(&trace, &text);
    assert_string_equal(text_string(&text), expected);
}

static void the_users_frames_stand_in_columns(void **state)
{
    (void)state;
    add("raise", "", 0, "", "/lib/x86_64-linux-gnu/libc.so.6");
    add("update_enemies", "/src/game.c", 142, "e->target->hp -= 1;", STAGED);
    add("step", "/src/game.c", 88, "update_enemies(g);", STAGED);
    add("loop", "/hotrun/loop.c", 5, "call", "");
    expect_lines("\n    update_enemies  game.c:142    e->target->hp -= 1;"
                 "\n    step            game.c:88     update_enemies(g);");
}

static void all_frames_are_shown_when_none_is_the_users(void **state)
{
    (void)state;
    add("abort", "", 0, "", "/lib/x86_64-linux-gnu/libc.so.6")->past = 0x12d;
    add("", "", 0, "", "?");
    add("", "", 0, "", "");
    expect_lines("\n    abort+0x12d         in libc.so.6"
                 "\n    0x7f0000001002"
                 "\n    hotrun-host+0x1003");
}

static void code_without_debug_info_has_its_library_and_offset(void **state)
{
    (void)state;
    add("", "", 0, "", STAGED);
    add("step", "", 0, "", STAGED)->past = 0x1f;
    expect_lines("\n    libgame.so+0x1001"
                 "\n    step+0x1f          in libgame.so");
}

static void a_library_of_the_user_beside_the_module_is_the_users_too(void **state)
{
    (void)state;
    add("collide", "/src/physics.c", 3, "x();", "/home/me/libphysics.so");
    add("start", "/glibc/start.c", 3, "", "/usr/lib/libc.so.6");
    add("step", "/src/game.c", 88, "", STAGED);
    expect_lines("\n    collide  physics.c:3    x();"
                 "\n    step     game.c:88");
}

static void a_recursion_is_told_once(void **state)
{
    (void)state;
    for (int i = 0; i < 63; i++) {
        add("dig", "/src/game.c", 9, "dig(n + 1);", STAGED);
    }
    add("step", "/src/game.c", 88, "dig(0);", STAGED);
    expect_lines("\n    dig   game.c:9     dig(n + 1);  (63 times)"
                 "\n    step  game.c:88    dig(0);");
}

static void what_a_language_brings_along_is_not_the_users_code(void **state)
{
    (void)state;
    add("core::panicking::panic_fmt", "/rustc/5980/library/core/src/panicking.rs", 80, "", STAGED);
    add("(anonymous namespace)::step", "/src/game.cpp", 9, "a();", STAGED);
    add("hotrun::detail::guard", "/usr/include/hotrun/hotrun.hpp", 37, "return call();", STAGED);
    expect_lines("\n    (anonymous namespace)::step  game.cpp:9    a();");
}

static void many_frames_are_cut_and_counted(void **state)
{
    static char names[40][16];
    (void)state;
    for (int i = 0; i < 40; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%d", i);
        add(names[i], "/src/game.c", 1, "", STAGED);
    }
    answer.more = 2;
    backtrace_take(&trace, &answer, &view);
    backtrace_lines(&trace, &text);
    assert_non_null(strstr(text_string(&text), "\n    f11  game.c:1\n    and 30 more"));
    assert_null(strstr(text_string(&text), "f12"));
}

static void files_below_the_current_folder_keep_their_folders(void **state)
{
    char file[512];
    (void)state;
    (void)snprintf(file, sizeof file, "%s/build/../src/ai/think.c", cwd);
    add("think", file, 7, "", STAGED);
    expect_lines("\n    think  src/ai/think.c:7");
}

static void what_a_terminal_would_obey_is_taken_out(void **state)
{
    (void)state;
    add("f\033[31m\xff", "/src/g\n.c", 1, "a\tb\xc2\x9b", STAGED);
    expect_lines("\n    f?[31m?  g?.c:1    a b?");
}

static void wide_columns_are_cut(void **state)
{
    char name[300];
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    add(name, "/src/game.c", 1, name, STAGED);
    backtrace_take(&trace, &answer, &view);
    backtrace_lines(&trace, &text);
    assert_true(text.len < 200);
    assert_non_null(strstr(text_string(&text), "nn..  game.c:1    nn"));
}

static void a_line_of_an_edited_source_is_not_shown(void **state)
{
    (void)state;
    add("step", "/src/game.c", 1, "", STAGED)->edited = 1;
    expect_lines("\n    step  game.c:1    (changed since it was built)");
}

static const char *text_of(const cJSON *frame, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(frame, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static void tools_get_every_frame_with_what_is_known(void **state)
{
    (void)state;
    struct naming_frame *hit = add("hit", "/src/game.c", 142, "e->hp--;", STAGED);
    hit->column = 5;
    hit->inlined = 1;
    add("", "", 0, "", "?");
    add("main", "", 0, "", "");
    backtrace_take(&trace, &answer, &view);
    cJSON *json = backtrace_json(&trace);
    assert_int_equal(cJSON_GetArraySize(json), 3);
    char *first = cJSON_PrintUnformatted(cJSON_GetArrayItem(json, 0));
    assert_string_equal(first, "{\"function\":\"hit\",\"file\":\"/src/game.c\",\"line\":142,"
                               "\"column\":5,\"source\":\"e->hp--;\",\"inlined\":true,"
                               "\"object\":\"./libgame.so\",\"offset\":\"0x1001\","
                               "\"address\":\"0x7f0000001001\"}");
    cJSON_free(first);
    char *second = cJSON_PrintUnformatted(cJSON_GetArrayItem(json, 1));
    assert_string_equal(second, "{\"address\":\"0x7f0000001002\"}");
    cJSON_free(second);
    assert_string_equal(text_of(cJSON_GetArrayItem(json, 2), "object"), "hotrun-host");
    cJSON_Delete(json);
}

static void a_record_without_names_is_told_by_objects(void **state)
{
    static struct crash_record record;
    (void)state;
    memset(&record, 0, sizeof record);
    record.frame_count = 1000; /* more than there can be */
    record.object_count = 1;
    record.objects[0].base = 0x7000;
    (void)snprintf(record.objects[0].path, CRASH_PATH_SIZE, "%s", STAGED);
    record.frames[0] = (struct crash_frame){.pc = 0x7123, .object = 1};
    record.frames[1] = (struct crash_frame){.pc = 0x9999, .object = 77};
    backtrace_take_bare(&trace, &record, &view);
    assert_int_equal(trace.count, CRASH_FRAMES_MOST);
    backtrace_lines(&trace, &text);
    assert_string_equal(
        text_string(&text),
        "\n    libgame.so+0x123\n    and more; the innermost 64 calls are recorded");
    assert_string_equal(trace.frames[1].object, "?");
}

static unsigned register_index(const char *name)
{
    unsigned i = 0;
    while (crash_register_name(i) != NULL && strcmp(crash_register_name(i), name) != 0) {
        i++;
    }
    return i;
}

static void expect_cause(const struct crash_record *record, const char *expected)
{
    char words[128];
    assert_true(cause_words(record, &trace, words, sizeof words));
    assert_string_equal(words, expected);
}

static struct crash_record segv(uint64_t address, uint32_t writing)
{
    return (struct crash_record){.cause = CRASH_BY_SIGNAL,
                                 .signal = SIGSEGV,
                                 .code = SEGV_MAPERR,
                                 .has_address = 1,
                                 .address = address,
                                 .writing = writing,
                                 .by_main = 1,
                                 .register_count = CRASH_REGISTERS_MOST};
}

static void a_wrong_access_is_told_by_its_kind_and_address(void **state)
{
    (void)state;
    struct crash_record record = segv(8, 1);
    record.registers[register_index("rsp")] = 0x7ffe0000;
    record.registers[register_index("rip")] = 0x1234;
    expect_cause(&record, "SIGSEGV, write to 0x8");
    record.writing = 2;
    record.address = 0x10;
    expect_cause(&record, "SIGSEGV, read of 0x10");
    record.writing = 0;
    expect_cause(&record, "SIGSEGV, access to 0x10");
    record.address = 0;
    record.registers[register_index("rip")] = 0;
    record.writing = 2;
    expect_cause(&record, "SIGSEGV, jump to 0x0");
    record.address = 0x7ffe0000 - 8;
    record.by_main = 0;
    expect_cause(&record, "SIGSEGV, stack overflow, in another thread");
    record.by_main = 1;
    record.code = SI_KERNEL;
    expect_cause(&record, "SIGSEGV, access to an address that cannot exist");
    record = segv(0x5000, 2);
    record.signal = SIGBUS;
    record.code = BUS_ADRERR;
    expect_cause(&record, "SIGBUS, read of 0x5000, behind the end of a mapped file");
}

static void other_deaths_have_their_words(void **state)
{
    (void)state;
    struct crash_record record = segv(0, 0);
    record.signal = SIGFPE;
    record.code = FPE_INTDIV;
    expect_cause(&record, "SIGFPE, integer division by zero");
    record.signal = SIGILL;
    expect_cause(&record, "SIGILL, illegal instruction");
    record.signal = SIGABRT;
    expect_cause(&record, "SIGABRT");
    add("abort", "", 0, "", "/lib/libc.so.6");
    add("free", "", 0, "", "/lib/libc.so.6");
    backtrace_take(&trace, &answer, &view);
    expect_cause(&record, "SIGABRT, double free or damaged heap");
    add("__cxa_throw", "", 0, "", "/lib/libstdc++.so.6");
    backtrace_take(&trace, &answer, &view);
    expect_cause(&record, "SIGABRT, uncaught exception");
    record.cause = CRASH_BY_EXIT;
    record.exit_status = 3;
    expect_cause(&record, "exit status 3 without request_exit");
}

static void registers_are_told_in_columns(void **state)
{
    (void)state;
    struct crash_record record = segv(0, 0);
    record.register_count = 5;
    record.registers[0] = 0xdeadbeef;
    cause_registers(&record, &text);
    assert_non_null(strstr(text_string(&text), "\n    rax    0x00000000deadbeef  rbx    0x0"));
    assert_non_null(strstr(text_string(&text), "\n    rsi    0x0000000000000000"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, empty, empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_users_frames_stand_in_columns),
        TEST(all_frames_are_shown_when_none_is_the_users),
        TEST(code_without_debug_info_has_its_library_and_offset),
        TEST(a_library_of_the_user_beside_the_module_is_the_users_too),
        TEST(a_recursion_is_told_once),
        TEST(what_a_language_brings_along_is_not_the_users_code),
        TEST(many_frames_are_cut_and_counted),
        TEST(files_below_the_current_folder_keep_their_folders),
        TEST(what_a_terminal_would_obey_is_taken_out),
        TEST(wide_columns_are_cut),
        TEST(a_line_of_an_edited_source_is_not_shown),
        TEST(tools_get_every_frame_with_what_is_known),
        TEST(a_record_without_names_is_told_by_objects),
        TEST(a_wrong_access_is_told_by_its_kind_and_address),
        TEST(other_deaths_have_their_words),
        TEST(registers_are_told_in_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
