#include "state/json.h"

#include "state/accept.h"
#include "state/object_keys.h"
#include "state/scan.h"
#include "state/spelling.h"
#include "state/utf8.h"

#include <stdint.h>
#include <string.h>

#define SHOWN_BYTES 60

static bool refuse_duplicate(struct scan *scan, const struct object_key *again,
                             const struct object_key *first)
{
    char decoded[SHOWN_BYTES + 12]; /* the last character may be spelled across the cut */
    bool cut = again->len > SHOWN_BYTES;
    size_t len = spelling_decode(again->raw, cut ? SHOWN_BYTES : again->len, decoded);
    struct text shown = {0};
    (void)json_quote_bytes(&shown, decoded, len);
    (void)scan_refuse(scan, ERROR_FORMAT, again->raw - 1,
                      "expected each key once in an object, found %s%s again, first at byte %zu",
                      text_string(&shown), cut ? "..." : "", (size_t)(first->raw - 1 - scan->text));
    text_finish(&shown);
    return false;
}

/* What accept_json says no to, once more for the place and the reason. */
static bool check_with_reason(const char *text, size_t len, struct error *err)
{
    struct scan scan;
    scan_start(&scan, text, len, err);
    struct object_keys keys;
    object_keys_start(&keys);
    const struct object_key *first;
    const struct object_key *again;
    enum scan_token token;
    bool ok;
    do {
        token = scan_next(&scan);
        ok = token != SCAN_ERROR;
        if (token == SCAN_OBJECT) {
            object_keys_open(&keys, scan.depth - 1);
        } else if (token == SCAN_KEY &&
                   !object_keys_add(&keys, scan.key, scan.key_len, scan.end, scan.key_escaped)) {
            ok = error_set(err, ERROR_SYSTEM, "no memory to check the keys of %zu bytes of JSON",
                           len);
        } else if (token == SCAN_OBJECT_END &&
                   !object_keys_close(&keys, scan.depth, &first, &again)) {
            ok = refuse_duplicate(&scan, again, first);
        }
    } while (ok && token != SCAN_END);
    object_keys_finish(&keys);
    return ok;
}

bool json_check(const char *text, size_t len, struct error *err)
{
    return accept_json(text, len) || check_with_reason(text, len, err);
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
