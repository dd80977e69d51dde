#include "codec/encode_parts.h"

#include "base/base64.h"
#include "state/json.h"
#include "state/utf8.h"
#include "state/word.h"

#define BYTES_FROM   64            /* elements */
#define PIECE        ((size_t)144) /* bytes of base64 at a time */
#define STRING_PIECE ((size_t)2048)
#define RUN_LEAST    4

/* ---- bytes and strings ---- */

static bool is_zero(const unsigned char *bytes, uint64_t len)
{
    uint64_t word = 0;
    for (; len >= 32; bytes += 32, len -= 32) {
        uint64_t four[4];
        memcpy(four, bytes, sizeof four);
        if ((four[0] | four[1] | four[2] | four[3]) != 0) {
            return false;
        }
    }
    for (; len >= 8; bytes += 8, len -= 8) {
        memcpy(&word, bytes, sizeof word);
        if (word != 0) {
            return false;
        }
    }
    for (; len > 0; bytes++, len--) {
        if (*bytes != 0) {
            return false;
        }
    }
    return true;
}

/* How many bytes from `bytes` on are holes of a sparse state: to read one would fill it. */
static uint64_t hole_at(struct encoding *encoding, const unsigned char *bytes)
{
    const struct image *image = encoding->image;
    uint64_t offset = (uint64_t)((uintptr_t)bytes - (uintptr_t)image->state);
    uint64_t start, end;
    if (image->data == NULL || offset >= image->state_size) {
        return 0;
    }
    if (offset < encoding->zero_from || offset >= encoding->data_to) {
        bool more = image->data(image->data_ctx, offset, &start, &end);
        start = more && start > offset ? start : offset;
        encoding->zero_from = offset;
        encoding->zero_to = more ? start : image->state_size;
        encoding->data_to = more && end > start ? end : image->state_size;
    }
    return offset < encoding->zero_to ? encoding->zero_to - offset : 0;
}

void encode_bytes_open(struct encoding *encoding, const unsigned char *bytes, uint64_t len)
{
    struct sink *sink = &encoding->sink;
    sink_puts(sink, "{\"$bytes\":\"");
    while (len > 0 && !sink->failed) {
        static const unsigned char zeros[PIECE];
        size_t now = len < PIECE ? (size_t)len : PIECE;
        bool hole = hole_at(encoding, bytes) >= now;
        sink->at += base64_write(sink_room(sink), hole ? zeros : bytes, now);
        bytes += now;
        len -= now;
    }
}

void encode_bytes(struct encoding *encoding, const unsigned char *bytes, uint64_t len)
{
    encode_bytes_open(encoding, bytes, len);
    sink_puts(&encoding->sink, "\"}");
}

/* Where the first bytes[0..len) that are no UTF-8 begin; len: all are. */
static uint64_t utf8_prefix(const char *bytes, uint64_t len)
{
    const char *at = bytes, *end = bytes + len;
    while (at < end) {
        uint64_t word;
        if (end - at >= 8) {
            memcpy(&word, at, sizeof word);
            if ((word & WORD_HIGH) == 0) {
                at += 8;
                continue;
            }
        }
        size_t bytes_of = utf8_len(at, end);
        if (bytes_of == 0) {
            break;
        }
        at += bytes_of;
    }
    return (uint64_t)(at - bytes);
}

static size_t plain_prefix(const char *bytes, size_t len)
{
    size_t plain = (size_t)(word_skip_plain(bytes, bytes + len) - bytes);
    plain = plain < len ? plain : len;
    const char *del = memchr(bytes, 0x7F, plain);
    return del != NULL ? (size_t)(del - bytes) : plain;
}

void encode_string(struct encoding *encoding, const char *bytes, uint64_t len)
{
    struct sink *sink = &encoding->sink;
    sink_char(sink, '"');
    while (len > 0 && !sink->failed) {
        size_t now = len < STRING_PIECE ? (size_t)len : STRING_PIECE;
        size_t plain = plain_prefix(bytes, now);
        if (plain == 0) {
            for (size_t back = 0; now < len && back < 3 && now > 4;
                 back++) { /* between characters */
                if (((unsigned char)bytes[now] & 0xC0) != 0x80) {
                    break;
                }
                now--;
            }
            text_clear(&encoding->scratch);
            if (!json_quote_bytes(&encoding->scratch, bytes, now)) {
                encoding->failed = true;
                (void)error_set(encoding->err, ERROR_SYSTEM, "no memory for a string");
                return;
            }
            sink_put(sink, encoding->scratch.data + 1, encoding->scratch.len - 2);
            plain = now;
        } else {
            sink_put(sink, bytes, plain);
        }
        bytes += plain;
        len -= plain;
    }
    sink_char(sink, '"');
}

static void put_chars(struct encoding *encoding, const unsigned char *bytes, uint64_t len)
{
    uint64_t used = hole_at(encoding, bytes) >= len ? 0 : len;
    while (used >= 4096 && is_zero(bytes + used - 4096, 4096)) {
        used -= 4096;
    }
    while (used > 0 && bytes[used - 1] == 0) {
        used--;
    }
    if (utf8_prefix((const char *)bytes, used) == used) {
        encode_string(encoding, (const char *)bytes, used);
    } else {
        encode_bytes_open(encoding, bytes, len);
        sink_puts(&encoding->sink, "\",\"text\":true}");
    }
}

/* ---- arrays ---- */

/* `count` elements, all zero, which all have the same text. */
static void put_run(struct encoding *encoding, const struct path_spot *spot, uint64_t count,
                    const unsigned char *bytes)
{
    static const unsigned char zeros[1024];
    struct sink *sink = &encoding->sink;
    if (encoding->layout->types[spot->type].size <= sizeof zeros) {
        bytes = zeros; /* they may be a hole */
    }
    if ((size_t)(sink->end - sink->at) < SINK_SIZE / 2) {
        sink_flush(sink);
    }
    const char *text = sink->at;
    uint64_t sent = sink->sent;
    sink_char(sink, ',');
    encode_value(encoding, spot, bytes);
    size_t len = (size_t)(sink->at - text);
    if (sent == sink->sent && len <= 2048 && !encode_is_stopped(encoding)) {
        char kept[2048];
        memcpy(kept, text, len);
        sink_repeat(sink, kept, len, count - 1);
        return;
    }
    for (uint64_t i = 1; i < count && !encode_is_stopped(encoding); i++) {
        sink_char(sink, ',');
        encode_value(encoding, spot, bytes);
    }
}

void encode_array(struct encoding *encoding, uint32_t element, uint64_t count,
                  const unsigned char *bytes)
{
    const struct layout_type *type = &encoding->layout->types[element];
    const struct path_spot spot = {element, 0, 1, 0, 0};
    struct sink *sink = &encoding->sink;
    uint64_t size = type->size;
    if (type->kind == LAYOUT_CHAR && size == 1) {
        put_chars(encoding, bytes, count);
        return;
    }
    if ((type->kind == LAYOUT_UINT || type->kind == LAYOUT_INT) && size == 1 &&
        count >= BYTES_FROM) {
        encode_bytes_open(encoding, bytes, count);
        sink_puts(sink, type->kind == LAYOUT_INT ? "\",\"signed\":true}" : "\"}");
        return;
    }
    sink_char(sink, '[');
    count = size == 0 ? 0 : count;
    for (uint64_t i = 0; i < count && !encode_is_stopped(encoding);) {
        uint64_t run = 0;
        while (i > 0 && i + run < count) {
            const unsigned char *next = bytes + (i + run) * size;
            uint64_t hole = hole_at(encoding, next) / size;
            if (hole == 0 && !is_zero(next, size)) {
                break;
            }
            hole = hole > 0 ? hole : 1;
            run = hole < count - i - run ? run + hole : count - i;
        }
        if (run >= RUN_LEAST) {
            put_run(encoding, &spot, run, bytes + i * size);
            i += run;
            continue;
        }
        for (uint64_t last = i + run + (i + run < count); i < last; i++) {
            if (i > 0) {
                sink_char(sink, ',');
            }
            encode_value(encoding, &spot, bytes + i * size);
        }
    }
    sink_char(sink, ']');
}
