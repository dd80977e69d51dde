#include "supervisor/build.h"

#include "base/path.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct build *build_create(uint64_t generation, char *path, const struct stage *stage)
{
    struct build *build = calloc(1, sizeof *build);
    if (build == NULL) {
        (void)unlink(path);
        free(path);
        return NULL;
    }
    *build =
        (struct build){.references = 1, .generation = generation, .path = path, .stage = *stage};
    return build;
}

struct build *build_keep(struct build *build)
{
    if (build != NULL) {
        build->references++;
    }
    return build;
}

void build_drop(struct build **build)
{
    struct build *dropped = *build;
    *build = NULL;
    if (dropped != NULL && --dropped->references == 0) {
        (void)unlink(dropped->path);
        layout_drop(&dropped->layout);
        free(dropped->why);
        free(dropped->path);
        free(dropped);
    }
}

static const size_t quarantine_size = sizeof((struct quarantine *)0)->hashes / sizeof(struct hash);

static size_t quarantine_used(const struct quarantine *quarantine)
{
    return quarantine->count < quarantine_size ? (size_t)quarantine->count : quarantine_size;
}

bool quarantine_has(const struct quarantine *quarantine, struct hash hash)
{
    for (size_t i = 0; i < quarantine_used(quarantine); i++) {
        if (hash_equal(quarantine->hashes[i], hash)) {
            return true;
        }
    }
    return false;
}

void quarantine_add(struct quarantine *quarantine, struct hash hash)
{
    if (!quarantine_has(quarantine, hash)) {
        quarantine->hashes[quarantine->count++ % quarantine_size] = hash;
    }
}

void quarantine_remove(struct quarantine *quarantine, struct hash hash)
{
    for (size_t i = 0; i < quarantine_used(quarantine); i++) {
        if (hash_equal(quarantine->hashes[i], hash)) {
            quarantine->hashes[i] = (struct hash){0, 0};
        }
    }
}

char *build_file_name(const char *pattern, const char *library, uint64_t generation)
{
    struct text name = {0};
    const char *base = path_base(library);
    size_t stem = strcspn(base, ".");
    for (const char *at = pattern; *at != '\0';) {
        if (strncmp(at, "{name}", 6) == 0) {
            text_append(&name, base, stem);
            at += 6;
        } else if (strncmp(at, "{pid}", 5) == 0) {
            text_printf(&name, "%ld", (long)getpid());
            at += 5;
        } else if (strncmp(at, "{generation}", 12) == 0) {
            text_printf(&name, "%llu", (unsigned long long)generation);
            at += 12;
        } else {
            text_append(&name, at++, 1);
        }
    }
    if (name.failed) {
        text_finish(&name);
        return NULL;
    }
    return name.data;
}
