/* Reads numbers out of the JSON object that `serialize` has written. hotrun hands only whole, valid
 * JSON over, so that what is not asked for is passed over: strings, arrays and objects within. */
#ifndef JSON_H
#define JSON_H

#include <stdlib.h>
#include <string.h>

#define JSON_BLANKS " \t\r\n"

/* Behind the string whose first quote is at `at`. */
static inline const char *json_string_end(const char *at)
{
    for (at++; *at != '"' && *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] != '\0')
            at++;
    }
    return *at == '"' ? at + 1 : at;
}

/* The value of the object's own member `key`; NULL: it has none. */
static inline const char *json_member(const char *json, const char *key)
{
    size_t len = strlen(key);
    int depth = 0;
    while (*json != '\0') {
        if (*json != '"') {
            depth += *json == '{' || *json == '[';
            depth -= *json == '}' || *json == ']';
            json++;
            continue;
        }
        const char *end = json_string_end(json);
        const char *colon = end + strspn(end, JSON_BLANKS);
        if (depth == 1 && *colon == ':' && (size_t)(end - json) == len + 2 &&
            memcmp(json + 1, key, len) == 0)
            return colon + 1 + strspn(colon + 1, JSON_BLANKS);
        json = end;
    }
    return NULL;
}

/* These leave *value as it is when the member is missing or no number. */
static inline void json_double(const char *json, const char *key, double *value)
{
    const char *text = json_member(json, key);
    char *end = NULL;
    double number = text != NULL ? strtod(text, &end) : 0;
    if (end != text)
        *value = number;
}

static inline void json_integer(const char *json, const char *key, long long *value)
{
    const char *text = json_member(json, key);
    char *end = NULL;
    long long number = text != NULL ? strtoll(text, &end, 10) : 0;
    if (end != text)
        *value = number;
}

#endif
