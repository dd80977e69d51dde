#include "layout/findings.h"

#include "drafts.h"

/* The entries of a list, one a line. */
static const char *lines(const struct findings *findings, enum finding kind)
{
    static char room[FINDINGS_BYTES + 1];
    const struct text *list = &findings->list[kind];
    assert_true(list->len < sizeof room);
    for (size_t i = 0; i < list->len; i++) {
        room[i] = list->data[i] == '\0' ? '\n' : list->data[i];
    }
    room[list->len] = '\0';
    return room;
}

static void the_first_few_are_named_and_the_rest_counted(void **state)
{
    (void)state;
    struct findings findings = {0};
    for (int i = 0; i < FINDINGS_TOLD + 5; i++) {
        findings_add(&findings, FINDING_ADDED, "/field%d", i);
        assert_int_equal(findings_more(&findings, FINDING_ADDED),
                         i < FINDINGS_TOLD ? 0 : i + 1 - FINDINGS_TOLD);
    }
    assert_int_equal(findings.count[FINDING_ADDED], FINDINGS_TOLD + 5);
    assert_int_equal(findings_more(&findings, FINDING_LOST), 0);
    assert_string_equal(lines(&findings, FINDING_LOST), "");
    assert_memory_equal(lines(&findings, FINDING_ADDED), "/field0\n/field1\n", 16);
    findings_clear(&findings);
    assert_int_equal(findings.count[FINDING_ADDED], 0);
    assert_int_equal(findings_more(&findings, FINDING_ADDED), 0);
    findings_add(&findings, FINDING_ADDED, "/again");
    assert_string_equal(lines(&findings, FINDING_ADDED), "/again");
    findings_finish(&findings);
    assert_null(findings.list[FINDING_ADDED].data);
}

static void kinds_do_not_mix(void **state)
{
    (void)state;
    struct findings findings = {0};
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        findings_add(&findings, (enum finding)kind, "%s", kind % 2 == 0 ? "even" : "odd");
        findings_add(&findings, (enum finding)kind, "second");
    }
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        assert_string_equal(lines(&findings, (enum finding)kind),
                            kind % 2 == 0 ? "even\nsecond" : "odd\nsecond");
        assert_int_equal(findings.count[kind], 2);
    }
    findings_finish(&findings);
}

static void the_whole_state_has_a_name(void **state)
{
    (void)state;
    struct findings findings = {0};
    findings_add(&findings, FINDING_DROPPED, "%s", "");
    findings_add(&findings, FINDING_DROPPED, "%s", "/hp");
    assert_string_equal(lines(&findings, FINDING_DROPPED), "/\n/hp");
    assert_int_equal(findings_more(&findings, FINDING_DROPPED), 0);
    findings_finish(&findings);
}

static void a_long_entry_is_cut_between_characters(void **state)
{
    (void)state;
    struct findings findings = {0};
    char name[4 * FINDING_BYTES];
    for (size_t shift = 0; shift < 3; shift++) { /* a letter of three bytes, wherever it is cut */
        size_t len = 0;
        memset(name, 'x', shift);
        for (len = shift; len + 3 < sizeof name; len += 3) {
            memcpy(name + len, "\xe2\x82\xac", 3);
        }
        name[len] = '\0';
        findings_clear(&findings);
        findings_add(&findings, FINDING_KEPT, "%s", name);
        const struct text *list = &findings.list[FINDING_KEPT];
        assert_true(list->len <= FINDING_BYTES && list->len > FINDING_BYTES - 8);
        assert_string_equal(list->data + list->len - 3, "...");
        assert_int_equal((list->len - 3 - shift) % 3, 0);
        assert_memory_equal(list->data, name, list->len - 3);
    }
    findings_finish(&findings);
}

static void all_that_are_named_fit(void **state)
{
    (void)state;
    struct findings findings = {0};
    char name[2 * FINDING_BYTES];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < 3 * FINDINGS_TOLD; i++) {
        findings_add(&findings, FINDING_LOST, "%s", name);
    }
    assert_int_equal(findings_more(&findings, FINDING_LOST), 2 * FINDINGS_TOLD);
    assert_true(findings.list[FINDING_LOST].len <= FINDINGS_BYTES);
    findings_finish(&findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_few_are_named_and_the_rest_counted),
        cmocka_unit_test(kinds_do_not_mix), cmocka_unit_test(the_whole_state_has_a_name),
        cmocka_unit_test(a_long_entry_is_cut_between_characters),
        cmocka_unit_test(all_that_are_named_fit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
