/* What compile.c and compile_stages.c share: the first is the life of it, the second what is done
 * in which order. */
#ifndef BUILDER_COMPILE_PARTS_H
#define BUILDER_COMPILE_PARTS_H

#include "base/text.h"
#include "builder/batch.h"
#include "builder/compile.h"
#include "builder/packages.h"
#include "builder/product.h"
#include "builder/recipe.h"

enum compile_stage { /* in their order */
    STAGE_IDLE,
    STAGE_PACKAGES,
    STAGE_LINKER,
    STAGE_SOURCES,
    STAGE_LINK,
    STAGE_LOOKUP, /* of what a source that failed includes */
    STAGE_OVER
};

struct unit {
    const struct recipe_part *part;
    struct product object;
    uint64_t command; /* that makes it */
    bool failed;
};

struct compile {
    uv_loop_t *loop;
    uv_timer_t *soon; /* to end from the loop */
    struct flags sources, env;
    struct compile_options options; /* with strings of our own */
    struct command_callbacks callbacks;
    struct recipe recipe;
    struct recipe_found found;
    struct packages packages;
    uint64_t linker_key; /* what found.linker was chosen for; 0: nothing */
    struct flags linkers;
    size_t linker;      /* which of them is tried */
    struct unit *units; /* one for each source */
    struct product library;
    uint64_t command;           /* that makes the library */
    struct flags files, missed; /* missed: what a failed build includes, or would */
    struct text line;
    struct batch *batch;
    enum compile_stage stage;
    struct command_end end;
    uint64_t began_ns;
    bool starting, made, cancelled;
};

/* compile_stages.c */
void compile_go_on(struct compile *compile); /* begins the stage behind the present one, or ends */

/* compile_commands.c: the commands, and whether what they make is up to date. Each takes no
 * program's work; argv is the caller's, also when false is returned: no memory. */
/* Chooses a linker as far as that is known. False: compile->linkers are to be tried. */
bool compile_knows_linker(struct compile *compile);
char *compile_linker_cache(const struct compile *compile); /* its path; caller frees */
/* The command for a source, unit->command, and for the library, compile->command. */
bool compile_source_command(struct compile *compile, struct unit *unit, struct flags *argv);
bool compile_link_command(struct compile *compile, struct flags *argv);
/* What the link reads. */
void compile_link_inputs(const struct compile *compile, struct flags *inputs);
/* What is made of a source: the library, or an object. */
struct product *compile_product(struct compile *compile, struct unit *unit);

/* compile.c */
bool compile_read(struct compile *compile, struct error *err); /* what sources and options say */
void compile_finish(struct compile *compile);                  /* tells the end, from the loop */
bool compile_succeeded(const struct command_end *end);
void compile_say(struct compile *compile, const char *sentence); /* as output; a line of its own */

#endif
