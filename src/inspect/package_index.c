#include "inspect/package_index.h"

#include <string.h>

#define HEADER_SIZE  16
#define COLUMNS_MOST 16
#define SLOTS_MOST   (1U << 24)

static uint32_t word_at(const unsigned char *index, size_t at)
{
    uint32_t word;
    memcpy(&word, index + at, sizeof word);
    return word;
}

/* The row of `id`, from 1 on; 0: it has none. */
static uint32_t find_row(const unsigned char *index, uint32_t slots, uint64_t id)
{
    for (uint32_t i = 0; i < slots; i++) {
        uint64_t other;
        memcpy(&other, index + HEADER_SIZE + (size_t)i * 8, sizeof other);
        uint32_t row = word_at(index, HEADER_SIZE + (size_t)slots * 8 + (size_t)i * 4);
        if (other == id && row != 0) {
            return row;
        }
    }
    return 0;
}

bool package_index_find(const unsigned char *index, size_t size, uint64_t id,
                        struct package_parts *parts)
{
    memset(parts, 0, sizeof *parts);
    if (index == NULL || size < HEADER_SIZE) {
        return false;
    }
    uint32_t version = word_at(index, 0) & 0xffff;
    uint32_t columns = word_at(index, 4), units = word_at(index, 8), slots = word_at(index, 12);
    if ((version != 2 && version != 5) || columns > COLUMNS_MOST || slots > SLOTS_MOST ||
        units > slots) {
        return false;
    }
    size_t table = HEADER_SIZE + (size_t)slots * 12;
    size_t cells = (size_t)columns * 4;
    if (size < table || (size - table) / (cells == 0 ? 1 : cells) < 1 + 2 * (size_t)units) {
        return false;
    }
    uint32_t row = find_row(index, slots, id);
    if (row == 0 || row > units) {
        return false;
    }
    for (uint32_t i = 0; i < columns; i++) {
        uint32_t section = word_at(index, table + (size_t)i * 4);
        size_t offset = table + cells * row + (size_t)i * 4;
        if (section < PACKAGE_SECTIONS) {
            parts->of[section].offset = word_at(index, offset);
            parts->of[section].size = word_at(index, offset + cells * units);
        }
    }
    return true;
}
