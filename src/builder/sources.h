/* Watches source files and tells when a build is due. By rules (folders, patterns, what is
 * ignored), or exactly those files that a compiler read. Built on inotify, on each folder that
 * holds or may come to hold a source; where watches cannot be had any more that is said once, and
 * what is left is polled. [supervisor's loop thread] */
#ifndef BUILDER_SOURCES_H
#define BUILDER_SOURCES_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <uv.h>

struct sources; /* opaque */

struct sources_rules {        /* borrowed during the call */
    const char *root;         /* the folder that all paths and patterns start at; absolute */
    const char *const *watch; /* build.watch; empty: files that end as sources and build files do */
    const char *const *ignore; /* build.ignore */
    bool gitignore;            /* build.gitignore */
    bool files_only;           /* nothing by rules: sources_set_files will say what is watched */
    const char *const *never;  /* files and folders that are no sources whatever else is said:
                                  absolute paths; the run directory, the library */
    uint64_t calm_ns;          /* the pause before a build that is to tell whether builds write a
                                  source; 0: 2 s. An eighth of what the last build took at least */
};

/* `path`: a source that was written, came or went, relative to the root where it lies below it,
 * else absolute. `count`: how many did. `since_ns`: when the first of their events was read
 * (clock_ns). Saves that come close together are told once: a single file that is whole after 1 ms
 * of quiet, several, or one that is gone and may be about to come back, after 30 ms, one that its
 * writer has created and not closed when it is closed; all after at most half a second. Called from
 * the loop, never from inside a sources_ function; it may destroy. */
typedef void sources_callback(void *ctx, const char *path, size_t count, uint64_t since_ns);

/* Begins to watch by rules. poll_ns: how often what cannot be watched is looked at; 0: 500 ms. NULL
 * with `err`: no memory, or (ERROR_CONFIG) a pattern that cannot fit anything. A root or folder
 * that is missing is waited for. */
struct sources *sources_create(uv_loop_t *loop, struct log *log, const struct sources_rules *rules,
                               uint64_t poll_ns, sources_callback *callback, void *ctx,
                               struct error *err);

/* From here on exactly these files (absolute paths) are watched, and no rules: a compiler's list.
 * Files and folders that are missing are waited for. One that is new on the list and was written
 * after `since` (st_mtim, so a time of CLOCK_REALTIME_COARSE; {0, 0}: never) is told; what was
 * watched before goes on as it was. False: no memory, and all is as before. */
bool sources_set_files(struct sources *sources, const char *const *paths, size_t count,
                       struct timespec since, struct error *err);

/* A build runs from here to there, until it has ended or was ended. What it writes itself is told
 * once as any change is, then known: the same bytes again are no change; what it removes is told at
 * its end, unless it is back; a program or library is none. A file that is another one after each
 * of three builds in a row that nobody but builds asked for (up to six, when it is not written at
 * about the same time of each) could be a step of theirs, or somebody saves: it is told after a
 * pause without a build and without a save. When it is written by two of those builds, too, it is
 * named once in the log; what builds write there is left out until it changes outside of one. Only
 * builds that are `whole`, not ended for another one, count for all that. Likewise where each makes
 * or removes a file by another name: in the end what builds make anew is left out. */
void sources_build_began(struct sources *sources);
void sources_build_ended(struct sources *sources, bool whole);

/* The first source found that is newer than `than`, into path[0..size) relative to the root. False:
 * none is. */
bool sources_any_newer(struct sources *sources, const struct timespec *than, char *path,
                       size_t size);

size_t sources_count(const struct sources *sources); /* files, for `status` */
bool sources_is_polling(const struct sources *sources);

void sources_destroy(struct sources *sources); /* NULL is allowed; closes its handles by the loop */

#endif
