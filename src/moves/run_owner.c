#include "moves/run.h"

/* Whether some pointer in it would get the target's value. */
static bool resets(struct run *run, uint32_t number, const unsigned char *from)
{
    const struct pair *pair = &run->plan->pairs->list[number];
    for (uint32_t i = 0; i < pair->count; i++) {
        const struct move *move = &run->plan->pairs->moves[pair->first + i];
        if (move->kind == MOVE_POINTER && run_pointer_resets(run, move, from + move->from)) {
            return true;
        }
        bool each = move->kind == MOVE_EACH &&
                    (run->plan->pairs->list[move->pair].flags & PAIR_POINTERS) != 0;
        for (uint64_t k = 0; each && k < move->count; k++) {
            if (resets(run, move->pair, from + move->from + k * move->from_step)) {
                return true;
            }
        }
    }
    return false;
}

bool run_owner_stays(struct run *run, uint32_t number, const unsigned char *from,
                     const unsigned char *to)
{
    const struct pair *pair = &run->plan->pairs->list[number];
    if ((pair->flags & PAIR_OWNER) == 0 || run->image->alive || !resets(run, number, from)) {
        return false;
    }
    struct text path = {0};
    if (run_names(run, FINDING_KEPT)) {
        run_path(run, to, pair->to, 0, 0, &path);
        findings_add(run->findings, FINDING_KEPT,
                     "%s: held memory that is gone, and has its default", text_string(&path));
    }
    text_finish(&path);
    return true;
}
