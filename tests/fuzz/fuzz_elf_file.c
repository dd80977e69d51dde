/* libFuzzer: any bytes as a library file. Built with -fsanitize=fuzzer,address,undefined; small
 * libraries make a good first corpus. */
#define _GNU_SOURCE
#include "module/elf_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static int fd = -1;
    struct elf_facts facts;
    struct error err = {0};
    if (fd < 0 && (fd = memfd_create("fuzz", MFD_CLOEXEC)) < 0) {
        abort();
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
        abort();
    }
    bool ok = elf_file_check(fd, size, &facts, &err);
    /* Every refusal has its sentence, and no file is shorter than it was said to be. */
    if (!ok && (err.code != ERROR_FORMAT || err.text[0] == '\0')) {
        abort();
    }
    /* The facts are found by the same walk. */
    struct elf_facts again;
    if (ok && (!elf_file_facts(fd, size, &again, &err) ||
               strcmp(again.unique_symbol, facts.unique_symbol) != 0)) {
        abort();
    }
    return 0;
}
