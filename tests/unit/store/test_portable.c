/* What of a snapshot's state other processes can read. */
#define _GNU_SOURCE
#include "store/portable.h"

#include "states_trial.h"

#include <hotrun/hotrun.h>

static struct layout *layout;
static struct layout_set known;
static struct text state;
static struct snapshot snapshot;
static struct error err;

static int setup(void **given)
{
    (void)given;
    layout = trial_layout("n");
    assert_true(layout_set_add(&known, layout));
    trial_image(layout, 7, -3, &state);
    snapshot =
        (struct snapshot){.kind = SNAPSHOT_PARTS, .len = state.len, .layout = layout->head->hash};
    return 0;
}

static int teardown(void **given)
{
    (void)given;
    text_finish(&state);
    layout_set_finish(&known);
    layout_drop(&layout);
    return 0;
}

static void an_image_becomes_json(void **given)
{
    (void)given;
    assert_true(portable_make(&snapshot, &state, &known, 1000, &err));
    assert_string_equal(text_string(&state), "{\"hp\":7,\"n\":-3,\"$types\":[]}");
    assert_int_equal(snapshot.kind, SNAPSHOT_JSON);
    assert_int_equal(snapshot.len, state.len);
    assert_int_equal(snapshot.layout, 0);
}

static void json_and_plain_memory_stay(void **given)
{
    struct text text = {0};
    (void)given;
    assert_true(text_puts(&text, "[1]"));
    struct snapshot json = {.kind = SNAPSHOT_JSON, .len = 3};
    assert_true(portable_make(&json, &text, &known, 1, &err));
    struct snapshot plain = {.kind = SNAPSHOT_IMAGE, .len = 3, .flags = HOTRUN_STATE_PLAIN};
    assert_true(portable_make(&plain, &text, &known, 1, &err));
    struct snapshot empty = {.kind = SNAPSHOT_IMAGE};
    assert_true(portable_make(&empty, &text, &known, 1, &err));
    assert_string_equal(text_string(&text), "[1]");
    struct snapshot memory = {.kind = SNAPSHOT_IMAGE, .len = 3};
    assert_false(portable_make(&memory, &text, &known, 1, &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    text_finish(&text);
}

static void without_its_layout_an_image_is_of_use_only_when_it_is_plain(void **given)
{
    static const struct layout_set none;
    (void)given;
    assert_false(portable_make(&snapshot, &state, &none, 1000, &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    snapshot.flags = HOTRUN_STATE_PLAIN;
    assert_true(portable_make(&snapshot, &state, &none, 1000, &err));
    assert_int_equal(snapshot.kind, SNAPSHOT_IMAGE);
    assert_int_equal(snapshot.len, 8);
    static const int values[2] = {7, -3};
    assert_int_equal(state.len, sizeof values);
    assert_memory_equal(state.data, values, sizeof values);
}

static void json_that_is_too_long_is_a_failure(void **given)
{
    (void)given;
    assert_false(portable_make(&snapshot, &state, &known, 14, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_non_null(strstr(err.text, "state.max_json"));
}

static void one_value_of_an_image_is_told_alone(void **given)
{
    struct text json = {0};
    (void)given;
    assert_true(portable_json(state.data, state.len, &known, "/n", &json, &err));
    assert_string_equal(text_string(&json), "-3");
    assert_false(portable_json(state.data, state.len, &known, "/speed", &json, &err));
    assert_non_null(strstr(err.text, "speed"));
    text_finish(&json);
}

static void a_damaged_image_is_refused(void **given)
{
    (void)given;
    for (size_t len = 0; len < state.len; len++) {
        struct text json = {0};
        bool ok = portable_json(state.data, len, &known, NULL, &json, &err);
        assert_true(!ok || len >= state.len - 8); /* what fills up the last part may be missing */
        text_finish(&json);
    }
    for (size_t i = 0; i < sizeof(struct image_head); i++) {
        struct text json = {0};
        state.data[i] = (char)~state.data[i];
        (void)portable_json(state.data, state.len, &known, NULL, &json, &err);
        state.data[i] = (char)~state.data[i];
        text_finish(&json);
    }
    memset(state.data, 0, state.len);
    snapshot.flags = HOTRUN_STATE_PLAIN;
    assert_false(portable_make(&snapshot, &state, &known, 1000, &err));
}

static void a_set_keeps_a_layout_once_and_as_many_as_it_has_room_for(void **given)
{
    struct layout_set set = {.count = 0}, copy = {.count = 0};
    struct layout *others[LAYOUT_SET_MOST + 1];
    (void)given;
    for (unsigned i = 0; i <= LAYOUT_SET_MOST; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "f%u", i);
        others[i] = trial_layout(name);
        assert_int_equal(layout_set_add(&set, others[i]), i < LAYOUT_SET_MOST);
        assert_true(i == LAYOUT_SET_MOST || layout_set_add(&set, others[i]));
    }
    assert_int_equal(set.count, LAYOUT_SET_MOST);
    layout_set_copy(&copy, &set);
    layout_set_remove(&set, 0);
    assert_null(layout_set_find(&set, others[0]->head->hash));
    assert_ptr_equal(layout_set_find(&copy, others[0]->head->hash), others[0]);
    assert_ptr_equal(layout_set_find(&set, others[31]->head->hash), others[31]);
    layout_set_finish(&set);
    layout_set_finish(&copy);
    for (unsigned i = 0; i <= LAYOUT_SET_MOST; i++) {
        assert_int_equal(others[i]->references, 1);
        layout_drop(&others[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_image_becomes_json, setup, teardown),
        cmocka_unit_test_setup_teardown(json_and_plain_memory_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(without_its_layout_an_image_is_of_use_only_when_it_is_plain,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(json_that_is_too_long_is_a_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(one_value_of_an_image_is_told_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_image_is_refused, setup, teardown),
        cmocka_unit_test(a_set_keeps_a_layout_once_and_as_many_as_it_has_room_for),
    };
    return cmocka_run_group_tests_name("store: portable", tests, NULL, NULL);
}
