/* One pattern for names and paths, as git reads it: "*" and "?" stop at "/", "**" between slashes
 * or at an end does not, "[...]" with ranges, "!" and classes, "\" takes what follows as it is. */
#ifndef BUILDER_PATTERN_H
#define BUILDER_PATTERN_H

#include <stdbool.h>

/* Takes at most about strlen(pattern) * strlen(text)^2 steps, whatever the pattern. */
bool pattern_fits(const char *pattern, const char *text);

/* Whether there is any character in it that does not stand for itself. */
bool pattern_is_wild(const char *pattern);

/* Whether it can fit anything: each "[" has its "]", and there is something behind each "\". */
bool pattern_is_whole(const char *pattern);

#endif
