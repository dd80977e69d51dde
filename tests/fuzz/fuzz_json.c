/* json_check survives any bytes, and its quick pass knows the same rules as its slow one. What it
 * accepts has the keys of itself, with white space behind it too, and keeps that when it is quoted
 * as one string. */
#include "state/accept.h"
#include "state/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static void compare(const char *before, size_t before_len, const char *after, size_t after_len,
                    bool valid)
{
    struct text added = {0};
    struct text dropped = {0};
    size_t more_added;
    size_t more_dropped;
    struct error err;
    bool ok = json_compare_keys(before, before_len, after, after_len, 4, &added, &more_added,
                                &dropped, &more_dropped, &err);
    if (valid) {
        require(ok && added.len == 0 && dropped.len == 0 && more_added == 0 && more_dropped == 0);
    }
    text_finish(&added);
    text_finish(&dropped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct error err;
    bool valid = json_check(text, size, &err);
    require(accept_json(text, size) == valid);
    char *longer = malloc(size + 1);
    require(longer != NULL);
    if (size > 0) {
        memcpy(longer, text, size);
    }
    longer[size] = '\n';
    if (valid) {
        compare(text, size, text, size, true);
    }
    compare(text, size, longer, size + 1, valid);
    compare("{\"a\":[{\"b\":1}]}", 15, text, size, false);
    compare(text, size, "{\"a\":[{\"b\":1}]}", 15, false);
    free(longer);

    struct text quoted = {0};
    require(json_quote_bytes(&quoted, text, size));
    require(json_check(quoted.data, quoted.len, &err));
    text_finish(&quoted);
    return 0;
}
