#include "inspect/debug_file.h"

#include "base/path.h"
#include "base/text.h"
#include "inspect/package.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEBUG_FOLDER "/usr/lib/debug"

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

static Elf_Scn *find_named(Elf *elf, const char *wanted, GElf_Shdr *header)
{
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0) {
        return NULL;
    }
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn)) != NULL;) {
        const char *name =
            gelf_getshdr(scn, header) == NULL ? NULL : elf_strptr(elf, names, header->sh_name);
        if (name != NULL && strcmp(name, wanted) == 0) {
            return scn;
        }
    }
    return NULL;
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

/* ---- debug info in a file of its own ---- */

struct link { /* what the library says of that file */
    const unsigned char *id;
    size_t id_len;    /* 0: it has no build-id */
    const char *name; /* NULL: it names none */
    uint32_t crc;
};

static uint32_t crc_of(const unsigned char *bytes, size_t len)
{
    uint32_t table[256], crc = UINT32_MAX;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) {
            table[i] = (table[i] >> 1) ^ ((table[i] & 1) != 0 ? UINT32_C(0xedb88320) : 0);
        }
    }
    for (size_t i = 0; i < len; i++) {
        crc = (crc >> 8) ^ table[(crc ^ bytes[i]) & 0xff];
    }
    return ~crc;
}

/* Its build-id is that of the library; without one, its bytes are those that were linked. */
static bool belongs(Elf *apart, const struct link *link)
{
    const void *id;
    size_t len = 0;
    if (link->id_len > 0) {
        ssize_t id_len = dwelf_elf_gnu_build_id(apart, &id);
        return id_len == (ssize_t)link->id_len && memcmp(id, link->id, link->id_len) == 0;
    }
    const char *bytes = elf_rawfile(apart, &len);
    return link->name != NULL && bytes != NULL &&
           crc_of((const unsigned char *)bytes, len) == link->crc;
}

static bool try_apart(struct debug_file *file, const struct link *link, const char *path)
{
    file->apart = open_elf(path, &file->apart_fd);
    if (file->apart != NULL && belongs(file->apart, link)) {
        file->dwarf = open_dwarf(file->apart);
    }
    if (file->dwarf == NULL && file->apart != NULL) {
        (void)elf_end(file->apart);
        (void)close(file->apart_fd);
        file->apart = NULL;
        file->apart_fd = -1;
    }
    return file->dwarf != NULL;
}

static bool try_id(struct debug_file *file, const struct link *link, const char *folder,
                   struct text *path)
{
    text_clear(path);
    (void)text_printf(path, "%s/.build-id/%02x/", folder, link->id[0]);
    for (size_t i = 1; i < link->id_len; i++) {
        (void)text_printf(path, "%02x", link->id[i]);
    }
    return text_puts(path, ".debug") && try_apart(file, link, path->data);
}

static bool try_name(struct debug_file *file, const struct link *link, const char *folder,
                     const char *name, const char *end, struct text *path)
{
    static const char *const forms[] = {"", "/.debug"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        text_clear(path);
        if (text_printf(path, "%s%s/%s%s", folder, forms[i], name, end) &&
            try_apart(file, link, path->data)) {
            return true;
        }
    }
    text_clear(path);
    return text_printf(path, DEBUG_FOLDER "%s%s/%s%s", *folder == '/' ? "" : "/", folder, name,
                       end) &&
           try_apart(file, link, path->data);
}

static void search_apart(struct debug_file *file, const char *origin)
{
    GElf_Word crc = 0;
    const void *id = NULL;
    ssize_t id_len = dwelf_elf_gnu_build_id(file->elf, &id);
    struct link link = {.id = id, .id_len = id_len > 0 ? (size_t)id_len : 0};
    struct text path = {.limit = 4096};
    char *folder = path_dir(origin);
    link.name = dwelf_elf_gnu_debuglink(file->elf, &crc);
    link.crc = crc;
    if (folder != NULL &&
        !(link.id_len > 0 &&
          (try_id(file, &link, DEBUG_FOLDER, &path) || try_id(file, &link, folder, &path))) &&
        !(link.name != NULL && try_name(file, &link, folder, path_base(link.name), "", &path)) &&
        link.id_len > 0) {
        (void)try_name(file, &link, folder, path_base(origin), ".debug", &path);
    }
    free(folder);
    text_finish(&path);
}

/* Beside the library, by its name or by that of its debug info. */
static void search_package(struct debug_file *file, const char *path, const char *origin)
{
    GElf_Word crc;
    const char *link = dwelf_elf_gnu_debuglink(file->elf, &crc);
    char *folder = path_dir(origin);
    struct text name = {.limit = 4096};
    const char *const bases[] = {origin, path};
    for (size_t i = 0; i < 2 && file->package == NULL; i++) {
        text_clear(&name);
        file->package = text_printf(&name, "%s.dwp", bases[i]) ? package_open(name.data) : NULL;
    }
    if (file->package == NULL && link != NULL && folder != NULL) {
        text_clear(&name);
        file->package = text_printf(&name, "%s/%s.dwp", folder, path_base(link))
                            ? package_open(name.data)
                            : NULL;
    }
    free(folder);
    text_finish(&name);
}

bool debug_file_open(struct debug_file *file, const char *path, const char *origin,
                     struct error *err)
{
    *file = (struct debug_file){.fd = -1, .apart_fd = -1};
    file->elf = open_elf(path, &file->fd);
    if (file->elf == NULL) {
        return error_set(err, ERROR_FORMAT, "%s cannot be read as a library", path_base(path));
    }
    file->dwarf = open_dwarf(file->elf);
    if (file->dwarf == NULL) {
        search_apart(file, *origin == '\0' ? path : origin);
    }
    if (file->dwarf == NULL) {
        GElf_Shdr header; /* libdw leaves it out where it cannot unpack it */
        bool packed = find_named(file->elf, ".debug_info", &header) != NULL &&
                      (header.sh_flags & SHF_COMPRESSED) != 0;
        debug_file_close(file);
        return error_set(err, ERROR_MISSING,
                         packed ? "%s has debug info that libelf cannot unpack: link it with "
                                  "-Wl,--compress-debug-sections=none"
                                : "%s has no debug info: compile it with -g",
                         path_base(*origin == '\0' ? path : origin));
    }
    search_package(file, path, *origin == '\0' ? path : origin);
    return true;
}

void debug_file_close(struct debug_file *file)
{
    package_close(file->package);
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
        if (gelf_getshdr(scn, header) != NULL &&
            (header->sh_flags & (SHF_ALLOC | SHF_TLS)) == SHF_ALLOC && address >= header->sh_addr &&
            address - header->sh_addr < header->sh_size) {
            return scn;
        }
    }
    return NULL;
}

const unsigned char *debug_file_table(Elf *elf, const char *name, size_t *size)
{
    GElf_Shdr header;
    Elf_Scn *scn = find_named(elf, name, &header);
    bool plain =
        scn != NULL && header.sh_type == SHT_PROGBITS && (header.sh_flags & SHF_COMPRESSED) == 0;
    Elf_Data *data = plain ? elf_rawdata(scn, NULL) : NULL;
    *size = data == NULL ? 0 : data->d_size;
    return data == NULL ? NULL : data->d_buf;
}
