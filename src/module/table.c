/* The entry table, which is taken for what it says only after all of it was looked at: it may be
 * anything that has the right name. */
#define _GNU_SOURCE
#include "module/library_parts.h"

#include "base/path.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    LARGEST_ALIGN = 4096,
    LONGEST_NAME = 255
};

/* Where the table of ABI 1.0 ends: a later one is longer, none is shorter. */
static const size_t SIZE_1_0 =
    offsetof(hotrun_module, get_extension) + sizeof(((hotrun_module *)0)->get_extension);

static const struct {
    const char *name;
    size_t offset;
} FUNCTIONS[] = {
    {"state_type", offsetof(hotrun_module, state_type)},
    {"init", offsetof(hotrun_module, init)},
    {"step", offsetof(hotrun_module, step)},
    {"serialize", offsetof(hotrun_module, serialize)},
    {"deserialize", offsetof(hotrun_module, deserialize)},
    {"on_event", offsetof(hotrun_module, on_event)},
    {"fini", offsetof(hotrun_module, fini)},
    {"get_extension", offsetof(hotrun_module, get_extension)},
};

static bool inside(const struct library *library, uintptr_t address, size_t size)
{
    return mapping_segment_of(&library->mapping, address, size, PF_R) != NULL;
}

static bool find_table(const struct library *library, uintptr_t *address, struct error *err)
{
    const char *name = library->name;
    void *table = dlsym(library->handle, "hotrun_module_table");
    if (table == NULL) {
        (void)dlerror();
        return error_set(err, ERROR_MISSING,
                         "%s has no hotrun_module_table: put HOTRUN_MODULE(...); into one of its "
                         "source files (a version script must name hotrun_module_table as global)",
                         name);
    }
    *address = (uintptr_t)table;
    /* dlsym searches the libraries that it needs as well. */
    Dl_info info;
    if (!library_contains(library, table) && dladdr(table, &info) != 0 && info.dli_fname != NULL) {
        return error_set(err, ERROR_FORMAT,
                         "hotrun_module_table was found in %s, not in %s: put HOTRUN_MODULE(...); "
                         "into a source file of %s itself",
                         path_base(info.dli_fname), name, name);
    }
    const size_t head = offsetof(hotrun_module, state_align);
    if (*address % _Alignof(hotrun_module) != 0 || !inside(library, *address, head)) {
        return error_set(err, ERROR_FORMAT,
                         "hotrun_module_table of %s is no table: it must be the hotrun_module that "
                         "HOTRUN_MODULE(...); defines",
                         name);
    }
    return true;
}

static bool check_size(const struct library *library, uintptr_t address, struct error *err)
{
    const char *name = library->name;
    /* In every major version these three come first. */
    const hotrun_module *table = (const hotrun_module *)address;
    uint32_t size = table->size;
    uint32_t major = table->abi_major;
    if (size < offsetof(hotrun_module, state_align) || major == 0) {
        return error_set(err, ERROR_FORMAT,
                         "hotrun_module_table of %s is no table (size %u, ABI %u): it must be the "
                         "hotrun_module that HOTRUN_MODULE(...); defines",
                         name, size, major);
    }
    if (major != HOTRUN_ABI_MAJOR) {
        return error_set(err, ERROR_REFUSED,
                         "%s was built for hotrun ABI %u, this is %u: rebuild it against this "
                         "hotrun.h",
                         name, major, HOTRUN_ABI_MAJOR);
    }
    if (size < SIZE_1_0) {
        return error_set(err, ERROR_FORMAT,
                         "hotrun_module_table of %s has %u bytes, ABI %u.0 has %zu: rebuild it "
                         "against this hotrun.h",
                         name, size, HOTRUN_ABI_MAJOR, SIZE_1_0);
    }
    return inside(library, address, size) ||
           error_set(err, ERROR_FORMAT,
                     "hotrun_module_table of %s tells a size of %u bytes, which reaches beyond its "
                     "data: it must be the hotrun_module that HOTRUN_MODULE(...); defines",
                     name, size);
}

/* Length of the UTF-8 sequence that `at` begins with (at most `left` bytes); 0: none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } FORMS[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t more = 0; more < sizeof FORMS / sizeof FORMS[0] && more < left; more++) {
        if ((at[0] & FORMS[more].mask) != FORMS[more].lead) {
            continue;
        }
        uint32_t point = at[0] & (uint32_t)(unsigned char)~FORMS[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((at[i] & 0xc0) != 0x80) {
                return 0;
            }
            point = point << 6 | (at[i] & 0x3fU);
        }
        bool good =
            point >= FORMS[more].least && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        return good ? more + 1 : 0;
    }
    return 0;
}

static bool check_name(const struct library *library, const hotrun_module *table, struct error *err)
{
    uintptr_t address = (uintptr_t)table->name;
    if (address == 0) {
        return error_set(err, ERROR_FORMAT, "%s has no name: give HOTRUN_MODULE a .name = \"...\"",
                         library->name);
    }
    const struct mapping_segment *segment = mapping_segment_of(&library->mapping, address, 1, PF_R);
    if (segment == NULL || address - segment->start >= segment->from_file) {
        return error_set(err, ERROR_FORMAT,
                         "name is outside of %s: it must be a string constant of the module",
                         library->name);
    }
    size_t most = segment->from_file - (address - segment->start);
    size_t len = strnlen(table->name, most < LONGEST_NAME + 1 ? most : LONGEST_NAME + 1);
    if (len == most || len > LONGEST_NAME) {
        return error_set(err, ERROR_FORMAT,
                         "name of %s does not end within %d bytes: make it a short string constant",
                         library->name, LONGEST_NAME);
    }
    if (len == 0) {
        return error_set(err, ERROR_FORMAT,
                         "the name of %s is empty: give HOTRUN_MODULE a .name = \"...\"",
                         library->name);
    }
    const unsigned char *text = (const unsigned char *)table->name;
    for (size_t i = 0, step; i < len; i += step) {
        step = utf8_length(text + i, len - i);
        if (step == 0 || text[i] < ' ' || text[i] == 0x7f) {
            return error_set(err, ERROR_FORMAT,
                             "the name of %s holds control characters or is not UTF-8: use a plain "
                             "word",
                             library->name);
        }
    }
    return true;
}

static bool check_function(const struct library *library, const char *name, uintptr_t address,
                           struct error *err)
{
    char owner[256];
    if (address == 0 || mapping_segment_of(&library->mapping, address, 1, PF_X) != NULL) {
        return true;
    }
    if (library_contains(library, (const void *)address)) {
        return error_set(err, ERROR_FORMAT,
                         "%s points to data of %s, not to a function: check what HOTRUN_MODULE is "
                         "given",
                         name, library->name);
    }
    (void)library_owner((const void *)address, owner, sizeof owner);
    if (owner[0] == '\0') {
        return error_set(err, ERROR_FORMAT,
                         "%s is outside of %s (address %#lx, which belongs to no library): check "
                         "what HOTRUN_MODULE is given",
                         name, library->name, (unsigned long)address);
    }
    return error_set(err, ERROR_FORMAT,
                     "%s is outside of %s (it is bound to %s): make it static, or compile with "
                     "-fvisibility=hidden",
                     name, library->name, owner);
}

static bool check_functions(const struct library *library, const hotrun_module *table,
                            struct error *err)
{
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof FUNCTIONS[0]; i++) {
        uintptr_t address;
        memcpy(&address, (const char *)table + FUNCTIONS[i].offset, sizeof address);
        if (!check_function(library, FUNCTIONS[i].name, address, err)) {
            return false;
        }
    }
    if (table->step == NULL) {
        return error_set(err, ERROR_FORMAT, "%s has no step: give HOTRUN_MODULE a .step = FUNCTION",
                         library->name);
    }
    if ((table->serialize == NULL) != (table->deserialize == NULL)) {
        bool has = table->serialize != NULL;
        return error_set(err, ERROR_FORMAT, "%s has %s but no %s: give HOTRUN_MODULE both or none",
                         library->name, has ? "serialize" : "deserialize",
                         has ? "deserialize" : "serialize");
    }
    return true;
}

const hotrun_module *library_table(const struct library *library, struct error *err)
{
    uintptr_t address = 0;
    if (!find_table(library, &address, err) || !check_size(library, address, err)) {
        return NULL;
    }
    const hotrun_module *table = (const hotrun_module *)address;
    uint32_t align = table->state_align;
    if (align == 0 || (align & (align - 1)) != 0 || align > LARGEST_ALIGN) {
        (void)error_set(err, ERROR_FORMAT,
                        "state_align of %s is %u: it must be a power of two, at most %d",
                        library->name, align, LARGEST_ALIGN);
        return NULL;
    }
    return check_name(library, table, err) && check_functions(library, table, err) ? table : NULL;
}
