/* Any JSON text into a state with a value of each kind, a heap and variables: whatever was taken is
 * written as valid JSON, and that is read back as the same. The first byte says how it is read. */
#include "../unit/layout/kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

struct place { /* where a state lies */
    struct kinds kinds;
    struct kinds_library library;
    struct heap *heap;
    struct target target;
    struct image image;
};

static void open_place(struct place *place, struct layout *layout, uint64_t address)
{
    struct error err;
    memset(&place->kinds, 0, sizeof place->kinds);
    memset(&place->library, 0, sizeof place->library);
    place->heap = heap_create(address, 1 << 20, &err);
    require(place->heap != NULL);
    place->target = (struct target){.layout = layout,
                                    .state = (unsigned char *)&place->kinds,
                                    .heap = place->heap,
                                    .statics = true};
    place->target.module_base = (uint64_t)(uintptr_t)&place->library;
    memcpy(place->library.text, "a literal\0another", 18);
    place->image = (struct image){.layout = layout,
                                  .state = place->target.state,
                                  .state_size = sizeof place->kinds,
                                  .state_address = (uint64_t)(uintptr_t)&place->kinds,
                                  .objects = place->heap,
                                  .alive = true};
    place->image.module_base = place->target.module_base;
}

static void write_place(const struct place *place, struct text *out)
{
    struct error err;
    const struct encode_wanted wanted = {.statics = true};
    require(encode_image(&place->image, &wanted, kinds_append, out, &err));
    require(json_check(text_string(out), out->len, &err));
}

static bool read_place(struct place *place, const char *json, size_t len, uint8_t how)
{
    struct error err = {0};
    struct findings findings = {0};
    const struct decode_given given = {
        .same_process = (how & 1) != 0, .objects = (how & 2) == 0, .strict = (how & 4) != 0};
    bool taken = decode_state(json, len, &given, &place->target, &findings, &err);
    require(taken || err.text[0] != '\0');
    require(!taken || given.strict || (how & 8) == 0 || findings.count[FINDING_LOST] <= len);
    findings_finish(&findings);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct layout *layout;
    static struct place first, second;
    struct text once = {0}, twice = {0};
    struct error err;
    if (layout == NULL) {
        layout = kinds_layout();
    }
    require(layout != NULL);
    if (size < 2 || !json_check((const char *)data + 1, size - 1, &err)) {
        return 0;
    }
    char *json = malloc(size - 1); /* so that a look behind its end is seen */
    require(json != NULL);
    memcpy(json, data + 1, size - 1);
    open_place(&first, layout, KINDS_HEAP);
    if (read_place(&first, json, size - 1, data[0])) {
        write_place(&first, &once);
        open_place(&second, layout, KINDS_HEAP + (UINT64_C(1) << 33));
        require(read_place(&second, once.data, once.len, 0));
        write_place(&second, &twice);
        require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
        heap_destroy(second.heap);
    }
    heap_destroy(first.heap);
    free(json);
    text_finish(&once);
    text_finish(&twice);
    return 0;
}
