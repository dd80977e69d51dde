/* Any JSON text into a state with a value of each kind, a heap and variables: whatever was taken is
 * written as valid JSON, and that is read back as the same. The first byte says how it is read, and
 * whether the state is one with unions that may hold pointers. */
#include "../unit/codec/kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

struct unions {
    union {
        struct kinds_node *node;
        void (*call)(void);
        const char *text;
        char raw[20];
    } either;
    __extension__ struct __attribute__((packed)) {
        char tag;
        union __attribute__((packed)) {
            struct kinds_point *near;
            unsigned char raw[9];
        } packed;
    };
    enum kinds_mood mood;
    float few[3];
};

static struct layout *unions_layout(void)
{
    struct kinds_types t;
    struct draft *draft = draft_create();
    struct text block = {0};
    struct error err;
    const struct draft_library library = {.span = sizeof(struct kinds_library)};
    kinds_scalars(draft, &t);
    kinds_structs(draft, &t);
    const struct layout_field either[] = {
        draft_field(draft, "node", draft_pointer(draft, t.node), 0),
        draft_field(draft, "call", draft_pointer(draft, t.function), 0),
        draft_field(draft, "text", draft_pointer(draft, t.chr), 0),
        draft_field(draft, "raw", draft_array(draft, t.chr, 20), 0)};
    const struct layout_field packed[] = {
        draft_field(draft, "near", draft_pointer(draft, t.point), 0),
        draft_field(draft, "raw", draft_array(draft, t.u8, 9), 0)};
    uint32_t first = draft_reserve(draft), second = draft_reserve(draft);
    draft_compound(draft, first, LAYOUT_UNION, "", sizeof((struct unions *)0)->either, either, 4);
    draft_compound(draft, second, LAYOUT_UNION, "", 9, packed, 2);
    const struct layout_field fields[] = {
        draft_field(draft, "either", first, offsetof(struct unions, either)),
        draft_field(draft, "tag", t.chr, offsetof(struct unions, tag)),
        draft_field(draft, "packed", second, offsetof(struct unions, packed)),
        draft_field(draft, "mood", t.mood, offsetof(struct unions, mood)),
        draft_field(draft, "few", draft_array(draft, t.f, 3), offsetof(struct unions, few))};
    t.state = draft_reserve(draft);
    draft_compound(draft, t.state, LAYOUT_STRUCT, "unions", sizeof(struct unions), fields, 5);
    kinds_module(draft, &t);
    struct layout *layout = draft_finish(draft, t.state, &library, &block, &err)
                                ? layout_open(block.data, block.len, &err)
                                : NULL;
    text_finish(&block);
    draft_destroy(draft);
    return layout;
}

struct place { /* where a state lies */
    union {
        struct kinds kinds;
        struct unions unions;
    };
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

static void write_place(const struct place *place, bool exact, struct text *out)
{
    struct error err;
    const struct encode_wanted wanted = {.statics = true, .exact = exact};
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
    static struct layout *kinds, *unions;
    static struct place first, second;
    struct text once = {0}, twice = {0};
    struct error err;
    if (kinds == NULL) {
        kinds = kinds_layout();
        unions = unions_layout();
    }
    require(kinds != NULL && unions != NULL);
    if (size < 2 || !json_check((const char *)data + 1, size - 1, &err)) {
        return 0;
    }
    char *json = malloc(size - 1); /* so that a look behind its end is seen */
    require(json != NULL);
    memcpy(json, data + 1, size - 1);
    struct layout *layout = (data[0] & 32) != 0 ? unions : kinds;
    bool exact = (data[0] & 16) != 0;
    open_place(&first, layout, KINDS_HEAP);
    if (read_place(&first, json, size - 1, data[0])) {
        write_place(&first, exact, &once);
        open_place(&second, layout, KINDS_HEAP + (UINT64_C(1) << 33));
        require(read_place(&second, once.data, once.len, 0));
        write_place(&second, exact, &twice);
        require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
        heap_destroy(second.heap);
    }
    heap_destroy(first.heap);
    free(json);
    text_finish(&once);
    text_finish(&twice);
    return 0;
}
