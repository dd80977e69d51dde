/* Whole libraries are accepted; cut, zeroed and damaged ones are not. */
#define _GNU_SOURCE
#include "elf_trial.h"

#include <elf.h>
#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_linker_is_accepted_and_its_parts_are_not),
        cmocka_unit_test(the_table_is_found_as_the_loader_finds_it),
        cmocka_unit_test(a_library_without_section_table_is_accepted),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_file_that_is_shorter_than_it_was_is_an_error_of_reading),
        cmocka_unit_test(a_zeroed_tail_of_any_length_is_refused),
        cmocka_unit_test(zeroed_section_names_are_refused),
        cmocka_unit_test(flipped_bits_never_crash_and_mostly_show),
        cmocka_unit_test(random_bytes_behind_a_good_header_never_crash),
        cmocka_unit_test(every_pointer_of_the_dynamic_table_is_checked),
    };
    return cmocka_run_group_tests_name("module: elf file", tests, set_up, tear_down);
}
