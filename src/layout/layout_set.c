#include "layout/layout_set.h"

bool layout_set_add(struct layout_set *set, struct layout *layout)
{
    if (layout_set_find(set, layout->head->hash) != NULL) {
        return true;
    }
    if (set->count == LAYOUT_SET_MOST) {
        return false;
    }
    set->layouts[set->count++] = layout_keep(layout);
    return true;
}

struct layout *layout_set_find(const struct layout_set *set, uint64_t hash)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (set->layouts[i]->head->hash == hash) {
            return set->layouts[i];
        }
    }
    return NULL;
}

void layout_set_remove(struct layout_set *set, unsigned i)
{
    layout_drop(&set->layouts[i]);
    set->layouts[i] = set->layouts[--set->count];
    set->layouts[set->count] = NULL;
}

void layout_set_copy(struct layout_set *to, const struct layout_set *from)
{
    for (unsigned i = 0; i < from->count; i++) {
        to->layouts[i] = layout_keep(from->layouts[i]);
    }
    to->count = from->count;
}

void layout_set_finish(struct layout_set *set)
{
    while (set->count > 0) {
        layout_set_remove(set, set->count - 1);
    }
}
