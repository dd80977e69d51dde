"""Heap objects of a module in the real host: where they lie, how long they live, which mistakes are
told."""
import re

from harness import Case, main
from modules import marked, written

LIST = r"""
#include "hotrun/hotrun.h"
#include <pthread.h>

static volatile const char version_mark[] = "@version=0000000000@";

struct node {
    struct node *next;
    uint64_t value;
};

struct list {
    struct node *first;
    uint64_t count;
};

static hotrun_status init(const hotrun_host *host, void *state)
{
    struct list *list = state;
    (void)version_mark[0];
    for (uint64_t i = 0; i < 1000; i++) {
        struct node *node = hotrun_alloc(host, struct node, 1);
        if (!node)
            return HOTRUN_ERR_NOMEM;
        node->value = ++list->count;
        node->next = list->first;
        list->first = node;
    }
    INIT;
    return HOTRUN_OK;
}

static void tell(const hotrun_host *host, const struct list *list)
{
    uint64_t sum = 0;
    for (const struct node *node = list->first; node; node = node->next)
        sum += node->value;
    hotrun_logf(host, HOTRUN_LOG_INFO, "list %p sum %lu", (void *)list->first, (unsigned long)sum);
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct list *list = state;
    if (now->flags & HOTRUN_STEP_UPDATED)
        tell(host, list);
    STEP;
    return HOTRUN_OK;
}

static void fini(const hotrun_host *host, void *state, uint32_t why)
{
    struct list *list = state;
    uint64_t freed = 0;
    while (list && list->first) {
        struct node *next = list->first->next;
        hotrun_free(host, list->first);
        list->first = next;
        freed++;
    }
    hotrun_logf(host, HOTRUN_LOG_INFO, "fini %u freed %lu", (unsigned)why, (unsigned long)freed);
}

CALLBACKS
HOTRUN_MODULE(struct list, .name = "list", .init = init, .step = step, FIELDS .fini = fini);
"""

CALLBACKS = r"""
static hotrun_status serialize(const hotrun_host *host, const void *state, const hotrun_writer *to)
{
    (void)host;
    return hotrun_writef(to, "{\"count\": %lu}", (unsigned long)((const struct list *)state)->count);
}
static hotrun_status deserialize(const hotrun_host *host, void *state, const char *json, size_t len,
                                 uint32_t version)
{
    (void)host, (void)state, (void)json, (void)len, (void)version;
    return HOTRUN_OK;
}
"""
FIELDS = ".serialize = serialize, .deserialize = deserialize,"

MISTAKES = r"""
    static int other;
    if (now->index == 0) {
        struct node *two = hotrun_alloc(host, struct node, 2);
        hotrun_free(host, &two[1]);
        hotrun_free(host, &other);
        hotrun_free(host, two);
        hotrun_free(host, two);
        hotrun_free(host, two);
        hotrun_free(host, NULL);
        host->log(host, HOTRUN_LOG_INFO, "done");
    }
"""

THREAD = r"""
    if (now->index == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, elsewhere, (void *)(uintptr_t)host) != 0 ||
            pthread_join(thread, NULL) != 0)
            return HOTRUN_ERR;
    }
"""

ELSEWHERE = r"""
static void *elsewhere(void *host)
{
    for (int i = 0; i < 3; i++)
        if (hotrun_alloc((const hotrun_host *)host, struct node, 1))
            hotrun_logf(host, HOTRUN_LOG_ERROR, "it got memory");
    hotrun_logf(host, HOTRUN_LOG_INFO, "done");
    return NULL;
}
static hotrun_status step(const hotrun_host *host"""

GREEDY = r"""
    if (now->index < 50) {
        void *got = hotrun_alloc(host, struct node, 4096);
        if (!got)
            hotrun_logf(host, HOTRUN_LOG_INFO, "none in step %lu", (unsigned long)now->index);
    }
    if (now->index == 50)
        tell(host, list);
"""


def library(version=1, init="", step="", callbacks=False, text=LIST, flags=()):
    for word, put in (("    INIT;", init + ";"), ("    STEP;", step + ";"),
                      ("FIELDS", FIELDS if callbacks else ""),
                      ("CALLBACKS", CALLBACKS if callbacks else "")):
        text = text.replace(word, put)
    return marked(written(text, flags=("-O2", *flags)), version)


class Heap(Case):
    def start(self, built, *options, **more):
        return self.hotrun(built, "--rate", "1000", *options, log=False, **more)

    def told(self, run, since=0):
        """(address, sum) of the list."""
        found = re.search(r"list (\S+) sum (\d+)", run.line("list 0x", since))
        return int(found[1], 16), int(found[2])

    def test_objects_stay_with_a_state_that_stays(self):
        with self.start(library()) as run:
            first = self.told(run)
            self.assertEqual(first[1], 500500)
            for version in (2, 3, 4):
                mark = run.err.mark()
                seen = run.save_and_see(library(version), generation=version)
                self.assertEqual(seen["state"]["how"], "in-place")
                self.assertEqual(self.told(run, mark), first)
            run.event("confirmed", generation=4)
            run.finish()
            run.line("fini 3 freed 1000")
            self.assertFalse([line for line in run.err.since() if "hotrun_free" in line])

    def test_each_generation_with_callbacks_has_objects_of_its_own(self):
        with self.start(library(callbacks=True)) as run:
            addresses = [self.told(run)[0]]
            for version in (2, 3, 4):
                mark, since = run.err.mark(), run.events.mark()
                run.save_and_see(library(version, callbacks=True), generation=version)
                address, total = self.told(run, mark)
                self.assertEqual(total, 500500)
                addresses.append(address)
                run.event("confirmed", since)
                run.line("fini 1 freed 1000", mark)
            self.assertEqual(addresses[0], addresses[2])
            self.assertEqual(addresses[1], addresses[3])
            self.assertNotEqual(addresses[0], addresses[1])
            self.assertFalse([line for line in run.err.since() if "hotrun_free" in line])

    def test_objects_of_code_that_is_refused_go_with_it(self):
        with self.start(library(callbacks=True)) as run:
            first = self.told(run)
            mark = run.err.mark()
            run.save_and_see(library(2, init="return HOTRUN_ERR", callbacks=True), "rejected")
            run.save_and_see(library(3, callbacks=True))
            self.assertEqual(self.told(run, mark)[1], first[1])
            run.line("fini 1 freed 1000", mark)

    def test_wrong_frees_do_nothing_and_each_kind_is_told_once(self):
        with self.start(library(step=MISTAKES)) as run:
            run.line("done")
            told = [line for line in run.err.since() if "hotrun_free" in line]
            self.assertEqual(len(told), 3, told)
            for line, why in zip(told, ("lies in an object", "did not give it", "freed before")):
                self.assertIn(why, line)
            self.assertEqual(self.told(run)[1], 500500)

    def test_another_thread_gets_nothing_and_is_told_once(self):
        text = LIST.replace("static hotrun_status step(const hotrun_host *host", ELSEWHERE)
        with self.start(library(step=THREAD, text=text, flags=("-pthread",))) as run:
            run.line("done")
            told = [line for line in run.err.since() if "another thread" in line]
            self.assertEqual(len(told), 1, told)
            self.assertFalse([line for line in run.err.since() if "it got memory" in line])

    def test_the_limit_of_states_is_that_of_objects(self):
        config = "[state]\nmax_size = 1048576\n"
        with self.start(library(step=GREEDY), config=config) as run:
            last = run.line("none in step 49")
            at = run.err.since().index(last)
            line = run.line("has no room")
            self.assertIn("4096 times 16 bytes", line)
            self.assertIn("1048576 bytes (state.max_size)", line)
            self.assertEqual(self.told(run, at)[1], 500500)
            self.assertEqual(len([line for line in run.err.since() if "has no room" in line]), 1)

    def test_a_check_of_the_library_leaves_nothing(self):
        self.write("libprobe.so", "")
        with open(self.path("libprobe.so"), "wb") as file:
            file.write(library())
        done = self.command("check", "./libprobe.so")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


if __name__ == "__main__":
    main()
