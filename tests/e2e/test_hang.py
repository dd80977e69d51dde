"""A call that hangs is ended and handled as a crash; one that waits is told; nothing else alarms."""
import os
import signal
import subprocess
import time

from harness import Case, main
import processes
from modules import probe

LIMITS = "[supervise]\nhang_timeout = '300ms'\nprobation = '{}'\nprobation_steps = 2\n{}"
LOOP = "for (volatile unsigned n = 0;; n++) { }"
# Waits for what never comes; a read in the module's own pipe.
WAIT = "{ static int ends[2]; char byte; if (pipe(ends) != 0 || read(ends[0], &byte, 1) < 0) abort(); }"
AWHILE = 1.2  # seconds: four times the limit; that nothing happens has no event
WORD = "go"  # a file: what is to happen after an event happens when the test makes it, and once
ON_WORD = f'unlink("{WORD}") == 0'


def limits(probation="50ms", more=""):
    return LIMITS.format(probation, more)


def passes(seconds):
    """For what must not happen within this time."""
    time.sleep(seconds)


class Busy(Case):

    def hangs_after_probation(self, **statements):
        with self.hotrun(probe(1), "--rate", "200", config=limits()) as run:
            first = run.call("step", version=1)
            mark = run.save(probe(2, **statements))
            run.event("confirmed", mark)
            hung = run.event("hung", mark)
            self.assertEqual(hung["generation"], 2)
            self.assertIn("hang_timeout", hung["reason"])
            back = run.event("restarted", mark)
            self.assertEqual((back["from"], back["to"]), (2, 2))
            step = run.call("step", version=2, pid=back["host_pid"])
            self.assertEqual(step["hash"], first["hash"])
            run.save_and_see(probe(3), ("loaded", "reloaded"))
            run.call("step", version=3)
            return hung

    def test_in_a_step_later(self):
        hung = self.hangs_after_probation(on_step="if (turn == 60) " + LOOP)
        self.assertEqual(hung["in"], "step")

    def test_in_the_first_step_of_new_code(self):
        config = limits("10s", "[checkpoint]\ninterval = 0\n")
        with self.hotrun(probe(1), config=config) as run:
            first = run.call("step", version=1)
            bad = probe(2, on_step=LOOP)
            said = run.said.mark()
            mark = run.save(bad)
            hung = run.event("hung", mark)
            self.assertEqual((hung["in"], hung["generation"]), ("step", 2))
            self.assertEqual(hung["signal"], "SIGABRT")
            self.assertTrue(hung["backtrace"])
            back = run.event("rolled_back", mark)
            self.assertEqual((back["from"], back["to"]), (2, 1))
            pinned = run.call("serialize", said, version=1)
            step = run.call("step", said, version=1)
            self.assertEqual(step["hash"], first["hash"])
            self.assertEqual(step["count"], pinned["count"] + 1)
            run.save_and_see(bad, "quarantined")
            run.save_and_see(probe(3))
            run.call("step", version=3)

    def test_in_a_step_at_full_speed(self):
        with self.hotrun(probe(1), "--rate", "max", config=limits("10s")) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_step="if (turn == 1000) " + LOOP))
            hung = run.event("hung", mark)
            self.assertEqual(hung["in"], "step")
            run.event("rolled_back", mark)

    def test_in_an_event_handler(self):
        config = limits("10s")
        with self.hotrun(probe(1), config=config) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_event="if (event->type == HOTRUN_EVENT_SIGNAL) " + LOOP))
            run.event("reloaded", mark)
            run.call("step", version=2)
            run.kill(signal.SIGUSR1)
            hung = run.event("hung", mark)
            self.assertEqual((hung["in"], hung["generation"]), ("on_event", 2))
            run.event("rolled_back", mark)

    def test_in_init_it_is_the_start_limit_that_ends_it(self):
        config = limits("10s", "start_timeout = '1s'\n")
        with self.hotrun(probe(1), config=config) as run:
            run.call("step", version=1)
            said = run.said.mark()
            mark = run.save(probe(2, on_init=LOOP))
            begun = run.call("init", said, version=2)
            self.assertTrue(begun)
            hung = run.event("hung", mark)
            self.assertEqual((hung["in"], hung["generation"]), ("init", 2))
            self.assertIn("start_timeout", hung["reason"])
            run.event("rolled_back", mark)
            run.call("step", said, version=1)

    def test_in_the_old_serialize_it_is_the_old_codes_fault(self):
        bad = probe(1, on_serialize="if (state->count > 30) " + LOOP)
        config = limits(more="[checkpoint]\ninterval = 0\n")
        with self.hotrun(bad, "--rate", "200", config=config) as run:
            run.event("confirmed")
            self.assertTrue(processes.asked(
                lambda: run.request("status")["result"]["step"] > 60))
            mark = run.save(probe(2))
            hung = run.event("hung", mark)
            self.assertEqual((hung["in"], hung["generation"]), ("serialize", 1))
            run.event("reloaded", mark)
            run.call("step", version=2)
            self.assertFalse([e for e in run.events.since(mark) if e["event"] == "quarantined"])

    def test_again_and_again_leads_to_held(self):
        with self.hotrun(probe(1), "--rate", "200",
                         config=limits(more="max_restarts = 1\n")) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_step="if (turn == 40) " + LOOP))
            run.event("held", mark)
            told = [e["event"] for e in run.events.since(mark)]
            self.assertEqual((told.count("hung"), told.count("restarted")), (2, 1))
            run.save_and_see(probe(3), ("loaded", "reloaded"))
            run.call("step", version=3)

    def test_a_limit_of_0_never_ends_it(self):
        config = limits("10s").replace("'300ms'", "0")
        with self.hotrun(probe(1), config=config) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_step=LOOP))
            run.event("reloaded", mark)
            passes(AWHILE)
            self.assertFalse([e for e in run.events.since(mark) if e["event"] == "hung"])
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("rolled_back", mark)


class Blocked(Case):

    def test_a_read_is_told_once_and_let_wait(self):
        with self.hotrun(probe(1, on_step="if (turn == 30) " + WAIT), config=limits()) as run:
            line = run.line("waits in read(")
            self.assertRegex(line, r"step 29 of generation 1 waits in read\(\d+, pipe:\[\d+\]\) "
                                   r"for 0\.\d+ s; it is let wait")
            self.assertIn("read(", run.request("status")["result"]["blocked"])
            passes(AWHILE)
            told = [each for each in run.err.since() if "waits in" in each]
            self.assertEqual(told, [line])
            self.assertFalse([e for e in run.events.since() if e["event"] in ("hung", "crashed")])
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted")
            self.assertNotIn("blocked", run.request("status")["result"])

    def test_a_module_that_asks_again_and_again_is_told_of_once(self):
        ask = "if (now->index > 5) { struct timespec t = {0, 800000000}; nanosleep(&t, NULL); }"
        with self.hotrun(probe(1, on_step=ask), config=limits()) as run:
            run.line("waits in nanosleep")
            self.assertTrue(processes.asked(
                lambda: run.request("status")["result"]["step"] > 8))
            self.assertEqual(len([each for each in run.err.since() if "waits in" in each]), 1)

    def test_blocked_timeout_ends_it(self):
        config = limits("10s", "blocked_timeout = '600ms'\n")
        with self.hotrun(probe(1), config=config) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_step="if (turn == 3) " + WAIT))
            hung = run.event("hung", mark)
            self.assertIn("read(", hung["reason"])
            self.assertIn("blocked_timeout", hung["reason"])
            run.event("rolled_back", mark)

    def test_a_loop_that_sleeps_mostly_is_let_wait(self):
        loop = ("for (;;) { struct timespec t = {0, 2000000}; nanosleep(&t, NULL);"
                " for (volatile int i = 0; i < 1000; i++) { } }")
        with self.hotrun(probe(1, on_step="if (turn == 30) " + loop), config=limits()) as run:
            run.line("waits in")
            passes(AWHILE)
            self.assertFalse([e for e in run.events.since() if e["event"] in ("hung", "crashed")])
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted")


class NoAlarm(Case):

    def begin(self, statement, hang="300ms"):
        return self.hotrun(probe(1, on_step=statement), config=limits().replace("300ms", hang))

    def stopped_on_word(self, run):
        """The host, which has stopped itself; not before it is confirmed, with which it has to help."""
        run.event("confirmed")
        self.write(WORD, "")
        host = run.host_pid()
        self.assertTrue(processes.becomes(host, "T"))
        return host

    def steps_on(self, run, more=10):
        step = run.request("status")["result"]["step"]
        self.assertTrue(processes.asked(
            lambda: run.request("status")["result"]["step"] > step + more))

    def hung(self, run):
        return [e for e in run.events.since() if e["event"] == "hung"]

    def test_the_host_is_stopped_and_goes_on(self):
        with self.begin(f"if ({ON_WORD}) raise(SIGSTOP)") as run:
            host = self.stopped_on_word(run)
            passes(AWHILE)
            os.kill(host, signal.SIGCONT)
            self.steps_on(run)
            self.assertFalse(self.hung(run))
            self.assertFalse([each for each in run.err.since() if "waits in" in each])

    def test_both_are_stopped_and_go_on(self):
        work = ("static int next; if (next) { next = 0; struct timespec a, b;"
                " clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a); do clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);"
                " while ((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 600); }"
                f" if ({ON_WORD}) {{ next = 1; raise(SIGSTOP); }}")
        # Where others compute, some 100 ms of its time are nobody's.
        with self.begin(work, hang="900ms") as run:
            host = self.stopped_on_word(run)
            os.kill(run.pid, signal.SIGSTOP)
            self.assertTrue(processes.becomes(run.pid, "T"))
            passes(AWHILE)
            os.kill(host, signal.SIGCONT)
            os.kill(run.pid, signal.SIGCONT)
            self.steps_on(run)
            self.assertFalse(self.hung(run))

    def test_a_tracer_holds_it_back_and_the_alarm_goes_on_after_it(self):
        work = f"static int next; if (next) {{ {LOOP} }} if ({ON_WORD}) {{ next = 1; raise(SIGSTOP); }}"
        with self.begin(work) as run:
            host = self.stopped_on_word(run)
            tracer = subprocess.Popen(["strace", "-qq", "-o", self.path("trace"), "-p", str(host)],
                                      stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                run.line("holds the host")
                self.assertEqual(run.request("status")["result"]["tracer_pid"], tracer.pid)
                os.kill(host, signal.SIGCONT)
                passes(AWHILE)
                self.assertFalse(self.hung(run))
            finally:
                tracer.terminate()
                tracer.wait(10)
            run.line("has let go")
            self.assertEqual(run.event("hung")["in"], "step")
            run.event("restarted")

    def test_probation_stands_while_a_tracer_is_there(self):
        with self.hotrun(probe(1), config=limits("400ms")) as run:
            run.call("step", version=1)
            host = run.host_pid()
            tracer = subprocess.Popen(["strace", "-qq", "-o", self.path("trace"), "-p", str(host)],
                                      stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                run.line("holds the host")
                mark = run.save(probe(2))
                run.event("reloaded", mark)
                passes(AWHILE)
                self.assertFalse([e for e in run.events.since(mark) if e["event"] == "confirmed"])
            finally:
                tracer.terminate()
                tracer.wait(10)
            run.event("confirmed", mark)


if __name__ == "__main__":
    main()
