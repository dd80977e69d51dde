#include "codec/encode_parts.h"

#include "codec/likeness.h"
#include "state/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Places that are looked at, and members of unions at them. A document that has more tells of none,
 * so that what is not told of is known not to be such a value. */
#define BUDGET ((uint64_t)1 << 16)

struct typing { /* the types at all places of a document */
    struct encoding *encoding;
    struct text path; /* as findings have it: "/enemies/ * /aim", without the spaces */
    struct text out;
    uint64_t budget;
};

/* Objects of one member: two places can be called alike, whatever debug info says. */
static void put_place(struct typing *typing)
{
    (void)text_puts(&typing->out, typing->out.len > 0 ? ",{" : "{");
    (void)json_quote_bytes(&typing->out, text_string(&typing->path), typing->path.len);
    (void)text_puts(&typing->out, ":");
}

static void put_word(struct typing *typing, const char *before, uint64_t number, const char *behind)
{
    put_place(typing);
    (void)text_printf(&typing->out, "\"%s%llu%s\"}", before, (unsigned long long)number, behind);
}

static void put_union(struct typing *typing, uint32_t type)
{
    struct text words = {0};
    if (likeness_words(typing->encoding->layout, type, false, &typing->budget, &words)) {
        put_place(typing);
        for (const char *at = words.data; at < words.data + words.len; at += strlen(at) + 1) {
            (void)text_puts(&typing->out, at > words.data ? "," : "[");
            (void)json_quote_bytes(&typing->out, at, strlen(at));
        }
        (void)text_puts(&typing->out, words.len > 0 ? "]}" : "[]}");
    } else {
        typing->budget = 0;
    }
    text_finish(&words);
}

static void put_type(struct typing *typing, uint32_t number);

static void put_members(struct typing *typing, uint32_t number)
{
    struct encoding *encoding = typing->encoding;
    const struct roster_list *list = roster_members(encoding->roster, number, encoding->err);
    if (list == NULL) {
        encoding->failed = true;
        return;
    }
    for (uint32_t i = 0; i < list->count && !encode_is_stopped(encoding); i++) {
        size_t len = typing->path.len;
        path_part(&typing->path, list->members[i].name, list->members[i].name_len);
        if (list->members[i].bits != 0) {
            char behind[32] = "";
            if (encoding->layout->types[list->members[i].type].kind == LAYOUT_ENUM) {
                (void)snprintf(behind, sizeof behind, " enum %u", list->members[i].type);
            }
            put_word(typing, "bits", list->members[i].bits, behind);
        } else {
            put_type(typing, list->members[i].type);
        }
        typing->path.len = len;
    }
}

/* Of arrays of bytes. */
static const char *word_of(const struct layout_type *element)
{
    return element->kind == LAYOUT_CHAR   ? "char["
           : element->size != 1           ? NULL
           : element->kind == LAYOUT_UINT ? "uint8["
           : element->kind == LAYOUT_INT  ? "int8["
                                          : NULL;
}

/* What a value does not tell by itself. */
static void put_type(struct typing *typing, uint32_t number)
{
    const struct layout *layout = typing->encoding->layout;
    const struct layout_type *type = &layout->types[number];
    size_t len = typing->path.len;
    const char *word;
    if (typing->budget == 0 || typing->path.failed) {
        return;
    }
    typing->budget--;
    switch (type->kind) {
    case LAYOUT_ENUM:
        put_word(typing, "enum ", number, "");
        break;
    case LAYOUT_FLOAT:
        put_word(typing, "float", type->size * 8, "");
        break;
    case LAYOUT_ARRAY:
        word = word_of(&layout->types[type->target]);
        if (word != NULL) {
            put_word(typing, word, type->elements, "]");
            break;
        }
        (void)text_puts(&typing->path, "/*");
        put_type(typing, type->target);
        typing->path.len = len;
        break;
    case LAYOUT_STRUCT:
        put_members(typing, number);
        break;
    case LAYOUT_UNION:
    case LAYOUT_BYTES:
        put_union(typing, number);
        break;
    default:
        break;
    }
}

/* ---- the parts ---- */

static void start(struct typing *typing, const char *root)
{
    text_clear(&typing->path);
    (void)text_puts(&typing->path, root);
}

enum {
    HEAP_ONE = 1,
    HEAP_SEVERAL = 2
};

/* Several bytes are an array, which is as long as the object says. */
static void put_object(struct typing *typing, uint32_t type, bool several)
{
    const char *word = several ? word_of(&typing->encoding->layout->types[type]) : NULL;
    if (word != NULL) {
        put_place(typing);
        (void)text_printf(&typing->out, "\"%s]\"}", word);
        return;
    }
    (void)(several && text_puts(&typing->path, "/*"));
    put_type(typing, type);
}

static void put_heap(struct typing *typing)
{
    struct encoding *encoding = typing->encoding;
    const struct layout *layout = encoding->layout;
    unsigned char *seen = calloc((size_t)layout->head->types + 1, 1);
    for (size_t i = 0; seen != NULL && i < encoding->heap.count; i++) {
        const struct heap_object *object = &encoding->heap.objects[i];
        if (object->type < layout->head->types) {
            seen[object->type] |= object->count == 1 ? HEAP_ONE : HEAP_SEVERAL;
        }
    }
    for (uint32_t i = 0; seen != NULL && i < layout->head->types; i++) {
        for (unsigned how = HEAP_ONE; how <= HEAP_SEVERAL; how++) {
            struct text name = {0};
            if ((seen[i] & how) != 0 && layout_type_name(layout, i, &name)) {
                const char *word = strchr(text_string(&name), ' ');
                start(typing, word == NULL ? text_string(&name) : word + 1);
                put_object(typing, i, how == HEAP_SEVERAL);
            }
            text_finish(&name);
        }
    }
    free(seen);
}

static void put_statics(struct typing *typing)
{
    const struct statics *statics = &typing->encoding->statics;
    for (uint32_t i = 0; i < statics->count; i++) {
        const struct layout_variable *variable = statics->entries[i].variable;
        start(typing, layout_string(statics->layout, variable->file));
        (void)text_puts(&typing->path, ":");
        if (*layout_string(statics->layout, variable->function) != '\0') {
            statics_function(statics, &statics->entries[i], &typing->path);
            (void)text_puts(&typing->path, ":");
        }
        statics_name(statics, &statics->entries[i], &typing->path);
        put_type(typing, variable->type);
    }
}

bool encode_types(struct encoding *encoding, bool some)
{
    struct typing typing = {.encoding = encoding, .budget = BUDGET};
    if (!encoding->exact || encode_is_stopped(encoding)) {
        return some;
    }
    start(&typing, encoding->state_member ? "/$state" : "");
    put_type(&typing, 0);
    put_heap(&typing);
    if (encoding->has_statics) {
        put_statics(&typing);
    }
    bool whole = typing.budget > 0 && !typing.path.failed && !typing.out.failed;
    if (whole) {
        sink_puts(&encoding->sink, some ? ",\"$types\":[" : "\"$types\":[");
        sink_put(&encoding->sink, text_string(&typing.out), typing.out.len);
        sink_char(&encoding->sink, ']');
    }
    text_finish(&typing.path);
    text_finish(&typing.out);
    return some || whole;
}
