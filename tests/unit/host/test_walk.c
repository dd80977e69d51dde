#define _GNU_SOURCE /* dladdr */
#include "host/walk.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct walk pointers, tables;
static sigjmp_buf way_out;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    struct registers registers = registers_of(context);
    (void)signal;
    (void)info;
    walk_by_pointers(&pointers, &registers);
    walk_by_tables(&tables, context, true);
    registers_put_back(context, &registers);
    siglongjmp(way_out, 1);
}

/* Walks from where `death`, called by `caller` of a library with frame pointers, faults. */
static void walk_from(const char *death)
{
    struct sigaction before;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    void (*caller)(void (*)(void));
    void (*function)(void);
    void *module = dlopen(DYING_WITH_POINTERS, RTLD_NOW | RTLD_NODELETE);
    assert_non_null(module);
    *(void **)&caller = dlsym(module, "caller");
    *(void **)&function = dlsym(module, death);
    assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
    if (sigsetjmp(way_out, 1) == 0) {
        caller(function);
    }
    (void)sigaction(SIGSEGV, &before, NULL);
    (void)dlclose(module); /* it stays: RTLD_NODELETE */
}

static bool is_in(const struct walk *walk, unsigned index, const char *function)
{
    Dl_info info;
    uint64_t pc = walk->frames[index].pc - (walk->frames[index].exact ? 0 : 1);
    return index < walk->count && dladdr((void *)(uintptr_t)pc, &info) != 0 &&
           info.dli_sname != NULL && strcmp(info.dli_sname, function) == 0;
}

static void frame_pointers_alone_lead_to_the_callers(void **state)
{
    (void)state;
    walk_from("write_to_null");
    assert_true(is_in(&pointers, 0, "write_to_null"));
    assert_true(is_in(&pointers, 1, "caller"));
    assert_true(pointers.frames[0].exact);
    assert_false(pointers.frames[1].exact);
}

static void frame_pointers_alone_lead_out_of_a_call_through_null(void **state)
{
    (void)state;
    walk_from("call_through_null");
    assert_int_equal(pointers.frames[0].pc, 0);
    assert_true(is_in(&pointers, 1, "call_through_null"));
    assert_true(is_in(&pointers, 2, "caller"));
}

static void tables_lead_to_the_callers_and_into_the_program(void **state)
{
    (void)state;
#if HOTRUN_UNWIND
    walk_from("write_to_null");
    assert_true(is_in(&tables, 0, "write_to_null"));
    assert_true(is_in(&tables, 1, "caller"));
    assert_true(tables.count > 3);
    assert_string_equal(tables.frames[2].object->l_name, ""); /* walk_from */
#else
    skip();
#endif
}

static void fill(struct walk *walk, const struct link_map *const *objects, unsigned count)
{
    *walk = (struct walk){.count = count};
    for (unsigned i = 0; i < count; i++) {
        walk->frames[i] = (struct walk_frame){.pc = 100 + i, .object = objects[i]};
    }
}

static char no_name[] = "";
static char name[] = "/tmp/libgame.so";
static struct link_map program = {.l_name = no_name}, module = {.l_name = name};

static void the_hosts_frames_between_those_of_the_module_stay(void **state)
{
    const struct link_map *frames[] = {&module, &program, &module, &program, &program};
    struct walk walk;
    (void)state;
    fill(&walk, frames, 5);
    walk_trim(&walk);
    assert_int_equal(walk.count, 3);
    assert_true(walk.whole);
}

static void a_walk_that_is_all_the_hosts_stays(void **state)
{
    const struct link_map *frames[] = {&program, &program};
    struct walk walk;
    (void)state;
    fill(&walk, frames, 2);
    walk_trim(&walk);
    assert_int_equal(walk.count, 2);
    assert_false(walk.whole);
}

static void the_way_from_exit_into_the_host_is_left_out(void **state)
{
    const struct link_map *frames[] = {&program, &module, &program};
    struct walk walk;
    (void)state;
    fill(&walk, frames, 3);
    walk_trim(&walk);
    assert_int_equal(walk.count, 1);
    assert_int_equal(walk.frames[0].pc, 101);
}

static void the_walk_that_tells_more_is_kept(void **state)
{
    const struct link_map *frames[] = {&module, &module, NULL, NULL};
    struct walk three;
    struct walk two;
    struct walk none = {0};
    (void)state;
    fill(&three, frames, 3);
    fill(&two, frames, 1);
    assert_true(walk_is_better(&three, &two));
    assert_false(walk_is_better(&two, &three));
    assert_false(walk_is_better(&none, &two));
    two.whole = true;
    assert_true(walk_is_better(&two, &three));
}

static void more_objects_than_the_record_holds_are_told_as_unknown(void **state)
{
    static struct link_map many[CRASH_OBJECTS_MOST + 1];
    static struct crash_record record;
    static char long_path[CRASH_PATH_SIZE + 10];
    const struct link_map *objects[CRASH_OBJECTS_MOST + 1];
    struct walk walk;
    (void)state;
    memset(long_path, 'x', sizeof long_path - 1);
    for (unsigned i = 0; i <= CRASH_OBJECTS_MOST; i++) {
        many[i] = (struct link_map){.l_addr = 4096UL * i, .l_name = i == 0 ? long_path : name};
        objects[i] = &many[i];
    }
    fill(&walk, objects, CRASH_OBJECTS_MOST + 1);
    walk_record(&walk, &record);
    walk_record(&walk, &record); /* again, in its place */
    assert_int_equal(record.frame_count, CRASH_OBJECTS_MOST + 1);
    assert_int_equal(record.object_count, CRASH_OBJECTS_MOST);
    assert_int_equal(record.frames[0].object, 1);
    assert_int_equal(record.frames[CRASH_OBJECTS_MOST].object, 0);
    assert_string_equal(record.objects[0].path, "?");
}

static void fault(void *ctx)
{
    *(int *)ctx = 1;
    walk_fault(); /* as the handler does */
    *(int *)ctx = 2;
}

static void a_guarded_walk_ends_at_its_fault(void **state)
{
    int reached = 0;
    sigset_t before;
    sigset_t after;
    (void)state;
    (void)sigprocmask(SIG_SETMASK, NULL, &before);
    assert_false(walk_guarded(fault, &reached));
    assert_int_equal(reached, 1);
    (void)sigprocmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&before, SIGSEGV), sigismember(&after, SIGSEGV));
    walk_fault(); /* returns: there is no guarded walk */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_pointers_alone_lead_to_the_callers),
        cmocka_unit_test(frame_pointers_alone_lead_out_of_a_call_through_null),
        cmocka_unit_test(tables_lead_to_the_callers_and_into_the_program),
        cmocka_unit_test(the_hosts_frames_between_those_of_the_module_stay),
        cmocka_unit_test(a_walk_that_is_all_the_hosts_stays),
        cmocka_unit_test(the_way_from_exit_into_the_host_is_left_out),
        cmocka_unit_test(the_walk_that_tells_more_is_kept),
        cmocka_unit_test(more_objects_than_the_record_holds_are_told_as_unknown),
        cmocka_unit_test(a_guarded_walk_ends_at_its_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
