#define _GNU_SOURCE
#include "module/library.h"

#include "module/library_parts.h"

#include "base/path.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the file says about itself, before any of its code runs. */
static bool read_facts(const char *path, const char *name, struct elf_facts *facts,
                       struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    struct error why;
    bool ok = false;
    if (fd < 0) {
        return error_errno(err, "%s cannot be opened", name);
    }
    if (fstat(fd, &st) != 0) {
        (void)error_errno(err, "%s cannot be opened", name);
    } else if (!S_ISREG(st.st_mode)) {
        (void)error_set(err, ERROR_FORMAT, "%s is not a regular file", name);
    } else if (!elf_file_facts(fd, (uint64_t)st.st_size, facts, &why)) {
        (void)error_set(err, why.code, "%s cannot be loaded: %s", name, why.text);
    } else {
        ok = true;
    }
    (void)close(fd);
    return ok;
}

struct library *library_open(const char *path, const char *name, const struct elf_facts *facts,
                             struct error *err)
{
    struct library *library = calloc(1, sizeof *library);
    struct link_map *map = NULL;
    if (library == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no memory to load %s", name);
        return NULL;
    }
    /* Without a slash, dlopen would search the system's folders. */
    if (asprintf(&library->path, "%s%s", strchr(path, '/') != NULL ? "" : "./", path) < 0) {
        library->path = NULL;
    }
    library->name = strdup(name);
    if (library->path == NULL || library->name == NULL) {
        (void)error_set(err, ERROR_SYSTEM, "no memory to load %s", name);
        goto fail;
    }
    if (facts != NULL) {
        library->facts = *facts;
    } else if (!read_facts(library->path, name, &library->facts, err)) {
        goto fail;
    }
    if (!load_sanitizer_check(&library->facts, name, err)) {
        goto fail;
    }
    library->handle = dlopen(library->path, RTLD_NOW | RTLD_LOCAL);
    if (library->handle == NULL) {
        load_error_fill(library->path, name, err);
        goto fail;
    }
    if (dlinfo(library->handle, RTLD_DI_LINKMAP, &map) != 0 ||
        !mapping_read(map, &library->mapping)) {
        (void)error_set(err, ERROR_INTERNAL, "%s was loaded, but the loader does not list it",
                        name);
        goto fail;
    }
    return library;

fail:
    if (library->handle != NULL) {
        (void)dlclose(library->handle);
    }
    library_abandon(library);
    return NULL;
}

bool library_contains(const struct library *library, const void *address)
{
    return mapping_segment_of(&library->mapping, (uintptr_t)address, 1, 0) != NULL;
}

void library_each_data(const struct library *library,
                       void (*visit)(void *ctx, const void *bytes, size_t size), void *ctx)
{
    const struct mapping *mapping = &library->mapping;
    for (size_t i = 0; i < mapping->segment_count; i++) {
        const struct mapping_segment *segment = &mapping->segments[i];
        uintptr_t start = (segment->start + 7) / 8 * 8, end = segment->start + segment->size;
        if ((segment->flags & PF_W) != 0 && start < end) {
            visit(ctx, (const void *)start, end - start);
        }
    }
}

uintptr_t library_base(const struct library *library)
{
    return library->mapping.bias;
}

size_t library_mapped(const struct library *library)
{
    return mapping_span(&library->mapping);
}

const char *library_owner(const void *address, char *out, size_t len)
{
    Dl_info info;
    out[0] = '\0';
    if (dladdr(address, &info) != 0 && info.dli_fname != NULL) {
        const char *file = path_base(info.dli_fname);
        const char *end = strstr(file, ".so");
        int keep = (int)(end != NULL ? end - file : (ptrdiff_t)strlen(file));
        if (info.dli_sname != NULL) {
            (void)snprintf(out, len, "%.*s's %s", keep, file, info.dli_sname);
        } else {
            (void)snprintf(out, len, "code of %.*s", keep, file);
        }
    }
    return out;
}

void library_abandon(struct library *library)
{
    if (library != NULL) {
        free(library->name);
        free(library->path);
        free(library);
    }
}

bool library_close(struct library *library, struct error *reason)
{
    if (library == NULL) {
        return true;
    }
    bool gone = false;
    if (dlclose(library->handle) != 0) {
        const char *text = dlerror();
        (void)error_set(reason, ERROR_INTERNAL, "%s was not closed: %s", library->name,
                        text != NULL ? text : "no reason given");
    } else {
        gone = !residency_find(library, reason);
    }
    library_abandon(library);
    return gone;
}
