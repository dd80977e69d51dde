/* One error idiom: a function that can fail returns bool (or a pointer) and fills a struct error
 * where the failure is detected. The sentence says what was expected, what was found and what to
 * do. Whoever handles the error prints it, once. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

enum error_code {
    ERROR_NONE,
    ERROR_USAGE,   /* the command line is wrong */
    ERROR_CONFIG,  /* hotrun.toml is wrong */
    ERROR_SYSTEM,  /* a system call failed; the text ends with its errno's words */
    ERROR_MISSING, /* a thing that is named is not there */
    ERROR_BUSY,    /* somebody else has it at the moment; trying again later can succeed */
    ERROR_FORMAT,  /* bytes from outside are not what they should be */
    ERROR_LIMIT,   /* larger, deeper or longer than allowed */
    ERROR_REFUSED, /* not allowed: owner, mode, version */
    ERROR_INTERNAL /* hotrun's own fault */
};

struct error {
    enum error_code code;
    char text[1024]; /* one UTF-8 sentence without a final newline; longer ones are cut */
};

/* Fills `err` (which may be NULL) and returns false, so that a failing function can `return
 * error_set(...)`. */
bool error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ERROR_SYSTEM, and ": " and errno's words behind the sentence. errno is read on
 * entry. */
bool error_errno(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
