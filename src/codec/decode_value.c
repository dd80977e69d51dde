#define _GNU_SOURCE /* memmem */
#include "codec/decode_parts.h"

#include "base/hash.h"
#include "codec/beside.h"
#include "layout/owner.h"
#include "state/spelling.h"

#include <stdlib.h>
#include <string.h>

/* ---- looking at text ---- */

const char *decode_member(const struct decoding *decoding, const char *at, const char *name)
{
    struct members members;
    size_t len = strlen(name);
    if (*at != '{') {
        return NULL;
    }
    members_open(&members, at, decoding->end);
    while (members_next(&members, NULL)) {
        if (members.key_len == len && memcmp(members.key, name, len) == 0) {
            return members.value;
        }
    }
    return NULL;
}

bool decode_string(struct decoding *decoding, const char *at, struct text *out)
{
    if (*at != '"') {
        return false;
    }
    size_t len = (size_t)(value_end(at, decoding->end) - at) - 2;
    text_clear(out);
    if (memchr(at + 1, '\\', len) == NULL) {
        (void)(len > 0 && text_append(out, at + 1, len));
    } else {
        char *decoded = malloc(len);
        out->failed |= decoded == NULL;
        if (decoded != NULL) {
            (void)text_append(out, decoded, spelling_decode(at + 1, len, decoded));
        }
        free(decoded);
    }
    if (out->failed) {
        decode_no_memory(decoding);
    }
    return !out->failed;
}

bool decode_is_bytes(const struct decoding *decoding, const char *at)
{
    struct members members;
    if (*at != '{') {
        return false;
    }
    members_open(&members, at, decoding->end);
    return members_next(&members, NULL) && members.key_len == 6 &&
           memcmp(members.key, "$bytes", 6) == 0;
}

bool decode_count(const struct decoding *decoding, const char *at, uint64_t *count)
{
    return at != NULL && path_index(at, (size_t)(value_end(at, decoding->end) - at), count);
}

/* ---- structs ---- */

#define NAMES_SHOWN  6
#define RENAMED_MOST 64 /* of one struct that are looked at */

struct object { /* on its way into a struct */
    const struct roster_list *list;
    unsigned char *seen; /* a byte for each member */
    unsigned char few[256];
    uint32_t next; /* the member that is likely to come */
    uint32_t looks;
    uint32_t renamed_count;
    bool takes[RENAMED_MOST]; /* the renamed member has the value of its old name */
};

static const struct roster_member *renamed_member(const struct object *object, uint32_t i)
{
    return &object->list->members[object->list->renamed[i]];
}

static bool is(const char *name, const char *key, size_t len)
{
    return strlen(name) == len && memcmp(name, key, len) == 0;
}

/* ---- unions without a name ---- */

#define LOOKS 64 /* at such unions, for keys of one object; at names in one */

static bool has_field(const struct layout *layout, const struct layout_type *type, const char *name,
                      size_t len)
{
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_field *field = &layout->fields[type->first + i];
        if ((field->flags & LAYOUT_MEMBERS) != 0
                ? has_field(layout, &layout->types[field->type], name, len)
                : is(layout_string(layout, field->name), name, len) ||
                      (field->old_name != LAYOUT_NONE &&
                       is(layout_string(layout, field->old_name), name, len))) {
            return true;
        }
    }
    return false;
}

/* Each of the names in the key "a|b" is one of the union's. */
static bool has_fields(const struct layout *layout, uint32_t type, const char *key, size_t len)
{
    const char *end = key + len;
    for (unsigned looks = 0; looks < LOOKS; looks++) {
        const char *bar = memchr(key, '|', (size_t)(end - key));
        const char *stop = bar == NULL ? end : bar;
        if (!has_field(layout, &layout->types[type], key, (size_t)(stop - key))) {
            return false;
        }
        if (bar == NULL) {
            return true;
        }
        key = bar + 1;
    }
    return false;
}

/* The union whose fields have got other names, or more. NULL: there is none. */
static const struct roster_member *union_of(const struct layout *layout, struct object *object,
                                            const char *key, size_t len)
{
    for (uint32_t i = 0; i < object->list->count && object->looks < LOOKS; i++) {
        const struct roster_member *member = &object->list->members[i];
        if ((member->flags & LAYOUT_MEMBERS) == 0 || object->seen[i] != 0) {
            continue;
        }
        object->looks++;
        if (has_fields(layout, member->type, key, len)) {
            return member;
        }
    }
    return NULL;
}

/* ---- members ---- */

static const struct roster_member *member_of(struct object *object, const char *name, size_t len)
{
    const struct roster_list *list = object->list;
    const struct roster_member *member =
        object->next < list->count ? &list->members[object->next] : NULL;
    for (uint32_t i = 0; i < object->renamed_count; i++) {
        const struct roster_member *renamed = renamed_member(object, i);
        if (object->takes[i] && is(renamed->old_name, name, len)) {
            return renamed;
        }
    }
    if (member == NULL || !is(member->name, name, len)) {
        member = roster_named(list, name, len);
        if (member != NULL && !is(member->name, name, len)) {
            return NULL; /* it has the value of its new name */
        }
    }
    object->next = member == NULL ? object->next : (uint32_t)(member - list->members) + 1;
    return member;
}

static const char *key_of(struct decoding *decoding, const struct members *members, size_t *len)
{
    *len = members->key_len;
    if (!members->key_escaped) {
        return members->key;
    }
    char *decoded = malloc(*len + 1);
    if (decoded == NULL) {
        decode_no_memory(decoding);
        return NULL;
    }
    *len = spelling_decode(members->key, *len, decoded);
    return decoded;
}

static void key_done(const struct members *members, const char *key)
{
    if (members->key_escaped) {
        free((void *)(uintptr_t)key);
    }
}

/* Whether some renamed member takes the value of that name. */
static bool is_taken(const struct object *object, const char *name)
{
    for (uint32_t i = 0; i < object->renamed_count; i++) {
        if (object->takes[i] && strcmp(renamed_member(object, i)->old_name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Which renamed members take the value of their old names: where nothing is left of the new one. */
static void find_renamed(struct decoding *decoding, struct object *object, const char *at)
{
    struct members members;
    bool has_old[RENAMED_MOST] = {0}, has_new[RENAMED_MOST] = {0}, again = true;
    members_open(&members, at, decoding->end);
    while (members_next(&members, NULL) && !decoding->failed) {
        size_t len;
        const char *key = key_of(decoding, &members, &len);
        for (uint32_t i = 0; key != NULL && i < object->renamed_count; i++) {
            has_old[i] |= is(renamed_member(object, i)->old_name, key, len);
            has_new[i] |= is(renamed_member(object, i)->name, key, len);
        }
        key_done(&members, key);
    }
    while (again) {
        again = false;
        for (uint32_t i = 0; i < object->renamed_count; i++) {
            const struct roster_member *member = renamed_member(object, i);
            if (!object->takes[i] && has_old[i] && !is_taken(object, member->old_name) &&
                (!has_new[i] || is_taken(object, member->name))) {
                object->takes[i] = again = true;
            }
        }
    }
}

static bool open_object(struct decoding *decoding, struct object *object, uint32_t type,
                        const char *at)
{
    object->list = roster_members(decoding->roster, type, decoding->err);
    if (object->list == NULL) {
        decoding->failed = true;
        return false;
    }
    uint32_t count = object->list->count;
    object->seen = count <= sizeof object->few ? object->few : malloc(count);
    if (object->seen == NULL) {
        decode_no_memory(decoding);
        return false;
    }
    memset(object->seen, 0, count);
    object->next = 0;
    object->looks = 0;
    object->renamed_count =
        object->list->renamed_count < RENAMED_MOST ? object->list->renamed_count : RENAMED_MOST;
    if (object->renamed_count > 0) {
        memset(object->takes, 0, sizeof object->takes);
        find_renamed(decoding, object, at);
    }
    return !decoding->failed;
}

static void close_object(struct object *object)
{
    if (object->seen != object->few) {
        free(object->seen);
    }
}

static void tell_missing(struct decoding *decoding, uint32_t type, const struct object *object,
                         const struct trail *trail)
{
    for (uint32_t i = 0; i < object->list->count && !decoding->given->strict; i++) {
        const struct roster_member *member = &object->list->members[i];
        if (object->seen[i] == 0 && (member->flags & LAYOUT_TRANSIENT) == 0) {
            struct trail to = {.up = trail, .name = member->name, .len = member->name_len};
            decode_tell(decoding, FINDING_ADDED, ((uint64_t)type << 32 | i) + 1, &to, "%s", "");
        }
    }
}

static void tell_unknown(struct decoding *decoding, uint32_t type, const struct roster_list *list,
                         const char *key, size_t len, const struct trail *trail)
{
    struct trail to = {.up = trail, .name = key, .len = len};
    uint64_t both[2] = {hash_bytes(key, len), type};
    if (decoding->given->strict) {
        struct text name = {0}, names = {0};
        (void)layout_type_name(decoding->layout, type, &name);
        for (uint32_t i = 0; i < list->count && i < NAMES_SHOWN; i++) {
            (void)text_printf(&names, "%s\"%s\"", i == 0 ? "; it has " : ", ",
                              list->members[i].name);
        }
        if (list->count > NAMES_SHOWN) {
            (void)text_printf(&names, " and %u more", list->count - NAMES_SHOWN);
        }
        decode_refuse(decoding, &to, "%s has no such member%s", text_string(&name),
                      text_string(&names));
        text_finish(&name);
        text_finish(&names);
    } else {
        decode_tell(decoding, FINDING_DROPPED, hash_bytes(both, sizeof both), &to, "%s", "");
    }
}

static bool is_of_root(const char *key, size_t len)
{
    return (len == 5 && memcmp(key, "$heap", 5) == 0) || beside_is(key, len) ||
           (len == 8 && memcmp(key, "$statics", 8) == 0);
}

const char *decode_members(struct decoding *decoding, uint32_t type, unsigned char *bytes,
                           const char *at, const struct trail *trail, bool root)
{
    struct members members;
    struct object object;
    object.seen = object.few;
    const char *behind = NULL;
    bool ok = open_object(decoding, &object, type, at);
    members_open(&members, at, decoding->end);
    while (ok && members_next(&members, behind) && !decoding->failed) {
        size_t len;
        const char *key = key_of(decoding, &members, &len);
        behind = NULL;
        if (key == NULL) {
            break;
        }
        const struct roster_member *member =
            root && is_of_root(key, len) ? NULL : member_of(&object, key, len);
        if (member == NULL && !decoding->given->strict &&
            decode_is_bytes(decoding, members.value)) {
            member = union_of(decoding->layout, &object, key, len);
        }
        if (member != NULL) {
            struct path_spot spot = {member->type, 0, 1, member->bit, member->bits};
            object.seen[member - object.list->members] = 1;
            if ((member->flags & LAYOUT_TRANSIENT) == 0 || decoding->given->strict) {
                struct trail to = {.up = trail, .name = member->name, .len = member->name_len};
                if (!is(member->name, key, len)) {
                    to.key = key;
                    to.key_len = len;
                }
                behind = decode_value(decoding, &spot, bytes + member->offset, members.value, &to);
            }
        } else if (!root || !is_of_root(key, len)) {
            tell_unknown(decoding, type, object.list, key, len, trail);
        }
        key_done(&members, key);
    }
    if (!decoding->failed) {
        tell_missing(decoding, type, &object, trail);
    }
    close_object(&object);
    return decoding->failed ? decoding->end : members_behind(&members);
}

/* ---- owners ---- */

/* Whether an owner had something that is an address of another process. */
static bool held_memory(const struct decoding *decoding, const struct layout_type *type,
                        const char *at)
{
    static const char address[] = "\"$address\"";
    if (decoding->given->strict || !owner_is(decoding->layout, type)) {
        return false;
    }
    size_t len = (size_t)(value_end(at, decoding->end) - at);
    return memmem(at, len, address, sizeof address - 1) != NULL;
}

/* ---- all of them ---- */

#define ONES_MOST 8 /* arrays of one in each other */

/* The only item of an array, which stands for itself. NULL: there is not just one value in it. */
static const char *only_item(const struct decoding *decoding, const char *at)
{
    const char *first = NULL;
    for (unsigned i = 0; i < ONES_MOST && *at == '['; i++) {
        struct members members;
        members_open(&members, at, decoding->end);
        if (!members_next(&members, NULL)) {
            return NULL;
        }
        at = members.value;
        first = first == NULL ? at : first;
        if (members_next(&members, NULL)) {
            return NULL;
        }
    }
    return *at == '[' ? NULL : first;
}

const char *decode_value(struct decoding *decoding, const struct path_spot *spot,
                         unsigned char *bytes, const char *at, const struct trail *trail)
{
    const struct layout_type *type = &decoding->layout->types[spot->type];
    const char *behind;
    if (spot->count != 1) {
        return decode_array(decoding, spot, spot->type, spot->count, bytes, at, trail);
    }
    if (type->kind == LAYOUT_ARRAY) {
        return decode_array(decoding, spot, type->target, type->elements, bytes, at, trail);
    }
    if (type->kind == LAYOUT_STRUCT && *at == '{' && !decode_is_bytes(decoding, at)) {
        if (held_memory(decoding, type, at)) {
            decode_tell(decoding, FINDING_KEPT, 0, trail,
                        "held memory that is gone, and has its default");
            return value_end(at, decoding->end);
        }
        return decode_members(decoding, spot->type, bytes, at, trail, false);
    }
    behind = value_end(at, decoding->end);
    const char *only = *at == '[' && spot->bits == 0 ? only_item(decoding, at) : NULL;
    if (only != NULL) {
        (void)decode_value(decoding, spot, bytes, only, &(struct trail){.up = trail, .only = true});
    } else if (type->kind == LAYOUT_POINTER) {
        decode_pointer(decoding, spot, bytes, at, trail);
    } else if (type->kind == LAYOUT_UNION || type->kind == LAYOUT_BYTES) {
        decode_opaque(decoding, spot, bytes, at, trail);
    } else if (decode_is_scalar(type->kind)) {
        decode_scalar(decoding, spot, bytes, at, trail);
    } else {
        decode_mismatch(decoding, spot->type, at, trail,
                        type->kind == LAYOUT_STRUCT ? "an object" : "a value");
    }
    return behind;
}
