/* The variables of a module that are carried, as JSON groups them: by file, and in it by function.
 * Those of one file, function and name (of two blocks) are told apart by "name#2". */
#ifndef CODEC_STATICS_H
#define CODEC_STATICS_H

#include "base/text.h"
#include "layout/layout.h"

struct static_entry {
    const struct layout_variable *variable;
    uint32_t number; /* of the variable in its layout */
    uint32_t nth;    /* 1: the first of its name */
};

struct statics {
    const struct layout *layout;
    struct static_entry *entries; /* by file; those outside of functions first; then by function */
    uint32_t count;
    uint32_t *globals; /* numbers of entries that other files see, by name */
    uint32_t global_count;
};

/* Those that start anew on each reload (HOTRUN_RESET) are not among them. False: no memory. */
bool statics_open(struct statics *statics, const struct layout *layout);
void statics_close(struct statics *statics); /* zero-initialised is allowed */

/* Appends the names as JSON has them: "function()", and "name" or "name#2". */
void statics_function(const struct statics *statics, const struct static_entry *entry,
                      struct text *out);
void statics_name(const struct statics *statics, const struct static_entry *entry,
                  struct text *out);

/* Whether two stand in the same object. */
bool statics_same_file(const struct statics *statics, uint32_t a, uint32_t b);
bool statics_same_function(const struct statics *statics, uint32_t a, uint32_t b);

/* The entry of a variable; NULL: it is not carried. */
const struct static_entry *statics_entry(const struct statics *statics,
                                         const struct layout_variable *variable);

/* The first entry of that file, or function of a file ("" or "name()"), or the one of that name in
 * it. Global ones are found in any file. NULL: none. */
const struct static_entry *statics_in_file(const struct statics *statics, const char *file,
                                           size_t len);
const struct static_entry *statics_in_function(const struct statics *statics,
                                               const struct static_entry *file,
                                               const char *function, size_t len);
const struct static_entry *statics_named(const struct statics *statics, const char *file,
                                         size_t file_len, const char *function, size_t function_len,
                                         const char *name, size_t name_len);

#endif
