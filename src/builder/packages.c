#include "builder/packages.h"

#include "base/hash.h"
#include "builder/toolchain.h"

#include <ctype.h>
#include <string.h>

/* Other values of these give other answers. */
static const char *const variables[] = {"PKG_CONFIG", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR",
                                        "PKG_CONFIG_SYSROOT_DIR"};

static uint64_t key_of(const struct flags *names, const char *const *env)
{
    uint64_t key = flags_hash(names);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = toolchain_variable(env, variables[i]);
        uint64_t pair[2] = {key, value == NULL ? 0 : hash_bytes(value, strlen(value))};
        key = hash_bytes(pair, sizeof pair);
    }
    return key;
}

static void forget(struct packages *packages)
{
    packages->key = 0;
    flags_clear(&packages->names);
    flags_clear(&packages->cflags);
    flags_clear(&packages->libs);
    text_clear(&packages->said);
}

bool packages_ask(struct packages *packages, const struct flags *names, const char *const *env,
                  struct flags *ask_cflags, struct flags *ask_libs)
{
    uint64_t key = key_of(names, env);
    const char *program = toolchain_variable(env, "PKG_CONFIG");
    if (names->count > 0 && packages->key == key) {
        return false;
    }
    forget(packages);
    if (names->count == 0) {
        return false;
    }
    packages->asked = key;
    (void)flags_add_all(&packages->names, names);
    (void)flags_add(ask_cflags, program == NULL ? "pkg-config" : program);
    (void)flags_add_all(ask_libs, ask_cflags);
    (void)flags_add(ask_cflags, "--cflags");
    (void)flags_add(ask_libs, "--libs");
    (void)flags_add_all(ask_cflags, names);
    (void)flags_add_all(ask_libs, names);
    return true;
}

void packages_hear(struct packages *packages, const char *bytes, size_t len)
{
    packages->said.limit = (size_t)1 << 20;
    (void)text_append(&packages->said, bytes, len);
}

bool packages_take(struct packages *packages, struct flags *to, struct error *err)
{
    if (packages->said.failed ||
        !flags_split(to, text_string(&packages->said), "pkg-config", err)) {
        return false;
    }
    text_clear(&packages->said);
    packages->key = to == &packages->libs ? packages->asked : 0;
    return true;
}

/* Whether `name` stands in `text` as a word of its own. */
static bool names_package(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name)) {
        bool begins = at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '-');
        bool ends = !isalnum((unsigned char)at[len]) && at[len] != '-';
        if (begins && ends) {
            return true;
        }
    }
    return false;
}

void packages_explain(const struct packages *packages, const struct error *problem,
                      struct error *err)
{
    struct text missing = {0};
    const char *said = text_string(&packages->said);
    for (size_t i = 0; i < packages->names.count; i++) {
        if (names_package(said, packages->names.words[i])) {
            (void)text_printf(&missing, "%s%s", missing.len > 0 ? ", " : "",
                              packages->names.words[i]);
        }
    }
    if (problem != NULL && problem->code == ERROR_MISSING) {
        error_set(err, ERROR_MISSING,
                  "pkg-config is not there: install it (pkg-config or pkgconf), or name the "
                  "options themselves (--cflags, --libs)");
    } else if (problem != NULL) {
        *err = *problem;
    } else {
        error_set(err, ERROR_MISSING,
                  "%spkg-config does not know %.200s: install its development package (mostly "
                  "libNAME-dev or NAME-devel), or set PKG_CONFIG_PATH",
                  said, missing.len > 0 ? text_string(&missing) : flags_argv(&packages->names)[0]);
    }
    text_finish(&missing);
}

void packages_finish(struct packages *packages)
{
    flags_finish(&packages->names);
    flags_finish(&packages->cflags);
    flags_finish(&packages->libs);
    text_finish(&packages->said);
    *packages = (struct packages){0};
}
