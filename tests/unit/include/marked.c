/* A module that leaves its state to hotrun: marks, heap objects and `migrate`, in the C and C++
 * that both languages share. That marks take no room is pinned here. */
#include "hotrun/hotrun.h"

#ifdef __cplusplus
#define CAST(type, value) static_cast<type>(value)
#else
#define CAST(type, value) ((type)(value))
#endif

struct bare {
    double speed;
    int scratch;
    char letter;
};

struct ship {
    double speed;
    int scratch;
    char letter;
    HOTRUN_RENAMED(speed, velocity);
    HOTRUN_RENAMED(letter, sign);
    HOTRUN_TRANSIENT(scratch);
    HOTRUN_EXACT;
};

union either {
    struct ship ship;
    float number;
    HOTRUN_EXACT;
};

struct node {
    struct node *next;
    struct ship ships[2];
    int behind;
    HOTRUN_TRANSIENT(behind);
};

typedef int row[4];

struct fleet {
    struct node *first;
    row *rows;
    union either either;
};

HOTRUN_ASSERT_(sizeof(struct ship) == sizeof(struct bare), "marks take no room");
HOTRUN_ASSERT_(HOTRUN_ALIGNOF_(struct ship) == HOTRUN_ALIGNOF_(struct bare), "nor alignment");
HOTRUN_ASSERT_(offsetof(struct ship, letter) == offsetof(struct bare, letter), "nor offsets");
HOTRUN_ASSERT_(sizeof(union either) == sizeof(struct bare), "nor in a union");
HOTRUN_ASSERT_(sizeof(struct node) ==
                   (2 * sizeof(struct bare) + sizeof(void *) + 2 * sizeof(int) + 7) / 8 * 8,
               "nor inside of others");

static HOTRUN_RESET int loads;
static const struct ship model = {1.5, 2, 'x'};
static const struct node two = {NULL, {{1.0, 2, 'a'}, {3.0, 4, 'b'}}, 5};

static inline struct node *make(const hotrun_host *host)
{
    struct node *node = hotrun_alloc(host, struct node, 1);
    if (node) {
        *node = two;
        node->ships[1] = model;
    }
    return node;
}

static hotrun_status init(const hotrun_host *host, void *state)
{
    static HOTRUN_RESET int calls = 1;
    struct fleet *fleet = CAST(struct fleet *, state);
    loads += calls++;
    fleet->first = make(host);
    fleet->rows = hotrun_alloc(host, row, 3);
    if (!fleet->first || !fleet->rows) {
        hotrun_free(host, fleet->first);
        hotrun_free(host, fleet->rows);
        return HOTRUN_ERR_NOMEM;
    }
    fleet->rows[2][3] = loads;
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct fleet *fleet = CAST(struct fleet *, state);
    struct node *node = hotrun_alloc(host, struct node, now->index % 2u + 1u);
    hotrun_free(host, fleet->first);
    fleet->first = node;
    return now->index > 9u ? HOTRUN_EXIT : HOTRUN_OK;
}

static hotrun_status migrate(const hotrun_host *host, void *state, const char *old_json,
                             size_t old_len, const char *new_json, size_t new_len,
                             uint32_t from_version)
{
    (void)host;
    (void)state;
    return from_version > 3u || old_json[old_len] || new_json[new_len] ? HOTRUN_ERR_SCHEMA
                                                                       : HOTRUN_OK;
}

static const void *get_extension(const char *id)
{
    static const hotrun_migrate extension = {CAST(uint32_t, sizeof(hotrun_migrate)), migrate};
    return id[0] == "migrate/1"[0] ? &extension : NULL;
}

static void fini(const hotrun_host *host, void *state, uint32_t why)
{
    struct fleet *fleet = CAST(struct fleet *, state);
    if (fleet && why != HOTRUN_FINI_REPLACED) {
        hotrun_free(host, fleet->first);
        hotrun_free(host, fleet->rows);
    }
}

HOTRUN_MODULE(struct fleet, .name = "fleet", .init = init, .step = step, .fini = fini,
              .get_extension = get_extension);
