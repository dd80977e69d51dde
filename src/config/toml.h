/* TOML as a flat list of values: toml++ behind a C header. */
#ifndef CONFIG_TOML_H
#define CONFIG_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum toml_kind {
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOLEAN,
    TOML_ARRAY, /* of strings: `strings`; of anything else: count is -1 */
    TOML_TABLE, /* before what is in it; `string` is NULL but for the table that comes as JSON */
    TOML_DATE
};

struct toml_value {
    enum toml_kind kind;
    const char *key; /* the whole path, "step.rate"; parts that TOML wants in quotes have them */
    const char *string;
    int64_t integer;
    double real;
    bool boolean;
    const char *const *strings;
    long count;
    unsigned line, column; /* from 1 */
};

struct toml_problem {
    unsigned line, column;
    char text[256];
};

/* Called for each value in the order of their keys. Returns false to leave out what is in a table.
 */
typedef bool toml_visitor(void *ctx, const struct toml_value *value);

/* Parses text[0..len). The table `json_table` ("module.config") is visited once, as JSON in
 * `string`: keys sorted, integers exact, dates and times as strings in TOML's spelling, infinities
 * and NaN as "Infinity", "-Infinity" and "NaN". False with *problem when it is no TOML, a key has
 * more than 16 parts, a string outside of that table holds a NUL, or there is no memory (line 0).
 */
bool toml_read(const char *text, size_t len, const char *json_table, toml_visitor *visitor,
               void *ctx, struct toml_problem *problem);

#ifdef __cplusplus
}
#endif

#endif
