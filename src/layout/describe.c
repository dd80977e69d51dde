#include "layout/describe.h"

#include "layout/declare.h"
#include "layout/definition.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MOST ((size_t)256 << 20)

struct telling {
    struct definitions definitions;
    const struct layout *layout;
    struct text *out;
    unsigned char *told; /* types that are defined, or being so */
    size_t folder;       /* what the files of all variables have in common, which says nothing */
};

/* ---- types ---- */

/* What lies in a type is defined before it, as a compiler needs it. */
static void tell_type(struct telling *telling, uint32_t number)
{
    const struct layout *layout = telling->layout;
    uint32_t element = definition_element(layout, number);
    const struct layout_type *type = &layout->types[element];
    if (telling->told[element] != 0 || telling->out->failed) {
        return;
    }
    telling->told[element] = 1;
    if (type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION) {
        for (uint32_t i = 0; i < type->count; i++) {
            tell_type(telling, layout->fields[type->first + i].type);
        }
    }
    if (!definition_is_inner(&telling->definitions, element)) {
        definition_write(&telling->definitions, element);
    }
}

static void tell_state(struct telling *telling)
{
    const struct layout *layout = telling->layout;
    const struct layout_type *state = layout_state(layout);
    if (state->size == 0) {
        (void)text_puts(telling->out, "/* The module has no state. */\n\n");
        return;
    }
    (void)text_puts(telling->out, "/* The state is ");
    declare_whole(layout, 0, "", telling->out);
    (void)text_printf(telling->out, ": %llu byte%s. In comments: offset and size. */\n\n",
                      (unsigned long long)state->size, state->size == 1 ? "" : "s");
}

/* ---- variables ---- */

/* Up to the last slash that all files share. */
static size_t find_folder(const struct layout *layout)
{
    const char *first = NULL;
    size_t len = 0;
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        const char *file = layout_string(layout, layout->variables[i].file);
        size_t same = 0;
        if (*file == '\0') {
            continue;
        }
        if (first == NULL) {
            first = file;
            len = strlen(file);
        }
        while (same < len && file[same] == first[same]) {
            same++;
        }
        len = same;
        while (len > 0 && first[len - 1] != '/') {
            len--;
        }
    }
    return len;
}

/* "game.c, in step" */
static void put_origin(const struct telling *telling, const struct layout_variable *variable,
                       struct text *out)
{
    const char *file = layout_string(telling->layout, variable->file);
    const char *function = layout_string(telling->layout, variable->function);
    size_t start = out->len;
    declare_name(*file != '\0' ? file + telling->folder : "", out);
    if (*function != '\0') {
        (void)text_puts(out, out->len > start ? ", in " : "in ");
        declare_name(function, out);
    }
}

static void put_reason(const struct telling *telling, const struct layout_variable *variable,
                       struct text *out)
{
    const char *reason = layout_string(telling->layout, variable->reason);
    declare_name((variable->flags & LAYOUT_RESET) != 0 ? "HOTRUN_RESET"
                 : *reason != '\0'                     ? reason
                                                       : "the reason is not known",
                 out);
}

/* One whose type is not known: a declaration of it would be no C. */
static void tell_name(struct telling *telling, const struct layout_variable *variable)
{
    struct text *out = telling->out;
    (void)text_puts(out, "/* ");
    declare_name(layout_string(telling->layout, variable->name), out);
    (void)text_puts(out, " (");
    put_origin(telling, variable, out);
    (void)text_puts(out, "): ");
    put_reason(telling, variable, out);
    (void)text_puts(out, " */\n");
}

static void tell_variable(struct telling *telling, const struct layout_variable *variable)
{
    const struct layout *layout = telling->layout;
    const struct layout_type *type = &layout->types[variable->type];
    struct text *out = telling->out;
    struct text comment = {0};
    size_t start = out->len;
    if (type->kind == LAYOUT_UNKNOWN && *layout_string(layout, type->name) == '\0') {
        tell_name(telling, variable);
        return;
    }
    (void)text_puts(out, (variable->flags & LAYOUT_GLOBAL) != 0 ? "" : "static ");
    definition_declare(&telling->definitions, variable->type,
                       layout_string(layout, variable->name));
    for (size_t i = start; i < out->len; i++) { /* its last line */
        start = out->data[i] == '\n' ? i + 1 : start;
    }
    (void)text_puts(out, ";");
    put_origin(telling, variable, &comment);
    if ((variable->flags & LAYOUT_CARRIED) != 0) {
        (void)text_printf(&comment, "%s%llu byte%s", comment.len > 0 ? ", " : "",
                          (unsigned long long)type->size, type->size == 1 ? "" : "s");
    } else {
        (void)text_puts(&comment, comment.len > 0 ? ": " : "");
        put_reason(telling, variable, &comment);
    }
    definition_comment(out, start, text_string(&comment));
    out->failed = out->failed || comment.failed;
    text_finish(&comment);
}

static void tell_variables(struct telling *telling, bool carried, const char *heading)
{
    const struct layout *layout = telling->layout;
    bool first = true;
    for (uint32_t i = 0; i < layout->head->variables && !telling->out->failed; i++) {
        if (((layout->variables[i].flags & LAYOUT_CARRIED) != 0) == carried) {
            (void)(first && text_puts(telling->out, heading));
            first = false;
            tell_variable(telling, &layout->variables[i]);
        }
    }
    (void)(!first && text_puts(telling->out, "\n"));
}

/* ---- the heap ---- */

static void tell_heap(struct telling *telling, unsigned char *listed)
{
    const struct layout *layout = telling->layout;
    bool first = true;
    for (uint32_t i = 0; i < layout->head->marks; i++) {
        uint32_t type = layout->marks[i].type;
        if (listed[type] == 0) {
            listed[type] = 1;
            (void)text_puts(telling->out, first ? "/* hotrun_alloc makes: " : ", ");
            declare_whole(layout, type, "", telling->out);
            first = false;
        }
    }
    (void)(!first && text_puts(telling->out, " */\n\n"));
}

/* ---- all of it ---- */

static void tell_all(struct telling *telling, unsigned char *listed)
{
    const struct layout *layout = telling->layout;
    tell_state(telling);
    tell_type(telling, 0);
    for (uint32_t i = 0; i < layout->head->types; i++) {
        if (!definition_is_inner(&telling->definitions, definition_element(layout, i))) {
            tell_type(telling, i);
        }
    }
    tell_heap(telling, listed);
    tell_variables(telling, true, "/* Variables that are carried over. */\n");
    tell_variables(telling, false, "/* Variables that start anew, and why. */\n");
    struct text *out = telling->out; /* one empty line is one too many at the end */
    if (!out->failed && out->len > 1 && out->data[out->len - 2] == '\n') {
        out->data[--out->len] = '\0';
    }
}

bool describe_as_c(const struct layout *layout, struct text *out)
{
    struct telling telling = {.layout = layout, .out = out, .folder = find_folder(layout)};
    size_t limit = out->limit;
    out->limit = limit == 0 ? out->len + TEXT_MOST : limit;
    telling.told = calloc(layout->head->types, 1);
    unsigned char *listed = calloc(layout->head->types, 1);
    bool ok = definitions_init(&telling.definitions, layout, out) && telling.told != NULL &&
              listed != NULL;
    if (ok) {
        tell_all(&telling, listed);
    }
    definitions_finish(&telling.definitions);
    free(telling.told);
    free(listed);
    out->limit = limit;
    return ok && !out->failed;
}
