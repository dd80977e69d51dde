#include "layout/path.h"
#include "moves/run.h"

#include <string.h>

bool run_names(struct run *run, enum finding kind)
{
    if (run->findings->count[kind] < FINDINGS_TOLD) {
        return true;
    }
    run->findings->count[kind]++;
    return false;
}

/* The bit-field of a struct that lies there; NULL: none. */
static const struct roster_member *bit_field(struct roster *roster, uint32_t type, uint64_t offset,
                                             uint32_t bit, uint32_t bits)
{
    const struct roster_list *list = roster_members(roster, type, NULL);
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        const struct roster_member *member = &list->members[i];
        if (member->bits == bits && member->bit == bit && member->offset == offset) {
            return member;
        }
    }
    return NULL;
}

/* A bit-field shares its bytes with others, so that its struct is looked for first. */
static void append_bits(struct roster *roster, struct path_spot spot, uint64_t offset, uint32_t bit,
                        uint32_t bits, struct text *out)
{
    const struct layout *layout = roster_layout(roster);
    for (;;) {
        const struct layout_type *type = &layout->types[spot.type];
        uint64_t past = offset - spot.offset;
        if (spot.count == 1 && type->kind == LAYOUT_STRUCT) {
            const struct roster_list *list = roster_members(roster, spot.type, NULL);
            const struct roster_member *member = bit_field(roster, spot.type, past, bit, bits);
            bool found = member != NULL;
            member = found || list == NULL ? member : roster_holding(list, past);
            if (member == NULL) {
                return;
            }
            path_part(out, member->name, member->name_len);
            if (found) {
                return;
            }
            spot = (struct path_spot){member->type, spot.offset + member->offset, 1, 0, 0};
            continue;
        }
        uint32_t element = spot.count == 1 ? type->target : spot.type;
        uint64_t size = element == LAYOUT_NONE ? 0 : layout->types[element].size;
        if ((spot.count == 1 && type->kind != LAYOUT_ARRAY) || size == 0) {
            return;
        }
        (void)text_printf(out, "/%llu", (unsigned long long)(past / size));
        spot = (struct path_spot){element, offset - past % size, 1, 0, 0};
    }
}

void run_path(struct run *run, const unsigned char *to, uint32_t wanted, uint32_t bit,
              uint32_t bits, struct text *out)
{
    const struct root *root = &run->root;
    struct path_spot whole = {root->type, 0, root->count, 0, 0};
    uint64_t offset = (uint64_t)(to - root->bytes);
    (void)text_puts(out, root->name);
    if (run->roster == NULL) {
        run->roster = roster_create(run->plan->to);
    }
    if (run->roster == NULL || root->type == LAYOUT_NONE) {
        return;
    }
    if (bits != 0) {
        append_bits(run->roster, whole, offset, bit, bits, out);
    } else {
        (void)path_append(run->roster, &whole, offset, wanted, out);
    }
}
