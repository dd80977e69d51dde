#include "state/manner.h"

#include <string.h>

static void copy(char out[MANNER_MOST], const char *from, const char *to)
{
    size_t len = (size_t)(to - from);
    if (len < MANNER_MOST) {
        memcpy(out, from, len);
        out[len] = '\0';
    }
}

static void take_gap(struct manner *manner, const struct members *members)
{
    if (members->key != NULL) {
        copy(manner->gap, members->key + members->key_len + 1, members->value);
    }
}

/* Lines of their own, one step deeper, when `lead` is a line's end and `depth` equal steps. */
static void indent(struct manner *manner, const char *lead, unsigned depth)
{
    size_t ends = strspn(lead, "\r\n");
    size_t len = strlen(lead + ends);
    size_t step = depth == 0 ? 0 : len / depth;
    if (ends == 0 || step == 0 || step * depth != len || ends + len + step >= MANNER_MOST ||
        strspn(lead + ends, " ") + strspn(lead + ends, "\t") != len) {
        return;
    }
    (void)memcpy(manner->tail, lead, ends + len + 1);
    (void)memcpy(manner->lead, lead, ends + len);
    (void)memset(manner->lead + ends + len, lead[ends], step);
    manner->lead[ends + len + step] = '\0';
}

void manner_of(struct manner *manner, const struct members *holder, const struct members *outer,
               unsigned depth)
{
    char lead[MANNER_MOST] = "";
    *manner = (struct manner){.gap = ":"};
    if (holder->count > 0) {
        copy(manner->next, members_lead(holder), holder->start);
        take_gap(manner, holder);
    } else if (outer->at != NULL) {
        copy(lead, members_lead(outer), outer->start);
        if (lead[0] != '\0') {
            (void)strcpy(manner->gap, ": ");
        }
        take_gap(manner, outer);
        indent(manner, lead, depth);
        (void)strcpy(manner->next, manner->lead);
    }
    /* {"a": 1, "b": 2}: one member alone does not show it */
    if (holder->count < 2 && manner->next[0] == '\0' &&
        manner->gap[strlen(manner->gap) - 1] == ' ') {
        (void)strcpy(manner->next, " ");
    }
}
