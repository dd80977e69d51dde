#include "layout/findings.h"

#include "drafts.h"

static void the_first_few_are_named_and_the_rest_counted(void **state)
{
    (void)state;
    struct findings findings = {0};
    for (int i = 0; i < FINDINGS_TOLD + 5; i++) {
        findings_add(&findings, FINDING_ADDED, "/field%d", i);
    }
    assert_int_equal(findings.count[FINDING_ADDED], FINDINGS_TOLD + 5);
    assert_int_equal(findings_more(&findings, FINDING_ADDED), 5);
    assert_int_equal(findings_more(&findings, FINDING_LOST), 0);
    assert_string_equal(findings.list[FINDING_ADDED].data, "/field0");
    findings_clear(&findings);
    assert_int_equal(findings.count[FINDING_ADDED], 0);
    findings_finish(&findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_few_are_named_and_the_rest_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
