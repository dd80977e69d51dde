#include "codec/likeness.h"

#include "base/hash.h"

#include <string.h>

struct look {
    const struct layout *layout;
    bool old_names;
    uint64_t *budget;
    struct text *words; /* what is asked for; other texts are hashed */
    struct text enums;  /* the enumerators of the word that is being made */
};

static bool add_type(struct look *look, uint32_t number, struct text *out);

static bool end_word(struct look *look)
{
    bool ok =
        !look->enums.failed && text_append(look->words, text_string(&look->enums), look->enums.len);
    text_clear(&look->enums);
    return ok;
}

static bool add_field(struct look *look, const struct layout_field *field, uint64_t offset,
                      struct text *out)
{
    bool renamed = look->old_names && field->old_name != LAYOUT_NONE;
    (void)text_printf(out, "%s ",
                      layout_string(look->layout, renamed ? field->old_name : field->name));
    if (!add_type(look, field->type, out)) {
        return false;
    }
    if (offset != 0) {
        (void)text_printf(out, "@%llu", (unsigned long long)offset);
    }
    return (field->bits == 0 || text_printf(out, ":%u.%u", field->bits, field->bit)) &&
           (out != look->words || end_word(look)) && text_append(out, "", 1);
}

/* Members of a struct without a name stand among the others. */
static bool add_fields(struct look *look, const struct layout_type *type, uint64_t offset,
                       struct text *out)
{
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_field *field = &look->layout->fields[type->first + i];
        const struct layout_type *inner = &look->layout->types[field->type];
        bool flat = (field->flags & LAYOUT_MEMBERS) != 0 && inner->kind == LAYOUT_STRUCT;
        if (!(flat ? add_fields(look, inner, offset + field->offset, out)
                   : add_field(look, field, offset + field->offset, out))) {
            return false;
        }
    }
    return true;
}

static bool add_hash(const char *kind, const struct text *of, struct text *out)
{
    uint64_t hash = hash_bytes(text_string(of), of->len);
    return !of->failed && text_printf(out, "%s %016llx", kind, (unsigned long long)hash);
}

static bool add_members(struct look *look, const struct layout_type *type, struct text *out)
{
    struct text inner = {0};
    bool ok = text_printf(&inner, "%llu ", (unsigned long long)type->size) &&
              add_fields(look, type, 0, &inner) &&
              add_hash(type->kind == LAYOUT_STRUCT ? "struct" : "union", &inner, out);
    text_finish(&inner);
    return ok;
}

/* Enumerators stand behind the word, as they may be more in the other layout. */
static bool add_enum(struct look *look, const struct layout_type *type, struct text *out)
{
    if (*look->budget < type->count) {
        return false;
    }
    *look->budget -= type->count;
    (void)text_puts(&look->enums, " {");
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_enumerator *one = &look->layout->enumerators[type->first + i];
        (void)text_printf(&look->enums, "%s%s %llu", i > 0 ? "," : "",
                          layout_string(look->layout, one->name), (unsigned long long)one->value);
    }
    return text_puts(&look->enums, "}") &&
           text_printf(out, "%s%u", (type->flags & LAYOUT_SIGNED) != 0 ? "enum" : "unsigned enum",
                       (unsigned)type->size * 8);
}

/* No deeper than types lie in each other. */
static bool add_type(struct look *look, uint32_t number, struct text *out)
{
    static const char *const words[LAYOUT_KIND_COUNT] = {[LAYOUT_BOOL] = "bool",
                                                         [LAYOUT_CHAR] = "char",
                                                         [LAYOUT_INT] = "int",
                                                         [LAYOUT_UINT] = "uint",
                                                         [LAYOUT_FLOAT] = "float"};
    const struct layout_type *type = &look->layout->types[number];
    if (*look->budget == 0) {
        return false;
    }
    --*look->budget;
    switch (type->kind) {
    case LAYOUT_BOOL:
    case LAYOUT_CHAR:
    case LAYOUT_INT:
    case LAYOUT_UINT:
    case LAYOUT_FLOAT:
        return text_printf(out, "%s%u", words[type->kind], (unsigned)type->size * 8);
    case LAYOUT_ENUM:
        return add_enum(look, type, out);
    case LAYOUT_POINTER:
        return (type->flags & LAYOUT_OFFSET) == 0
                   ? text_puts(out, "pointer")
                   : text_printf(out, "member %016llx", /* it means the same nowhere else */
                                 (unsigned long long)look->layout->head->shape);
    case LAYOUT_ARRAY:
        return add_type(look, type->target, out) &&
               text_printf(out, "[%llu]", (unsigned long long)type->elements);
    case LAYOUT_STRUCT:
    case LAYOUT_UNION:
        return add_members(look, type, out);
    default:
        return text_printf(out, "bytes%llu %s", (unsigned long long)type->size,
                           layout_string(look->layout, type->name)) &&
               (type->elements == 0 ||
                text_printf(out, " %llx", (unsigned long long)type->elements));
    }
}

bool likeness_words(const struct layout *layout, uint32_t type, bool old_names, uint64_t *budget,
                    struct text *out)
{
    struct look look = {layout, old_names, budget, out, {0}};
    bool ok = layout->types[type].kind == LAYOUT_UNION
                  ? add_fields(&look, &layout->types[type], 0, out)
                  : add_type(&look, type, out) && end_word(&look) && text_append(out, "", 1);
    text_finish(&look.enums);
    return ok && !out->failed;
}

/* ---- comparing ---- */

static size_t one_len(const char *enumerator)
{
    return strcspn(enumerator, ",}");
}

static bool has_enumerator(const char *at, const char *one)
{
    size_t len = one_len(one), next;
    for (; *at != '\0' && *at != '}'; at += next + (at[next] == ',')) {
        next = one_len(at);
        if (next == len && memcmp(at, one, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Both begin behind a '{'. */
static bool has_enumerators(const char *at, const char *old)
{
    for (size_t len; *old != '\0' && *old != '}'; old += len + (old[len] == ',')) {
        len = one_len(old);
        if (!has_enumerator(at, old)) {
            return false;
        }
    }
    return true;
}

bool likeness_includes(const char *word, const char *old)
{
    for (; *word == *old && *word != '\0'; word++, old++) {
        if (*word != '{') {
            continue;
        }
        if (!has_enumerators(word + 1, old + 1)) {
            return false;
        }
        word += strcspn(word, "}");
        old += strcspn(old, "}");
        if (*word == '\0' || *old == '\0') {
            return *word == *old;
        }
    }
    return *word == *old;
}
