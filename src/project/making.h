/* Folders and files that are made one after the other, and removed again when not all of them could
 * be. Nothing that was there before is overwritten, followed or removed. */
#ifndef PROJECT_MAKING_H
#define PROJECT_MAKING_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct making; /* opaque */

/* Begins in `dir`: makes it, and the folders on the way to it that are missing. One that is there
 * may hold nothing but `.git`. NULL with an error, which has left nothing behind: ERROR_REFUSED for
 * a folder that holds something and for what is no folder, ERROR_SYSTEM. */
struct making *making_begin(const char *dir, struct error *err);

/* Makes a file below it, and the folders on the way. False: an error; what was made of the file is
 * gone. */
bool making_file(struct making *making, const char *path, const char *text, size_t len,
                 struct error *err);

size_t making_files(const struct making *making); /* how many there are */

/* Frees `making`. With `keep` all stays. Without, what was made is removed in reverse order, and
 * when that succeeds " (...)" is said behind the sentence of `err`, else what is left. */
void making_end(struct making *making, bool keep, struct error *err);

#endif
