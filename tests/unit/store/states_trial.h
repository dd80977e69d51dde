/* A state of one layout, {"hp": int, "n": int}, and images of it. */
#ifndef TEST_STORE_STATES_TRIAL_H
#define TEST_STORE_STATES_TRIAL_H

#include "base/text.h"
#include "layout/draft.h"
#include "layout/image.h"

#include "trial.h"

/* `name`: of its second field. */
static inline struct layout *trial_layout(const char *name)
{
    struct error err = {0};
    struct text block = {0};
    struct draft *draft = draft_create();
    struct draft_library library = {.span = 4096};
    uint32_t state = draft_reserve(draft);
    uint32_t number = draft_reserve(draft);
    struct layout_type scalar = {.kind = LAYOUT_INT,
                                 .name = draft_string(draft, "int"),
                                 .target = LAYOUT_NONE,
                                 .size = 4,
                                 .align = 4};
    struct layout_type whole = {.kind = LAYOUT_STRUCT,
                                .name = draft_string(draft, "game"),
                                .count = 2,
                                .target = LAYOUT_NONE,
                                .size = 8,
                                .align = 4};
    struct layout_field fields[2] = {
        {.name = draft_string(draft, "hp"), .type = number, .old_name = LAYOUT_NONE},
        {.name = draft_string(draft, name), .type = number, .old_name = LAYOUT_NONE, .offset = 4}};
    draft_fill(draft, number, &scalar, NULL, NULL);
    draft_fill(draft, state, &whole, fields, NULL);
    if (!draft_finish(draft, state, &library, &block, &err)) {
        fail_msg("%s", err.text);
    }
    draft_destroy(draft);
    struct layout *layout = layout_open(block.data, block.len, &err);
    assert_non_null(layout);
    text_finish(&block);
    return layout;
}

static inline void trial_image(const struct layout *layout, int hp, int n, struct text *out)
{
    int values[2] = {hp, n};
    struct image image = {.layout = layout,
                          .state = (unsigned char *)values,
                          .state_size = sizeof values,
                          .state_address = 0x10000};
    struct image_head head;
    struct image_part parts[IMAGE_PARTS];
    size_t count = image_parts(&image, &head, NULL, parts);
    for (size_t i = 0; i < count; i++) {
        assert_true(text_append(out, parts[i].bytes, parts[i].len));
    }
}

#endif
