#include "codec/decode.h"

#include "codec/decode_parts.h"
#include "state/spelling.h"

#include <stdlib.h>
#include <string.h>

/* ---- "$statics" ---- */

/* A variable: "game.c:speed", "game.c:step():calls". */
static void fill_variable(struct decoding *decoding, const struct members *file,
                          const char *function, size_t function_len, const struct members *at,
                          bool *seen)
{
    struct text path = {0};
    (void)text_append(&path, file->key, file->key_len);
    if (function_len > 0) {
        (void)text_printf(&path, ":%.*s", (int)function_len, function);
    }
    (void)text_puts(&path, ":");
    (void)text_append(&path, at->key, at->key_len);
    struct trail to = {.name = text_string(&path), .len = path.len};
    char *name = malloc(at->key_len + file->key_len + 2), *file_name = name;
    if (name == NULL || path.failed) {
        decode_no_memory(decoding);
        goto out;
    }
    size_t file_len = spelling_decode(file->key, file->key_len, file_name);
    name += file->key_len;
    size_t len = spelling_decode(at->key, at->key_len, name);
    const struct static_entry *entry =
        statics_named(&decoding->statics, file_name, file_len, function, function_len, name, len);
    if (entry == NULL) {
        if (decoding->given->strict) {
            decode_refuse(decoding, &to, "the module has no such variable");
        } else {
            decode_tell(decoding, FINDING_DROPPED, 0, &to, "%s", "");
        }
        goto out;
    }
    seen[entry - decoding->statics.entries] = true;
    (void)decode_value(
        decoding, &(struct path_spot){entry->variable->type, 0, 1, 0, 0},
        (unsigned char *)(uintptr_t)(decoding->target->module_base + entry->variable->address),
        at->value, &to);
out:
    free(file_name);
    text_finish(&path);
}

/* What stands in a file: variables, and functions with their own. */
static void fill_file(struct decoding *decoding, const struct members *file, bool *seen)
{
    struct members members, inner;
    if (*file->value != '{') {
        return;
    }
    members_open(&members, file->value, decoding->end);
    while (members_next(&members, NULL) && !decoding->failed) {
        bool function = members.key_len > 2 &&
                        memcmp(members.key + members.key_len - 2, "()", 2) == 0 &&
                        *members.value == '{';
        if (!function) {
            fill_variable(decoding, file, "", 0, &members, seen);
            continue;
        }
        char *name = malloc(members.key_len + 1);
        if (name == NULL) {
            decode_no_memory(decoding);
            return;
        }
        size_t len = spelling_decode(members.key, members.key_len, name);
        members_open(&inner, members.value, decoding->end);
        while (members_next(&inner, NULL) && !decoding->failed) {
            fill_variable(decoding, file, name, len, &inner, seen);
        }
        free(name);
    }
}

static void tell_new(struct decoding *decoding, const bool *seen)
{
    for (uint32_t i = 0; i < decoding->statics.count && !decoding->given->strict; i++) {
        const struct layout_variable *variable = decoding->statics.entries[i].variable;
        const char *function = layout_string(decoding->layout, variable->function);
        struct text path = {0};
        if (seen[i]) {
            continue;
        }
        (void)text_printf(
            &path, "%s:%s%s%s", layout_string(decoding->layout, variable->file), function,
            *function == '\0' ? "" : "():", layout_string(decoding->layout, variable->name));
        decode_tell(decoding, FINDING_ADDED, 0,
                    &(struct trail){.name = text_string(&path), .len = path.len}, "%s", "");
        text_finish(&path);
    }
}

static void fill_statics(struct decoding *decoding, const char *at)
{
    struct members members;
    bool *seen = calloc(decoding->statics.count + 1, sizeof *seen);
    if (seen == NULL) {
        decode_no_memory(decoding);
        return;
    }
    if (at != NULL && *at == '{') {
        members_open(&members, at, decoding->end);
        while (members_next(&members, NULL) && !decoding->failed) {
            fill_file(decoding, &members, seen);
        }
    }
    tell_new(decoding, seen);
    free(seen);
}

/* ---- the whole ---- */

static void drop_part(struct decoding *decoding, const struct trail *root, const char *name,
                      const char *why)
{
    struct trail to = {.up = root, .name = name, .len = strlen(name)};
    if (decoding->given->strict) {
        decode_refuse(decoding, &to, "%s", why);
    } else {
        decode_tell(decoding, FINDING_DROPPED, 0, &to, "%s", why);
    }
}

/* What stands beside the parts has no place. */
static void drop_strangers(struct decoding *decoding, const char *at, const struct trail *root)
{
    static const char *const parts[] = {"$state", "$heap", "$statics", "$types", "$enums"};
    struct members members;
    members_open(&members, at, decoding->end);
    while (members_next(&members, NULL) && !decoding->failed) {
        struct trail to = {.up = root, .name = members.key, .len = members.key_len};
        bool known = false;
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            known |= strlen(parts[i]) == members.key_len &&
                     memcmp(members.key, parts[i], members.key_len) == 0;
        }
        if (!known && decoding->given->strict) {
            decode_refuse(decoding, &to, "the state has no such place");
        } else if (!known) {
            decode_tell(decoding, FINDING_DROPPED, 0, &to, "%s", "");
        }
    }
}

/* The members of a struct, which may be the only element of an array here. */
static bool fill_members(struct decoding *decoding, const char *at, const struct trail *root)
{
    const struct layout_type *types = decoding->layout->types;
    const struct trail item = {.up = root, .added = true};
    uint32_t number = 0;
    while (types[number].kind == LAYOUT_ARRAY && types[number].elements == 1) {
        number = types[number].target;
    }
    if (types[number].kind != LAYOUT_STRUCT || *at != '{') {
        return false;
    }
    (void)decode_members(decoding, number, decoding->target->state, at, number == 0 ? root : &item,
                         true);
    return true;
}

static void fill_state(struct decoding *decoding, const char *at, bool parts,
                       const struct trail *root)
{
    static const struct path_spot state = {0, 0, 1, 0, 0};
    const struct layout_type *type = layout_state(decoding->layout);
    const char *member = decode_member(decoding, at, "$state");
    bool strict = decoding->given->strict && type->kind == LAYOUT_STRUCT;
    if ((member == NULL || strict) && fill_members(decoding, at, root)) {
        return;
    }
    if (*at == '{' && (parts || member != NULL || type->size == 0)) {
        drop_strangers(decoding, at, root);
    }
    if (member != NULL) {
        struct trail to = {.up = root, .name = "$state", .len = 6};
        (void)decode_value(decoding, &state, decoding->target->state, member, &to);
    } else if (type->size > 0 && !parts) {
        (void)decode_value(decoding, &state, decoding->target->state, at, root);
    }
}

static void fill(struct decoding *decoding, const char *at)
{
    const struct target *target = decoding->target;
    struct trail root = {.up = NULL};
    struct trail heap_trail = {.up = &root, .name = "$heap", .len = 5};
    const char *heap = decode_member(decoding, at, "$heap");
    decoding->enums = decode_member(decoding, at, "$enums");
    decoding->type_list = decode_member(decoding, at, "$types");
    decode_list_types(decoding);
    const char *statics = decode_member(decoding, at, "$statics");
    heap = heap != NULL && *heap == '[' ? heap : NULL;
    decoding->object_count = heap == NULL ? 0 : decode_count_items(decoding, heap);
    if (decoding->object_count > 0 && target->heap == NULL) {
        drop_part(decoding, &root, "$heap", "the module has no heap of hotrun's");
        decoding->object_count = 0;
    }
    if (decoding->object_count > 0) {
        decode_list_objects(decoding, heap, &heap_trail);
    }
    if (!decoding->failed) {
        fill_state(decoding, at, heap != NULL || statics != NULL, &root);
    }
    if (!decoding->failed && heap != NULL) {
        decode_fill_objects(decoding, heap, &heap_trail);
    }
    if (!decoding->failed && target->statics) {
        fill_statics(decoding, statics);
    } else if (!decoding->failed && statics != NULL) {
        drop_part(decoding, &root, "$statics", "variables are not carried");
    }
}

bool decode_state(const char *json, size_t len, const struct decode_given *given,
                  const struct target *target, struct findings *findings, struct error *err)
{
    struct decoding decoding = {.end = json + len,
                                .given = given,
                                .target = target,
                                .layout = target->layout,
                                .findings = findings,
                                .err = err};
    const char *at = value_start(json, json + len);
    decoding.roster = roster_create(target->layout);
    if (decoding.roster == NULL || !statics_open(&decoding.statics, target->layout)) {
        decode_no_memory(&decoding);
    } else if (at < decoding.end) {
        fill(&decoding, at);
    }
    roster_destroy(decoding.roster);
    statics_close(&decoding.statics);
    free(decoding.objects);
    free(decoding.words);
    for (size_t i = 0; i < decoding.names_count; i++) {
        free(decoding.names[i].name);
    }
    free(decoding.names);
    free(decoding.types);
    free(decoding.places);
    text_finish(&decoding.path);
    free(decoding.told);
    text_finish(&decoding.scratch);
    return !decoding.failed;
}
