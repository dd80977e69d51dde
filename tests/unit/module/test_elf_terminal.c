/* Whether a library may read the terminal: what its file says of it. */
#define _GNU_SOURCE
#include "elf_trial.h"

#include <stdio.h>

/* facts.reader of a library with this body. */
static const char *reader_of(const char *flags, const char *source)
{
    static struct elf_facts facts;
    struct error err = {0};
    size_t len;
    char *path = sample_build(&fixture.dir, "reader.so", flags, source);
    unsigned char *bytes = sample_read(path, &len);
    bool ok = check_bytes(bytes, len, &facts, &err);
    free(bytes);
    free(path);
    if (!ok) {
        fail_msg("%s", err.text);
    }
    return facts.reader;
}

static void a_library_that_only_computes_and_writes_does_not(void **state)
{
    (void)state;
    assert_string_equal(reader_of("-O2", MODULE), "");
    assert_string_equal(reader_of("-lm -lpthread", "#include <stdio.h>\n#include <math.h>\n"
                                                   "double f(double x) { printf(\"%f\", x); "
                                                   "fflush(stdout); return sin(x); }"),
                        "");
}

static void who_scans_a_string_does_not(void **state)
{
    (void)state;
    assert_string_equal(reader_of("", "#include <stdio.h>\nint f(const char *s) { int n = 0; "
                                      "return sscanf(s, \"%d\", &n); }"),
                        "");
}

static void each_way_to_read_is_seen_and_named(void **state)
{
    (void)state;
    static const struct {
        const char *flags, *source, *reader;
    } ways[] = {
        {"", "#include <unistd.h>\nlong f(char *b) { return read(0, b, 1); }", "read"},
        {"-O2 -D_FORTIFY_SOURCE=2",
         "#include <unistd.h>\nlong f(long n) { char b[8]; return read(0, b, (unsigned long)n) + "
         "b[0]; }",
         "read"},
        {"", "#include <stdio.h>\nint f(void) { return getchar(); }", "getchar"},
        {"", "#include <stdio.h>\nint f(int *n) { return scanf(\"%d\", n); }", "__isoc99_scanf"},
        {"", "#include <poll.h>\nint f(struct pollfd *p) { return poll(p, 1, 0); }", "poll"},
        {"", "#include <termios.h>\nint f(struct termios *t) { return tcgetattr(0, t); }",
         "tcgetattr"},
        {"", "#include <stdlib.h>\nint f(void) { return system(\"cat\"); }", "system"},
        {"",
         "extern long read(int, void *, unsigned long) __attribute__((weak));\n"
         "long f(char *b) { return read ? read(0, b, 1) : 0; }",
         "read"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        assert_string_equal(reader_of(ways[i].flags, ways[i].source), ways[i].reader);
    }
}

static void a_name_that_only_looks_like_one_is_none(void **state)
{
    (void)state;
    assert_string_equal(
        reader_of("-Wl,--unresolved-symbols=ignore-all",
                  "void reader(void); void get(void); void __read_chx(void); "
                  "void __chk(void); void a_very_long_name_that_reads_nothing(void);"
                  "void f(void) { reader(); get(); __read_chx(); __chk(); "
                  "a_very_long_name_that_reads_nothing(); }"),
        "");
}

static void a_library_that_is_not_known_to_be_quiet_may(void **state)
{
    (void)state;
    char flags[256];
    free(sample_build(&fixture.dir, "libprompt.so", "", "int ask(void) { return 1; }"));
    (void)snprintf(flags, sizeof flags, "-L'%s' -Wl,--no-as-needed -l:libprompt.so",
                   fixture.dir.path);
    const char *reader = reader_of(flags, "int f(void) { return 1; }");
    assert_non_null(strstr(reader, "libprompt.so"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_library_that_only_computes_and_writes_does_not),
        cmocka_unit_test(who_scans_a_string_does_not),
        cmocka_unit_test(each_way_to_read_is_seen_and_named),
        cmocka_unit_test(a_name_that_only_looks_like_one_is_none),
        cmocka_unit_test(a_library_that_is_not_known_to_be_quiet_may),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
