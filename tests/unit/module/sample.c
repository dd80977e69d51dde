#define _GNU_SOURCE
#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void sample_dir_create(struct sample_dir *dir)
{
    (void)snprintf(dir->path, sizeof dir->path, "/tmp/test-module-XXXXXX");
    assert_non_null(mkdtemp(dir->path));
    dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir->fd >= 0);
}

void sample_dir_destroy(struct sample_dir *dir)
{
    char command[128];
    (void)close(dir->fd);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir->path);
    assert_int_equal(system(command), 0);
}

bool sample_has(const char *command)
{
    char line[128];
    (void)snprintf(line, sizeof line, "command -v %s >/dev/null 2>&1", command);
    return system(line) == 0;
}

char *sample_path(const struct sample_dir *dir, const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", dir->path, name) > 0);
    return path;
}

char *sample_try(const struct sample_dir *dir, const char *name, const char *compiler,
                 const char *flags, const char *source)
{
    size_t len = strlen(compiler);
    bool cpp = len > 2 && strcmp(compiler + len - 2, "++") == 0;
    char *path = sample_path(dir, name);
    char *command = NULL;
    char *text = sample_path(dir, cpp ? "sample.cpp" : "sample.c");
    FILE *file = fopen(text, "we");
    assert_non_null(file);
    assert_true(fputs(source, file) >= 0);
    assert_int_equal(fclose(file), 0);
    /* A sanitizer that is preloaded for this test is not for the compiler. */
    assert_true(asprintf(&command, "env -u LD_PRELOAD %s -w -I'%s' '%s' -o '%s' %s >'%s/log' 2>&1",
                         compiler, INCLUDE_DIR, text, path, flags, dir->path) > 0);
    int status = system(command);
    free(command);
    free(text);
    if (status != 0) {
        free(path);
        return NULL;
    }
    return path;
}

char *sample_build(const struct sample_dir *dir, const char *name, const char *flags,
                   const char *source)
{
    char all[512];
    (void)snprintf(all, sizeof all, "-shared -fPIC %s", flags);
    char *path = sample_try(dir, name, "gcc", all, source);
    if (path == NULL) {
        char command[128];
        (void)snprintf(command, sizeof command, "cat '%s/log' >&2", dir->path);
        (void)system(command);
        fail_msg("gcc refuses %s", name);
    }
    return path;
}

unsigned char *sample_read(const char *path, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    *len = (size_t)st.st_size;
    unsigned char *bytes = malloc(*len + 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, *len), *len);
    assert_int_equal(close(fd), 0);
    return bytes;
}

int sample_memfd(const void *bytes, size_t len)
{
    int fd = memfd_create("sample", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    return fd;
}
