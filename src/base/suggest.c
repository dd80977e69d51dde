#include "base/suggest.h"

#include <stdbool.h>
#include <string.h>

#define LENGTH_MOST 48

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LENGTH_MOST + 1];
    size_t la = strlen(a);
    size_t lb = strlen(b);
    if (la > LENGTH_MOST || lb > LENGTH_MOST) {
        return LENGTH_MOST;
    }
    for (size_t j = 0; j <= lb; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= la; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *higher = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(least(above[j] + 1, row[j - 1] + 1), replace);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], higher[j - 2] + 1);
            }
        }
    }
    return rows[la % 3][lb];
}

const char *suggest(const char *word, const char *const *words, size_t count)
{
    size_t best = LENGTH_MOST;
    size_t len = strlen(word);
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t longer = len > strlen(words[i]) ? len : strlen(words[i]);
        bool begins = len >= 3 && strncmp(word, words[i], len) == 0 && words[i][len] != '\0';
        size_t edits = begins ? 1 : distance(word, words[i]);
        if (edits < best && edits <= (longer + 1) / 3) {
            best = edits;
            nearest = words[i];
        }
    }
    return nearest;
}
