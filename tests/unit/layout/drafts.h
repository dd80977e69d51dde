/* Small layouts for tests, made as a reader of debug info makes them. */
#ifndef TESTS_LAYOUT_DRAFTS_H
#define TESTS_LAYOUT_DRAFTS_H

#include "base/hash.h"
#include "layout/draft.h"
#include "layout/layout.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h> /* cmocka needs these before it */

#include <cmocka.h>

static inline uint32_t draft_scalar(struct draft *draft, enum layout_kind kind, const char *name,
                                    uint64_t size)
{
    struct layout_type type = {.kind = kind,
                               .name = draft_string(draft, name),
                               .target = LAYOUT_NONE,
                               .size = size,
                               .align = size > 0 ? (uint32_t)size : 1};
    uint32_t number = draft_reserve(draft);
    draft_fill(draft, number, &type, NULL, NULL);
    return number;
}

static inline uint32_t draft_pointer(struct draft *draft, uint32_t target)
{
    struct layout_type type = {
        .kind = LAYOUT_POINTER, .target = target, .size = sizeof(void *), .align = sizeof(void *)};
    uint32_t number = draft_reserve(draft);
    draft_fill(draft, number, &type, NULL, NULL);
    return number;
}

static inline uint32_t draft_array(struct draft *draft, uint32_t target, uint64_t elements)
{
    const struct layout_type *of = draft_type(draft, target);
    struct layout_type type = {.kind = LAYOUT_ARRAY,
                               .target = target,
                               .size = of->size * elements,
                               .elements = elements,
                               .align = of->align};
    uint32_t number = draft_reserve(draft);
    draft_fill(draft, number, &type, NULL, NULL);
    return number;
}

/* A field at its offset; bits are set by the caller. */
static inline struct layout_field draft_field(struct draft *draft, const char *name, uint32_t type,
                                              uint64_t offset)
{
    return (struct layout_field){
        .name = draft_string(draft, name), .type = type, .old_name = LAYOUT_NONE, .offset = offset};
}

/* Fills `number` in as a struct, or whatever of its kind. */
static inline void draft_compound(struct draft *draft, uint32_t number, enum layout_kind kind,
                                  const char *name, uint64_t size,
                                  const struct layout_field *fields, uint32_t count)
{
    struct layout_type type = {.kind = kind,
                               .name = draft_string(draft, name),
                               .target = LAYOUT_NONE,
                               .size = size,
                               .count = count,
                               .align = 8};
    draft_fill(draft, number, &type, fields, NULL);
}

/* Finishes and opens it; the draft is gone. NULL with `err` when it is refused. */
static inline struct layout *draft_open(struct draft *draft, uint32_t state, uint64_t span,
                                        struct error *err)
{
    struct text block = {0};
    struct layout *layout = NULL;
    if (draft_finish(draft, state, &(struct draft_library){.span = span}, &block, err)) {
        layout = layout_open(block.data, block.len, err);
    }
    text_finish(&block);
    draft_destroy(draft);
    return layout;
}

/* After a change of a block's bytes: so that only what they say is wrong with it. */
static inline void layout_rehash(unsigned char *block, size_t len)
{
    size_t hashed = offsetof(struct layout_head, shape);
    uint64_t hash = hash_bytes(block + hashed, len - hashed);
    memcpy(block + offsetof(struct layout_head, hash), &hash, sizeof hash);
}

#endif
