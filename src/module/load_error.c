/* Why a library was not loaded, in the words of a person. */
#define _GNU_SOURCE
#include "module/library_parts.h"

#include "base/path.h"

#include <dlfcn.h>
#include <locale.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The loader's text in English, whatever language the module has set. NULL: no error is pending. */
static const char *loader_text(void)
{
    locale_t plain = newlocale(LC_MESSAGES_MASK, "C", (locale_t)0);
    locale_t before = plain != (locale_t)0 ? uselocale(plain) : (locale_t)0;
    const char *text = dlerror();
    if (plain != (locale_t)0) {
        (void)uselocale(before);
        freelocale(plain);
    }
    return text;
}

/* The file that a loader's sentence begins with: what is before `mark`. Ours has its proper name.
 */
static void blamed(const char *text, const char *mark, const char *path, const char *name,
                   char *out, size_t len)
{
    (void)snprintf(out, len, "%.*s", (int)(mark - text), text);
    const char *base = strcmp(out, path) == 0 ? name : path_base(out);
    memmove(out, base, strlen(base) < len ? strlen(base) + 1 : len);
    out[len - 1] = '\0';
}

static void fill_undefined(const char *text, const char *mark, const char *path, const char *name,
                           struct error *err)
{
    char user[256];
    const char *symbol = mark + strlen(": undefined symbol: ");
    const char *version = strstr(symbol, ", version ");
    int len = (int)(version != NULL ? version - symbol : (ptrdiff_t)strlen(symbol));
    blamed(text, mark, path, name, user, sizeof user);
    if (version != NULL) {
        (void)error_set(err, ERROR_MISSING,
                        "undefined symbol %.*s, used by %s, defined nowhere in %s", len, symbol,
                        user, version + 2);
    } else {
        (void)error_set(err, ERROR_MISSING, "undefined symbol %.*s, used by %s, defined nowhere",
                        len, symbol, user);
    }
}

static void fill_version(const char *text, const char *mark, const char *path, const char *name,
                         struct error *err)
{
    char library[256];
    char user[256] = "";
    const char *version = mark + strlen(": version `");
    const char *end = strchr(version, '\'');
    const char *by = strstr(version, "(required by ");
    blamed(text, mark, path, name, library, sizeof library);
    if (by != NULL) {
        by += strlen("(required by ");
        const char *stop = strrchr(by, ')');
        blamed(by, stop != NULL ? stop : by + strlen(by), path, name, user, sizeof user);
    }
    (void)error_set(err, ERROR_MISSING,
                    "%s here has no version %.*s, which %s needs: build it on "
                    "this system",
                    library, end != NULL ? (int)(end - version) : (int)strlen(version), version,
                    user[0] != '\0' ? user : name);
}

static void fill_other(const char *text, const char *path, const char *name, struct error *err)
{
    size_t len = strlen(path);
    if (strncmp(text, path, len) == 0) {
        text += len;
        (void)error_set(err, ERROR_FORMAT, "%s%s", name, text);
    } else {
        (void)error_set(err, ERROR_FORMAT, "%s, loading %s", text, name);
    }
    if (err != NULL && strstr(err->text, "static TLS") != NULL) {
        (void)error_set(err, ERROR_FORMAT,
                        "%s has too many thread-local variables of the fast kind: compile it "
                        "with -ftls-model=global-dynamic",
                        name);
    }
}

void load_error_fill(const char *path, const char *name, struct error *err)
{
    const char *text = loader_text();
    const char *mark;
    if (text == NULL) {
        (void)error_set(err, ERROR_FORMAT, "%s was not loaded, and the loader does not say why",
                        name);
    } else if ((mark = strstr(text, ": undefined symbol: ")) != NULL) {
        fill_undefined(text, mark, path, name, err);
    } else if ((mark = strstr(text, ": version `")) != NULL) {
        fill_version(text, mark, path, name, err);
    } else if ((mark = strstr(text, ": cannot open shared object file: ")) != NULL) {
        char file[256];
        const char *why = mark + strlen(": cannot open shared object file: ");
        blamed(text, mark, path, name, file, sizeof file);
        if (strncmp(text, path, strlen(path)) == 0) {
            (void)error_set(err, ERROR_MISSING, "%s cannot be opened: %s", name, why);
        } else if (strstr(why, "No such file") != NULL) {
            (void)error_set(err, ERROR_MISSING, "%s, needed by %s, was not found", file, name);
        } else {
            (void)error_set(err, ERROR_MISSING, "%s, needed by %s, cannot be opened: %s", file,
                            name, why);
        }
    } else {
        fill_other(text, path, name, err);
    }
}

/* `clang`: NULL where its own library cannot be preloaded (TSan's crashes even /bin/true) or does
 * not exist; gcc's does for code of both. */
static const struct {
    const char *symbol, *flag, *gcc, *clang;
} SANITIZERS[] = {
    {"__asan_init", "address", "libasan.so", "asan"},
    {"__tsan_init", "thread", "libtsan.so", NULL},
    {"__lsan_init", "leak", "liblsan.so", NULL},
    {"__hwasan_init", "hwaddress", "libhwasan.so", "hwasan"},
    {"__ubsan_handle_*", "undefined", "libubsan.so", "ubsan_standalone"},
};

#if defined(__aarch64__)
#define CLANG_MACHINE "aarch64"
#else
#define CLANG_MACHINE "x86_64"
#endif

bool load_sanitizer_check(const struct elf_facts *facts, const char *name, struct error *err)
{
    const char *symbol = facts->sanitizer_symbol;
    bool undefined = strncmp(symbol, "__ubsan", 7) == 0;
    /* UBSan's library may come at any time; the others must see every allocation from the start,
     * and end the process when they do not. */
    if (symbol[0] == '\0' || (undefined && facts->sanitizer_linked) ||
        dlsym(RTLD_DEFAULT, undefined ? "__ubsan_handle_add_overflow" : symbol) != NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof SANITIZERS / sizeof SANITIZERS[0]; i++) {
        if (strcmp(SANITIZERS[i].symbol, symbol) != 0) {
            continue;
        }
        char library[96];
        if (facts->sanitizer_linked || SANITIZERS[i].clang == NULL) {
            (void)snprintf(library, sizeof library, "gcc -print-file-name=%s", SANITIZERS[i].gcc);
        } else {
            (void)snprintf(library, sizeof library,
                           "clang -print-file-name=libclang_rt.%s-" CLANG_MACHINE ".so",
                           SANITIZERS[i].clang);
        }
        return error_set(err, ERROR_REFUSED,
                         "%s is built with -fsanitize=%s, whose runtime must be in the process "
                         "from its start: run hotrun with --wrap 'env LD_PRELOAD=$(%s)'",
                         name, SANITIZERS[i].flag, library);
    }
    return error_set(err, ERROR_REFUSED,
                     "%s is built with -fsanitize=memory, which works only in a program that is "
                     "built with it as well: build without it",
                     name);
}
