/* Whole files. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>

/* Appends all of the regular file `path` to `text`. More than `limit` bytes, a FIFO, a folder: an
 * error. */
bool file_read(const char *path, size_t limit, struct text *text, struct error *err);

/* Replaces `name` in the folder `dir_fd` in one step: written under another name with mode 0600,
 * then renamed. A reader sees the old or the new file, never a part. Does not wait for the disk. On
 * failure the old file stays. */
bool file_replace(int dir_fd, const char *name, const void *bytes, size_t len, struct error *err);

/* Writes all of `len` bytes, over short writes and EINTR. */
bool file_write_all(int fd, const void *bytes, size_t len);

#endif
