/* "Did you mean": the known word that is nearest to one that is not known. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

/* The nearest of words[0..count) by edits (insert, delete, replace, swap of neighbours), the first
 * of several; NULL when none is near enough to be meant: one edit for each three letters, or a
 * beginning of three. */
const char *suggest(const char *word, const char *const *words, size_t count);

#endif
