/* Words of a command line: a list that grows, and the ways in which people write them down. A
 * failed allocation sets `failed`, keeps what was there and turns later additions into no-ops, so
 * that a caller checks once at the end. */
#ifndef BUILDER_FLAGS_H
#define BUILDER_FLAGS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flags {    /* zeroed: none */
    char **words; /* owned; NULL behind the last one; NULL itself while there are none */
    size_t count, cap;
    bool failed;
};

/* Each returns !failed. */
bool flags_add(struct flags *flags, const char *word);
bool flags_add_len(struct flags *flags, const char *word, size_t len);
bool flags_add_all(struct flags *flags, const struct flags *more);
bool flags_addf(struct flags *flags, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool flags_add_new(struct flags *flags, const char *word); /* unless it is there already */
bool flags_add_all_new(struct flags *flags, const struct flags *more);

void flags_sort(struct flags *flags); /* and leaves each word in once */

/* Adds the words of `text` as a shell would split it: blanks, '...', "...", backslashes. Nothing is
 * expanded; what a shell would run ("`", "$(") is refused, and so is an open quote. `what` is named
 * in the error. */
bool flags_split(struct flags *flags, const char *text, const char *what, struct error *err);

/* Adds the lines of a compile_flags.txt, one option each; empty ones and comments ("#") are none.
 * Relative folders and files in them start at `folder`. */
bool flags_lines(struct flags *flags, const char *text, const char *folder, struct error *err);

/* Makes what follows -I and its like start at `folder` where it is relative, from the word `first`
 * on. */
bool flags_root(struct flags *flags, size_t first, const char *folder);

bool flags_have(const struct flags *flags, const char *prefix); /* a word that begins so */

/* Adds where the words say that headers are looked for: what follows -I and its like. */
bool flags_include_folders(const struct flags *flags, struct flags *folders);

/* The list as a command's argv; it lives as long as the list does. */
const char *const *flags_argv(const struct flags *flags);

uint64_t flags_hash(const struct flags *flags); /* equal for equal words */
void flags_clear(struct flags *flags);          /* empty again; `failed` stays */
void flags_finish(struct flags *flags);

#endif
