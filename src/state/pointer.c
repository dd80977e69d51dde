#include "state/pointer.h"

#include "base/suggest.h"
#include "state/json.h"
#include "state/place.h"
#include "state/spelling.h"
#include "state/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_SHOWN  6
#define NAME_SHOWN   40   /* bytes */
#define NAMES_LOOKED 4096 /* for the nearest one */

/* Appends at most `most` bytes as a JSON string, cut between characters. */
static void quote_cut(struct text *out, const char *bytes, size_t len, size_t most)
{
    size_t shown = len <= most ? len : most;
    while (shown > 0 && shown < len && ((unsigned char)bytes[shown] & 0xC0) == 0x80) {
        shown--;
    }
    (void)json_quote_bytes(out, bytes, shown);
    if (shown < len) {
        (void)text_puts(out, "...");
    }
}

const char *place_show(const char *pointer, size_t len, char shown[PLACE_SHOWN])
{
    struct text quoted = {0};
    for (size_t most = 120; quoted.len == 0 || quoted.len >= PLACE_SHOWN; most /= 2) {
        text_clear(&quoted);
        quote_cut(&quoted, pointer, len, most);
        if (quoted.failed) {
            break;
        }
    }
    const char *text = text_string(&quoted);
    bool plain = quoted.len == len + 2 && len > 0;
    (void)snprintf(shown, PLACE_SHOWN, "%.*s", (int)(plain ? len : PLACE_SHOWN - 1),
                   plain ? text + 1 : text);
    text_finish(&quoted);
    return shown;
}

/* A key's characters, the beginning of a long one. Returns how many bytes. */
static size_t decode_cut(const struct members *members, char out[64])
{
    const char *raw = members->key;
    size_t len = members->key_len;
    if (!members->key_escaped) {
        len = len < 64 ? len : 63;
        memcpy(out, raw, len);
        return len;
    }
    char *decoded = malloc(len);
    size_t count = decoded == NULL ? 0 : spelling_decode(raw, len, decoded);
    count = count < 64 ? count : 63;
    if (count > 0) {
        memcpy(out, decoded, count);
    }
    free(decoded);
    return count;
}

/* "it has "health", "x" and 12 more; did you mean "health"?" */
static void list_keys(struct text *out, const struct place *place)
{
    struct members members;
    char known[64];
    char nearest[64] = "";
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)place->name_len, place->name);
    members_open(&members, place->holder, place->members.end);
    for (size_t i = 0; i < NAMES_LOOKED && members_next(&members, NULL); i++) {
        size_t len = decode_cut(&members, known);
        known[len] = '\0';
        if (i < NAMES_SHOWN) {
            (void)text_puts(out, i == 0 ? "; it has " : ", ");
            quote_cut(out, known, len, NAME_SHOWN);
        }
        const char *const two[] = {nearest, known};
        const char *better = suggest(name, two, 2);
        if (better == known && strlen(known) == len) {
            memcpy(nearest, known, len + 1);
        }
    }
    size_t count = place->members.count;
    if (count > NAMES_SHOWN) {
        (void)text_printf(out, " and %zu more", count - NAMES_SHOWN);
    }
    (void)text_puts(out, count == 0 ? "; it is empty" : "");
    if (nearest[0] != '\0') {
        (void)text_puts(out, "; did you mean ");
        (void)json_quote(out, nearest);
        (void)text_puts(out, "?");
    }
}

static void tell_items(struct text *out, const struct place *place, const char *holder)
{
    size_t count = place->members.count;
    if (place->kind == PLACE_INDEX) {
        (void)text_printf(
            out, "expected the number of an item of %s, without leading zeros, found ", holder);
        quote_cut(out, place->name, place->name_len, NAME_SHOWN);
        (void)text_puts(out, ": ");
    }
    if (count == 0) {
        (void)text_printf(out, "%s has no items", holder);
    } else {
        (void)text_printf(out, "%s has %zu item%s, 0 to %zu", holder, count, count == 1 ? "" : "s",
                          count - 1);
    }
}

static const char *kind_of(char first)
{
    return first == '"'                   ? "a string"
           : first == 't' || first == 'f' ? "true or false"
           : first == 'n'                 ? "null"
                                          : "a number";
}

bool place_refuse(const struct place *place, const char *pointer, struct error *err)
{
    char whole[PLACE_SHOWN];
    char holder[PLACE_SHOWN] = "the whole";
    struct text says = {0};
    size_t holder_len = (size_t)(place->part - 1 - pointer);
    if (holder_len > 0) {
        (void)place_show(pointer, holder_len, holder);
    }
    if (place->kind == PLACE_KEY) {
        (void)text_printf(&says, "%s has no ", holder);
        quote_cut(&says, place->name, place->name_len, NAME_SHOWN);
        list_keys(&says, place);
    } else if (place->kind == PLACE_SCALAR) {
        (void)text_printf(&says, "%s is %s, there is nothing in it", holder,
                          kind_of(*place->holder));
    } else {
        tell_items(&says, place, holder);
    }
    (void)error_set(err, ERROR_MISSING, "%s: %s", place_show(pointer, strlen(pointer), whole),
                    text_string(&says));
    text_finish(&says);
    return false;
}

bool pointer_check(const char *pointer, struct error *err)
{
    size_t len = strnlen(pointer, POINTER_MOST + 1);
    const char *end = pointer + len;
    char shown[PLACE_SHOWN];
    (void)place_show(pointer, len, shown);
    if (len > POINTER_MOST) {
        return error_set(err, ERROR_LIMIT, "%s: expected a JSON pointer of at most %d bytes", shown,
                         POINTER_MOST);
    }
    if (len > 0 && pointer[0] != '/') {
        return error_set(err, ERROR_USAGE,
                         "%s: expected a JSON pointer, which begins with '/' (/player/hp) or is "
                         "empty (the whole state)",
                         shown);
    }
    for (const char *at = pointer; at < end;) {
        size_t bytes = utf8_len(at, end);
        if (bytes == 0) {
            return error_set(err, ERROR_USAGE,
                             "%s: expected a JSON pointer in UTF-8, found the byte 0x%02X at %zu",
                             shown, (unsigned)(unsigned char)*at, (size_t)(at - pointer));
        }
        if (*at == '~' && at[1] != '0' && at[1] != '1') {
            return error_set(err, ERROR_USAGE,
                             "%s: expected 0 or 1 behind the '~' at byte %zu: ~0 is '~', ~1 is '/'",
                             shown, (size_t)(at - pointer));
        }
        at += bytes;
    }
    return true;
}

bool pointer_find(const char *json, size_t len, const char *pointer, struct span *found,
                  struct error *err)
{
    struct place place;
    if (!place_find(&place, json, len, pointer, err)) {
        return false;
    }
    if (place.kind != PLACE_VALUE) {
        return place_refuse(&place, pointer, err);
    }
    *found = (struct span){(size_t)(place.value - json), (size_t)(place.end - json)};
    return true;
}
