"""The status line, as a screen shows it, and what it leaves alone."""
import os
import shlex
import signal
import unittest

from harness import Case, main
import modules
from modules import quiet
import processes
from states import LONG
from tmux import THERE, Tmux

SIZE = r"state 8 B"
RUNS = rf"^ quiet  generation 1  60 Hz  \d+ late  loaded (just now|\d+ s ago), [\d.]+ ms  {SIZE} +\? keys$"
FULL_SCREEN = r"""
#include <curses.h>
#include <unistd.h>
#include "hotrun/hotrun.h"
struct quiet { unsigned long turn; };
static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    static unsigned long calls;
    (void)host;
    (void)state;
    calls++;
    if (BEGIN) {
        initscr();
        for (int row = 0; row < LINES; row++)
            mvprintw(row, 0, "row %d of %d", row, LINES);
        refresh();
    }
    if (WHEN) {
        LAST;
    }
    (void)now;
    return HOTRUN_OK;
}
HOTRUN_MODULE(struct quiet, .name = "quiet", .flags = HOTRUN_STATE_PLAIN, .step = step);
"""


def full_screen(begin, when, last):
    text = FULL_SCREEN.replace("BEGIN", begin).replace("WHEN", when).replace("LAST", last)
    return modules.written(text, "screen.c", libraries=["-lncurses"])


@unittest.skipUnless(THERE, "tmux is not there")
class OnScreen(Case):

    def setUp(self):
        super().setUp()
        self.screen = Tmux(self.folder)
        self.addCleanup(self.screen.close)

    def typed(self, library=None, *options, before="", behind="", **more):
        """hotrun as a job of the shell in tmux."""
        run = self.hotrun(library or quiet(), *options, terminal=self.screen, log=False, **more)
        self.screen.wait("ready>$")
        self.screen.type(before + shlex.join(run.command) + behind)
        self.screen.press("Enter")
        run.event("loaded")
        return run

    def leave(self, run):
        """The shell has its terminal as it was, and ends."""
        self.screen.wait(r"^ready>$")
        self.assertEqual(self.screen.region(), (0, int(self.screen.tells("#{pane_height}")) - 1))
        self.assertEqual(self.screen.tells("#{cursor_flag} #{alternate_on} #{origin_flag}"),
                         "1 0 0")
        self.assertFalse([line for line in self.screen.lines() if line.startswith(" quiet")])
        self.screen.close()
        run.wait_end()
        run.finished = True
        run.check_nothing_left()

    def quit(self, run):
        os.kill(run.event("started")["pid"], signal.SIGTERM)
        self.leave(run)


class Line(OnScreen):

    def test_one_look_tells_how_things_stand(self):
        with self.typed() as run:
            self.screen.wait_last(RUNS)
            self.assertEqual(self.screen.region(), (0, 22))
            self.screen.press("p")
            self.screen.wait_last(r"^ quiet  paused, step [\d,]+  generation 1  60 Hz ")
            run.request("snapshot")  # made when the host has paused
            step = run.request("status")["result"]["step"]
            self.screen.wait_last(rf"^ quiet  paused, step {step:,}  generation 1  60 Hz ")
            self.screen.press("Space")
            self.screen.wait_last(rf"^ quiet  paused, step {step + 1:,}  generation 1 ")
            self.screen.press("p")
            self.screen.wait_last(RUNS)
            run.save_and_see(quiet(2))
            self.screen.wait_last(r"^ quiet  generation 2  60 Hz .* reload (just now|\d+ s ago), ")
            run.save_and_see(b"rubbish", "rejected")
            self.screen.wait_last(r"^ quiet  not loaded  generation 2  60 Hz ")
            run.save_and_see(quiet(2), "unchanged")
            self.screen.wait_last(r"^ quiet  generation 2 ")
            mark = run.save(quiet(3, on_step="*(volatile int *)8 = 1"))
            run.event("rolled_back", mark)
            self.screen.wait_last(r"^ quiet  not loaded  generation 2 .* back (just now|\d+ s ago)")
            self.quit(run)

    def test_what_holds_is_said(self):
        with self.typed(quiet(1, on_step="if (turn > 2) *(volatile int *)8 = 1"),
                        "--log-level", "error") as run:
            run.event("held")
            self.screen.wait_last(r"^ quiet  held  generation 1  60 Hz ")
            self.quit(run)

    def test_a_missing_library_is_waited_for(self):
        run = self.hotrun(None, terminal=self.screen, log=False)
        with run:
            self.screen.wait("ready>$")
            self.screen.type(shlex.join(run.command))
            self.screen.press("Enter")
            run.event("waiting")
            self.screen.wait_last(r"^ libprobe\.so  waiting for the library +\? keys$")
            self.screen.press("q")
            self.leave(run)

    def test_without_colours_there_is_no_escape_sequence_in_it(self):
        for env, seen in (("", True), ("NO_COLOR=1 ", False)):
            with self.subTest(env=env):
                self.fresh_folder()
                self.screen = Tmux(self.folder)
                self.addCleanup(self.screen.close)
                with self.typed(before=env) as run:
                    self.screen.wait_last(RUNS)
                    self.assertEqual("\x1b" in self.screen.lines("-e")[-1], seen)
                    self.quit(run)

    def test_it_follows_the_size(self):
        with self.typed() as run:
            self.screen.wait_last(RUNS)
            for columns, rows in ((100, 40), (60, 12), (120, 30), (80, 24)):
                self.screen.resize(columns, rows)
                self.screen.wait_for(
                    lambda lines: len(lines) == rows and lines[-1].startswith(" quiet  gen") and
                    sum(line.startswith(" quiet") for line in lines) == 1,
                    f"one line at {columns}x{rows}")
                self.assertEqual(self.screen.region(), (0, rows - 2))
            for columns, rows in ((80, 9), (39, 24)):
                self.screen.resize(columns, rows)
                self.screen.wait_for(lambda lines: not any(line.startswith(" quiet")
                                                           for line in lines), "no line")
                self.assertEqual(self.screen.region(), (0, rows - 1))
            self.screen.resize(80, 24)
            self.screen.wait_last(RUNS)
            self.quit(run)

    def test_ctrl_z_takes_it_away_and_fg_brings_it_back(self):
        with self.typed() as run:
            self.screen.wait_last(RUNS)
            pid = run.event("started")["pid"]
            for _ in range(2):
                self.screen.press("C-z")
                self.screen.wait("Stopped")
                self.screen.wait("^ready>$")
                self.assertTrue(processes.becomes(pid, "T"))
                self.assertEqual(self.screen.region(), (0, 23))
                self.assertFalse([line for line in self.screen.lines()
                                  if line.startswith(" quiet")])
                self.screen.type("stty -a | grep -o ' [-]*icanon'; clear")
                self.screen.press("Enter")
                self.screen.wait_for(lambda lines: lines[0] == "ready>", "a clear screen")
                self.screen.type("fg")
                self.screen.press("Enter")
                self.screen.wait_last(r"^ quiet  (paused, step [\d,]+  )?generation 1 ")
                self.assertEqual(self.screen.region(), (0, 22))
                mark = run.events.mark()
                self.screen.press("p")
                run.event(("paused", "resumed"), mark)
            self.screen.press("q")
            self.leave(run)

    def test_bg_leaves_the_terminal_to_the_shell(self):
        with self.typed() as run:
            self.screen.wait_last(RUNS)
            self.screen.press("C-z")
            self.screen.wait("Stopped")
            self.screen.type("bg")
            self.screen.press("Enter")
            run.save_and_see(quiet(2))
            self.screen.wait("^(ready> )?generation 2 ")
            self.assertEqual(self.screen.region(), (0, 23))
            self.screen.type("fg")
            self.screen.press("Enter")
            self.screen.wait_last(r"^ quiet  generation 2 ")
            self.screen.press("q")
            self.leave(run)


class WhatScrolls(OnScreen):

    def test_a_full_screen_makes_room_for_it(self):
        with self.typed(before="seq 100; ") as run:
            self.screen.wait_last(RUNS)
            lines = self.screen.lines()
            at = next(i for i, line in enumerate(lines) if line.startswith("hotrun  "))
            self.assertEqual(lines[at - 20:at], [str(n) for n in range(81, 101)])
            self.quit(run)

    def test_much_output_scrolls_above_it_and_nothing_is_missing(self):
        say = "if (turn <= 500) { char t[40]; sprintf(t, \"output %lu\\n\", turn); put(t); }"
        with self.typed(quiet(on_step=say), "--rate", "1000") as run:
            self.screen.wait(r"^output 500$")
            run.save_and_see(quiet(2))
            self.screen.wait(r"^generation 2 ")
            self.screen.wait_last(r"^ quiet  generation 2 ")
            said = [line for line in self.screen.history() if line.startswith("output")]
            self.assertEqual(said, [f"output {n}" for n in range(1, 501)])
            self.assertEqual(sum(line.startswith(" quiet") for line in self.screen.history()), 1)
            self.quit(run)

    def test_a_prompt_stays_whole(self):
        ask = "if (turn == 30) put(\"what now> \")"
        with self.typed(quiet(on_step=ask)) as run:
            self.screen.wait(r"^what now> ?$")
            place = self.screen.tells("#{cursor_x}")
            self.assertEqual(place, "10")
            self.screen.wait_last(r"loaded [2-9] s ago")  # it was drawn since
            self.assertEqual(self.screen.tells("#{cursor_x}"), "10")
            self.screen.wait(r"^what now> ?$")
            self.quit(run)

    def test_events_on_the_terminal_scroll_too(self):
        run = self.hotrun(quiet(), "--events", "-", terminal=self.screen, log=False, events=False)
        with run:
            self.screen.wait("ready>$")
            self.screen.type(shlex.join(run.command))
            self.screen.press("Enter")
            self.screen.wait(r'"event":"confirmed"')
            self.screen.wait_last(RUNS)
            self.screen.press("q")
            self.screen.wait(r'"event":"exited"')
            self.leave(run)


class WhoTakesTheScreen(OnScreen):

    def test_a_full_screen_program_has_all_of_it(self):
        with self.typed() as run:
            self.screen.wait_last(RUNS)
            run.wild = True  # ncurses does not give its memory back
            run.save_and_see(full_screen('stdscr == NULL && access("draw", F_OK) == 0',
                                         'stdscr != NULL && !isendwin() && access("go", F_OK) == 0', "endwin()"))
            self.screen.wait("^keys are off: generation 2 ")  # the last line that would scroll the rows
            self.write("draw", "")
            self.screen.wait_last("^row 23 of 24$")
            self.screen.wait_for(lambda lines: lines == [f"row {n} of 24" for n in range(24)],
                                 "all rows")
            self.assertEqual(self.screen.region(), (0, 23))
            self.assertEqual(self.screen.tells("#{alternate_on}"), "1")
            self.write("go", "")
            self.screen.wait_last(r"^ quiet  generation 2 ")  # after endwin
            self.assertEqual(self.screen.tells("#{alternate_on}"), "0")
            self.quit(run)

    def test_its_crash_brings_the_line_back(self):
        with self.typed(config=LONG) as run:
            self.screen.wait_last(RUNS)
            mark = run.save(full_screen("calls == 5", "calls == 20", "*(volatile int *)8 = 1"))
            run.event("rolled_back", mark)
            self.screen.wait_last(r"^ quiet  not loaded  generation 1 ")
            self.screen.wait("^back to generation 1 ")
            self.assertEqual(self.screen.tells("#{alternate_on} #{cursor_flag}"), "0 1")
            self.assertEqual(self.screen.region(), (0, 22))
            self.quit(run)


class TheEnd(OnScreen):

    def test_whatever_ends_hotrun_the_terminal_is_as_it_was(self):
        ends = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV,
                signal.SIGABRT]
        run = self.hotrun(quiet(), terminal=self.screen, log=False, events=False)
        with run:
            self.screen.wait("ready>$")
            for number, end in enumerate(ends):
                self.screen.type(f"clear; stty -g > before; {shlex.join(run.command)}; "
                                 "stty -g > after")
                self.screen.press("Enter")
                self.screen.wait_last(RUNS)
                pid = next(p for p in processes.every() if processes.program(p) == "hotrun" and
                           processes.stat(p)[1] == int(self.screen.tells("#{pane_pid}")))
                os.kill(pid, end)
                self.screen.wait(r"^ready>$")
                with open(self.path("before"), encoding="ascii") as before, \
                        open(self.path("after"), encoding="ascii") as after:
                    self.assertEqual(before.read(), after.read(), end)
                self.assertEqual(self.screen.region(), (0, 23), end)
                self.assertFalse([line for line in self.screen.lines()
                                  if line.startswith(" quiet")], end)
            self.screen.close()
            run.wait_end()
            run.finished = True


if __name__ == "__main__":
    main()
