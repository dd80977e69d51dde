#include "codec/decode_parts.h"

#include "base/hash.h"
#include "state/json.h"
#include "state/place.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 48 /* bytes of a value in a sentence */

void decode_no_memory(struct decoding *decoding)
{
    if (!decoding->failed) {
        decoding->failed = true;
        (void)error_set(decoding->err, ERROR_SYSTEM, "no memory to read a state from JSON");
    }
}

void decode_path(const struct trail *trail, bool any, bool keys, struct text *out)
{
    bool key = keys && trail->key != NULL;
    const char *name = key ? trail->key : trail->name;
    size_t len = key ? trail->key_len : trail->len;
    if (trail->up != NULL) {
        decode_path(trail->up, any, keys, out);
        if (trail->added && keys) {
            return;
        }
        if (name != NULL) {
            path_part(out, name, len);
        } else if (any) {
            (void)text_puts(out, "/*");
        } else {
            (void)text_printf(out, "/%llu", (unsigned long long)trail->index);
        }
    } else if (name != NULL) {
        (void)text_append(out, name, len);
    }
}

/* Whether it is the first time. */
static bool is_first(struct decoding *decoding, uint64_t key)
{
    if ((decoding->told_count + 1) * 2 > decoding->told_size) {
        size_t size = decoding->told_size == 0 ? 64 : decoding->told_size * 2;
        uint64_t *told = calloc(size, sizeof *told);
        if (told == NULL) {
            decode_no_memory(decoding);
            return false;
        }
        for (size_t i = 0; i < decoding->told_size; i++) {
            size_t slot = (size_t)decoding->told[i] & (size - 1);
            for (; decoding->told[i] != 0 && told[slot] != 0; slot = (slot + 1) & (size - 1)) {
            }
            told[slot] = decoding->told[i] != 0 ? decoding->told[i] : told[slot];
        }
        free(decoding->told);
        decoding->told = told;
        decoding->told_size = size;
    }
    size_t slot = (size_t)key & (decoding->told_size - 1);
    for (; decoding->told[slot] != 0; slot = (slot + 1) & (decoding->told_size - 1)) {
        if (decoding->told[slot] == key) {
            return false;
        }
    }
    decoding->told[slot] = key;
    decoding->told_count++;
    return true;
}

void decode_tell(struct decoding *decoding, enum finding kind, uint64_t once,
                 const struct trail *trail, const char *format, ...)
{
    struct text path = {0}, says = {0};
    uint64_t key[2] = {once, (uint64_t)kind};
    if (once != 0 && !is_first(decoding, hash_bytes(key, sizeof key) | 1)) {
        return;
    }
    if (decoding->findings->count[kind] < FINDINGS_TOLD) { /* else it is only counted */
        char shown[PLACE_SHOWN];
        va_list args;
        decode_path(trail, once != 0, false, &path);
        va_start(args, format);
        (void)text_vprintf(&says, format, args);
        va_end(args);
        const char *at = path.len == 0 ? "the state" : place_show(path.data, path.len, shown);
        findings_add(decoding->findings, kind, "%s%s%s", at, says.len > 0 ? ": " : "",
                     text_string(&says));
    } else {
        findings_add(decoding->findings, kind, " ");
    }
    text_finish(&path);
    text_finish(&says);
}

void decode_refuse(struct decoding *decoding, const struct trail *trail, const char *format, ...)
{
    struct text path = {0}, says = {0};
    char shown[PLACE_SHOWN];
    va_list args;
    if (decoding->failed) {
        return;
    }
    decode_path(trail, false, false, &path);
    va_start(args, format);
    (void)text_vprintf(&says, format, args);
    va_end(args);
    decoding->failed = true;
    (void)error_set(decoding->err, ERROR_REFUSED, "%s: %s",
                    path.len == 0 ? "the state" : place_show(path.data, path.len, shown),
                    text_string(&says));
    text_finish(&path);
    text_finish(&says);
}

/* What stands at `at`, as a sentence says it. */
static void put_found(const struct decoding *decoding, const char *at, struct text *out)
{
    const char *behind = value_end(at, decoding->end);
    size_t len = (size_t)(behind - at);
    if (*at == '{' || *at == '[') {
        (void)text_puts(out, *at == '{' ? "an object" : "an array");
    } else if (len <= SHOWN) {
        (void)text_append(out, at, len);
    } else {
        struct text quoted = {0};
        (void)json_quote_bytes(&quoted, at, SHOWN);
        (void)text_printf(out, "%.*s...", quoted.len > 2 ? (int)quoted.len - 2 : 0,
                          text_string(&quoted) + 1);
        text_finish(&quoted);
    }
}

void decode_mismatch(struct decoding *decoding, uint32_t type, const char *at,
                     const struct trail *trail, const char *expected)
{
    struct text name = {0}, found = {0};
    (void)layout_type_name(decoding->layout, type, &name);
    put_found(decoding, at, &found);
    if (decoding->given->strict) {
        decode_refuse(decoding, trail, "expected %s (%s), found %s", expected, text_string(&name),
                      text_string(&found));
    } else {
        decode_tell(decoding, FINDING_DROPPED, 0, trail, "%s is no %s", text_string(&found),
                    text_string(&name));
    }
    text_finish(&name);
    text_finish(&found);
}
