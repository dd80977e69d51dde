#include "module/elf_file.h"

#include "module/elf_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A place beyond this is nonsense, not a file that is not yet written to its end. */
#define LARGEST_FILE (UINT64_C(1) << 40)

bool elf_bad(struct elf_parts *parts, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(parts->err, ERROR_FORMAT, "it is damaged: %s", text);
}

/* 12288 -> "12,288" at the end of `space`. */
static const char *grouped(uint64_t n, char space[32])
{
    char *at = space + 31;
    *at = '\0';
    for (unsigned digits = 0; n != 0 || digits == 0; n /= 10, digits++) {
        if (digits != 0 && digits % 3 == 0) {
            *--at = ',';
        }
        *--at = (char)('0' + n % 10);
    }
    return at;
}

bool elf_cut(struct elf_parts *parts, const char *what, uint64_t end)
{
    char space[2][32];
    if (end > LARGEST_FILE) {
        return elf_bad(parts, "%s would end at byte %s", what, grouped(end, space[0]));
    }
    parts->facts->incomplete = true;
    return error_set(parts->err, ERROR_FORMAT, "the file ends inside %s (%s of %s bytes are there)",
                     what, grouped(parts->reader.size, space[0]), grouped(end, space[1]));
}

bool elf_unwritten(struct elf_parts *parts, const char *what)
{
    parts->facts->incomplete = true;
    return error_set(parts->err, ERROR_FORMAT, "zeroes stand where %s should be", what);
}

/* What is wrong first is a matter of chance when a whole end is not written yet: an end of zeroes
 * explains it better than what was found. */
static void look_at_end(struct elf_parts *parts)
{
    static const char zeroes[64];
    char end[sizeof zeroes];
    if (!parts->facts->incomplete && parts->reader.size >= sizeof end &&
        elf_reader_get(&parts->reader, parts->reader.size - sizeof end, end, sizeof end) &&
        memcmp(end, zeroes, sizeof end) == 0) {
        (void)elf_unwritten(parts, "its end");
    }
}

/* The order is part of the check: see elf_parts.h. */
static bool (*const CHECKS[])(struct elf_parts *) = {
    elf_header_check,  elf_segments_check, elf_dynamic_check,  elf_sections_check,
    elf_symbols_check, elf_terminal_check, elf_versions_check, elf_relocations_check,
};

enum {
    CHECKS_FOR_FACTS = 6
};

static bool run(int fd, const void *bytes, uint64_t size, size_t checks, struct elf_facts *facts,
                struct error *err)
{
    struct elf_parts parts;
    memset(&parts.header, 0, sizeof parts - offsetof(struct elf_parts, header));
    memset(facts, 0, sizeof *facts);
    elf_reader_init(&parts.reader, fd, bytes, size);
    parts.facts = facts;
    if (err != NULL) {
        err->code = ERROR_NONE;
    }
    parts.err = err;
    for (size_t i = 0; i < checks; i++) {
        if (!CHECKS[i](&parts)) {
            if (i > 0 && parts.reader.failure == 0) {
                look_at_end(&parts);
            }
            if (parts.reader.failure != 0) {
                errno = parts.reader.failure;
                return error_errno(err, "cannot read the file");
            }
            if (err != NULL && err->code == ERROR_NONE) {
                (void)elf_bad(&parts, "one of its tables ends too early");
            }
            return false;
        }
    }
    return true;
}

bool elf_file_check(int fd, uint64_t size, struct elf_facts *facts, struct error *err)
{
    return run(fd, NULL, size, sizeof CHECKS / sizeof CHECKS[0], facts, err);
}

bool elf_bytes_check(const void *bytes, uint64_t size, struct elf_facts *facts, struct error *err)
{
    return run(-1, bytes, size, sizeof CHECKS / sizeof CHECKS[0], facts, err);
}

bool elf_file_facts(int fd, uint64_t size, struct elf_facts *facts, struct error *err)
{
    return run(fd, NULL, size, CHECKS_FOR_FACTS, facts, err);
}
