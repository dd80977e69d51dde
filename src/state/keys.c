/* Which keys of a state the new code has added, and which it has dropped. */
#include "state/json.h"

#include "state/scan.h"
#include "state/spelling.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NODES_FIRST 128
#define CLASHES_MAX 1000 /* different keys of one hash: somebody makes them on purpose */

enum side {
    BEFORE = 1,
    AFTER = 2,
    BOTH = BEFORE | AFTER
};

/* A place where values stand in one text or in both: a key of its parent, or (key NULL) all items
 * of the array that its parent is. Parents come before children. */
struct node {
    uint64_t hash;
    const char *key; /* in its text, as it is spelled there */
    size_t len;
    uint32_t parent;
    uint8_t sides;
    bool told; /* this node or one above it is listed */
};

struct tree {
    struct node *node; /* 0: the document */
    uint32_t *table;   /* of 2 * cap places: nodes by parent and key; 0 is free */
    size_t count, cap; /* cap: a power of two */
    size_t clashes;
};

static uint64_t node_hash(uint32_t parent, uint64_t key_hash)
{
    return (key_hash ^ parent) * UINT64_C(0x9E3779B97F4A7C15);
}

/* The high bits: a product's low ones know nothing of the high ones of its factors. */
static size_t place_of(const struct tree *tree, uint64_t hash)
{
    return (size_t)(hash >> 32) & (tree->cap * 2 - 1);
}

static bool tree_grow(struct tree *tree)
{
    size_t cap = tree->cap == 0 ? NODES_FIRST : tree->cap * 2;
    if (cap > UINT32_MAX / 2) {
        return false;
    }
    struct node *node = realloc(tree->node, cap * sizeof *node);
    if (node == NULL) {
        return false;
    }
    tree->node = node;
    uint32_t *table = calloc(cap * 2, sizeof *table);
    if (table == NULL) {
        return false;
    }
    free(tree->table);
    tree->table = table;
    tree->cap = cap;
    for (size_t i = 1; i < tree->count; i++) {
        size_t place = place_of(tree, node[i].hash);
        while (table[place] != 0) {
            place = (place + 1) & (cap * 2 - 1);
        }
        table[place] = (uint32_t)i;
    }
    return true;
}

static bool tree_start(struct tree *tree)
{
    *tree = (struct tree){0};
    if (!tree_grow(tree)) {
        return false;
    }
    tree->node[0] = (struct node){.sides = BOTH};
    tree->count = 1;
    return true;
}

static void tree_finish(struct tree *tree)
{
    free(tree->table);
    free(tree->node);
}

static bool is_node(const struct node *node, uint64_t hash, uint32_t parent, const char *key,
                    size_t len)
{
    if (node->hash != hash || node->parent != parent || (node->key == NULL) != (key == NULL)) {
        return false;
    }
    return key == NULL || spelling_order(node->key, node->len, key, len) == 0;
}

/* Finds or makes a child and notes that `side` has it; 0: no memory, or too many clashes. */
static uint32_t tree_child(struct tree *tree, uint32_t parent, uint64_t key_hash, const char *key,
                           size_t len, enum side side)
{
    if (tree->count == tree->cap && !tree_grow(tree)) {
        return 0;
    }
    uint64_t hash = node_hash(parent, key_hash);
    size_t place = place_of(tree, hash);
    uint32_t at;
    while ((at = tree->table[place]) != 0) {
        if (is_node(&tree->node[at], hash, parent, key, len)) {
            tree->node[at].sides |= (uint8_t)side;
            return at;
        }
        if (tree->node[at].hash == hash && ++tree->clashes > CLASHES_MAX) {
            return 0;
        }
        place = (place + 1) & (tree->cap * 2 - 1);
    }
    at = (uint32_t)tree->count++;
    tree->table[place] = at;
    tree->node[at] = (struct node){
        .hash = hash, .key = key, .len = len, .parent = parent, .sides = (uint8_t)side};
    return at;
}

static bool refuse(struct error *err)
{
    return error_set(err, ERROR_LIMIT,
                     "the keys of two JSON texts cannot be compared: no memory, or keys that were "
                     "made to have one hash");
}

static bool tree_add(struct tree *tree, const char *text, size_t len, enum side side,
                     struct error *err)
{
    struct scan scan;
    scan_start(&scan, text, len, err);
    uint32_t open[JSON_DEPTH_MAX + 1]; /* per open container: the node that its values hang on */
    uint32_t here = 0;                 /* the node of the value that comes next */
    open[0] = 0;
    for (;;) {
        uint64_t hash = 0;
        switch (scan_next(&scan)) {
        case SCAN_ERROR:
            return false;
        case SCAN_END:
            return true;
        case SCAN_SCALAR:
            break;
        case SCAN_KEY:
            if (!spelling_hash(scan.key, scan.key_len, scan.key_escaped, &hash)) {
                return refuse(err);
            }
            here = tree_child(tree, open[scan.depth], hash, scan.key, scan.key_len, side);
            if (here == 0) {
                return refuse(err);
            }
            break;
        case SCAN_ARRAY:
            here = tree_child(tree, here, hash, NULL, 0, side);
            if (here == 0) {
                return refuse(err);
            }
            open[scan.depth] = here;
            break;
        case SCAN_OBJECT:
            open[scan.depth] = here;
            break;
        case SCAN_OBJECT_END:
        case SCAN_ARRAY_END:
            here = open[scan.depth];
            break;
        }
    }
}

static bool is_plain(const char *key, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = key[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
        bool inner = (c >= '0' && c <= '9') || (c == '-' && i > 0);
        if (!letter && !inner) {
            return false;
        }
    }
    return len > 0;
}

/* A key that could be taken for something else on a line of paths stands in quotes. */
static bool append_key(struct text *out, const struct node *node)
{
    if (memchr(node->key, '\\', node->len) == NULL) {
        return is_plain(node->key, node->len) ? text_append(out, node->key, node->len)
                                              : json_quote_bytes(out, node->key, node->len);
    }
    char *decoded = malloc(node->len);
    if (decoded == NULL) {
        out->failed = true;
        return false;
    }
    size_t len = spelling_decode(node->key, node->len, decoded);
    bool ok = is_plain(decoded, len) ? text_append(out, decoded, len)
                                     : json_quote_bytes(out, decoded, len);
    free(decoded);
    return ok;
}

static void append_path(struct text *out, const struct tree *tree, size_t at)
{
    const struct node *way[JSON_DEPTH_MAX];
    size_t steps = 0;
    for (; at != 0; at = tree->node[at].parent) {
        way[steps++] = &tree->node[at];
    }
    for (size_t i = steps; i-- > 0;) {
        if (way[i]->key == NULL) {
            (void)text_append(out, "[]", 2);
            continue;
        }
        if (i + 1 < steps) {
            (void)text_append(out, ".", 1);
        }
        (void)append_key(out, way[i]);
    }
}

struct list {
    struct text *out;
    size_t count, most;
};

static void list_node(struct list *list, const struct tree *tree, size_t at)
{
    if (list->count++ >= list->most) {
        return;
    }
    if (list->count > 1) {
        (void)text_append(list->out, "", 1);
    }
    append_path(list->out, tree, at);
}

bool json_compare_keys(const char *before, size_t before_len, const char *after, size_t after_len,
                       size_t most, struct text *added, size_t *more_added, struct text *dropped,
                       size_t *more_dropped, struct error *err)
{
    *more_added = *more_dropped = 0;
    if (before_len == after_len && (before_len == 0 || memcmp(before, after, before_len) == 0)) {
        return true;
    }
    struct tree tree;
    if (!tree_start(&tree)) {
        tree_finish(&tree);
        return refuse(err);
    }
    bool ok = tree_add(&tree, before, before_len, BEFORE, err) &&
              tree_add(&tree, after, after_len, AFTER, err);
    struct list in_after = {.out = added, .most = most};
    struct list in_before = {.out = dropped, .most = most};
    /* Nodes were made in document order, and those that only `after` has while it was read. */
    for (size_t i = 1; ok && i < tree.count; i++) {
        struct node *node = &tree.node[i];
        bool listed = node->key != NULL && node->sides != BOTH;
        bool covered = tree.node[node->parent].told;
        node->told = listed || covered;
        if (listed && !covered) {
            list_node(node->sides == AFTER ? &in_after : &in_before, &tree, i);
        }
    }
    tree_finish(&tree);
    if (ok && (added->failed || dropped->failed)) {
        ok = error_set(err, ERROR_LIMIT,
                       "the paths of added and dropped keys are larger than their buffer may get");
    }
    *more_added = in_after.count > most ? in_after.count - most : 0;
    *more_dropped = in_before.count > most ? in_before.count - most : 0;
    return ok;
}
