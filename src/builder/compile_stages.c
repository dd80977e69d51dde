#include "builder/compile_parts.h"

#include "base/path.h"
#include "builder/depfile.h"
#include "builder/linker.h"
#include "builder/lookup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail(struct compile *compile, const char *sentence)
{
    if (sentence != NULL) {
        compile_say(compile, sentence);
    }
    if (compile_succeeded(&compile->end)) {
        compile->end.status = 1;
    }
    compile_finish(compile);
}

/* ---- batches ---- */

static void on_output(void *ctx, const char *bytes, size_t len)
{
    struct compile *compile = ctx;
    if (compile->stage == STAGE_PACKAGES) {
        packages_hear(&compile->packages, bytes, len);
    } else if (compile->stage == STAGE_SOURCES || compile->stage == STAGE_LINK) {
        compile->callbacks.output(compile->callbacks.ctx, bytes, len);
    }
}

static void on_process(void *ctx, pid_t pid, bool runs)
{
    struct compile *compile = ctx;
    if (compile->callbacks.process != NULL) {
        compile->callbacks.process(compile->callbacks.ctx, pid, runs);
    }
}

static void on_one_ended(void *ctx, void *tag, const struct command_end *end);
static void on_batch_ended(void *ctx, const struct command_end *end, const struct error *problem);

/* The batch of this stage. False: no memory. */
static bool make_batch(struct compile *compile, unsigned at_once)
{
    const struct compile_options *own = &compile->options;
    struct command_options options = {.dir = own->dir,
                                      .env = own->env,
                                      .timeout_ns = own->timeout_ns,
                                      .columns = own->columns,
                                      .plain = own->plain || compile->stage == STAGE_PACKAGES};
    struct batch_callbacks callbacks = {.ctx = compile,
                                        .process = on_process,
                                        .output = on_output,
                                        .one_ended = on_one_ended,
                                        .ended = on_batch_ended};
    compile->batch = batch_create(compile->loop, &options, at_once, &callbacks);
    return compile->batch != NULL;
}

/* Takes argv over. False: no memory. */
static bool add(struct compile *compile, struct flags *argv, void *tag)
{
    bool ok = compile->batch != NULL && batch_add(compile->batch, argv, tag);
    flags_finish(argv);
    return ok;
}

static void drop_batch(struct compile *compile)
{
    batch_destroy(compile->batch);
    compile->batch = NULL;
}

static void run(struct compile *compile, bool ok)
{
    if (ok) {
        batch_start(compile->batch);
        return;
    }
    drop_batch(compile);
    fail(compile, "no memory to compile");
}

/* ---- packages ---- */

static void begin_packages(struct compile *compile)
{
    struct flags cflags = {0};
    struct flags libs = {0};
    struct packages *packages = &compile->packages;
    if (!packages_ask(packages, &compile->recipe.packages, compile->options.env, &cflags, &libs)) {
        compile_go_on(compile);
        return;
    }
    bool ok = make_batch(compile, 1);
    ok = add(compile, &cflags, &packages->cflags) && ok;
    ok = add(compile, &libs, &packages->libs) && ok;
    run(compile, ok);
}

static void end_packages(struct compile *compile, const struct command_end *end,
                         const struct error *problem)
{
    struct error err = {0};
    if (compile_succeeded(end) && compile->packages.key != 0) {
        compile_go_on(compile);
        return;
    }
    packages_explain(&compile->packages, problem, &err);
    compile->end = *end;
    fail(compile, end->cancelled ? NULL : err.text);
}

/* ---- the linker ---- */

static void try_linker(struct compile *compile)
{
    struct flags argv = {0};
    bool ok = make_batch(compile, 1) &&
              linker_probe(&compile->recipe.linking->toolchain,
                           compile->linkers.words[compile->linker], compile->recipe.fresh, &argv);
    ok = add(compile, &argv, NULL) && ok;
    run(compile, ok);
}

static void begin_linker(struct compile *compile)
{
    compile->linker = 0;
    if (compile_knows_linker(compile)) {
        compile_go_on(compile);
    } else {
        try_linker(compile);
    }
}

static void end_linker(struct compile *compile, const struct command_end *end)
{
    bool works = compile_succeeded(end);
    (void)unlink(compile->recipe.fresh);
    if (end->cancelled) {
        compile->end = *end;
        compile_finish(compile);
        return;
    }
    if (!works && ++compile->linker < compile->linkers.count) {
        try_linker(compile);
        return;
    }
    (void)snprintf(compile->found.linker, sizeof compile->found.linker, "%s",
                   works ? compile->linkers.words[compile->linker] : "");
    compile->linker_key = linker_key(&compile->recipe.linking->toolchain, &compile->linkers);
    char *cache = compile_linker_cache(compile);
    if (cache != NULL) {
        linker_remember(cache, compile->linker_key, compile->found.linker);
    }
    free(cache);
    compile_go_on(compile);
}

/* ---- sources ---- */

/* Adds the command for a source to the batch unless what it makes is up to date; *due says which.
 * False: no memory. */
static bool add_due(struct compile *compile, struct unit *unit, bool *due)
{
    struct product *product = compile_product(compile, unit);
    struct flags argv = {0};
    struct flags inputs = {0};
    bool ok =
        compile_source_command(compile, unit, &argv) && flags_add(&inputs, unit->part->source);
    if (ok && !product_is_current(product, unit->command)) {
        *due = true;
        product_begin(product, &inputs);
        (void)unlink(unit->part->depfile);
        ok = add(compile, &argv, unit);
    }
    flags_finish(&argv);
    flags_finish(&inputs);
    return ok;
}

static void begin_sources(struct compile *compile)
{
    bool ok = make_batch(compile, 0);
    bool due = false;
    for (size_t i = 0; ok && i < compile->recipe.count; i++) {
        ok = add_due(compile, &compile->units[i], &due);
    }
    if (!ok || due) {
        run(compile, ok);
        return;
    }
    drop_batch(compile);
    compile_go_on(compile);
}

/* The new library gets its name. */
static bool put_in_place(struct compile *compile)
{
    if (rename(compile->recipe.fresh, compile->options.target) == 0) {
        compile->made = true;
        return true;
    }
    struct error err = {0};
    if (errno == ENOENT) {
        error_set(&err, ERROR_MISSING,
                  "the compiler made no library: do its options say that it is to do something "
                  "else (-E, -fsyntax-only)?");
    } else {
        error_errno(&err, "cannot rename the new library to %s", compile->options.target);
    }
    compile->end.status = 1;
    compile_say(compile, err.text);
    return false;
}

static bool read_depfile(const struct compile *compile, const struct unit *unit,
                         struct flags *files)
{
    enum depfile_style style = unit->part->toolchain.is_tcc ? DEPFILE_LINES : DEPFILE_MAKE;
    bool read = depfile_read(unit->part->depfile, style, compile->options.dir, files, NULL);
    (void)unlink(unit->part->depfile);
    return read;
}

static void end_source(struct compile *compile, struct unit *unit, const struct command_end *end)
{
    bool whole = recipe_is_whole(&compile->recipe);
    struct flags files = {0};
    (void)flags_add(&files, unit->part->source); /* whatever the compiler writes down */
    unit->failed = !compile_succeeded(end);
    if (!unit->failed && (!whole || put_in_place(compile))) {
        (void)read_depfile(compile, unit, &files);
        product_made(compile_product(compile, unit), unit->command, &files);
    }
    flags_finish(&files);
}

/* ---- linking ---- */

static void begin_link(struct compile *compile)
{
    struct flags argv = {0};
    struct flags inputs = {0};
    if (recipe_is_whole(&compile->recipe)) {
        compile_finish(compile);
        return;
    }
    bool ok = compile_link_command(compile, &argv);
    compile_link_inputs(compile, &inputs);
    if (ok && product_is_current(&compile->library, compile->command)) {
        compile_finish(compile);
    } else {
        product_begin(&compile->library, &inputs);
        ok = make_batch(compile, 1) && ok;
        ok = add(compile, &argv, NULL) && ok;
        run(compile, ok);
    }
    flags_finish(&argv);
    flags_finish(&inputs);
}

static void end_link(struct compile *compile, const struct command_end *end)
{
    struct flags inputs = {0};
    compile->end = *end;
    compile_link_inputs(compile, &inputs);
    if (compile_succeeded(end) && put_in_place(compile)) {
        product_made(&compile->library, compile->command, &inputs);
    }
    flags_finish(&inputs);
    compile_finish(compile);
}

/* ---- what a source that failed includes ---- */

static void add_missed(struct compile *compile, const struct unit *unit, const struct flags *read)
{
    struct flags folders = {0};
    char *folder = path_dir(unit->part->source);
    if (folder != NULL && flags_add(&folders, folder)) {
        (void)flags_include_folders(&unit->part->before, &folders);
        (void)flags_include_folders(&compile->packages.cflags, &folders);
        (void)flags_include_folders(&unit->part->after, &folders);
        (void)lookup_places(read, compile->options.dir, &folders, &compile->missed);
    }
    flags_finish(&folders);
    free(folder);
}

/* A compiler that misses a header writes nothing down: another run lists what the source wants. */
static void begin_lookup(struct compile *compile)
{
    bool ok = make_batch(compile, 0);
    size_t due = 0;
    for (size_t i = 0; ok && i < compile->recipe.count; i++) {
        struct unit *unit = &compile->units[i];
        struct flags read = {0};
        struct flags argv = {0};
        if (!unit->failed) {
            continue;
        }
        if (read_depfile(compile, unit, &read)) {
            add_missed(compile, unit, &read);
        } else if (recipe_lookup(&compile->recipe, unit->part, &compile->found, &argv)) {
            ok = add(compile, &argv, unit);
            due++;
        }
        flags_finish(&read);
        flags_finish(&argv);
    }
    if (ok && due > 0) {
        batch_start(compile->batch);
        return;
    }
    drop_batch(compile);
    compile_finish(compile);
}

static void end_lookup(struct compile *compile, const struct unit *unit)
{
    struct flags read = {0};
    if (depfile_read(unit->part->depfile, DEPFILE_MAKE, compile->options.dir, &read, NULL)) {
        add_missed(compile, unit, &read);
    }
    (void)unlink(unit->part->depfile);
    flags_finish(&read);
}

/* ---- their order ---- */

void compile_go_on(struct compile *compile)
{
    switch (++compile->stage) {
    case STAGE_PACKAGES:
        begin_packages(compile);
        break;
    case STAGE_LINKER:
        begin_linker(compile);
        break;
    case STAGE_SOURCES:
        begin_sources(compile);
        break;
    case STAGE_LINK:
        begin_link(compile);
        break;
    case STAGE_LOOKUP:
        begin_lookup(compile);
        break;
    case STAGE_IDLE:
    case STAGE_OVER:
        compile_finish(compile);
        break;
    }
}

static void on_one_ended(void *ctx, void *tag, const struct command_end *end)
{
    struct compile *compile = ctx;
    if (compile->stage == STAGE_PACKAGES && compile_succeeded(end)) {
        struct error err = {0};
        if (!packages_take(&compile->packages, tag, &err)) {
            compile_say(compile, err.text);
        }
    } else if (compile->stage == STAGE_SOURCES) {
        end_source(compile, tag, end);
    } else if (compile->stage == STAGE_LOOKUP) {
        end_lookup(compile, tag);
    }
}

static void end_sources(struct compile *compile, const struct command_end *end)
{
    if (compile_succeeded(end)) {
        compile_go_on(compile);
        return;
    }
    compile->end = *end;
    if (end->cancelled) {
        compile_finish(compile);
        return;
    }
    compile->stage = STAGE_LINK; /* which is left out */
    compile_go_on(compile);
}

static void on_batch_ended(void *ctx, const struct command_end *end, const struct error *problem)
{
    struct compile *compile = ctx;
    struct command_end last = *end;
    struct error why = problem != NULL ? *problem : (struct error){0};
    drop_batch(compile);
    last.cancelled = last.cancelled || compile->cancelled;
    if (why.code != ERROR_NONE && compile->stage >= STAGE_SOURCES && compile->stage <= STAGE_LINK) {
        compile_say(compile, why.text);
    }
    switch (compile->stage) {
    case STAGE_PACKAGES:
        end_packages(compile, &last, problem != NULL ? &why : NULL);
        break;
    case STAGE_LINKER:
        end_linker(compile, &last);
        break;
    case STAGE_SOURCES:
        end_sources(compile, &last);
        break;
    case STAGE_LINK:
        end_link(compile, &last);
        break;
    case STAGE_IDLE:
    case STAGE_LOOKUP:
    case STAGE_OVER:
        compile_finish(compile);
        break;
    }
}
