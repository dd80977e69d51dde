#include "moves/plan_tell.h"
#include "moves/run.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* ---- by name alone ---- */

/* Of those that no variable of the other layout has the identity of: how many have a name. */
struct strays {
    const struct layout *layout;
    uint32_t *slots; /* the first of each name */
    uint8_t *several;
    uint32_t mask;
};

static bool is_carried(const struct layout_variable *variable)
{
    return (variable->flags & LAYOUT_CARRIED) != 0;
}

static const char *name_of(const struct layout *layout, uint32_t i)
{
    return layout_string(layout, layout->variables[i].name);
}

static uint32_t stray_slot(const struct strays *strays, const char *name)
{
    uint32_t slot = (uint32_t)hash_bytes(name, strlen(name)) & strays->mask;
    while (strays->slots[slot] != LAYOUT_NONE &&
           strcmp(name_of(strays->layout, strays->slots[slot]), name) != 0) {
        slot = (slot + 1) & strays->mask;
    }
    return slot;
}

static bool strays_create(struct strays *strays, const struct layout *layout, const bool *taken)
{
    uint32_t size = 16;
    while (size < layout->head->variables * 2) {
        size *= 2;
    }
    *strays =
        (struct strays){layout, malloc(size * sizeof *strays->slots), calloc(size, 1), size - 1};
    if (strays->slots == NULL || strays->several == NULL) {
        return false;
    }
    memset(strays->slots, 0xff, size * sizeof *strays->slots);
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        if (!taken[i] && is_carried(&layout->variables[i])) {
            uint32_t slot = stray_slot(strays, name_of(layout, i));
            strays->several[slot] = strays->slots[slot] != LAYOUT_NONE;
            strays->slots[slot] = strays->slots[slot] == LAYOUT_NONE ? i : strays->slots[slot];
        }
    }
    return true;
}

static void strays_finish(struct strays *strays)
{
    free(strays->slots);
    free(strays->several);
}

static uint32_t strays_find(const struct strays *strays, const char *name)
{
    uint32_t slot = stray_slot(strays, name);
    return strays->several[slot] != 0 ? LAYOUT_NONE : strays->slots[slot];
}

/* ---- telling ---- */

/* "src/game.c:speed", of a function "src/game.c:update:calls". */
static void append_name(const struct layout *layout, uint32_t i, struct text *out)
{
    const struct layout_variable *variable = &layout->variables[i];
    const char *function = layout_string(layout, variable->function);
    (void)text_printf(out, "%s:%s%s%s", layout_string(layout, variable->file), function,
                      *function == '\0' ? "" : ":", layout_string(layout, variable->name));
}

static void tell(struct run *run, enum finding kind, const struct layout *layout, uint32_t i,
                 const char *says, const char *more)
{
    struct text name = {0};
    if (run_names(run, kind)) {
        append_name(layout, i, &name);
        findings_add(run->findings, kind, "%s%s%s", text_string(&name), says, more);
    }
    text_finish(&name);
}

static void tell_followed(struct run *run, uint32_t old, uint32_t fresh)
{
    struct text now = {0};
    append_name(run->plan->to, fresh, &now);
    tell(run, FINDING_KEPT, run->plan->from, old, ": is taken for ", text_string(&now));
    text_finish(&now);
}

/* ---- matching ---- */

static void match_identities(struct run *run, bool *old_taken, bool *new_taken)
{
    const struct layout *from = run->plan->from, *to = run->plan->to;
    for (uint32_t i = 0; i < from->head->variables; i++) {
        const struct layout_variable *old = &from->variables[i];
        const struct layout_variable *fresh = layout_variable_named(
            to, layout_string(from, old->file), layout_string(from, old->function),
            layout_string(from, old->name), (old->flags & LAYOUT_GLOBAL) != 0);
        run->variables[i] = LAYOUT_NONE;
        if (fresh == NULL) {
            continue;
        }
        uint32_t number = (uint32_t)(fresh - to->variables);
        old_taken[i] = new_taken[number] = true;
        if (is_carried(old) && is_carried(fresh)) {
            run->variables[i] = number;
        } else if (is_carried(old)) {
            tell(run, FINDING_KEPT, to, number, ": starts anew, ",
                 layout_string(to, fresh->reason));
        }
    }
}

/* What a file or function lost and another one got, and no third has a variable of that name. */
static bool match_strays(struct run *run, const bool *old_taken, bool *new_taken)
{
    const struct layout *from = run->plan->from, *to = run->plan->to;
    struct strays old = {0}, fresh = {0};
    bool ok = strays_create(&old, from, old_taken) && strays_create(&fresh, to, new_taken);
    for (uint32_t i = 0; ok && i < from->head->variables; i++) {
        if (old_taken[i] || !is_carried(&from->variables[i])) {
            continue;
        }
        uint32_t found = strays_find(&old, name_of(from, i)) == i
                             ? strays_find(&fresh, name_of(from, i))
                             : LAYOUT_NONE;
        if (found == LAYOUT_NONE) {
            tell(run, FINDING_DROPPED, from, i, "", "");
            continue;
        }
        run->variables[i] = found;
        new_taken[found] = true;
        tell_followed(run, i, found);
    }
    strays_finish(&old);
    strays_finish(&fresh);
    return ok;
}

static bool match_all(struct run *run)
{
    const struct layout *from = run->plan->from, *to = run->plan->to;
    bool *old_taken = calloc((size_t)from->head->variables + 1, sizeof *old_taken);
    bool *new_taken = calloc((size_t)to->head->variables + 1, sizeof *new_taken);
    bool ok = old_taken != NULL && new_taken != NULL;
    if (ok) {
        match_identities(run, old_taken, new_taken);
        ok = match_strays(run, old_taken, new_taken);
    }
    for (uint32_t i = 0; ok && i < to->head->variables; i++) {
        if (!new_taken[i] && is_carried(&to->variables[i])) {
            tell(run, FINDING_ADDED, to, i, "", "");
        }
    }
    free(old_taken);
    free(new_taken);
    return ok || error_set(run->err, ERROR_SYSTEM, "no memory for moving the variables");
}

/* ---- moving ---- */

static bool find_pair(struct run *run, uint32_t i)
{
    struct plan const *plan = run->plan;
    const struct layout_variable *fresh = &plan->to->variables[run->variables[i]];
    struct text name = {0};
    uint32_t pair = pairs_find(plan->pairs, plan->from->variables[i].type, fresh->type, run->err);
    bool ok = pair != LAYOUT_NONE;
    run->variable_pairs[i] = pair;
    if (ok && (plan->pairs->list[pair].flags & PAIR_LIKE) == 0 &&
        (fresh->flags & LAYOUT_RESET) == 0) {
        append_name(plan->to, run->variables[i], &name);
        ok = (plan->pairs->list[pair].flags & PAIR_EXACT) == 0 ||
             plan_refuse_exact(plan, pair, text_string(&name), run->err);
        if (ok) {
            plan_tell_pair(plan, pair, text_string(&name), run->findings);
        }
    }
    text_finish(&name);
    return ok;
}

bool run_variables_prepare(struct run *run)
{
    uint32_t count = run->plan->from->head->variables;
    if (!run->target->statics) {
        return true;
    }
    run->variables = malloc(((size_t)count + 1) * sizeof *run->variables);
    run->variable_pairs = malloc(((size_t)count + 1) * sizeof *run->variable_pairs);
    if (run->variables == NULL || run->variable_pairs == NULL) {
        return error_set(run->err, ERROR_SYSTEM, "no memory for moving the variables");
    }
    bool ok = match_all(run);
    for (uint32_t i = 0; ok && i < count; i++) {
        run->variable_pairs[i] = LAYOUT_NONE;
        ok = run->variables[i] == LAYOUT_NONE || find_pair(run, i);
    }
    return ok;
}

void run_variables_move(struct run *run)
{
    const struct layout *from = run->plan->from, *to = run->plan->to;
    run->in_place = false;
    for (uint32_t i = 0; run->target->statics && i < from->head->variables; i++) {
        const unsigned char *bytes = image_variable(run->image, i);
        if (run->variables[i] == LAYOUT_NONE || bytes == NULL) {
            continue;
        }
        const struct layout_variable *fresh = &to->variables[run->variables[i]];
        if ((fresh->flags & LAYOUT_RESET) != 0) {
            continue;
        }
        struct text name = {0};
        unsigned char *place =
            (unsigned char *)(uintptr_t)(run->target->module_base + fresh->address);
        append_name(to, run->variables[i], &name);
        run->root = (struct root){fresh->type, 1, place, text_string(&name)};
        run_value(run, run->variable_pairs[i], bytes, place);
        text_finish(&name);
    }
}
