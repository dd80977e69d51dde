#define _GNU_SOURCE
#include "store/durable.h"

#include "base/file.h"
#include "base/path.h"
#include "states_trial.h"

#include <fcntl.h>
#include <hotrun/hotrun.h>
#include <pthread.h>
#include <stdatomic.h>

#define LIMIT 100000

static int dir_fd;
static uv_loop_t loop;
static struct shared shared;
static struct store *store;
static struct durable *durable;
static struct layout_set layouts;
static struct durable_outcome outcomes[64];
static void *calls[64];
static size_t outcome_count;

static void done(void *ctx, void *call, const struct durable_outcome *outcome)
{
    (void)ctx;
    assert_true(outcome_count < 64);
    outcomes[outcome_count] = *outcome;
    calls[outcome_count++] = call;
}

static bool all_done(void *ctx)
{
    return outcome_count >= *(size_t *)ctx;
}

static int setup(void **state)
{
    struct error err;
    if (trial_setup(state) != 0 || uv_loop_init(&loop) != 0 ||
        !shared_create(&shared, LIMIT, &err)) {
        return -1;
    }
    dir_fd = open(trial_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    store = store_create(dir_fd, trial_dir, 100);
    durable = store == NULL ? NULL : durable_create(&loop, store, &layouts, done, NULL);
    outcome_count = 0;
    return durable == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    durable_flush(durable);
    drain(&loop);
    durable_destroy(durable);
    store_destroy(store);
    shared_finish(&shared);
    (void)close(dir_fd);
    return trial_teardown(state);
}

static void publish(int slot, uint64_t sequence, const char *state)
{
    struct error err;
    struct snapshot snapshot = {.sequence = sequence,
                                .generation = 1,
                                .step = sequence * 10,
                                .kind = SNAPSHOT_JSON,
                                .why = SNAPSHOT_INTERVAL,
                                .module = "game"};
    assert_true(shared_publish(&shared, slot, &snapshot, state, strlen(state), &err));
}

static void submit(int slot, const char *copy, void *call)
{
    struct error err;
    assert_true(durable_submit(durable, &shared, slot, copy, call, &err));
}

static struct snapshot on_disk(uint64_t id)
{
    struct text bytes = {0};
    struct envelope envelope;
    struct error err;
    assert_true(store_read(store, id, 1 << 20, &bytes, &err));
    assert_int_equal(envelope_read(&envelope, bytes.data, bytes.len, &err), ENVELOPE_WHOLE);
    struct snapshot snapshot = envelope.snapshot;
    envelope_finish(&envelope);
    text_finish(&bytes);
    return snapshot;
}

static void what_is_submitted_is_stored_and_told_in_its_order(void **state)
{
    (void)state;
    size_t wanted = 3;
    int tokens[3];
    publish(SHARED_TURN_0, 1, "{\"n\":1}");
    publish(SHARED_TURN_1, 2, "{\"n\":22}");
    publish(SHARED_PIN_0, 3, "{\"n\":333}");
    submit(SHARED_TURN_0, NULL, &tokens[0]);
    submit(SHARED_TURN_1, NULL, &tokens[1]);
    submit(SHARED_PIN_0, NULL, &tokens[2]);
    assert_true(durable_is_busy(durable));
    run_until(&loop, all_done, &wanted);
    assert_false(durable_is_busy(durable));
    for (size_t i = 0; i < 3; i++) {
        assert_true(outcomes[i].ok && outcomes[i].fresh);
        assert_ptr_equal(calls[i], &tokens[i]);
        assert_int_equal(outcomes[i].id, i + 1);
        assert_int_equal(on_disk(i + 1).step, (i + 1) * 10);
    }
    assert_int_equal(durable_sequence(durable), 3);
}

static void a_file_apart_is_this_very_snapshot_and_not_in_the_store(void **state)
{
    (void)state;
    struct error err;
    int tokens[2];
    publish(SHARED_TURN_0, 7, "{\"n\":7}");
    publish(SHARED_TURN_1, 8, "{\"n\":8}");
    for (int i = 0; i < 2; i++) {
        int slot = i == 0 ? SHARED_TURN_0 : SHARED_PIN_0; /* the latter is empty */
        int folder = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
        assert_true(durable_keep(durable, &shared, slot, folder, i == 0 ? "7.json" : "none.json",
                                 &tokens[i], &err));
    }
    durable_flush(durable);
    assert_int_equal(outcome_count, 2);
    assert_ptr_equal(calls[0], &tokens[0]);
    assert_true(outcomes[0].ok && !outcomes[0].stored && !outcomes[0].fresh);
    assert_false(outcomes[1].ok);
    assert_int_equal(durable_sequence(durable), 0);
    struct text bytes = {0};
    struct envelope envelope;
    assert_true(file_read(at("7.json"), 1 << 20, &bytes, &err));
    assert_int_equal(envelope_read(&envelope, bytes.data, bytes.len, &err), ENVELOPE_WHOLE);
    assert_int_equal(envelope.snapshot.step, 70);
    envelope_finish(&envelope);
    text_finish(&bytes);
    assert_int_equal(access(at("none.json"), F_OK), -1);
    assert_int_equal(access(at("snapshots"), F_OK), -1);
}

static void files_apart_come_behind_what_is_for_the_store(void **state)
{
    (void)state;
    struct error err;
    int apart, stored;
    publish(SHARED_TURN_0, 7, "{}");
    for (int i = 0; i < 3; i++) {
        int folder = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
        assert_true(durable_keep(durable, &shared, SHARED_TURN_0, folder, "7.json", &apart, &err));
    }
    assert_false(durable_is_busy(durable));
    submit(SHARED_TURN_0, NULL, &stored);
    submit(SHARED_TURN_0, NULL, &stored);
    assert_true(durable_is_busy(durable));
    durable_flush_store(durable);
    assert_int_equal(outcome_count, 2);
    assert_true(calls[0] == &stored && calls[1] == &stored);
    assert_false(durable_is_busy(durable));
    size_t wanted = 5;
    run_until(&loop, all_done, &wanted);
    assert_true(calls[2] == &apart && calls[4] == &apart);
}

static void what_is_in_the_store_is_not_stored_again_unless_it_has_gone(void **state)
{
    (void)state;
    publish(SHARED_TURN_0, 7, "{}");
    submit(SHARED_TURN_0, NULL, NULL);
    submit(SHARED_TURN_0, NULL, NULL);
    durable_flush(durable);
    assert_int_equal(outcome_count, 2);
    assert_true(outcomes[1].ok && !outcomes[1].fresh);
    assert_int_equal(outcomes[1].id, outcomes[0].id);
    assert_int_equal(remove(at("snapshots/00000001.json")), 0);
    submit(SHARED_TURN_0, NULL, NULL);
    durable_flush(durable);
    assert_true(outcomes[2].ok && outcomes[2].fresh);
    assert_int_equal(outcomes[2].id, 2);
}

static void a_copy_is_written_beside_and_its_failure_is_no_failure_of_the_store(void **state)
{
    (void)state;
    publish(SHARED_TURN_0, 7, "{}");
    submit(SHARED_TURN_0, at("copy.json"), NULL);
    submit(SHARED_TURN_0, at("nowhere/copy.json"), NULL);
    durable_flush(durable);
    assert_true(outcomes[0].ok);
    assert_int_equal(access(at("copy.json"), F_OK), 0);
    assert_false(outcomes[1].ok);
    assert_true(outcomes[1].stored);
    assert_non_null(strstr(outcomes[1].err.text, "nowhere"));
}

static void an_empty_slot_and_memory_with_pointers_are_no_snapshots(void **state)
{
    (void)state;
    struct error err;
    struct snapshot image = {.sequence = 1,
                             .generation = 1,
                             .kind = SNAPSHOT_IMAGE,
                             .why = SNAPSHOT_EXIT,
                             .module = "game"};
    submit(SHARED_TURN_0, NULL, NULL);
    durable_flush(durable);
    assert_false(outcomes[0].ok || outcomes[0].useless);
    assert_true(shared_publish(&shared, SHARED_TURN_0, &image, "1234", 4, &err));
    submit(SHARED_TURN_0, NULL, NULL);
    durable_flush(durable);
    assert_true(!outcomes[1].ok && outcomes[1].useless);
    image.flags = HOTRUN_STATE_PLAIN;
    assert_true(shared_publish(&shared, SHARED_TURN_0, &image, "1234", 4, &err));
    submit(SHARED_TURN_0, NULL, NULL);
    durable_flush(durable);
    assert_true(outcomes[2].ok);
}

static void an_image_is_stored_as_json_by_the_layouts_of_its_day(void **state)
{
    (void)state;
    struct error err;
    struct text bytes = {0};
    struct layout *layout = trial_layout("n");
    struct snapshot image = {.sequence = 1,
                             .generation = 1,
                             .kind = SNAPSHOT_PARTS,
                             .why = SNAPSHOT_EXIT,
                             .layout = layout->head->hash,
                             .module = "game"};
    trial_image(layout, 7, 8, &bytes);
    assert_true(shared_publish(&shared, SHARED_PIN_0, &image, bytes.data, bytes.len, &err));
    submit(SHARED_PIN_0, NULL, NULL);
    durable_flush(durable);
    assert_true(!outcomes[0].ok && outcomes[0].useless);
    assert_true(layout_set_add(&layouts, layout));
    submit(SHARED_PIN_0, NULL, NULL);
    layout_set_finish(&layouts); /* it has its own reference */
    layout_drop(&layout);
    size_t wanted = 2;
    run_until(&loop, all_done, &wanted);
    assert_true(outcomes[1].ok && outcomes[1].fresh);
    struct snapshot stored = on_disk(outcomes[1].id);
    assert_int_equal(stored.kind, SNAPSHOT_JSON);
    assert_int_equal(stored.len, strlen("{\"hp\":7,\"n\":8,\"$types\":[]}"));
    text_finish(&bytes);
}

static atomic_bool writing;

/* The host at full speed: each state tells its own number all over. */
static void *write_in_turn(void *ctx)
{
    static char text[20000];
    (void)ctx;
    for (uint64_t n = 1; atomic_load(&writing); n++) {
        size_t used = (size_t)snprintf(text, sizeof text, "[%llu", (unsigned long long)n);
        while (used < sizeof text - 40) {
            used +=
                (size_t)snprintf(text + used, sizeof text - used, ",%llu", (unsigned long long)n);
        }
        (void)snprintf(text + used, sizeof text - used, "]");
        struct error err;
        struct snapshot snapshot = {.sequence = n,
                                    .generation = 1,
                                    .step = n,
                                    .kind = SNAPSHOT_JSON,
                                    .why = SNAPSHOT_INTERVAL,
                                    .module = "game"};
        (void)shared_publish(&shared, (int)(n % 2), &snapshot, text, strlen(text), &err);
    }
    return NULL;
}

static void a_snapshot_that_is_written_over_meanwhile_is_never_stored_torn(void **state)
{
    (void)state;
    pthread_t writer;
    atomic_store(&writing, true);
    publish(SHARED_PIN_0, 1, "[1]");
    assert_int_equal(pthread_create(&writer, NULL, write_in_turn, NULL), 0);
    for (size_t wanted = 1; wanted <= 60; wanted++) {
        submit((int)(wanted % 2), NULL, NULL);
        run_until(&loop, all_done, &wanted);
    }
    atomic_store(&writing, false);
    assert_int_equal(pthread_join(writer, NULL), 0);
    for (size_t i = 0; i < 60; i++) {
        assert_true(outcomes[i].ok);
        struct text bytes = {0};
        struct envelope envelope;
        struct error err;
        char number[32];
        assert_true(store_read(store, outcomes[i].id, 1 << 20, &bytes, &err));
        assert_int_equal(envelope_read(&envelope, bytes.data, bytes.len, &err), ENVELOPE_WHOLE);
        int len =
            snprintf(number, sizeof number, ",%llu]", (unsigned long long)envelope.snapshot.step);
        assert_true(envelope.snapshot.len < 10 ||
                    memcmp(envelope.state + envelope.snapshot.len - len, number, (size_t)len) == 0);
        envelope_finish(&envelope);
        text_finish(&bytes);
    }
}

static void a_flush_waits_for_the_worker_and_does_the_rest(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 20; i++) {
        publish(SHARED_TURN_0, i, "{}");
        submit(SHARED_TURN_0, NULL, NULL);
    }
    durable_flush(durable);
    assert_int_equal(outcome_count, 20);
    assert_false(durable_is_busy(durable));
    assert_int_equal(durable_sequence(durable), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TRIAL(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TRIAL(what_is_submitted_is_stored_and_told_in_its_order),
        TRIAL(a_file_apart_is_this_very_snapshot_and_not_in_the_store),
        TRIAL(files_apart_come_behind_what_is_for_the_store),
        TRIAL(what_is_in_the_store_is_not_stored_again_unless_it_has_gone),
        TRIAL(a_copy_is_written_beside_and_its_failure_is_no_failure_of_the_store),
        TRIAL(an_empty_slot_and_memory_with_pointers_are_no_snapshots),
        TRIAL(an_image_is_stored_as_json_by_the_layouts_of_its_day),
        TRIAL(a_snapshot_that_is_written_over_meanwhile_is_never_stored_torn),
        TRIAL(a_flush_waits_for_the_worker_and_does_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
