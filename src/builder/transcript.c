#include "builder/transcript.h"

enum { /* what a terminal obeys is left out */
    STATE_TEXT,
    STATE_ESCAPE,   /* ESC, and what stands between it and a letter: ESC ( B */
    STATE_SEQUENCE, /* ESC [ ... a letter */
    STATE_STRING    /* ESC ] ... BEL, or ESC \ */
};

void transcript_clear(struct transcript *transcript)
{
    transcript->total = 0;
    transcript->line_len = 0;
    transcript->state = STATE_TEXT;
    transcript->before = 0;
    transcript->returned = false;
}

static void store(struct transcript *transcript, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t at = transcript->total++;
        if (at < TRANSCRIPT_PART) {
            transcript->head[at] = bytes[i];
        } else {
            transcript->tail[at % TRANSCRIPT_PART] = bytes[i];
        }
    }
}

static void end_line(struct transcript *transcript)
{
    store(transcript, transcript->line, transcript->line_len);
    transcript->line_len = 0;
}

static void take(struct transcript *transcript, unsigned char byte)
{
    if (transcript->line_len == TRANSCRIPT_LINE) {
        end_line(transcript);
    }
    if (byte >= ' ' && byte != 0x7f) {
        bool control = transcript->before == 0xc2 && byte >= 0x80 && byte < 0xa0;
        if (control) {
            transcript->line_len -= transcript->line_len > 0 ? 1 : 0;
        } else {
            transcript->line[transcript->line_len++] = (char)byte;
        }
    } else if (byte == '\n' || byte == '\t') {
        transcript->line[transcript->line_len++] = (char)byte;
    } else if (byte == '\b' && transcript->line_len > 0) {
        transcript->line_len--;
    }
    transcript->before = byte;
    if (byte == '\n') {
        end_line(transcript);
    }
}

static unsigned char behind_escape(unsigned char byte)
{
    if (byte >= ' ' && byte < '0') {
        return STATE_ESCAPE;
    }
    bool string = byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_';
    return byte == '[' ? STATE_SEQUENCE : string ? STATE_STRING : STATE_TEXT;
}

static void feed_text(struct transcript *transcript, unsigned char byte)
{
    if (byte == '\r') {
        transcript->returned = true;
        return;
    }
    if (transcript->returned && byte != '\n') {
        transcript->line_len = 0; /* what follows is written over it */
    }
    transcript->returned = false;
    take(transcript, byte);
}

static void feed(struct transcript *transcript, unsigned char byte)
{
    unsigned char state = transcript->state;
    if (byte == '\n' && state != STATE_TEXT) {
        state = STATE_TEXT; /* a sequence that is cut off does not eat what follows */
    } else if (byte == 0x1b && state != STATE_STRING) {
        transcript->state = STATE_ESCAPE;
        return;
    }
    switch (state) {
    case STATE_ESCAPE:
        transcript->state = behind_escape(byte);
        return;
    case STATE_SEQUENCE:
        if (byte == 'K' && transcript->returned) {
            transcript->line_len = 0; /* the line is wiped */
        }
        transcript->state = byte >= 0x40 && byte <= 0x7e ? STATE_TEXT : STATE_SEQUENCE;
        return;
    case STATE_STRING:
        transcript->state = byte == 0x07 ? STATE_TEXT : byte == 0x1b ? STATE_ESCAPE : STATE_STRING;
        return;
    default:
        transcript->state = STATE_TEXT;
        feed_text(transcript, byte);
        return;
    }
}

void transcript_add(struct transcript *transcript, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        feed(transcript, (unsigned char)bytes[i]);
    }
}

static char byte_at(const struct transcript *transcript, uint64_t at)
{
    return at < TRANSCRIPT_PART ? transcript->head[at] : transcript->tail[at % TRANSCRIPT_PART];
}

static void copy(const struct transcript *transcript, uint64_t from, uint64_t to, struct text *text)
{
    char piece[512];
    size_t len = 0;
    for (uint64_t at = from; at < to; at++) {
        piece[len++] = byte_at(transcript, at);
        if (len == sizeof piece || at + 1 == to) {
            text_append(text, piece, len);
            len = 0;
        }
    }
}

static bool is_middle(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80; /* of a character in UTF-8 */
}

/* Where the first part ends: behind a line, or in one that is too long behind a character. */
static uint64_t first_end(const struct transcript *transcript, uint64_t part)
{
    uint64_t end = part;
    while (end > 0 && byte_at(transcript, end - 1) != '\n') {
        end--;
    }
    if (end == 0) {
        for (end = part; end > 0 && is_middle(byte_at(transcript, end)); end--) {
        }
    }
    return end;
}

/* Where the last part begins, likewise. */
static uint64_t last_begin(const struct transcript *transcript, uint64_t part)
{
    uint64_t begin = transcript->total - part;
    while (begin < transcript->total && byte_at(transcript, begin - 1) != '\n') {
        begin++;
    }
    if (begin == transcript->total) {
        for (begin -= part; begin < transcript->total && is_middle(byte_at(transcript, begin));) {
            begin++;
        }
    }
    return begin;
}

void transcript_read(const struct transcript *transcript, size_t part, struct text *text)
{
    if (transcript->total <= 2 * part) {
        copy(transcript, 0, transcript->total, text);
    } else {
        uint64_t end = first_end(transcript, part - 1);
        uint64_t begin = last_begin(transcript, part - 1);
        copy(transcript, 0, end, text);
        text_printf(text, "%s... %llu bytes left out ...\n",
                    end > 0 && byte_at(transcript, end - 1) != '\n' ? "\n" : "",
                    (unsigned long long)(begin - end));
        copy(transcript, begin, transcript->total, text);
    }
    text_append(text, transcript->line, transcript->line_len);
}
