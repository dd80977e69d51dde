/* layout_open survives any bytes, and what it accepts can be followed, looked up and told: as text
 * without controls, and as JSON. The head's hash is set here, so that changed bytes get past it. */
#include "base/hash.h"
#include "layout/describe.h"
#include "layout/layout.h"
#include "layout/layout_check.h"
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

static struct layout *open_block(const uint8_t *data, size_t size)
{
    struct error err = {0};
    unsigned char *block = malloc(size);
    struct layout_head head = {.magic = LAYOUT_MAGIC, .len = size};
    size_t hashed = offsetof(struct layout_head, shape);
    require(block != NULL);
    memcpy(block, data, size);
    head.hash = hash_bytes(block + hashed, size - hashed);
    memcpy(block, &head, hashed);
    struct layout *layout = layout_open(block, size, &err);
    require((layout == NULL) == (err.code != ERROR_NONE));
    free(block);
    return layout;
}

static void look_up(const struct layout *layout)
{
    for (uint32_t i = 0; i < layout->head->symbols; i++) {
        const struct layout_symbol *symbol = &layout->symbols[i];
        (void)layout_symbol_named(layout, layout_string(layout, symbol->name),
                                  layout_string(layout, symbol->file));
        require(layout_symbol_at(layout, symbol->address) != NULL);
        (void)layout_symbol_at(layout, symbol->address + symbol->size);
    }
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        const struct layout_variable *variable = &layout->variables[i];
        bool carried = (variable->flags & LAYOUT_CARRIED) != 0;
        const struct layout_variable *found =
            layout_variable_at(layout, carried ? variable->address : i);
        require(!carried || found == variable || layout->types[variable->type].size == 0);
        require(layout_variable_named(layout, layout_string(layout, variable->file),
                                      layout_string(layout, variable->function),
                                      layout_string(layout, variable->name),
                                      (variable->flags & LAYOUT_GLOBAL) != 0) != NULL);
    }
    for (uint32_t i = 0; i < layout->head->marks; i++) {
        uint32_t type = layout_mark_at(layout, layout->marks[i].address);
        require(type == LAYOUT_NONE || type < layout->head->types);
    }
}

static void tell(const struct layout *layout)
{
    struct text out = {.limit = (size_t)4 << 20};
    struct error err = {0};
    if (describe_as_c(layout, &out)) {
        for (size_t i = 0; i < out.len; i++) {
            require((unsigned char)out.data[i] >= 0x20 || out.data[i] == '\n');
        }
    }
    text_clear(&out);
    if (describe_as_json(layout, &out)) {
        require(json_check(out.data, out.len, &err));
    }
    text_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct layout *layout = size < sizeof(struct layout_head) ? NULL : open_block(data, size);
    if (layout != NULL) {
        look_up(layout);
        tell(layout);
        layout_drop(&layout);
    }
    return 0;
}
