#include "builder/compile.h"

#include "base/clock.h"
#include "base/path.h"
#include "builder/compile_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- life ---- */

static void on_freed(uv_handle_t *handle)
{
    free(handle);
}

static void on_soon(uv_timer_t *timer)
{
    compile_finish(timer->data);
}

/* The strings of an options struct, in turn. */
static const char **text_at(struct compile_options *options, size_t i)
{
    const char **const texts[] = {&options->dir,    &options->target,    &options->include_dir,
                                  &options->cc,     &options->cflags,    &options->libs,
                                  &options->linker, &options->pkg_config};
    return i < sizeof texts / sizeof texts[0] ? texts[i] : NULL;
}

static bool copy_options(struct compile *compile, const struct compile_options *options)
{
    struct compile_options *own = &compile->options;
    bool ok = true;
    *own = *options;
    for (size_t i = 0; options->sources[i] != NULL; i++) {
        (void)flags_add_new(&compile->sources, options->sources[i]); /* once is enough */
    }
    for (size_t i = 0; options->env != NULL && options->env[i] != NULL; i++) {
        (void)flags_add(&compile->env, options->env[i]);
    }
    own->sources = flags_argv(&compile->sources);
    own->env = flags_argv(&compile->env);
    for (size_t i = 0; text_at(own, i) != NULL; i++) {
        const char **text = text_at(own, i);
        bool said = *text != NULL;
        *text = said ? strdup(*text) : NULL;
        ok = ok && (!said || *text != NULL);
    }
    return ok && !compile->sources.failed && !compile->env.failed;
}

static bool make_units(struct compile *compile, struct error *err)
{
    compile->units = calloc(compile->sources.count + 1, sizeof *compile->units);
    return compile->units != NULL || error_set(err, ERROR_SYSTEM, "no memory to compile");
}

struct compile *compile_create(uv_loop_t *loop, const struct compile_options *options,
                               struct error *err)
{
    struct compile *compile = calloc(1, sizeof *compile);
    uv_timer_t *soon = malloc(sizeof *soon);
    if (compile == NULL || soon == NULL) {
        free(compile);
        free(soon);
        error_set(err, ERROR_SYSTEM, "no memory to compile");
        return NULL;
    }
    *compile = (struct compile){.loop = loop, .soon = soon};
    (void)uv_timer_init(loop, soon);
    soon->data = compile;
    bool ok = copy_options(compile, options) && flags_add_all(&compile->files, &compile->sources);
    if (!ok) {
        error_set(err, ERROR_SYSTEM, "no memory to compile");
    }
    if (!ok || !make_units(compile, err) ||
        !product_open(&compile->library, compile->options.target, err)) {
        compile_destroy(compile);
        return NULL;
    }
    compile->found.package_cflags = &compile->packages.cflags;
    compile->found.package_libs = &compile->packages.libs;
    return compile;
}

void compile_destroy(struct compile *compile)
{
    if (compile == NULL) {
        return;
    }
    batch_destroy(compile->batch);
    recipe_finish(&compile->recipe);
    packages_finish(&compile->packages);
    for (size_t i = 0; compile->units != NULL && i < compile->sources.count; i++) {
        product_finish(&compile->units[i].object);
    }
    free(compile->units);
    product_finish(&compile->library);
    for (size_t i = 0; text_at(&compile->options, i) != NULL; i++) {
        free((char *)*text_at(&compile->options, i));
    }
    flags_finish(&compile->sources);
    flags_finish(&compile->env);
    flags_finish(&compile->linkers);
    flags_finish(&compile->files);
    flags_finish(&compile->missed);
    text_finish(&compile->line);
    uv_close((uv_handle_t *)compile->soon, on_freed);
    free(compile);
}

/* ---- what is known ---- */

bool compile_has_made(const struct compile *compile)
{
    return compile->made;
}

const char *compile_line(const struct compile *compile)
{
    return text_string(&compile->line);
}

const char *const *compile_files(const struct compile *compile, size_t *count)
{
    *count = compile->files.count;
    return flags_argv(&compile->files);
}

static bool is_object(const struct compile *compile, const char *path)
{
    for (size_t i = 0; i < compile->sources.count; i++) {
        const char *object = compile->units[i].object.path;
        if (object != NULL && strcmp(path, object) == 0) {
            return true;
        }
    }
    return false;
}

static void gather_files(struct compile *compile)
{
    struct flags *files = &compile->files;
    const struct flags *read = &compile->library.read.files;
    flags_clear(files);
    (void)flags_add_all(files, &compile->sources);
    for (size_t i = 0; i < read->count; i++) {
        if (!is_object(compile, read->words[i])) {
            (void)flags_add(files, read->words[i]);
        }
    }
    for (size_t i = 0; i < compile->sources.count; i++) {
        (void)flags_add_all(files, &compile->units[i].object.read.files);
    }
    (void)flags_add_all(files, &compile->missed);
    (void)flags_add_all(files, &compile->recipe.flag_files);
    flags_sort(files);
}

static void write_line(struct compile *compile)
{
    const struct recipe_part *linking = compile->recipe.linking;
    text_clear(&compile->line);
    for (size_t i = 0; linking != NULL && i < linking->toolchain.words.count; i++) {
        (void)text_printf(&compile->line, "%s ", linking->toolchain.words.words[i]);
    }
    (void)text_puts(&compile->line, linking != NULL ? "-shared" : "cc -shared");
    for (size_t i = 0; i < compile->sources.count; i++) {
        bool known = i < compile->recipe.count && compile->recipe.parts[i].shown != NULL;
        (void)text_printf(&compile->line, " %s",
                          known ? compile->recipe.parts[i].shown : compile->sources.words[i]);
    }
}

/* ---- from the start to the end ---- */

/* The folder of the library, and those above it. */
static bool make_folder(const char *library, struct error *err)
{
    char *folder = path_dir(library);
    bool ok = folder != NULL || error_set(err, ERROR_SYSTEM, "no memory for a path");
    for (char *at = folder; ok && at != NULL && *at != '\0';) {
        char *slash = strchr(at + 1, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        struct stat st;
        if (mkdir(folder, 0700) != 0 && (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))) {
            ok = error_errno(err, "cannot make the folder %s", folder);
        }
        if (slash != NULL) {
            *slash = '/';
        }
        at = slash;
    }
    free(folder);
    return ok;
}

/* What was written down of objects, as soon as their names are known. */
static bool open_units(struct compile *compile, struct error *err)
{
    for (size_t i = 0; i < compile->recipe.count; i++) {
        struct unit *unit = &compile->units[i];
        unit->part = &compile->recipe.parts[i];
        unit->failed = false;
        if (unit->object.path == NULL && !product_open(&unit->object, unit->part->object, err)) {
            return false;
        }
    }
    return true;
}

bool compile_read(struct compile *compile, struct error *err)
{
    recipe_finish(&compile->recipe);
    flags_clear(&compile->missed);
    bool ok = recipe_read(&compile->recipe, &compile->options, err) && open_units(compile, err) &&
              make_folder(compile->options.target, err);
    write_line(compile);
    gather_files(compile);
    return ok;
}

bool compile_start(struct compile *compile, const struct command_callbacks *callbacks,
                   struct error *err)
{
    compile->callbacks = *callbacks;
    compile->end = (struct command_end){0};
    compile->made = compile->cancelled = false;
    compile->began_ns = clock_ns();
    if (!compile_read(compile, err)) {
        return false;
    }
    compile->stage = STAGE_IDLE;
    compile->starting = true;
    compile_go_on(compile);
    compile->starting = false;
    return true;
}

void compile_finish(struct compile *compile)
{
    if (compile->starting) {
        (void)uv_timer_start(compile->soon, on_soon, 0, 0);
        return;
    }
    gather_files(compile);
    compile->stage = STAGE_OVER;
    compile->end.cancelled = compile->end.cancelled || compile->cancelled;
    compile->end.took_ns = clock_ns() - compile->began_ns;
    compile->callbacks.ended(compile->callbacks.ctx, &compile->end);
}

bool compile_succeeded(const struct command_end *end)
{
    return end->status == 0 && end->signal == 0 && !end->timed_out && !end->cancelled;
}

void compile_say(struct compile *compile, const char *sentence)
{
    struct text text = {0};
    if (text_printf(&text, "%s\n", sentence)) {
        compile->callbacks.output(compile->callbacks.ctx, text.data, text.len);
    }
    text_finish(&text);
}

void compile_cancel(struct compile *compile)
{
    if (compile->stage == STAGE_IDLE || compile->stage == STAGE_OVER) {
        return;
    }
    compile->cancelled = true;
    if (compile->batch != NULL) {
        batch_cancel(compile->batch);
    }
}
