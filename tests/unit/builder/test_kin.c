#define _GNU_SOURCE
#include "builder/kin.h"

#include "trial.h"

#include <limits.h>
#include <sys/wait.h>

/* It becomes another program again and again, in a session of its own. */
static void one_that_becomes_another_program_is_not_missed(void **state)
{
    static const char script[] = "test $1 -eq 0 || exec sh -c \"$0\" \"$0\" $(($1 - 1))";
    char mark[KIN_MARK_SIZE];
    struct kin kin = {0};
    (void)state;
    kin_mark(mark);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char *env[] = {mark, NULL};
        (void)setsid();
        (void)execle("/bin/sh", "sh", "-c", script, script, "300", (char *)NULL, env);
        _exit(127);
    }
    while (!kin_find(&kin, INT_MAX, mark) || kin.count == 0) { /* it has its mark */
    }
    int status = 0;
    bool missed = false;
    while (!missed && kin_find(&kin, INT_MAX, mark)) {
        bool seen = kin.count > 0 || kin.hidden;
        if (waitpid(child, &status, WNOHANG) != 0) {
            break;
        }
        missed = !seen;
    }
    assert_false(missed);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    kin_finish(&kin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_becomes_another_program_is_not_missed),
    };
    return cmocka_run_group_tests_name("kin", tests, NULL, NULL);
}
