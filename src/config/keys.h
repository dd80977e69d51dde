/* One row for each key. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "base/error.h"
#include "config/config.h"
#include "config/toml.h"

#include <stddef.h>

enum key_type {
    KEY_TEXT,     /* char * */
    KEY_PATH,     /* char *, from base_dir on */
    KEY_BOOL,     /* bool */
    KEY_COUNT,    /* uint64_t */
    KEY_SMALL,    /* unsigned */
    KEY_MS,       /* uint64_t in ns, written in ms */
    KEY_TIME,     /* uint64_t in ns, written in ms or as "2s" */
    KEY_SIZE,     /* uint64_t, written in bytes or as "64MB" */
    KEY_RATE,     /* rate and rate_hz */
    KEY_MISMATCH, /* enum on_mismatch */
    KEY_LOSS,     /* enum on_loss */
    KEY_HOLD,     /* enum on_hold */
    KEY_CHANGE,   /* enum on_change */
    KEY_START,    /* enum at_start */
    KEY_KEYS,     /* enum keys_wanted */
    KEY_LEVEL,    /* enum log_level */
    KEY_WORDS,    /* char ** */
    KEY_PATHS,    /* char **, each from base_dir on */
    KEY_ENV       /* char **, "NAME=value" for each of a table's strings */
};

struct key_row {
    const char *key;
    enum key_type type;
    size_t offset;
    double least, most; /* of numbers, in the unit in which they are written */
    const char *fallback, *help;
};

extern const struct key_row key_rows[];
extern const size_t key_row_count;

const struct key_row *key_find(const char *key);

bool key_is_list(enum key_type type); /* a char ** */

/* One more of a table of strings: NAME stands behind the row's key in value->key. */
bool key_add(struct config *config, const struct key_row *row, const struct toml_value *value,
             struct error *err);

/* Puts `value` where `row` says. False with a sentence without place: "step.rate: expected ...,
 * found ...". */
bool key_set(struct config *config, const struct key_row *row, const struct toml_value *value,
             struct error *err);

/* As much of `text` as fits, in whole characters and without control characters, for a message;
 * "..." stands for what is left out. */
void key_excerpt(const char *text, char *out, size_t size);

/* "a number of milliseconds, or a time such as \"2s\"": what a row expects. */
const char *key_expects(const struct key_row *row);

#endif
