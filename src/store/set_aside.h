/* Deaths of code that went on from a snapshot, remembered from run to run in snapshots/deaths: the
 * same code is not given a snapshot that it has died of twice. Other code is. */
#ifndef STORE_SET_ASIDE_H
#define STORE_SET_ASIDE_H

#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>

/* `code` has died of the snapshot `id`. Only the last such pair is remembered; what cannot be
 * written is forgotten. */
void set_aside_note(int run_dir_fd, uint64_t id, struct hash code);

/* The library at `path` has died of `id` twice. */
bool set_aside_has(int run_dir_fd, uint64_t id, const char *path);

#endif
