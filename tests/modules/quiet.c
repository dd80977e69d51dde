/* A module that reads nothing. Its state is the number of its steps; ON_STEP is what it does in
 * each, with `turn` and put() at hand. */
#include "hotrun/hotrun.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef ON_STEP
#define ON_STEP
#endif

struct quiet {
    unsigned long turn;
};

__attribute__((used)) static volatile const char version_mark[] = "@version=0000000000@";

__attribute__((unused)) static void put(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        version_mark[0];
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    unsigned long turn = ++((struct quiet *)state)->turn;
    (void)host;
    (void)now;
    (void)turn;
    ON_STEP;
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct quiet, .name = "quiet", .flags = HOTRUN_STATE_PLAIN, .step = step);
