#include "builder/compile_parts.h"

#include "base/path.h"
#include "builder/linker.h"

#include <stdlib.h>
#include <unistd.h>

char *compile_linker_cache(const struct compile *compile)
{
    char *folder = path_dir(compile->options.target);
    char *cache = folder == NULL ? NULL : path_join(folder, "linker");
    free(folder);
    return cache;
}

bool compile_knows_linker(struct compile *compile)
{
    flags_clear(&compile->linkers);
    if (!recipe_wants_linker(&compile->recipe)) {
        compile->linker_key = 0;
        compile->found.linker[0] = '\0';
        return true;
    }
    (void)linker_candidates(compile->options.env, &compile->linkers);
    uint64_t key = linker_key(&compile->recipe.linking->toolchain, &compile->linkers);
    if (key == compile->linker_key) {
        return true;
    }
    char *cache = compile_linker_cache(compile);
    compile->found.linker[0] = '\0';
    bool known = compile->linkers.count == 0 ||
                 (cache != NULL && linker_recall(cache, key, compile->found.linker));
    compile->linker_key = known ? key : 0;
    free(cache);
    return known;
}

/* What else than its words makes a command another one. */
static uint64_t command_of(const struct compile *compile, const struct recipe_part *part,
                           const struct flags *argv)
{
    struct flags where = {0};
    (void)flags_add(&where, compile->options.dir);
    uint64_t hash = flags_hash(argv) ^ part->toolchain.identity ^ flags_hash(&where);
    flags_finish(&where);
    return hash;
}

bool compile_source_command(struct compile *compile, struct unit *unit, struct flags *argv)
{
    const struct recipe *recipe = &compile->recipe;
    bool ok = recipe_is_whole(recipe) ? recipe_whole(recipe, &compile->found, argv)
                                      : recipe_object(recipe, unit->part, &compile->found, argv);
    unit->command = command_of(compile, unit->part, argv);
    return ok;
}

bool compile_link_command(struct compile *compile, struct flags *argv)
{
    bool ok = recipe_link(&compile->recipe, &compile->found, argv);
    compile->command = command_of(compile, compile->recipe.linking, argv);
    return ok;
}

void compile_link_inputs(const struct compile *compile, struct flags *inputs)
{
    const struct recipe *recipe = &compile->recipe;
    for (size_t i = 0; i < recipe->count; i++) {
        (void)flags_add(inputs, recipe->parts[i].object);
    }
    for (size_t i = 0; i < recipe->libs.count; i++) {
        const char *word = recipe->libs.words[i]; /* a library that is named as a file */
        char *path = word[0] == '-' ? NULL : path_join(compile->options.dir, word);
        if (path != NULL && access(path, F_OK) == 0) {
            (void)flags_add_new(inputs, path);
        }
        free(path);
    }
}

struct product *compile_product(struct compile *compile, struct unit *unit)
{
    return recipe_is_whole(&compile->recipe) ? &compile->library : &unit->object;
}

bool compile_is_current(struct compile *compile)
{
    struct error err;
    if (!compile_read(compile, &err) || compile->recipe.packages.count > 0 ||
        !compile_knows_linker(compile)) {
        return false;
    }
    bool current = true;
    for (size_t i = 0; current && i < compile->recipe.count; i++) {
        struct unit *unit = &compile->units[i];
        struct flags argv = {0};
        current = compile_source_command(compile, unit, &argv) &&
                  product_is_current(compile_product(compile, unit), unit->command);
        flags_finish(&argv);
    }
    if (current && !recipe_is_whole(&compile->recipe)) {
        struct flags argv = {0};
        current = compile_link_command(compile, &argv) &&
                  product_is_current(&compile->library, compile->command);
        flags_finish(&argv);
    }
    return current;
}
