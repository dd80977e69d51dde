/* Reads a library's layout and prints it flat, one field a line. For test_layouts.py.
 *
 *     read-layout [--statics] LIB [ORIGIN]       the layout
 *     read-layout --damage SEED COUNT LIB COPY   that of COPY, damaged in another way each time
 */
#include "base/file.h"
#include "inspect/layout_reading.h"
#include "layout/layout.h"

#include <fcntl.h>
#include <gelf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_MOST 20 /* for one damaged library, on a machine that does other things */

static const char *const kinds[LAYOUT_KIND_COUNT] = {
    "none", "bytes",   "bool",  "char",   "int",   "uint",     "float",
    "enum", "pointer", "array", "struct", "union", "function", "unknown"};

/* ---- the layout ---- */

static void print_type(const struct layout *layout, uint32_t number, const char *path,
                       const struct layout_field *field, uint64_t offset)
{
    const struct layout_type *type = &layout->types[number];
    struct text name = {.limit = 0};
    char below[1024];
    (void)layout_type_name(layout, number, &name);
    printf("field\t%s\t%llu\t%u\t%u\t%llu\t%s\t%s\t%x\t%x\t%u\t%s\n", path,
           (unsigned long long)offset, field->bit, field->bits, (unsigned long long)type->size,
           kinds[type->kind], text_string(&name), type->flags, field->flags, type->align,
           layout_string(layout, field->old_name));
    text_finish(&name);
    for (uint32_t i = 0; type->kind == LAYOUT_ENUM && i < type->count; i++) {
        const struct layout_enumerator *one = &layout->enumerators[type->first + i];
        printf("enumerator\t%s\t%s\t%lld\n", path, layout_string(layout, one->name),
               (long long)one->value);
    }
    if (type->kind == LAYOUT_ARRAY) {
        struct layout_field element = {.old_name = LAYOUT_NONE};
        (void)snprintf(below, sizeof below, "%s[]", path);
        print_type(layout, type->target, below, &element, offset);
    }
    for (uint32_t i = 0;
         (type->kind == LAYOUT_STRUCT || type->kind == LAYOUT_UNION) && i < type->count; i++) {
        const struct layout_field *inner = &layout->fields[type->first + i];
        bool unnamed = (inner->flags & LAYOUT_MEMBERS) != 0;
        (void)snprintf(below, sizeof below, "%s%s%s", path, *path == '\0' || unnamed ? "" : ".",
                       layout_string(layout, inner->name));
        print_type(layout, inner->type, below, inner, offset + inner->offset);
    }
}

static void print_rest(const struct layout *layout)
{
    for (uint32_t i = 0; i < layout->head->variables; i++) {
        const struct layout_variable *one = &layout->variables[i];
        printf("variable\t%s\t%s\t%s\t%x\t%llu\t%s\t%s\n", layout_string(layout, one->file),
               layout_string(layout, one->function), layout_string(layout, one->name), one->flags,
               (unsigned long long)layout->types[one->type].size,
               kinds[layout->types[one->type].kind], layout_string(layout, one->reason));
    }
    for (uint32_t i = 0; i < layout->head->marks; i++) {
        struct text name = {.limit = 0};
        (void)layout_type_name(layout, layout->marks[i].type, &name);
        printf("mark\t%s\t%llu\t%s\n", text_string(&name),
               (unsigned long long)layout->types[layout->marks[i].type].size,
               kinds[layout->types[layout->marks[i].type].kind]);
        text_finish(&name);
    }
    for (uint32_t i = 0; i < layout->head->symbols; i++) {
        const struct layout_symbol *one = &layout->symbols[i];
        printf("symbol\t%s\t%s\t%u\n", layout_string(layout, one->name),
               layout_string(layout, one->file), one->function);
    }
    for (uint32_t i = 0; i < layout->head->types; i++) {
        const struct layout_type *one = &layout->types[i];
        struct text name = {.limit = 0};
        (void)layout_type_name(layout, i, &name);
        printf("type\t%s\t%s\t%llu\t%x\t%u\n", text_string(&name), kinds[one->kind],
               (unsigned long long)one->size, one->flags, one->count);
        text_finish(&name);
    }
}

static int print_layout(const char *path, const char *origin, bool statics)
{
    struct text block = {.limit = 0};
    struct error err = {.text = ""};
    enum reading_outcome outcome;
    struct layout *layout = NULL;
    if (layout_reading_make(path, origin, statics, &block, &outcome, &err)) {
        layout = layout_open(block.data, block.len, &err);
    }
    printf("outcome\t%d\t%s\n", (int)outcome, err.text);
    if (layout != NULL) {
        struct layout_field whole = {.old_name = LAYOUT_NONE};
        printf("shape\t%llx\t%llu\t%llu\n", (unsigned long long)layout->head->shape,
               (unsigned long long)layout->head->span, (unsigned long long)layout->head->text_size);
        print_type(layout, 0, "", &whole, 0);
        print_rest(layout);
    }
    layout_drop(&layout);
    text_finish(&block);
    return 0;
}

/* ---- damage ---- */

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

struct range {
    size_t begin, len;
};

/* The parts that debug info is read from. */
static size_t find_ranges(const struct text *file, struct range *ranges, size_t most)
{
    Elf *elf = elf_memory(file->data, file->len);
    size_t names, count = 0;
    if (elf == NULL || elf_getshdrstrndx(elf, &names) != 0) {
        exit(3);
    }
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn)) != NULL && count < most;) {
        GElf_Shdr header;
        const char *name =
            gelf_getshdr(scn, &header) == NULL ? NULL : elf_strptr(elf, names, header.sh_name);
        if (name != NULL && header.sh_size > 0 &&
            (strncmp(name, ".debug_", 7) == 0 || strcmp(name, ".symtab") == 0)) {
            ranges[count++] = (struct range){header.sh_offset, header.sh_size};
        }
    }
    (void)elf_end(elf);
    return count;
}

static size_t damage(struct text *file, const struct range *ranges, size_t count, uint64_t *seed)
{
    if (next(seed) % 16 == 0) {
        return (size_t)(next(seed) % file->len); /* cut */
    }
    for (uint64_t i = 0, hits = 1 + next(seed) % 6; i < hits; i++) {
        const struct range *range = &ranges[next(seed) % count];
        size_t at = range->begin + (size_t)(next(seed) % range->len);
        size_t left = range->begin + range->len - at;
        size_t len = next(seed) % 8 == 0 ? (size_t)(next(seed) % 32) : 1;
        for (size_t k = 0; k < len && k < left; k++) {
            unsigned flipped = (unsigned char)file->data[at + k] ^ 1U << next(seed) % 8;
            unsigned byte = next(seed) % 2 == 0 ? (unsigned)next(seed) : flipped;
            file->data[at + k] = (char)(unsigned char)(byte & 0xff);
        }
    }
    return file->len;
}

static int read_damaged(uint64_t seed, unsigned long times, const char *path, const char *copy)
{
    unsigned outcomes[4] = {0}, died = 0, stuck = 0;
    struct text whole = {.limit = 0}, file = {.limit = 0};
    struct range ranges[32];
    (void)elf_version(EV_CURRENT);
    if (!file_read(path, (size_t)1 << 30, &whole, NULL)) {
        return 3;
    }
    size_t count = find_ranges(&whole, ranges, 32);
    seed = seed * 2654435761U + 1;
    for (unsigned long i = 0; i < times; i++) {
        text_clear(&file);
        (void)text_append(&file, whole.data, whole.len);
        size_t len = damage(&file, ranges, count, &seed);
        int fd = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || !file_write_all(fd, file.data, len)) {
            return 3;
        }
        (void)close(fd);
        pid_t pid = fork();
        if (pid == 0) {
            struct text block = {.limit = 0};
            enum reading_outcome outcome;
            (void)alarm(SECONDS_MOST);
            (void)layout_reading_make(copy, "", i % 2 == 0, &block, &outcome, NULL);
            text_finish(&block);
            _exit((int)outcome);
        }
        int status = 0;
        (void)waitpid(pid, &status, 0);
        bool ended = WIFEXITED(status) && WEXITSTATUS(status) >= 1 && WEXITSTATUS(status) <= 3;
        if (ended) {
            outcomes[WEXITSTATUS(status)]++;
            continue;
        }
        stuck += WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
        died++;
        char kept[4200]; /* for whoever looks at it */
        (void)snprintf(kept, sizeof kept, "%s.%u", copy, died);
        (void)rename(copy, kept);
    }
    printf("{\"read\": %u, \"none\": %u, \"refused\": %u, \"died\": %u, \"stuck\": %u}\n",
           outcomes[READING_OK], outcomes[READING_NONE], outcomes[READING_REFUSED], died, stuck);
    text_finish(&whole);
    text_finish(&file);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "--damage") == 0) {
        return read_damaged(strtoull(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), argv[4],
                            argv[5]);
    }
    bool statics = argc > 2 && strcmp(argv[1], "--statics") == 0;
    char **words = argv + 1 + statics;
    int left = argc - 1 - statics;
    return left < 1 || left > 2 ? 2 : print_layout(words[0], left == 2 ? words[1] : "", statics);
}
