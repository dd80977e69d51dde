"""What is told and decided is true when hotrun comes late: its process is stopped while the host goes
on, so that several things have happened, and times are over, before it looks again."""
import contextlib
import json
import os
import signal
import time

from harness import Case, main
import modules
import processes
from test_meanwhile import Meanwhile

LIMIT = 2  # seconds: of what has to be done before hotrun is stopped
STEPS = 30  # in which something else happens


def probe(version, **more):
    """One that tells each step."""
    return modules.probe(version, say_each_step=True, **more)


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    assert processes.becomes(pid, "T")
    yield
    os.kill(pid, signal.SIGCONT)


def passes(since, seconds):
    """Until so much time has passed."""
    assert processes.asked(lambda: time.monotonic() > since + seconds)


class Late(Meanwhile):

    def gated(self, place):
        """A probe that waits there until the gate is open."""
        return probe(1, **{place: f'while (access("{self.path("gate")}", F_OK) != 0) usleep(1000);'})

    def open_gate(self):
        open(self.path("gate"), "w", encoding="utf-8").close()

    def steps_on(self, run, version=1):
        """Some steps more."""
        index = run.call("step", run.said.mark(), version=version)["index"]
        run.call("step", version=version, index=index + STEPS)


class InTime(Late):
    """What came in time is not overdue because it is read late."""

    def test_a_start(self):
        # Whether it was accepted is looked at by a timer, too, more and more seldom: between 2.6 and
        # 3.3 s it is not.
        config = "[supervise]\nstart_timeout = '3.3s'\n"
        with self.hotrun(self.gated("on_init"), config=config) as run:
            run.call("init")
            begun = time.monotonic()
            passes(begun, 2.6)
            with stopped(run.pid):
                self.open_gate()
                run.call("step")
                passes(begun, 3.3)
            run.event("loaded")
            self.steps_on(run)
            self.assertNotIn("hung", [e["event"] for e in run.events.since()])

    def test_an_end(self):
        config = f"[supervise]\nstop_timeout = '{LIMIT}s'\n"
        with self.hotrun(self.gated("on_fini"), config=config) as run:
            run.call("step")
            host = run.host_pid()
            run.kill()
            run.call("fini")
            begun = time.monotonic()
            with stopped(run.pid):
                self.open_gate()
                self.assertTrue(processes.becomes(host, "Z"))
                passes(begun, LIMIT)
            run.finish()
            self.assertNotIn("stop_timeout", "\n".join(run.err.since()))

    def test_a_second_signal_after_the_end(self):
        with self.hotrun(self.gated("on_fini")) as run:
            run.call("step")
            host = run.host_pid()
            run.kill()
            run.call("fini")
            with stopped(run.pid):
                self.open_gate()
                self.assertTrue(processes.becomes(host, "Z"))
                run.kill()
            run.finish()

    def test_a_reply(self):
        with self.hotrun(self.gated("on_event")) as run:
            run.call("step")
            asked = self.ask(run, "send", name="hello")
            run.call("event")
            begun = time.monotonic()
            with stopped(run.pid):
                self.open_gate()
                passes(begun, LIMIT)
            self.done(asked)

    def test_the_state_before_a_reset(self):
        with self.hotrun(self.gated("on_event"), config="[checkpoint]\ninterval = '1h'\n") as run:
            run.call("step")
            self.ask(run, "send", name="hello")
            run.call("event")
            asked = self.ask(run, "reset")
            begun = time.monotonic()
            with stopped(run.pid):
                self.open_gate()
                passes(begun, LIMIT)
            self.done(asked)
            self.assertNotIn("does not give its state", "\n".join(run.err.since()))


class Order(Late):
    """What is heard late is heard in its order."""

    def comes_to(self, run, state):
        self.assertTrue(processes.asked(lambda: run.request("status")["result"]["state"] == state))

    def swap_late(self, run, version, before):
        """The state before leads to a swap, of which hotrun hears when steps were made since. The
        events of it."""
        mark = run.events.mark()
        with stopped(run.host_pid()):
            self.comes_to(run, before)
            run.save(probe(version))
            self.comes_to(run, "swapping")
            os.kill(run.pid, signal.SIGSTOP)
            self.assertTrue(processes.becomes(run.pid, "T"))
        self.steps_on(run, version)
        os.kill(run.pid, signal.SIGCONT)
        run.event("reloaded", mark, generation=version)
        return [e for e in run.events.since(mark)
                if e["event"] in ("confirmed", "superseded", "reloaded")]

    def test_what_was_confirmed_is_not_superseded(self):
        with self.hotrun(probe(1), config="[supervise]\nprobation = '1s'\n") as run:
            run.event("confirmed", generation=1)
            run.save_and_see(probe(2))
            self.steps_on(run, 2)
            told = self.swap_late(run, 3, "running")
            self.assertEqual([(e["event"], e["generation"]) for e in told],
                             [("confirmed", 2), ("reloaded", 3)])
            run.event("confirmed", generation=3)

    def test_a_state_has_its_own_step(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            client = self.enterContext(run.connect())
            with stopped(run.host_pid()):
                client.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "state.get",
                                           "params": {"pointer": "/count"}}).encode() + b"\n")
                for _ in range(2):  # with the second one it has heard of the state's
                    run.request("status")
                os.kill(run.pid, signal.SIGSTOP)
                self.assertTrue(processes.becomes(run.pid, "T"))
            self.steps_on(run)
            os.kill(run.pid, signal.SIGCONT)
            told = json.loads(self.enterContext(client.makefile()).readline())["result"]
            self.assertEqual(told["step"], told["value"])

    def test_what_is_superseded_made_no_steps_of_the_new_one(self):
        with self.hotrun(probe(1), config="[supervise]\nprobation = '1h'\n") as run:
            run.call("step")
            superseded, reloaded = self.swap_late(run, 2, "probation")
            self.assertEqual((superseded["event"], superseded["generation"]), ("superseded", 1))
            self.assertEqual(superseded["step"], reloaded["step"])

    def test_a_death_in_probation_leads_back_after_it(self):
        config = f"[supervise]\nprobation = '{LIMIT}s'\n"
        with self.hotrun(probe(1), config=config) as run:
            run.event("confirmed", generation=1)
            mark = run.save(probe(2))
            run.event("reloaded", mark)
            begun = time.monotonic()
            self.steps_on(run, 2)
            host = run.host_pid()
            with stopped(run.pid):
                os.kill(host, signal.SIGKILL)
                self.assertTrue(processes.becomes(host, "Z"))
                passes(begun, LIMIT)
            self.assertEqual(run.event(("rolled_back", "restarted"), mark)["to"], 1)
            told = [e["event"] for e in run.events.since(mark)]
            self.assertNotIn("confirmed", told)


if __name__ == "__main__":
    main()
