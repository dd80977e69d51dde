#include "inspect/package.h"

#include "base/text.h"
#include "inspect/debug_file.h"
#include "inspect/die.h"
#include "inspect/package_index.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_MOST     4096
#define SECTIONS_MOST 8

struct opened { /* one unit as a library of its own */
    uint64_t id;
    bool type;
    struct text image;
    Elf *elf;
    Dwarf *dwarf; /* NULL: it is not there, or damaged */
};

struct package {
    int fd;
    Elf *elf;
    struct opened *list[OPEN_MOST];
    size_t count;
};

struct package *package_open(const char *path)
{
    struct stat st;
    struct package *package = calloc(1, sizeof *package);
    if (package == NULL) {
        return NULL;
    }
    package->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (package->fd < 0 || fstat(package->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        goto fail;
    }
    package->elf = elf_begin(package->fd, ELF_C_READ_MMAP_PRIVATE, NULL);
    if (package->elf == NULL || elf_kind(package->elf) != ELF_K_ELF) {
        goto fail;
    }
    return package;
fail:
    package_close(package);
    return NULL;
}

static void opened_free(struct opened *opened)
{
    if (opened->dwarf != NULL) {
        (void)dwarf_end(opened->dwarf);
    }
    if (opened->elf != NULL) {
        (void)elf_end(opened->elf);
    }
    text_finish(&opened->image);
    free(opened);
}

void package_close(struct package *package)
{
    if (package == NULL) {
        return;
    }
    for (size_t i = 0; i < package->count; i++) {
        opened_free(package->list[i]);
    }
    if (package->elf != NULL) {
        (void)elf_end(package->elf);
    }
    if (package->fd >= 0) {
        (void)close(package->fd);
    }
    free(package);
}

/* ---- a library in memory ---- */

struct section {
    const char *name;
    const unsigned char *bytes;
    size_t size;
};

/* Headers first, then contents, then names: nothing else is in it. */
static bool write_image(struct text *image, const struct section *sections, size_t count)
{
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_REL,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_shoff = sizeof header,
        .e_ehsize = sizeof header,
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = (Elf64_Half)(count + 2),
        .e_shstrndx = (Elf64_Half)(count + 1)};
    Elf64_Shdr table[SECTIONS_MOST + 2] = {{.sh_name = 0}};
    uint64_t at = sizeof header + (count + 2) * sizeof table[0];
    Elf64_Word name = 1;
    for (size_t i = 0; i < count; i++) {
        table[i + 1] = (Elf64_Shdr){.sh_name = name,
                                    .sh_type = SHT_PROGBITS,
                                    .sh_offset = at,
                                    .sh_size = sections[i].size,
                                    .sh_addralign = 1};
        at += sections[i].size;
        name += (Elf64_Word)strlen(sections[i].name) + 1;
    }
    table[count + 1] =
        (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = at, .sh_size = name, .sh_addralign = 1};
    (void)text_append(image, &header, sizeof header);
    (void)text_append(image, table, (count + 2) * sizeof table[0]);
    for (size_t i = 0; i < count; i++) {
        (void)text_append(image, sections[i].bytes, sections[i].size);
    }
    (void)text_append(image, "", 1);
    for (size_t i = 0; i < count; i++) {
        (void)text_append(image, sections[i].name, strlen(sections[i].name) + 1);
    }
    return !image->failed;
}

/* Adds the part of the package's section; false: it is not whole. */
static bool add_part(const struct package *package, const char *name,
                     const struct package_part *part, const char *as, struct section *sections,
                     size_t *count)
{
    size_t size;
    if (part->size == 0) {
        return true;
    }
    const unsigned char *bytes = debug_file_table(package->elf, name, &size);
    if (bytes == NULL || part->offset > size || part->size > size - part->offset) {
        return false;
    }
    sections[(*count)++] = (struct section){as, bytes + part->offset, part->size};
    return true;
}

static bool open_parts(const struct package *package, const struct package_parts *parts,
                       const struct section *addresses, struct opened *opened)
{
    static const struct {
        enum package_section section;
        const char *name, *as;
    } rows[] = {{PACKAGE_INFO, ".debug_info.dwo", ".debug_info"},
                {PACKAGE_TYPES, ".debug_types.dwo", ".debug_types"},
                {PACKAGE_ABBREV, ".debug_abbrev.dwo", ".debug_abbrev"},
                {PACKAGE_STR_OFFSETS, ".debug_str_offsets.dwo", ".debug_str_offsets"}};
    struct section sections[SECTIONS_MOST];
    struct section strings = {.name = ".debug_str"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!add_part(package, rows[i].name, &parts->of[rows[i].section], rows[i].as, sections,
                      &count)) {
            return false;
        }
    }
    strings.bytes = debug_file_table(package->elf, ".debug_str.dwo", &strings.size);
    if (strings.bytes != NULL) {
        sections[count++] = strings;
    }
    if (addresses != NULL) {
        sections[count++] = *addresses;
    }
    if (parts->of[PACKAGE_INFO].size == 0) { /* libdw takes no types alone */
        sections[count++] = (struct section){".debug_line", (const unsigned char *)"", 1};
    }
    if (!write_image(&opened->image, sections, count)) {
        return false;
    }
    opened->elf = elf_memory(opened->image.data, opened->image.len);
    opened->dwarf = opened->elf == NULL ? NULL : dwarf_begin_elf(opened->elf, DWARF_C_READ, NULL);
    return opened->dwarf != NULL;
}

/* ---- looking up ---- */

/* Opens it the first time. NULL: it is not there. */
static Dwarf *take(struct package *package, uint64_t id, bool type, const struct section *addresses)
{
    struct package_parts parts;
    size_t size = 0;
    for (size_t i = 0; i < package->count; i++) {
        if (package->list[i]->id == id && package->list[i]->type == type) {
            return package->list[i]->dwarf;
        }
    }
    struct opened *opened = package->count == OPEN_MOST ? NULL : calloc(1, sizeof(struct opened));
    if (opened == NULL) {
        return NULL;
    }
    opened->id = id;
    opened->type = type;
    package->list[package->count++] = opened;
    const unsigned char *index =
        debug_file_table(package->elf, type ? ".debug_tu_index" : ".debug_cu_index", &size);
    if (package_index_find(index, size, id, &parts)) {
        (void)open_parts(package, &parts, addresses, opened);
    }
    return opened->dwarf;
}

/* The addresses of the library's unit, which its contents name by number. */
static bool find_addresses(Dwarf_Die *skeleton, struct section *addresses)
{
    uint64_t base;
    size_t size;
    const unsigned char *bytes =
        debug_file_table(dwarf_getelf(dwarf_cu_getdwarf(skeleton->cu)), ".debug_addr", &size);
    if (bytes == NULL || (!die_unsigned(skeleton, DW_AT_addr_base, &base) &&
                          !die_unsigned(skeleton, DW_AT_GNU_addr_base, &base))) {
        return false;
    }
    *addresses = (struct section){".debug_addr", bytes + (base < size ? base : size),
                                  base < size ? size - base : 0};
    return true;
}

bool package_unit(struct package *package, Dwarf_Die *skeleton, uint64_t id, Dwarf_Die *contents)
{
    struct section addresses;
    bool known = find_addresses(skeleton, &addresses);
    Dwarf *dwarf = take(package, id, false, known ? &addresses : NULL);
    Dwarf_CU *cu = NULL;
    while (dwarf != NULL && dwarf_get_units(dwarf, cu, &cu, NULL, NULL, contents, NULL) == 0) {
        if (dwarf_tag(contents) == DW_TAG_compile_unit) {
            return true;
        }
    }
    return false;
}

bool package_type(struct package *package, uint64_t signature, Dwarf_Die *type)
{
    Dwarf *dwarf = take(package, signature, true, NULL);
    Dwarf_CU *cu = NULL;
    Dwarf_Die unit;
    uint64_t id;
    if (dwarf == NULL) {
        return false;
    }
    while (dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL) == 0) {
        if (dwarf_cu_info(cu, NULL, NULL, NULL, type, &id, NULL, NULL) == 0 && id == signature &&
            type->addr != NULL) {
            return true;
        }
    }
    Dwarf_Off next, at; /* DWARF 4 */
    size_t header;
    return dwarf_next_unit(dwarf, 0, &next, &header, NULL, NULL, NULL, NULL, &id, &at) == 0 &&
           id == signature && dwarf_offdie_types(dwarf, at, type) != NULL;
}
