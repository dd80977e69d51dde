/* The one table of conversions between scalars. Moves go from one representation to another through
 * it, and so does JSON, which is one more representation. */
#ifndef LAYOUT_CONVERT_H
#define LAYOUT_CONVERT_H

#include "layout/layout.h"

#include <stdbool.h>

enum value_kind {
    VALUE_INT,   /* negative or not: `wide` */
    VALUE_UINT,  /* `wide`, as unsigned */
    VALUE_FLOAT, /* `real` */
    VALUE_BOOL,  /* `wide`: 0 or 1 */
    VALUE_NAME   /* of an enumerator; `wide` is its number, and `name` NULL when it has none */
};

struct value { /* a scalar between two representations */
    enum value_kind kind;
    __extension__ __int128 wide;
    long double real;
    const char *name;
};

enum conversion { /* how it went */
    CONVERSION_EXACT,
    CONVERSION_ROUNDED, /* the nearest float was stored, which is another number */
    CONVERSION_LOST,    /* the nearest value that the target has was stored */
    CONVERSION_NONE     /* the target takes no such value: nothing was stored */
};

/* Reads the scalar of `type` (BOOL, CHAR, INT, UINT, FLOAT, ENUM) at `bytes`; `bit` and `bits` as
 * in layout_field. Reads only the bytes that it lies in. */
struct value convert_read(const struct layout *layout, const struct layout_type *type,
                          const unsigned char *bytes, uint32_t bit, uint32_t bits);

/* Stores `value` as `type`: integers are widened, or cut to the nearest bound; numbers become bool
 * by being not 0 (any but 0 and 1 is lost); float becomes the nearest integer towards 0, NaN 0; a
 * narrower float rounds (lost, when it is another number) and what is beyond its ends is its
 * highest or lowest finite one; an enum takes its own enumerator of the same name, else the number,
 * which is lost if it had a name. */
enum conversion convert_write(const struct value *value, const struct layout *layout,
                              const struct layout_type *type, unsigned char *bytes, uint32_t bit,
                              uint32_t bits);

/* Stores text[0..len) as an array of `char`, and zeros behind it. `ended`: a '\0' stood behind it,
 * so that one shall stand behind it here, too (JSON does not know: len > to_len). What is too long
 * loses what stands behind its own first '\0', which is no loss, else characters of UTF-8 at its
 * end. */
enum conversion convert_text(const char *text, size_t len, bool ended, unsigned char *to,
                             size_t to_len);

/* Whether a value of `from` may become one of `to` at all, and whether each one does without loss.
 */
bool convert_allows(const struct layout *from_layout, const struct layout_type *from,
                    const struct layout *to_layout, const struct layout_type *to, bool *lossless);

#endif
