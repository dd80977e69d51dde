/* The bare limit of a step: calls a module's step through a pointer, for so many milliseconds, and
 * prints the nanoseconds that one call took.
 *   bare_call LIBRARY MILLISECONDS */
#define _GNU_SOURCE
#include "sheet.h"

#include <dlfcn.h>
#include <hotrun/hotrun.h>
#include <stdio.h>

#define BATCH 10000U

int main(int argc, char **argv)
{
    void *library = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    const hotrun_module *module = library == NULL ? NULL : dlsym(library, "hotrun_module_table");
    if (module == NULL) {
        (void)fprintf(stderr, "bare_call: %s\n", argc == 3 ? dlerror() : "two arguments expected");
        return 1;
    }
    hotrun_status (*volatile call)(const hotrun_host *, void *, const hotrun_step *) = module->step;
    hotrun_step step = {.size = sizeof step};
    uint64_t begun = sheet_clock();
    uint64_t until = begun + strtoull(argv[2], NULL, 10) * 1000000U;
    uint64_t calls = 0;
    uint64_t now = begun;
    for (; now < until; now = sheet_clock()) {
        for (unsigned i = 0; i < BATCH; i++) {
            (void)call(NULL, NULL, &step);
        }
        calls += BATCH;
    }
    (void)printf("%.4f\n", (double)(now - begun) / (double)calls);
    return 0;
}
