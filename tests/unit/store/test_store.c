#define _GNU_SOURCE
#include "store/store.h"

#include "trial.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

static int dir_fd;

static int setup(void **state)
{
    if (trial_setup(state) != 0) {
        return -1;
    }
    dir_fd = open(trial_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)close(dir_fd);
    return trial_teardown(state);
}

static struct store *opened(unsigned history)
{
    struct store *store = store_create(dir_fd, trial_dir, history);
    assert_non_null(store);
    return store;
}

static uint64_t stored(struct store *store, const char *text)
{
    uint64_t id = 0;
    struct error err = {0};
    if (!store_put(store, text, strlen(text), &id, &err)) {
        fail_msg("%s", err.text);
    }
    return id;
}

static void expect(const char *name, const char *content)
{
    char bytes[256] = "";
    FILE *file = fopen(at(name), "r");
    assert_non_null(file);
    (void)fread(bytes, 1, sizeof bytes - 1, file);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(bytes, content);
}

static bool is_there(const char *name)
{
    return access(at(name), F_OK) == 0;
}

static void expect_ids(const struct store *store, const uint64_t *expected, size_t expected_count)
{
    uint64_t *ids = NULL;
    size_t count = 0;
    struct error err;
    assert_true(store_ids(store, &ids, &count, &err));
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ids[i], expected[i]);
    }
    free(ids);
}

static void numbers_grow_and_latest_names_the_newest(void **state)
{
    (void)state;
    struct store *store = opened(16);
    struct stat st;
    expect_ids(store, NULL, 0);
    assert_false(is_there("snapshots"));
    assert_int_equal(stored(store, "one"), 1);
    expect("snapshots/latest.json", "one");
    assert_int_equal(stored(store, "two"), 2);
    expect("snapshots/00000001.json", "one");
    expect("snapshots/00000002.json", "two");
    expect("snapshots/latest.json", "two");
    expect_ids(store, (const uint64_t[]){2, 1}, 2);
    assert_int_equal(stat(at("snapshots"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(at("snapshots/latest.json"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    char *path = store_path(store, 2);
    assert_string_equal(path, at("snapshots/00000002.json"));
    free(path);
    store_destroy(store);
}

static void only_the_newest_of_the_history_stay(void **state)
{
    (void)state;
    struct store *store = opened(3);
    for (int i = 0; i < 10; i++) {
        (void)stored(store, "x");
    }
    expect_ids(store, (const uint64_t[]){10, 9, 8}, 3);
    store_destroy(store);
    store = opened(1);
    assert_int_equal(stored(store, "last"), 11);
    expect_ids(store, (const uint64_t[]){11}, 1);
    expect("snapshots/latest.json", "last");
    store_destroy(store);
}

static void a_later_run_goes_on_counting(void **state)
{
    (void)state;
    struct store *store = opened(16);
    (void)stored(store, "one");
    store_destroy(store);
    put(at("snapshots/00000041.json"), "torn");
    store = opened(16);
    assert_int_equal(stored(store, "two"), 42);
    store_destroy(store);
}

static void what_is_not_its_own_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("snapshots"), 0700), 0);
    static const char *const others[] = {
        "snapshots/note.txt",       "snapshots/1.json",
        "snapshots/000000001.json", "snapshots/00000001.json.bak",
        "snapshots/-0000001.json",  "snapshots/999999999999999999.json"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        put(at(others[i]), "mine");
    }
    struct store *store = opened(1);
    assert_int_equal(stored(store, "one"), 1);
    assert_int_equal(stored(store, "two"), 2);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        expect(others[i], "mine");
    }
    store_destroy(store);
}

static void a_number_that_has_none_behind_it_is_told(void **state)
{
    (void)state;
    struct error err = {0};
    uint64_t id;
    (void)mkdir(at("snapshots"), 0700);
    put(at("snapshots/999999999999999.json"), "mine");
    struct store *store = opened(2);
    assert_false(store_put(store, "one", 3, &id, &err));
    assert_non_null(strstr(err.text, "snapshots: there is no number behind that of 9999"));
    assert_int_equal(unlink(at("snapshots/999999999999999.json")), 0);
    store_destroy(store);
    store = opened(2);
    assert_int_equal(stored(store, "one"), 1);
    store_destroy(store);
}

static void what_a_crash_left_half_written_is_swept(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("snapshots"), 0700), 0);
    put(at("snapshots/.00000007.json.new"), "half");
    put(at("snapshots/.latest.json.new"), "half");
    struct store *view = store_view(dir_fd, trial_dir); /* somebody may be writing them */
    assert_non_null(view);
    store_destroy(view);
    assert_true(is_there("snapshots/.00000007.json.new"));
    struct store *store = opened(16);
    assert_false(is_there("snapshots/.00000007.json.new"));
    assert_false(is_there("snapshots/.latest.json.new"));
    assert_int_equal(stored(store, "one"), 1);
    store_destroy(store);
}

static void a_folder_that_has_gone_is_made_again(void **state)
{
    (void)state;
    struct store *store = opened(16);
    (void)stored(store, "one");
    assert_int_equal(remove(at("snapshots/latest.json")), 0);
    assert_int_equal(remove(at("snapshots/00000001.json")), 0);
    assert_int_equal(rmdir(at("snapshots")), 0);
    assert_int_equal(stored(store, "two"), 2); /* no number twice */
    expect("snapshots/latest.json", "two");
    store_destroy(store);
}

static void a_file_or_a_link_in_the_folders_place_is_an_error(void **state)
{
    (void)state;
    struct store *store = opened(16);
    struct error err;
    uint64_t id;
    put(at("snapshots"), "a file");
    assert_false(store_put(store, "x", 1, &id, &err));
    assert_non_null(strstr(err.text, "snapshots"));
    expect("snapshots", "a file");
    assert_int_equal(remove(at("snapshots")), 0);
    assert_int_equal(mkdir(at("elsewhere"), 0700), 0);
    assert_int_equal(symlink(at("elsewhere"), at("snapshots")), 0);
    assert_false(store_put(store, "x", 1, &id, &err));
    assert_int_equal(rmdir(at("elsewhere")), 0); /* empty */
    assert_int_equal(remove(at("snapshots")), 0);
    assert_int_equal(stored(store, "mended"), 1);
    store_destroy(store);
}

static void expect_only(struct store *store, const char *content)
{
    expect_ids(store, (const uint64_t[]){1}, 1);
    expect("snapshots/latest.json", content);
    expect("snapshots/00000001.json", content);
    assert_false(is_there("snapshots/.00000002.json.new"));
    assert_false(is_there("snapshots/00000002.json"));
}

static void a_file_that_does_not_fit_leaves_the_last_good_one_and_nothing_else(void **state)
{
    (void)state;
    struct store *store = opened(16);
    static char large[100000];
    struct rlimit before, small;
    struct error err;
    uint64_t id;
    (void)stored(store, "good");
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 5000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool ok = store_put(store, large, sizeof large, &id, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_false(ok);
    expect_only(store, "good");
    store_destroy(store);
}

/* Root alone may mount; elsewhere the test before this one stands for it. */
static void a_full_and_a_read_only_disk_leave_the_last_good_one(void **state)
{
    (void)state;
    struct store *store = opened(16);
    static char large[400000];
    struct error err;
    uint64_t id;
    assert_int_equal(mkdir(at("snapshots"), 0700), 0);
    if (mount("tmpfs", at("snapshots"), "tmpfs", 0, "size=128k") != 0) {
        store_destroy(store);
        skip();
    }
    (void)stored(store, "good");
    bool full = !store_put(store, large, sizeof large, &id, &err);
    bool told = strstr(err.text, "No space left") != NULL;
    expect_only(store, "good");
    bool refused = mount(NULL, at("snapshots"), NULL, MS_REMOUNT | MS_RDONLY, "size=128k") == 0 &&
                   !store_put(store, "x", 1, &id, &err);
    bool told_too = strstr(err.text, "Read-only") != NULL;
    expect_only(store, "good");
    bool mended = mount(NULL, at("snapshots"), NULL, MS_REMOUNT, "size=4m") == 0 &&
                  store_put(store, large, sizeof large, &id, &err);
    assert_int_equal(umount2(at("snapshots"), MNT_DETACH), 0);
    assert_true(full && told && refused && told_too && mended);
    store_destroy(store);
}

static void a_list_shows_what_the_heads_say(void **state)
{
    (void)state;
    struct store *store = opened(16);
    struct snapshot snapshot = {.generation = 3,
                                .step = 12,
                                .time_ns = 1000,
                                .len = 2,
                                .kind = SNAPSHOT_JSON,
                                .why = SNAPSHOT_EXIT,
                                .module = "game"};
    struct text file = {0}, back = {0};
    struct store_entry entry;
    struct error err;
    assert_true(envelope_write(&file, &snapshot, "{}", &err));
    (void)stored(store, file.data);
    (void)stored(store, "no snapshot");
    assert_true(store_look(store, 1, &entry, &err));
    assert_true(entry.readable);
    assert_int_equal(entry.size, file.len);
    assert_int_equal(entry.snapshot.step, 12);
    assert_true(store_look(store, 2, &entry, &err));
    assert_false(entry.readable);
    assert_false(store_look(store, 3, &entry, &err));
    assert_true(store_read(store, 1, 1 << 20, &back, &err));
    assert_string_equal(back.data, file.data);
    text_clear(&back);
    assert_false(store_read(store, 1, 10, &back, &err));
    text_finish(&back);
    text_finish(&file);
    store_destroy(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TRIAL(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TRIAL(numbers_grow_and_latest_names_the_newest),
        TRIAL(only_the_newest_of_the_history_stay),
        TRIAL(a_later_run_goes_on_counting),
        TRIAL(what_is_not_its_own_is_left_alone),
        TRIAL(a_number_that_has_none_behind_it_is_told),
        TRIAL(what_a_crash_left_half_written_is_swept),
        TRIAL(a_folder_that_has_gone_is_made_again),
        TRIAL(a_file_or_a_link_in_the_folders_place_is_an_error),
        TRIAL(a_file_that_does_not_fit_leaves_the_last_good_one_and_nothing_else),
        TRIAL(a_full_and_a_read_only_disk_leave_the_last_good_one),
        TRIAL(a_list_shows_what_the_heads_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
