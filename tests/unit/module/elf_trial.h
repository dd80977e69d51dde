/* A small library to damage, and the check of bytes that lie in memory. */
#ifndef TEST_MODULE_ELF_TRIAL_H
#define TEST_MODULE_ELF_TRIAL_H

#include "module/elf_file.h"

#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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

struct fixture {
    struct sample_dir dir;
    unsigned char *bytes; /* of a small library */
    size_t len;
};

static struct fixture fixture;

static inline int set_up(void **state)
{
    (void)state;
    sample_dir_create(&fixture.dir);
    char *path = sample_build(&fixture.dir, "small.so", "-s -Wl,-z,noseparate-code", MODULE);
    fixture.bytes = sample_read(path, &fixture.len);
    free(path);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    free(fixture.bytes);
    sample_dir_destroy(&fixture.dir);
    return 0;
}

static inline bool check_bytes(const void *bytes, size_t len, struct elf_facts *facts,
                               struct error *err)
{
    int fd = sample_memfd(bytes, len);
    bool ok = elf_file_check(fd, len, facts, err);
    assert_int_equal(close(fd), 0);
    return ok;
}

static inline bool check_path(const char *path, struct elf_facts *facts, struct error *err)
{
    size_t len;
    unsigned char *bytes = sample_read(path, &len);
    bool ok = check_bytes(bytes, len, facts, err);
    free(bytes);
    return ok;
}

static inline void assert_refused(const void *bytes, size_t len, const char *words)
{
    struct elf_facts facts;
    struct error err = {0};
    assert_false(check_bytes(bytes, len, &facts, &err));
    assert_int_equal(err.code, ERROR_FORMAT);
    if (strstr(err.text, words) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
}

#endif
