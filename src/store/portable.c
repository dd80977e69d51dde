#include "store/portable.h"

#include "codec/encode.h"

#include <hotrun/hotrun.h>
#include <string.h>

static bool put(void *ctx, const char *text, size_t len)
{
    return text_append(ctx, text, len);
}

bool portable_json(const void *bytes, size_t len, const struct layout_set *layouts,
                   const char *pointer, struct text *json, struct error *err)
{
    struct image image;
    uint64_t hash = image_layout(bytes, len);
    const struct layout *layout = layout_set_find(layouts, hash);
    if (hash == 0) {
        return error_set(err, ERROR_FORMAT, "the image of the state is damaged");
    }
    if (layout == NULL) {
        return error_set(err, ERROR_REFUSED,
                         "the state is memory whose layout is not known any more");
    }
    if (!image_read(&image, bytes, len, layout, err)) {
        return false;
    }
    struct encode_wanted wanted = {
        .statics = image.variables != NULL, .exact = pointer == NULL, .pointer = pointer};
    if (encode_image(&image, &wanted, put, json, err)) {
        return true;
    }
    return !json->failed ? false
                         : error_set(err, ERROR_LIMIT,
                                     "the state takes more than %zu bytes as JSON, or memory is "
                                     "missing: state.max_json sets how many are allowed",
                                     json->limit);
}

/* The state's own bytes, without what belongs to it. */
static bool cut_state(struct snapshot *snapshot, struct text *state)
{
    struct image_head head;
    size_t at = (sizeof head + 15) / 16 * 16;
    if (state->len < at) {
        return false;
    }
    memcpy(&head, state->data, sizeof head);
    if (head.state_size > state->len - at) {
        return false;
    }
    memmove(state->data, state->data + at, (size_t)head.state_size);
    state->len = (size_t)head.state_size;
    state->data[state->len] = '\0';
    snapshot->kind = SNAPSHOT_IMAGE;
    snapshot->len = head.state_size;
    return true;
}

static bool is_plain(const struct snapshot *snapshot)
{
    return (snapshot->flags & HOTRUN_STATE_PLAIN) != 0;
}

static bool make_json(struct snapshot *snapshot, struct text *state,
                      const struct layout_set *layouts, size_t limit, struct error *err)
{
    struct text json = {.limit = limit};
    if (!portable_json(text_string(state), state->len, layouts, NULL, &json, err)) {
        bool unknown = err->code == ERROR_REFUSED;
        text_finish(&json);
        return unknown && is_plain(snapshot) && cut_state(snapshot, state);
    }
    text_finish(state);
    *state = json;
    snapshot->kind = SNAPSHOT_JSON;
    snapshot->len = json.len;
    return true;
}

bool portable_make(struct snapshot *snapshot, struct text *state, const struct layout_set *layouts,
                   size_t limit, struct error *err)
{
    bool plain = snapshot->kind == SNAPSHOT_JSON || snapshot->len == 0 || is_plain(snapshot);
    if (snapshot->kind == SNAPSHOT_PARTS) {
        if (!make_json(snapshot, state, layouts, limit, err)) {
            return false;
        }
        snapshot->layout = 0;
        return true;
    }
    return plain ||
           error_set(err, ERROR_REFUSED,
                     "the state is memory that may hold pointers, which mean nothing in another "
                     "process: compile the module with debug info (-g), or give it serialize and "
                     "deserialize, or the flag HOTRUN_STATE_PLAIN if it has none");
}
