#include "layout/path.h"

#include <string.h>

static bool is_same(const struct layout *layout, uint32_t a, uint32_t b)
{
    const struct layout_type *x = &layout->types[a], *y = &layout->types[b];
    const char *name = layout_string(layout, x->name);
    return a == b || (x->kind == y->kind && x->size == y->size && *name != '\0' &&
                      strcmp(name, layout_string(layout, y->name)) == 0);
}

/* ---- to a path ---- */

struct step { /* from a value to one that lies in it */
    struct path_spot to;
    const struct roster_member *member;
    uint64_t index;
};

static bool leads_to(struct roster *roster, struct path_spot spot, uint64_t offset,
                     uint32_t wanted);

/* An array ends here: what is meant when nothing begins here, or nothing of the wanted type. */
static const struct roster_member *ended_by(struct roster *roster, const struct roster_list *list,
                                            uint64_t past, const struct roster_member *next,
                                            uint32_t wanted)
{
    const struct layout *layout = roster_layout(roster);
    const struct roster_member *before = past > 0 ? roster_holding(list, past - 1) : NULL;
    if (before == NULL || before->offset + before->size != past ||
        layout->types[before->type].kind != LAYOUT_ARRAY) {
        return NULL;
    }
    bool other = next != NULL && is_same(layout, layout->types[before->type].target, wanted) &&
                 !leads_to(roster, (struct path_spot){next->type, 0, 1, 0, 0}, 0, wanted);
    return next == NULL || other ? before : NULL;
}

/* The part of `spot` that holds the byte at `offset`, or an array's end. False: nothing in it has a
 * name of its own. */
static bool go_in(struct roster *roster, const struct path_spot *spot, uint64_t offset,
                  uint32_t wanted, struct step *step)
{
    const struct layout *layout = roster_layout(roster);
    const struct layout_type *type = &layout->types[spot->type];
    uint64_t past = offset - spot->offset;
    uint64_t count = spot->count;
    uint32_t element = spot->type;
    *step = (struct step){0};
    if (count == 1 && type->kind == LAYOUT_STRUCT) {
        const struct roster_list *list = roster_members(roster, spot->type, NULL);
        step->member = list == NULL ? NULL : roster_holding(list, past);
        bool begins = step->member == NULL || step->member->offset == past;
        if (begins && list != NULL && wanted != LAYOUT_NONE) {
            const struct roster_member *before = ended_by(roster, list, past, step->member, wanted);
            step->member = before != NULL ? before : step->member;
        }
        if (step->member == NULL) {
            return false;
        }
        step->to =
            (struct path_spot){step->member->type, spot->offset + step->member->offset, 1, 0, 0};
        return true;
    }
    if (count == 1) {
        if (type->kind != LAYOUT_ARRAY || layout->types[type->target].kind == LAYOUT_CHAR) {
            return false;
        }
        count = type->elements;
        element = type->target;
    }
    uint64_t size = layout->types[element].size;
    if (size == 0 || past / size > count || (past / size == count && past % size != 0)) {
        return false;
    }
    step->index = past / size;
    step->to = (struct path_spot){element, spot->offset + step->index * size, 1, 0, 0};
    return step->index < count || wanted != LAYOUT_NONE;
}

/* Whether a value of the type begins there, in a value that `spot` is, at any depth. */
static bool leads_to(struct roster *roster, struct path_spot spot, uint64_t offset, uint32_t wanted)
{
    const struct layout *layout = roster_layout(roster);
    struct step step;
    while (spot.offset != offset || spot.count != 1 || !is_same(layout, spot.type, wanted)) {
        if (!go_in(roster, &spot, offset, wanted, &step)) {
            return false;
        }
        spot = step.to;
    }
    return true;
}

void path_part(struct text *out, const char *name, size_t len)
{
    (void)text_append(out, "/", 1);
    while (len > 0) {
        size_t plain = 0;
        while (plain < len && name[plain] != '~' && name[plain] != '/') {
            plain++;
        }
        (void)(plain > 0 && text_append(out, name, plain));
        if (plain < len) {
            (void)text_append(out, name[plain] == '~' ? "~0" : "~1", 2);
            plain++;
        }
        name += plain;
        len -= plain;
    }
}

bool path_append(struct roster *roster, const struct path_spot *from, uint64_t offset,
                 uint32_t wanted, struct text *out)
{
    const struct layout *layout = roster_layout(roster);
    struct path_spot spot = *from;
    struct step step;
    if (wanted != LAYOUT_NONE && !leads_to(roster, spot, offset, wanted)) {
        wanted = LAYOUT_NONE;
    }
    while (spot.offset != offset ||
           (wanted != LAYOUT_NONE && (spot.count != 1 || !is_same(layout, spot.type, wanted)))) {
        if (!go_in(roster, &spot, offset, wanted, &step)) {
            break;
        }
        if (step.member != NULL) {
            path_part(out, step.member->name, step.member->name_len);
        } else {
            (void)text_printf(out, "/%llu", (unsigned long long)step.index);
        }
        spot = step.to;
    }
    if (spot.offset != offset) {
        (void)text_printf(out, "+%llu", (unsigned long long)(offset - spot.offset));
    }
    return !out->failed;
}

/* ---- from a path ---- */

size_t path_take(const char *at, const char *end, char name[POINTER_MOST], size_t *len)
{
    const char *from = at;
    for (*len = 0; at < end && *at != '/' && *len < POINTER_MOST; at++) {
        char c = *at;
        if (c == '~' && at + 1 < end) {
            c = *++at == '0' ? '~' : '/';
        }
        name[(*len)++] = c;
    }
    return (size_t)(at - from);
}

bool path_index(const char *digits, size_t len, uint64_t *index)
{
    *index = 0;
    for (size_t i = 0; i < len; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(digits[i] - '0');
        if (__builtin_mul_overflow(*index, 10, index) ||
            __builtin_add_overflow(*index, digit, index)) {
            *index = UINT64_MAX / 16;
        }
    }
    return len > 0 && (digits[0] != '0' || len == 1);
}

enum path_step path_step(struct roster *roster, struct path_spot *spot, const char *name,
                         size_t len, bool one)
{
    const struct layout *layout = roster_layout(roster);
    const struct layout_type *type = &layout->types[spot->type];
    uint64_t index, count = spot->count;
    uint32_t element = spot->type;
    if (count == 1 && type->kind == LAYOUT_STRUCT) {
        const struct roster_list *list = roster_members(roster, spot->type, NULL);
        const struct roster_member *member = list == NULL ? NULL : roster_named(list, name, len);
        if (member != NULL) {
            *spot = (struct path_spot){member->type, spot->offset + member->offset, 1, member->bit,
                                       member->bits};
            return PATH_FOUND;
        }
    }
    if (count == 1 && type->kind == LAYOUT_ARRAY) {
        count = type->elements;
        element = type->target;
    } else if (count == 1 && !one) {
        return PATH_NONE;
    }
    if (!path_index(name, len, &index) || index > count) {
        return PATH_NONE;
    }
    uint32_t bit = element == spot->type ? spot->bit : 0;
    uint32_t bits = element == spot->type ? spot->bits : 0;
    *spot = (struct path_spot){element, spot->offset + index * layout->types[element].size, 1, bit,
                               bits};
    return index < count ? PATH_FOUND : PATH_END;
}
