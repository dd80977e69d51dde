#include "layout/definition.h"

#include "layout/declare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMENT_COLUMN 44
#define INDENT         4

static bool is_compound(const struct layout_type *type)
{
    return type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION;
}

uint32_t definition_element(const struct layout *layout, uint32_t type)
{
    while (layout->types[type].kind == LAYOUT_ARRAY) {
        type = layout->types[type].target;
    }
    return type;
}

bool definitions_init(struct definitions *definitions, const struct layout *layout,
                      struct text *out)
{
    *definitions = (struct definitions){layout, out, calloc(layout->head->types, sizeof(uint32_t))};
    if (definitions->uses == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < layout->head->fields; i++) {
        definitions->uses[definition_element(layout, layout->fields[i].type)]++;
    }
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        definitions->uses[definition_element(layout, layout->variables[i].type)]++;
    }
    for (uint32_t i = 0; i < layout->head->marks; i++) {
        definitions->uses[layout->marks[i].type] += 2; /* it needs a name there */
    }
    for (uint32_t i = 0; i < layout->head->types; i++) {
        if (layout->types[i].kind == LAYOUT_POINTER) {
            definitions->uses[definition_element(layout, layout->types[i].target)] += 2;
        }
    }
    definitions->uses[definition_element(layout, 0)] += 2;
    return true;
}

void definitions_finish(struct definitions *definitions)
{
    free(definitions->uses);
    definitions->uses = NULL;
}

bool definition_is_inner(const struct definitions *definitions, uint32_t number)
{
    const struct layout_type *type = &definitions->layout->types[number];
    return (is_compound(type) || type->kind == LAYOUT_ENUM) && definitions->uses[number] <= 1 &&
           *layout_string(definitions->layout, type->name) == '\0';
}

void definition_comment(struct text *out, size_t start, const char *text)
{
    size_t width = 0; /* in characters */
    for (size_t i = start; i < out->len; i++) {
        width += ((unsigned char)out->data[i] & 0xC0) != 0x80;
    }
    (void)text_printf(out, "%*s/* %s */\n",
                      width < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - width) : 1, "", text);
}

static void indent(const struct definitions *definitions, unsigned level)
{
    (void)text_printf(definitions->out, "%*s", (int)(INDENT * level), "");
}

/* ---- holes ---- */

struct stretch { /* what a field takes, in bits */
    uint64_t begin, end;
    uint32_t number;
};

static int by_begin(const void *left, const void *right)
{
    const struct stretch *a = left, *b = right;
    return a->begin != b->begin ? (a->begin < b->begin ? -1 : 1)
                                : (a->number > b->number) - (a->number < b->number);
}

/* Of each field the bits before it that belong to nobody; of the one behind the last: the rest. The
 * order of fields need not be that of their places. NULL: no memory, or too big for such a sum. */
static uint64_t *find_holes(const struct layout *layout, const struct layout_type *type)
{
    uint64_t *holes = calloc((size_t)type->count + 1, sizeof *holes);
    struct stretch *all = malloc(((size_t)type->count + 1) * sizeof *all);
    uint64_t end = 0;
    if (holes == NULL || all == NULL || type->size > UINT64_MAX / 16) {
        free(holes);
        free(all);
        return NULL;
    }
    for (uint32_t i = 0; i < type->count; i++) {
        const struct layout_field *field = &layout->fields[type->first + i];
        uint64_t begin = field->offset * 8 + field->bit;
        uint64_t bits = field->bits > 0 ? field->bits : layout->types[field->type].size * 8;
        all[i] = (struct stretch){begin, begin + bits, i};
    }
    qsort(all, type->count, sizeof *all, by_begin);
    for (uint32_t i = 0; i < type->count && type->kind == LAYOUT_STRUCT; i++) {
        holes[all[i].number] = all[i].begin > end ? all[i].begin - end : 0;
        end = all[i].end > end ? all[i].end : end;
    }
    holes[type->count] =
        type->kind == LAYOUT_STRUCT && type->size * 8 > end ? type->size * 8 - end : 0;
    free(all);
    return holes;
}

static void write_hole(const struct definitions *definitions, unsigned level, const char *word,
                       uint64_t bits)
{
    if (bits > 0) {
        bool bytes = bits % 8 == 0;
        unsigned long long count = bytes ? bits / 8 : bits;
        indent(definitions, level);
        (void)text_printf(definitions->out, "/* %s: %llu %s%s */\n", word, count,
                          bytes ? "byte" : "bit", count == 1 ? "" : "s");
    }
}

/* ---- bodies ---- */

static void write_body(const struct definitions *definitions, uint32_t number, unsigned level,
                       uint64_t base);

/* "  16    4", "  16.2  3 bits", and the marks of a field. */
static void write_place(const struct definitions *definitions, const struct layout_field *field,
                        uint64_t base, size_t start)
{
    const struct layout *layout = definitions->layout;
    struct text comment = {0};
    uint64_t at = base + field->offset;
    if (field->bits > 0) {
        (void)text_printf(&comment, "%5llu.%u  %u bit%s", (unsigned long long)at, field->bit,
                          field->bits, field->bits == 1 ? "" : "s");
    } else {
        (void)text_printf(&comment, "%5llu %5llu", (unsigned long long)at,
                          (unsigned long long)layout->types[field->type].size);
    }
    if (field->old_name != LAYOUT_NONE) {
        (void)text_puts(&comment, ", was ");
        declare_name(layout_string(layout, field->old_name), &comment);
    }
    (void)text_puts(&comment, (field->flags & LAYOUT_TRANSIENT) != 0 ? ", transient" : "");
    (void)text_puts(&comment, (field->flags & LAYOUT_VTABLE) != 0 ? ", virtual functions" : "");
    definition_comment(definitions->out, start, text_string(&comment));
    definitions->out->failed = definitions->out->failed || comment.failed;
    text_finish(&comment);
}

static void write_field(const struct definitions *definitions, const struct layout_field *field,
                        unsigned level, uint64_t base)
{
    const struct layout *layout = definitions->layout;
    uint32_t element = definition_element(layout, field->type);
    const char *name = layout_string(layout, field->name);
    size_t start = definitions->out->len;
    indent(definitions, level);
    if (definition_is_inner(definitions, element)) {
        struct text declarator = {0};
        write_body(definitions, element, level, base + field->offset);
        start = definitions->out->len - INDENT * level - 1; /* its last line, "}" */
        declare_declarator(layout, field->type, name, &declarator);
        (void)text_printf(definitions->out, "%s%s", declarator.len > 0 ? " " : "",
                          text_string(&declarator));
        definitions->out->failed = definitions->out->failed || declarator.failed;
        text_finish(&declarator);
    } else if ((field->flags & LAYOUT_BASE) != 0) {
        (void)text_puts(definitions->out, "/* base: ");
        declare_base_name(layout, element, definitions->out);
        (void)text_puts(definitions->out, " */");
    } else {
        declare_whole(layout, field->type, name, definitions->out);
    }
    if (field->bits > 0) {
        (void)text_printf(definitions->out, "%s: %u", *name != '\0' ? " " : "", field->bits);
    }
    if ((field->flags & LAYOUT_BASE) == 0) {
        (void)text_puts(definitions->out, ";");
    }
    write_place(definitions, field, base, start);
}

static void write_fields(const struct definitions *definitions, const struct layout_type *type,
                         unsigned level, uint64_t base)
{
    uint64_t *holes = find_holes(definitions->layout, type);
    for (uint32_t i = 0; i < type->count && !definitions->out->failed; i++) {
        write_hole(definitions, level, "hole", holes != NULL ? holes[i] : 0);
        write_field(definitions, &definitions->layout->fields[type->first + i], level, base);
    }
    if ((type->flags & LAYOUT_FLEXIBLE) != 0) {
        indent(definitions, level);
        (void)text_puts(definitions->out, "/* and an array without a size */\n");
    }
    write_hole(definitions, level, "padding", holes != NULL ? holes[type->count] : 0);
    free(holes);
}

static void write_enumerators(const struct definitions *definitions, const struct layout_type *type,
                              unsigned level)
{
    const struct layout *layout = definitions->layout;
    for (uint32_t i = 0; i < type->count && !definitions->out->failed; i++) {
        const struct layout_enumerator *one = &layout->enumerators[type->first + i];
        indent(definitions, level);
        declare_name(layout_string(layout, one->name), definitions->out);
        (void)((type->flags & LAYOUT_SIGNED) != 0
                   ? text_printf(definitions->out, " = %lld,\n", (long long)one->value)
                   : text_printf(definitions->out, " = %llu,\n", (unsigned long long)one->value));
    }
}

/* From "struct" to "}", with the name if it has one. */
static void write_body(const struct definitions *definitions, uint32_t number, unsigned level,
                       uint64_t base)
{
    static const char *const words[LAYOUT_KIND_COUNT] = {
        [LAYOUT_STRUCT] = "struct", [LAYOUT_UNION] = "union", [LAYOUT_ENUM] = "enum"};
    const struct layout_type *type = &definitions->layout->types[number];
    bool tag = !definition_is_inner(definitions, number) && (type->flags & LAYOUT_TYPEDEF) == 0;
    (void)text_puts(definitions->out, (type->flags & LAYOUT_TYPEDEF) != 0 ? "typedef " : "");
    if (tag && strstr(layout_string(definitions->layout, type->name), "::") == NULL) {
        declare_base_name(definitions->layout, number, definitions->out);
    } else {
        (void)text_printf(definitions->out, "%s%s", words[type->kind], tag ? " " : "");
        declare_name(tag ? layout_string(definitions->layout, type->name) : "", definitions->out);
    }
    (void)text_printf(definitions->out, " {%s\n",
                      (type->flags & LAYOUT_EXACT) != 0 ? " /* exact: never converted */" : "");
    if (type->kind == LAYOUT_ENUM) {
        write_enumerators(definitions, type, level + 1);
    } else {
        write_fields(definitions, type, level + 1, base);
    }
    indent(definitions, level);
    (void)text_puts(definitions->out, "}");
}

void definition_declare(const struct definitions *definitions, uint32_t type, const char *name)
{
    const struct layout *layout = definitions->layout;
    uint32_t element = definition_element(layout, type);
    if (!definition_is_inner(definitions, element)) {
        declare_whole(layout, type, name, definitions->out);
        return;
    }
    write_body(definitions, element, 0, 0);
    (void)text_puts(definitions->out, " ");
    declare_declarator(layout, type, name, definitions->out);
}

void definition_write(const struct definitions *definitions, uint32_t number)
{
    const struct layout_type *type = &definitions->layout->types[number];
    const char *name = layout_string(definitions->layout, type->name);
    if (type->kind == LAYOUT_BYTES && *name != '\0') {
        (void)text_puts(definitions->out, "/* ");
        declare_name(name, definitions->out);
        (void)text_printf(definitions->out, ": %llu bytes that are not looked into */\n\n",
                          (unsigned long long)type->size);
        return;
    }
    if (!is_compound(type) && type->kind != LAYOUT_ENUM) {
        return;
    }
    char size[64];
    (void)snprintf(size, sizeof size, "%llu byte%s, alignment %u", (unsigned long long)type->size,
                   type->size == 1 ? "" : "s", type->align);
    write_body(definitions, number, 0, 0);
    size_t start = definitions->out->len - 1;
    if ((type->flags & LAYOUT_TYPEDEF) != 0) {
        (void)text_puts(definitions->out, " ");
        declare_name(name, definitions->out);
    }
    (void)text_puts(definitions->out, ";");
    definition_comment(definitions->out, start, size);
    (void)text_puts(definitions->out, "\n");
}
