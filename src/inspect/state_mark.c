#include "inspect/state_mark.h"

#include <hotrun/hotrun.h>
#include <stddef.h>
#include <string.h>

static bool find_symbol(Elf *elf, const char *wanted, GElf_Sym *symbol)
{
    GElf_Shdr header;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn)) != NULL;) {
        if (gelf_getshdr(scn, &header) == NULL || header.sh_type != SHT_DYNSYM) {
            continue;
        }
        Elf_Data *data = elf_getdata(scn, NULL);
        size_t count = data == NULL ? 0 : data->d_size / sizeof(Elf64_Sym);
        for (size_t i = 0; i < count && i < INT32_MAX; i++) {
            const char *name =
                gelf_getsym(data, (int)i, symbol) == NULL || symbol->st_shndx == SHN_UNDEF
                    ? NULL
                    : elf_strptr(elf, header.sh_link, symbol->st_name);
            if (name != NULL && strcmp(name, wanted) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool is_relative(const GElf_Ehdr *header, uint64_t type)
{
    return header->e_machine == EM_AARCH64 ? type == R_AARCH64_RELATIVE
           : header->e_machine == EM_RISCV ? type == R_RISCV_RELATIVE
                                           : type == R_X86_64_RELATIVE;
}

/* The pointer at `address` once the library is loaded at 0. A relocation has it; where there is
 * none for it (RELR) the bytes have. */
static uint64_t pointer_at(const struct debug_file *file, uint64_t address)
{
    uint64_t value = 0;
    GElf_Shdr header;
    GElf_Ehdr ehdr;
    const void *bytes = debug_file_bytes(file, address, sizeof value);
    if (bytes != NULL) {
        memcpy(&value, bytes, sizeof value);
    }
    if (gelf_getehdr(file->elf, &ehdr) == NULL) {
        return 0;
    }
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(file->elf, scn)) != NULL;) {
        if (gelf_getshdr(scn, &header) == NULL || header.sh_type != SHT_RELA ||
            (header.sh_flags & SHF_ALLOC) == 0) {
            continue;
        }
        Elf_Data *data = elf_getdata(scn, NULL);
        size_t count = data == NULL ? 0 : data->d_size / sizeof(Elf64_Rela);
        for (size_t i = 0; i < count && i < INT32_MAX; i++) {
            GElf_Rela rela;
            if (gelf_getrela(data, (int)i, &rela) == NULL || rela.r_offset != address) {
                continue;
            }
            if (is_relative(&ehdr, GELF_R_TYPE(rela.r_info))) {
                return (uint64_t)rela.r_addend;
            }
            Elf_Scn *table = elf_getscn(file->elf, header.sh_link);
            Elf_Data *symbols = table == NULL ? NULL : elf_getdata(table, NULL);
            GElf_Sym symbol;
            return symbols == NULL ||
                           gelf_getsym(symbols, (int)GELF_R_SYM(rela.r_info), &symbol) == NULL
                       ? 0
                       : symbol.st_value + (uint64_t)rela.r_addend;
        }
    }
    return value;
}

bool state_mark_read(const struct debug_file *file, struct state_mark *mark, struct error *err)
{
    GElf_Sym symbol;
    hotrun_module table;
    const size_t len = offsetof(hotrun_module, state_type) + sizeof table.state_type;
    if (gelf_getclass(file->elf) != ELFCLASS64 ||
        !find_symbol(file->elf, "hotrun_module_table", &symbol)) {
        return error_set(err, ERROR_MISSING, "it has no hotrun_module_table");
    }
    const void *bytes = debug_file_bytes(file, symbol.st_value, len);
    if (bytes == NULL) {
        return error_set(err, ERROR_FORMAT, "its hotrun_module_table is not in the file");
    }
    memcpy(&table, bytes, len);
    mark->size = table.state_size;
    mark->function = pointer_at(file, symbol.st_value + offsetof(hotrun_module, state_type));
    return true;
}
