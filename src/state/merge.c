#include "state/merge.h"

#include "state/json.h"
#include "state/manner.h"
#include "state/member_table.h"

#include <stdlib.h>

/* An object that is being rewritten. Its text goes on as it is until something is cut out of it or
 * put into it. */
struct level {
    struct members members;
    size_t first, count;   /* the members of its patch, in the table */
    size_t kept;           /* members that were met and stay */
    bool cut;              /* the first ones went; nothing behind the bracket is written yet */
    const char *lead_end;  /* where the first member began */
    const char *value_end; /* of the member that was met last */
};

struct merge {
    struct text *out;
    const char *from;              /* the text from here on is not written yet */
    const struct members *outside; /* in which the outermost object stands */
    unsigned outside_depth;
    struct member_table table;
    struct level *level; /* JSON_DEPTH_MAX of them */
    unsigned depth;
};

static void write_until(struct merge *merge, const char *to)
{
    (void)text_append(merge->out, merge->from, (size_t)(to - merge->from));
    merge->from = to;
}

static bool enter(struct merge *merge, const char *object, const char *end, const char *patch,
                  const char *patch_end)
{
    if (merge->depth == JSON_DEPTH_MAX) {
        return false;
    }
    struct level *level = &merge->level[merge->depth++];
    *level = (struct level){.first = merge->table.count};
    members_open(&level->members, object, end);
    level->value_end = level->members.inner;
    if (patch != NULL) {
        struct members members;
        members_open(&members, patch, patch_end);
        if (!member_table_add_rest(&merge->table, &members)) {
            return false;
        }
        member_table_sort(&merge->table, level->first);
        level->count = merge->table.count - level->first;
    }
    return true;
}

static void keep_member(struct merge *merge, struct level *level)
{
    if (level->cut) {
        const char *inner = level->members.inner;
        (void)text_append(merge->out, inner, (size_t)(level->lead_end - inner));
        merge->from = level->members.start;
        level->cut = false;
    }
    level->kept++;
}

/* With the comma before it, or with the one behind it when it would be the first. */
static void cut_member(struct merge *merge, struct level *level)
{
    if (level->kept > 0) {
        write_until(merge, level->value_end);
    } else if (!level->cut) {
        write_until(merge, level->members.inner);
        level->lead_end = level->members.start;
        level->cut = true;
    }
    level->value_end = value_end(level->members.value, level->members.end);
    merge->from = level->value_end;
}

static bool append_without_nulls(struct text *out, const char *value, const char *end);

static bool replace_value(struct merge *merge, struct level *level, const char *by,
                          const char *by_end)
{
    write_until(merge, level->members.value);
    level->value_end = value_end(level->members.value, level->members.end);
    merge->from = level->value_end;
    return append_without_nulls(merge->out, by, by_end);
}

static bool add_member(struct merge *merge, const struct manner *manner,
                       const struct member *member, bool first, const char *patch_end)
{
    (void)text_puts(merge->out, first ? "" : ",");
    (void)text_puts(merge->out, first ? "" : manner->next);
    (void)text_append(merge->out, member->key - 1, member->key_len + 2);
    (void)text_puts(merge->out, manner->gap);
    return append_without_nulls(merge->out, member->value, patch_end);
}

static void write_before_added(struct merge *merge, const struct level *level,
                               const struct manner *manner)
{
    const char *inner = level->members.inner;
    if (level->cut) {
        (void)text_append(merge->out, inner, (size_t)(level->lead_end - inner));
    } else if (merge->from < level->value_end) {
        write_until(merge, level->value_end);
    }
    (void)text_puts(merge->out, level->members.count == 0 ? manner->lead : "");
}

/* Adds what is new in the patch, and closes the object. */
static bool leave(struct merge *merge, const char *patch_end)
{
    struct level *level = &merge->level[--merge->depth];
    struct members *members = &level->members;
    const struct members *outer =
        merge->depth == 0 ? merge->outside : &merge->level[merge->depth - 1].members;
    struct manner manner;
    bool empty = level->kept == 0;
    bool ok = true;
    size_t added = 0;
    member_table_unsort(&merge->table, level->first);
    for (size_t i = level->first; ok && i < level->first + level->count; i++) {
        const struct member *member = &merge->table.member[i];
        if (member->used || *member->value == 'n') {
            continue;
        }
        if (added == 0) {
            manner_of(&manner, members, outer, merge->outside_depth + merge->depth);
            write_before_added(merge, level, &manner);
        }
        ok = add_member(merge, &manner, member, empty && added == 0, patch_end);
        added++;
    }
    if (added > 0 && members->count == 0) {
        (void)text_puts(merge->out, manner.tail);
    }
    if (empty && (members->count == 0 ? added > 0 : added == 0)) {
        merge->from = members->at; /* the white space of an empty object */
    }
    merge->table.count = level->first;
    if (merge->depth > 0) {
        merge->level[merge->depth - 1].value_end = members_behind(members);
    }
    return ok;
}

/* What becomes of the member that was met. Without a patch all that is null goes. */
static bool rewrite_member(struct merge *merge, struct level *level, bool patched,
                           const char *patch_end)
{
    const char *value = level->members.value;
    const char *end = level->members.end;
    const char *patch = NULL;
    bool failed = false;
    if (patched) {
        struct member *member =
            member_table_find(&merge->table, level->first, level->count, &level->members, &failed);
        if (member != NULL) {
            member->used = true;
            patch = member->value;
        }
    }
    if (patched ? patch != NULL && *patch == 'n' : *value == 'n') {
        cut_member(merge, level);
        return true;
    }
    keep_member(merge, level);
    if (*value == '{' && (patched ? patch != NULL && *patch == '{' : true)) {
        return enter(merge, value, end, patch, patch_end);
    }
    if (patch != NULL) {
        return replace_value(merge, level, patch, patch_end);
    }
    level->value_end = value_end(value, end);
    return !failed;
}

/* Writes the object with its patch, or (NULL) without what is null in it. */
static bool rewrite(struct merge *merge, const char *object, const char *end, const char *patch,
                    const char *patch_end)
{
    merge->from = object;
    merge->level = malloc(JSON_DEPTH_MAX * sizeof *merge->level);
    bool ok = merge->level != NULL && enter(merge, object, end, patch, patch_end);
    while (ok && merge->depth > 0) {
        struct level *level = &merge->level[merge->depth - 1];
        ok = members_next(&level->members, level->value_end)
                 ? rewrite_member(merge, level, patch != NULL, patch_end)
                 : leave(merge, patch_end);
    }
    if (ok) {
        write_until(merge, members_behind(&merge->level[0].members));
    }
    member_table_finish(&merge->table);
    free(merge->level);
    return ok && !merge->out->failed;
}

/* A patch's value where nothing was. Objects in arrays stay as they are. */
static bool append_without_nulls(struct text *out, const char *value, const char *end)
{
    if (*value != '{') {
        return text_append(out, value, (size_t)(value_end(value, end) - value));
    }
    struct merge merge = {.out = out};
    return rewrite(&merge, value, end, NULL, NULL);
}

bool merge_append(struct text *out, const struct place *place, const char *patch,
                  const char *patch_end)
{
    if (*patch != '{' || *place->value != '{') {
        return append_without_nulls(out, patch, patch_end);
    }
    struct merge merge = {.out = out, .outside = &place->members, .outside_depth = place->depth};
    return rewrite(&merge, place->value, place->end, patch, patch_end);
}
