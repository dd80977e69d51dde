/* The inside of encode.c: one image on its way to JSON. */
#ifndef CODEC_ENCODE_PARTS_H
#define CODEC_ENCODE_PARTS_H

#include "codec/encode.h"
#include "codec/sink.h"
#include "codec/statics.h"
#include "layout/bind.h"
#include "layout/path.h"
#include "layout/roster.h"

struct encoding {
    const struct image *image;
    const struct layout *layout;
    struct roster *roster;
    struct heap_view heap;
    bool has_heap;     /* there are objects */
    bool has_statics;  /* there are variables, and they are wanted */
    bool state_member; /* the state is no struct, and stands beside these */
    bool exact;
    unsigned char *words; /* for each enumerator whether it was written; NULL: nobody asks */
    struct statics statics;
    uint64_t zero_from, zero_to; /* a stretch of the state that is known to be zero, unread */
    uint64_t data_to;            /* and one from its end on that may hold something */
    struct sink sink;
    struct text scratch;
    struct error *err;
    bool failed; /* `err` is filled */
};

/* Whether anything more is of use. */
static inline bool encode_is_stopped(const struct encoding *encoding)
{
    return encoding->failed || encoding->sink.failed;
}

/* A value. Bytes that are read: its size. */
void encode_value(struct encoding *encoding, const struct path_spot *spot,
                  const unsigned char *bytes);

/* The members of a struct without its braces: false, there are none. */
bool encode_members(struct encoding *encoding, uint32_t type, const unsigned char *bytes);

/* An array of `count` values; of char: a string. */
void encode_array(struct encoding *encoding, uint32_t element, uint64_t count,
                  const unsigned char *bytes);

/* {"$bytes": base64}, with "pointers" where some member may have one that leads to something. */
void encode_union(struct encoding *encoding, uint32_t type, const unsigned char *bytes);

/* {"$bytes": base64} */
void encode_bytes(struct encoding *encoding, const unsigned char *bytes, uint64_t len);

/* The same without what closes the string and the object. */
void encode_bytes_open(struct encoding *encoding, const unsigned char *bytes, uint64_t len);

/* A string in quotes; any bytes, those that are no UTF-8 become U+FFFD. */
void encode_string(struct encoding *encoding, const char *bytes, uint64_t len);

/* What `address`, a value of the POINTER type, leads to. */
void encode_pointer(struct encoding *encoding, uint32_t type, uint64_t address);

/* The value of heap object number `i`, where it lies. False with an error: it lies outside. */
bool encode_object_bytes(struct encoding *encoding, size_t i, struct path_spot *spot,
                         const unsigned char **bytes);

/* All of the document, or the part of it that encode_wanted.pointer names. */
void encode_document(struct encoding *encoding);
void encode_named(struct encoding *encoding, const char *pointer);

/* "$types" and "$enums", behind a comma where there is `some` member, where they are wanted and
 * there is something to tell. Whether there is some member now. */
bool encode_types(struct encoding *encoding, bool some);
void encode_words(struct encoding *encoding, bool some);

/* Parts of a document: "$heap", one object of it, "$statics", one file of it, one function. */
void encode_heap(struct encoding *encoding);
void encode_object(struct encoding *encoding, size_t i);
void encode_statics(struct encoding *encoding);
uint32_t encode_file(struct encoding *encoding, uint32_t first);     /* returns the next file's */
uint32_t encode_function(struct encoding *encoding, uint32_t first); /* returns what is next */

#endif
