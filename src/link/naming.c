#include "link/naming.h"

#include <string.h>

struct head {
    uint32_t number, count, more;
};

struct wire { /* a frame; its strings follow, each with a '\0' */
    uint64_t address, offset;
    uint32_t line, column, past, inlined, edited;
    uint32_t lens[4];
};

bool naming_begin(struct text *packet, uint32_t number)
{
    struct head head = {.number = number};
    text_clear(packet);
    packet->limit = NAMING_PACKET_MAX;
    return text_append(packet, &head, sizeof head);
}

bool naming_is_system(const char *object)
{
    static const char *const folders[] = {"/lib/", "/lib32/", "/lib64/", "/usr/lib/",
                                          "/usr/lib64/"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (strncmp(object, folders[i], strlen(folders[i])) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t bounded(const char *string)
{
    return (uint32_t)strnlen(string, NAMING_STRING_MOST);
}

void naming_add(struct text *packet, const struct naming_frame *frame)
{
    struct head head;
    const char *strings[4] = {frame->function, frame->file, frame->source, frame->object};
    struct wire wire = {.address = frame->address,
                        .offset = frame->offset,
                        .line = frame->line,
                        .column = frame->column,
                        .past = frame->past,
                        .inlined = frame->inlined,
                        .edited = frame->edited};
    if (packet->len < sizeof head) {
        return;
    }
    memcpy(&head, packet->data, sizeof head);
    size_t need = sizeof wire;
    for (int i = 0; i < 4; i++) {
        wire.lens[i] = bounded(strings[i]);
        need += wire.lens[i] + 1;
    }
    bool room = head.count < NAMING_FRAMES_MOST && head.more == 0 &&
                packet->len + need <= NAMING_PACKET_MAX && text_append(packet, &wire, sizeof wire);
    for (int i = 0; i < 4 && room; i++) {
        room = text_append(packet, strings[i], wire.lens[i]) && text_append(packet, "", 1);
    }
    head.count += room ? 1 : 0;
    head.more += room ? 0 : 1;
    memcpy(packet->data, &head, sizeof head);
}

static bool take(void *into, size_t size, const char *packet, size_t len, size_t *at)
{
    if (len - *at < size) {
        return false;
    }
    memcpy(into, packet + *at, size);
    *at += size;
    return true;
}

static const char *take_string(const char *packet, size_t len, size_t *at, uint32_t size)
{
    const char *string = packet + *at;
    if (size > NAMING_STRING_MOST || len - *at <= size || string[size] != '\0') {
        return NULL;
    }
    *at += size + 1;
    return string;
}

bool naming_read(struct naming_answer *answer, const void *packet, size_t len)
{
    struct head head;
    size_t at = 0;
    if (!take(&head, sizeof head, packet, len, &at) || head.count > NAMING_FRAMES_MOST) {
        return false;
    }
    answer->number = head.number;
    answer->count = head.count;
    answer->more = head.more;
    for (uint32_t i = 0; i < head.count; i++) {
        struct wire wire;
        const char *strings[4];
        if (!take(&wire, sizeof wire, packet, len, &at)) {
            return false;
        }
        for (int s = 0; s < 4; s++) {
            strings[s] = take_string(packet, len, &at, wire.lens[s]);
            if (strings[s] == NULL) {
                return false;
            }
        }
        answer->frames[i] = (struct naming_frame){.address = wire.address,
                                                  .offset = wire.offset,
                                                  .line = wire.line,
                                                  .column = wire.column,
                                                  .past = wire.past,
                                                  .inlined = wire.inlined,
                                                  .edited = wire.edited,
                                                  .function = strings[0],
                                                  .file = strings[1],
                                                  .source = strings[2],
                                                  .object = strings[3]};
    }
    return at == len;
}
