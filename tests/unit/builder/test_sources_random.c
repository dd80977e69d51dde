/* Trees that change at random: what is known in the end is what is there, and each folder's saves
 * are told. */
#define _GNU_SOURCE
#include "sources_trial.h"

#include <errno.h>

static uint64_t dice_state;

static unsigned dice(unsigned sides)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice_state >> 33) % sides;
}

static size_t files_there, folders_there;
static char folders[256][512];

static int count_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    const char *name = path + ftw->base;
    if (flag == FTW_F && strcmp(name + strlen(name) - 2, ".c") == 0) {
        files_there++;
    } else if (flag == FTW_D && folders_there < 256) {
        (void)snprintf(folders[folders_there++], sizeof folders[0], "%s", path);
    }
    return 0;
}

static void count_all(void)
{
    files_there = folders_there = 0;
    assert_int_equal(nftw(at("root"), count_one, 16, FTW_PHYS), 0);
}

static const char *random_folder(void)
{
    static char path[256];
    size_t len = (size_t)snprintf(path, sizeof path, "root");
    for (unsigned depth = dice(4); depth > 0; depth--) {
        len += (size_t)snprintf(path + len, sizeof path - len, "/d%u", dice(3));
    }
    return at(path);
}

/* Most of these fail now and then, as when the folder is missing. */
static void do_something(void)
{
    char from[600], to[600];
    (void)snprintf(from, sizeof from, "%s/f%u.c", random_folder(), dice(3));
    (void)snprintf(to, sizeof to, "%s/f%u.c", random_folder(), dice(3));
    FILE *file;
    switch (dice(9)) {
    case 0:
    case 1:
        (void)mkdir(random_folder(), 0700);
        break;
    case 2:
    case 3:
        file = fopen(from, "w");
        if (file != NULL) {
            assert_int_equal(fclose(file), 0);
        }
        break;
    case 4:
        (void)unlink(from);
        break;
    case 5:
        (void)rename(from, to);
        break;
    case 6:
        (void)snprintf(from, sizeof from, "%s", random_folder());
        (void)rename(from, random_folder());
        break;
    case 7:
        (void)snprintf(from, sizeof from, "%s", random_folder());
        (void)snprintf(to, sizeof to, "%s", at("out"));
        if (dice(2) == 0) {
            (void)rename(from, to);
        } else {
            (void)rename(to, from);
        }
        break;
    default:
        if (dice(4) == 0) {
            (void)nftw(random_folder(), trial_remove_one, 16, FTW_DEPTH | FTW_PHYS);
        }
        break;
    }
}

static bool all_known(void *ctx)
{
    struct trial *t = ctx;
    return sources_count(t->sources) == files_there;
}

static void check_each_folder(struct trial *t, unsigned seed)
{
    for (size_t i = 0; i < folders_there; i++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s/probe%u.c", folders[i], seed % 2);
        put(path, "x");
        run_until(&t->loop, any_told, t);
        const char *wanted = path + strlen(at("root")) + 1;
        if (t->told != 1 || t->count != 1 || strcmp(t->path, wanted) != 0) {
            fail_msg("seed %u: %zu files told, %s, and not %s", seed, t->count, t->path, wanted);
        }
        t->told = 0;
    }
}

static void run_quiet(struct trial *t)
{
    for (turn(&t->loop); !is_still(&t->loop); turn(&t->loop)) {
        wait_for_event(&t->loop);
    }
    t->told = 0;
}

static void what_is_known_in_the_end_is_what_is_there(void **state)
{
    (void)state;
    const char *all = getenv("HOTRUN_TEST_ALL");
    unsigned seeds = all != NULL && strcmp(all, "1") == 0 ? 400 : 12;
    struct trial t;
    (void)mkdir(at("root"), 0700);
    struct sources_rules rules = {.root = at("root")};
    begin_with(&t, &rules, 0);
    for (unsigned seed = 1; seed <= seeds; seed++) {
        dice_state = seed * UINT64_C(0x9e3779b97f4a7c15);
        unsigned turns = 1 + dice(30);
        for (unsigned i = 0; i < 300; i++) {
            do_something();
            if (dice(turns) == 0) {
                turn(&t.loop);
            }
        }
        (void)mkdir(at("root"), 0700);
        count_all();
        run_until(&t.loop, all_known, &t);
        run_quiet(&t);
        assert_int_equal(sources_count(t.sources), files_there);
        assert_false(sources_is_polling(t.sources));
        check_each_folder(&t, seed);
    }
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_known_in_the_end_is_what_is_there, trial_setup,
                                        trial_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
