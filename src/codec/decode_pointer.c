#include "codec/decode_parts.h"

#include "layout/bind.h"
#include "state/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct place_found {      /* what a "$ref" leads to */
    unsigned char *bytes; /* of offset 0 */
    struct path_spot spot;
    uint64_t more; /* "+N" */
};

static void store_address(unsigned char *bytes, uint64_t address)
{
    memcpy(bytes, &address, sizeof(void *));
}

static uint64_t address_of(const void *bytes)
{
    return (uint64_t)(uintptr_t)bytes;
}

/* The pointer keeps what is there. */
static void keep(struct decoding *decoding, const struct trail *trail, const char *sentence,
                 const char *what)
{
    if (decoding->given->strict) {
        decode_refuse(decoding, trail, "expected null or something that the module has, found %s%s",
                      sentence, what);
    } else if (!decoding->failed) {
        decode_tell(decoding, FINDING_KEPT, 0, trail, "leads to %s%s, and has its default",
                    sentence, what);
    }
}

/* ---- "$ref" ---- */

/* Takes "+N" off the end of a path. */
static size_t take_more(const char *path, size_t len, uint64_t *more)
{
    size_t digits = 0;
    *more = 0;
    while (digits < len && path[len - 1 - digits] >= '0' && path[len - 1 - digits] <= '9') {
        digits++;
    }
    if (digits == 0 || digits == len || path[len - digits - 1] != '+' ||
        !path_index(path + len - digits, digits, more)) {
        *more = 0;
        return len;
    }
    return len - digits - 1;
}

/* Parts of a path, one after the other. */
struct parts {
    const char *at, *end;
    char name[POINTER_MOST];
    size_t len;
};

static bool parts_next(struct parts *parts)
{
    if (parts->at >= parts->end || *parts->at != '/') {
        return false;
    }
    parts->at++;
    parts->at += path_take(parts->at, parts->end, parts->name, &parts->len);
    return true;
}

static bool parts_are(const struct parts *parts, const char *name)
{
    return strlen(name) == parts->len && memcmp(parts->name, name, parts->len) == 0;
}

static bool in_heap(struct decoding *decoding, struct parts *parts, struct place_found *found)
{
    uint64_t index;
    if (!parts_next(parts) || !path_index(parts->name, parts->len, &index) ||
        index >= decoding->object_count || !parts_next(parts) || !parts_are(parts, "value")) {
        return false;
    }
    found->bytes = decoding->objects[index].bytes;
    found->spot = decoding->objects[index].spot;
    return found->bytes != NULL;
}

static bool in_statics(struct decoding *decoding, struct parts *parts, struct place_found *found)
{
    char *file = parts_next(parts) ? strndup(parts->name, parts->len) : NULL;
    char *function = NULL;
    const struct static_entry *entry = NULL;
    if (file != NULL && parts_next(parts)) {
        entry =
            statics_named(&decoding->statics, file, strlen(file), "", 0, parts->name, parts->len);
        function = entry == NULL ? strndup(parts->name, parts->len) : NULL;
    }
    if (function != NULL && parts_next(parts)) {
        entry = statics_named(&decoding->statics, file, strlen(file), function, strlen(function),
                              parts->name, parts->len);
    }
    free(file);
    free(function);
    if (entry == NULL) {
        return false;
    }
    found->bytes =
        (unsigned char *)(uintptr_t)(decoding->target->module_base + entry->variable->address);
    found->spot = (struct path_spot){entry->variable->type, 0, 1, 0, 0};
    return true;
}

static uint64_t spot_size(const struct decoding *decoding, const struct path_spot *spot)
{
    return spot->type == LAYOUT_NONE ? spot->count
                                     : decoding->layout->types[spot->type].size * spot->count;
}

/* The bytes of `decoding` that the path names, in the layout that they have here. */
static bool find_place(struct decoding *decoding, const char *path, size_t len,
                       struct place_found *found)
{
    struct parts parts = {.at = path};
    const struct layout_type *state = layout_state(decoding->layout);
    enum path_step step = PATH_FOUND;
    *found = (struct place_found){decoding->target->state, {0, 0, 1, 0, 0}, 0};
    parts.end = path + take_more(path, len, &found->more);
    if (parts.end > path && *path != '/') {
        return false;
    }
    bool any = parts_next(&parts);
    if (any && parts_are(&parts, "$heap")) {
        any = in_heap(decoding, &parts, found) && parts_next(&parts);
        if (found->bytes == decoding->target->state || found->bytes == NULL) {
            return false;
        }
    } else if (any && parts_are(&parts, "$statics")) {
        if (!in_statics(decoding, &parts, found)) {
            return false;
        }
        any = parts_next(&parts);
    } else if (any && parts_are(&parts, "$state") && state->kind != LAYOUT_STRUCT) {
        any = parts_next(&parts);
    }
    for (; any; any = parts_next(&parts)) {
        step = found->spot.type == LAYOUT_NONE || step == PATH_END
                   ? PATH_NONE
                   : path_step(decoding->roster, &found->spot, parts.name, parts.len, true);
        if (step == PATH_NONE || found->spot.bits != 0) {
            return false;
        }
    }
    return step == PATH_END ? found->more == 0 : found->more <= spot_size(decoding, &found->spot);
}

static void store_ref(struct decoding *decoding, unsigned char *bytes, const char *at,
                      const struct trail *trail)
{
    struct place_found found;
    char shown[PLACE_SHOWN];
    if (!decode_string(decoding, at, &decoding->scratch)) {
        if (!decoding->failed) {
            keep(decoding, trail, "a \"$ref\" that is no path", "");
        }
        return;
    }
    const char *path = text_string(&decoding->scratch);
    size_t len = decoding->scratch.len;
    if (find_place(decoding, path, len, &found)) {
        store_address(bytes, address_of(found.bytes) + found.spot.offset + found.more);
    } else {
        char sentence[PLACE_SHOWN + 32];
        (void)snprintf(sentence, sizeof sentence, "%s", place_show(path, len, shown));
        keep(decoding, trail, sentence, ", which is not there");
    }
}

/* ---- "$symbol", "$text", "$address" ---- */

/* A function stays a function, and a variable a variable. */
static bool fits(const struct decoding *decoding, uint32_t pointer, bool function)
{
    uint32_t kind = decoding->layout->types[decoding->layout->types[pointer].target].kind;
    return kind == LAYOUT_UNKNOWN || function == (kind == LAYOUT_FUNCTION);
}

/* The string member of that name; NULL: none. The caller frees it. */
static char *member_string(struct decoding *decoding, const char *object, const char *name)
{
    const char *at = decode_member(decoding, object, name);
    if (at == NULL || !decode_string(decoding, at, &decoding->scratch)) {
        return NULL;
    }
    char *copy = strdup(text_string(&decoding->scratch));
    if (copy == NULL) {
        decode_no_memory(decoding);
    }
    return copy;
}

static const struct layout_variable *find_variable(const struct layout *layout, const char *file,
                                                   const char *function, const char *name)
{
    const struct layout_variable *found =
        layout_variable_named(layout, file == NULL ? "" : file, function, name, false);
    return found != NULL ? found : layout_variable_named(layout, "", function, name, true);
}

static void store_symbol(struct decoding *decoding, uint32_t pointer, unsigned char *bytes,
                         const char *at, const struct trail *trail)
{
    const struct layout *layout = decoding->layout;
    char *name = member_string(decoding, at, "$symbol");
    char *file = member_string(decoding, at, "file");
    char *function = member_string(decoding, at, "function");
    const char *place = decode_member(decoding, at, "offset");
    uint64_t offset = 0, address = 0, size = 0;
    bool ok = name != NULL && (place == NULL || decode_count(decoding, place, &offset));
    if (ok && function != NULL) {
        const struct layout_variable *variable = find_variable(layout, file, function, name);
        ok = variable != NULL && fits(decoding, pointer, false);
        address = ok ? variable->address : 0;
        size = ok ? layout->types[variable->type].size : 0;
    } else if (ok) {
        const struct layout_symbol *symbol = layout_symbol_named(layout, name, file);
        ok = symbol != NULL && fits(decoding, pointer, symbol->function != 0);
        address = ok ? symbol->address : 0;
        size = ok ? symbol->size : 0;
    }
    if (ok && offset <= size) {
        store_address(bytes, decoding->target->module_base + address + offset);
    } else if (!decoding->failed) {
        keep(decoding, trail, name == NULL ? "a \"$symbol\" without a name" : name,
             name == NULL ? "" : ", which this library does not have");
    }
    free(name);
    free(file);
    free(function);
}

static void store_text_address(struct decoding *decoding, unsigned char *bytes, const char *at,
                               const struct trail *trail)
{
    const struct target *target = decoding->target;
    uint64_t address;
    if (!decode_string(decoding, at, &decoding->scratch)) {
        if (!decoding->failed) {
            keep(decoding, trail, "a \"$text\" that is no string", "");
        }
        return;
    }
    const char *text = text_string(&decoding->scratch);
    if (strlen(text) == decoding->scratch.len && bind_text(decoding->layout, text, &address)) {
        store_address(bytes, target->module_base + address);
        return;
    }
    const void *kept =
        target->keep == NULL ? NULL : target->keep(target->ctx, text, decoding->scratch.len + 1);
    if (kept != NULL) {
        store_address(bytes, address_of(kept));
    } else {
        keep(decoding, trail, "a text", ", which this library does not have");
    }
}

static void store_foreign(struct decoding *decoding, unsigned char *bytes, const char *at,
                          const struct trail *trail)
{
    uint64_t there = 0;
    memcpy(&there, bytes, sizeof(void *));
    if (!decode_string(decoding, at, &decoding->scratch)) {
        if (!decoding->failed) {
            keep(decoding, trail, "an \"$address\" that is no string", "");
        }
        return;
    }
    char *end;
    uint64_t address = strtoull(text_string(&decoding->scratch), &end, 0);
    if (decoding->given->same_process && *end == '\0' && address == there) {
        return;
    }
    char shown[PLACE_SHOWN];
    (void)place_show(text_string(&decoding->scratch), decoding->scratch.len, shown);
    keep(decoding, trail, "memory of the process that it was in, ", shown);
}

/* ---- "$member" ---- */

static void store_member(struct decoding *decoding, uint32_t pointer, unsigned char *bytes,
                         const char *at, const struct trail *trail)
{
    const struct layout *layout = decoding->layout;
    const struct layout_type *both = &layout->types[layout->types[pointer].target];
    struct parts parts = {.at = NULL};
    bool ok = both->kind == LAYOUT_UNION && both->count == 2 &&
              decode_string(decoding, at, &decoding->scratch) && decoding->scratch.len > 0;
    if (ok) {
        struct path_spot spot = {layout->fields[both->first].type, 0, 1, 0, 0};
        parts.at = decoding->scratch.data;
        parts.end = parts.at + decoding->scratch.len;
        while (ok && parts.at < parts.end) {
            ok = parts_next(&parts) && spot.type != LAYOUT_NONE &&
                 path_step(decoding->roster, &spot, parts.name, parts.len, true) == PATH_FOUND &&
                 spot.bits == 0;
        }
        if (ok) {
            store_address(bytes, spot.offset);
            return;
        }
    }
    if (!decoding->failed) {
        char shown[PLACE_SHOWN];
        (void)place_show(text_string(&decoding->scratch), decoding->scratch.len, shown);
        keep(decoding, trail, shown, ", which is not there");
    }
}

/* ---- all of them ---- */

/* A person who sets "/target/hp", where "/target" leads to a struct, means that struct's: with the
 * member left aside nothing would change. */
static bool is_of_pointers_alone(struct decoding *decoding, const char *at,
                                 const struct trail *trail)
{
    static const char *const known[] = {"$ref",     "$symbol", "file",     "offset",
                                        "function", "$text",   "$address", "$member"};
    struct members members;
    members_open(&members, at, decoding->end);
    while (members_next(&members, NULL)) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0] && !found; i++) {
            found = members.key_len == strlen(known[i]) &&
                    memcmp(members.key, known[i], members.key_len) == 0;
        }
        if (!found) {
            char shown[PLACE_SHOWN];
            (void)place_show(members.key, members.key_len, shown);
            decode_refuse(decoding, trail,
                          "it is a pointer and has no \"%s\": name the place that it leads to",
                          shown);
            return false;
        }
    }
    return true;
}

void decode_pointer(struct decoding *decoding, const struct path_spot *spot, unsigned char *bytes,
                    const char *at, const struct trail *trail)
{
    bool reference = (decoding->layout->types[spot->type].flags & LAYOUT_ONCE) != 0;
    bool member = (decoding->layout->types[spot->type].flags & LAYOUT_OFFSET) != 0;
    const char *value;
    if (*at == '{' && decoding->given->strict && !is_of_pointers_alone(decoding, at, trail)) {
        return;
    }
    if (*at == 'n' && !reference) {
        store_address(bytes, member ? UINT64_MAX : 0);
    } else if (member) {
        value = decode_member(decoding, at, "$member");
        if (value != NULL) {
            store_member(decoding, spot->type, bytes, value, trail);
        } else {
            decode_mismatch(decoding, spot->type, at, trail, "null or {\"$member\": path}");
        }
    } else if ((value = decode_member(decoding, at, "$ref")) != NULL) {
        store_ref(decoding, bytes, value, trail);
    } else if (decode_member(decoding, at, "$symbol") != NULL) {
        store_symbol(decoding, spot->type, bytes, at, trail);
    } else if ((value = decode_member(decoding, at, "$text")) != NULL) {
        store_text_address(decoding, bytes, value, trail);
    } else if ((value = decode_member(decoding, at, "$address")) != NULL) {
        store_foreign(decoding, bytes, value, trail);
    } else {
        decode_mismatch(decoding, spot->type, at, trail,
                        reference ? "{\"$ref\": path}" : "null or {\"$ref\": path}");
    }
}
