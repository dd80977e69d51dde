#include "codec/beside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_stands_behind_the_values_is_cut(void **state)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"{\"a\":1,\"$types\":[],\"$enums\":[{\"id\":1}]}", "{\"a\":1}"},
        {"{\"a\":[\"$types\"],\"$enums\":[]}", "{\"a\":[\"$types\"]}"},
        {"{\"$types\":[{\"/a\":\"float32\"}]}", "{}"},
        {" { \"a\" : 1 , \"$types\" : [ ] } \n", " { \"a\" : 1}"},
        {"{\"$types\":[],\"a\":1}", "{\"$types\":[],\"a\":1}"}, /* the module's own */
        {"{\"$types\":[],\"a\":1,\"$types\":[]}", "{\"$types\":[],\"a\":1}"},
        {"{\"a\":1,\"$types\":{}}", "{\"a\":1,\"$types\":{}}"},
        {"{\"a\":{\"$types\":[]}}", "{\"a\":{\"$types\":[]}}"},
        {"{}", "{}"},
        {"[1,2]", "[1,2]"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text text = {0};
        (void)text_puts(&text, rows[i].before);
        beside_cut(&text);
        assert_string_equal(text_string(&text), rows[i].after);
        text_finish(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_stands_behind_the_values_is_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
