#include "inspect/debug_file.h"

#include "base/path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Elf *open_elf(const char *path, int *fd)
{
    struct stat st;
    Elf *elf = NULL;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd >= 0 && fstat(*fd, &st) == 0 && S_ISREG(st.st_mode)) {
        elf = elf_begin(*fd, ELF_C_READ_MMAP_PRIVATE, NULL);
    }
    if (elf != NULL && elf_kind(elf) != ELF_K_ELF) {
        (void)elf_end(elf);
        elf = NULL;
    }
    if (elf == NULL && *fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
    return elf;
}

/* Debug info that has no units says nothing. */
static Dwarf *open_dwarf(Elf *elf)
{
    Dwarf *dwarf = elf == NULL ? NULL : dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    Dwarf_CU *unit = NULL;
    if (dwarf != NULL && dwarf_get_units(dwarf, NULL, &unit, NULL, NULL, NULL, NULL) != 0) {
        (void)dwarf_end(dwarf);
        dwarf = NULL;
    }
    return dwarf;
}

bool debug_file_open(struct debug_file *file, const char *path, const char *origin,
                     struct error *err)
{
    *file = (struct debug_file){.fd = -1, .apart_fd = -1};
    (void)origin;
    file->elf = open_elf(path, &file->fd);
    if (file->elf == NULL) {
        return error_set(err, ERROR_FORMAT, "%s cannot be read as a library", path_base(path));
    }
    file->dwarf = open_dwarf(file->elf);
    if (file->dwarf == NULL) {
        debug_file_close(file);
        return error_set(err, ERROR_MISSING, "%s has no debug info: compile it with -g",
                         path_base(path));
    }
    return true;
}

void debug_file_close(struct debug_file *file)
{
    if (file->dwarf != NULL) {
        (void)dwarf_end(file->dwarf);
    }
    if (file->apart != NULL) {
        (void)elf_end(file->apart);
    }
    if (file->elf != NULL) {
        (void)elf_end(file->elf);
    }
    if (file->apart_fd >= 0) {
        (void)close(file->apart_fd);
    }
    if (file->fd >= 0) {
        (void)close(file->fd);
    }
    *file = (struct debug_file){.fd = -1, .apart_fd = -1};
}

const void *debug_file_bytes(const struct debug_file *file, uint64_t address, uint64_t size)
{
    size_t count, len;
    const char *bytes = elf_rawfile(file->elf, &len);
    if (bytes == NULL || elf_getphdrnum(file->elf, &count) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr phdr;
        if (gelf_getphdr(file->elf, (int)i, &phdr) == NULL || phdr.p_type != PT_LOAD ||
            address < phdr.p_vaddr || address - phdr.p_vaddr > phdr.p_filesz ||
            size > phdr.p_filesz - (address - phdr.p_vaddr)) {
            continue;
        }
        uint64_t offset;
        if (__builtin_add_overflow(phdr.p_offset, address - phdr.p_vaddr, &offset) ||
            offset > len || size > len - offset) {
            return NULL;
        }
        return bytes + offset;
    }
    return NULL;
}

Elf_Scn *debug_file_section(const struct debug_file *file, uint64_t address, GElf_Shdr *header)
{
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(file->elf, scn)) != NULL;) {
        if (gelf_getshdr(scn, header) != NULL && (header->sh_flags & SHF_ALLOC) != 0 &&
            address >= header->sh_addr && address - header->sh_addr < header->sh_size) {
            return scn;
        }
    }
    return NULL;
}
