/* The copy of a state and its layout, both with bytes that somebody has written over: what of it is
 * still taken is written as valid JSON, as much as fits, and read into a state of that layout.
 *
 *     count, {offset (2 bytes), value (4 bytes)} * count, the same for the copy, a JSON pointer */
#include "../unit/codec/kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MOST  ((size_t)1 << 20)
#define STATE_MOST ((uint64_t)1 << 16)

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

struct input {
    const uint8_t *at, *end;
};

static void patch(struct input *input, unsigned char *bytes, size_t len)
{
    size_t count = input->at < input->end ? *input->at++ % 16 : 0;
    for (; count > 0 && input->end - input->at >= 6; count--, input->at += 6) {
        size_t offset = ((size_t)input->at[0] | (size_t)input->at[1] << 8) * 4 % len;
        memcpy(bytes + offset, input->at + 2, len - offset < 4 ? len - offset : 4);
    }
}

/* A copy of the state, heap and variables as hotrun makes it. */
static void make_copy(struct layout *layout, struct text *copy)
{
    static struct kinds kinds;
    static struct kinds_library library;
    struct image_part parts[IMAGE_PARTS];
    struct image_head head;
    struct error err;
    unsigned char variables[256];
    struct heap *heap = heap_create(KINDS_HEAP, 1 << 20, &err);
    require(heap != NULL && layout->head->variables_size <= sizeof variables);
    struct kinds_node *nodes = heap_alloc(heap, layout->marks[0].type, 0, sizeof *nodes, 3, 8);
    (void)heap_alloc(heap, LAYOUT_NONE, 0, 20, 1, 8);
    nodes[0].next = &nodes[1];
    nodes[1].next = &nodes[2];
    kinds_fill(&kinds, &library, &nodes[1]);
    struct image image = kinds_image(layout, &kinds, &library, heap);
    size_t count = image_parts(&image, &head, variables, parts);
    for (size_t i = 0; i < count; i++) {
        require(text_append(copy, parts[i].bytes, parts[i].len));
    }
    heap_destroy(heap);
}

static bool append(void *ctx, const char *text, size_t len)
{
    struct text *out = ctx;
    return out->len + len <= TEXT_MOST && text_append(out, text, len);
}

static void read_back(const struct layout *layout, const struct text *json)
{
    struct error err = {0};
    struct findings findings = {0};
    const struct decode_given given = {.objects = true};
    struct target target = {.layout = layout, .statics = layout->head->span <= STATE_MOST};
    unsigned char *library = calloc(1, target.statics ? layout->head->span + 1 : 1);
    target.state = calloc(1, layout_state(layout)->size + 1);
    target.heap = heap_create(KINDS_HEAP, 1 << 20, &err);
    target.module_base = (uint64_t)(uintptr_t)library;
    require(library != NULL && target.state != NULL && target.heap != NULL);
    (void)decode_state(json->data, json->len, &given, &target, &findings, &err);
    findings_finish(&findings);
    heap_destroy(target.heap);
    free(target.state);
    free(library);
}

static void try_image(const struct image *image, const char *pointer)
{
    struct error err = {0};
    struct text json = {0};
    const struct encode_wanted wanted = {.statics = true, .pointer = pointer};
    const struct encode_wanted all = {.statics = true, .exact = *pointer == '\0'};
    if (!encode_image(image, &wanted, append, &json, &err)) {
        require(err.text[0] != '\0');
    }
    text_clear(&json);
    if (encode_image(image, &all, append, &json, &err)) {
        /* names that a damaged layout has twice are all that can be wrong with it */
        bool valid = json_check(json.data, json.len, &err);
        require(valid || strstr(err.text, "twice") != NULL ||
                strstr(err.text, "duplicate") != NULL || strstr(err.text, "key") != NULL);
        if (valid && layout_state(image->layout)->size <= STATE_MOST) {
            read_back(image->layout, &json);
        }
    }
    text_finish(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct layout *whole;
    static struct text copy;
    struct input input = {data, data + size};
    struct error err;
    if (whole == NULL) {
        whole = kinds_layout();
        require(whole != NULL);
        make_copy(whole, &copy);
    }
    size_t len = (size_t)whole->head->len;
    unsigned char *block = malloc(len);
    unsigned char *bytes = aligned_alloc(16, (copy.len + 15) / 16 * 16);
    require(block != NULL && bytes != NULL);
    memcpy(block, layout_block(whole), len);
    patch(&input, block, len);
    layout_rehash(block, len);
    struct layout *layout = layout_open(block, len, &err);
    if (layout != NULL) {
        struct image image;
        struct image_head *head = (struct image_head *)bytes;
        memcpy(bytes, copy.data, copy.len);
        patch(&input, bytes, copy.len);
        memcpy(&head->layout, &layout->head->hash, sizeof head->layout);
        char *pointer = strndup((const char *)input.at, (size_t)(input.end - input.at));
        require(pointer != NULL);
        if (image_read(&image, bytes, copy.len, layout, &err)) {
            try_image(&image, pointer);
        }
        free(pointer);
        layout_drop(&layout);
    }
    free(bytes);
    free(block);
    return 0;
}
