/* A state from JSON, as encode.h writes it or as another program does: by the names of fields, with
 * the conversions of moves (convert.h). A member that is missing keeps its default, and so do the
 * elements behind an array's last item; one that is not known is told as dropped. A value of a
 * wholly different kind (an object where a number should be) is dropped as well. */
#ifndef CODEC_DECODE_H
#define CODEC_DECODE_H

#include "base/error.h"
#include "layout/findings.h"
#include "layout/target.h"

struct decode_given {
    bool same_process; /* "$address" is of this process, and is silently right where the target's
                          pointer has that very value; else pointers keep the target's value, which
                          is told */
    bool objects;      /* heap objects are made as "$heap" says; false: those that are there are
                          filled, in their order, when they are as many and of these types */
    bool strict;       /* an edit: what cannot be stored as it is (another kind, a value that would
                          be cut, a member or object that is not there, an array of another length)
                          is refused with ERROR_REFUSED, and transient members are set like others.
                          Members that are missing keep their value */
};

/* `json` is valid (json_check). False with `err`: by path, what was expected and what was found
 * (strict); no room in the heap; memory. The target is then of no use. */
bool decode_state(const char *json, size_t len, const struct decode_given *given,
                  const struct target *target, struct findings *findings, struct error *err);

#endif
