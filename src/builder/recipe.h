/* What is to be done for the sources: which programs with which words, as far as options, sources
 * and compile_flags.txt say. Nothing is run here. */
#ifndef BUILDER_RECIPE_H
#define BUILDER_RECIPE_H

#include "base/error.h"
#include "builder/compile.h"
#include "builder/flags.h"
#include "builder/toolchain.h"

#include <stdbool.h>
#include <stddef.h>

struct recipe_part {    /* of one source */
    const char *source; /* absolute; compile_options' */
    char *shown;        /* as compilers and people see it: relative where it lies below `dir` */
    struct toolchain toolchain;
    struct flags before, after; /* options in front of those of packages, and behind */
    char *object, *depfile;     /* paths */
};

struct recipe {
    const struct compile_options *options; /* borrowed until recipe_finish */
    struct recipe_part *parts;             /* owned */
    size_t count;
    const struct recipe_part *linking; /* whose compiler links: the first of C++, else the first */
    struct flags libs, packages;
    struct flags flag_files; /* compile_flags.txt, where it is read and where one would be */
    char *linker;            /* that is wanted; NULL: none */
    char *fresh;             /* the library before it gets its name */
};

/* Reads the sources' first lines and compile_flags.txt, and looks for compilers. False with `err`;
 * ERROR_MISSING: a source or a compiler is not there. What was found until then is in the recipe,
 * which is to be finished in either case. */
bool recipe_read(struct recipe *recipe, const struct compile_options *options, struct error *err);
void recipe_finish(struct recipe *recipe);

/* One process makes the library of the only source. */
bool recipe_is_whole(const struct recipe *recipe);

/* A linker is to be found: none is wanted, and the compiler can be told one. */
bool recipe_wants_linker(const struct recipe *recipe);

struct recipe_found { /* by running programs */
    const struct flags *package_cflags, *package_libs;
    char linker[32]; /* "": none is named */
};

/* These append a command to `argv`; false: no memory. */
bool recipe_whole(const struct recipe *recipe, const struct recipe_found *found,
                  struct flags *argv);
bool recipe_object(const struct recipe *recipe, const struct recipe_part *part,
                   const struct recipe_found *found, struct flags *argv);
bool recipe_link(const struct recipe *recipe, const struct recipe_found *found, struct flags *argv);

/* Lists what a source includes into its depfile, also what is missing. */
bool recipe_lookup(const struct recipe *recipe, const struct recipe_part *part,
                   const struct recipe_found *found, struct flags *argv);

#endif
