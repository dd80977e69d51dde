#include "project/name.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN 80 /* bytes of a folder's name in a message */

/* In the order of strcmp. C (with what the standard headers define without an underscore), C++ and
 * Rust. */
static const char *const keywords[] = {
    "Self",
    "abstract",
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "as",
    "asm",
    "async",
    "auto",
    "await",
    "become",
    "bitand",
    "bitor",
    "bool",
    "box",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "crate",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dyn",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "final",
    "float",
    "fn",
    "for",
    "friend",
    "goto",
    "if",
    "impl",
    "in",
    "inline",
    "int",
    "let",
    "long",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "override",
    "priv",
    "private",
    "protected",
    "pub",
    "ref",
    "register",
    "reinterpret_cast",
    "requires",
    "restrict",
    "return",
    "self",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "super",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "trait",
    "true",
    "try",
    "type",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "union",
    "unsafe",
    "unsigned",
    "unsized",
    "use",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "where",
    "while",
    "xor",
    "xor_eq",
    "yield",
};

static int compare(const void *word, const void *row)
{
    return strcmp(word, *(const char *const *)row);
}

static bool is_keyword(const char *word)
{
    return bsearch(word, keywords, sizeof keywords / sizeof keywords[0], sizeof keywords[0],
                   compare) != NULL;
}

/* By ASCII, whatever the locale says. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool project_name(const char *word, char name[PROJECT_NAME_MOST + 1], struct error *err)
{
    size_t len = 0;
    bool gap = false;
    for (const char *c = word; *c != '\0'; c++) {
        if (!is_letter(*c) && !is_digit(*c)) {
            gap = true;
            continue;
        }
        bool join = len > 0 ? gap : is_digit(*c);
        if (len + join + 1 + 1 >
            PROJECT_NAME_MOST) { /* one more for what stands behind a keyword */
            return error_set(err, ERROR_USAGE,
                             "a module's name, which is made of the folder's, has less than %d "
                             "letters: take a shorter name than %.*s",
                             PROJECT_NAME_MOST, SHOWN, word);
        }
        if (join) {
            name[len++] = '_';
        }
        name[len++] = *c;
        gap = false;
    }
    name[len] = '\0';
    if (len == 0) {
        return error_set(err, ERROR_USAGE,
                         "no name of a module can be made of \"%.*s\": it needs a letter a to z or "
                         "a digit",
                         SHOWN, word);
    }
    if (is_keyword(name)) {
        name[len++] = '_';
        name[len] = '\0';
    }
    return true;
}
