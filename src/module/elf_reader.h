/* Bytes of a file by position, through a few cached blocks: a small library is read with one
 * system call, a large one costs no more memory than a small one. */
#ifndef MODULE_ELF_READER_H
#define MODULE_ELF_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ELF_BLOCK_SIZE = 16384,
    ELF_BLOCKS = 4
};

struct elf_block {
    uint64_t start;
    uint64_t used; /* when it was last asked for, in calls; 0: holds nothing */
    size_t len;
    unsigned char bytes[ELF_BLOCK_SIZE];
};

struct elf_reader {
    const unsigned char *memory; /* the whole file, not owned; NULL: it is read from fd */
    int fd;                      /* not owned; its offset is left alone */
    uint64_t size;
    int failure; /* errno of the first read that failed; 0 */
    uint64_t calls;
    struct elf_block *last;
    struct elf_block blocks[ELF_BLOCKS];
};

/* `memory` (may be NULL): all `size` bytes, when they are at hand already. */
void elf_reader_init(struct elf_reader *reader, int fd, const void *memory, uint64_t size);

/* Copies `len` bytes at `offset` to `out`. False when they are not all inside of the file, or when
 * reading failed (then `failure` is set; a file that became shorter counts as EIO). */
bool elf_reader_get(struct elf_reader *reader, uint64_t offset, void *out, size_t len);

#endif
