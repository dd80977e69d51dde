#include "layout/declare.h"
#include "layout/describe.h"

#include "state/utf8.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MOST ((size_t)256 << 20)
#define EXACT     ((uint64_t)1 << 53) /* what a reader with doubles keeps */

/* ---- values ---- */

/* Bytes that are no UTF-8 become U+FFFD; a terminal is safe from what is left. */
static void put_string(struct text *out, const char *string)
{
    const char *end = string + strlen(string);
    (void)text_puts(out, "\"");
    while (string < end) {
        size_t len = utf8_len(string, end);
        unsigned char byte = (unsigned char)*string;
        const char *next = string;
        uint32_t character = len > 0 ? utf8_take(&next) : 0;
        if (len == 0) {
            (void)text_puts(out, "\\ufffd");
        } else if (byte == '"' || byte == '\\') {
            (void)text_printf(out, "\\%c", byte);
        } else if (!declare_is_shown(character)) {
            (void)text_printf(out, "\\u%04x", (unsigned)character);
        } else {
            (void)text_append(out, string, len);
        }
        string += len == 0 ? 1 : len;
    }
    (void)text_puts(out, "\"");
}

/* "name": with a comma unless it is the first of its object. */
static void put_name(struct text *out, const char *name)
{
    (void)text_printf(out, "%s\"%s\":", out->len > 0 && out->data[out->len - 1] != '{' ? "," : "",
                      name);
}

static void put_text(struct text *out, const char *name, const char *value)
{
    put_name(out, name);
    put_string(out, value);
}

static void put_number(struct text *out, const char *name, uint64_t value)
{
    const char *quote = value > EXACT ? "\"" : "";
    put_name(out, name);
    (void)text_printf(out, "%s%llu%s", quote, (unsigned long long)value, quote);
}

static void put_signed(struct text *out, const char *name, int64_t value)
{
    const char *quote = value > (int64_t)EXACT || value < -(int64_t)EXACT ? "\"" : "";
    put_name(out, name);
    (void)text_printf(out, "%s%lld%s", quote, (long long)value, quote);
}

static void put_hash(struct text *out, const char *name, uint64_t value)
{
    put_name(out, name);
    (void)text_printf(out, "\"%016llx\"", (unsigned long long)value);
}

static void put_flag(struct text *out, const char *name, bool value)
{
    put_name(out, name);
    (void)text_puts(out, value ? "true" : "false");
}

/* Flags that are rare are left out where they are not set. */
static void put_rare(struct text *out, const char *name, bool value)
{
    if (value) {
        put_flag(out, name, true);
    }
}

/* A type by number, and as a person reads it. */
static void put_type(const struct layout *layout, struct text *out, uint32_t type)
{
    struct text words = {0};
    put_number(out, "type", type);
    declare_whole(layout, type, "", &words);
    put_text(out, "c", text_string(&words));
    out->failed = out->failed || words.failed;
    text_finish(&words);
}

static void begin_item(struct text *out)
{
    (void)text_puts(out, out->data[out->len - 1] == '[' ? "{" : ",{");
}

/* ---- types ---- */

static const char *const kinds[LAYOUT_KIND_COUNT] = {
    [LAYOUT_BYTES] = "bytes",       [LAYOUT_BOOL] = "bool",       [LAYOUT_CHAR] = "char",
    [LAYOUT_INT] = "int",           [LAYOUT_UINT] = "uint",       [LAYOUT_FLOAT] = "float",
    [LAYOUT_ENUM] = "enum",         [LAYOUT_POINTER] = "pointer", [LAYOUT_ARRAY] = "array",
    [LAYOUT_STRUCT] = "struct",     [LAYOUT_UNION] = "union",     [LAYOUT_FUNCTION] = "function",
    [LAYOUT_UNKNOWN] = "undefined",
};

static void write_field(const struct layout *layout, struct text *out,
                        const struct layout_field *field)
{
    begin_item(out);
    put_text(out, "name", layout_string(layout, field->name));
    put_type(layout, out, field->type);
    put_number(out, "offset", field->offset);
    if (field->bits > 0) {
        put_number(out, "bit", field->bit);
        put_number(out, "bits", field->bits);
    } else {
        put_number(out, "size", layout->types[field->type].size);
    }
    if (field->old_name != LAYOUT_NONE) {
        put_text(out, "was", layout_string(layout, field->old_name));
    }
    put_rare(out, "transient", (field->flags & LAYOUT_TRANSIENT) != 0);
    put_rare(out, "anonymous", (field->flags & LAYOUT_MEMBERS) != 0);
    put_rare(out, "base", (field->flags & LAYOUT_BASE) != 0);
    put_rare(out, "vtable", (field->flags & LAYOUT_VTABLE) != 0);
    (void)text_puts(out, "}");
}

static void write_fields(const struct layout *layout, struct text *out,
                         const struct layout_type *type)
{
    put_name(out, "fields");
    (void)text_puts(out, "[");
    for (uint32_t i = 0; i < type->count && !out->failed; i++) {
        write_field(layout, out, &layout->fields[type->first + i]);
    }
    (void)text_puts(out, "]");
}

static void write_enumerators(const struct layout *layout, struct text *out,
                              const struct layout_type *type)
{
    put_name(out, "enumerators");
    (void)text_puts(out, "[");
    for (uint32_t i = 0; i < type->count && !out->failed; i++) {
        const struct layout_enumerator *one = &layout->enumerators[type->first + i];
        begin_item(out);
        put_text(out, "name", layout_string(layout, one->name));
        if ((type->flags & LAYOUT_SIGNED) != 0) {
            put_signed(out, "value", (int64_t)one->value);
        } else {
            put_number(out, "value", one->value);
        }
        (void)text_puts(out, "}");
    }
    (void)text_puts(out, "]");
}

static void write_type(const struct layout *layout, struct text *out, uint32_t number)
{
    const struct layout_type *type = &layout->types[number];
    begin_item(out);
    put_type(layout, out, number);
    put_text(out, "kind", kinds[type->kind]);
    put_text(out, "name", layout_string(layout, type->name));
    put_number(out, "size", type->size);
    put_number(out, "align", type->align);
    put_rare(out, "exact", (type->flags & LAYOUT_EXACT) != 0);
    put_rare(out, "flexible", (type->flags & LAYOUT_FLEXIBLE) != 0);
    put_rare(out, "signed", (type->flags & LAYOUT_SIGNED) != 0);
    put_rare(out, "class", (type->flags & LAYOUT_CLASS) != 0);
    put_rare(out, "reference", (type->flags & LAYOUT_ONCE) != 0);
    put_rare(out, "typedef", (type->flags & LAYOUT_TYPEDEF) != 0);
    if (type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION) {
        write_fields(layout, out, type);
    } else if (type->kind == LAYOUT_ENUM) {
        write_enumerators(layout, out, type);
    } else if (type->kind == LAYOUT_ARRAY) {
        put_number(out, "of", type->target);
        put_number(out, "elements", type->elements);
    } else if (type->kind == LAYOUT_POINTER) {
        put_number(out, "to", type->target);
    }
    (void)text_puts(out, "}");
}

/* ---- variables and the heap ---- */

static void write_variable(const struct layout *layout, struct text *out,
                           const struct layout_variable *variable)
{
    bool carried = (variable->flags & LAYOUT_CARRIED) != 0;
    begin_item(out);
    put_text(out, "name", layout_string(layout, variable->name));
    put_text(out, "file", layout_string(layout, variable->file));
    put_text(out, "function", layout_string(layout, variable->function));
    put_flag(out, "global", (variable->flags & LAYOUT_GLOBAL) != 0);
    put_type(layout, out, variable->type);
    put_number(out, "address", variable->address);
    put_number(out, "size", layout->types[variable->type].size);
    put_flag(out, "carried", carried);
    put_rare(out, "reset", (variable->flags & LAYOUT_RESET) != 0);
    if (!carried) {
        put_text(out, "reason", layout_string(layout, variable->reason));
    }
    (void)text_puts(out, "}");
}

static void write_heap_types(const struct layout *layout, struct text *out, unsigned char *listed)
{
    put_name(out, "heap_types");
    (void)text_puts(out, "[");
    for (uint32_t i = 0; i < layout->head->marks && !out->failed; i++) {
        uint32_t type = layout->marks[i].type;
        if (listed[type] == 0) {
            listed[type] = 1;
            begin_item(out);
            put_type(layout, out, type);
            put_number(out, "size", layout->types[type].size);
            (void)text_puts(out, "}");
        }
    }
    (void)text_puts(out, "]");
}

static void write_all(const struct layout *layout, struct text *out, unsigned char *listed)
{
    struct text state = {0};
    const struct layout_head *head = layout->head;
    declare_whole(layout, 0, "", &state);
    (void)text_puts(out, "{");
    put_text(out, "state", layout_state(layout)->size == 0 ? "" : text_string(&state));
    put_number(out, "size", layout_state(layout)->size);
    put_number(out, "align", layout_state(layout)->align);
    put_hash(out, "hash", head->hash);
    put_hash(out, "shape", head->shape);
    put_number(out, "state_types", head->state_types);
    put_number(out, "symbols", head->symbols);
    put_name(out, "types");
    (void)text_puts(out, "[");
    for (uint32_t i = 0; i < head->types && !out->failed; i++) {
        write_type(layout, out, i);
    }
    (void)text_puts(out, "]");
    put_name(out, "variables");
    (void)text_puts(out, "[");
    for (uint32_t i = 0; i < head->variables && !out->failed; i++) {
        write_variable(layout, out, &layout->variables[i]);
    }
    (void)text_puts(out, "]");
    write_heap_types(layout, out, listed);
    (void)text_puts(out, "}");
    out->failed = out->failed || state.failed;
    text_finish(&state);
}

bool describe_as_json(const struct layout *layout, struct text *out)
{
    size_t limit = out->limit;
    unsigned char *listed = calloc(layout->head->types, 1);
    if (listed == NULL) {
        return false;
    }
    out->limit = limit == 0 ? out->len + TEXT_MOST : limit;
    write_all(layout, out, listed);
    out->limit = limit;
    free(listed);
    return !out->failed;
}
