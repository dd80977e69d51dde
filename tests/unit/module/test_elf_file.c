#define _GNU_SOURCE
#include "module/elf_file.h"

#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char MODULE[] =
    "#include <hotrun/hotrun.h>\n"
    "#include <stdlib.h>\n"
    "struct game { long n; char text[64]; };\n"
    "static __thread int calls;\n"
    "__attribute__((constructor)) static void up(void) { calls = atoi(\"1\"); }\n"
    "__attribute__((destructor)) static void down(void) { calls = 0; }\n"
    "static hotrun_status step(const hotrun_host *h, void *s, const hotrun_step *t)\n"
    "{ struct game *g = s; g->n++; snprintf(g->text, 64, \"%d\", calls++);\n"
    "  hotrun_logf(h, 2, \"%s\", g->text); return HOTRUN_OK; }\n"
    "HOTRUN_MODULE(struct game, .name = \"game\", .step = step);\n";

static const char MODULE_CPP[] =
    "#include <hotrun/hotrun.h>\n"
    "#include <new>\n"
    "struct shape { virtual ~shape() {} virtual int area() = 0; };\n"
    "struct square : shape { int area() override { return 4; } };\n"
    "inline int &total() { static int n = 0; return n; }\n"
    "template <class T> struct holder { static T value; };\n"
    "template <class T> T holder<T>::value = T();\n"
    "struct game { long n; };\n"
    "static hotrun_status step(const hotrun_host *, void *s, const hotrun_step *)\n"
    "{ shape *p = new square; if (square *q = dynamic_cast<square *>(p)) total() += q->area();\n"
    "  delete p; try { throw 1; } catch (int) { holder<int>::value++; }\n"
    "  static_cast<game *>(s)->n = total(); return HOTRUN_OK; }\n"
    "HOTRUN_MODULE(game, .name = \"game\", .step = step);\n";

static const char *const COMPILERS[] = {"gcc", "clang"};
static const char *const LINKERS[] = {"bfd", "gold", "lld", "mold"};

struct fixture {
    struct sample_dir dir;
    unsigned char *bytes; /* of a small library */
    size_t len;
};

static struct fixture fixture;

static int set_up(void **state)
{
    (void)state;
    sample_dir_create(&fixture.dir);
    char *path = sample_build(&fixture.dir, "small.so", "-s -Wl,-z,noseparate-code", MODULE);
    fixture.bytes = sample_read(path, &fixture.len);
    free(path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(fixture.bytes);
    sample_dir_destroy(&fixture.dir);
    return 0;
}

static bool check_bytes(const void *bytes, size_t len, struct elf_facts *facts, struct error *err)
{
    int fd = sample_memfd(bytes, len);
    bool ok = elf_file_check(fd, len, facts, err);
    assert_int_equal(close(fd), 0);
    return ok;
}

static bool check_path(const char *path, struct elf_facts *facts, struct error *err)
{
    size_t len;
    unsigned char *bytes = sample_read(path, &len);
    bool ok = check_bytes(bytes, len, facts, err);
    free(bytes);
    return ok;
}

static void assert_refused(const void *bytes, size_t len, const char *words)
{
    struct elf_facts facts;
    struct error err = {0};
    assert_false(check_bytes(bytes, len, &facts, &err));
    assert_int_equal(err.code, ERROR_FORMAT);
    if (strstr(err.text, words) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
}

/* Every way to link that people use. Each is also cut at every 64th byte and loses its tail. */
static void assert_whole_and_nothing_less(const char *path, const char *how)
{
    struct elf_facts facts;
    struct error err = {0};
    size_t len;
    unsigned char *bytes = sample_read(path, &len);
    int fd = sample_memfd(bytes, len);
    if (!elf_file_check(fd, len, &facts, &err)) {
        fail_msg("%s: %s", how, err.text);
    }
    for (size_t cut = 0; cut < len; cut += 64) {
        if (elf_file_check(fd, cut, &facts, &err)) {
            fail_msg("%s: accepted at %zu of %zu bytes", how, cut, len);
        }
        assert_int_equal(err.code, ERROR_FORMAT);
    }
    assert_int_equal(close(fd), 0);
    for (size_t tail = 64; tail <= len; tail *= 2) {
        memset(bytes + len - tail, 0, tail);
        if (check_bytes(bytes, len, &facts, &err)) {
            fail_msg("%s: accepted with %zu zeroes at its end", how, tail);
        }
        assert_true(facts.incomplete);
    }
    free(bytes);
}

static void every_linker_is_accepted_and_its_parts_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *flags;
        bool cpp, optional;
    } WAYS[] = {
        {"-g", false, false},
        {"-O2 -g -flto", false, true},
        {"-O2 -s", false, false},
        {"-O2 -g -Wl,-z,now -Wl,--hash-style=both", false, false},
        {"-O2 -Wl,--hash-style=sysv", false, false},
        {"-O2 -Wl,--pack-dyn-relocs=relr", false, true},
        {"-O2 -Wl,-z,pack-relative-relocs", false, true},
        {"-g", true, false},
        {"-O2 -s", true, false},
    };
    for (size_t c = 0; c < 2; c++) {
        for (size_t l = 0; l < 4; l++) {
            char linker[16];
            (void)snprintf(linker, sizeof linker, "ld.%s", LINKERS[l]);
            if (!sample_has(linker) || !sample_has(COMPILERS[c])) {
                print_message("skipped: no %s or no %s here\n", COMPILERS[c], linker);
                continue;
            }
            for (size_t w = 0; w < sizeof WAYS / sizeof WAYS[0]; w++) {
                char flags[256];
                char how[320];
                const char *compiler = !WAYS[w].cpp ? COMPILERS[c] : c == 0 ? "g++" : "clang++";
                (void)snprintf(flags, sizeof flags, "-shared -fPIC -fuse-ld=%s %s", LINKERS[l],
                               WAYS[w].flags);
                (void)snprintf(how, sizeof how, "%s %s", compiler, flags);
                char *path = sample_try(&fixture.dir, "whole.so", compiler, flags,
                                        WAYS[w].cpp ? MODULE_CPP : MODULE);
                if (path == NULL) {
                    if (!WAYS[w].optional) {
                        fail_msg("%s does not compile", how);
                    }
                    print_message("skipped: %s is not possible here\n", how);
                    continue;
                }
                assert_whole_and_nothing_less(path, how);
                free(path);
            }
        }
    }
}

static void the_table_is_found_as_the_loader_finds_it(void **state)
{
    (void)state;
    static const char *const STYLES[] = {"gnu", "sysv", "both"};
    for (size_t i = 0; i < 3; i++) {
        char flags[64];
        struct elf_facts facts;
        struct error err;
        (void)snprintf(flags, sizeof flags, "-Wl,--hash-style=%s", STYLES[i]);
        char *with = sample_build(&fixture.dir, "with.so", flags, MODULE);
        char *without = sample_build(&fixture.dir, "without.so", flags,
                                     "int other(void) "
                                     "{ return 1; }");
        assert_true(check_path(with, &facts, &err));
        assert_true(facts.table);
        assert_true(check_path(without, &facts, &err));
        assert_false(facts.table);
        free(with);
        free(without);
    }
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    int fd = sample_memfd(fixture.bytes, fixture.len);
    struct elf_facts facts;
    struct error err;
    assert_true(elf_file_check(fd, fixture.len, &facts, &err));
    for (size_t len = 0; len < fixture.len; len++) {
        if (elf_file_check(fd, len, &facts, &err)) {
            fail_msg("accepted with %zu of %zu bytes", len, fixture.len);
        }
        assert_int_equal(err.code, ERROR_FORMAT);
        assert_true(facts.incomplete);
    }
    assert_false(elf_file_check(fd, fixture.len - 1, &facts, &err));
    assert_non_null(strstr(err.text, "the file ends inside its section table ("));
    assert_int_equal(close(fd), 0);
}

static void a_file_that_is_shorter_than_it_was_is_an_error_of_reading(void **state)
{
    (void)state;
    struct elf_facts facts;
    struct error err;
    int fd = sample_memfd(fixture.bytes, 100);
    assert_false(elf_file_check(fd, fixture.len, &facts, &err));
    assert_int_equal(err.code, ERROR_SYSTEM);
    assert_int_equal(close(fd), 0);
}

static void a_zeroed_tail_of_any_length_is_refused(void **state)
{
    (void)state;
    unsigned char *bytes = malloc(fixture.len);
    memcpy(bytes, fixture.bytes, fixture.len);
    for (size_t tail = 1; tail <= fixture.len; tail++) {
        struct elf_facts facts;
        struct error err;
        bytes[fixture.len - tail] = 0;
        /* Shorter ones reach only what bfd leaves zero itself, or the alignment of a name. */
        if (tail >= 32 && check_bytes(bytes, fixture.len, &facts, &err)) {
            fail_msg("accepted with %zu zeroes at its end", tail);
        }
    }
    free(bytes);
}

static void zeroed_section_names_are_refused(void **state)
{
    (void)state;
    unsigned char *bytes = malloc(fixture.len);
    memcpy(bytes, fixture.bytes, fixture.len);
    Elf64_Ehdr header;
    Elf64_Shdr names;
    memcpy(&header, bytes, sizeof header);
    memcpy(&names, bytes + header.e_shoff + header.e_shstrndx * sizeof names, sizeof names);
    memset(bytes + names.sh_offset, 0, names.sh_size);
    assert_refused(bytes, fixture.len, "zeroes stand where the name of a section should be");
    free(bytes);
}

static void a_library_without_section_table_is_accepted(void **state)
{
    (void)state;
    unsigned char *bytes = malloc(fixture.len);
    memcpy(bytes, fixture.bytes, fixture.len);
    Elf64_Ehdr header;
    memcpy(&header, bytes, sizeof header);
    size_t len = header.e_shoff;
    header.e_shoff = 0;
    header.e_shnum = 0;
    header.e_shstrndx = 0;
    memcpy(bytes, &header, sizeof header);
    struct elf_facts facts;
    struct error err;
    assert_true(check_bytes(bytes, len, &facts, &err));
    assert_true(facts.table);
    free(bytes);
}

static void flipped_bits_never_crash_and_mostly_show(void **state)
{
    (void)state;
    unsigned char *bytes = malloc(fixture.len);
    size_t refused = 0;
    enum {
        ROUNDS = 20000,
        HEADERS = 64 + 56 * 4
    };
    srandom(20240601);
    for (int round = 0; round < ROUNDS; round++) {
        struct elf_facts facts;
        struct error err;
        memcpy(bytes, fixture.bytes, fixture.len);
        for (int flips = round % 8; flips >= 0; flips--) {
            size_t at = (size_t)random() % (round % 2 == 0 ? fixture.len : HEADERS);
            bytes[at] ^= (unsigned char)(1U << (random() % 8));
        }
        refused += !check_bytes(bytes, fixture.len, &facts, &err);
    }
    print_message("%zu of %d damaged files were recognised\n", refused, ROUNDS);
    assert_true(refused > ROUNDS / 2);
    free(bytes);
}

static void random_bytes_behind_a_good_header_never_crash(void **state)
{
    (void)state;
    unsigned char *bytes = malloc(fixture.len);
    srandom(7);
    for (int round = 0; round < 2000; round++) {
        struct elf_facts facts;
        struct error err;
        size_t from = (size_t)random() % fixture.len;
        memcpy(bytes, fixture.bytes, fixture.len);
        for (size_t i = from; i < fixture.len && i < from + 256; i++) {
            bytes[i] = (unsigned char)random();
        }
        (void)check_bytes(bytes, fixture.len, &facts, &err);
    }
    free(bytes);
}

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

/* Changes one entry of the dynamic table. */
static void assert_tag_matters(int64_t tag, uint64_t value)
{
    unsigned char *bytes = malloc(fixture.len);
    Elf64_Ehdr header;
    memcpy(bytes, fixture.bytes, fixture.len);
    memcpy(&header, bytes, sizeof header);
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, bytes + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type != PT_DYNAMIC) {
            continue;
        }
        for (size_t at = segment.p_offset; at < segment.p_offset + segment.p_filesz; at += 16) {
            Elf64_Dyn entry;
            memcpy(&entry, bytes + at, sizeof entry);
            if (entry.d_tag == tag) {
                struct elf_facts facts;
                struct error err;
                entry.d_un.d_val = value;
                memcpy(bytes + at, &entry, sizeof entry);
                if (check_bytes(bytes, fixture.len, &facts, &err)) {
                    fail_msg("entry %lld is %#llx and nobody minds", (long long)tag,
                             (unsigned long long)value);
                }
                free(bytes);
                return;
            }
        }
    }
    fail_msg("there is no entry %lld", (long long)tag);
}

static void every_pointer_of_the_dynamic_table_is_checked(void **state)
{
    (void)state;
    static const int64_t ADDRESSES[] = {DT_STRTAB,     DT_SYMTAB, DT_GNU_HASH, DT_RELA,
                                        DT_JMPREL,     DT_INIT,   DT_FINI,     DT_INIT_ARRAY,
                                        DT_FINI_ARRAY, DT_VERSYM, DT_VERNEED,  DT_PLTGOT};
    static const int64_t SIZES[] = {DT_STRSZ,        DT_RELASZ,     DT_PLTRELSZ,  DT_INIT_ARRAYSZ,
                                    DT_FINI_ARRAYSZ, DT_VERNEEDNUM, DT_RELACOUNT, DT_NEEDED};
    for (size_t i = 0; i < sizeof ADDRESSES / sizeof ADDRESSES[0]; i++) {
        assert_tag_matters(ADDRESSES[i], fixture.len * 16);
        assert_tag_matters(ADDRESSES[i], UINT64_MAX);
        assert_tag_matters(ADDRESSES[i], UINT64_MAX - 4096);
    }
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        assert_tag_matters(SIZES[i], fixture.len * 16 / 48 * 48);
        assert_tag_matters(SIZES[i], UINT64_MAX);
        assert_tag_matters(SIZES[i], UINT64_MAX / 48 * 48);
    }
    assert_tag_matters(DT_SYMENT, 16);
    assert_tag_matters(DT_RELAENT, 0);
    assert_tag_matters(DT_PLTREL, DT_REL);
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
        cmocka_unit_test(every_linker_is_accepted_and_its_parts_are_not),
        cmocka_unit_test(the_table_is_found_as_the_loader_finds_it),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_file_that_is_shorter_than_it_was_is_an_error_of_reading),
        cmocka_unit_test(a_zeroed_tail_of_any_length_is_refused),
        cmocka_unit_test(zeroed_section_names_are_refused),
        cmocka_unit_test(a_library_without_section_table_is_accepted),
        cmocka_unit_test(flipped_bits_never_crash_and_mostly_show),
        cmocka_unit_test(random_bytes_behind_a_good_header_never_crash),
        cmocka_unit_test(what_is_no_library_is_named),
        cmocka_unit_test(another_kind_of_elf_file_is_named),
        cmocka_unit_test(debug_information_alone_is_refused),
        cmocka_unit_test(another_machine_class_or_order_is_named),
        cmocka_unit_test(every_pointer_of_the_dynamic_table_is_checked),
        cmocka_unit_test(what_keeps_a_library_resident_is_told),
        cmocka_unit_test(a_sanitizer_is_told),
    };
    return cmocka_run_group_tests_name("module: elf file", tests, set_up, tear_down);
}
