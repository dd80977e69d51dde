"""The terminal belongs to the module, and comes back whole when the module is gone."""
import os
import shlex
import signal
import termios

from harness import Case, main
import processes
from modules import probe
from states import LONG
from terminal import Terminal

READ = ('{ char line[64]; ssize_t n = read(0, line, sizeof line - 1); if (n > 0) {'
        ' line[n - 1] = 0; say("\\"call\\":\\"typed\\",\\"text\\":\\"%s\\"", line); } }')
RAW = ("{ if (turn == 1) { struct termios t; tcgetattr(0, &t); cfmakeraw(&t);"
       " tcsetattr(0, TCSANOW, &t); (void)!write(1, \"\\033[?1049h\\033[?25lraw\", 17);"
       " say(\"\\\"call\\\":\\\"raw\\\"\"); } }")


class OnTerminal(Case):

    def setUp(self):
        super().setUp()
        self.terminal = Terminal()
        self.addCleanup(self.terminal.close)

    def run_here(self, library, *options, **more):
        return self.hotrun(library, *options, terminal=self.terminal, **more)

    def ends_when_typed(self, run, text):
        """A module that waits in a read hears of the end when that returns. It may be in the next
        one before it is asked to end: what is typed then is typed again."""
        self.assertTrue(processes.asked(lambda: self.terminal.type(text) or run.has_ended()))
        self.assertEqual(run.wait_end(), 0)
        run.finished = True

    def test_a_module_reads_what_is_typed(self):
        with self.run_here(probe(1, on_step=READ)) as run:
            run.call("step", version=1)
            self.terminal.type("hello there\n")
            self.assertEqual(run.call("typed")["text"], "hello there")
            self.terminal.type("again\n")
            run.call("typed", text="again")
            self.terminal.type("\x03")
            self.ends_when_typed(run, "\n")

    def test_a_file_that_crosses_its_limit_does_not_end_it(self):
        with self.run_here(probe(1)) as run:
            run.event("confirmed")
            run.kill(signal.SIGXFSZ)
            run.save_and_see(probe(2))

    def test_ctrl_c_ends_it_with_status_0(self):
        with self.run_here(probe(1)) as run:
            run.call("step", version=1)
            mark = run.said.mark()
            self.terminal.type("\x03")
            self.assertEqual(run.wait_end(), 0)
            said = [s["call"] for s in run.said.since(mark)]
            self.assertEqual(said[-1], "fini")
            self.assertEqual(said.count("fini"), 1)
            run.finish()

    def test_a_second_ctrl_c_ends_at_once(self):
        slow = "if (event->type == HOTRUN_EVENT_STOPPING) for (;;) pause()"
        with self.run_here(probe(1, on_event=slow),
                           config="[supervise]\nstop_timeout = '60000ms'\n") as run:
            run.call("step", version=1)
            self.terminal.type("\x03")
            run.call("event", type=11)
            self.terminal.type("\x03")
            run.wait_end(5)
            run.finished = True
            run.check_nothing_left()

    def test_ctrl_backslash_ends_it(self):
        with self.run_here(probe(1)) as run:
            run.call("step", version=1)
            self.terminal.type("\x1c")
            run.wait_end()
            run.finished = True
            self.assertTrue(processes.asked(lambda: not run._left()))  # the signal is theirs, too

    def test_a_hang_up_ends_it(self):
        with self.run_here(probe(1)) as run:
            run.call("step", version=1)
            run.kill(signal.SIGHUP)
            run.wait_end()
            run.finished = True
            run.check_nothing_left()

    def test_a_hang_up_does_not_end_what_was_started_to_outlive_it(self):
        with self.hotrun(probe(1), prefix=("nohup",)) as run:
            run.call("step", version=1)
            run.kill(signal.SIGHUP)
            run.save(probe(2))
            run.call("step", version=2)

    def test_the_modes_come_back_after_a_clean_end(self):
        before = self.terminal.settings()
        with self.run_here(probe(1, on_step=RAW)) as run:
            run.call("raw")
            self.assertNotEqual(self.terminal.settings()[3], before[3])
            run.finish()
        self.assertEqual(self.terminal.settings(), before)

    def test_the_modes_come_back_after_a_crash(self):
        before = self.terminal.settings()
        crash = RAW + " if (turn == 20) die_segv()"
        with self.run_here(probe(1), config=LONG) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_step=crash))
            run.event("rolled_back", mark)
            back = run.said.mark()
            self.assertEqual(self.terminal.settings(), before)
            self.terminal.wait(r"\x1b\[\?25h")
            self.terminal.wait(r"\x1b\[\?1049l")
            self.assertGreaterEqual(back, 0)

    def test_raw_keys_reach_the_module(self):
        keys = RAW + ' { char c; if (turn > 1 && read(0, &c, 1) == 1) say("\\"call\\":\\"key\\",\\"code\\":%d", c); }'
        with self.run_here(probe(1, on_step=keys)) as run:
            run.call("raw")
            for key in ("x", "\x03", "\x1a", "\x1b"):
                self.terminal.type(key)
                run.call("key", code=ord(key))
            run.kill(signal.SIGTERM)
            self.ends_when_typed(run, "q")

    def test_lines_are_coloured_on_a_terminal_only(self):
        self.terminal.term = "xterm"
        with self.run_here(probe(1), "--no-status-line") as run:
            run.call("step", version=1)
            run.save_and_see(probe(2))
            self.terminal.wait("generation 2")
            self.assertRegex(self.terminal.text, r"\x1b\[[0-9;]+m")

    def test_no_color_is_heeded(self):
        self.terminal.term = "xterm"
        for options, env in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
            with self.subTest(options=options, env=env):
                self.fresh_folder()
                mark = self.terminal.mark()
                with self.run_here(probe(1), "--no-status-line", *options, env=env) as run:
                    run.call("step", version=1)
                    run.save_and_see(probe(2))
                    self.terminal.wait("generation 2", mark)
                    self.assertNotRegex(self.terminal.text[mark:], r"\x1b\[[0-9;]+m")


class UnderAShell(Case):

    def setUp(self):
        super().setUp()
        self.terminal = Terminal(shell=True)
        self.addCleanup(self.terminal.close)

    def typed(self, library, *options, **more):
        """hotrun as a job of an interactive shell."""
        run = self.hotrun(library, *options, terminal=self.terminal, **more)
        self.terminal.wait("ready> ")
        self.terminal.type(shlex.join(run.command) + "\n")
        return run

    def leave(self, run, status):
        """Asks the shell for hotrun's status and ends the shell."""
        self.terminal.wait("ready> $")
        self.terminal.type("echo status=$?\n")
        self.terminal.wait(f"status={status}\r")
        self.terminal.type("exit\n")
        run.wait_end()
        run.finished = True
        run.check_nothing_left()

    def test_ctrl_z_stops_both_and_fg_goes_on(self):
        with self.typed(probe(1, say_each_step=True), "--rate", "100") as run:
            run.call("step", version=1)
            started = run.event("started")
            both = (started["pid"], started["host_pid"])
            mark = self.terminal.mark()
            self.terminal.type("\x1a")
            self.terminal.wait("Stopped", mark)
            for pid in both:
                self.assertTrue(processes.becomes(pid, "T"), processes.stat(pid))
            said = run.said.mark()
            mark = self.terminal.mark()
            self.terminal.type("fg\n")
            first = run.call("step", said)
            self.assertLessEqual(first["dt"], 250_000_000)
            run.call("step", run.said.mark())
            run.save_and_see(probe(2))
            run.call("step", version=2)
            mark = self.terminal.mark()
            self.terminal.type("\x03")
            self.terminal.wait("ready> $", mark)
            self.leave(run, 0)

    def test_the_shell_gets_the_status_and_a_whole_terminal(self):
        with self.typed(probe(1, on_step=RAW + " if (turn == 30) host->request_exit(host, 7)")) as run:
            run.call("raw")
            self.terminal.wait("25lraw(?s:.*)ready> $")
            self.assertTrue(self.terminal.settings()[3] & termios.ISIG)
            self.leave(run, 7)

    def test_in_the_background_it_runs_on(self):
        with self.typed(probe(1, say_each_step=True), "--rate", "100") as run:
            run.call("step", version=1)
            self.terminal.type("\x1a")
            self.terminal.wait("Stopped")
            said = run.said.mark()
            self.terminal.type("bg\n")
            run.call("step", said)
            run.save_and_see(probe(2))
            os.kill(run.event("started")["pid"], signal.SIGTERM)
            run.event("exited")
            self.terminal.type("wait; echo status=done\n")
            self.terminal.wait("status=done\r")
            self.terminal.type("exit\n")
            run.wait_end()
            run.finished = True
            run.check_nothing_left()


if __name__ == "__main__":
    main()
