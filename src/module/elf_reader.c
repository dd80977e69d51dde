#define _GNU_SOURCE
#include "module/elf_reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void elf_reader_init(struct elf_reader *reader, int fd, const void *memory, uint64_t size)
{
    reader->memory = memory;
    reader->fd = fd;
    reader->size = size;
    reader->failure = 0;
    reader->calls = 0;
    reader->last = &reader->blocks[0];
    for (size_t i = 0; i < ELF_BLOCKS; i++) {
        reader->blocks[i].used = 0;
        reader->blocks[i].len = 0;
    }
}

static bool fill(struct elf_reader *reader, struct elf_block *block, uint64_t start)
{
    uint64_t left = reader->size - start;
    size_t want = left < ELF_BLOCK_SIZE ? (size_t)left : ELF_BLOCK_SIZE;
    block->used = 0;
    block->len = 0;
    while (block->len < want) {
        ssize_t got = pread(reader->fd, block->bytes + block->len, want - block->len,
                            (off_t)(start + block->len));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            reader->failure = got < 0 ? errno : EIO;
            return false;
        }
        block->len += (size_t)got;
    }
    block->start = start;
    return true;
}

static struct elf_block *block_at(struct elf_reader *reader, uint64_t start)
{
    reader->calls++;
    if (reader->last->used != 0 && reader->last->start == start) {
        reader->last->used = reader->calls;
        return reader->last;
    }
    struct elf_block *oldest = &reader->blocks[0];
    for (size_t i = 0; i < ELF_BLOCKS; i++) {
        struct elf_block *block = &reader->blocks[i];
        if (block->used != 0 && block->start == start) {
            oldest = block;
            goto found;
        }
        if (block->used < oldest->used) {
            oldest = block;
        }
    }
    if (!fill(reader, oldest, start)) {
        return NULL;
    }
found:
    oldest->used = reader->calls;
    reader->last = oldest;
    return oldest;
}

bool elf_reader_get(struct elf_reader *reader, uint64_t offset, void *out, size_t len)
{
    if (offset > reader->size || len > reader->size - offset) {
        return false;
    }
    if (reader->memory != NULL) {
        memcpy(out, reader->memory + offset, len);
        return true;
    }
    unsigned char *to = out;
    while (len > 0) {
        const struct elf_block *block = block_at(reader, offset / ELF_BLOCK_SIZE * ELF_BLOCK_SIZE);
        if (block == NULL) {
            return false;
        }
        size_t skip = (size_t)(offset - block->start);
        size_t part = block->len - skip < len ? block->len - skip : len;
        memcpy(to, block->bytes + skip, part);
        to += part;
        offset += part;
        len -= part;
    }
    return true;
}
