"""Keys steer hotrun where the module does not read the terminal."""
import shlex
import signal
import termios

from harness import Case, main
from modules import probe, quiet
from states import LONG
from streams import Missing
from terminal import Terminal
import processes

READ = ('{ char line[64]; ssize_t n = read(0, line, sizeof line - 1); if (n > 0) {'
        ' line[n - 1] = 0; say("\\"call\\":\\"typed\\",\\"text\\":\\"%s\\"", line); } }')
BY_HAND = "[watch]\nenabled = false\n"


def has_keys(settings):
    return not settings[3] & (termios.ICANON | termios.ECHO)


class OnTerminal(Case):

    def setUp(self):
        super().setUp()
        self.terminal = Terminal(term="xterm")
        self.addCleanup(self.terminal.close)
        self.before = self.terminal.settings()

    def keyed(self, library=None, *options, **more):
        """A run that hears keys."""
        run = self.hotrun(library or quiet(), *options, terminal=self.terminal, log=False, **more)
        run.event("loaded")
        self.wait_keys(True)
        return run

    def wait_keys(self, on):
        self.assertTrue(processes.asked(lambda: has_keys(self.terminal.settings()) == on),
                        self.terminal.text)

    def press(self, run, key, event, **fields):
        mark = run.events.mark()
        self.terminal.type(key)
        return run.event(event, mark, **fields)

    def step_of(self, run):
        return run.request("status")["result"]["step"]

    def stepped(self, run):
        """Makes a step when that of the key has its outcome: before, a key counts for nothing."""
        answers = []

        def is_made():
            answers.append(run.request("step"))
            return "result" in answers[-1]
        self.assertTrue(processes.asked(is_made), answers[-1])
        return answers[-1]["result"]["step"]

    def becomes(self, run, step):
        self.assertTrue(processes.asked(lambda: self.step_of(run) == step), self.step_of(run))


class Keys(OnTerminal):

    def test_p_pauses_and_goes_on(self):
        with self.keyed() as run:
            self.press(run, "p", "paused")
            self.press(run, "p", "resumed")
            self.press(run, "p", "paused")

    def test_space_makes_one_step_and_pauses_for_it(self):
        with self.keyed() as run:
            step = self.press(run, " ", "paused")["step"]
            self.assertTrue(processes.asked(lambda: self.step_of(run) > step))
            for _ in range(3):
                step = self.stepped(run)
                self.terminal.type(" ")
                self.becomes(run, step + 1)

    def test_r_reloads(self):
        with self.keyed(config=BY_HAND) as run:
            self.press(run, "r", "unchanged")
            run.save(quiet(2))
            self.press(run, "r", "reloaded", generation=2)

    def test_z_goes_back_and_each_press_one_further(self):
        with self.keyed(config="[checkpoint]\ndurable_interval = 0\n") as run:
            self.press(run, "p", "paused")
            steps = []
            for _ in range(2):
                run.request("snapshot")
                steps.append(self.step_of(run))
                run.request("step", {"count": 3})
            back = self.press(run, "z", "restarted")
            self.assertEqual(back["step"], steps[1])
            self.terminal.wait(r"restored: generation 1 with the state of step")
            self.becomes(run, steps[1])
            back = self.press(run, "z", "restarted")
            self.assertEqual(back["step"], steps[0])
            self.becomes(run, steps[0])
            self.terminal.type("z")
            self.terminal.wait("not rewound: there is no snapshot before")

    def test_q_quits(self):
        with self.keyed() as run:
            self.terminal.type("q")
            self.assertEqual(run.wait_end(), 0)
            self.assertEqual(self.terminal.settings(), self.before)
            run.finish()

    def test_a_question_mark_lists_the_keys(self):
        for level in ("info", "error"):
            with self.subTest(level=level):
                self.fresh_folder()
                mark = self.terminal.mark()
                with self.keyed(None, "--log-level", level):
                    self.terminal.type("?")
                    for line in ("  r      reload", "  p      pause", "  space  one step",
                                 "  z      rewind", "  q      quit"):
                        self.terminal.wait(line, mark)

    def test_ctrl_c_ends_it(self):
        with self.keyed() as run:
            self.terminal.type("\x03")
            self.assertEqual(run.wait_end(), 0)
            self.assertEqual(self.terminal.settings(), self.before)
            run.finish()

    def test_other_keys_and_what_is_pasted_are_nothing(self):
        with self.keyed() as run:
            mark = run.events.mark()
            for text in ("x", "\n", "\x1b[A", "quit now\n", "pqr z" * 2048):
                self.terminal.type(text)
            # The paste is over for hotrun when a key counts again. One that comes late would be
            # two of them.
            for _ in range(5):
                self.terminal.type("p")
                try:
                    run.event("paused", mark, timeout=2)
                    break
                except Missing:
                    pass
            self.assertEqual([e["event"] for e in run.events.since(mark)
                              if e["event"] not in ("confirmed", "checkpoint")], ["paused"])

    def test_a_key_held_down_waits_for_its_outcome(self):
        with self.keyed(config=BY_HAND) as run:
            mark = run.events.mark()
            self.terminal.type("r" * 8)
            run.event("unchanged", mark)
            self.press(run, "p", "paused")
            outcomes = [e for e in run.events.since(mark) if e["event"] == "unchanged"]
            self.assertLessEqual(len(outcomes), 8)


class Modes(OnTerminal):

    def test_they_come_back_whatever_ends_hotrun(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
                       signal.SIGSEGV, signal.SIGABRT, signal.SIGALRM, signal.SIGSYS,
                       signal.SIGIO, signal.SIGRTMIN, signal.SIGRTMAX):
            with self.subTest(signal=number.name):
                self.fresh_folder()
                with self.keyed() as run:
                    run.kill(number)
                    run.wait_end()
                    run.finished = True
                    self.assertEqual(self.terminal.settings(), self.before)

    def test_they_come_back_when_the_module_ends_it(self):
        with self.keyed(quiet(on_step="if (turn == 50) host->request_exit(host, 3)")) as run:
            self.assertEqual(run.wait_end(), 3)
            self.assertEqual(self.terminal.settings(), self.before)
            run.finish(3)

    def test_they_stay_after_a_crash_of_the_host(self):
        with self.keyed(config=LONG) as run:
            mark = run.save(quiet(2, on_step="if (turn % 10 == 0) *(volatile int *)8 = 1"))
            run.event("rolled_back", mark)
            self.wait_keys(True)
            self.press(run, "p", "paused")

    def test_there_are_none_when_hotrun_cannot_begin(self):
        self.write("hotrun.toml", "[step]\nrate = 'often'\n")
        run = self.hotrun(quiet(), terminal=self.terminal, log=False, events=False)
        self.assertEqual(run.wait_end(), 2)
        self.assertEqual(self.terminal.settings(), self.before)


class WhoReads(OnTerminal):

    def test_a_module_that_reads_has_the_terminal_to_itself(self):
        with self.hotrun(probe(1, on_step=READ), terminal=self.terminal) as run:
            run.call("step", version=1)
            self.terminal.type("quit p r z\n")
            self.assertEqual(run.call("typed")["text"], "quit p r z")
            self.terminal.type("q\n")
            run.call("typed", text="q")
            self.assertEqual(self.terminal.settings(), self.before)
            run.kill(signal.SIGTERM)
            self.terminal.type("\n")
            run.wait_end()
            run.finished = True

    def test_each_generation_decides_anew(self):
        with self.keyed() as run:
            run.save_and_see(quiet(2, on_step="if (turn == 0) (void)!read(0, &turn, 1)"))
            self.terminal.wait(r"keys are off: generation 2 may read the terminal \(read\); --keys "
                               "turns them on")
            self.assertEqual(self.terminal.settings(), self.before)
            mark = run.events.mark()
            self.terminal.type("p\n")
            run.save_and_see(quiet(3))
            self.terminal.wait(r"keys are on\x1b\[0m: generation 3 does not read the terminal")
            self.wait_keys(True)
            self.assertFalse([e for e in run.events.since(mark) if e["event"] == "paused"])
            self.press(run, "p", "paused")

    def test_a_library_that_was_refused_decides_nothing(self):
        with self.keyed() as run:
            reads = probe(2, on_init="return HOTRUN_ERR")
            run.save_and_see(reads, "rejected")
            self.wait_keys(True)
            self.press(run, "p", "paused")
            self.assertNotIn("keys are off", self.terminal.text)

    def test_keys_can_be_asked_for(self):
        with self.keyed(probe(1), "--keys", args=()) as run:
            self.press(run, "p", "paused")

    def test_there_are_none_where_they_are_not_wanted(self):
        for options, more in ((["--no-keys"], {}), ([], {"config": "[terminal]\nkeys = 'off'\n"}),
                              (["--wrap", "env"], {}), (["--keys", "--wrap", "env"], {}),
                              ([], {"env": {"NO_COLOR": "1"}, "term": "dumb"})):
            with self.subTest(options=options, more=more):
                self.fresh_folder()
                self.terminal.term = more.pop("term", "xterm")
                with self.hotrun(quiet(), *options, terminal=self.terminal, log=False,
                                 **more) as run:
                    mark = run.events.mark()
                    run.event("confirmed")
                    self.terminal.type("p\n")
                    run.request("status")
                    self.assertEqual(self.terminal.settings(), self.before)
                    self.assertFalse([e for e in run.events.since(mark) if e["event"] == "paused"])


class UnderAShell(Case):

    def setUp(self):
        super().setUp()
        self.terminal = Terminal(shell=True, term="xterm")
        self.addCleanup(self.terminal.close)

    def typed(self, line):
        run = self.hotrun(quiet(), terminal=self.terminal, log=False)
        self.terminal.wait("ready> ")
        self.terminal.type(line.format(shlex.join(run.command)) + "\n")
        run.event("confirmed")
        return run

    def leave(self, run):
        self.terminal.type("exit\n")
        run.wait_end()
        run.finished = True
        run.check_nothing_left()

    def test_in_the_background_it_neither_reads_nor_stops(self):
        with self.typed("{} &") as run:
            before = self.terminal.settings()
            mark = self.terminal.mark()
            self.terminal.type("echo p$((1 + 1))q\n")
            self.terminal.wait("p2q\r", mark)
            self.assertFalse([e for e in run.events.since() if e["event"] == "paused"])
            self.assertNotEqual(processes.stat(run.event("started")["pid"])[0], "T")
            self.assertEqual(self.terminal.settings(), before)
            mark = self.terminal.mark()
            self.terminal.type("fg\n")
            self.assertTrue(processes.asked(lambda: has_keys(self.terminal.settings())))
            mark = run.events.mark()
            self.terminal.type("p")
            run.event("paused", mark)
            mark = self.terminal.mark()
            self.terminal.type("q")
            self.terminal.wait("ready> $", mark)
            self.assertEqual(self.terminal.settings(), before)
            self.leave(run)

    def test_files_in_the_place_of_the_terminal_mean_no_keys(self):
        for line in ("{} > out", "{} 2> err", "{} < /dev/null"):
            with self.subTest(line=line):
                self.fresh_folder()
                self.terminal = Terminal(shell=True, term="xterm")
                self.addCleanup(self.terminal.close)
                with self.typed(line) as run:
                    self.assertFalse(has_keys(self.terminal.settings()))
                    mark = self.terminal.mark()
                    self.terminal.type("\x03")
                    self.terminal.wait("ready> $", mark)
                    self.leave(run)


if __name__ == "__main__":
    main()
