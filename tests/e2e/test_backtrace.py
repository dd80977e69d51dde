"""A crash is told by function, file and line: on the terminal, as an event, to the module, and in a
report file."""
import functools
import os
import re
import signal

from harness import Case, main
import processes
from modules import written

HEAD = """\
#define _GNU_SOURCE
#include <hotrun/hotrun.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct game {
    long turn;
};
extern void *__libc_malloc(size_t size);
extern void __libc_free(void *memory);

"""

FOOT = """
static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct game *game = (struct game *)state;
    (void)host;
    (void)now;
    if (++game->turn > 0 && (WHEN))
        die(game); /* STEP */
    return HOTRUN_OK;
}

static hotrun_status on_event(const hotrun_host *host, void *state, const hotrun_event *event)
{
    if (event->type == HOTRUN_EVENT_ROLLED_BACK && event->text != NULL) {
        char text[2000];
        strncpy(text, event->text, sizeof text - 1);
        text[sizeof text - 1] = 0;
        for (char *at = text; *at != 0; at++)
            if (*at == 10)
                *at = '|';
        hotrun_logf(host, HOTRUN_LOG_INFO, "heard %s", text);
    }
    if (event->type == HOTRUN_EVENT_SIGNAL)
        die((struct game *)state);
    return HOTRUN_OK;
}
"""

C_TABLE = """
HOTRUN_MODULE(struct game, .name = "game", .step = step, .on_event = on_event,
              .flags = HOTRUN_STATE_PLAIN);
"""

DEATHS = {
    "null_write": "    *(volatile int *)8 = 1; /* HERE */",
    "null_read": "    game->turn += *(volatile int *)16; /* HERE */",
    "null_call": "    void (*volatile f)(void) = NULL;\n    f(); /* HERE */\n    game->turn++;",
    "abort": "    abort(); /* HERE */",
    "division": "    volatile long zero = 0;\n    game->turn /= zero; /* HERE */",
    "exit": "    exit(3); /* HERE */",
    "double_free": ("    char *volatile memory = __libc_malloc(100);\n    __libc_free(memory);\n"
                    "    __libc_free(memory); /* HERE */\n    game->turn++;"),
}
CAUSES = {
    "null_write": "SIGSEGV, write to 0x8",
    "null_read": "SIGSEGV, read of 0x10",
    "null_call": "SIGSEGV, jump to 0x0",
    "abort": "SIGABRT",
    "division": "SIGFPE, integer division by zero",
    "exit": "exit status 3 without request_exit",
    "double_free": "SIGABRT, double free or damaged heap",
}


ON_WORD = 'access("go", F_OK) == 0'  # a file that the test makes when all is ready


def source(body, when=ON_WORD, before=""):
    return (HEAD + before + "static __attribute__((noinline)) void die(struct game *game)\n{\n" +
            body + "\n}\n" + FOOT.replace("WHEN", when) + C_TABLE)


def line_of(text, mark):
    return next(i for i, line in enumerate(text.splitlines(), 1) if mark in line)


def built(name, text, **how):
    return written(text, name=f"{name}.c", flags=("-O1", "-w", *how.pop("flags", ())), **how)


def own_frames(event):
    """(function, base name of the file, line) of the frames with a line in the module."""
    return [(f["function"], os.path.basename(f["file"]), f["line"]) for f in event["backtrace"]
            if f.get("object") == "libprobe.so" and "line" in f]


def inspectors(run):
    return [pid for pid in processes.children(run.pid)
            if processes.program(pid) == "hotrun-inspect" and
            "--layouts" not in processes.arguments(pid)]


HELD_AT_ONCE = "[supervise]\nmax_restarts = 0\n"
TRIES = 10
LATE_US = 25000  # from here on there may not have been time for each name


def in_time(test):
    """Names that do not come in time are left out. A test for which hotrun says that they came late
    is made again: who computes beside it may take as long."""
    @functools.wraps(test)
    def tried(self, *args):
        for _ in range(TRIES - 1):
            try:
                return test(self, *args)
            except AssertionError:
                if not self.was_late():
                    raise
            self.fresh_folder()
        return test(self, *args)
    return tried


class Naming(Case):

    def hotrun(self, *args, **how):
        self.run_seen = super().hotrun(*args, "--log-level", "debug", **how)
        return self.run_seen

    def was_late(self):
        told = "\n".join(self.run_seen.err.since())
        took = [int(us) for us in re.findall(r"the crash was named in (\d+) us", told)]
        return "hotrun-inspect has no answer after" in told or max(took, default=0) >= LATE_US

    def ready(self, run):
        """Waits until the one who names has read the library that runs; its pid."""
        run.event("loaded")
        self.assertTrue(processes.asked(
            lambda: any(processes.stat(pid)[0] == "S" for pid in inspectors(run))))
        return inspectors(run)[0]

    def crash_on_word(self, run):
        """The event of the crash, after what follows it."""
        self.ready(run)
        with open(os.path.join(run.folder, "go"), "w", encoding="utf-8"):
            pass
        event = run.event("crashed")
        run.event("held")
        return event

    def crash(self, name, text, *options, **how):
        """The event of the crash of a first library, which is held then, and the run's stderr."""
        with self.hotrun(built(name, text, **how), "--rate", "200", *options, log=False,
                         config=HELD_AT_ONCE) as run:
            event = self.crash_on_word(run)
            self.report(run, event)
            run.kill()
            run.wait_end()
            return event, run.err.since()

    def report(self, run, event):
        path = os.path.join(run.folder, ".hotrun", event["report"])
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(os.path.dirname(path)).st_mode & 0o777, 0o700)
        return text

    def check(self, name, text, event, lines):
        file = f"{name}.c"
        frames = own_frames(event)
        self.assertIn(("die", file, line_of(text, "HERE")), frames)
        self.assertIn(("step", file, line_of(text, "STEP")), frames)
        self.assertLess(frames.index(("die", file, line_of(text, "HERE"))),
                        frames.index(("step", file, line_of(text, "STEP"))))
        told = [line for line in lines if f"{file}:{line_of(text, 'HERE')}" in line]
        self.assertEqual(len(told), 1, lines)
        self.assertIn(text.splitlines()[line_of(text, "HERE") - 1].strip(), told[0])


class Backtraces(Naming):

    def test_the_place_and_the_cause_are_told(self):
        for name in DEATHS:
            with self.subTest(name):
                self.fresh_folder()
                self.is_told(name)

    @in_time
    def is_told(self, name):
        text = source(DEATHS[name])
        event, lines = self.crash(name, text)
        self.check(name, text, event, lines)
        self.assertEqual(event["cause"], CAUSES[name])
        self.assertTrue(any(line.startswith("crashed in step") and
                            line.endswith(CAUSES[name]) for line in lines), lines)

    @in_time
    def test_a_stack_overflow_is_told_once_with_its_depth(self):
        body = "    (void)game;\n    dig(1); /* HERE */"
        dig = ("static __attribute__((noinline)) long dig(long n)\n{\n    volatile char pad[4000];\n"
               "    pad[0] = 1;\n    return dig(n + 1) + pad[0]; /* DIG */\n}\n")
        text = source(body, before=dig)
        event, lines = self.crash("overflow", text)
        self.assertEqual(event["cause"], "SIGSEGV, stack overflow")
        self.assertIn(("dig", "overflow.c", line_of(text, "DIG")), own_frames(event))
        self.assertTrue(any(re.search(r"dig .*\(\d+ times\)", line) for line in lines), lines)
        self.assertIn("    and more; the innermost 64 calls are recorded", lines)

    @in_time
    def test_an_uncaught_exception_is_told_with_the_place_of_the_throw(self):
        text = (HEAD + "namespace game_code {\nstatic __attribute__((noinline)) void die(game *g)\n"
                "{\n    if (g->turn > 0)\n        throw 7; /* HERE */\n}\n}\nusing game_code::die;\n" +
                FOOT.replace("WHEN", ON_WORD) +
                'HOTRUN_MODULE(struct game, .name = "game", .step = step);\n')
        with self.hotrun(written(text, name="thrown.cpp", cc="g++", flags=("-O1", "-w")),
                         "--rate", "200", log=False, config=HELD_AT_ONCE) as run:
            event = self.crash_on_word(run)
        self.assertEqual(event["cause"], "SIGABRT, uncaught exception")
        self.assertEqual(own_frames(event)[0],
                         ("game_code::die", "thrown.cpp", line_of(text, "HERE")))

    @in_time
    def test_a_death_in_another_thread_says_so(self):
        thread = ("static void *other(void *data)\n{\n    *(volatile int *)8 = 1; /* OTHER */\n"
                  "    return data;\n}\n")
        body = ("    pthread_t thread;\n    pthread_create(&thread, NULL, other, game);\n"
                "    pthread_join(thread, NULL); /* HERE */")
        text = source(body, before=thread)
        event, lines = self.crash("threaded", text)
        self.assertEqual(event["cause"], "SIGSEGV, write to 0x8, in another thread")
        self.assertEqual(own_frames(event)[0], ("other", "threaded.c", line_of(text, "OTHER")))
        self.assertTrue(any("in another thread" in line for line in lines))

    @in_time
    def test_a_death_in_a_constructor_is_told_by_its_place(self):
        early = ("__attribute__((constructor)) static void begin(void)\n{\n"
                 "    *(volatile int *)8 = 1; /* EARLY */\n}\n")
        text = source("    (void)game;", before=early)
        with self.hotrun(built("calm", source("    (void)game;", when="0")),
                         log=False) as run:
            self.ready(run)
            mark = run.save(built("early", text))
            event = run.event("crashed", mark)
            run.event("rolled_back", mark)
        self.assertEqual(event["in"], "load")
        self.assertEqual(own_frames(event)[:1], [("begin", "early.c", line_of(text, "EARLY"))],
                         event)

    @in_time
    def test_a_hang_is_told_by_the_place_where_it_is_stuck(self):
        text = source("    while (game->turn > 0)\n        game->turn |= 1; /* HERE */")
        text = text.replace("long turn;", "volatile long turn;")
        with self.hotrun(built("stuck", text), log=False,
                         config=HELD_AT_ONCE + "hang_timeout = '300ms'\n") as run:
            self.ready(run)
            with open(os.path.join(run.folder, "go"), "w", encoding="utf-8"):
                pass
            event = run.event("hung")
            run.event("held")
            self.report(run, event)
        self.assertEqual([f[0] for f in own_frames(event)[:2]], ["die", "step"])
        self.assertIn(own_frames(event)[0][2], range(line_of(text, "HERE") - 1,
                                                     line_of(text, "HERE") + 1))

    @in_time
    def test_a_kill_on_the_way_out_is_told_with_who_called_exit(self):
        leave = ("#include <signal.h>\n__attribute__((destructor)) static void leave(void)\n"
                 "{\n    kill(getpid(), SIGKILL);\n}\n")
        text = source(DEATHS["exit"], before=leave)
        event, lines = self.crash("killed", text)
        self.assertEqual(event["signal"], "SIGKILL")
        self.assertNotIn("cause", event)
        self.check("killed", text, event, lines)

    def test_a_kill_from_outside_has_no_backtrace_and_no_report(self):
        with self.hotrun(built("calm", source("    (void)game;", when="0")), log=False) as run:
            run.event("loaded")
            os.kill(run.host_pid(), signal.SIGKILL)
            event = run.event("crashed")
            run.event(("restarted", "rolled_back", "held"))
        self.assertNotIn("backtrace", event)
        self.assertNotIn("report", event)

    @in_time
    def test_a_library_without_debug_info_is_told_by_symbols(self):
        text = source(DEATHS["null_write"])
        event, lines = self.crash("bare", text, flags=("-g0",))
        self.assertEqual([f.get("function") for f in event["backtrace"][:2]], ["die", "step"])
        self.assertTrue(any(re.match(r"    die\+0x[0-9a-f]+ +in libprobe.so", line) or
                            re.match(r"    die +in libprobe.so", line) for line in lines), lines)

    def test_the_registers_are_told_on_level_debug_and_in_the_report(self):
        text = source(DEATHS["null_write"])
        with self.hotrun(built("null_write", text), log=False,
                         config=HELD_AT_ONCE) as run:
            event = self.crash_on_word(run)
            run.line("registers of thread")
            self.assertRegex(self.report(run, event), r"r?[sp][pc] +0x[0-9a-f]{16}")


class Meanwhile(Naming):

    @in_time
    def test_the_module_hears_of_the_place_when_it_is_brought_back(self):
        good = source("    (void)game;", when="0")
        bad = source(DEATHS["null_write"], when="1")
        with self.hotrun(built("good", good), "--rate", "200", log=False) as run:
            self.ready(run)
            mark = run.save(built("bad", bad))
            crashed = run.event("crashed", mark)
            back = run.event("rolled_back", mark)
            self.assertIn("SIGSEGV, write to 0x8 in step", back["reason"])
            self.assertNotIn("\n", back["reason"])
            heard = run.line("heard ")
            self.assertIn(f"die   bad.c:{line_of(bad, 'HERE')}", heard)
            with open(os.path.join(run.folder, ".hotrun", crashed["report"]),
                      encoding="utf-8") as file:
                self.assertIn("generation 1 came back", file.read())

    @in_time
    def test_a_file_that_was_rebuilt_meanwhile_does_not_confuse_the_names(self):
        first = source(DEATHS["null_write"], when="0")
        second = "\n" * 40 + source("    game->turn += 2;\n" * 30 + DEATHS["abort"], when="0")
        with self.hotrun(built("rebuilt", first), log=False,
                         config="[watch]\nenabled = false\n" + HELD_AT_ONCE) as run:
            self.ready(run)
            run.save(built("another", second))
            run.kill(signal.SIGUSR1)
            event = run.event("crashed")
            self.assertEqual(event["in"], "on_event")
            self.assertEqual(own_frames(event)[0],
                             ("die", "rebuilt.c", line_of(first, "HERE")))
            # There is nothing to wait for.
            self.assertEqual(run.wait_end(), 126)
            run.finish(status=126)

    def test_a_death_of_the_one_who_names_costs_names_and_nothing_else(self):
        text = source(DEATHS["null_write"], when="0")
        with self.hotrun(built("unnamed", text), log=False) as run:
            pid = self.ready(run)
            os.kill(pid, signal.SIGSTOP)
            run.kill(signal.SIGUSR1)
            event = run.event("crashed")
            self.assertTrue(event["backtrace"])
            self.assertNotIn("line", event["backtrace"][0])
            run.event(("restarted", "rolled_back", "held"))
            os.kill(pid, signal.SIGKILL)

if __name__ == "__main__":
    main()
