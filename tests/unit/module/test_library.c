#define _GNU_SOURCE
#include "module/library.h"

#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static struct library *must_open(const char *path)
{
    struct error err = {0};
    struct library *library = library_open(path, "libgame.so", NULL, &err);
    if (library == NULL) {
        fail_msg("%s", err.text);
    }
    return library;
}

static void must_refuse(const char *path, const char *words)
{
    struct error err = {0};
    struct library *library = library_open(path, "libgame.so", NULL, &err);
    assert_null(library);
    if (strstr(err.text, words) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
}

static void must_stay(struct library *library, const char *words)
{
    struct error reason = {0};
    assert_false(library_close(library, &reason));
    if (strstr(reason.text, words) == NULL) {
        fail_msg("'%s' does not say '%s'", reason.text, words);
    }
}

static void must_go(struct library *library)
{
    struct error reason = {0};
    if (!library_close(library, &reason)) {
        fail_msg("it stays: %s", reason.text);
    }
}

/* C++ with the compiler that is there; NULL, after a word about it, when there is none. */
static char *try_cpp(const char *name, const char *flags, const char *source)
{
    char all[256];
    (void)snprintf(all, sizeof all, "-shared -fPIC -std=c++17 %s", flags);
    char *path = sample_try(&dir, name, "g++", all, source);
    if (path == NULL) {
        print_message("skipped: no g++ here\n");
    }
    return path;
}

static void a_plain_library_is_mapped_and_goes(void **state)
{
    (void)state;
    char *path = sample_build(&dir, "plain.so", "",
                              "int number = 5; char room[20000];\n"
                              "int get(void) { return number; }");
    struct library *library = must_open(path);
    void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    assert_non_null(handle);
    const char *inside = dlsym(handle, "room");
    assert_int_equal(dlclose(handle), 0);
    assert_true(library_contains(library, inside));
    assert_true(library_contains(library, inside + 19999));
    assert_false(library_contains(library, &dir));
    assert_false(library_contains(library, (const void *)(uintptr_t)&printf));
    assert_false(library_contains(library, NULL));
    assert_true(library_mapped(library) > 20000);
    assert_true((uintptr_t)inside - library_base(library) < library_mapped(library));
    must_go(library);
    assert_null(dlopen(path, RTLD_LAZY | RTLD_NOLOAD));
    assert_true(library_close(NULL, NULL));
    free(path);
}

static void a_path_without_folder_is_not_searched_for(void **state)
{
    (void)state;
    char before[4096];
    char *path = sample_build(&dir, "libhere.so", "", "int here;");
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(dir.path), 0);
    must_go(must_open("libhere.so"));
    assert_int_equal(chdir(before), 0);
    free(path);
}

static void an_undefined_symbol_is_named_with_its_user(void **state)
{
    (void)state;
    char *path =
        sample_build(&dir, "undef.so", "", "void draw_hud(void); void f(void) { draw_hud(); }");
    must_refuse(path, "undefined symbol draw_hud, used by libgame.so, defined nowhere");
    free(path);
    char flags[256];
    char *needed = sample_build(&dir, "libphys.so", "-Wl,-soname,libphys.so",
                                "void missing_one(void); void g(void) { missing_one(); }");
    (void)snprintf(flags, sizeof flags, "-Wl,--no-as-needed -L'%s' -lphys -Wl,-rpath,'%s'",
                   dir.path, dir.path);
    path = sample_build(&dir, "uses.so", flags, "int x;");
    must_refuse(path, "undefined symbol missing_one, used by libphys.so, defined nowhere");
    assert_int_equal(unlink(needed), 0);
    must_refuse(path, "libphys.so, needed by libgame.so, was not found");
    free(needed);
    free(path);
}

static void a_missing_version_is_named(void **state)
{
    (void)state;
    char flags[256];
    char *map = sample_path(&dir, "v.map");
    FILE *file = fopen(map, "we");
    assert_true(fputs("PHYS_2 { global: fall; };\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(flags, sizeof flags, "-Wl,-soname,libver.so -Wl,--version-script='%s'", map);
    char *needed = sample_build(&dir, "libver.so", flags, "void fall(void) {}");
    (void)snprintf(flags, sizeof flags, "-L'%s' -lver -Wl,-rpath,'%s'", dir.path, dir.path);
    char *path = sample_build(&dir, "user.so", flags, "void fall(void); void f(void) { fall(); }");
    free(needed);
    file = fopen(map, "we");
    assert_true(fputs("PHYS_1 { global: fall; };\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(flags, sizeof flags, "-Wl,-soname,libver.so -Wl,--version-script='%s'", map);
    needed = sample_build(&dir, "libver.so", flags, "void fall(void) {}");
    must_refuse(path, "libver.so here has no version PHYS_2, which libgame.so needs");
    free(needed);
    free(path);
    free(map);
}

static void what_is_no_library_is_refused(void **state)
{
    (void)state;
    char *path = sample_path(&dir, "text.so");
    must_refuse(path, "libgame.so cannot be opened: No such file or directory");
    FILE *file = fopen(path, "we");
    assert_true(fputs("int main(void) { return 0; }\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    must_refuse(path, "libgame.so cannot be loaded: it is a text file");
    must_refuse(dir.path, "is not a regular file");
    free(path);
}

static void a_sanitizer_without_its_runtime_is_refused_before_it_ends_the_process(void **state)
{
    (void)state;
    static const struct {
        const char *compiler, *flag, *symbol, *words;
    } CASES[] = {
        {"gcc", "address", "__asan_init",
         "--wrap 'env LD_PRELOAD=$(gcc -print-file-name=libasan.so)'"},
        {"gcc", "thread", "__tsan_init",
         "--wrap 'env LD_PRELOAD=$(gcc -print-file-name=libtsan.so)'"},
        {"gcc", "leak", "__lsan_init",
         "--wrap 'env LD_PRELOAD=$(gcc -print-file-name=liblsan.so)'"},
        {"clang", "address", "__asan_init",
         "--wrap 'env LD_PRELOAD=$(clang -print-file-name=libclang_rt.asan-"},
        {"clang", "undefined", "__ubsan_handle_add_overflow",
         "--wrap 'env LD_PRELOAD=$(clang -print-file-name=libclang_rt.ubsan_standalone-"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char flags[128];
        (void)snprintf(flags, sizeof flags, "-shared -fPIC -fsanitize=%s", CASES[i].flag);
        char *path = sample_try(&dir, "san.so", CASES[i].compiler, flags,
                                "int add(int a, int b) { int c[4] = {a}; return c[b] + b; }");
        if (path == NULL || dlsym(RTLD_DEFAULT, CASES[i].symbol) != NULL) {
            print_message("skipped: %s -fsanitize=%s is not there, or in this very process\n",
                          CASES[i].compiler, CASES[i].flag);
        } else {
            must_refuse(path, CASES[i].words);
        }
        free(path);
    }
}

static void ubsan_that_brings_its_library_is_loaded(void **state)
{
    (void)state;
    char *path = sample_try(&dir, "ub.so", "gcc", "-shared -fPIC -fsanitize=undefined",
                            "int add(int a, int b) { return a + b; }");
    if (path == NULL) {
        print_message("skipped: no gcc -fsanitize=undefined here\n");
        skip();
    }
    must_go(must_open(path));
    free(path);
}

static void nodelete_keeps_a_library_and_is_told(void **state)
{
    (void)state;
    char *path = sample_build(&dir, "nodelete.so", "-Wl,-z,nodelete", "int x;");
    must_stay(must_open(path), "it is linked with -z nodelete");
    free(path);
}

static void a_unique_symbol_keeps_a_library_and_is_told(void **state)
{
    (void)state;
    static const char source[] = "inline int counter = 0; int *get() { return &counter; }";
    char *path = try_cpp("unique.so", "", source);
    if (path == NULL) {
        skip();
    }
    must_stay(must_open(path), "it exports a unique symbol, counter (");
    free(path);
    path = try_cpp("common.so", "-fno-gnu-unique", source);
    must_go(must_open(path));
    free(path);
}

static void a_thread_local_object_keeps_a_library_while_it_lives(void **state)
{
    (void)state;
    char *path = try_cpp("thread.so", "",
                         "struct noisy { noisy() : n(0) {} ~noisy(); int n; }; int sum;\n"
                         "noisy::~noisy() { sum++; } thread_local noisy mine;\n"
                         "extern \"C\" int use() { return mine.n++; }");
    if (path == NULL) {
        skip();
    }
    must_go(must_open(path));
    struct library *library = must_open(path);
    void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    int (*use)(void);
    *(void **)&use = dlsym(handle, "use");
    assert_int_equal(use(), 0);
    assert_int_equal(dlclose(handle), 0);
    must_stay(library, "a thread still has a C++ thread_local object");
    free(path);
}

static void a_library_that_needs_it_keeps_it_and_is_named(void **state)
{
    (void)state;
    char flags[256];
    char *path = sample_build(&dir, "libbase1.so", "-Wl,-soname,libbase1.so",
                              "int lift(void) { return 1; }");
    (void)snprintf(flags, sizeof flags, "-L'%s' -lbase1 -Wl,-rpath,'%s'", dir.path, dir.path);
    char *user = sample_build(&dir, "libuser1.so", flags,
                              "int lift(void); int up(void) "
                              "{ return lift(); }");
    struct library *library = must_open(path);
    void *handle = dlopen(user, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    must_stay(library, "libuser1.so, which is still loaded, depends on it");
    assert_int_equal(dlclose(handle), 0);
    free(user);
    free(path);
}

static void a_library_that_stays_and_is_bound_to_it_is_named(void **state)
{
    (void)state;
    char flags[256];
    char *needed = sample_build(&dir, "libpinned.so", "-Wl,-soname,libpinned.so -Wl,-z,nodelete",
                                "int hook(void); int call(void) { return hook(); }");
    (void)snprintf(flags, sizeof flags, "-L'%s' -lpinned -Wl,-rpath,'%s'", dir.path, dir.path);
    char *path = sample_build(&dir, "hooked.so", flags,
                              "int call(void); int hook(void) { return 1; }\n"
                              "int both(void) { return call(); }");
    must_stay(must_open(path), "libpinned.so, which stays loaded, uses its symbol hook");
    free(needed);
    free(path);
}

static void a_second_opening_keeps_it_and_is_told(void **state)
{
    (void)state;
    char *path = sample_build(&dir, "twice.so", "", "int x;");
    struct library *library = must_open(path);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    must_stay(library, "something opened it a second time");
    /* The look at it took nothing away. */
    assert_non_null(dlsym(handle, "x"));
    assert_int_equal(dlclose(handle), 0);
    assert_null(dlopen(path, RTLD_LAZY | RTLD_NOLOAD));
    free(path);
}

static void symbols_that_are_bound_elsewhere_are_told(void **state)
{
    (void)state;
    /* libc exports `step` and `advance` for old programs; `environ` is data. */
    char *path = sample_build(&dir, "stray.so", "-O0",
                              "int step(int n) { return n; }\n"
                              "char **environ;\n"
                              "__attribute__((weak)) int advance(int n) { return n; }\n"
                              "int own(int n) { return n; }\n"
                              "int (*table[3])(int) = {step, advance, own};\n"
                              "int run(int n) { return step(n) + advance(n) + own(n) +\n"
                              "    (environ != 0); }\n");
    struct text out = {0};
    struct library *library = must_open(path);
    assert_int_equal(library_strays(library, &out), 2);
    const char *text = text_string(&out);
    assert_non_null(strstr(text, "step is defined in libgame.so, but its uses there are bound to "
                                 "libc's step: make it static, or compile with "
                                 "-fvisibility=hidden"));
    assert_non_null(strstr(text, "environ is defined in libgame.so"));
    assert_null(strstr(text, "advance"));
    assert_null(strstr(text, "own is"));
    assert_null(strstr(text, "and "));
    text_finish(&out);
    must_go(library);
    free(path);
}

static void hidden_symbols_are_no_strays(void **state)
{
    (void)state;
    char *path = sample_build(&dir, "tidy.so", "-O0 -fvisibility=hidden",
                              "int step(int n) { return n; } int run(int n) { return step(n); }");
    struct text out = {0};
    struct library *library = must_open(path);
    assert_int_equal(library_strays(library, &out), 0);
    assert_string_equal(text_string(&out), "");
    must_go(library);
    free(path);
}

static void a_pointer_that_the_code_has_changed_is_no_stray(void **state)
{
    (void)state;
    char *path = sample_build(&dir, "changed.so", "-O0",
                              "#include <stdlib.h>\n"
                              "void *own(size_t n) { return 0; }\n"
                              "void *(*allocate)(size_t) = own;\n"
                              "__attribute__((constructor)) static void up(void)\n"
                              "{ allocate = malloc; }\n");
    struct text out = {0};
    struct library *library = must_open(path);
    assert_int_equal(library_strays(library, &out), 0);
    must_go(library);
    free(path);
}

static void many_strays_are_counted_not_listed(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"atoi",   "atol",   "labs",   "srand",  "qsort",  "strdup",
                                        "setenv", "getenv", "perror", "rewind", "remove", "rename"};
    struct text source = {0};
    struct text out = {0};
    for (size_t i = 0; i < 12; i++) {
        (void)text_printf(&source, "int %s(void) { return 1; }\n", NAMES[i]);
    }
    (void)text_puts(&source, "int run(void) { return 0");
    for (size_t i = 0; i < 12; i++) {
        (void)text_printf(&source, " + %s()", NAMES[i]);
    }
    (void)text_puts(&source, "; }\n");
    char *path = sample_build(&dir, "many.so", "-O0 -fno-builtin", text_string(&source));
    struct library *library = must_open(path);
    size_t count = library_strays(library, &out);
    assert_true(count >= 12);
    size_t lines = 1;
    for (const char *c = text_string(&out); *c != '\0'; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(lines, 9);
    char last[32];
    (void)snprintf(last, sizeof last, "\nand %zu more", count - 8);
    assert_non_null(strstr(text_string(&out), last));
    text_finish(&source);
    text_finish(&out);
    must_go(library);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_library_is_mapped_and_goes),
        cmocka_unit_test(a_path_without_folder_is_not_searched_for),
        cmocka_unit_test(an_undefined_symbol_is_named_with_its_user),
        cmocka_unit_test(a_missing_version_is_named),
        cmocka_unit_test(what_is_no_library_is_refused),
        cmocka_unit_test(a_sanitizer_without_its_runtime_is_refused_before_it_ends_the_process),
        cmocka_unit_test(ubsan_that_brings_its_library_is_loaded),
        cmocka_unit_test(nodelete_keeps_a_library_and_is_told),
        cmocka_unit_test(a_unique_symbol_keeps_a_library_and_is_told),
        cmocka_unit_test(a_thread_local_object_keeps_a_library_while_it_lives),
        cmocka_unit_test(a_library_that_needs_it_keeps_it_and_is_named),
        cmocka_unit_test(a_library_that_stays_and_is_bound_to_it_is_named),
        cmocka_unit_test(a_second_opening_keeps_it_and_is_told),
        cmocka_unit_test(symbols_that_are_bound_elsewhere_are_told),
        cmocka_unit_test(hidden_symbols_are_no_strays),
        cmocka_unit_test(a_pointer_that_the_code_has_changed_is_no_stray),
        cmocka_unit_test(many_strays_are_counted_not_listed),
    };
    return cmocka_run_group_tests_name("module: library", tests, set_up, tear_down);
}
