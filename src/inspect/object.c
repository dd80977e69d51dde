#include "inspect/object.h"

#include "inspect/symbols.h"
#include "inspect/units.h"
#include "link/naming.h"

#include <fcntl.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct object *object_open(const char *path)
{
    struct object *object = calloc(1, sizeof *object);
    if (object == NULL) {
        return NULL;
    }
    object->path = strdup(path);
    object->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (object->path == NULL || object->fd < 0 || fstat(object->fd, &object->file) != 0 ||
        !S_ISREG(object->file.st_mode)) {
        goto fail;
    }
    object->written_ns =
        (int64_t)object->file.st_mtim.tv_sec * INT64_C(1000000000) + object->file.st_mtim.tv_nsec;
    object->elf = elf_begin(object->fd, ELF_C_READ_MMAP_PRIVATE, NULL);
    if (object->elf == NULL || elf_kind(object->elf) != ELF_K_ELF) {
        goto fail;
    }
    if (!naming_is_system(path)) {
        object->dwarf = dwarf_begin_elf(object->elf, DWARF_C_READ, NULL);
    }
    object->units = object->dwarf == NULL ? NULL : units_create(object->dwarf);
    return object;
fail:
    object_close(object);
    return NULL;
}

void object_close(struct object *object)
{
    if (object == NULL) {
        return;
    }
    units_destroy(object->units);
    symbols_destroy(object->symbols);
    if (object->dwarf != NULL) {
        (void)dwarf_end(object->dwarf);
    }
    if (object->elf != NULL) {
        (void)elf_end(object->elf);
    }
    if (object->fd >= 0) {
        (void)close(object->fd);
    }
    free(object->path);
    free(object);
}

const char *object_symbol(struct object *object, uint64_t address, uint64_t *past)
{
    if (object->symbols == NULL) {
        object->symbols = symbols_create(object->elf);
    }
    return object->symbols == NULL ? NULL : symbols_find(object->symbols, address, past);
}

bool object_is_current(const struct object *object)
{
    struct stat st;
    return stat(object->path, &st) != 0 ||
           (st.st_ino == object->file.st_ino && st.st_dev == object->file.st_dev &&
            st.st_size == object->file.st_size &&
            st.st_mtim.tv_sec == object->file.st_mtim.tv_sec &&
            st.st_mtim.tv_nsec == object->file.st_mtim.tv_nsec);
}

bool object_is_gone(const struct object *object)
{
    return access(object->path, F_OK) != 0;
}
