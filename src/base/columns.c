#include "base/columns.h"

#include <stdint.h>
#include <string.h>

struct range {
    uint32_t first, last;
};

/* Marks that combine with what stands before them. */
static const struct range marks[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A},  {0x064B, 0x065F},
    {0x093A, 0x094F}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF},  {0x1DC0, 0x1DFF},
    {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xE0100, 0xE01EF}};

static const struct range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},  {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},  {0xFFE0, 0xFFE6},
    {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

/* What a terminal would obey, or what turns the order of its line around. */
static const struct range obeyed[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x200B, 0x200F},
                                      {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}};

#define IN(character, ranges) in_ranges(character, ranges, sizeof(ranges) / sizeof *(ranges))

static bool in_ranges(uint32_t character, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (character >= ranges[i].first && character <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Bytes of the character at `at`; 0: it is none. */
static size_t decode(const unsigned char *at, uint32_t *character)
{
    size_t len = at[0] < 0x80 ? 1 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    *character = len == 1 ? at[0] : at[0] & (0xFFU >> (len + 1));
    if (at[0] >= 0xF8 || (at[0] >= 0x80 && at[0] < 0xC0)) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80) { /* the end, too */
            return 0;
        }
        *character = *character << 6 | (at[i] & 0x3F);
    }
    bool surrogate = *character >= 0xD800 && *character <= 0xDFFF;
    return *character < least[len] || *character > 0x10FFFF || surrogate ? 0 : len;
}

/* The columns of the character at `at`, and its bytes in *len; *shown: what is to be written. */
static size_t measure(const char *at, size_t *len, bool *shown)
{
    uint32_t character;
    *len = decode((const unsigned char *)at, &character);
    *shown = *len > 0 && !IN(character, obeyed);
    if (*len == 0) {
        *len = 1;
    }
    return !*shown ? 1 : IN(character, marks) ? 0 : IN(character, wide) ? 2 : 1;
}

static size_t width(const char *from)
{
    size_t columns = 0, len;
    bool shown;
    for (const char *at = from; *at != '\0'; at += len) {
        columns += measure(at, &len, &shown);
    }
    return columns;
}

size_t columns_put(struct text *out, const char *from, size_t most)
{
    bool cut = width(from) > most;
    size_t room = cut && most >= 3 ? most - 3 : most;
    size_t columns = 0, len;
    bool shown;
    for (const char *at = from; *at != '\0'; at += len) {
        size_t more = measure(at, &len, &shown);
        if (columns + more > room) {
            break;
        }
        text_append(out, shown ? at : "?", shown ? len : 1);
        columns += more;
    }
    if (cut && most >= 3) {
        text_puts(out, "...");
        columns += 3;
    }
    return columns;
}
