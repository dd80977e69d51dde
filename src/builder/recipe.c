#define _GNU_SOURCE /* asprintf, vasprintf */
#include "builder/recipe.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"
#include "builder/directive.h"
#include "builder/linker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS_FILE      "compile_flags.txt"
#define FLAGS_FILE_MOST ((size_t)1 << 20)

static bool no_memory(struct error *err)
{
    return error_set(err, ERROR_SYSTEM, "no memory for a compiler's command");
}

/* ---- what is said ---- */

/* `path` below `dir` as one would type it there; a name that could be taken for an option gets "./"
 * in front. NULL: no memory. */
static char *show(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    if (len > 1 && strncmp(path, dir, len) == 0 && path[len] == '/' && path[len + 1] != '\0') {
        path += len + 1;
    }
    char *shown = NULL;
    return asprintf(&shown, "%s%s", path[0] == '-' ? "./" : "", path) < 0 ? NULL : shown;
}

/* Options start plugins: such a file must not be another user's. */
static bool take_flags_file(const char *path, const char *folder, struct flags *flags,
                            struct error *err)
{
    struct stat st;
    struct text text = {0};
    if (stat(path, &st) != 0) {
        return true;
    }
    if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & S_IWOTH) != 0) {
        return error_set(err, ERROR_REFUSED,
                         "%s: what another user may write is not used: change its owner or mode",
                         path);
    }
    bool ok = file_read(path, FLAGS_FILE_MOST, &text, err) &&
              flags_lines(flags, text_string(&text), folder, err);
    text_finish(&text);
    return ok;
}

/* The project's root: where hotrun works, or where a repository is. */
static bool is_root(const char *folder, const char *dir)
{
    char *git = path_join(folder, ".git");
    bool root = strcmp(folder, dir) == 0 || strcmp(folder, "/") == 0 ||
                (git != NULL && access(git, F_OK) == 0);
    free(git);
    return root;
}

/* The nearest compile_flags.txt, in the source's folder or above it, up to the root. */
static bool read_flags_files(struct recipe *recipe, struct recipe_part *part, struct error *err)
{
    char *folder = path_dir(part->source);
    bool ok = folder != NULL || no_memory(err);
    while (ok) {
        char *path = path_join(folder, FLAGS_FILE);
        bool found = path != NULL && access(path, F_OK) == 0;
        ok = path != NULL && flags_add_new(&recipe->flag_files, path);
        ok = ok ? take_flags_file(path, folder, &part->before, err) : no_memory(err);
        free(path);
        if (!ok || found || is_root(folder, recipe->options->dir)) {
            break;
        }
        char *parent = path_dir(folder);
        free(folder);
        folder = parent;
        ok = folder != NULL || no_memory(err);
    }
    free(folder);
    return ok;
}

static bool split(struct flags *flags, const char *text, const char *what, struct error *err)
{
    return text == NULL || flags_split(flags, text, what, err);
}

/* The source's own line. Relative folders in it start at its own one. */
static bool read_directive(struct recipe *recipe, struct recipe_part *part, char **cc,
                           struct error *err)
{
    struct directive directive = {0};
    char *folder = path_dir(part->source);
    bool ok = (folder != NULL || no_memory(err)) &&
              directive_read(&directive, part->source, part->shown, err);
    if (ok) {
        (void)flags_root(&directive.cflags, 0, folder);
        (void)flags_root(&directive.libs, 0, folder);
        (void)flags_add_all(&part->after, &directive.cflags);
        (void)flags_add_all(&recipe->libs, &directive.libs);
        (void)flags_add_all(&recipe->packages, &directive.packages);
        *cc = directive.cc;
        directive.cc = NULL;
        if (recipe->linker == NULL) {
            recipe->linker = directive.linker;
            directive.linker = NULL;
        }
    }
    directive_finish(&directive);
    free(folder);
    return ok;
}

/* ---- parts ---- */

/* "FOLDER/NAME"; NULL: no memory. */
__attribute__((format(printf, 2, 3))) static char *name_in(const char *folder, const char *format,
                                                           ...)
{
    char *name = NULL;
    char *path = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&name, format, args) >= 0) {
        path = path_join(folder, name);
        free(name);
    }
    va_end(args);
    return path;
}

static bool name_files(const struct recipe *recipe, struct recipe_part *part)
{
    char *folder = path_dir(recipe->options->target);
    const char *name = path_base(part->source);
    /* Two sources of one name lie in two folders. */
    uint32_t place = (uint32_t)hash_bytes(part->source, strlen(part->source));
    if (folder != NULL) {
        part->object = name_in(folder, "%s-%08" PRIx32 ".o", name, place);
        part->depfile = name_in(folder, "%s-%08" PRIx32 ".d", name, place);
    }
    free(folder);
    return part->object != NULL && part->depfile != NULL;
}

static bool read_part(struct recipe *recipe, struct recipe_part *part, struct error *err)
{
    const struct compile_options *options = recipe->options;
    enum language language = language_of(part->source);
    char *cc = NULL;
    part->shown = show(part->source, options->dir);
    bool ok = (part->shown != NULL && name_files(recipe, part)) || no_memory(err);
    ok = ok && read_directive(recipe, part, &cc, err) && read_flags_files(recipe, part, err) &&
         split(&part->after, options->cflags, "cflags", err) &&
         toolchain_choose(&part->toolchain, options->cc != NULL ? options->cc : cc, language,
                          options->env, err);
    free(cc);
    if (ok && part->toolchain.is_tcc && language == LANGUAGE_CXX) {
        return error_set(err, ERROR_CONFIG, "%s: tcc compiles C only: name another compiler",
                         part->shown);
    }
    bool first_cxx = language == LANGUAGE_CXX && recipe->linking != NULL &&
                     language_of(recipe->linking->source) == LANGUAGE_C;
    if (recipe->linking == NULL || first_cxx) {
        recipe->linking = part;
    }
    return ok;
}

static bool check_words(const struct recipe *recipe, struct error *err)
{
    for (size_t i = 0; i < recipe->packages.count; i++) {
        if (recipe->packages.words[i][0] == '-') {
            return error_set(err, ERROR_CONFIG,
                             "pkg_config: expected names of packages, found \"%.80s\"",
                             recipe->packages.words[i]);
        }
    }
    if (recipe->linker != NULL && !linker_is_name(recipe->linker)) {
        return error_set(err, ERROR_CONFIG,
                         "build.linker: expected mold, lld, gold, bfd or another name for "
                         "-fuse-ld, found \"%.80s\"",
                         recipe->linker);
    }
    if (recipe->linker != NULL && recipe->linking->toolchain.is_tcc) {
        return error_set(err, ERROR_CONFIG,
                         "build.linker: tcc links by itself, found \"%.80s\": leave it out",
                         recipe->linker);
    }
    bool failed = recipe->libs.failed || recipe->packages.failed || recipe->flag_files.failed;
    for (size_t i = 0; i < recipe->count; i++) {
        failed = failed || recipe->parts[i].before.failed || recipe->parts[i].after.failed;
    }
    return !failed || no_memory(err);
}

bool recipe_read(struct recipe *recipe, const struct compile_options *options, struct error *err)
{
    size_t count = 0;
    while (options->sources[count] != NULL) {
        count++;
    }
    *recipe =
        (struct recipe){.options = options, .parts = calloc(count + 1, sizeof *recipe->parts)};
    char *folder = path_dir(options->target);
    if (folder != NULL) {
        recipe->fresh = name_in(folder, ".%s.new", path_base(options->target));
    }
    free(folder);
    bool ok = recipe->parts != NULL && recipe->fresh != NULL;
    if (!ok) {
        return no_memory(err);
    }
    if (options->linker != NULL) {
        recipe->linker = strdup(options->linker);
        ok = recipe->linker != NULL || no_memory(err);
    }
    for (size_t i = 0; ok && i < count; i++) {
        recipe->parts[i].source = options->sources[i];
        recipe->count++;
        ok = read_part(recipe, &recipe->parts[i], err);
    }
    return ok && split(&recipe->libs, options->libs, "libs", err) &&
           split(&recipe->packages, options->pkg_config, "pkg_config", err) &&
           check_words(recipe, err);
}

void recipe_finish(struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->count; i++) {
        struct recipe_part *part = &recipe->parts[i];
        toolchain_finish(&part->toolchain);
        flags_finish(&part->before);
        flags_finish(&part->after);
        free(part->shown);
        free(part->object);
        free(part->depfile);
    }
    free(recipe->parts);
    flags_finish(&recipe->libs);
    flags_finish(&recipe->packages);
    flags_finish(&recipe->flag_files);
    free(recipe->linker);
    free(recipe->fresh);
    *recipe = (struct recipe){0};
}

bool recipe_is_whole(const struct recipe *recipe)
{
    return recipe->count == 1 && !recipe->parts[0].toolchain.is_launched;
}

bool recipe_wants_linker(const struct recipe *recipe)
{
    const struct recipe_part *part = recipe->linking;
    /* What is optimised as a whole needs the linker that goes with the compiler. */
    static const char *const fixed[] = {"-fuse-ld=", "-flto", "--ld-path="};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (flags_have(&part->before, fixed[i]) || flags_have(&part->after, fixed[i]) ||
            flags_have(&recipe->libs, fixed[i])) {
            return false;
        }
    }
    return recipe->linker == NULL && !part->toolchain.is_tcc;
}
