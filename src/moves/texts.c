#include "moves/texts.h"

#include "base/hash.h"
#include "layout/bind.h"

#include <stdlib.h>
#include <string.h>

#define SEARCHED_MOST ((uint64_t)64 << 20) /* then copies are kept instead */

void texts_finish(struct texts *texts)
{
    free(texts->strings);
    free(texts->known);
    *texts = (struct texts){.target = texts->target};
}

/* ---- of the new library ---- */

static uint32_t string_slot(const struct texts *texts, const char *text, size_t len)
{
    const char *base = (const char *)texts->target->layout->text;
    uint32_t slot = (uint32_t)hash_bytes(text, len) & texts->mask;
    while (texts->strings[slot] != LAYOUT_NONE && strcmp(base + texts->strings[slot], text) != 0) {
        slot = (slot + 1) & texts->mask;
    }
    return slot;
}

static bool make_index(struct texts *texts)
{
    const struct layout *layout = texts->target->layout;
    const char *base = (const char *)layout->text, *end = base + layout->head->text_size;
    uint32_t count = 0, size = 64;
    for (const char *at = base; (at = memchr(at, '\0', (size_t)(end - at))) != NULL; at++) {
        count++;
    }
    while (size < count * 2) {
        size *= 2;
    }
    texts->strings = malloc(size * sizeof *texts->strings);
    if (texts->strings == NULL) {
        texts->failed = true;
        return false;
    }
    memset(texts->strings, 0xff, size * sizeof *texts->strings);
    texts->mask = size - 1;
    for (const char *at = base, *nul; (nul = memchr(at, '\0', (size_t)(end - at))) != NULL;
         at = nul + 1) {
        uint32_t slot = string_slot(texts, at, (size_t)(nul - at));
        if (texts->strings[slot] == LAYOUT_NONE) {
            texts->strings[slot] = (uint32_t)(at - base);
        }
    }
    return true;
}

static bool find_string(struct texts *texts, const char *text, uint64_t *address)
{
    const struct layout *layout = texts->target->layout;
    if (layout->text == NULL || texts->failed || (texts->strings == NULL && !make_index(texts))) {
        return false;
    }
    uint32_t found = texts->strings[string_slot(texts, text, strlen(text))];
    if (found != LAYOUT_NONE) {
        *address = layout->head->text_address + found;
        return true;
    }
    if (texts->searched > SEARCHED_MOST) {
        return false;
    }
    texts->searched += layout->head->text_size; /* it may be the end of a longer one */
    return bind_text(layout, text, address);
}

/* ---- what is known ---- */

static uint32_t known_slot(const struct texts *texts, const char *text)
{
    uint64_t key = (uint64_t)(uintptr_t)text * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t slot = (uint32_t)(key >> 32) & (texts->known_room - 1);
    while (texts->known[slot].text != NULL && texts->known[slot].text != text) {
        slot = (slot + 1) & (texts->known_room - 1);
    }
    return slot;
}

static bool grow_known(struct texts *texts)
{
    struct texts old = *texts;
    texts->known_room = old.known_room == 0 ? 64 : old.known_room * 2;
    texts->known = calloc(texts->known_room, sizeof *texts->known);
    if (texts->known == NULL) {
        *texts = old;
        return false;
    }
    for (uint32_t i = 0; i < old.known_room; i++) {
        if (old.known[i].text != NULL) {
            texts->known[known_slot(texts, old.known[i].text)] = old.known[i];
        }
    }
    free(old.known);
    return true;
}

static uint64_t look(struct texts *texts, const char *text)
{
    const struct target *target = texts->target;
    uint64_t address;
    if (find_string(texts, text, &address)) {
        return target->module_base + address;
    }
    return target->keep == NULL
               ? 0
               : (uint64_t)(uintptr_t)target->keep(target->ctx, text, strlen(text) + 1);
}

uint64_t texts_find(struct texts *texts, const char *text)
{
    if (texts->known_count * 2 >= texts->known_room && !grow_known(texts)) {
        return 0;
    }
    uint32_t slot = known_slot(texts, text);
    if (texts->known[slot].text == NULL) {
        texts->known[slot].address = look(texts, text);
        texts->known[slot].text = text;
        texts->known_count++;
    }
    return texts->known[slot].address;
}
