"""What hotrun sends to the terminal, byte by byte, and what a stopped terminal stops."""
import fcntl
import os
import re
import shlex

from harness import Case, main
from modules import quiet
from terminal import Terminal

# What hotrun sends for its line: a drawing, and the room for it.
DRAWN = re.compile("\x1bD\x1b\\[A\x1b7\x1b\\[1;\\d+r|\x1b7[^\x1b]*(?:\x1b[^8][^\x1b]*)*\x1b8|"
                   "\x1b\\[\\d+;1H[^\x1b]*(?:\x1b\\[[\\d;]*m[^\x1b]*)*\x1b8")


class OnTerminal(Case):

    def setUp(self):
        super().setUp()
        self.terminal = Terminal(term="xterm")
        self.addCleanup(self.terminal.close)

    def test_what_the_module_writes_is_there_byte_by_byte(self):
        say = ("if (turn <= 400) { char t[90]; sprintf(t, turn % 7 ? \"%lu.\" : \"%lu\\n\", turn);"
               " put(t); } else if (turn == 401) put(\"END\\n\")")
        plain = "".join(f"{n}." if n % 7 else f"{n}\r\n" for n in range(1, 401)) + "END\r\n"
        for options in ([], ["--no-status-line"]):
            with self.subTest(options=options):
                self.fresh_folder()
                mark = self.terminal.mark()
                with self.hotrun(quiet(on_step=say), "--rate", "400", "--log-level", "error",
                                 *options, terminal=self.terminal, log=False) as run:
                    self.terminal.wait("END\r\n", mark)
                    run.finish()
                sent = self.terminal.all_since(mark)
                self.assertEqual("\x1b7" in sent, not options)
                self.assertEqual(DRAWN.sub("", sent), plain)

    def test_there_is_none_where_it_is_not_wanted(self):
        for options, more in ((["--no-status-line"], {}),
                              ([], {"config": "[terminal]\nstatus_line = false\n"}),
                              (["--wrap", "env"], {}), ([], {"term": "dumb"}), ([], {"term": ""})):
            with self.subTest(options=options, more=more):
                self.fresh_folder()
                mark = self.terminal.mark()
                self.terminal.term = more.pop("term", "xterm")
                with self.hotrun(quiet(), *options, terminal=self.terminal, log=False,
                                 **more) as run:
                    run.event("confirmed")
                    run.request("status")
                    run.finish()
                sent = self.terminal.all_since(mark)
                self.assertNotIn("\x1b7", sent)
                self.assertNotIn("\x1bD", sent)

    def test_there_is_none_in_a_file(self):
        for line in ("{} > out", "{} 2> err"):
            with self.subTest(line=line):
                self.fresh_folder()
                terminal = Terminal(shell=True, term="xterm")
                self.addCleanup(terminal.close)
                with self.hotrun(quiet(), terminal=terminal, log=False) as run:
                    terminal.wait("ready> ")
                    terminal.type(line.format(shlex.join(run.command)) + "\n")
                    run.event("confirmed")
                    mark = terminal.mark()
                    terminal.type("\x03")
                    terminal.wait("ready> $", mark)
                    terminal.type("exit\n")
                    run.wait_end()
                    run.finished = True
                self.assertNotIn("\x1b7", terminal.text)
                for name in ("out", "err"):
                    if os.path.exists(self.path(name)):
                        with open(self.path(name), encoding="utf-8") as file:
                            self.assertNotIn("\x1b", file.read())

    def test_a_stopped_terminal_stops_nothing(self):
        with self.hotrun(quiet(), terminal=self.terminal, log=False) as run:
            self.terminal.wait("generation 1")
            self.terminal.type("\x13")
            for version in range(2, 6):
                run.save_and_see(quiet(version))
            mark = self.terminal.mark()
            self.assertEqual(run.request("status")["result"]["generation"], 5)
            self.terminal.type("\x11")
            for version in range(2, 6):
                self.terminal.wait(f"generation {version}\x1b")
            self.terminal.wait(" generation 5 ", mark)
            run.finish()

    def test_a_stopped_terminal_stops_nothing_where_the_log_goes_elsewhere(self):
        silent = ("if (turn == 100) { struct termios t; tcgetattr(1, &t); t.c_lflag &= ~ECHO;"
                  " tcsetattr(1, TCSANOW, &t); } if (turn == 200) *(volatile int *)8 = 1")
        terminal = Terminal(shell=True, term="xterm")
        self.addCleanup(terminal.close)
        with self.hotrun(quiet(flags=("-include", "termios.h"), on_step=silent), "--rate", "200",
                         terminal=terminal, log=False) as run:
            terminal.wait("ready> ")
            terminal.type(shlex.join(run.command) + " 2> err\n")
            run.event("loaded")
            terminal.type("\x13")
            run.event("restarted")
            run.request("status")
            mark = terminal.mark()
            terminal.type("\x11")
            terminal.wait("\x1b\\[\\?1049l", mark)
            run.request("quit")
            terminal.wait("ready> $", mark)
            terminal.type("exit\n")
            run.wait_end()
            run.finished = True

    def test_a_pipe_that_nobody_reads_stops_nothing(self):
        reads, writes = os.pipe()
        self.addCleanup(os.close, reads)
        self.addCleanup(os.close, writes)
        fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
        with self.hotrun(quiet(), "--log-level", "trace", log=False, pass_fds=(writes,),
                         prefix=["bash", "-c", f'exec "$@" 2>&{writes}', "bash"]) as run:
            run.event("confirmed")
            for _ in range(100):
                run.request("pause")
                run.request("resume")
            self.assertIn("policy: ctl_pause", os.read(reads, 65536).decode())
            run.save_and_see(quiet(2))
            run.finish()

    def test_a_stopped_terminal_does_not_keep_hotrun_from_ending(self):
        with self.hotrun(quiet(), terminal=self.terminal, log=False) as run:
            self.terminal.wait("generation 1")
            self.terminal.type("\x13")
            run.save_and_see(quiet(2))
            run.finish()

    def test_an_idle_line_is_drawn_once_a_second_at_most(self):
        """Without steps that are due: each one that is late would be another text."""
        with self.hotrun(quiet(), "--rate", "once", terminal=self.terminal, log=False) as run:
            self.terminal.wait("loaded 1 s ago")
            mark = self.terminal.mark()
            self.terminal.wait("loaded [3-9] s ago")
            self.assertLessEqual(self.terminal.text[mark:].count("\x1b7"), 3)
            run.finish()


if __name__ == "__main__":
    main()
