#include "project/template.h"

#include "base/suggest.h"

#include <stdio.h>
#include <string.h>

#define WORDS_MOST 16

const struct template_row template_rows[] = {
    {"minimal", "a counter in C, in one file", "c"},
    {"game", "a small game in C, drawn in the terminal", "c"},
    {"server", "a chat server in C that keeps its clients", "c"},
    {"cpp", "a module in C++ with typed callbacks", "cpp"},
    {"rust", "a module in Rust, without crates", "rust"},
};
const size_t template_row_count = sizeof template_rows / sizeof template_rows[0];

#define LIBRARY "build/lib@name@.so"
#define PROGRAM "build/@name@"
#define SETUP   "test -f build/build.ninja || meson setup build && "
#define TARGETS                                                                                    \
    " all benchmark clean coverage dist distcheck install phony PHONY reconfigure test uninstall "
#define CRATES " alloc core proc_macro std test build deps examples incremental "

const struct build_row build_rows[] = {
    {"make", "c", "make", "make release", LIBRARY, PROGRAM, "make cc pkg-config", ""},
    {"meson", "c", SETUP "ninja -C build", SETUP "ninja -C build release", LIBRARY, PROGRAM,
     "meson ninja cc pkg-config", TARGETS},
    {"cmake", "c", "cmake -B build && cmake --build build",
     "cmake -B build && cmake --build build --target release", LIBRARY, PROGRAM,
     "cmake cc pkg-config", ""},
    {"make", "cpp", "make", "make release", LIBRARY, PROGRAM, "make c++ pkg-config", ""},
    {"meson", "cpp", SETUP "ninja -C build", SETUP "ninja -C build release", LIBRARY, PROGRAM,
     "meson ninja c++ pkg-config", TARGETS},
    {"cmake", "cpp", "cmake -B build && cmake --build build",
     "cmake -B build && cmake --build build --target release", LIBRARY, PROGRAM,
     "cmake c++ pkg-config", ""},
    {"cargo", "rust", "cargo build --lib --target-dir target",
     "cargo build --release --target-dir target", "target/debug/lib@name@.so",
     "target/release/@name@", "cargo rustc cc pkg-config", CRATES},
    {"make", "rust", "make", "make release", LIBRARY, PROGRAM, "make rustc cc pkg-config", CRATES},
};
const size_t build_row_count = sizeof build_rows / sizeof build_rows[0];

const struct template_row *template_find(const char *word, struct error *err)
{
    const char *names[WORDS_MOST];
    struct text known = {0};
    for (size_t i = 0; i < template_row_count; i++) {
        if (word == NULL || strcmp(word, template_rows[i].name) == 0) {
            text_finish(&known);
            return &template_rows[i];
        }
        names[i] = template_rows[i].name;
        text_printf(&known, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    const char *near = suggest(word, names, template_row_count);
    error_set(err, ERROR_USAGE, "--template: there is no %.40s%s%s%s there are %s", word,
              near != NULL ? "; did you mean " : ":", near != NULL ? near : "",
              near != NULL ? "?" : "", text_string(&known));
    text_finish(&known);
    return NULL;
}

const struct build_row *build_find(const char *word, const struct template_row *template,
                                   struct error *err)
{
    const char *names[WORDS_MOST];
    size_t count = 0;
    bool elsewhere = false;
    struct text known = {0};
    for (size_t i = 0; i < build_row_count; i++) {
        bool fits = word == NULL || strcmp(word, build_rows[i].name) == 0;
        if (strcmp(build_rows[i].language, template->language) != 0) {
            elsewhere = elsewhere || fits;
            continue;
        }
        if (fits) {
            text_finish(&known);
            return &build_rows[i];
        }
        names[count] = build_rows[i].name;
        text_printf(&known, "%s%s", count == 0 ? "" : ", ", names[count]);
        count++;
    }
    const char *near = elsewhere ? NULL : suggest(word, names, count);
    error_set(err, ERROR_USAGE, "--build: the template %s is not built with %.40s%s%s%s it has %s",
              template->name, word, near != NULL ? "; did you mean " : ":",
              near != NULL ? near : "", near != NULL ? "?" : "", text_string(&known));
    text_finish(&known);
    return NULL;
}

/* ---- Filling in ---- */

struct placeholder {
    const char *mark, *value;
};

/* What goes into JSON, TOML and make as it is has no quotes; a path may, and stands in JSON alone.
 */
static void put_path(struct text *out, const char *path)
{
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            text_printf(out, "\\%c", *c);
        } else if ((unsigned char)*c < 0x20) {
            text_printf(out, "\\u%04x", (unsigned)(unsigned char)*c);
        } else {
            text_append(out, c, 1);
        }
    }
}

static const char *matcher(const struct build_row *build)
{
    return strcmp(build->language, "rust") == 0 ? "$rustc" : "$gcc";
}

/* Values hold placeholders themselves (@library@ is build/lib@name@.so), one level deep. */
static void fill(struct text *out, const char *text, const struct template_values *values)
{
    const struct placeholder placeholders[] = {
        {"@name@", values->name},
        {"@build@", values->build->command},
        {"@release@", values->build->release},
        {"@library@", values->build->library},
        {"@program@", values->build->program},
        {"@matcher@", matcher(values->build)},
        {"@host@", values->host},
    };
    while (*text != '\0') {
        const struct placeholder *found = NULL;
        for (size_t i = 0; i < sizeof placeholders / sizeof placeholders[0] && *text == '@'; i++) {
            const struct placeholder *row = &placeholders[i];
            found = strncmp(text, row->mark, strlen(row->mark)) == 0 ? row : found;
        }
        size_t plain = found != NULL ? 0 : 1 + strcspn(text + 1, "@");
        if (found == NULL) {
            text_append(out, text, plain);
        } else if (found->value == values->host) {
            put_path(out, found->value);
        } else if (found->value == values->name) {
            text_puts(out, found->value);
        } else {
            fill(out, found->value, values);
        }
        text += found != NULL ? strlen(found->mark) : plain;
    }
}

static void fill_path(struct text *out, const char *path, const char *name)
{
    bool first = true; /* of a part */
    while (*path != '\0') {
        if (first && strncmp(path, "dot-", 4) == 0) {
            text_puts(out, ".");
            path += 4;
        } else if (first && strncmp(path, "NAME.", 5) == 0) {
            text_puts(out, name);
            path += 4;
        }
        first = *path == '/';
        text_append(out, path++, 1);
    }
}

/* ---- The files of a project ---- */

#define FOLDERS 3

/* The file's path below `folder`; NULL: it lies elsewhere. */
static const char *below(const struct embedded_file *file, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(file->path, folder, len) == 0 && file->path[len] == '/' ? file->path + len + 1
                                                                           : NULL;
}

static bool is_overridden(const char *path, const char *const *later, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < embedded_file_count; j++) {
            const char *other = below(&embedded_files[j], later[i]);
            if (other != NULL && strcmp(other, path) == 0) {
                return true;
            }
        }
    }
    return false;
}

bool template_files(const struct template_row *template, const struct template_values *values,
                    bool (*take)(void *ctx, const char *path, const char *text, size_t len,
                                 struct error *err),
                    void *ctx, struct error *err)
{
    char built[64];
    (void)snprintf(built, sizeof built, "%s-%s", template->language, values->build->name);
    const char *folders[FOLDERS] = {"all", template->name, built};
    bool ok = true;
    for (size_t i = 0; ok && i < FOLDERS; i++) {
        for (size_t j = 0; ok && j < embedded_file_count; j++) {
            const char *path = below(&embedded_files[j], folders[i]);
            if (path == NULL || is_overridden(path, folders + i + 1, FOLDERS - i - 1)) {
                continue;
            }
            struct text name = {0};
            struct text text = {0};
            fill_path(&name, path, values->name);
            fill(&text, embedded_files[j].text, values);
            ok = !name.failed && !text.failed
                     ? take(ctx, text_string(&name), text_string(&text), text.len, err)
                     : error_set(err, ERROR_SYSTEM, "no memory for %s", path);
            text_finish(&name);
            text_finish(&text);
        }
    }
    return ok;
}
