/* Whether a file is a whole shared library for this machine, found out without loading it. Every
 * offset and size is taken as hostile. Reads with pread in small pieces, so that a large library
 * costs no memory. */
#ifndef MODULE_ELF_FILE_H
#define MODULE_ELF_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct elf_facts {
    bool incomplete; /* set when the check fails because the file ends too early or has zeroes where
                        something should be: its writer may not be done */
    bool nodelete;   /* DF_1_NODELETE: dlclose will not unload it */
    bool thread_destructors; /* imports __cxa_thread_atexit*: stays while a thread has such an
                                object */
    bool sanitizer;          /* imports the runtime of a sanitizer that must be in the process from
                                its start: address, thread, memory, leak */
    bool sanitizer_linked;   /* it names the sanitizer's library as needed: gcc's way, clang expects
                                it in the program */
    char sanitizer_symbol[24]; /* "__asan_init", "__tsan_init", ...; "__ubsan_handle_*" for UBSan
                                  alone, which sets no `sanitizer`; "" if none */
    bool table;                /* exports hotrun_module_table */
    bool debug_info; /* it has debug info, or names the file that has it (.gnu_debuglink) */
    unsigned char build_id[20]; /* by which debug info is found that was taken out of it */
    unsigned char build_id_len; /* 0: none */
    char unique_symbol[128]; /* the name of one STB_GNU_UNIQUE definition, which pins the library;
                                "" if none */
    char reader[48]; /* what lets its code read the terminal: an import ("fgets") or the name of a
                        library that it needs; "" if nothing does. Code without an import, a system
                        call of its own, is not seen */
};

/* `fd` is a regular file of `size` bytes; its offset is left alone. True and *facts when the ELF
 * header, segments, section table, dynamic table, symbols, versions and relocations lie inside the
 * file, agree with each other and belong to a shared library of this machine and class. Else
 * ERROR_FORMAT, one sentence without the file's name ("the file ends inside its section table
 * (12,288 of 15,640 bytes are there)"), or ERROR_SYSTEM. The contents of code and data are not
 * looked at. Linear in the number of symbols and relocations. [any thread] */
bool elf_file_check(int fd, uint64_t size, struct elf_facts *facts, struct error *err);

/* The same for a file that was read whole. */
bool elf_bytes_check(const void *bytes, uint64_t size, struct elf_facts *facts, struct error *err);

/* The same without versions and relocations: enough to fill the facts of a file that was checked
 * before. */
bool elf_file_facts(int fd, uint64_t size, struct elf_facts *facts, struct error *err);

#endif
