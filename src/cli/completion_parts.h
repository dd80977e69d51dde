/* What the scripts for the shells have in common. */
#ifndef CLI_COMPLETION_PARTS_H
#define CLI_COMPLETION_PARTS_H

#include "base/text.h"
#include "cli/help.h"

#include <stdbool.h>

bool completion_has_subs(enum command command);

/* NAME:HELP, or HELP where the name is empty, in single quotes as all three shells read them. */
void completion_quote(struct text *out, const char *name, const char *help);

void completion_write_fish(struct text *out);

#endif
