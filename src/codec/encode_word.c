#include "codec/encode_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_used(const struct encoding *encoding, const struct layout_type *type)
{
    return type->kind == LAYOUT_ENUM && type->count > 0 &&
           memchr(&encoding->words[type->first], 1, type->count) != NULL;
}

/* By their numbers: no two names have one, whatever debug info says. */
static void put_words(struct encoding *encoding, uint32_t number)
{
    const struct layout *layout = encoding->layout;
    const struct layout_type *type = &layout->types[number];
    bool some = false;
    for (uint32_t i = type->first; i < type->first + type->count; i++) {
        uint64_t value = layout->enumerators[i].value;
        const struct roster_word *word =
            encoding->words[i] != 0 ? roster_word(encoding->roster, number, value) : NULL;
        if (word != NULL && word->enumerator == i) {
            char key[32];
            const char *comma = some ? "," : "";
            int len = (type->flags & LAYOUT_SIGNED) != 0
                          ? snprintf(key, sizeof key, "%s\"%" PRId64 "\":", comma, (int64_t)value)
                          : snprintf(key, sizeof key, "%s\"%" PRIu64 "\":", comma, value);
            sink_put(&encoding->sink, key, (size_t)len);
            sink_put(&encoding->sink, word->json, word->json_len);
            some = true;
        }
    }
}

void encode_words(struct encoding *encoding, bool some)
{
    struct sink *sink = &encoding->sink;
    bool any = false;
    uint32_t count = encoding->words == NULL ? 0 : encoding->layout->head->types;
    for (uint32_t i = 0; i < count && !encode_is_stopped(encoding); i++) {
        struct text name = {0};
        if (!is_used(encoding, &encoding->layout->types[i])) {
            continue;
        }
        (void)layout_type_name(encoding->layout, i, &name);
        sink_puts(sink, any ? "," : some ? ",\"$enums\":[" : "\"$enums\":[");
        sink_puts(sink, "{\"type\":");
        encode_string(encoding, text_string(&name), name.len);
        char id[32];
        (void)snprintf(id, sizeof id, ",\"id\":%u", i);
        sink_puts(sink, id);
        sink_puts(sink, ",\"names\":{");
        put_words(encoding, i);
        sink_puts(sink, "}}");
        text_finish(&name);
        any = true;
    }
    if (any) {
        sink_char(sink, ']');
    }
}
