"""Debuggers and tools: the host runs under them, or they attach to it, and swaps go on."""
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

import harness
from harness import Case, main
import modules
from modules import compile_library, probe, written
import plain
import processes
from streams import text_record
from terminal import Terminal

GAME = """#include <hotrun/hotrun.h>
struct game { int count; };
static int advance(struct game *game, uint64_t generation)
{
    game->count += %d; /* line 5 */
    return game->count + (int)generation;
}
static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    (void)host;
    return advance(state, now->generation) != 0 ? HOTRUN_OK : HOTRUN_ERR;
}
HOTRUN_MODULE(struct game, .name = "game", .step = step);
"""

# A person would type these. The breakpoint names a file and a line of code that may not be there yet.
BREAK = """set debuginfod enabled off
set pagination off
set breakpoint pending on
break game.c:5
commands
silent
printf "stopped in generation %llu\\n", generation
"""


def game(number):
    return written(GAME % number, "game.c")


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not there")


class Tools(Case):

    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.mkdtemp(prefix="hotrun-plain-")
        cls.addClassCleanup(shutil.rmtree, cls.place, True)
        cls.sanitized, harness.HOTRUN = harness.HOTRUN, plain.hotrun(cls.place)

    @classmethod
    def tearDownClass(cls):
        harness.HOTRUN = cls.sanitized

    def wrapped(self, library, tool, *options, **more):
        return self.hotrun(library, "--wrap", tool, *options, **more)

    def shown(self, run, text, since=0):
        return run.out.wait(lambda line: text in line, since, what=f"a line with {text!r}")


@needs("gdb")
class Gdb(Tools):

    def script(self, text):
        return self.write("script.gdb", text)

    def test_breakpoints_hold_across_swaps_with_gdb_around_the_host(self):
        script = self.script(BREAK + "continue\nend\nrun\n")
        with self.wrapped(game(1), f"gdb -q -nx -batch -x '{script}' --args", log=False) as run:
            for generation in (1, 2, 3):
                self.shown(run, f"stopped in generation {generation}")
                if generation < 3:
                    run.save_and_see(game(generation * 10), generation=generation + 1)
            host = run.request("status")["result"]["host_pid"]
            self.assertNotIn(host, processes.children(run.pid))
            self.assertIn("tracer_pid", run.request("status")["result"])

    def test_breakpoints_hold_across_swaps_with_gdb_attached(self):
        with self.hotrun(game(1), log=False) as run:
            run.event("confirmed")
            ends = os.pipe()
            told = run.reader.add("gdb", ends[0], text_record)
            script = self.script(BREAK + "continue\nend\ncontinue\n")
            gdb = subprocess.Popen(["gdb", "-q", "-nx", "-batch", "-x", script, "-p",
                                    str(run.host_pid())], stdin=subprocess.DEVNULL,
                                   stdout=ends[1], stderr=ends[1], start_new_session=True)
            os.close(ends[1])
            try:
                for generation in (1, 2, 3):
                    told.wait(lambda line: line == f"stopped in generation {generation}")
                    if generation < 3:
                        run.save_and_see(game(generation * 10), generation=generation + 1)
                run.line("holds the host")
                gdb.send_signal(signal.SIGINT)
                gdb.wait(20)
            finally:
                gdb.kill()
                gdb.wait()
            run.line("has let go")
            run.event("confirmed", generation=3)

    def test_a_stop_at_a_breakpoint_is_no_hang_and_no_late_start(self):
        config = ("[supervise]\nhang_timeout = '100ms'\nstart_timeout = '100ms'\n"
                  "stop_timeout = '100ms'\n")
        wait = "shell while [ ! -e go ]; do sleep 0.05; done\ncontinue\nend\n"
        script = self.script(BREAK + wait + "shell while [ ! -e run ]; do sleep 0.05; done\nrun\n")
        with self.wrapped(game(1), f"gdb -q -nx -batch -x '{script}' --args", log=False,
                          config=config) as run:
            run.event("started")
            self.still(run, 0.5)
            self.write("run", "")
            self.shown(run, "stopped in generation 1")
            self.still(run, 0.5)
            self.write("go", "")
            run.event("loaded")

    def still(self, run, seconds):
        """Nothing that ends the host is told in this time."""
        with self.assertRaises(harness.Missing):
            run.event(("hung", "crashed", "held"), timeout=seconds)

    def test_a_crash_is_gdbs_and_leaving_it_ends_hotrun(self):
        library = probe(1, on_step="if (turn == 3) die_segv()")
        with self.wrapped(library, "gdb -q -nx -batch -ex 'set debuginfod enabled off' -ex run"
                                   " -ex 'backtrace 2' --args") as run:
            self.shown(run, "received signal SIGSEGV")
            self.shown(run, "die_segv ()")
            self.shown(run, "in step (")
            self.assertEqual(run.wait_end(), 0)
            self.assertIn("hotrun ends", run.err.since()[-2])

    def test_the_keyboard_belongs_to_gdb(self):
        terminal = Terminal()
        self.addCleanup(terminal.close)
        with self.wrapped(game(1), "gdb -q -nx --args", terminal=terminal, log=False,
                          env={"TERM": "dumb"}) as run:
            terminal.wait(r"\(gdb\) ")
            terminal.type("\x03")
            terminal.wait("Quit")
            terminal.type("set debuginfod enabled off\nset confirm off\nrun\n")
            run.event("loaded")
            terminal.type("\x03")
            terminal.wait(r"received signal SIGINT[\s\S]*\(gdb\) ")
            mark = terminal.mark()
            terminal.type("\x03")
            terminal.wait("Quit", mark)
            step = run.request("status")["result"]["step"]
            mark = terminal.mark()
            terminal.type("continue\n")
            self.assertTrue(processes.asked(
                lambda: run.request("status")["result"]["step"] > step + 5))
            terminal.type("\x03")
            terminal.wait("received signal SIGINT", mark)
            terminal.type("quit\n")
            self.assertEqual(run.wait_end(), 0)


class Others(Tools):

    def comes_back(self, run):
        back = run.event("rolled_back")
        run.said.wait(lambda call: call["call"] == "step" and call["version"] == 1 and
                      call["pid"] == back["host_pid"])

    @needs("valgrind")
    def test_valgrind_sees_the_modules_errors_and_swaps_go_on(self):
        bad = probe(2, on_step="if (turn == 2) { volatile char *p = malloc(3); p[3] = 1;"
                               " free((void *)p); }")
        log = self.path("valgrind.log")
        tool = f"valgrind -q --keep-debuginfo=yes '--log-file={log}'"
        with self.wrapped(probe(1), tool, config="[supervise]\nprobation = '50ms'\n") as run:
            first = run.call("step", version=1)
            mark = run.save(bad)
            run.event("confirmed", mark)
            step = run.call("step", version=2)
            self.assertEqual(step["hash"], first["hash"])
            run.save_and_see(probe(3))
            run.call("step", version=3)
        with open(log, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("Invalid write of size 1", text)
        self.assertRegex(text, r"step \(probe\.c:\d+\)")

    @needs("strace")
    def test_strace_follows_the_host_through_a_swap(self):
        trace = self.path("trace")
        with self.wrapped(probe(1), f"strace -f -o '{trace}'") as run:
            run.call("step", version=1)
            run.save_and_see(probe(2))
            run.call("step", version=2)
        with open(trace, encoding="utf-8", errors="replace") as file:
            text = file.read()
        self.assertRegex(text, r'openat\(.*/stage/libprobe-\d+-2\.so"')
        self.assertIn("exited with 0", text)

    def test_a_hang_under_a_tool_ends_the_host_and_the_tool_has_its_end(self):
        tool = self.write("tool.sh", '"$@"\necho "the tool ends after $?"\n')
        config = "[supervise]\nhang_timeout = '300ms'\nprobation = '10s'\n"
        with self.wrapped(probe(1), f"sh '{tool}'", config=config) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_step="if (turn == 3) for (;;) { }"))
            self.assertEqual(run.event("hung", mark)["generation"], 2)
            self.shown(run, "the tool ends after 134")
            self.comes_back(run)

    def test_states_lie_elsewhere_when_the_tool_has_their_place(self):
        taken = ("#include <sys/mman.h>\n"
                 "__attribute__((constructor)) static void take(void) {"
                 " mmap((void *)0x551000000000, 1 << 20, PROT_NONE,"
                 " MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); }\n")
        library = compile_library(self.write("taken.c", taken), os.path.join(self.place, "taken.so"))
        with self.wrapped(probe(1), f"env 'LD_PRELOAD={library}'") as run:
            run.line("states lie at 0x55")
            first = run.call("step", version=1)
            run.save_and_see(probe(2))
            step = run.call("step", version=2)
            self.assertEqual(step["hash"], first["hash"])
            os.kill(run.host_pid(), signal.SIGKILL)
            self.comes_back(run)


if __name__ == "__main__":
    main()
