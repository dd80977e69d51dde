/* From a crash record to the packet that names it. */
#ifndef INSPECT_ANSWER_H
#define INSPECT_ANSWER_H

#include "base/text.h"
#include "inspect/shelf.h"
#include "inspect/source.h"
#include "link/naming.h"

#include <stdbool.h>

/* Fills `packet` with the answer to `request`, which is not trusted. `program`: the file of the
 * program whose record it is. What has no name when the request's time is over is told without.
 * False: no memory. */
bool answer_make(struct shelf *shelf, struct source *source, const char *program,
                 const struct naming_request *request, struct text *packet);

#endif
