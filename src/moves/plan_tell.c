#include "moves/plan_tell.h"

#include "layout/path.h"
#include "moves/match.h"
#include "moves/run.h"

#include <stdlib.h>
#include <string.h>

struct telling {
    const struct plan *plan;
    const struct pairs *pairs;
    struct findings *findings; /* NULL: nothing is told */
    bool refusing;             /* what HOTRUN_EXACT forbids is looked for, and `err` filled */
    struct error *err;
    struct text path;
    bool *told; /* by pair */
    uint32_t count;
    uint64_t budget;
    bool ended;
};

static void tell_pair(struct telling *telling, uint32_t number);

static void cut_path(struct telling *telling, size_t len)
{
    telling->path.len = len;
    if (telling->path.data != NULL) {
        telling->path.data[len] = '\0';
    }
}

static bool names(const struct telling *telling, enum finding kind)
{
    if (telling->findings == NULL) {
        return false;
    }
    if (telling->findings->count[kind] < FINDINGS_TOLD) {
        return true;
    }
    telling->findings->count[kind]++;
    return false;
}

/* ---- values ---- */

static void append_type(const struct layout *layout, uint32_t type, uint32_t bits, struct text *out)
{
    (void)layout_type_name(layout, type, out);
    if (bits != 0) {
        (void)text_printf(out, " : %u", bits);
    }
}

static void tell_converted(struct telling *telling, uint32_t from, uint32_t from_bits, uint32_t to,
                           uint32_t to_bits)
{
    struct text was = {0}, is = {0};
    if (names(telling, FINDING_CONVERTED)) {
        append_type(telling->pairs->from, from, from_bits, &was);
        append_type(telling->pairs->to, to, to_bits, &is);
        bool same = strcmp(text_string(&was), text_string(&is)) == 0; /* an enum numbered anew */
        findings_add(telling->findings, FINDING_CONVERTED,
                     same ? "%s: %s has changed" : "%s: %s to %s", text_string(&telling->path),
                     text_string(&was), text_string(&is));
    }
    text_finish(&was);
    text_finish(&is);
}

/* A name that is there in both, and nothing can be carried from the one to the other. */
static void tell_replaced(struct telling *telling, uint32_t from, uint32_t to)
{
    struct text was = {0}, is = {0};
    const struct layout_type *fresh = &telling->pairs->to->types[to];
    bool same = telling->pairs->from->types[from].kind == fresh->kind;
    const char *why = same && fresh->kind == LAYOUT_UNION ? " with other members"
                      : same && fresh->kind == LAYOUT_BYTES && fresh->elements != 0
                          ? " with other variants"
                          : "";
    if (telling->findings != NULL) {
        append_type(telling->pairs->from, from, 0, &was);
        append_type(telling->pairs->to, to, 0, &is);
        findings_add(telling->findings, FINDING_DROPPED, "%s: %s", text_string(&telling->path),
                     text_string(&was));
        findings_add(telling->findings, FINDING_ADDED, "%s: %s%s", text_string(&telling->path),
                     text_string(&is), why);
    }
    text_finish(&was);
    text_finish(&is);
}

static bool pointee_is_another(const struct telling *telling, const struct pair *pair)
{
    struct text was = {0}, is = {0};
    (void)layout_type_name(telling->pairs->from, pair->from, &was);
    (void)layout_type_name(telling->pairs->to, pair->to, &is);
    bool another = strcmp(text_string(&was), text_string(&is)) != 0;
    text_finish(&was);
    text_finish(&is);
    return another;
}

/* ---- structs ---- */

static void append_member(struct telling *telling, const struct layout *layout,
                          const struct member *member)
{
    const char *name = member->name;
    if (*name == '\0') {
        const struct layout_type *type = &layout->types[member->field->type];
        name = type->count == 0 ? "" : layout_string(layout, layout->fields[type->first].name);
    }
    path_part(&telling->path, name, strlen(name));
}

static bool is_vtable(const struct member *member)
{
    return (member->field->flags & LAYOUT_VTABLE) != 0;
}

static void tell_bits(struct telling *telling, const struct member *old, const struct member *fresh,
                      const struct pair *pair)
{
    if ((pair->flags & (PAIR_SCALAR | PAIR_POINTERS)) != PAIR_SCALAR) {
        tell_replaced(telling, pair->from, pair->to);
    } else if ((pair->flags & PAIR_LIKE) == 0 || old->field->bits != fresh->field->bits) {
        tell_converted(telling, pair->from, old->field->bits, pair->to, fresh->field->bits);
    }
}

/* Base classes and tables are taken for each other without a mark. */
static void tell_renamed(struct telling *telling, const struct member *old,
                         const struct member *fresh)
{
    bool renamed = fresh->field->old_name != LAYOUT_NONE && strcmp(old->name, fresh->name) != 0;
    if (renamed && names(telling, FINDING_CONVERTED)) {
        findings_add(telling->findings, FINDING_CONVERTED, "%s: was %s",
                     text_string(&telling->path), old->name);
    }
}

static void tell_member(struct telling *telling, const struct members *old,
                        const struct member *fresh)
{
    const struct plan *plan = telling->plan;
    size_t len = telling->path.len;
    append_member(telling, plan->to, fresh);
    if (fresh->source == LAYOUT_NONE) {
        if (!is_vtable(fresh) && names(telling, FINDING_ADDED)) {
            findings_add(telling->findings, FINDING_ADDED, "%s", text_string(&telling->path));
        }
    } else if (!is_vtable(fresh)) {
        const struct member *source = &old->list[fresh->source];
        uint32_t number = pairs_find(plan->pairs, source->field->type, fresh->field->type, NULL);
        tell_renamed(telling, source, fresh);
        bool bits = source->field->bits != 0 || fresh->field->bits != 0;
        bool transient = (fresh->field->flags & LAYOUT_TRANSIENT) != 0;
        if (number != LAYOUT_NONE && bits && !transient) {
            tell_bits(telling, source, fresh, &telling->pairs->list[number]);
        } else if (number != LAYOUT_NONE && !transient) {
            tell_pair(telling, number);
        }
    }
    cut_path(telling, len);
}

static void tell_members(struct telling *telling, uint32_t from, uint32_t to)
{
    const struct plan *plan = telling->plan;
    struct members old, fresh;
    if (!match_members(plan->from, &plan->from->types[from], plan->to, &plan->to->types[to], &old,
                       &fresh, &telling->budget)) {
        return;
    }
    for (uint32_t i = 0; i < fresh.count && !telling->ended; i++) {
        tell_member(telling, &old, &fresh.list[i]);
    }
    for (uint32_t i = 0; i < old.count && !telling->ended; i++) {
        if (!old.list[i].taken && !is_vtable(&old.list[i]) && names(telling, FINDING_DROPPED)) {
            size_t len = telling->path.len;
            append_member(telling, plan->from, &old.list[i]);
            findings_add(telling->findings, FINDING_DROPPED, "%s", text_string(&telling->path));
            cut_path(telling, len);
        }
    }
    match_finish(&old);
    match_finish(&fresh);
}

/* ---- all of them ---- */

static bool refuse(struct telling *telling, const struct pair *pair)
{
    const struct layout *from = telling->pairs->from, *to = telling->pairs->to;
    if (((from->types[pair->from].flags | to->types[pair->to].flags) & LAYOUT_EXACT) == 0) {
        return false;
    }
    struct text name = {0};
    (void)layout_type_name(from, pair->from, &name);
    telling->ended = true;
    (void)error_set(telling->err, ERROR_REFUSED,
                    "%s: %s is marked HOTRUN_EXACT, and the new library has another layout of it; "
                    "undo the change, or take the mark away",
                    telling->path.len == 0 ? "/" : text_string(&telling->path), text_string(&name));
    text_finish(&name);
    return true;
}

static void tell_inside(struct telling *telling, const struct pair *pair)
{
    const struct layout_type *from = &telling->pairs->from->types[pair->from];
    const struct layout_type *to = &telling->pairs->to->types[pair->to];
    bool arrays = from->kind == LAYOUT_ARRAY || to->kind == LAYOUT_ARRAY;
    bool text = pair->element == LAYOUT_NONE && (pair->flags & PAIR_LIKE) == 0;
    if (arrays && (from->kind != to->kind || from->elements != to->elements || text)) {
        tell_converted(telling, pair->from, 0, pair->to, 0);
    }
    if (pair->element != LAYOUT_NONE) {
        size_t len = telling->path.len;
        uint32_t kind = telling->pairs->list[pair->element].flags & PAIR_SCALAR;
        if (kind == 0 || from->elements == to->elements) {
            (void)text_puts(&telling->path, "/*");
            tell_pair(telling, pair->element);
            cut_path(telling, len);
        }
    } else if (!arrays && from->kind == LAYOUT_STRUCT) {
        tell_members(telling, pair->from, pair->to);
    }
}

/* No deeper than types lie in each other. Scalars are told by each path that they have. */
static void tell_pair(struct telling *telling, uint32_t number)
{
    const struct pair pair = telling->pairs->list[number];
    if (telling->ended || number >= telling->count || telling->told[number]) {
        return;
    }
    if ((pair.flags & PAIR_SCALAR) != 0) {
        if ((pair.flags & PAIR_POINTERS) != 0 ? pointee_is_another(telling, &pair)
                                              : (pair.flags & PAIR_LIKE) == 0) {
            tell_converted(telling, pair.from, 0, pair.to, 0);
        }
        return;
    }
    telling->told[number] = true;
    if (telling->refusing && ((pair.flags & PAIR_EXACT) == 0 || refuse(telling, &pair))) {
        return;
    }
    if ((pair.flags & PAIR_NONE) != 0) {
        tell_replaced(telling, pair.from, pair.to);
    }
    if ((pair.flags & PAIR_NONE) == 0 || telling->refusing) {
        tell_inside(telling, &pair);
    }
}

static bool telling_start(struct telling *telling, const struct plan *plan)
{
    *telling = (struct telling){.plan = plan, .pairs = plan->pairs, .count = plan->pairs->count};
    telling->budget = UINT64_C(4) * LAYOUT_FIELDS_MOST;
    telling->told = calloc((size_t)telling->count + 1, sizeof *telling->told);
    return telling->told != NULL;
}

static void telling_end(struct telling *telling)
{
    text_finish(&telling->path);
    free(telling->told);
}

void plan_tell_pair(const struct plan *plan, uint32_t pair, const char *name,
                    struct findings *findings)
{
    struct telling telling;
    if (telling_start(&telling, plan)) {
        if (*name != '\0') { /* marks what is told of the state */
            tell_pair(&telling, plan->state);
        }
        telling.findings = findings;
        (void)text_puts(&telling.path, name);
        tell_pair(&telling, pair);
    }
    telling_end(&telling);
}

bool plan_refuse_exact(const struct plan *plan, uint32_t pair, const char *name, struct error *err)
{
    struct telling telling;
    (void)error_set(err, ERROR_REFUSED, "a type that is marked HOTRUN_EXACT has changed");
    if (telling_start(&telling, plan)) {
        telling.refusing = true;
        telling.err = err;
        (void)text_puts(&telling.path, name);
        tell_pair(&telling, pair);
    }
    telling_end(&telling);
    return false;
}

void plan_tell(const struct plan *plan, struct findings *findings)
{
    plan_tell_pair(plan, plan->state, "", findings);
}
