"""Commands while something else happens: a swap, a death, another command."""
import json
import os
import shutil
import signal
import tempfile
from unittest import mock

from harness import HOTRUN, Case, main
import processes
from modules import probe

QUICK = "[supervise]\nprobation = '50ms'\n"
NEVER_PROVEN = "[supervise]\nprobation = '1h'\n"


class Asked:
    """A request whose answer is read later. When it is made, hotrun has heard of it."""

    def __init__(self, run, method, params):
        self.client = run.connect()
        self.stream = self.client.makefile("rwb")
        for message in ({"id": 1, "method": method, "params": params},
                        {"id": 2, "method": "status"}):
            self.stream.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.stream.flush()
        self.answers = {}
        self.read(2)

    def read(self, number):
        while number not in self.answers:
            told = json.loads(self.stream.readline())
            self.answers[told["id"]] = told
        return self.answers[number]

    def close(self):
        self.stream.close()
        self.client.close()


class Meanwhile(Case):

    def ask(self, run, method, **params):
        asked = Asked(run, method, params)
        self.addCleanup(asked.close)
        return asked

    def done(self, asked):
        answer = asked.read(1)
        self.assertIn("result", answer)
        return answer["result"]

    def refused(self, asked):
        answer = asked.read(1)
        self.assertIn("error", answer)
        return answer["error"]["message"]

    def ask_in_vain(self, run, method):
        """A command that needs the host's help, which does not come: the host dies."""
        host = run.host_pid()
        os.kill(host, signal.SIGSTOP)
        self.assertTrue(processes.becomes(host, "T"))
        asked = self.ask(run, method)
        self.assertNotIn(1, asked.answers)
        os.kill(host, signal.SIGKILL)
        return asked


class Swaps(Meanwhile):

    def slow(self, version, then=""):
        gate = self.path("gate")
        return probe(version, on_init=f'while (access("{gate}", F_OK) != 0) usleep(1000); {then}')

    def open_gate(self):
        open(self.path("gate"), "w", encoding="utf-8").close()

    def test_a_rollback_of_a_swap_that_then_dies(self):
        with self.hotrun(probe(1), config=QUICK) as run:
            run.event("confirmed", generation=1)
            run.save(self.slow(2, "die_segv()"))
            run.call("init", version=2)
            asked = self.ask(run, "rollback")
            self.assertNotIn(1, asked.answers)
            said = run.said.mark()
            self.open_gate()
            self.assertIn("died", self.refused(asked))
            run.event("rolled_back", to=1)
            run.call("step", said, version=1)

    def test_a_rollback_in_a_swap_calls_it_off_and_answers_the_reload(self):
        with self.hotrun(probe(1), config=QUICK + "[watch]\nenabled = false\n") as run:
            run.event("confirmed", generation=1)
            run.save(self.slow(2))
            reload = self.ask(run, "reload")
            run.call("init", version=2)
            said = run.said.mark()
            self.assertEqual(self.done(self.ask(run, "rollback"))["generation"], 1)
            self.assertEqual(self.done(reload)["outcome"], "rejected")
            run.call("step", said, version=1)


class Deaths(Meanwhile):

    def spare(self, run):
        """The process of the host that waits."""
        found = []

        def find():
            found[:] = [p for p in processes.children(run.pid) if p != run.host_pid()
                        and processes.program(p) == "hotrun-host"]
            return found
        self.assertTrue(processes.asked(find))
        return found[0]

    def test_a_reset_whose_host_dies_is_not_told_as_done(self):
        with self.hotrun(probe(1), "--rate", "500", config=QUICK) as run:
            run.event("confirmed", generation=1)
            self.done(self.ask(run, "snapshot"))
            said = run.said.mark()
            asked = self.ask_in_vain(run, "reset")
            self.assertIn("died", self.refused(asked))
            run.event("restarted")
            self.assertGreater(run.call("step", said)["index"], 0)
            self.assertEqual(self.done(self.ask(run, "reset"))["generation"], 1)

    def test_code_that_dies_in_probation_does_not_come_back_by_a_reset(self):
        with self.hotrun(probe(1), config=NEVER_PROVEN) as run:
            run.call("step", version=1)
            run.save_and_see(probe(2))
            run.call("step", version=2)
            said = run.said.mark()
            asked = self.ask_in_vain(run, "reset")
            self.assertIn("died", self.refused(asked))
            run.event("rolled_back", to=1)
            run.call("step", said, version=1)

    def test_the_host_and_the_spare_one_at_once_lose_nothing(self):
        with self.hotrun(probe(1), "--rate", "500", config=QUICK + "max_restarts = 12\n") as run:
            run.event("confirmed", generation=1)
            for _ in range(3):
                saved = self.done(self.ask(run, "snapshot"))
                both = [run.host_pid(), self.spare(run)]
                mark, said = run.events.mark(), run.said.mark()
                os.kill(run.pid, signal.SIGSTOP)
                self.assertTrue(processes.becomes(run.pid, "T"))
                for pid in both:
                    os.kill(pid, signal.SIGKILL)
                os.kill(run.pid, signal.SIGCONT)
                run.event("restarted", mark)
                self.assertGreaterEqual(run.call("step", said)["index"], saved["step"])
                crashes = [e for e in run.events.since(mark) if e["event"] == "crashed"]
                self.assertEqual(len(crashes), 1, "the spare one's death is not the code's")


    def test_a_spare_host_that_dies_as_it_takes_over_is_not_the_codes_fault(self):
        with self.hotrun(probe(1), "--rate", "500", config=QUICK) as run:
            run.event("confirmed", generation=1)
            saved = self.done(self.ask(run, "snapshot"))
            spare, host = self.spare(run), run.host_pid()
            os.kill(spare, signal.SIGSTOP)
            self.assertTrue(processes.becomes(spare, "T"))
            mark, said = run.events.mark(), run.said.mark()
            os.kill(host, signal.SIGKILL)
            run.event("crashed", mark)
            self.assertTrue(processes.asked(
                lambda: run.request("status")["result"]["host_pid"] == spare))
            os.kill(spare, signal.SIGKILL)
            run.event("restarted", mark)
            self.assertGreaterEqual(run.call("step", said)["index"], saved["step"])
            crashes = [e for e in run.events.since(mark) if e["event"] == "crashed"]
            self.assertEqual(len(crashes), 1)


class NoHosts(Meanwhile):
    """The program of the hosts is gone."""

    def setUp(self):
        super().setUp()
        place = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, place, True)
        own = shutil.copy(HOTRUN, place)
        built = os.path.dirname(os.path.dirname(HOTRUN))
        self.program = shutil.copy(os.path.join(built, "host", "hotrun-host"), place)
        patched = mock.patch("harness.HOTRUN", own)
        patched.start()
        self.addCleanup(patched.stop)

    def test_a_signal_ends_a_run_whose_swap_waits_for_a_host(self):
        config = QUICK + "max_restarts = 12\nspare = false\n"
        with self.hotrun(probe(1), "--rate", "500", config=config) as run:
            run.event("confirmed", generation=1)
            host = run.host_pid()
            os.kill(host, signal.SIGSTOP)
            self.assertTrue(processes.becomes(host, "T"))
            run.save(probe(2))
            self.assertTrue(processes.asked(
                lambda: run.request("status")["result"]["state"] == "swapping"))
            os.unlink(self.program)
            os.kill(host, signal.SIGKILL)
            run.line("install hotrun again")
            self.assertEqual(run.request("status")["result"]["state"], "swapping")
            run.finish()


class Answers(Meanwhile):

    def test_steps_that_a_reset_ends_are_answered(self):
        with self.hotrun(probe(1), "--rate", "100", config=QUICK) as run:
            run.event("confirmed", generation=1)
            run.request("pause")
            asked = self.ask(run, "step", count=900000000)
            self.done(self.ask(run, "reset"))
            self.assertIn("not made", self.refused(asked))
            self.assertEqual(self.done(self.ask(run, "step"))["steps"], 1)

    def test_quit_while_it_starts_is_a_clean_end(self):
        with self.hotrun(probe(1, on_init="for (;;) pause()")) as run:
            run.call("init")
            self.done(self.ask(run, "quit"))
            run.finish()

    def test_a_reset_in_probation_keeps_what_a_rollback_leads_to(self):
        with self.hotrun(probe(1), config=NEVER_PROVEN) as run:
            run.call("step", version=1)
            run.save_and_see(probe(2))
            run.call("step", version=2)
            self.done(self.ask(run, "reset"))
            said = run.said.mark()
            self.assertEqual(self.done(self.ask(run, "rollback"))["generation"], 1)
            run.call("step", said, version=1)

    def test_only_the_loops_thread_gets_signals(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            self.done(self.ask(run, "snapshot"))  # another thread writes it
            blocked = {int(task): processes.blocked_signals(run.pid, int(task))
                       for task in os.listdir(f"/proc/{run.pid}/task")}
            self.assertGreater(len(blocked), 1)
            self.assertNotIn(signal.SIGTERM, blocked.pop(run.pid))
            for signals in blocked.values():
                self.assertLessEqual({signal.SIGTERM, signal.SIGINT, signal.SIGHUP}, signals)

    def test_a_state_that_was_kept_outlives_a_crash_right_after_the_rollback(self):
        with self.hotrun(probe(1), "--rate", "500", config=QUICK) as run:
            run.event("confirmed", generation=1)
            run.save_and_see(probe(2))
            run.event("confirmed", generation=2)
            mark = run.events.mark()
            self.done(self.ask(run, "rollback", keep_state=True))
            kept = run.event("rolled_back", mark, to=1)
            os.kill(run.host_pid(), signal.SIGKILL)
            self.assertGreaterEqual(run.event("restarted", mark)["step"], kept["step"])

    def test_a_hold_in_which_nothing_came_back_ends_by_resume(self):
        bad = self.path("bad")
        refuses = f'if (access("{bad}", F_OK) == 0) die_abort()'
        with self.hotrun(probe(1, on_deserialize=refuses), config=QUICK) as run:
            run.event("confirmed", generation=1)
            open(bad, "w", encoding="utf-8").close()
            run.save(probe(2, on_init="die_segv()"))
            run.event("held")
            os.unlink(bad)
            said = run.said.mark()
            self.assertIn("result", run.request("resume"))
            run.call("step", said, version=1)


if __name__ == "__main__":
    main()
