#define _GNU_SOURCE /* strnlen */
#include "layout/declare.h"

#include "state/utf8.h"

#include <string.h>

#define NAME_MOST 500
#define STEPS     160 /* from a pointer to what it points to, and so on: a hostile one has no end */

/* ---- names ---- */

bool declare_is_shown(uint32_t character)
{
    return character >= 0x20 && !(character >= 0x7F && character < 0xA0) &&
           !(character >= 0x2028 && character <= 0x202E) &&
           !(character >= 0x2066 && character <= 0x2069);
}

void declare_name(const char *name, struct text *out)
{
    size_t whole = strnlen(name, NAME_MOST + 1);
    const char *end = name + (whole > NAME_MOST ? NAME_MOST : whole);
    char before = '\0';
    for (const char *at = name; at < end;) {
        size_t len = utf8_len(at, end);
        const char *next = at;
        bool shown =
            len > 0 && declare_is_shown(utf8_take(&next)) && !(before == '*' && *at == '/');
        if (shown) {
            (void)text_append(out, at, len);
        }
        len = len == 0 ? 1 : len;
        for (size_t i = 0; !shown && i < len; i++) {
            (void)text_printf(out, "\\x%02x", (unsigned)(unsigned char)at[i]);
        }
        before = at[len - 1];
        at += len;
    }
    if (whole > NAME_MOST) {
        (void)text_puts(out, "...");
    }
}

/* ---- types ---- */

static bool leads_on(const struct layout_type *type)
{
    return type->kind == LAYOUT_ARRAY || type->kind == LAYOUT_POINTER;
}

uint32_t declare_base(const struct layout *layout, uint32_t type)
{
    for (unsigned i = 0; i < STEPS && leads_on(&layout->types[type]); i++) {
        type = layout->types[type].target;
    }
    return type;
}

/* Shown as an array of as many bytes. */
static bool is_nameless_bytes(const struct layout *layout, const struct layout_type *type)
{
    return type->kind == LAYOUT_BYTES && *layout_string(layout, type->name) == '\0';
}

void declare_base_name(const struct layout *layout, uint32_t base, struct text *out)
{
    static const char *const words[LAYOUT_KIND_COUNT] = {[LAYOUT_STRUCT] = "struct ",
                                                         [LAYOUT_UNION] = "union ",
                                                         [LAYOUT_ENUM] = "enum ",
                                                         [LAYOUT_UNKNOWN] = "struct "};
    const struct layout_type *type = &layout->types[base];
    const char *name = layout_string(layout, type->name);
    const char *word = words[type->kind];
    if (type->kind == LAYOUT_FUNCTION) {
        (void)text_puts(out, "void"); /* what it returns is not known */
    } else if (leads_on(type)) {
        (void)text_puts(out, "..."); /* it points to itself */
    } else if (*name == '\0' && type->kind == LAYOUT_UNKNOWN) {
        (void)text_puts(out, "void");
    } else if (is_nameless_bytes(layout, type)) {
        (void)text_puts(out, "unsigned char");
    } else if (*name == '\0') {
        (void)text_printf(out, "%sunnamed_%u", word != NULL ? word : "", base);
    } else {
        bool alone =
            word == NULL || (type->flags & LAYOUT_TYPEDEF) != 0 || strstr(name, "::") != NULL;
        (void)text_puts(out, alone ? "" : word);
        declare_name(name, out);
    }
}

/* From the name outwards: what stands left of it is kept turned around. */
void declare_declarator(const struct layout *layout, uint32_t number, const char *name,
                        struct text *out)
{
    char left[2 * STEPS + 2];
    struct text right = {0};
    size_t count = 0;
    bool pointer = false; /* the last step: an array of it, or a function, needs parentheses */
    for (unsigned i = 0; i < STEPS; i++) {
        const struct layout_type *type = &layout->types[number];
        if (type->kind == LAYOUT_POINTER) {
            left[count++] = (type->flags & LAYOUT_ONCE) != 0 ? '&' : '*';
            pointer = true;
            number = type->target;
            continue;
        }
        bool bytes = is_nameless_bytes(layout, type);
        if (type->kind != LAYOUT_ARRAY && type->kind != LAYOUT_FUNCTION && !bytes) {
            break;
        }
        if (pointer) {
            left[count++] = '(';
            (void)text_puts(&right, ")");
            pointer = false;
        }
        if (type->kind == LAYOUT_FUNCTION) {
            (void)text_puts(&right, "(...)");
            break;
        }
        (void)text_printf(&right, "[%llu]",
                          (unsigned long long)(bytes ? type->size : type->elements));
        if (bytes) {
            break;
        }
        number = type->target;
    }
    while (count > 0) {
        (void)text_append(out, &left[--count], 1);
    }
    declare_name(name, out);
    (void)text_puts(out, text_string(&right));
    out->failed = out->failed || right.failed;
    text_finish(&right);
}

void declare_whole(const struct layout *layout, uint32_t type, const char *name, struct text *out)
{
    struct text declarator = {0};
    declare_declarator(layout, type, name, &declarator);
    declare_base_name(layout, declare_base(layout, type), out);
    (void)text_printf(
        out, "%s%s", declarator.len == 0 || (*name == '\0' && declarator.data[0] == '[') ? "" : " ",
        text_string(&declarator));
    out->failed = out->failed || declarator.failed;
    text_finish(&declarator);
}

bool layout_type_name(const struct layout *layout, uint32_t type, struct text *out)
{
    declare_whole(layout, type, "", out);
    return !out->failed;
}
