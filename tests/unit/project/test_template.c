#define _GNU_SOURCE /* nftw */
#include "project/template.h"

#include "base/file.h"
#include "trial.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <ftw.h>

#define HOST  "/opt/a \"quoted\" \\ folder/hotrun-host"
#define FILES 32

struct taken {
    size_t count;
    char *paths[FILES], *texts[FILES];
};

static bool take(void *ctx, const char *path, const char *text, size_t len, struct error *err)
{
    struct taken *taken = ctx;
    (void)err;
    assert_in_range(taken->count, 0, FILES - 1);
    assert_int_equal(strlen(text), len);
    taken->paths[taken->count] = strdup(path);
    taken->texts[taken->count++] = strdup(text);
    return true;
}

static struct taken make(const struct template_row *template, const struct build_row *build)
{
    struct taken taken = {0};
    struct error err;
    const struct template_values values = {"my_game", HOST, build};
    assert_true(template_files(template, &values, take, &taken, &err));
    return taken;
}

static const char *text_of(const struct taken *taken, const char *path)
{
    for (size_t i = 0; i < taken->count; i++) {
        if (strcmp(taken->paths[i], path) == 0) {
            return taken->texts[i];
        }
    }
    fail_msg("there is no %s", path);
    return NULL;
}

static void drop(struct taken *taken)
{
    for (size_t i = 0; i < taken->count; i++) {
        free(taken->paths[i]);
        free(taken->texts[i]);
    }
}

/* Calls `check` for each way to build each template. */
static void for_each(void (*check)(const struct taken *, const struct build_row *))
{
    for (size_t i = 0; i < template_row_count; i++) {
        size_t ways = 0;
        for (size_t j = 0; j < build_row_count; j++) {
            if (strcmp(build_rows[j].language, template_rows[i].language) == 0) {
                struct taken taken = make(&template_rows[i], &build_rows[j]);
                check(&taken, &build_rows[j]);
                drop(&taken);
                ways++;
            }
        }
        assert_in_range(ways, 1, 8);
    }
}

static void check_parts(const struct taken *taken, const struct build_row *build)
{
    static const char *const parts[] = {"README.md", ".gitignore", ".gdbinit",
                                        ".vscode/launch.json", "hotrun.toml"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        assert_in_range(strlen(text_of(taken, parts[i])), 1, 4000);
    }
    assert_non_null(strstr(text_of(taken, "hotrun.toml"), build->command));
    assert_non_null(strstr(text_of(taken, "README.md"), build->release));
    assert_non_null(strstr(text_of(taken, ".vscode/tasks.json"), build->release));
}

static void a_project_has_all_its_parts(void **state)
{
    (void)state;
    for_each(check_parts);
}

static void check_paths(const struct taken *taken, const struct build_row *build)
{
    (void)build;
    for (size_t i = 0; i < taken->count; i++) {
        assert_null(strstr(taken->paths[i], "NAME"));
        assert_null(strstr(taken->paths[i], "dot-"));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(taken->paths[i], taken->paths[j]);
        }
    }
}

static void no_file_comes_twice_or_under_its_template_s_name(void **state)
{
    (void)state;
    for_each(check_paths);
}

static void check_filled(const struct taken *taken, const struct build_row *build)
{
    (void)build;
    for (size_t i = 0; i < taken->count; i++) {
        for (const char *at = taken->texts[i]; (at = strchr(at, '@')) != NULL; at++) {
            size_t len = 1;
            while (isalpha((unsigned char)at[len])) {
                len++;
            }
            if (len > 1 && at[len] == '@') {
                fail_msg("%s: %.*s is left", taken->paths[i], (int)len + 1, at);
            }
        }
    }
}

static void no_placeholder_is_left(void **state)
{
    (void)state;
    for_each(check_filled);
}

static void check_lines(const struct taken *taken, const struct build_row *build)
{
    size_t lines = 0;
    (void)build;
    for (const char *at = text_of(taken, "README.md"); (at = strchr(at, '\n')) != NULL; at++) {
        lines += at[1] != '\n';
    }
    assert_in_range(lines, 6, 12);
}

static void a_readme_has_about_ten_lines(void **state)
{
    (void)state;
    for_each(check_lines);
}

static void check_json(const struct taken *taken, const struct build_row *build)
{
    (void)build;
    for (size_t i = 0; i < taken->count; i++) {
        size_t len = strlen(taken->paths[i]);
        if (len > 5 && strcmp(taken->paths[i] + len - 5, ".json") == 0) {
            cJSON *tree = cJSON_Parse(taken->texts[i]);
            assert_non_null(tree);
            cJSON_Delete(tree);
        }
    }
    cJSON *tree = cJSON_Parse(text_of(taken, ".vscode/launch.json"));
    const cJSON *list = cJSON_GetObjectItem(tree, "configurations");
    const cJSON *program = cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "program");
    assert_string_equal(cJSON_GetStringValue(program), HOST);
    cJSON_Delete(tree);
}

static void its_json_is_json_whatever_the_path_of_the_host(void **state)
{
    (void)state;
    for_each(check_json);
}

static size_t seen;

static int compare_file(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    (void)st;
    (void)place;
    if (kind != FTW_F) {
        return 0;
    }
    for (size_t i = 0; i < embedded_file_count; i++) {
        if (strcmp(embedded_files[i].path, path + strlen(TEMPLATES) + 1) == 0) {
            struct text text = {0};
            struct error err;
            assert_true(file_read(path, 1U << 20, &text, &err));
            assert_string_equal(embedded_files[i].text, text_string(&text));
            text_finish(&text);
            seen++;
            return 0;
        }
    }
    fail_msg("%s is not embedded", path);
    return 1;
}

static void the_executable_holds_exactly_the_files_of_the_folder(void **state)
{
    (void)state;
    seen = 0;
    assert_int_equal(nftw(TEMPLATES, compare_file, 8, FTW_PHYS), 0);
    assert_int_equal(seen, embedded_file_count);
}

static void a_later_folder_s_file_wins(void **state)
{
    (void)state;
    struct error err;
    const struct template_row *game = template_find("game", &err);
    struct taken taken = make(game, build_find(NULL, game, &err));
    assert_non_null(strstr(text_of(&taken, "hotrun.toml"), "keys = \"off\""));
    drop(&taken);
    const struct template_row *server = template_find("server", &err);
    taken = make(server, build_find(NULL, server, &err));
    assert_non_null(strstr(text_of(&taken, "hotrun.toml"), "keys = \"on\""));
    drop(&taken);
}

static bool refuse(void *ctx, const char *path, const char *text, size_t len, struct error *err)
{
    (void)path;
    (void)text;
    (void)len;
    ++*(unsigned *)ctx;
    return error_set(err, ERROR_SYSTEM, "no room");
}

static void it_stops_at_the_first_file_that_is_not_taken(void **state)
{
    (void)state;
    unsigned calls = 0;
    struct error err;
    const struct template_values values = {"my_game", HOST, &build_rows[0]};
    assert_false(template_files(&template_rows[0], &values, refuse, &calls, &err));
    assert_int_equal(calls, 1);
    assert_string_equal(err.text, "no room");
}

static void a_mistyped_word_is_told_with_what_was_meant(void **state)
{
    (void)state;
    struct error err;
    assert_null(template_find("gmae", &err));
    assert_non_null(strstr(err.text, "did you mean game?"));
    assert_null(build_find("mesno", &template_rows[0], &err));
    assert_non_null(strstr(err.text, "did you mean meson?"));
    assert_null(build_find("cargo", &template_rows[0], &err));
    assert_non_null(strstr(err.text, "it has make, meson, cmake"));
    assert_null(template_find("", &err));
    assert_int_equal(err.code, ERROR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_project_has_all_its_parts),
        cmocka_unit_test(no_file_comes_twice_or_under_its_template_s_name),
        cmocka_unit_test(no_placeholder_is_left),
        cmocka_unit_test(a_readme_has_about_ten_lines),
        cmocka_unit_test(its_json_is_json_whatever_the_path_of_the_host),
        cmocka_unit_test(the_executable_holds_exactly_the_files_of_the_folder),
        cmocka_unit_test(a_later_folder_s_file_wins),
        cmocka_unit_test(it_stops_at_the_first_file_that_is_not_taken),
        cmocka_unit_test(a_mistyped_word_is_told_with_what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
