#include "codec/beside.h"

#include "state/members.h"

#include <string.h>

bool beside_is(const char *name, size_t len)
{
    return len == 6 && (memcmp(name, "$types", 6) == 0 || memcmp(name, "$enums", 6) == 0);
}

void beside_cut(struct text *json)
{
    const char *text = text_string(json), *end = text + json->len;
    const char *at = value_start(text, end), *cut = NULL, *behind = NULL;
    struct members members;
    if (at == end || *at != '{') {
        return;
    }
    members_open(&members, at, end);
    for (const char *before = at + 1; members_next(&members, behind); before = behind) {
        bool beside = beside_is(members.key, members.key_len) && *members.value == '[';
        cut = !beside ? NULL : cut == NULL ? before : cut;
        behind = value_end(members.value, end);
    }
    if (cut != NULL) {
        json->len = (size_t)(cut - text);
        (void)text_puts(json, "}");
    }
}
