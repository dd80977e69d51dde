/* The words of a recipe's commands. A later option wins over an earlier one, so hotrun's own stand
 * first, and then those of compile_flags.txt, packages, the source's line and the user, in this
 * order. */
#include "builder/recipe.h"

#include <string.h>

static void add_each(struct flags *argv, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        (void)flags_add(argv, words[i]);
    }
}

static void add_pair(struct flags *argv, const char *option, const char *value)
{
    (void)flags_add(argv, option);
    (void)flags_add(argv, value);
}

/* Where compilers look by themselves; that such a folder is named takes it out of its order, which
 * the C++ library cannot do without. */
static bool is_searched(const char *folder)
{
    return strcmp(folder, "/usr/include") == 0 || strcmp(folder, "/usr/local/include") == 0;
}

static void add_options(const struct recipe *recipe, const struct recipe_part *part,
                        const struct recipe_found *found, struct flags *argv)
{
    (void)flags_add_all(argv, &part->before);
    (void)flags_add_all(argv, found->package_cflags);
    (void)flags_add_all(argv, &part->after);
    /* Behind each -I, so that the user's own hotrun.h wins. */
    if (recipe->options->include_dir != NULL && !is_searched(recipe->options->include_dir)) {
        add_pair(argv, "-isystem", recipe->options->include_dir);
    }
}

/* The compiler, and how it is to translate a source. */
static void add_compiler(const struct recipe *recipe, const struct recipe_part *part,
                         const struct recipe_found *found, struct flags *argv)
{
    static const char *const tcc[] = {"-g", NULL};
    static const char *const usual[] = {
        "-g", "-fPIC", "-fvisibility=hidden", "-fno-omit-frame-pointer", "-pipe", NULL};
    (void)flags_add_all(argv, &part->toolchain.words);
    add_each(argv, part->toolchain.is_tcc ? tcc : usual);
    if (part->toolchain.is_gnu && language_of(part->source) == LANGUAGE_CXX) {
        (void)flags_add(argv, "-fno-gnu-unique"); /* such symbols keep old code in memory */
    }
    if (part->toolchain.is_clang && language_of(part->source) == LANGUAGE_CXX) {
        (void)flags_add(argv, "-fstandalone-debug"); /* tells what is in a std::string, too */
    }
    add_options(recipe, part, found, argv);
}

static bool is_sanitized(const struct recipe *recipe)
{
    return flags_have(&recipe->linking->before, "-fsanitize") ||
           flags_have(&recipe->linking->after, "-fsanitize");
}

static void add_linker(const struct recipe *recipe, const struct recipe_found *found,
                       struct flags *argv)
{
    if (recipe->linking->toolchain.is_tcc) {
        /* It hides nothing, and a `step` that is exported is to be the module's own. */
        add_each(argv, (const char *const[]){"-shared", "-Wl,-Bsymbolic", NULL});
        return;
    }
    (void)flags_add(argv, "-shared");
    const char *linker = recipe->linker != NULL ? recipe->linker : found->linker;
    if (linker[0] != '\0') {
        (void)flags_addf(argv, "-fuse-ld=%s", linker);
    }
    if (!is_sanitized(recipe)) { /* whose runtime defines what is missing */
        (void)flags_add(argv, "-Wl,-z,defs");
    }
}

static void add_libraries(const struct recipe *recipe, const struct recipe_found *found,
                          struct flags *argv)
{
    (void)flags_add_all(argv, &recipe->libs);
    (void)flags_add_all(argv, found->package_libs);
    (void)flags_add(argv, "-lm");
}

bool recipe_whole(const struct recipe *recipe, const struct recipe_found *found, struct flags *argv)
{
    const struct recipe_part *part = recipe->linking;
    add_compiler(recipe, part, found, argv);
    add_linker(recipe, found, argv);
    (void)flags_add(argv, "-MD");
    add_pair(argv, "-MF", part->depfile);
    add_pair(argv, "-o", recipe->fresh);
    (void)flags_add(argv, part->shown);
    add_libraries(recipe, found, argv);
    return !argv->failed;
}

bool recipe_object(const struct recipe *recipe, const struct recipe_part *part,
                   const struct recipe_found *found, struct flags *argv)
{
    add_compiler(recipe, part, found, argv);
    (void)flags_add(argv, "-MD");
    add_pair(argv, "-MF", part->depfile);
    add_pair(argv, "-o", part->object);
    add_pair(argv, "-c", part->shown);
    return !argv->failed;
}

/* Options for compiling that linking needs, too: -fsanitize, -pthread, -m32. Others would be warned
 * of, or change what an object is taken for (-x). */
static void add_link_options(const struct flags *options, struct flags *argv)
{
    static const char *const kept[] = {
        "-f", "-m",   "-O",        "-g",       "-pthread",   "-B",       "-L",
        "-l", "-Wl,", "--target=", "-static-", "--ld-path=", "-stdlib=", "--sysroot="};
    for (size_t i = 0; i < options->count; i++) {
        for (size_t k = 0; k < sizeof kept / sizeof kept[0]; k++) {
            if (strncmp(options->words[i], kept[k], strlen(kept[k])) == 0) {
                (void)flags_add(argv, options->words[i]);
                break;
            }
        }
    }
}

bool recipe_link(const struct recipe *recipe, const struct recipe_found *found, struct flags *argv)
{
    const struct recipe_part *part = recipe->linking;
    (void)flags_add_all(argv, &part->toolchain.words);
    if (!part->toolchain.is_tcc) {
        add_each(argv,
                 (const char *const[]){"-g", "-fPIC", "-Wno-unused-command-line-argument", NULL});
    }
    add_link_options(&part->before, argv);
    add_link_options(found->package_cflags, argv);
    add_link_options(&part->after, argv);
    add_linker(recipe, found, argv);
    add_pair(argv, "-o", recipe->fresh);
    for (size_t i = 0; i < recipe->count; i++) {
        (void)flags_add(argv, recipe->parts[i].object);
    }
    add_libraries(recipe, found, argv);
    return !argv->failed;
}

bool recipe_lookup(const struct recipe *recipe, const struct recipe_part *part,
                   const struct recipe_found *found, struct flags *argv)
{
    if (part->toolchain.is_tcc) {
        (void)flags_add(argv, "cc"); /* tcc lists nothing of what it does not find */
    } else {
        (void)flags_add_all(argv, &part->toolchain.words);
    }
    add_each(argv, (const char *const[]){"-M", "-MG", NULL});
    add_pair(argv, "-MF", part->depfile);
    add_options(recipe, part, found, argv);
    return flags_add(argv, part->shown);
}
