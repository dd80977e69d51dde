#define _GNU_SOURCE
#include "builder/compile.h"

#include "base/text.h"
#include "trial.h"

#include <dlfcn.h>
#include <fcntl.h>

#define SOURCES_MOST 4

struct trial { /* builds of the same sources, one after the other */
    uv_loop_t loop;
    struct compile *compile;
    struct text output;
    struct command_end end;
    unsigned begun, reaped; /* programs */
    bool ended;
};

static void on_process(void *ctx, pid_t pid, bool runs)
{
    struct trial *trial = ctx;
    assert_true(pid > 1);
    *(runs ? &trial->begun : &trial->reaped) += 1;
}

static void on_output(void *ctx, const char *bytes, size_t len)
{
    assert_true(text_append(&((struct trial *)ctx)->output, bytes, len));
}

static void on_ended(void *ctx, const struct command_end *end)
{
    struct trial *trial = ctx;
    assert_false(trial->ended);
    trial->ended = true;
    trial->end = *end;
}

static bool has_ended(void *ctx)
{
    return ((struct trial *)ctx)->ended;
}

static const struct command_callbacks *callbacks_of(struct trial *trial)
{
    static struct command_callbacks callbacks;
    callbacks = (struct command_callbacks){
        .ctx = trial, .process = on_process, .output = on_output, .ended = on_ended};
    return &callbacks;
}

/* `names`: sources in the folder, NULL behind. What `options` says else is kept. */
static void create(struct trial *trial, const char *const *names, struct compile_options options)
{
    const char *sources[SOURCES_MOST + 1] = {NULL};
    char library[128];
    struct error err;
    for (size_t i = 0; names[i] != NULL; i++) {
        sources[i] = at(names[i]);
    }
    (void)snprintf(library, sizeof library, "%s/run/build/game.so", trial_dir);
    *trial = (struct trial){0};
    options.sources = sources;
    options.dir = trial_dir;
    options.target = library;
    options.plain = true;
    assert_int_equal(uv_loop_init(&trial->loop), 0);
    trial->compile = compile_create(&trial->loop, &options, &err);
    assert_non_null(trial->compile);
}

static void start(struct trial *trial)
{
    struct error err = {0};
    trial->ended = false;
    trial->begun = 0;
    trial->reaped = 0;
    text_clear(&trial->output);
    if (!compile_start(trial->compile, callbacks_of(trial), &err)) {
        fail_msg("not begun: %s", err.text);
    }
    assert_false(trial->ended);
}

/* Builds to the end; returns how many programs ran. */
static unsigned build(struct trial *trial, int status)
{
    start(trial);
    run_until(&trial->loop, has_ended, trial);
    if (trial->end.status != status) {
        fail_msg("status %d: %s", trial->end.status, text_string(&trial->output));
    }
    assert_int_equal(trial->begun, trial->reaped);
    return trial->begun;
}

static void finish(struct trial *trial)
{
    compile_destroy(trial->compile);
    drain(&trial->loop);
    text_finish(&trial->output);
}

static bool counts(const struct trial *trial, const char *name)
{
    size_t count = 0;
    const char *const *files = compile_files(trial->compile, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i], at(name)) == 0) {
            return true;
        }
    }
    return false;
}

/* What `value` of the library returns. A copy is loaded: the same path would be the same library.
 */
static int loaded(void)
{
    static unsigned number;
    char copy[64];
    (void)snprintf(copy, sizeof copy, "copy-%u.so", number++);
    assert_int_equal(link(at("run/build/game.so"), at(copy)), 0);
    void *library = dlopen(at(copy), RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    int (*value)(void);
    *(void **)&value = dlsym(library, "value");
    assert_non_null(value);
    int found = value();
    assert_int_equal(dlclose(library), 0);
    return found;
}

#define EXPORTED "__attribute__((visibility(\"default\"))) "

/* A header that was saved a moment before it is read for the first time is read once more. */
static void put_old(const char *name, const char *text)
{
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    put(at(name), text);
    assert_int_equal(utimensat(AT_FDCWD, at(name), old, 0), 0);
}

static void put_value(const char *name, const char *expression)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "%s\n" EXPORTED "int value(void);\nint value(void) { return VALUE; }\n",
                   expression);
    put(at(name), text);
}

static const char *const game[] = {"game.c", NULL};

static void a_source_becomes_a_library_and_only_a_save_makes_it_anew(void **state)
{
    (void)state;
    struct trial trial;
    put_old("game.h", "#define VALUE 1\n");
    put_value("game.c", "#include \"game.h\"");
    create(&trial, game, (struct compile_options){.linker = "bfd"});
    assert_int_equal(build(&trial, 0), 1);
    assert_true(compile_has_made(trial.compile));
    assert_int_equal(loaded(), 1);
    assert_true(counts(&trial, "game.c") && counts(&trial, "game.h"));
    assert_true(counts(&trial, "compile_flags.txt"));
    assert_string_equal(compile_line(trial.compile), "cc -shared game.c");
    assert_int_equal(build(&trial, 0), 0);
    assert_false(compile_has_made(trial.compile));
    put(at("game.h"), "#define VALUE 2\n");
    assert_int_equal(build(&trial, 0), 1);
    assert_int_equal(loaded(), 2);
    finish(&trial);
    create(&trial, game, (struct compile_options){.linker = "bfd"});
    assert_true(compile_is_current(trial.compile)); /* another process knows it, too */
    assert_true(counts(&trial, "game.h"));
    assert_int_equal(build(&trial, 0), 0);
    assert_true(counts(&trial, "game.h"));
    finish(&trial);
    create(&trial, game, (struct compile_options){.linker = "bfd", .cflags = "-O1"});
    assert_false(compile_is_current(trial.compile));
    assert_int_equal(build(&trial, 0), 1);
    finish(&trial);
}

static void of_several_sources_only_those_are_compiled_that_changed(void **state)
{
    (void)state;
    static const char *const names[] = {"game.c", "inner/game.c", "third.cpp", NULL};
    struct trial trial;
    assert_int_equal(mkdir(at("inner"), 0700), 0);
    put_old("both.h", "extern int two(void);\n");
    put_value("game.c", "#include \"both.h\"\n#define VALUE two()");
    put(at("inner/game.c"), "#include \"../both.h\"\nint two(void) { return 2; }\n");
    put(at("third.cpp"), "int three() { return 3; }\n");
    create(&trial, names, (struct compile_options){.linker = "bfd"});
    assert_int_equal(build(&trial, 0), 4);
    assert_int_equal(loaded(), 2);
    assert_int_equal(build(&trial, 0), 0);
    put(at("inner/game.c"), "#include \"../both.h\"\nint two(void) { return 22; }\n");
    assert_int_equal(build(&trial, 0), 2);
    assert_int_equal(loaded(), 22);
    put(at("both.h"), "extern int two(void); \n");
    assert_int_equal(build(&trial, 0), 3);
    assert_int_equal(unlink(at("run/build/game.so")), 0);
    assert_int_equal(build(&trial, 0), 1);
    assert_true(compile_has_made(trial.compile));
    finish(&trial);
}

static void a_failure_is_told_and_leaves_the_library_as_it_was(void **state)
{
    (void)state;
    struct trial trial;
    put_old("game.h", "#define VALUE 1\n");
    put_value("game.c", "#include \"game.h\"");
    create(&trial, game, (struct compile_options){.linker = "bfd"});
    assert_int_equal(build(&trial, 0), 1);
    put(at("game.h"), "#define VALUE (1\n");
    assert_int_equal(build(&trial, 1), 1);
    assert_false(compile_has_made(trial.compile));
    assert_non_null(strstr(text_string(&trial.output), "game.h:1:"));
    assert_int_equal(loaded(), 1);
    assert_true(counts(&trial, "game.h"));
    assert_int_equal(build(&trial, 1), 1); /* it is not taken for current */
    put(at("game.h"), "#define VALUE missing()\nint missing(void);\n");
    assert_int_equal(build(&trial, 1), 1);
    assert_non_null(strstr(text_string(&trial.output), "missing"));
    put(at("game.h"), "#define VALUE 1\n");
    assert_int_equal(build(&trial, 0), 1);
    assert_int_equal(loaded(), 1);
    finish(&trial);
}

static void a_header_that_is_missing_is_looked_out_for_where_it_would_be_found(void **state)
{
    (void)state;
    struct trial trial;
    assert_int_equal(mkdir(at("inner"), 0700), 0);
    assert_int_equal(mkdir(at("more"), 0700), 0);
    put_value("inner/game.c", "#include \"sub/missing.h\"");
    create(&trial, (const char *const[]){"inner/game.c", NULL},
           (struct compile_options){.linker = "bfd", .cflags = "-Imore -I elsewhere"});
    assert_int_equal(build(&trial, 1), 2);
    assert_true(counts(&trial, "inner/sub/missing.h"));
    assert_true(counts(&trial, "more/sub/missing.h"));
    assert_true(counts(&trial, "elsewhere/sub/missing.h"));
    assert_int_equal(mkdir(at("more/sub"), 0700), 0);
    put(at("more/sub/missing.h"), "#include \"deeper.h\"\n");
    assert_int_equal(build(&trial, 1), 2);
    assert_true(counts(&trial, "more/sub/missing.h"));
    assert_true(counts(&trial, "more/sub/deeper.h"));
    assert_true(counts(&trial, "inner/deeper.h"));
    put(at("more/sub/deeper.h"), "#define VALUE 7\n");
    assert_int_equal(build(&trial, 0), 1);
    assert_int_equal(loaded(), 7);
    assert_false(counts(&trial, "inner/deeper.h"));
    finish(&trial);
}

static void errors_of_all_that_ran_are_told_one_after_the_other(void **state)
{
    (void)state;
    static const char *const names[] = {"a.c", "b.c", NULL};
    struct trial trial;
    put(at("a.c"), "int a(void) { return wrong_in_a; }\n");
    put(at("b.c"), "int b(void) { return wrong_in_b; }\n");
    create(&trial, names, (struct compile_options){.linker = "bfd"});
    unsigned ran = build(&trial, 1);
    const char *a = strstr(text_string(&trial.output), "wrong_in_a");
    const char *b = strstr(text_string(&trial.output), "wrong_in_b");
    assert_non_null(a);
    assert_true(ran == 2 ? b != NULL && a < b : b == NULL);
    finish(&trial);
}

static void names_are_names_whatever_is_in_them(void **state)
{
    (void)state;
    static const char *const odd[] = {"-game.c",     "a b.c",  "it's \"q\".c",
                                      "$(x)`y`;z.c", "a\nb.c", "#h.c"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct trial trial;
        put_old("odd $ #.h", "#define VALUE 5\n");
        put_value(odd[i], "#include \"odd $ #.h\"");
        create(&trial, (const char *const[]){odd[i], NULL},
               (struct compile_options){.linker = "bfd"});
        assert_int_equal(build(&trial, 0), 1);
        assert_int_equal(loaded(), 5);
        assert_true(counts(&trial, odd[i]));
        if (strchr(odd[i], '\n') == NULL) { /* a rule of make cannot have it */
            assert_true(counts(&trial, "odd $ #.h"));
            assert_int_equal(build(&trial, 0), 0);
        }
        finish(&trial);
    }
}

static void what_cannot_be_begun_says_why_and_looks_out_for_it(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* of game.c; NULL: there is none */
        struct compile_options options;
        enum error_code code;
        const char *says;
    } rows[] = {
        {NULL, {0}, ERROR_MISSING, "game.c is not there"},
        {"", {.cc = "nonesuch"}, ERROR_MISSING, "nonesuch"},
        {"", {.cflags = "'"}, ERROR_CONFIG, "cflags: a quote is not closed"},
        {"", {.pkg_config = "--version"}, ERROR_CONFIG, "names of packages"},
        {"", {.linker = "-x"}, ERROR_CONFIG, "build.linker"},
        {"// hotrun: nonsense", {0}, ERROR_CONFIG, "game.c:1: expected"},
        {"// hotrun: cc=nonesuch", {0}, ERROR_MISSING, "nonesuch"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trial trial;
        struct error err = {0};
        if (rows[i].text != NULL) {
            put(at("game.c"), rows[i].text);
        }
        create(&trial, game, rows[i].options);
        assert_true(counts(&trial, "game.c"));
        assert_false(compile_start(trial.compile, callbacks_of(&trial), &err));
        assert_int_equal(err.code, rows[i].code);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_true(counts(&trial, "game.c"));
        finish(&trial);
    }
}

static void a_package_that_is_missing_is_a_failure_with_its_name(void **state)
{
    (void)state;
    struct trial trial;
    put_value("game.c", "#define VALUE 1");
    create(&trial, game, (struct compile_options){.linker = "bfd", .pkg_config = "no-such-thing"});
    assert_int_equal(build(&trial, 1), 1);
    assert_non_null(strstr(text_string(&trial.output), "does not know no-such-thing"));
    finish(&trial);
    const char *const env[] = {"PKG_CONFIG=/nowhere/pkg-config", NULL};
    create(&trial, game, (struct compile_options){.pkg_config = "x", .env = env});
    start(&trial);
    run_until(&trial.loop, has_ended, &trial);
    assert_true(trial.end.status != 0);
    assert_non_null(strstr(text_string(&trial.output), "pkg-config is not there"));
    finish(&trial);
}

static void a_package_is_asked_for_once(void **state)
{
    (void)state;
    struct trial trial;
    char path[256];
    put(at("thing.pc"), "Name: thing\nDescription: x\nVersion: 1\nCflags: -DVALUE=9\nLibs: -lm\n");
    (void)snprintf(path, sizeof path, "PKG_CONFIG_PATH=%s", trial_dir);
    const char *const env[] = {path, NULL};
    put_value("game.c", "// hotrun: pkg_config=thing");
    create(&trial, game, (struct compile_options){.linker = "bfd", .env = env});
    assert_int_equal(build(&trial, 0), 3);
    assert_int_equal(loaded(), 9);
    put_value("game.c", "// hotrun: pkg_config=thing \n");
    assert_int_equal(build(&trial, 0), 1);
    put_value("game.c", "#define VALUE 3");
    assert_int_equal(build(&trial, 0), 1);
    assert_int_equal(loaded(), 3);
    finish(&trial);
}

static void the_linker_is_tried_once_and_remembered(void **state)
{
    (void)state;
    struct trial trial;
    put_value("game.c", "#define VALUE 1");
    create(&trial, game, (struct compile_options){0});
    assert_true(build(&trial, 0) >= 2);
    put_value("game.c", "#define VALUE 2");
    assert_int_equal(build(&trial, 0), 1);
    finish(&trial);
    put_value("game.c", "#define VALUE 3");
    create(&trial, game, (struct compile_options){0});
    assert_int_equal(build(&trial, 0), 1);
    assert_int_equal(loaded(), 3);
    finish(&trial);
}

static void options_win_over_the_source_and_that_over_compile_flags(void **state)
{
    (void)state;
    struct trial trial;
    put(at("compile_flags.txt"), "-UVALUE\n-DVALUE=1\n-Iinclude\n");
    assert_int_equal(mkdir(at("include"), 0700), 0);
    put(at("include/inc.h"), "");
    put_value("game.c", "#include <inc.h>");
    create(&trial, game, (struct compile_options){.linker = "bfd"});
    assert_int_equal(build(&trial, 0), 1);
    assert_int_equal(loaded(), 1);
    put_value("game.c", "// hotrun: cflags='-UVALUE -DVALUE=2'");
    assert_int_equal(build(&trial, 0), 1);
    assert_int_equal(loaded(), 2);
    finish(&trial);
    create(&trial, game, (struct compile_options){.linker = "bfd", .cflags = "-UVALUE -DVALUE=3"});
    assert_int_equal(build(&trial, 0), 1);
    assert_int_equal(loaded(), 3);
    assert_int_equal(chmod(at("compile_flags.txt"), 0666), 0);
    struct error err = {0};
    assert_false(compile_start(trial.compile, callbacks_of(&trial), &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    finish(&trial);
}

static void a_cancelled_build_ends_with_all_that_it_started(void **state)
{
    (void)state;
    struct trial trial;
    put(at("slow"), "#!/bin/sh\nsleep 60 &\nsleep 60\n");
    assert_int_equal(chmod(at("slow"), 0755), 0);
    put_value("game.c", "#define VALUE 1");
    create(&trial, game, (struct compile_options){.cc = at("slow"), .linker = "bfd"});
    start(&trial);
    assert_int_equal(trial.begun, 1);
    compile_cancel(trial.compile);
    run_until(&trial.loop, has_ended, &trial);
    assert_true(trial.end.cancelled);
    assert_int_equal(trial.reaped, 1);
    start(&trial);
    finish(&trial); /* in its midst */
}

static void a_build_that_takes_too_long_is_ended(void **state)
{
    (void)state;
    struct trial trial;
    put(at("slow"), "#!/bin/sh\nsleep 60\n");
    assert_int_equal(chmod(at("slow"), 0755), 0);
    put_value("game.c", "#define VALUE 1");
    create(&trial, game,
           (struct compile_options){.cc = at("slow"), .linker = "bfd", .timeout_ns = 50000000});
    start(&trial);
    run_until(&trial.loop, has_ended, &trial);
    assert_true(trial.end.timed_out);
    finish(&trial);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, trial_setup, trial_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_source_becomes_a_library_and_only_a_save_makes_it_anew),
        IN_FOLDER(of_several_sources_only_those_are_compiled_that_changed),
        IN_FOLDER(a_failure_is_told_and_leaves_the_library_as_it_was),
        IN_FOLDER(a_header_that_is_missing_is_looked_out_for_where_it_would_be_found),
        IN_FOLDER(errors_of_all_that_ran_are_told_one_after_the_other),
        IN_FOLDER(names_are_names_whatever_is_in_them),
        IN_FOLDER(what_cannot_be_begun_says_why_and_looks_out_for_it),
        IN_FOLDER(a_package_that_is_missing_is_a_failure_with_its_name),
        IN_FOLDER(a_package_is_asked_for_once),
        IN_FOLDER(the_linker_is_tried_once_and_remembered),
        IN_FOLDER(options_win_over_the_source_and_that_over_compile_flags),
        IN_FOLDER(a_cancelled_build_ends_with_all_that_it_started),
        IN_FOLDER(a_build_that_takes_too_long_is_ended),
    };
    (void)unsetenv("CC");
    (void)unsetenv("CXX");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
