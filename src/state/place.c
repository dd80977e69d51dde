#include "state/place.h"

#include "state/spelling.h"

#include <string.h>

/* The part at `at`, behind a slash. */
static void take_part(struct place *place, const char *at)
{
    place->part = at;
    place->part_len = strcspn(at, "/");
    place->last = at[place->part_len] == '\0';
    place->name_len = 0;
    for (size_t i = 0; i < place->part_len; i++) {
        char c = at[i];
        if (c == '~') {
            c = at[++i] == '0' ? '~' : '/';
        }
        place->name[place->name_len++] = c;
    }
}

static bool find_key(struct place *place)
{
    struct members *members = &place->members;
    while (members_next(members, NULL)) {
        bool same = members->key_escaped
                        ? spelling_is(members->key, members->key_len, place->name, place->name_len)
                        : members->key_len == place->name_len &&
                              memcmp(members->key, place->name, place->name_len) == 0;
        if (same) {
            return true;
        }
    }
    place->kind = PLACE_KEY;
    return false;
}

/* Digits without a leading zero; more than any text has items are as good as the most. */
static bool to_index(const char *digits, size_t len, size_t *index)
{
    *index = 0;
    for (size_t i = 0; i < len; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return false;
        }
        *index =
            *index > (size_t)-1 / 100 ? (size_t)-1 / 10 : *index * 10 + (size_t)(digits[i] - '0');
    }
    return len > 0 && (digits[0] != '0' || len == 1);
}

static bool find_item(struct place *place)
{
    struct members *members = &place->members;
    size_t index;
    bool behind = place->name_len == 1 && place->name[0] == '-';
    if (!behind && !to_index(place->name, place->name_len, &index)) {
        while (members_next(members, NULL)) {
        }
        place->kind = PLACE_INDEX;
        return false;
    }
    while (members_next(members, NULL)) {
        if (!behind && members->count - 1 == index) {
            return true;
        }
    }
    place->kind = behind || index == members->count ? PLACE_BEHIND : PLACE_ITEM;
    return false;
}

bool place_find(struct place *place, const char *json, size_t len, const char *pointer,
                struct error *err)
{
    if (!pointer_check(pointer, err)) {
        return false;
    }
    const char *end = json + len;
    place->holder = place->value = value_start(json, end);
    place->kind = PLACE_VALUE;
    place->depth = 0;
    place->members.at = place->outer.at = NULL;
    for (const char *at = pointer; *at == '/'; at = place->part + place->part_len) {
        take_part(place, at + 1);
        place->holder = place->value;
        char first = place->holder < end ? *place->holder : '\0';
        if (first != '{' && first != '[') {
            place->kind = PLACE_SCALAR;
            return true;
        }
        place->outer = place->members;
        place->depth++;
        members_open(&place->members, place->holder, end);
        if (!(first == '{' ? find_key(place) : find_item(place))) {
            return true;
        }
        place->value = place->members.value;
    }
    place->end = value_end(place->value, end);
    return true;
}
