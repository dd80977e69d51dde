#include "builder/cut.h"

enum state {
    STATE_TEXT, /* nothing has begun */
    STATE_MORE_1,
    STATE_MORE_2, /* so many bytes of a character are to come */
    STATE_MORE_3,
    STATE_ESCAPE,
    STATE_SEQUENCE, /* ESC [ ... a letter */
    STATE_STRING,   /* ESC ] and others ... BEL, or ESC \ */
    STATE_STRING_ESCAPE
};

static enum state begin(unsigned char byte)
{
    return byte >= 0xF0   ? STATE_MORE_3
           : byte >= 0xE0 ? STATE_MORE_2
           : byte >= 0xC0 ? STATE_MORE_1
                          : STATE_TEXT;
}

static enum state escape(unsigned char byte)
{
    switch (byte) {
    case '[':
        return STATE_SEQUENCE;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_':
        return STATE_STRING;
    default:
        return byte >= 0x20 && byte < 0x30 ? STATE_ESCAPE : STATE_TEXT;
    }
}

static enum state next(enum state state, unsigned char byte)
{
    if (byte == 0x1B) {
        return state == STATE_STRING ? STATE_STRING_ESCAPE : STATE_ESCAPE;
    }
    if (byte == '\n') {
        return STATE_TEXT; /* a sequence that is cut off does not eat what follows */
    }
    switch (state) {
    case STATE_ESCAPE:
        return escape(byte);
    case STATE_SEQUENCE:
        return byte >= 0x20 && byte < 0x40 ? STATE_SEQUENCE : STATE_TEXT;
    case STATE_STRING:
        return byte == 0x07 ? STATE_TEXT : STATE_STRING;
    case STATE_MORE_1:
    case STATE_MORE_2:
    case STATE_MORE_3:
        return (byte & 0xC0) == 0x80 ? state - 1 : begin(byte);
    case STATE_STRING_ESCAPE:
        return STATE_TEXT;
    default:
        return begin(byte);
    }
}

size_t cut_whole(const char *bytes, size_t len)
{
    enum state state = STATE_TEXT;
    size_t whole = 0;
    for (size_t i = 0; i < len; i++) {
        state = next(state, (unsigned char)bytes[i]);
        whole = state == STATE_TEXT ? i + 1 : whole;
    }
    return len - whole < CUT_REST_MOST ? whole : len;
}
