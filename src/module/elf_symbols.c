/* The dynamic symbols and the hash tables that lead to them. */
#include "module/elf_parts.h"

#include <string.h>

static const char TABLE_SYMBOL[] = "hotrun_module_table";

/* Imports that tell something about the library as a whole. */
static const char *const SANITIZERS[] = {"__asan_init", "__tsan_init", "__msan_init",
                                         "__hwasan_init", "__lsan_init"};

struct gnu_hash {
    uint32_t buckets, first, words, shift; /* as in the file */
    uint64_t bloom, bucket, chain;         /* offsets in the file */
};

static bool word_at(struct elf_parts *parts, uint64_t offset, uint32_t *word)
{
    return elf_reader_get(&parts->reader, offset, word, sizeof *word);
}

static bool bad_hash(struct elf_parts *parts)
{
    return elf_bad(parts, "its hash table contradicts itself or its symbols");
}

static bool read_gnu_hash(struct elf_parts *parts, struct gnu_hash *hash)
{
    uint32_t words[4];
    uint64_t at;
    if (!elf_offset_of(parts, parts->tag[TAG_GNU_HASH], sizeof words, &at)) {
        return bad_hash(parts);
    }
    if (!elf_reader_get(&parts->reader, at, words, sizeof words)) {
        return false;
    }
    hash->buckets = words[0];
    hash->first = words[1];
    hash->words = words[2];
    hash->shift = words[3];
    hash->bloom = at + sizeof words;
    hash->bucket = hash->bloom + (uint64_t)hash->words * 8;
    hash->chain = hash->bucket + (uint64_t)hash->buckets * 4;
    return (hash->buckets != 0 && elf_power_of_two(hash->words) && hash->shift < 64 &&
            hash->chain <= parts->reader.size &&
            elf_offset_of(parts, parts->tag[TAG_GNU_HASH], hash->chain - at, &at)) ||
           bad_hash(parts);
}

/* Walks all chains: they must follow each other without a gap, each name's hash must belong to the
 * bucket that leads to it, and the last one ends where the symbols end. */
static bool check_gnu_hash(struct elf_parts *parts, const struct gnu_hash *hash)
{
    uint64_t next = hash->first;
    for (uint32_t i = 0; i < hash->buckets; i++) {
        uint32_t start;
        if (!word_at(parts, hash->bucket + (uint64_t)i * 4, &start)) {
            return false;
        }
        if (start == 0) {
            continue;
        }
        if (start != next) {
            return bad_hash(parts);
        }
        uint32_t value = 0;
        while ((value & 1) == 0) {
            uint64_t at = hash->chain + (next - hash->first) * 4;
            if (parts->symbols_counted && next >= parts->symbol_count) {
                return bad_hash(parts);
            }
            if (!word_at(parts, at, &value)) {
                return parts->reader.failure == 0 ? bad_hash(parts) : false;
            }
            /* The lowest bit of the hash gave way to the end mark. */
            if ((value | 1) % hash->buckets != i && (value & ~1U) % hash->buckets != i) {
                return bad_hash(parts);
            }
            next++;
        }
    }
    bool any = next != hash->first;
    if (!parts->symbols_counted) {
        /* Without sections and without a single export, the end of the symbols is not told. */
        parts->symbol_count = any || hash->first != 0 ? next : 1;
    }
    uint64_t at;
    return !any ||
           (next == parts->symbol_count &&
            elf_offset_of(parts, parts->tag[TAG_GNU_HASH],
                          hash->chain - hash->bloom + 16 + (next - hash->first) * 4, &at)) ||
           bad_hash(parts);
}

static bool check_sysv_hash(struct elf_parts *parts)
{
    uint32_t words[2];
    uint64_t at;
    if (!elf_offset_of(parts, parts->tag[TAG_HASH], sizeof words, &at)) {
        return bad_hash(parts);
    }
    if (!elf_reader_get(&parts->reader, at, words, sizeof words)) {
        return false;
    }
    uint64_t entries = (uint64_t)words[0] + words[1];
    if (words[0] == 0 ||
        !elf_offset_of(parts, parts->tag[TAG_HASH], sizeof words + entries * 4, &at) ||
        ((parts->symbols_counted || parts->tag_set[TAG_GNU_HASH]) &&
         parts->symbol_count != words[1])) {
        return bad_hash(parts);
    }
    parts->symbol_count = words[1];
    for (uint64_t i = 0; i < entries; i++) {
        uint32_t index;
        if (!word_at(parts, at + sizeof words + i * 4, &index)) {
            return false;
        }
        if (index >= parts->symbol_count) {
            return bad_hash(parts);
        }
    }
    return true;
}

static bool note_import(struct elf_parts *parts, const Elf64_Sym *symbol)
{
    char name[32];
    struct elf_facts *facts = parts->facts;
    if (!elf_string(parts, symbol->st_name, name, sizeof name)) {
        return false;
    }
    elf_note_reader(parts, name);
    if (ELF64_ST_BIND(symbol->st_info) == STB_WEAK) {
        return true;
    }
    if (name[0] == '\0') {
        return elf_unwritten(parts, "the name of a symbol");
    }
    if (name[0] != '_' || name[1] != '_') {
        return true;
    }
    if (strcmp(name, "__cxa_thread_atexit") == 0 || strcmp(name, "__cxa_thread_atexit_impl") == 0) {
        facts->thread_destructors = true;
    }
    /* Any other sanitizer's library serves UBSan too, so the other one is the one to name. */
    if (strncmp(name, "__ubsan_handle_", 15) == 0 && facts->sanitizer_symbol[0] == '\0') {
        strcpy(facts->sanitizer_symbol, "__ubsan_handle_*");
    }
    for (size_t i = 0; i < sizeof SANITIZERS / sizeof SANITIZERS[0]; i++) {
        if (strcmp(name, SANITIZERS[i]) == 0) {
            facts->sanitizer = true;
            strcpy(facts->sanitizer_symbol, SANITIZERS[i]);
        }
    }
    return true;
}

static bool check_definition(struct elf_parts *parts, const Elf64_Sym *symbol)
{
    bool good = true;
    switch (ELF64_ST_TYPE(symbol->st_info)) {
    case STT_FUNC:
    case STT_GNU_IFUNC:
        good = elf_is_code(parts, symbol->st_value);
        break;
    case STT_OBJECT:
        good = elf_load_of(parts, symbol->st_value, symbol->st_size) != NULL;
        break;
    case STT_TLS:
        good = parts->has_tls && symbol->st_value <= parts->tls_memory;
        break;
    default:
        break;
    }
    return good || elf_bad(parts, "a symbol lies outside of its segments");
}

static bool check_symbol(struct elf_parts *parts, const Elf64_Sym *symbol)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    unsigned bind = ELF64_ST_BIND(symbol->st_info);
    if (symbol->st_name >= parts->tag[TAG_STRSZ]) {
        return elf_bad(parts, "the name of a symbol lies outside of its strings");
    }
    if ((type > STT_TLS && type != STT_GNU_IFUNC) || (bind > STB_WEAK && bind != STB_GNU_UNIQUE)) {
        return elf_bad(parts, "a symbol has an unknown kind");
    }
    if (symbol->st_shndx == SHN_UNDEF) {
        return note_import(parts, symbol);
    }
    if (symbol->st_shndx >= SHN_LORESERVE) {
        return symbol->st_shndx == SHN_ABS || elf_bad(parts, "a symbol has an unknown section");
    }
    if (bind == STB_GNU_UNIQUE && parts->facts->unique_symbol[0] == '\0' &&
        !elf_string(parts, symbol->st_name, parts->facts->unique_symbol,
                    sizeof parts->facts->unique_symbol)) {
        return false;
    }
    return check_definition(parts, symbol);
}

static bool check_all_symbols(struct elf_parts *parts, uint64_t table)
{
    static const Elf64_Sym nothing;
    for (uint64_t i = 0; i < parts->symbol_count; i++) {
        Elf64_Sym symbol;
        if (!elf_reader_get(&parts->reader, table + i * sizeof symbol, &symbol, sizeof symbol)) {
            return false;
        }
        if (i == 0) {
            if (memcmp(&symbol, &nothing, sizeof symbol) != 0) {
                return elf_bad(parts, "its first symbol is not empty");
            }
        } else if (!check_symbol(parts, &symbol)) {
            return false;
        }
    }
    return true;
}

static bool is_table(struct elf_parts *parts, uint64_t symbols, uint64_t index, bool *found)
{
    Elf64_Sym symbol;
    char name[sizeof TABLE_SYMBOL + 1];
    if (!elf_reader_get(&parts->reader, symbols + index * sizeof symbol, &symbol, sizeof symbol) ||
        !elf_string(parts, symbol.st_name, name, sizeof name)) {
        return false;
    }
    *found = strcmp(name, TABLE_SYMBOL) == 0 && symbol.st_shndx != SHN_UNDEF;
    return true;
}

/* As the loader will look it up: a table that only a plain walk finds will not be found by dlsym.
 */
static bool find_by_gnu_hash(struct elf_parts *parts, const struct gnu_hash *hash, uint64_t symbols)
{
    uint32_t wanted = 5381;
    for (const char *c = TABLE_SYMBOL; *c != '\0'; c++) {
        wanted = wanted * 33 + (unsigned char)*c;
    }
    uint64_t bloom;
    uint32_t index;
    if (!elf_reader_get(&parts->reader, hash->bloom + (wanted / 64 % hash->words) * 8, &bloom,
                        sizeof bloom) ||
        !word_at(parts, hash->bucket + (uint64_t)(wanted % hash->buckets) * 4, &index)) {
        return false;
    }
    if ((bloom >> (wanted % 64) & 1) == 0 ||
        (bloom >> ((hash->shift < 32 ? wanted >> hash->shift : 0) % 64) & 1) == 0 || index == 0) {
        return true;
    }
    for (;; index++) {
        uint32_t value;
        if (!word_at(parts, hash->chain + (uint64_t)(index - hash->first) * 4, &value)) {
            return false;
        }
        if ((value | 1) == (wanted | 1) && !is_table(parts, symbols, index, &parts->facts->table)) {
            return false;
        }
        if (parts->facts->table || (value & 1) != 0) {
            return true;
        }
    }
}

static bool find_by_walk(struct elf_parts *parts, uint64_t symbols)
{
    for (uint64_t i = 1; i < parts->symbol_count && !parts->facts->table; i++) {
        if (!is_table(parts, symbols, i, &parts->facts->table)) {
            return false;
        }
    }
    return true;
}

bool elf_symbols_check(struct elf_parts *parts)
{
    bool gnu = parts->tag_set[TAG_GNU_HASH];
    struct gnu_hash hash = {0};
    uint64_t symbols;
    if (!gnu && !parts->tag_set[TAG_HASH]) {
        return elf_bad(parts, "it has no hash table, so nothing can be looked up in it");
    }
    if (gnu && (!read_gnu_hash(parts, &hash) || !check_gnu_hash(parts, &hash))) {
        return false;
    }
    if (parts->tag_set[TAG_HASH] && !check_sysv_hash(parts)) {
        return false;
    }
    if (parts->symbol_count == 0 || parts->symbol_count > UINT32_MAX ||
        !elf_offset_of(parts, parts->tag[TAG_SYMTAB], parts->symbol_count * sizeof(Elf64_Sym),
                       &symbols)) {
        return elf_bad(parts, "its symbols lie outside of its segments");
    }
    return check_all_symbols(parts, symbols) &&
           (gnu ? find_by_gnu_hash(parts, &hash, symbols) : find_by_walk(parts, symbols));
}
