/* Patterns in the manner of .gitignore: a table, and git's own word on it and on trees at random.
 */
#define _GNU_SOURCE
#include "builder/ignore.h"
#include "builder/pattern.h"

#include "trial.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- the table ---- */

static const struct row {
    const char *lines; /* of the root's .gitignore */
    const char *path;  /* a "/" behind: a folder */
    bool ignored;
} rows[] = {
    {"", "a", false},
    {"a", "a", true},
    {"a", "b/a", true},
    {"a", "ab", false},
    {"a", "a/", true},
    {"a/", "a", false},
    {"a/", "a/", true},
    {"a/", "b/a/", true},
    {"/a", "a", true},
    {"/a", "b/a", false},
    {"/a/", "a/", true},
    {"b/a", "b/a", true},
    {"b/a", "c/b/a", false},
    {"/b/a", "b/a", true},
    {"b/a/", "b/a/", true},
    {"b/a/", "b/a", false},
    {"# a", "# a", false},
    {"\\# a", "# a", true},
    {"#a", "#a", false},
    {"\\#a", "#a", true},
    {"\\!a", "!a", true},
    {"a\n!a", "a", false},
    {"!a\na", "a", true},
    {"*.o\n!keep.o", "x.o", true},
    {"*.o\n!keep.o", "keep.o", false},
    {"*.o\n!keep.o", "b/keep.o", false},
    {"*", "anything", true},
    {"*\n!*.c", "b.c", false},
    {"*.c", ".c", true},
    {"*.c", "b/x.c", true},
    {"*.c", "x.cc", false},
    {"/*.c", "x.c", true},
    {"/*.c", "b/x.c", false},
    {"b/*.c", "b/x.c", true},
    {"b/*.c", "b/d/x.c", false},
    {"b*/x", "bcd/x", true},
    {"b*/x", "b/d/x", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"a?c", "abc", true},
    {"b?x", "b/x", false},
    {"b?x/", "bax/", true},
    {"[ab]", "a", true},
    {"[ab]", "c", false},
    {"[!ab]", "c", true},
    {"[^ab]", "a", false},
    {"[a-c]x", "bx", true},
    {"[a-c]x", "dx", false},
    {"[a-]", "-", true},
    {"[]a]", "]", true},
    {"[!]]", "x", true},
    {"[[:digit:]]x", "1x", true},
    {"[[:digit:]]x", "ax", false},
    {"[[:none:]]x", "nx", false},
    {"[a", "[a", false},
    {"[a", "a", false},
    {"[\\]]", "]", true},
    {"b[/]x", "b/x", false},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"a\\", "a", false},
    {"a\\", "a\\", false},
    {"**/a", "a", true},
    {"**/a", "b/a", true},
    {"**/a", "b/d/a", true},
    {"**/b/a", "d/b/a", true},
    {"b/**", "b/", false},
    {"b/**", "b/a", true},
    {"b/**", "b/d/a", true},
    {"b/**/a", "b/a", true},
    {"b/**/a", "b/d/a", true},
    {"b/**/a", "b/d/e/a", true},
    {"b/**/a", "b/da", false},
    {"b**a", "bxa", true},
    {"b/x**a", "b/x/a", false},
    {"b/x**a", "b/xya", true},
    {"b**/a", "b/d/a", true},
    {"b**/*/", "b/", true},
    {"**", "b/a", true},
    {"**/", "a", false},
    {"**/", "b/", true},
    {"***/a", "b/a", true},
    {"/**/a", "b/d/a", true},
    {"a ", "a", true},
    {"a ", "a ", false},
    {"a\\ ", "a ", true},
    {"a\\ ", "a", false},
    {"a  b", "a  b", true},
    {"a\r\nb\r\n", "a", true},
    {"a\r", "b/a", true},
    {"\xef\xbb\xbf"
     "a",
     "a", true},
    {" ", " ", false},
    {"/", "a", false},
    {"//a", "a", false},
    {"a//", "a/", false},
    {"!", "!", false},
    {"./a", "a", false},
    {"../a", "a", false},
    {"\xc3\xa4*", "\xc3\xa4x", true},
    {"A", "a", false},
    {"b/\\a", "b/a", true},
    {"**/*a*b*c", "x/aabbc", true},
    {"**/x/**/y", "x/y", true},
    {"**/x/**/y", "q/x/r/x/y", true},
    {"**/x/*/y", "q/x/r/x/y", false},
};

/* Of `path` as the rows have it. */
static bool ours(const struct ignore *ignore, const char *path)
{
    char own[256];
    (void)snprintf(own, sizeof own, "%s", path);
    size_t len = strlen(own);
    bool is_folder = own[len - 1] == '/';
    own[is_folder ? len - 1 : len] = '\0';
    return ignore_matches(ignore, own, is_folder);
}

static void each_row_is_as_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ignore *ignore = ignore_create();
        assert_true(ignore_add(ignore, "", rows[i].lines, strlen(rows[i].lines)));
        if (ours(ignore, rows[i].path) != rows[i].ignored) {
            fail_msg("row %zu: \"%s\" and %s", i, rows[i].lines, rows[i].path);
        }
        ignore_destroy(ignore);
    }
}

static void a_deeper_folder_wins_whatever_the_order(void **state)
{
    (void)state;
    struct ignore *ignore = ignore_create();
    assert_true(ignore_add(ignore, "b/d", "!a\n", 3));
    assert_true(ignore_add(ignore, "", "a\n", 2));
    assert_true(ignore_add(ignore, "b", "/x\n", 3));
    assert_true(ignore_matches(ignore, "a", false));
    assert_true(ignore_matches(ignore, "b/a", false));
    assert_false(ignore_matches(ignore, "b/d/a", false));
    assert_false(ignore_matches(ignore, "b/d/e/a", false));
    assert_true(ignore_matches(ignore, "b/x", false));
    assert_false(ignore_matches(ignore, "x", false));
    assert_false(ignore_matches(ignore, "b/d/x", false));
    assert_true(ignore_matches(ignore, "b/dd/a", false));
    ignore_forget(ignore, "b/d");
    assert_true(ignore_matches(ignore, "b/d/a", false));
    ignore_destroy(ignore);
    ignore_destroy(NULL);
}

static void a_pattern_fits_a_path_or_the_folders_above_it(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool fits;
    } cases[] = {
        {"src", "src/a.c", true},
        {"src", "src", true},
        {"src/", "src/deep/a.c", true},
        {"./src", "src/a.c", true},
        {"src", "lib/src/a.c", false},
        {"src", "srcs/a.c", false},
        {".", "anything/at/all", true},
        {"src/a.c", "src/a.c", true},
        {"include/**/*.h", "include/a.h", true},
        {"include/**/*.h", "include/b/c/a.h", true},
        {"include/**/*.h", "include/b/a.c", false},
        {"*.c", "src/deep/a.c", true},
        {"mod*/", "lib/module/a.c", true},
        {"mod*/", "module.c", false},
        {"/opt/*/x", "/opt/a/x", true},
        {"/opt/a", "/opt/a/x", true},
        {"../other", "../other/a.c", true},
        {"!src*", "src/a.c", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (ignore_pattern_matches(cases[i].pattern, cases[i].path) != cases[i].fits) {
            fail_msg("%s and %s", cases[i].pattern, cases[i].path);
        }
    }
}

static void a_hostile_pattern_takes_no_time(void **state)
{
    (void)state;
    char pattern[512] = "", text[2048] = "";
    for (int i = 0; i < 60; i++) {
        (void)strcat(pattern, i % 3 == 0 ? "**/" : "*a*a");
    }
    for (int i = 0; i < 1000; i++) {
        (void)strcat(text, i % 7 == 6 ? "/" : "a");
    }
    (void)strcat(pattern, "b");
    uint64_t before = uv_hrtime();
    assert_false(pattern_fits(pattern, text));
    assert_true(uv_hrtime() - before < UINT64_C(1000000000));
}

static void a_pattern_without_an_end_is_not_whole(void **state)
{
    (void)state;
    assert_true(pattern_is_whole("a[b]c\\*"));
    assert_true(pattern_is_whole("[]]"));
    assert_false(pattern_is_whole("a[b"));
    assert_false(pattern_is_whole("a\\"));
    assert_false(pattern_is_whole("[[:none:]]"));
}

/* ---- git's word ---- */

/* Runs git in the folder, its output into `out`. Returns its exit status; -1: there is no git. */
static int git(const char *const *args, const char *in, const char *out)
{
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 0, in, O_RDONLY, 0), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0), 0);
    const char *argv[16] = {"git", "-C", trial_dir, "-c", "core.excludesFile=/dev/null"};
    size_t argc = 5;
    for (size_t i = 0; args[i] != NULL; i++) {
        argv[argc++] = args[i];
    }
    pid_t pid;
    int status = posix_spawnp(&pid, "git", &actions, NULL, (char *const *)argv, environ);
    assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
    if (status != 0) {
        return -1;
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool git_begin(void)
{
    const char *init[] = {"init", "-q", ".", NULL};
    if (git(init, "/dev/null", "/dev/null") != 0) {
        print_message("no git: not compared\n");
        return false;
    }
    return true;
}

/* What git says of each of the paths: one of '0' and '1' for each. */
static void git_says(char *const *paths, size_t count, char *verdicts)
{
    FILE *list = fopen(at(".git/asked"), "w");
    assert_non_null(list);
    for (size_t i = 0; i < count; i++) {
        /* It looks for what is there, and takes a "/" behind for a part of the name. */
        size_t len = strlen(paths[i]);
        len -= paths[i][len - 1] == '/' ? 1 : 0;
        assert_true(fwrite(paths[i], len, 1, list) == 1 && fputc('\0', list) == 0);
    }
    assert_int_equal(fclose(list), 0);
    const char *check[] = {"check-ignore", "-z", "-v", "-n", "--stdin", "--no-index", NULL};
    int status = git(check, at(".git/asked"), at(".git/said"));
    assert_true(status == 0 || status == 1);
    FILE *said = fopen(at(".git/said"), "r");
    assert_non_null(said);
    char *fields[4] = {0};
    size_t sizes[4] = {0};
    for (size_t i = 0; i < count; i++) {
        for (size_t f = 0; f < 4; f++) { /* the file, the line, the pattern, the path */
            assert_true(getdelim(&fields[f], &sizes[f], '\0', said) > 0);
        }
        assert_int_equal(strncmp(fields[3], paths[i], strlen(fields[3])), 0);
        verdicts[i] = fields[2][0] == '\0' || fields[2][0] == '!' ? '0' : '1';
    }
    for (size_t f = 0; f < 4; f++) {
        free(fields[f]);
    }
    assert_int_equal(fclose(said), 0);
}

/* As one finds out who walks down: a folder above that is ignored holds for all in it. */
static bool walked(const struct ignore *ignore, const char *path)
{
    char part[256];
    for (size_t i = 1; path[i] != '\0'; i++) {
        if (path[i] == '/' && path[i + 1] != '\0') {
            (void)snprintf(part, sizeof part, "%.*s", (int)i + 1, path);
            if (ours(ignore, part)) {
                return true;
            }
        }
    }
    return ours(ignore, path);
}

static void make_path(const char *path)
{
    char part[256];
    for (size_t i = 1; path[i] != '\0'; i++) {
        if (path[i] == '/') {
            (void)snprintf(part, sizeof part, "%.*s", (int)i, path);
            (void)mkdir(at(part), 0700);
        }
    }
    if (path[strlen(path) - 1] != '/') {
        struct stat st;
        if (stat(at(path), &st) != 0) {
            put(at(path), "");
        }
    }
}

static void git_sees_each_row_alike(void **state)
{
    (void)state;
    if (!git_begin()) {
        return;
    }
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *paths[] = {(char *)rows[i].path};
        char verdict = '?';
        char dir[512];
        (void)snprintf(dir, sizeof dir, "%s", rows[i].path);
        make_path(dir);
        put(at(".gitignore"), rows[i].lines);
        git_says(paths, 1, &verdict);
        if ((verdict == '1') != rows[i].ignored) {
            fail_msg("row %zu: git says %c of \"%s\" and %s", i, verdict, rows[i].lines,
                     rows[i].path);
        }
        (void)nftw(at(rows[i].path), trial_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

/* ---- trees at random ---- */

static uint64_t dice_state;

static unsigned dice(unsigned sides)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice_state >> 33) % sides;
}

static const char *pick(const char *const *from, size_t count)
{
    return from[dice((unsigned)count)];
}

static const char *const folders[] = {"a", "b", "ab", "x.c", "long-name"};
static const char *const files[] = {"y.c", "y.o", "aa", "bb", "c", ".hid", "a b"};
static const char *const with_lines[] = {"", "a", "a/b"};

/* Files lie below folders of other names, so that each name is the one or the other. */
static void random_path(char *path, size_t size)
{
    size_t len = 0;
    unsigned depth = dice(4);
    for (unsigned i = 0; i < depth; i++) {
        len += (size_t)snprintf(path + len, size - len, "%s/", pick(folders, COUNT(folders)));
    }
    if (depth == 0 || dice(3) > 0) {
        (void)snprintf(path + len, size - len, "%s", pick(files, COUNT(files)));
    }
}

static void random_lines(char *lines, size_t size)
{
    static const char *const bits[] = {"a",     "b",    "ab",   "*", "**",    "?",   "*.c",
                                       "*.o",   "[ab]", "[!a]", "x", "long*", ".*",  "x.c",
                                       "[a-z]", "y.?",  "\\a",  " ", "a b",   "***", "*a*"};
    size_t len = 0;
    unsigned count = 1 + dice(4);
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(lines + len, size - len, "%s%s", dice(4) == 0 ? "!" : "",
                                dice(4) == 0 ? "/" : "");
        unsigned depth = 1 + dice(3);
        for (unsigned d = 0; d < depth; d++) {
            len += (size_t)snprintf(lines + len, size - len, "%s%s%s", d == 0 ? "" : "/",
                                    pick(bits, COUNT(bits)),
                                    dice(5) == 0 ? pick(bits, COUNT(bits)) : "");
        }
        len += (size_t)snprintf(lines + len, size - len, "%s\n", dice(5) == 0 ? "/" : "");
    }
}

static void git_sees_random_trees_alike(void **state)
{
    (void)state;
    if (!git_begin()) {
        return;
    }
    const char *all = getenv("HOTRUN_TEST_ALL");
    unsigned trees = all != NULL && strcmp(all, "1") == 0 ? 3000 : 150;
    for (unsigned seed = 1; seed <= trees; seed++) {
        dice_state = seed * UINT64_C(0x9e3779b97f4a7c15);
        struct ignore *ignore = ignore_create();
        char said[3][512];
        make_path("a/b/");
        for (size_t i = 0; i < COUNT(with_lines); i++) {
            random_lines(said[i], sizeof said[i]);
            char name[32];
            (void)snprintf(name, sizeof name, "%s%s.gitignore", with_lines[i],
                           with_lines[i][0] == '\0' ? "" : "/");
            put(at(name), said[i]);
            assert_true(ignore_add(ignore, with_lines[i], said[i], strlen(said[i])));
        }
        char *paths[40], verdicts[40];
        size_t count = 0;
        while (count < COUNT(paths)) {
            char path[128];
            random_path(path, sizeof path);
            make_path(path);
            paths[count++] = strdup(path);
        }
        git_says(paths, count, verdicts);
        for (size_t i = 0; i < count; i++) {
            if (walked(ignore, paths[i]) != (verdicts[i] == '1')) {
                fail_msg("seed %u: git says %c of %s\n--- root:\n%s--- a:\n%s--- a/b:\n%s", seed,
                         verdicts[i], paths[i], said[0], said[1], said[2]);
            }
            free(paths[i]);
        }
        ignore_destroy(ignore);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_row_is_as_it_says),
        TEST(a_deeper_folder_wins_whatever_the_order),
        TEST(a_pattern_fits_a_path_or_the_folders_above_it),
        TEST(a_hostile_pattern_takes_no_time),
        TEST(a_pattern_without_an_end_is_not_whole),
        TEST(git_sees_each_row_alike),
        TEST(git_sees_random_trees_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
