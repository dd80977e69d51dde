/* Small libraries, compiled while a test runs, in a folder that goes away with the test. */
#ifndef TEST_MODULE_SAMPLE_H
#define TEST_MODULE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sample_dir {
    char path[64];
    int fd;
};

/* Fails the test when it cannot be made. */
void sample_dir_create(struct sample_dir *dir);
void sample_dir_destroy(struct sample_dir *dir);

/* True when the shell finds `command`. */
bool sample_has(const char *command);

/* Writes `source` to a file (C, or C++ when `compiler` ends in "++"), compiles it with `flags` into
 * the library or object `name` in the folder, and gives its path, which the caller frees. NULL when
 * the compiler refuses; its output is then in DIR/log. */
char *sample_try(const struct sample_dir *dir, const char *name, const char *compiler,
                 const char *flags, const char *source);

/* The same with gcc and "-shared -fPIC"; a refusal fails the test. */
char *sample_build(const struct sample_dir *dir, const char *name, const char *flags,
                   const char *source);

/* DIR/name; the caller frees. */
char *sample_path(const struct sample_dir *dir, const char *name);

/* All bytes of a file; the caller frees. */
unsigned char *sample_read(const char *path, size_t *len);

/* A new memfd that holds `len` bytes. */
int sample_memfd(const void *bytes, size_t len);

#endif
