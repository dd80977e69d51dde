#include "cli/offer.h"

#include <string.h>

/* Names that are not here stand for what only the user knows: NAME, N, JSON. */
static const struct value_row {
    const char *name;
    enum offer_kind kind;
    const char *words;
} value_rows[] = {
    {"FILE", OFFER_FILES, ""},
    {"LIB", OFFER_FILES, ""},
    {"A", OFFER_FILES, " now"},
    {"B", OFFER_FILES, " now"},
    {"DIR", OFFER_FOLDERS, ""},
    {"CMD", OFFER_PROGRAMS, ""},
    {"RATE", OFFER_NONE, " max once"},
    {"LEVEL", OFFER_NONE, " trace debug info warn error"},
    {"KIND", OFFER_NONE, " minimal game server cpp rust"},
    {"TOOL", OFFER_NONE, " make meson cmake cargo"},
};

static void take(struct offer *offer, const char *name, size_t len)
{
    if (name[0] >= 'a' && name[0] <= 'z') {
        (void)text_puts(&offer->words, " ");
        (void)text_append(&offer->words, name, len);
        return;
    }
    for (size_t i = 0; i < sizeof value_rows / sizeof *value_rows; i++) {
        const struct value_row *row = &value_rows[i];
        if (strlen(row->name) == len && memcmp(row->name, name, len) == 0) {
            offer->kind = offer->kind == OFFER_NONE ? row->kind : offer->kind;
            if (strstr(text_string(&offer->words), row->words) == NULL) {
                (void)text_puts(&offer->words, row->words);
            }
        }
    }
}

struct offer offer_of(const char *usage)
{
    struct offer offer = {0};
    while (*usage != '\0' && strncmp(usage, "[-- ", 4) != 0) {
        size_t len = strcspn(usage, " []|.");
        if (len > 0) {
            take(&offer, usage, len);
        }
        usage += len;
        usage += strspn(usage, " ]|.");
        usage += *usage == '[' && strncmp(usage, "[-- ", 4) != 0;
    }
    return offer;
}

void offer_finish(struct offer *offer)
{
    text_finish(&offer->words);
}
