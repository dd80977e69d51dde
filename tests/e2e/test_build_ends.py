"""How builds end: by themselves, by force, with hotrun; and what is left of them."""
import os
import signal

import processes
from harness import main
from projects import FAMILY, Project

PIDS = ("pid1", "pid2", "pid3", "pid4", "pid5")


class Ends(Project):

    def family(self, run):
        """Has a build start the family; the pids of its members."""
        run.event("loaded")
        self.write("family", FAMILY)
        self.speed(2)
        return self.pids(*PIDS)

    def build_family(self, **keys):
        return self.build_run("if test -e family; then . ./family; fi; make", **keys)

    def test_none_of_a_family_survives_a_cancel(self):
        with self.build_family() as run:
            pids = self.family(run)
            os.remove(self.path("family"))
            self.speed(3)
            run.event("build_failed", cancelled=True)
            self.assert_gone(pids)
            run.event("reloaded")
            self.runs_at(run, 3)

    def test_none_survives_the_time_that_it_may_take(self):
        self.make(1)
        with self.build_family(timeout='"4s"', at_start='"never"') as run:
            pids = self.family(run)
            failed = run.event("build_failed", cancelled=False)
            self.assertIn("build.timeout", failed["reason"])
            self.assert_gone(pids)
            run.line("; generation 1 goes on")

    def test_none_survives_the_end_of_hotrun(self):
        for how in ("signal", "quit"):
            with self.subTest(how), self.build_family() as run:
                pids = self.family(run)
                if how == "quit":
                    self.assertEqual(self.command("quit").returncode, 0)
                    self.assertEqual(run.wait_end(), 0)
                run.finish()
                self.assert_gone(pids)
                ended = [e for e in run.events.since() if e["event"] == "build_failed"]
                self.assertEqual([e["cancelled"] for e in ended], [True])
            self.fresh_folder()
            self.setUp()

    def test_none_survives_the_end_of_the_module(self):
        with self.build_family() as run:
            pids = self.family(run)
            run.kill(signal.SIGINT)
            self.assertEqual(run.wait_end(), 0)
            self.assert_gone(pids)

    def test_the_first_build_ends_with_hotrun(self):
        with self.build_run(FAMILY) as run:
            pids = self.pids(*PIDS)
            run.finish()
            self.assert_gone(pids)

    def test_the_death_of_hotrun_takes_the_build_along(self):
        command = "sh -c 'echo $$ >pid1; exec sleep 1000' & echo $$ >pid2; wait"
        for terminal in (False, True):
            with self.subTest(terminal=terminal):
                run = self.build_run(command)
                pids = self.pids("pid1", "pid2")
                run.kill(signal.SIGKILL)
                run.wait_end()
                self.assertTrue(processes.asked(
                    lambda: not [pid for pid in pids if processes.alive(pid)]))
                run._end()
            self.fresh_folder()
            self.setUp()

    def test_a_server_that_a_build_leaves_outlives_a_crash_of_the_module(self):
        command = ("make; test -e pid1 || { setsid sh -c 'echo $$ >pid1; exec sleep 1000' & "
                   "while ! test -s pid1; do :; done; }")
        with self.build_run(command) as run:
            run.event("confirmed")
            (server,) = self.pids("pid1")
            for _ in range(2):
                mark = run.events.mark()
                os.kill(run.host_pid(), signal.SIGKILL)
                run.event("restarted", since=mark)
                self.assertTrue(processes.alive(server))
            self.speed(2)
            run.event("reloaded")
            self.assertTrue(processes.alive(server))
            os.kill(server, signal.SIGKILL)
            self.assertTrue(processes.asked(lambda: processes.stat(server)[0] == ""))

    def test_what_asks_gets_the_end_of_its_input(self):
        command = "read answer; read answer </dev/tty; make"
        with self.build_run(command) as run:
            run.event("loaded")
            self.runs_at(run, 1)

    def test_a_crash_while_it_builds_is_none_of_the_build(self):
        command = "echo $$ >pid; while ! test -e go; do sleep 0.01; done; make"
        self.make(1)
        with self.build_run(command, at_start='"never"') as run:
            run.event("confirmed")
            self.speed(2)
            (pid,) = self.pids("pid")
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted")
            self.assertTrue(processes.alive(pid))
            self.write("go", "")
            run.event("reloaded")
            self.runs_at(run, 2)

    def test_a_hold_that_would_end_hotrun_waits_for_the_build(self):
        command = "echo $$ >pid; while ! test -e go; do sleep 0.01; done; exit 1"
        config = self.config(command).replace('probation = "20ms"',
                                              'probation = "20ms"\non_hold = "exit"')
        with self.hotrun(None, config=config, name=None) as run:
            self.pids("pid")
            self.write("go", "")
            run.event("build_failed")
            self.assertEqual(run.wait_end(), 126)
            run.finished = True


if __name__ == "__main__":
    main()
