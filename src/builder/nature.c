#include "builder/nature.h"

#include "builder/pattern.h"

#include <stddef.h>
#include <string.h>

#define COUNT(array)             (sizeof(array) / sizeof(array)[0])
#define ONE_IS(words, name)      one_is(words, COUNT(words), name)
#define ONE_FITS(patterns, name) one_fits(patterns, COUNT(patterns), name)

/* Words between spaces. */
static const char c_like[] = " c h cc hh cpp hpp cxx hxx c++ h++ C H inl inc ipp tpp txx ixx cppm "
                             "def m mm ";
static const char languages[] =
    " rs zig zon d di nim nims odin c3 swift go pas adb ads f for F f90 "
    "F90 f95 f03 f08 s S asm nasm ";
static const char shaders[] = " glsl vert frag comp geom tesc tese mesh task rgen rchit rmiss wgsl "
                              "hlsl fx metal slang cu cuh hip cl ispc ";
static const char generators[] = " y yy l ll lex re proto fbs in m4 ";
static const char builds[] = " toml build ninja mk mak cmake bazel am ac ld lds map sym ";

static const char *const endings[] = {c_like, languages, shaders, generators, builds};

static const char build_files[] =
    " Makefile makefile GNUmakefile Kbuild Kconfig CMakeLists.txt CMakePresets.json "
    "meson_options.txt meson.options Cargo.lock BUILD WORKSPACE SConstruct SConscript wscript "
    "Tupfile xmake.lua premake5.lua justfile Justfile configure build.sh compile_flags.txt ";

static const char *const leavings[] = {
    "*~",          ".#*",         "#*#",        "*.swp",         "*.swo",
    "*.swn",       "*.swx",       "4913",       "*.tmp",         "*.TMP",
    "*.temp",      "*.bak",       "*.orig",     "*.rej",         "*.part",
    "*.crswap",    "*.kate-swp",  "*.autosave", "*___jb_tmp___", "*___jb_old___",
    "*.sublime-*", "__pycache__", "*.pyc",
};

static const char *const products[] = {
    "*.o",     "*.obj", "*.lo",  "*.a",    "*.la",     "*.lib",  "*.so",    "*.so.*",
    "*.dylib", "*.dll", "*.exe", "*.pdb",  "*.gch",    "*.pch",  "*.pcm",   "*.gcm",
    "*.dwo",   "*.dwp", "*.su",  "*.gcno", "*.gcda",   "*.rlib", "*.rmeta", "*.bc",
    "*.class", "*.dep", "*.log", "core",   "vgcore.*",
};

static const char *const books[] = {".git", ".hg", ".svn", ".hotrun"};

static const char *const output_folders[] = {
    "node_modules", "__pycache__", "CMakeFiles", "zig-cache", "zig-out", "bazel-*", "*.dSYM",
};

/* Of any folder; and of one that is also called as such folders are. */
static const char *const output_marks[] = {"CMakeCache.txt", "meson-private", "CACHEDIR.TAG"};
static const char *const likely_marks[] = {"build.ninja", ".ninja_log"};
static const char *const likely_names[] = {"build*", "Build*", "_build*", "out",
                                           "out-*",  "debug",  "release", "target"};

static bool one_fits(const char *const *patterns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (pattern_fits(patterns[i], name)) {
            return true;
        }
    }
    return false;
}

static bool one_is(const char *const *words, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool holds(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words + 1; *at != '\0';) {
        size_t next = strcspn(at, " ");
        if (next == len && memcmp(at, word, len) == 0) {
            return true;
        }
        at += next + strspn(at + next, " ");
    }
    return false;
}

bool nature_is_source(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && dot != name && dot[1] != '\0' && i < COUNT(endings); i++) {
        if (holds(endings[i], dot + 1)) {
            return true;
        }
    }
    return holds(build_files, name);
}

bool nature_is_leaving(const char *name)
{
    return ONE_FITS(leavings, name);
}

bool nature_is_product(const char *name)
{
    return ONE_FITS(products, name);
}

bool nature_is_books(const char *name)
{
    return ONE_IS(books, name);
}

bool nature_is_output(const char *name)
{
    return ONE_FITS(output_folders, name);
}

bool nature_tells_output(const char *name, const char *inside)
{
    return ONE_IS(output_marks, inside) ||
           (ONE_IS(likely_marks, inside) && ONE_FITS(likely_names, name));
}
