#include "codec/decode_parts.h"

#include <stdlib.h>
#include <string.h>

#define LIKE_MOST 64 /* names, types of one, that are compared */

/* ---- types by their names ---- */

struct type_name {
    const char *name;
    uint32_t type;
    bool marked; /* the code makes such objects: of two types of one name it is meant */
};

struct type_names {         /* of all types that heap objects can have */
    struct type_name *list; /* sorted */
    size_t count;
    struct text text;
};

static int order_names(const void *left, const void *right)
{
    const struct type_name *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0               ? order
           : a->marked != b->marked ? (a->marked ? -1 : 1)
                                    : (a->type > b->type) - (a->type < b->type);
}

static void names_close(struct type_names *names)
{
    free(names->list);
    text_finish(&names->text);
}

static bool names_open(struct type_names *names, const struct layout *layout)
{
    bool *marked = calloc(layout->head->types, sizeof *marked);
    *names = (struct type_names){.list = calloc(layout->head->types, sizeof *names->list)};
    bool ok = marked != NULL && names->list != NULL;
    for (uint32_t i = 0; ok && i < layout->head->marks; i++) {
        marked[layout->marks[i].type] = true;
    }
    for (uint32_t type = 0; ok && type < layout->head->types; type++) {
        if (layout->types[type].size > 0) {
            names->list[names->count++] =
                (struct type_name){(const char *)(uintptr_t)names->text.len, type, marked[type]};
            (void)layout_type_name(layout, type, &names->text);
            ok = text_append(&names->text, "", 1);
        }
    }
    for (size_t i = 0; ok && i < names->count; i++) {
        names->list[i].name = names->text.data + (uintptr_t)names->list[i].name;
    }
    if (ok && names->count > 1) {
        qsort(names->list, names->count, sizeof *names->list, order_names);
    }
    free(marked);
    return ok;
}

/* The first of that name; names->count: none. */
static size_t names_find(const struct type_names *names, const char *name)
{
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool before = strcmp(names->list[middle].name, name) < 0;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return low;
}

static bool has_field(const struct layout *layout, const struct layout_type *type,
                      const struct members *members)
{
    for (uint32_t i = 0; i < type->count && i < LIKE_MOST; i++) {
        const char *name = layout_string(layout, layout->fields[type->first + i].name);
        if (strlen(name) == members->key_len && memcmp(name, members->key, members->key_len) == 0) {
            return true;
        }
    }
    return false;
}

/* How many members of the object, or of the first one in the array, the type has. */
static unsigned likeness(const struct decoding *decoding, uint32_t number, const char *value)
{
    const struct layout_type *type = &decoding->layout->types[number];
    bool fields = type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION;
    struct members members;
    unsigned like = 0, looks = 0;
    if (value != NULL && *value == '[') {
        members_open(&members, value, decoding->end);
        value = members_next(&members, NULL) ? members.value : NULL;
    }
    if (!fields || value == NULL || *value != '{') {
        return 0;
    }
    members_open(&members, value, decoding->end);
    while (looks++ < LIKE_MOST && members_next(&members, NULL)) {
        like += has_field(decoding->layout, type, &members);
    }
    return like;
}

/* Of several with that name, the one that the value is most like. LAYOUT_NONE: there is none. */
static uint32_t find_type(const struct decoding *decoding, const struct type_names *names,
                          const char *name, const char *value)
{
    uint32_t found = LAYOUT_NONE;
    unsigned most = 0;
    for (size_t i = names_find(names, name), looks = 0;
         i < names->count && looks < LIKE_MOST && strcmp(names->list[i].name, name) == 0;
         i++, looks++) {
        bool alone =
            looks == 0 && (i + 1 == names->count || strcmp(names->list[i + 1].name, name) != 0);
        unsigned like = alone ? 0 : likeness(decoding, names->list[i].type, value);
        if (found == LAYOUT_NONE || like > most) {
            found = names->list[i].type;
            most = like;
        }
    }
    return found;
}

/* ---- objects ---- */

struct announced {    /* an item of "$heap" */
    struct text name; /* of its type; "": none is known */
    uint32_t type;
    uint64_t count, size;
};

static bool announce(struct decoding *decoding, const struct type_names *names, const char *at,
                     struct announced *announced)
{
    const char *name = decode_member(decoding, at, "type");
    const char *count = decode_member(decoding, at, "count");
    announced->count = 1;
    announced->type = LAYOUT_NONE;
    text_clear(&announced->name);
    if (count != NULL && !decode_count(decoding, count, &announced->count)) {
        return false;
    }
    if (name == NULL) {
        return decode_count(decoding, decode_member(decoding, at, "size"), &announced->size);
    }
    if (!decode_string(decoding, name, &announced->name)) {
        return false;
    }
    announced->type = find_type(decoding, names, text_string(&announced->name),
                                decode_member(decoding, at, "value"));
    announced->size =
        announced->type == LAYOUT_NONE ? 0 : decoding->layout->types[announced->type].size;
    return true;
}

static void make_object(struct decoding *decoding, const struct announced *announced,
                        struct decode_object *object, const struct trail *trail)
{
    const struct layout *layout = decoding->layout;
    bool typed = announced->type != LAYOUT_NONE;
    uint64_t whole;
    if (announced->size == 0 || announced->count == 0) {
        return;
    }
    if (__builtin_mul_overflow(announced->size, announced->count, &whole) ||
        whole > HEAP_SIZE_MAX) {
        decoding->failed = true;
        (void)error_set(decoding->err, ERROR_LIMIT,
                        "a heap object of %llu times %llu bytes is larger than a heap can be",
                        (unsigned long long)announced->count, (unsigned long long)announced->size);
        return;
    }
    object->bytes =
        heap_alloc(decoding->target->heap, announced->type, 0, (size_t)announced->size,
                   (size_t)announced->count, typed ? layout->types[announced->type].align : 16);
    object->spot = typed ? (struct path_spot){announced->type, 0, announced->count, 0, 0}
                         : (struct path_spot){LAYOUT_NONE, 0, whole, 0, 0};
    if (object->bytes == NULL) {
        struct error why;
        decoding->failed = true;
        (void)heap_explain(decoding->target->heap, announced->size, announced->count, &why);
        (void)error_set(decoding->err, ERROR_LIMIT,
                        "no room in the module's heap for %llu bytes of the heap object %llu: %s",
                        (unsigned long long)whole, (unsigned long long)trail->index, why.text);
    }
}

/* The object that is there already, when it is one of these. */
static bool meet_object(struct decoding *decoding, const struct announced *announced,
                        const struct heap_view *view, size_t i, struct decode_object *object)
{
    const struct heap_object *there = i < view->count ? &view->objects[i] : NULL;
    bool typed = announced->type != LAYOUT_NONE;
    if (there == NULL || there->count != announced->count || there->size != announced->size ||
        (typed && there->type != announced->type)) {
        return false;
    }
    object->bytes =
        (unsigned char *)(uintptr_t)(heap_address(decoding->target->heap) + there->offset);
    object->spot = typed ? (struct path_spot){announced->type, 0, announced->count, 0, 0}
                         : (struct path_spot){LAYOUT_NONE, 0, there->size * there->count, 0, 0};
    return true;
}

size_t decode_count_items(const struct decoding *decoding, const char *at)
{
    struct members members;
    members_open(&members, at, decoding->end);
    while (members_next(&members, NULL)) {
    }
    return members.count;
}

static void others(struct decoding *decoding, const struct trail *trail)
{
    if (decoding->given->strict) {
        decode_refuse(
            decoding, trail,
            "expected the %zu heap objects that are there, with their "
            "types and counts; only their values can be set",
            (size_t)(decoding->target->heap == NULL ? 0 : heap_count(decoding->target->heap)));
    } else {
        decode_tell(decoding, FINDING_DROPPED, 0, trail, "there are other heap objects here");
    }
}

void decode_list_objects(struct decoding *decoding, const char *at, const struct trail *trail)
{
    struct members members;
    struct announced announced = {.type = LAYOUT_NONE};
    struct type_names names;
    struct heap_view view = {0};
    bool made = decoding->given->objects;
    decoding->objects = calloc(decoding->object_count + 1, sizeof *decoding->objects);
    if (!names_open(&names, decoding->layout) || decoding->objects == NULL ||
        (!made && !heap_look(&view, decoding->target->heap))) {
        names_close(&names);
        decode_no_memory(decoding);
        return;
    }
    bool same = made || view.count == decoding->object_count;
    members_open(&members, at, decoding->end);
    for (size_t i = 0;
         i < decoding->object_count && same && members_next(&members, NULL) && !decoding->failed;
         i++) {
        struct decode_object *object = &decoding->objects[i];
        struct trail to = {.up = trail, .index = i};
        if (!announce(decoding, &names, members.value, &announced)) {
            same = made;
            decode_mismatch(decoding, 0, members.value, &to, "{\"type\": name, \"value\": ...}");
        } else if (made) {
            make_object(decoding, &announced, object, &to);
        } else {
            same = meet_object(decoding, &announced, &view, i, object);
        }
        if (made && object->bytes == NULL && !decoding->failed) {
            decode_tell(decoding, FINDING_DROPPED, 0, &to, "%s is no type of heap objects here",
                        announced.name.len == 0 ? "it" : text_string(&announced.name));
        }
    }
    if (!same && !decoding->failed) {
        others(decoding, trail);
        decoding->object_count = 0;
    }
    heap_close(&view);
    text_finish(&announced.name);
    names_close(&names);
}

static void fill_object(struct decoding *decoding, const struct decode_object *object,
                        const char *at, const struct trail *trail)
{
    const char *value = decode_member(decoding, at, "value");
    if (object->bytes == NULL || value == NULL) {
        return;
    }
    if (object->spot.type != LAYOUT_NONE) {
        struct text name = {0}; /* paths begin with the type */
        (void)layout_type_name(decoding->layout, object->spot.type, &name);
        const char *word = strchr(text_string(&name), ' ');
        const char *from = word == NULL ? text_string(&name) : word + 1;
        struct text was = {0};
        const char *its = decode_member(decoding, at, "type");
        struct trail root = {.name = from, .len = strlen(from)};
        if (decoding->type_count > 0 && its != NULL && decode_string(decoding, its, &was)) {
            word = strchr(text_string(&was), ' ');
            root.key = word == NULL ? text_string(&was) : word + 1;
            root.key_len = strlen(root.key);
        }
        (void)decode_value(decoding, &object->spot, object->bytes, value,
                           decoding->given->strict ? trail : &root);
        text_finish(&was);
        text_finish(&name);
        return;
    }
    const char *bytes = decode_member(decoding, value, "$bytes");
    struct text decoded = {0};
    if (bytes != NULL && decode_bytes(decoding, value, &decoded) &&
        decoded.len == object->spot.count) {
        memcpy(object->bytes, decoded.data, decoded.len);
    } else if (!decoding->failed) {
        decode_mismatch(decoding, 0, value, trail, "{\"$bytes\": base64}");
    }
    text_finish(&decoded);
}

void decode_fill_objects(struct decoding *decoding, const char *at, const struct trail *trail)
{
    struct members members;
    members_open(&members, at, decoding->end);
    for (size_t i = 0;
         i < decoding->object_count && members_next(&members, NULL) && !decoding->failed; i++) {
        struct trail object = {.up = trail, .index = i};
        struct trail to = {.up = &object, .name = "value", .len = 5};
        fill_object(decoding, &decoding->objects[i], members.value, &to);
    }
}
