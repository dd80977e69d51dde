#include "state/edit_list.h"

#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct head { /* before the pointer and the value, each with a '\0' behind it */
    uint64_t kind, pointer_len, value_len;
};

bool edit_list_add(struct text *bytes, const struct edit *edit)
{
    const char *value = edit->value == NULL ? "" : edit->value;
    struct head head = {.kind = (uint64_t)edit->kind,
                        .pointer_len = strlen(edit->pointer),
                        .value_len = edit->value == NULL ? 0 : edit->value_len};
    return text_append(bytes, &head, sizeof head) &&
           text_append(bytes, edit->pointer, (size_t)head.pointer_len + 1) &&
           text_append(bytes, value, (size_t)head.value_len) && text_append(bytes, "", 1);
}

/* Takes one string of `len` bytes and its '\0'. NULL: it is not there. */
static const char *take_string(const char **at, const char *end, uint64_t len)
{
    const char *string = *at;
    if (len >= (uint64_t)(end - string) || string[len] != '\0') {
        return NULL;
    }
    *at = string + len + 1;
    return string;
}

static bool take(const char **at, const char *end, struct edit *edit)
{
    struct head head;
    if ((size_t)(end - *at) < sizeof head) {
        return false;
    }
    memcpy(&head, *at, sizeof head);
    *at += sizeof head;
    if (head.kind < EDIT_SET || head.kind > EDIT_MERGE) {
        return false;
    }
    const char *pointer = take_string(at, end, head.pointer_len);
    const char *value = pointer == NULL ? NULL : take_string(at, end, head.value_len);
    if (value == NULL || memchr(pointer, '\0', (size_t)head.pointer_len) != NULL) {
        return false;
    }
    bool removes = head.kind == EDIT_REMOVE;
    *edit = (struct edit){.kind = (enum edit_kind)head.kind,
                          .pointer = pointer,
                          .value = removes ? NULL : value,
                          .value_len = removes ? 0 : (size_t)head.value_len};
    return true;
}

struct edit *edit_list_read(const char *bytes, size_t len, size_t *count)
{
    struct edit *edits = NULL;
    const char *at = bytes;
    const char *end = bytes + len;
    size_t room = 0;
    *count = 0;
    while (at < end) {
        if (*count == EDIT_LIST_MOST || !array_reserve(&edits, &room, *count + 1, sizeof *edits) ||
            !take(&at, end, &edits[*count])) {
            free(edits);
            return NULL;
        }
        ++*count;
    }
    return edits;
}
