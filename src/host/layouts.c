#include "host/layouts.h"

#include "moves/plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct layout *read_layout(int fd, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        (void)error_errno(err, "a layout cannot be read");
        return NULL;
    }
    if (st.st_size <= 0 || (uint64_t)st.st_size > LAYOUT_BYTES_MOST) {
        (void)error_set(err, ERROR_FORMAT, "a layout of %lld bytes is none", (long long)st.st_size);
        return NULL;
    }
    size_t len = (size_t)st.st_size;
    void *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        (void)error_errno(err, "a layout cannot be read");
        return NULL;
    }
    struct layout *layout = layout_open(bytes, len, err);
    (void)munmap(bytes, len);
    return layout;
}

struct layout *layouts_take(struct layouts *layouts, uint64_t hash, int fd, struct error *err)
{
    if (fd < 0) {
        (void)error_set(err, ERROR_SYSTEM, "no descriptor for a layout");
        return NULL;
    }
    struct layout *known = layouts_find(layouts, hash);
    struct layout *layout = known != NULL ? known : read_layout(fd, err);
    (void)close(fd);
    if (layout == NULL || layout == known) {
        return layout;
    }
    if (layout->head->hash != hash) {
        layout_drop(&layout);
        (void)error_set(err, ERROR_FORMAT, "a layout came under the name of another one");
        return NULL;
    }
    layout_drop(&layouts->list[layouts->next]);
    layouts->list[layouts->next] = layout;
    layouts->next = (layouts->next + 1) % LAYOUTS_MOST;
    return layout;
}

struct layout *layouts_find(const struct layouts *layouts, uint64_t hash)
{
    for (size_t i = 0; i < LAYOUTS_MOST; i++) {
        if (layouts->list[i] != NULL && layouts->list[i]->head->hash == hash) {
            return layouts->list[i];
        }
    }
    return NULL;
}

static void forget_plan(struct layouts *layouts)
{
    plan_destroy(layouts->plan);
    layouts->plan = NULL;
    layout_drop(&layouts->from);
    layout_drop(&layouts->to);
}

void layouts_plan_ahead(struct layouts *layouts, struct layout *from, struct layout *to)
{
    struct error unused;
    forget_plan(layouts);
    layouts->plan = plan_create(from, to, &unused);
    if (layouts->plan != NULL) {
        layouts->from = layout_keep(from);
        layouts->to = layout_keep(to);
    }
}

struct plan *layouts_plan(struct layouts *layouts, const struct layout *from,
                          const struct layout *to, struct error *err)
{
    struct plan *plan = layouts->from == from && layouts->to == to ? layouts->plan : NULL;
    if (plan == NULL) {
        return plan_create(from, to, err);
    }
    layouts->plan = NULL;
    forget_plan(layouts); /* who has the plan has both layouts */
    return plan;
}

void layouts_finish(struct layouts *layouts)
{
    forget_plan(layouts);
    for (size_t i = 0; i < LAYOUTS_MOST; i++) {
        layout_drop(&layouts->list[i]);
    }
    *layouts = (struct layouts){0};
}

/* ---- texts ---- */

struct kept_text {
    struct kept_text *next;
    size_t len;
    char bytes[];
};

const void *kept_texts_add(struct kept_texts *texts, const void *bytes, size_t len)
{
    for (const struct kept_text *text = texts->first; text != NULL; text = text->next) {
        if (text->len == len && memcmp(text->bytes, bytes, len) == 0) {
            return text->bytes;
        }
    }
    struct kept_text *text = malloc(sizeof *text + len);
    if (text == NULL) {
        return NULL;
    }
    text->next = texts->first;
    text->len = len;
    memcpy(text->bytes, bytes, len);
    texts->first = text;
    return text->bytes;
}

void kept_texts_finish(struct kept_texts *texts)
{
    while (texts->first != NULL) {
        struct kept_text *text = texts->first;
        texts->first = text->next;
        free(text);
    }
}
