#include "inspect/symbol_reading.h"

#include "base/path.h"

#include <string.h>

#define SYMBOLS_MOST (1U << 20)
#define TEXT_MOST    ((uint64_t)4 << 20)

static Elf_Scn *find_table(Elf *elf, uint32_t type, GElf_Shdr *header)
{
    for (Elf_Scn *scn = NULL; elf != NULL && (scn = elf_nextscn(elf, scn)) != NULL;) {
        if (gelf_getshdr(scn, header) != NULL && header->sh_type == type) {
            return scn;
        }
    }
    return NULL;
}

void symbol_reading_each(const struct debug_file *file, symbol_take *take, void *ctx)
{
    GElf_Shdr header;
    Elf *elf = file->elf;
    Elf_Scn *scn = find_table(elf, SHT_SYMTAB, &header);
    if (scn == NULL) {
        elf = file->apart;
        scn = find_table(elf, SHT_SYMTAB, &header);
    }
    if (scn == NULL) {
        elf = file->elf;
        scn = find_table(elf, SHT_DYNSYM, &header);
    }
    Elf_Data *data = scn == NULL ? NULL : elf_getdata(scn, NULL);
    size_t count = data == NULL ? 0 : data->d_size / sizeof(Elf64_Sym);
    const char *source = NULL;
    for (size_t i = 1; i < count && i < SYMBOLS_MOST; i++) {
        GElf_Sym symbol;
        const char *name = gelf_getsym(data, (int)i, &symbol) == NULL
                               ? NULL
                               : elf_strptr(elf, header.sh_link, symbol.st_name);
        if (name == NULL) {
            continue;
        }
        if (GELF_ST_TYPE(symbol.st_info) == STT_FILE) {
            source = *name == '\0' ? NULL : path_base(name);
        } else if (*name != '\0' && symbol.st_shndx != SHN_UNDEF && symbol.st_shndx != SHN_ABS) {
            take(ctx, &symbol, name, GELF_ST_BIND(symbol.st_info) == STB_LOCAL ? source : NULL);
        }
    }
}

struct adding {
    struct draft *draft;
    uint64_t span;
};

static void add(void *ctx, const GElf_Sym *symbol, const char *name, const char *source)
{
    struct adding *adding = ctx;
    unsigned type = GELF_ST_TYPE(symbol->st_info);
    bool function = type == STT_FUNC || type == STT_GNU_IFUNC;
    if ((!function && type != STT_OBJECT) || symbol->st_value >= adding->span) {
        return;
    }
    bool local = GELF_ST_BIND(symbol->st_info) == STB_LOCAL;
    draft_symbol(adding->draft,
                 &(struct layout_symbol){.name = draft_string(adding->draft, name),
                                         .file = local && source != NULL
                                                     ? draft_string(adding->draft, source)
                                                     : LAYOUT_NONE,
                                         .address = symbol->st_value,
                                         .size = symbol->st_size,
                                         .function = function});
}

void symbol_reading_all(const struct debug_file *file, struct draft *draft)
{
    struct draft_library library;
    symbol_reading_library(file, false, &library);
    struct adding adding = {draft, library.span};
    symbol_reading_each(file, add, &adding);
}

/* The largest one of those that have constants: .rodata. */
static void find_text(const struct debug_file *file, struct draft_library *library)
{
    GElf_Shdr header;
    size_t names, len = 0;
    if (elf_getshdrstrndx(file->elf, &names) != 0) {
        return;
    }
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(file->elf, scn)) != NULL;) {
        const uint64_t wanted = SHF_ALLOC, unwanted = SHF_WRITE | SHF_EXECINSTR | SHF_COMPRESSED;
        const char *name = gelf_getshdr(scn, &header) == NULL
                               ? NULL
                               : elf_strptr(file->elf, names, header.sh_name);
        if (name == NULL || strncmp(name, ".rodata", 7) != 0 || header.sh_type != SHT_PROGBITS ||
            (header.sh_flags & (wanted | unwanted)) != wanted || header.sh_size <= len) {
            continue;
        }
        uint64_t size = header.sh_size < TEXT_MOST ? header.sh_size : TEXT_MOST;
        const void *bytes = debug_file_bytes(file, header.sh_addr, size);
        if (bytes != NULL) {
            len = header.sh_size;
            library->text_address = header.sh_addr;
            library->text_size = size;
            library->text = bytes;
        }
    }
}

void symbol_reading_library(const struct debug_file *file, bool text, struct draft_library *library)
{
    size_t count = 0;
    *library = (struct draft_library){.span = 0};
    if (elf_getphdrnum(file->elf, &count) != 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr phdr;
        uint64_t end;
        if (gelf_getphdr(file->elf, (int)i, &phdr) != NULL && phdr.p_type == PT_LOAD &&
            !__builtin_add_overflow(phdr.p_vaddr, phdr.p_memsz, &end) && end > library->span) {
            library->span = end;
        }
    }
    if (text) {
        find_text(file, library);
    }
}
