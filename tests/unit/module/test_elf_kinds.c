/* What kind of file it is: no library, another one than this machine loads, or one that stays. */
#define _GNU_SOURCE
#include "elf_trial.h"

#include <elf.h>
#include <stddef.h>
#include <stdio.h>

static void what_is_no_library_is_named(void **state)
{
    (void)state;
    unsigned char noise[4096];
    static const unsigned char zeroes[4096];
    srandom(3);
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (unsigned char)random();
    }
    assert_refused("", 0, "the file is empty");
    assert_refused("\177EL", 3, "ends inside its header (3 of 64 bytes");
    assert_refused(zeroes, sizeof zeroes, "zeroes stand where its header should be");
    assert_refused(noise, sizeof noise, "it is not a shared library");
    assert_refused("int main(void)\n", 15, "it is a text file");
    assert_refused("#!/bin/sh\nexit 0\n", 17, "it is a script");
    assert_refused("!<arch>\nabc/    ", 16, "it is a static library");
    assert_refused("/* GNU ld script */ INPUT(x)", 28, "it is a linker script");
    assert_refused("MZ..............", 16, "it is a Windows library");
}

static void another_kind_of_elf_file_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *flags, *words;
    } KINDS[] = {
        {"-fPIE -pie", "it is an executable (PIE), not a shared library (link with -shared)"},
        {"-no-pie", "it is an executable, not a shared library (link with -shared)"},
        {"-c", "it is an object file, not a shared library (link it with -shared)"},
        {"-shared -fPIC -Wl,-z,nodlopen", "it forbids dlopen"},
    };
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        size_t len;
        char *path =
            sample_try(&fixture.dir, "kind", "gcc", KINDS[i].flags, "int main(void) { return 0; }");
        assert_non_null(path);
        unsigned char *bytes = sample_read(path, &len);
        assert_refused(bytes, len, KINDS[i].words);
        free(bytes);
        free(path);
    }
}

static void debug_information_alone_is_refused(void **state)
{
    (void)state;
    char command[256];
    if (!sample_has("objcopy")) {
        skip();
    }
    char *path = sample_build(&fixture.dir, "full.so", "-g", MODULE);
    (void)snprintf(command, sizeof command, "objcopy --only-keep-debug '%s' '%s/full.debug'", path,
                   fixture.dir.path);
    assert_int_equal(system(command), 0);
    free(path);
    path = sample_path(&fixture.dir, "full.debug");
    size_t len;
    unsigned char *bytes = sample_read(path, &len);
    assert_refused(bytes, len, "holds only debug information");
    free(bytes);
    free(path);
}

static void another_machine_class_or_order_is_named(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char value;
        const char *words;
    } CHANGES[] = {
        {EI_CLASS, ELFCLASS32, "it is a 32-bit library"},
        {EI_CLASS, 77, "unknown class"},
        {EI_DATA, ELFDATA2MSB, "other byte order"},
        {EI_OSABI, ELFOSABI_FREEBSD, "another operating system"},
        {EI_PAD + 3, 1, "padding"},
        {offsetof(Elf64_Ehdr, e_machine), EM_RISCV, "it is for RISC-V; this machine is"},
        {offsetof(Elf64_Ehdr, e_type), ET_CORE, "it is a core dump"},
        {offsetof(Elf64_Ehdr, e_type), ET_NONE, "zeroes stand where the rest of its header"},
        {offsetof(Elf64_Ehdr, e_phentsize), 32, "table of segments"},
    };
    unsigned char *bytes = malloc(fixture.len);
    for (size_t i = 0; i < sizeof CHANGES / sizeof CHANGES[0]; i++) {
        memcpy(bytes, fixture.bytes, fixture.len);
        bytes[CHANGES[i].at] = CHANGES[i].value;
        assert_refused(bytes, fixture.len, CHANGES[i].words);
    }
    free(bytes);
}

static void what_keeps_a_library_resident_is_told(void **state)
{
    (void)state;
    struct elf_facts facts;
    struct error err;
    char *path = sample_build(&fixture.dir, "stay.so", "-Wl,-z,nodelete", MODULE);
    assert_true(check_path(path, &facts, &err));
    assert_true(facts.nodelete);
    assert_false(facts.thread_destructors);
    assert_string_equal(facts.unique_symbol, "");
    assert_string_equal(facts.sanitizer_symbol, "");
    free(path);

    path = sample_try(&fixture.dir, "unique.so", "g++", "-shared -fPIC -std=c++17",
                      "inline int counter = 0; int *get() { return &counter; }");
    if (path == NULL) {
        print_message("skipped: no g++ here\n");
        return;
    }
    assert_true(check_path(path, &facts, &err));
    assert_string_equal(facts.unique_symbol, "counter");
    free(path);

    path = sample_try(&fixture.dir, "thread.so", "g++", "-shared -fPIC",
                      "struct noisy { ~noisy(); int n; }; int sum; noisy::~noisy() { sum++; }\n"
                      "thread_local noisy mine; int use() { return mine.n; }");
    assert_non_null(path);
    assert_true(check_path(path, &facts, &err));
    assert_true(facts.thread_destructors);
    free(path);
}

static void where_debug_info_is_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *flags;
        bool debug_info;
        unsigned id_len;
    } kinds[] = {
        {"-g -Wl,--build-id=none", true, 0},
        {"-g -gz -Wl,--build-id=sha1", true, 20},
        {"-g -gsplit-dwarf -Wl,--build-id=0x0102030405", true, 5},
        {"-g0 -Wl,--build-id=md5", false, 16},
        {"-g -s -Wl,--build-id=none", false, 0},
    };
    struct elf_facts facts;
    struct error err;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char *path = sample_build(&fixture.dir, "told.so", kinds[i].flags, MODULE);
        assert_true(check_path(path, &facts, &err));
        assert_int_equal(facts.debug_info, kinds[i].debug_info);
        assert_int_equal(facts.build_id_len, kinds[i].id_len);
        if (kinds[i].id_len == 5) {
            assert_memory_equal(facts.build_id, "\1\2\3\4\5", 5);
        }
        free(path);
    }
}

static void debug_info_beside_it_counts_where_it_is_named(void **state)
{
    (void)state;
    struct elf_facts facts;
    struct error err;
    char command[512];
    if (!sample_has("objcopy")) {
        skip();
    }
    char *path = sample_build(&fixture.dir, "parted.so", "-g", MODULE);
    (void)snprintf(command, sizeof command,
                   "cd '%s' && objcopy --only-keep-debug parted.so parted.debug && objcopy "
                   "--strip-debug --add-gnu-debuglink=parted.debug parted.so",
                   fixture.dir.path);
    assert_int_equal(system(command), 0);
    assert_true(check_path(path, &facts, &err));
    assert_true(facts.debug_info);
    free(path);
}

static void a_sanitizer_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *compiler, *flag, *symbol;
        bool first, linked;
    } CASES[] = {
        {"gcc", "address", "__asan_init", true, true},
        {"gcc", "address,undefined", "__asan_init", true, true},
        {"gcc", "thread", "__tsan_init", true, true},
        {"gcc", "leak", "__lsan_init", true, true},
        {"gcc", "undefined", "__ubsan_handle_*", false, true},
        {"clang", "address", "__asan_init", true, false},
        {"clang", "thread", "__tsan_init", true, false},
        {"clang", "undefined", "__ubsan_handle_*", false, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char flags[128];
        struct elf_facts facts;
        struct error err;
        (void)snprintf(flags, sizeof flags, "-shared -fPIC -fsanitize=%s", CASES[i].flag);
        char *path = sample_try(&fixture.dir, "san.so", CASES[i].compiler, flags,
                                "int add(int a, int b) { int c[4] = {a}; return c[b] + b; }");
        if (path == NULL) {
            print_message("skipped: no %s -fsanitize=%s here\n", CASES[i].compiler, CASES[i].flag);
            continue;
        }
        assert_true(check_path(path, &facts, &err));
        assert_string_equal(facts.sanitizer_symbol, CASES[i].symbol);
        assert_int_equal(facts.sanitizer, CASES[i].first);
        assert_int_equal(facts.sanitizer_linked, CASES[i].linked);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_library_is_named),
        cmocka_unit_test(another_kind_of_elf_file_is_named),
        cmocka_unit_test(debug_information_alone_is_refused),
        cmocka_unit_test(another_machine_class_or_order_is_named),
        cmocka_unit_test(what_keeps_a_library_resident_is_told),
        cmocka_unit_test(where_debug_info_is_is_told),
        cmocka_unit_test(debug_info_beside_it_counts_where_it_is_named),
        cmocka_unit_test(a_sanitizer_is_told),
    };
    return cmocka_run_group_tests_name("module: elf kinds", tests, set_up, tear_down);
}
