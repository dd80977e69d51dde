#include "inspect/entries.h"

#include <dwarf.h>
#include <string.h>

/* The section of the unit: libdw gives out units that say they are longer than what is left of it.
 */
static bool find_section(struct entries *entries, Dwarf_Die *unit)
{
    const unsigned char *at = unit->addr;
    if (entries->section != NULL && at >= entries->section && at < entries->section_end) {
        return true;
    }
    Elf *elf = dwarf_getelf(dwarf_cu_getdwarf(unit->cu));
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn)) != NULL;) {
        Elf_Data *data = elf_rawdata(scn, NULL); /* what libdw reads, too */
        const unsigned char *bytes = data == NULL ? NULL : data->d_buf;
        if (bytes != NULL && at >= bytes && at < bytes + data->d_size) {
            entries->section = bytes;
            entries->section_end = bytes + data->d_size;
            return true;
        }
    }
    return false;
}

bool entries_open(struct entries *entries, Dwarf_Die *unit)
{
    Dwarf_Off inside = dwarf_cuoffset(unit);
    uint32_t word;
    uint64_t len, head = sizeof word;
    if (inside == (Dwarf_Off)-1 || !find_section(entries, unit) ||
        !entry_shapes_read(&entries->shapes, unit)) {
        return false;
    }
    entries->begin = (const unsigned char *)unit->addr - inside;
    memcpy(&word, entries->begin, sizeof word);
    len = word;
    if (word == UINT32_MAX) {
        memcpy(&len, entries->begin + sizeof word, sizeof len);
        head += sizeof len;
    }
    uint64_t most = (uint64_t)(entries->section_end - entries->begin) - head;
    len = head + (len < most ? len : most);
    entries->at = unit->addr;
    entries->end = entries->begin + len;
    entries->cu = unit->cu;
    entries->deep = 0;
    return len >= inside;
}

void entries_finish(struct entries *entries)
{
    entry_shapes_finish(&entries->shapes);
}

/* False: it does not end. */
static inline bool take_number(struct entries *entries, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; entries->at < entries->end; shift += 7) {
        unsigned char byte = *entries->at++;
        *number |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if ((byte & 0x80) == 0) {
            return true;
        }
    }
    return false;
}

static bool pass(struct entries *entries, uint64_t bytes)
{
    if (bytes > (size_t)(entries->end - entries->at)) {
        return false;
    }
    entries->at += bytes;
    return true;
}

static bool take_length(struct entries *entries, unsigned way, uint64_t *len)
{
    if (way == SHAPE_BLOCK) {
        return take_number(entries, len);
    }
    const unsigned char *at = entries->at;
    *len = 0;
    if (!pass(entries, way - SHAPE_BLOCK)) {
        return false;
    }
    memcpy(len, at, way - SHAPE_BLOCK);
    return true;
}

static bool pass_step(struct entries *entries, const struct shape_step *step, struct entry *entry)
{
    const unsigned char *at = entries->at;
    uint64_t number;
    uint32_t place;
    switch (step->way) {
    case SHAPE_BYTES:
        if (!pass(entries, step->bytes)) {
            return false;
        }
        if (step->attribute != 0) {
            memcpy(&place, at, sizeof place);
            entry->behind =
                place < (size_t)(entries->end - entries->begin) ? entries->begin + place : NULL;
        }
        return true;
    case SHAPE_NUMBER:
        return take_number(entries, &number);
    case SHAPE_STRING:
        at = memchr(at, '\0', (size_t)(entries->end - at));
        return at != NULL && pass(entries, (size_t)(at + 1 - entries->at));
    default:
        if (!take_length(entries, step->way, &number)) {
            return false;
        }
        if (step->attribute != 0) {
            entry->location = entries->at;
            entry->location_len = number;
        }
        return pass(entries, number);
    }
}

bool entries_next(struct entries *entries, struct entry *entry)
{
    uint64_t code;
    const unsigned char *begin;
    for (;;) {
        begin = entries->at;
        if (!take_number(entries, &code)) {
            return false;
        }
        if (code != 0) {
            break;
        }
        if (entries->deep <= 1) {
            return false;
        }
        entries->deep--;
    }
    const struct shape *shape = code < entries->shapes.count ? &entries->shapes.list[code] : NULL;
    if (shape == NULL || shape->tag == 0) {
        return false;
    }
    entry->die = (Dwarf_Die){.addr = (void *)(uintptr_t)begin, .cu = entries->cu};
    entry->shape = shape;
    entry->deep = entries->deep;
    entry->location = entry->behind = NULL;
    for (uint32_t i = 0; i < shape->count; i++) {
        if (!pass_step(entries, &entries->shapes.steps[shape->first + i], entry)) {
            return false;
        }
    }
    entries->deep += shape->children || entries->deep == 0;
    return true;
}

void entries_pass(struct entries *entries, const struct entry *entry)
{
    if (entries->deep == entry->deep) {
        return;
    }
    if (entry->behind > entries->at) {
        entries->at = entry->behind;
        entries->deep = entry->deep;
        return;
    }
    struct entry next;
    while (entries_next(entries, &next)) {
        if (next.deep <= entry->deep) {
            entries->at = next.die.addr; /* it is to come once more */
            entries->deep = next.deep;
            return;
        }
    }
    entries->at = entries->end;
}
