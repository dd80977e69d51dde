#include "host/edits.h"

#include "base/file.h"
#include "host/carry.h"
#include "host/host.h"
#include "host/views.h"
#include "state/diff.h"
#include "state/edit_list.h"
#include "state/pointer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOLD_MOST  8  /* values that the module has changed */
#define VALUE_MOST 60 /* bytes of one that are shown */

/* ---- taking ---- */

void edits_take(struct host *host, uint64_t generation, int fd)
{
    struct edits *edits = &host->edits;
    edits_forget(host);
    if (fd < 0) {
        return;
    }
    if (file_read_from_begin(fd, &edits->bytes) && edits->bytes.len > 0) {
        edits->list = edit_list_read(edits->bytes.data, edits->bytes.len, &edits->count);
    }
    (void)close(fd);
    edits->generation = edits->list != NULL ? generation : 0;
}

void edits_forget(struct host *host)
{
    free(host->edits.list);
    text_finish(&host->edits.bytes);
    host->edits = (struct edits){0};
}

/* ---- applying ---- */

bool edits_are_possible(struct swap *swap)
{
    swap->stage = SWAP_EDIT;
    if (swap->host->edits.generation != swap->load->generation) {
        return error_set(&swap->err, ERROR_SYSTEM,
                         "no memory or no descriptor for what is to be changed: try again");
    }
    const struct generation *old = swap->old;
    return (old->module->serialize != NULL && old->module->deserialize != NULL) ||
           (old->module->serialize == NULL && views_has_parts(swap->old)) ||
           error_set(&swap->err, ERROR_REFUSED,
                     "the module has neither serialize and deserialize nor debug info that names "
                     "what its state is: write them, or compile with -g");
}

bool edits_apply(struct swap *swap)
{
    struct host *host = swap->host;
    struct text edited = {.limit = host->setup.state_max_json};
    swap->stage = SWAP_EDIT;
    if (!edit_apply(text_string(&host->json), host->json.len, host->edits.list, host->edits.count,
                    &edited, &swap->err)) {
        text_finish(&edited);
        return false;
    }
    text_finish(&host->json);
    host->json = edited;
    return true;
}

/* ---- comparing ---- */

/* Whether `pointer` names what `other` does, or something in it. */
static bool is_within(const char *pointer, const char *other)
{
    size_t len = strlen(other);
    return strncmp(pointer, other, len) == 0 && (pointer[len] == '\0' || pointer[len] == '/');
}

/* Whether the patch says something of what stands at `pointer` below the place that it is for. */
static bool is_patched(const struct edit *edit, const char *pointer)
{
    char part[POINTER_MOST + 1];
    size_t len = strlen(pointer);
    struct span span;
    struct error none;
    if (len > POINTER_MOST) {
        return true;
    }
    memcpy(part, pointer, len + 1);
    if (pointer_find(edit->value, edit->value_len, part, &span, &none)) {
        return true;
    }
    while (len > 0) {
        while (len > 0 && part[--len] != '/') {
        }
        part[len] = '\0';
        if (pointer_find(edit->value, edit->value_len, part, &span, &none)) {
            return edit->value[span.start] !=
                   '{'; /* an object leaves alone what it does not name */
        }
    }
    return false;
}

static bool is_edited(const struct edit *edit, const char *pointer)
{
    char place[POINTER_MOST + 1];
    size_t len = strlen(edit->pointer);
    if (len > POINTER_MOST) {
        return false;
    }
    memcpy(place, edit->pointer, len + 1);
    if (len >= 2 && strcmp(place + len - 2, "/-") == 0) {
        place[len - 2] = '\0'; /* where it was appended to is told by its array */
    }
    if (is_within(place, pointer)) {
        return true;
    }
    return is_within(pointer, place) &&
           (edit->kind != EDIT_MERGE || is_patched(edit, pointer + strlen(place)));
}

struct comparison {
    struct swap *swap;
    unsigned told;
};

static bool take_difference(void *ctx, const struct difference *difference)
{
    struct comparison *comparison = ctx;
    struct swap *swap = comparison->swap;
    const struct edits *edits = &swap->host->edits;
    struct text *told = &swap->adjusted;
    bool ours = false;
    for (size_t i = 0; i < edits->count && !ours; i++) {
        ours = is_edited(&edits->list[i], difference->pointer);
    }
    if (!ours) {
        return true;
    }
    if (comparison->told++ == TOLD_MOST) {
        (void)(told->len > 0 && text_append(told, "", 1));
        (void)text_puts(told, "and more");
        return false;
    }
    const char *made = difference->after;
    size_t shown = difference->after_len < VALUE_MOST ? difference->after_len : VALUE_MOST;
    while (shown < difference->after_len && shown > 0 &&
           ((unsigned char)made[shown] & 0xc0) == 0x80) {
        shown--;
    }
    (void)(told->len > 0 && text_append(told, "", 1));
    if (made == NULL) {
        (void)text_printf(told, "%.200s: the module has dropped it", difference->pointer);
    } else if (difference->before == NULL) {
        (void)text_printf(told, "%.200s: the module still has it: %.*s%s", difference->pointer,
                          (int)shown, made, shown < difference->after_len ? "..." : "");
    } else {
        (void)text_printf(told, "%.200s: the module made %.*s%s of it", difference->pointer,
                          (int)shown, made, shown < difference->after_len ? "..." : "");
    }
    return true;
}

void edits_compare(struct swap *swap)
{
    const struct text *asked = &swap->host->json;
    const struct text *made = &swap->host->json_after;
    struct comparison comparison = {.swap = swap};
    struct error err;
    if (!diff_json(text_string(asked), asked->len, text_string(made), made->len, take_difference,
                   &comparison, &err)) {
        host_note(swap->host, LOG_WARN, "what the module made of the edit is not told: %s",
                  err.text);
    }
}
