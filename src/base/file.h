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

/* The same, and it is on the disk when this returns true: the file, and its name in the folder. */
bool file_replace_synced(int dir_fd, const char *name, const void *bytes, size_t len,
                         struct error *err);

/* Waits until the names in the folder are on the disk. A filesystem that cannot say is believed. */
bool file_sync_folder(int dir_fd);

/* Writes all of `len` bytes, over short writes and EINTR. */
bool file_write_all(int fd, const void *bytes, size_t len);

/* Appends all of a file, wherever its offset is, within text->limit. False: with errno, or
 * text->failed. */
bool file_read_from_begin(int fd, struct text *text);

#endif
