/* Why a library stays in the process after its dlclose, which reports success either way. The
 * loader keeps its reasons to itself, so each cause is recognised by its traces, the certain ones
 * first. */
#define _GNU_SOURCE
#include "module/library_parts.h"

#include "base/path.h"

#include <dlfcn.h>
#include <string.h>

/* Something that holds a library: another one that needs it, or is bound to a symbol of it. */
struct holder {
    const struct library *library;
    const struct mapping *user; /* whose uses are being walked */
    const char *symbol;         /* NULL: none found */
};

static bool has_name(const struct library *library, const char *needed)
{
    for (const Elf64_Dyn *entry = library->mapping.dynamic; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SONAME &&
            strcmp(library->mapping.strings + entry->d_un.d_val, needed) == 0) {
            return true;
        }
    }
    return strcmp(needed, library->path) == 0 || strcmp(needed, path_base(library->path)) == 0;
}

static bool needs(const struct mapping *user, const struct library *library)
{
    for (const Elf64_Dyn *entry = user->dynamic; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_NEEDED && user->strings != NULL &&
            has_name(library, user->strings + entry->d_un.d_val)) {
            return true;
        }
    }
    return false;
}

static bool find_use(void *context, uint32_t symbol, const uintptr_t *slot, const Elf64_Rela *rela)
{
    struct holder *holder = context;
    (void)rela;
    if (mapping_segment_of(&holder->library->mapping, *slot, 1, 0) == NULL) {
        return true;
    }
    const Elf64_Sym *entry = &holder->user->symbols[symbol];
    holder->symbol = holder->user->strings + entry->st_name;
    return false;
}

static bool find_holder(const struct library *library, const struct link_map *own,
                        struct error *reason)
{
    const struct link_map *map = own;
    while (map->l_prev != NULL) {
        map = map->l_prev;
    }
    for (; map != NULL; map = map->l_next) {
        struct mapping user;
        if (map == own || map->l_name == NULL || map->l_name[0] == '\0' || map->l_ld == NULL ||
            !mapping_read(map, &user)) {
            continue;
        }
        const char *name = path_base(map->l_name);
        struct holder holder = {library, &user, NULL};
        if (needs(&user, library)) {
            (void)error_set(reason, ERROR_BUSY, "%s, which is still loaded, depends on it", name);
            return true;
        }
        mapping_each_use(&user, find_use, &holder);
        if (holder.symbol != NULL) {
            (void)error_set(reason, ERROR_BUSY,
                            "%s, which stays loaded, uses its symbol %s: compile it with "
                            "-fvisibility=hidden",
                            name, holder.symbol);
            return true;
        }
    }
    return false;
}

/* The loader's entry for the library, if it still has one. Another library may lie at the same
 * address by then, and another file may have the same path: both must be the same. */
static int find_entry(struct dl_phdr_info *info, size_t size, void *context)
{
    const struct library *library = context;
    (void)size;
    return info->dlpi_addr == library->mapping.bias && info->dlpi_name != NULL &&
           strcmp(info->dlpi_name, library->path) == 0;
}

bool residency_find(const struct library *library, struct error *reason)
{
    if (dl_iterate_phdr(find_entry, (void *)(uintptr_t)library) == 0) {
        return false;
    }
    /* Only a look: the handle is given back before anything else. */
    void *handle = dlopen(library->path, RTLD_LAZY | RTLD_NOLOAD);
    struct link_map *map = NULL;
    if (handle != NULL && dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) {
        map = NULL;
    }
    const struct elf_facts *facts = &library->facts;
    if (facts->nodelete) {
        (void)error_set(reason, ERROR_BUSY, "it is linked with -z nodelete");
    } else if (map != NULL && find_holder(library, map, reason)) {
        /* reason is filled */
    } else if (facts->unique_symbol[0] != '\0') {
        (void)error_set(reason, ERROR_BUSY,
                        "it exports a unique symbol, %s (a C++ inline variable or template "
                        "static): compile it with -fno-gnu-unique",
                        facts->unique_symbol);
    } else if (facts->thread_destructors) {
        (void)error_set(reason, ERROR_BUSY,
                        "a thread still has a C++ thread_local object of it, whose destructor is "
                        "code of it");
    } else {
        (void)error_set(reason, ERROR_BUSY,
                        "something opened it a second time and has not closed it");
    }
    if (handle != NULL) {
        (void)dlclose(handle);
    }
    return true;
}
