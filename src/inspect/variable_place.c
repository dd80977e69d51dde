#include "inspect/variable_place.h"

#include "inspect/die.h"

#include <string.h>

static bool is_address(Dwarf_Attribute *attribute, Dwarf_Op *op, uint64_t *address)
{
    Dwarf_Attribute found;
    if (op->atom == DW_OP_addr) {
        *address = op->number;
        return true;
    }
    return (op->atom == DW_OP_addrx || op->atom == DW_OP_GNU_addr_index) &&
           dwarf_getlocation_attr(attribute, op, &found) == 0 &&
           dwarf_formaddr(&found, address) == 0;
}

struct place_found variable_place_find(Dwarf_Die *variable)
{
    struct place_found found = {.place = PLACE_NONE};
    Dwarf_Attribute attribute;
    Dwarf_Op *ops;
    size_t count;
    if (dwarf_attr_integrate(variable, DW_AT_location, &attribute) == NULL) {
        return found;
    }
    found.place = PLACE_MOVING;
    if (dwarf_getlocation(&attribute, &ops, &count) != 0) {
        return found;
    }
    size_t before = 0; /* the addresses of other pieces */
    bool read = false; /* what lies there is a part of the value */
    for (size_t i = 0; i < count; i++) {
        switch (ops[i].atom) {
        case DW_OP_form_tls_address:
        case DW_OP_GNU_push_tls_address:
            found.place = PLACE_THREAD;
            return found;
        case DW_OP_deref:
        case DW_OP_deref_size:
            read = true;
            break;
        case DW_OP_stack_value: /* of a pointer to a variable: its value, and not its place */
            found.count = read ? found.count : before;
            break;
        case DW_OP_piece:
        case DW_OP_bit_piece:
            before = found.count;
            read = false;
            break;
        default:
            found.count += found.count < PLACE_PARTS_MOST &&
                           is_address(&attribute, &ops[i], &found.addresses[found.count]);
            break;
        }
    }
    if (found.count > 0) {
        found.place = count == 1 ? PLACE_PLAIN : PLACE_PARTS;
    }
    return found;
}

static bool is_relro(const struct debug_file *file, uint64_t address)
{
    size_t count;
    if (elf_getphdrnum(file->elf, &count) != 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr phdr;
        if (gelf_getphdr(file->elf, (int)i, &phdr) != NULL && phdr.p_type == PT_GNU_RELRO &&
            address >= phdr.p_vaddr && address - phdr.p_vaddr < phdr.p_memsz) {
            return true;
        }
    }
    return false;
}

const char *variable_place_refuse(const struct debug_file *file, struct data_symbols *symbols,
                                  uint64_t address, uint64_t size, bool *reset)
{
    GElf_Shdr header;
    size_t names;
    *reset = false;
    if (debug_file_section(file, address, &header) == NULL) {
        return "it lies in no section of the library";
    }
    if ((header.sh_flags & SHF_WRITE) == 0 || is_relro(file, address)) {
        return "it is read-only once the library is loaded";
    }
    const char *section = elf_getshdrstrndx(file->elf, &names) != 0
                              ? NULL
                              : elf_strptr(file->elf, names, header.sh_name);
    if (section != NULL && strcmp(section, "hotrun_reset") == 0) {
        *reset = true;
        return "it is marked by HOTRUN_RESET";
    }
    const struct data_symbol *symbol = data_symbols_at(symbols, address);
    if (symbol == NULL) {
        return "no symbol tells its size: link without -s";
    }
    if (symbol->unique) {
        return "it is shared by all libraries that have it (STB_GNU_UNIQUE): compile with "
               "-fno-gnu-unique";
    }
    if (symbol->size != size) {
        return "its symbol and debug info tell different sizes: the compiler took it apart, or "
               "widened it";
    }
    return size > header.sh_size - (address - header.sh_addr) ? "it ends outside of its section"
                                                              : NULL;
}

bool variable_place_const(Dwarf_Die *variable)
{
    Dwarf_Die at = *variable;
    Dwarf_Attribute attribute;
    for (int i = 0; i < DIE_CHAIN_MOST; i++) {
        if (dwarf_attr_integrate(&at, DW_AT_type, &attribute) == NULL ||
            dwarf_formref_die(&attribute, &at) == NULL) {
            return false;
        }
        int tag = dwarf_tag(&at);
        if (tag == DW_TAG_const_type) {
            return true;
        }
        if (tag != DW_TAG_typedef && tag != DW_TAG_volatile_type && tag != DW_TAG_array_type) {
            return false;
        }
    }
    return false;
}
