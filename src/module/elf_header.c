/* What kind of file it is: the first 64 bytes. */
#include "module/elf_parts.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
static const uint16_t OWN_MACHINE = EM_X86_64;
#elif defined(__aarch64__)
static const uint16_t OWN_MACHINE = EM_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
static const uint16_t OWN_MACHINE = EM_RISCV;
#elif defined(__powerpc64__)
static const uint16_t OWN_MACHINE = EM_PPC64;
#elif defined(__s390x__)
static const uint16_t OWN_MACHINE = EM_S390;
#elif defined(__loongarch64)
static const uint16_t OWN_MACHINE = 258;
#else
#error "this machine's ELF number is not known here"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static const unsigned char OWN_ORDER = ELFDATA2LSB;
#else
static const unsigned char OWN_ORDER = ELFDATA2MSB;
#endif

static const struct {
    uint16_t number;
    const char *name;
} MACHINES[] = {
    {EM_386, "32-bit x86"},     {EM_X86_64, "x86-64"}, {EM_ARM, "32-bit ARM"},
    {EM_AARCH64, "64-bit ARM"}, {EM_RISCV, "RISC-V"},  {EM_PPC, "32-bit PowerPC"},
    {EM_PPC64, "PowerPC64"},    {EM_S390, "s390"},     {EM_MIPS, "MIPS"},
    {EM_SPARCV9, "SPARC64"},    {EM_BPF, "the BPF"},   {EM_CUDA, "CUDA"},
    {EM_AMDGPU, "AMD GPUs"},    {EM_AVR, "AVR"},       {EM_XTENSA, "Xtensa"},
    {EM_IA_64, "Itanium"},      {EM_68K, "the 68000"}, {258, "LoongArch"},
};

static const struct {
    const char *start;
    size_t len;
    const char *what;
} FOREIGN[] = {
    {"!<arch>\n", 8, "it is a static library (.a): link its objects with -shared"},
    {"!<thin>\n", 8, "it is a thin static library (.a): link its objects with -shared"},
    {"/* GNU ld script", 16, "it is a linker script, which names the library: give that one"},
    {"INPUT", 5, "it is a linker script, which names the library: give that one"},
    {"GROUP", 5, "it is a linker script, which names the library: give that one"},
    {"MZ", 2, "it is a Windows library: build it for Linux"},
    {"\xcf\xfa\xed\xfe", 4, "it is a macOS library: build it for Linux"},
    {"\xca\xfe\xba\xbe", 4, "it is a macOS library: build it for Linux"},
    {"BC\xc0\xde", 4, "it is LLVM bitcode: link it with -shared"},
    {"#!", 2, "it is a script, not a shared library"},
};

static const char *machine_name(uint16_t number, char *space, size_t len)
{
    for (size_t i = 0; i < sizeof MACHINES / sizeof MACHINES[0]; i++) {
        if (MACHINES[i].number == number) {
            return MACHINES[i].name;
        }
    }
    (void)snprintf(space, len, "machine %u", number);
    return space;
}

static bool refuse(struct elf_parts *parts, const char *sentence)
{
    return error_set(parts->err, ERROR_FORMAT, "%s", sentence);
}

static bool begins_as_elf(struct elf_parts *parts)
{
    unsigned char start[16] = {0};
    size_t len = parts->reader.size < sizeof start ? (size_t)parts->reader.size : sizeof start;
    if (len == 0) {
        parts->facts->incomplete = true;
        return refuse(parts, "the file is empty");
    }
    if (!elf_reader_get(&parts->reader, 0, start, len)) {
        return false;
    }
    if (memcmp(start, ELFMAG, len < SELFMAG ? len : SELFMAG) == 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof FOREIGN / sizeof FOREIGN[0]; i++) {
        if (len >= FOREIGN[i].len && memcmp(start, FOREIGN[i].start, FOREIGN[i].len) == 0) {
            return refuse(parts, FOREIGN[i].what);
        }
    }
    static const unsigned char zeroes[sizeof start];
    if (memcmp(start, zeroes, len) == 0) {
        return elf_unwritten(parts, "its header");
    }
    for (size_t i = 0; i < len; i++) {
        if (start[i] != '\t' && start[i] != '\n' && start[i] != '\r' &&
            (start[i] < ' ' || start[i] == 0x7f)) {
            return refuse(parts, "it is not a shared library (no ELF header at its start)");
        }
    }
    return refuse(parts, "it is a text file, not a shared library (no ELF header at its start)");
}

static bool check_identity(struct elf_parts *parts)
{
    const unsigned char *ident = parts->header.e_ident;
    char space[2][32];
    const char *own = machine_name(OWN_MACHINE, space[0], sizeof space[0]);
    const char *theirs = machine_name(parts->header.e_machine, space[1], sizeof space[1]);

    if (ident[EI_CLASS] == ELFCLASS32) {
        return error_set(parts->err, ERROR_FORMAT,
                         "it is a 32-bit library; this is 64-bit %s: build it for that", own);
    }
    if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_VERSION] != EV_CURRENT ||
        parts->header.e_version != EV_CURRENT) {
        return elf_bad(parts, "its ELF header has an unknown class or version");
    }
    if (ident[EI_DATA] != OWN_ORDER) {
        return refuse(parts, ident[EI_DATA] == ELFDATA2LSB || ident[EI_DATA] == ELFDATA2MSB
                                 ? "it is for a machine with the other byte order"
                                 : "it is damaged: its ELF header has an unknown byte order");
    }
    if (parts->header.e_machine != OWN_MACHINE) {
        return error_set(parts->err, ERROR_FORMAT,
                         "it is for %s; this machine is %s: build it for "
                         "that",
                         theirs, own);
    }
    if (ident[EI_OSABI] != ELFOSABI_SYSV && ident[EI_OSABI] != ELFOSABI_GNU) {
        return error_set(parts->err, ERROR_FORMAT,
                         "it is for another operating system (ELF OS/ABI %u)", ident[EI_OSABI]);
    }
    for (size_t i = EI_PAD; i < EI_NIDENT; i++) {
        if (ident[i] != 0) {
            return elf_bad(parts, "the padding of its ELF header is not zero");
        }
    }
    return true;
}

static bool check_type(struct elf_parts *parts)
{
    switch (parts->header.e_type) {
    case ET_DYN:
        return true;
    case ET_EXEC:
        return refuse(parts, "it is an executable, not a shared library (link with -shared)");
    case ET_REL:
        return refuse(parts, "it is an object file, not a shared library (link it with -shared)");
    case ET_CORE:
        return refuse(parts, "it is a core dump, not a shared library");
    case ET_NONE: /* what a linker leaves that has reserved the header and not yet filled it */
        return elf_unwritten(parts, "the rest of its header");
    default:
        return elf_bad(parts, "its ELF type is %u, which means nothing", parts->header.e_type);
    }
}

bool elf_header_check(struct elf_parts *parts)
{
    if (!begins_as_elf(parts)) {
        return false;
    }
    if (parts->reader.size < sizeof parts->header) {
        return elf_cut(parts, "its header", sizeof parts->header);
    }
    if (!elf_reader_get(&parts->reader, 0, &parts->header, sizeof parts->header)) {
        return false;
    }
    static const unsigned char zeroes[EI_NIDENT - SELFMAG];
    if (memcmp(parts->header.e_ident + SELFMAG, zeroes, sizeof zeroes) == 0) {
        return elf_unwritten(parts, "the rest of its header");
    }
    return check_identity(parts) && check_type(parts) &&
           (parts->header.e_ehsize == sizeof(Elf64_Ehdr) ||
            elf_bad(parts, "its ELF header tells a size of %u", parts->header.e_ehsize));
}
