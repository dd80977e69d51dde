#include "supervisor/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Sizes and counts as people read them. */

static void sizes_read_well(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {{0, "0 B"},
                 {1, "1 B"},
                 {999, "999 B"},
                 {1000, "1.0 KB"},
                 {1234, "1.2 KB"},
                 {999949, "999.9 KB"},
                 {999950, "1.0 MB"},
                 {64000000, "64.0 MB"},
                 {1500000000, "1.5 GB"},
                 {UINT64_C(4) << 40, "4398.0 GB"}};
    char text[32];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        report_size(sizes[i].bytes, text, sizeof text);
        assert_string_equal(text, sizes[i].text);
    }
}

static void counts_read_well(void **state)
{
    (void)state;
    static const struct {
        uint64_t count;
        const char *text;
    } counts[] = {{0, "0"},
                  {999, "999"},
                  {1000, "1,000"},
                  {81204, "81,204"},
                  {123456, "123,456"},
                  {1234567, "1,234,567"},
                  {UINT64_MAX, "18,446,744,073,709,551,615"}};
    char text[32];
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        report_count(counts[i].count, text, sizeof text);
        assert_string_equal(text, counts[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_read_well),
        cmocka_unit_test(counts_read_well),
    };
    return cmocka_run_group_tests_name("supervisor: report numbers", tests, NULL, NULL);
}
