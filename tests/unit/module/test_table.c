#define _GNU_SOURCE
#include "module/library.h"

#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sample_dir dir;

static int set_up(void **state)
{
    (void)state;
    sample_dir_create(&dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sample_dir_destroy(&dir);
    return 0;
}

/* Every field of a good table can be replaced by a -D. */
static const char TABLE[] =
    "#include <hotrun/hotrun.h>\n"
    "#include <stdlib.h>\n"
    "#ifndef STEP\n#define STEP own_step\n#endif\n"
    "#ifndef NAME\n#define NAME \"game\"\n#endif\n"
    "#ifndef SIZE\n#define SIZE sizeof(hotrun_module)\n#endif\n"
    "#ifndef MAJOR\n#define MAJOR HOTRUN_ABI_MAJOR\n#endif\n"
    "#ifndef ALIGN\n#define ALIGN 8\n#endif\n"
    "#ifndef MORE\n#define MORE\n#endif\n"
    "static char buffer[8];\n"
    "static hotrun_status own_step(const hotrun_host *h, void *s, const hotrun_step *t)\n"
    "{ return HOTRUN_OK; }\n"
    "static hotrun_status save(const hotrun_host *h, const void *s, const hotrun_writer *w)\n"
    "{ return HOTRUN_OK; }\n"
    "static hotrun_status restore(const hotrun_host *h, void *s, const char *j, size_t l,\n"
    "    uint32_t v) { return HOTRUN_OK; }\n"
    "const hotrun_module hotrun_module_table = {.size = SIZE, .abi_major = MAJOR,\n"
    "    .abi_minor = 7, .state_align = ALIGN, .state_size = 0, .name = NAME,\n"
    "    .step = STEP, MORE};\n";

static struct library *open_built(char *path)
{
    struct error err = {0};
    struct library *library = library_open(path, "libgame.so", NULL, &err);
    if (library == NULL) {
        fail_msg("%s", err.text);
    }
    free(path);
    return library;
}

static void expect_source(const char *flags, const char *source, const char *words)
{
    static unsigned count;
    char name[32];
    struct error err = {0};
    (void)snprintf(name, sizeof name, "table%u.so", count++);
    struct library *library = open_built(sample_build(&dir, name, flags, source));
    const hotrun_module *table = library_table(library, &err);
    if (words == NULL && table == NULL) {
        fail_msg("%s: %s", flags, err.text);
    }
    if (words != NULL && (table != NULL || strstr(err.text, words) == NULL)) {
        fail_msg("%s: '%s' does not say '%s'", flags, table != NULL ? "accepted" : err.text, words);
    }
    if (!library_close(library, &err)) {
        fail_msg("%s stays: %s", name, err.text);
    }
}

static void expect(const char *flags, const char *words)
{
    expect_source(flags, TABLE, words);
}

static void a_table_that_the_macro_makes_is_accepted(void **state)
{
    (void)state;
    expect_source("",
                  "#include <hotrun/hotrun.h>\n"
                  "struct game { int n; };\n"
                  "static hotrun_status step(const hotrun_host *h, void *s,\n"
                  "    const hotrun_step *t) { return HOTRUN_OK; }\n"
                  "HOTRUN_MODULE(struct game, .name = \"sp\\303\\274l\", .step = step);\n",
                  NULL);
    expect("", NULL);
}

static void a_table_of_a_later_minor_version_is_accepted(void **state)
{
    (void)state;
    expect_source("",
                  "#define HOTRUN_TABLE unused_table\n"
                  "#include <hotrun/hotrun.h>\n"
                  "static hotrun_status step(const hotrun_host *h, void *s,\n"
                  "    const hotrun_step *t) { return HOTRUN_OK; }\n"
                  "struct { hotrun_module now; void *later[3]; } const hotrun_module_table =\n"
                  "    {{.size = sizeof(hotrun_module) + 24, .abi_major = 1, .abi_minor = 9,\n"
                  "      .state_align = 1, .name = \"later\", .step = step,\n"
                  "      .flags = 0xfffffff0}};\n",
                  NULL);
}

static void a_missing_table_is_told_with_the_remedy(void **state)
{
    (void)state;
    expect_source("", "int x;", "libgame.so has no hotrun_module_table: put HOTRUN_MODULE(...);");
    expect("-fvisibility=hidden -Dhotrun_module_table=other_table", "has no hotrun_module_table");
}

static void a_table_of_a_needed_library_is_not_taken(void **state)
{
    (void)state;
    char flags[256];
    free(sample_build(&dir, "libhas.so", "-Wl,-soname,libhas.so", TABLE));
    (void)snprintf(flags, sizeof flags, "-Wl,--no-as-needed -L'%s' -lhas -Wl,-rpath,'%s'", dir.path,
                   dir.path);
    expect_source(flags, "int x;", "hotrun_module_table was found in libhas.so, not in libgame.so");
}

static void what_only_has_the_name_is_no_table(void **state)
{
    (void)state;
    expect_source("", "char hotrun_module_table[3] = {1, 2, 3};", "is no table");
    expect_source("", "_Alignas(16) char hotrun_module_table[200] = {0, 1};\n", "is no table");
    expect_source("", "_Alignas(16) const char hotrun_module_table[4096];\n", "is no table");
    expect_source("", "void hotrun_module_table(void) {}\n", "hotrun_module_table");
    expect_source("", "__thread long hotrun_module_table[40];\n", "hotrun_module_table");
    expect_source("-Wl,--defsym=hotrun_module_table=0x123", "int x;", "is no table");
    /* Misaligned inside of good data. */
    expect_source("",
                  "_Alignas(16) char big[400] = {8, 0, 0, 0, 104, 0, 0, 0, 1};\n"
                  "__asm__(\".globl hotrun_module_table; .set hotrun_module_table, big + 4\");\n",
                  "is no table");
}

static void another_major_version_is_told(void **state)
{
    (void)state;
    expect("-DMAJOR=2", "libgame.so was built for hotrun ABI 2, this is 1: rebuild it against this "
                        "hotrun.h");
    expect("-DMAJOR=2 -DSIZE=24", "was built for hotrun ABI 2");
    expect("-DMAJOR=0", "is no table (size ");
}

static void a_size_that_cannot_be_is_told(void **state)
{
    (void)state;
    expect("-DSIZE=8", "is no table (size 8, ABI 1)");
    expect("-DSIZE='sizeof(hotrun_module)-1'", "bytes, ABI 1.0 has");
    expect("-DSIZE=64", "has 64 bytes, ABI 1.0 has");
    expect("-DSIZE=0xffffffff", "tells a size of 4294967295 bytes, which reaches beyond its data");
}

static void an_alignment_that_cannot_be_is_told(void **state)
{
    (void)state;
    expect("-DALIGN=0", "state_align of libgame.so is 0: it must be a power of two, at most 4096");
    expect("-DALIGN=24", "state_align of libgame.so is 24");
    expect("-DALIGN=8192", "state_align of libgame.so is 8192");
    expect("-DALIGN=4096", NULL);
}

static void a_name_that_cannot_be_is_told(void **state)
{
    (void)state;
    expect("-DNAME='(char*)0'", "libgame.so has no name: give HOTRUN_MODULE a .name");
    expect("-DNAME='\"\"'", "the name of libgame.so is empty");
    expect("-DNAME='(char*)1'", "name is outside of libgame.so");
    expect("-DNAME='(char*)-8'", "name is outside of libgame.so");
    expect("-DNAME='buffer'", "name");
    expect("-DNAME='\"a\\nb\"'", "holds control characters or is not UTF-8");
    expect("-DNAME='\"a\\377\"'", "holds control characters or is not UTF-8");
    expect("-DNAME='\"\\355\\240\\200\"'", "holds control characters or is not UTF-8");
    expect("-DNAME='\"\\300\\200\"'", "holds control characters or is not UTF-8");
    expect("-DNAME='\"\\360\\237\\230\\200\"'", NULL);
    char flags[512] = "-DNAME='\"";
    memset(flags + strlen(flags), 'n', 256);
    strcat(flags, "\"'");
    expect(flags, "does not end within 255 bytes");
}

/* The file ends where the text ends: nothing behind it may be read. */
static void a_name_without_end_is_told(void **state)
{
    (void)state;
    expect_source("-Wl,-z,norelro",
                  "#define HOTRUN_TABLE unused_table\n"
                  "#include <hotrun/hotrun.h>\n"
                  "static hotrun_status step(const hotrun_host *h, void *s,\n"
                  "    const hotrun_step *t) { return HOTRUN_OK; }\n"
                  "__attribute__((section(\".data\"))) char pad[4096] = {1};\n"
                  "extern char _edata[];\n"
                  "hotrun_module hotrun_module_table = {.size = sizeof(hotrun_module),\n"
                  "    .abi_major = 1, .state_align = 1, .step = step};\n"
                  "__attribute__((constructor)) static void up(void)\n"
                  "{ _edata[-1] = 'x'; hotrun_module_table.name = _edata - 1; }\n",
                  "does not end within");
}

static void callbacks_that_do_not_fit_are_told(void **state)
{
    (void)state;
    expect("-DSTEP='(void*)0'", "libgame.so has no step: give HOTRUN_MODULE a .step");
    expect("-DMORE='.serialize=save'", "has serialize but no deserialize: give HOTRUN_MODULE both");
    expect("-DMORE='.deserialize=restore'", "has deserialize but no serialize");
    expect("-DMORE='.serialize=save,.deserialize=restore'", NULL);
    expect("-DSTEP='(void*)buffer'", "step points to data of libgame.so, not to a function");
    expect("-DSTEP='(void*)0x10'", "step is outside of libgame.so (address 0x10, which belongs to "
                                   "no library)");
    expect("-DSTEP='(void*)abort'", "step is outside of libgame.so (it is bound to libc's abort): "
                                    "make it static, or compile with -fvisibility=hidden");
    expect("-DMORE='.state_type=(void(*)(void))abort'", "state_type is outside of libgame.so");
    static const char *const OTHERS[] = {"init", "on_event", "fini", "get_extension"};
    for (size_t i = 0; i < 4; i++) {
        char flags[96];
        char words[96];
        (void)snprintf(flags, sizeof flags, "-DMORE='.%s=(void*)abort'", OTHERS[i]);
        (void)snprintf(words, sizeof words, "%s is outside of libgame.so", OTHERS[i]);
        expect(flags, words);
    }
}

static void an_exported_step_is_bound_to_libc_and_told(void **state)
{
    (void)state;
    static const char source[] =
        "#include <hotrun/hotrun.h>\n"
        "hotrun_status step(const hotrun_host *h, void *s, const hotrun_step *t)\n"
        "{ return HOTRUN_OK; }\n"
        "HOTRUN_MODULE_STATELESS(.name = \"game\", .step = step);\n";
    expect_source("", source,
                  "step is outside of libgame.so (it is bound to libc's step): make it "
                  "static, or compile with -fvisibility=hidden");
    expect_source("-fvisibility=hidden", source, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_that_the_macro_makes_is_accepted),
        cmocka_unit_test(a_table_of_a_later_minor_version_is_accepted),
        cmocka_unit_test(a_missing_table_is_told_with_the_remedy),
        cmocka_unit_test(a_table_of_a_needed_library_is_not_taken),
        cmocka_unit_test(what_only_has_the_name_is_no_table),
        cmocka_unit_test(another_major_version_is_told),
        cmocka_unit_test(a_size_that_cannot_be_is_told),
        cmocka_unit_test(an_alignment_that_cannot_be_is_told),
        cmocka_unit_test(a_name_that_cannot_be_is_told),
        cmocka_unit_test(a_name_without_end_is_told),
        cmocka_unit_test(callbacks_that_do_not_fit_are_told),
        cmocka_unit_test(an_exported_step_is_bound_to_libc_and_told),
    };
    return cmocka_run_group_tests_name("module: table", tests, set_up, tear_down);
}
