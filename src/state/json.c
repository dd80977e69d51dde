#include "state/json.h"

#include "state/scan.h"
#include "state/spelling.h"
#include "state/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FEW_KEYS     16 /* comparing each with each is quicker than a table */
#define CLASHES_MAX  64 /* different keys of one hash: somebody makes them on purpose */
#define SHOWN_BYTES  60
#define NO_DUPLICATE NULL

struct key {
    uint64_t hash;
    const char *raw;
    size_t len;
};

/* The keys of all open objects, those of the innermost one last. */
struct keys {
    struct key *key;
    size_t count, cap;
    size_t first[JSON_DEPTH_MAX]; /* per open container */
};

static bool push_key(struct keys *keys, const struct scan *scan)
{
    if (keys->count == keys->cap) {
        size_t cap = keys->cap == 0 ? 64 : keys->cap * 2;
        struct key *key = realloc(keys->key, cap * sizeof *key);
        if (key == NULL) {
            return false;
        }
        keys->key = key;
        keys->cap = cap;
    }
    struct key *key = &keys->key[keys->count++];
    key->raw = scan->key;
    key->len = scan->key_len;
    return spelling_hash(key->raw, key->len, scan->key_escaped, &key->hash);
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->hash == b->hash && spelling_order(a->raw, a->len, b->raw, b->len) == 0;
}

static int order_keys(const void *left, const void *right)
{
    const struct key *a = left;
    const struct key *b = right;
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    int order = spelling_order(a->raw, a->len, b->raw, b->len);
    return order != 0 ? order : (a->raw > b->raw) - (a->raw < b->raw);
}

/* Each of these returns the key that repeats *first, or NO_DUPLICATE. */

static const struct key *duplicate_of_few(const struct key *key, size_t count,
                                          const struct key **first)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (same_key(&key[i], &key[j])) {
                *first = &key[j];
                return &key[i];
            }
        }
    }
    return NO_DUPLICATE;
}

/* Slower than a table, whose cost has no bound when hashes clash. */
static const struct key *duplicate_by_order(struct key *key, size_t count, const struct key **first)
{
    qsort(key, count, sizeof *key, order_keys);
    for (size_t i = 1; i < count; i++) {
        if (same_key(&key[i - 1], &key[i])) {
            *first = &key[i - 1];
            return &key[i];
        }
    }
    return NO_DUPLICATE;
}

static const struct key *duplicate_of_many(struct key *key, size_t count, const struct key **first)
{
    size_t size = 64;
    while (size < count * 2) {
        size *= 2;
    }
    uint32_t *table = count < UINT32_MAX ? calloc(size, sizeof *table) : NULL;
    if (table == NULL) {
        return duplicate_by_order(key, count, first);
    }
    const struct key *found = NO_DUPLICATE;
    size_t clashes = 0;
    for (size_t i = 0; i < count && found == NULL && clashes < CLASHES_MAX; i++) {
        size_t slot = key[i].hash & (size - 1);
        for (; table[slot] != 0; slot = (slot + 1) & (size - 1)) {
            const struct key *other = &key[table[slot] - 1];
            if (same_key(other, &key[i])) {
                *first = other;
                found = &key[i];
                break;
            }
            clashes += other->hash == key[i].hash;
        }
        if (table[slot] == 0) {
            table[slot] = (uint32_t)(i + 1);
        }
    }
    free(table);
    return clashes < CLASHES_MAX ? found : duplicate_by_order(key, count, first);
}

static bool refuse_duplicate(struct scan *scan, const struct key *key, const struct key *first)
{
    char decoded[SHOWN_BYTES + 12]; /* the last character may be spelled across the cut */
    bool cut = key->len > SHOWN_BYTES;
    size_t len = spelling_decode(key->raw, cut ? SHOWN_BYTES : key->len, decoded);
    struct text shown = {0};
    (void)json_quote_bytes(&shown, decoded, len);
    (void)scan_refuse(scan, ERROR_FORMAT, key->raw - 1,
                      "expected each key once in an object, found %s%s again, first at byte %zu",
                      text_string(&shown), cut ? "..." : "", (size_t)(first->raw - 1 - scan->text));
    text_finish(&shown);
    return false;
}

static bool close_object(struct scan *scan, struct keys *keys)
{
    size_t from = keys->first[scan->depth];
    size_t count = keys->count - from;
    if (count < 2) {
        keys->count = from;
        return true;
    }
    const struct key *first = NULL;
    const struct key *again = count <= FEW_KEYS
                                  ? duplicate_of_few(keys->key + from, count, &first)
                                  : duplicate_of_many(keys->key + from, count, &first);
    keys->count = from;
    return again == NO_DUPLICATE || refuse_duplicate(scan, again, first);
}

bool json_check(const char *text, size_t len, struct error *err)
{
    struct scan scan;
    scan_start(&scan, text, len, err);
    struct keys keys;
    keys.key = NULL;
    keys.count = keys.cap = 0;
    enum scan_token token;
    bool ok;
    do {
        token = scan_next(&scan);
        ok = token != SCAN_ERROR;
        if (token == SCAN_OBJECT) {
            keys.first[scan.depth - 1] = keys.count;
        } else if (token == SCAN_KEY && !push_key(&keys, &scan)) {
            ok = error_set(err, ERROR_LIMIT, "no memory to check the keys of %zu bytes of JSON",
                           len);
        } else if (token == SCAN_OBJECT_END) {
            ok = close_object(&scan, &keys);
        }
    } while (ok && token != SCAN_END);
    free(keys.key);
    return ok;
}

/* What a terminal or an editor acts on instead of showing it: controls, invisible spaces, marks
 * that turn the writing direction. */
static bool is_unseen(uint32_t character)
{
    return character < 0x20 || (character >= 0x7F && character <= 0xA0) || character == 0xAD ||
           (character >= 0x200B && character <= 0x200F) ||
           (character >= 0x2028 && character <= 0x202E) ||
           (character >= 0x2060 && character <= 0x206F) || character == 0xFEFF;
}

static void quote_character(struct text *out, uint32_t character, const char *bytes, size_t len)
{
    static const char letters[] = "btn\0fr"; /* from U+0008 on */
    if (character == '"' || character == '\\') {
        (void)text_append(out, "\\", 1);
        (void)text_append(out, bytes, len);
    } else if (character >= 0x08 && character <= 0x0D && character != 0x0B) {
        (void)text_append(out, "\\", 1);
        (void)text_append(out, &letters[character - 0x08], 1);
    } else if (is_unseen(character)) {
        (void)text_printf(out, "\\u%04x", (unsigned)character);
    } else {
        (void)text_append(out, bytes, len);
    }
}

bool json_quote_bytes(struct text *out, const char *bytes, size_t len)
{
    bytes = len == 0 ? "" : bytes;
    const char *end = bytes + len;
    (void)text_append(out, "\"", 1);
    for (const char *at = bytes; at < end;) {
        const char *run = at;
        while (at < end && *at >= 0x20 && *at < 0x7F && *at != '"' && *at != '\\') {
            at++;
        }
        (void)text_append(out, run, (size_t)(at - run));
        if (at == end) {
            break;
        }
        const char *start = at;
        size_t count = utf8_len(at, end);
        if (count == 0) {
            (void)text_append(out, "\xEF\xBF\xBD", 3);
            at++;
        } else {
            uint32_t character = utf8_take(&at);
            quote_character(out, character, start, count);
        }
    }
    return text_append(out, "\"", 1);
}

bool json_quote(struct text *out, const char *string)
{
    return json_quote_bytes(out, string, strlen(string));
}
