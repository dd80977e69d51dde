"""Pause, step, rollback, reset; checkpoints at intervals; the spare host."""
import json
import os
import signal

from harness import Case, count, main
import processes
from modules import probe

QUICK = "[supervise]\nprobation = '50ms'\n"
ROLLED_BACK = 4
RESTORED = 2


class Control(Case):

    def told(self, *words, status=0):
        done = self.command(*words, "--json")
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout) if status == 0 else done.stderr


class Pause(Control):

    def test_a_pause_stops_the_steps_and_a_resume_goes_on(self):
        with self.hotrun(probe(1, say_each_step=True), "--rate", "500") as run:
            run.call("step")
            paused = self.told("pause")
            self.assertTrue(paused["paused"])
            run.event("paused")
            before = self.told("status")
            self.assertEqual(before["state"], "paused")
            said = run.said.mark()
            self.assertEqual(self.told("status")["step"], before["step"])
            self.told("pause")  # once more changes nothing
            self.assertFalse(self.told("resume")["paused"])
            run.event("resumed")
            step = run.call("step", said)
            self.assertEqual((step["index"], step["dt"]), (before["step"], 0))
            self.assertEqual([e["event"] for e in run.events.since()].count("paused"), 1)

    def test_steps_are_made_one_by_one(self):
        with self.hotrun(probe(1, say_each_step=True), "--rate", "100") as run:
            run.call("step")
            self.assertIn("pause", self.told("step", status=125))
            self.told("pause")
            before = self.told("status")["step"]
            self.assertEqual(self.told("step")["step"], before + 1)
            self.assertEqual(self.told("step", "41")["step"], before + 42)
            run.call("step", index=before + 41)
            steps = [c for c in run.said.since() if c["call"] == "step" and c["index"] >= before]
            self.assertEqual([c["index"] for c in steps], list(range(before, before + 42)))
            self.assertEqual({c["dt"] for c in steps}, {10 ** 7})
            self.told("step", "0", status=2)
            self.told("step", "x", status=2)

    def test_a_reload_in_a_pause_is_taken_and_not_stepped(self):
        with self.hotrun(probe(1), config=QUICK) as run:
            run.call("step")
            self.told("pause")
            run.save_and_see(probe(2))
            said = run.said.mark()
            status = self.told("status")
            self.assertEqual((status["state"], status["generation"]), ("paused", 2))
            self.assertFalse([c for c in run.said.since() if c["version"] == 2
                              and c["call"] == "step"])
            self.told("step")
            run.call("step", version=2)
            self.told("resume")
            run.event("confirmed", generation=2)
            self.assertGreaterEqual(run.said.mark(), said)

    def test_a_crash_in_a_pause_comes_back_paused(self):
        with self.hotrun(probe(1), config=QUICK) as run:
            run.call("step")
            run.event("confirmed")
            self.told("pause")
            mark = run.events.mark()
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted", mark)
            status = self.told("status")
            self.assertEqual(status["state"], "paused")
            self.assertEqual(self.told("step", "3")["step"], status["step"] + 3)

    def test_steps_that_crash_are_answered(self):
        with self.hotrun(probe(1, on_step="if (state->count == 500000) die_segv()"), "--rate",
                         "1000") as run:
            run.call("step")
            self.told("pause")
            self.assertIn("steps", self.told("step", "1000000", status=125))
            run.event("crashed")


CALM = "[checkpoint]\ninterval = 0\n"  # a serialize is that of the swap


class Rollback(Control):

    def two_generations(self, run):
        first = run.call("step", version=1)
        said = run.said.mark()
        run.save_and_see(probe(2, on_step="state->lowest = -5"))
        run.event("confirmed", generation=2)
        return first, run.call("serialize", said, version=1)

    def test_it_leads_to_the_generation_before_and_its_state(self):
        with self.hotrun(probe(1), config=QUICK + CALM) as run:
            first, pinned = self.two_generations(run)
            said = run.said.mark()
            self.assertEqual(self.told("rollback")["generation"], 1)
            back = run.event("rolled_back")
            self.assertEqual((back["from"], back["to"]), (2, 1))
            step = run.call("step", said, version=1)
            self.assertEqual((step["hash"], step["count"]), (first["hash"], pinned["count"] + 1))
            told = run.call("event", said, version=1, type=ROLLED_BACK)
            self.assertEqual(told["value"], 2)
            run.save_and_see(probe(2, on_step="state->lowest = -5"), "quarantined")
            self.assertIn("no earlier", self.told("rollback", status=125))
            run.save_and_see(probe(3))
            run.call("step", version=3)

    def test_with_keep_state_the_present_state_goes_on(self):
        with self.hotrun(probe(1), config=QUICK + CALM) as run:
            first, pinned = self.two_generations(run)
            said = run.said.mark()
            self.told("rollback", "--keep-state")
            step = run.call("step", said, version=1)
            self.assertNotEqual(step["hash"], first["hash"])
            self.assertGreater(step["count"], pinned["count"] + 1)

    def test_in_probation_it_leads_back_too(self):
        with self.hotrun(probe(1), config="[supervise]\nprobation = '1h'\n" + CALM) as run:
            first = run.call("step", version=1)
            run.save_and_see(probe(2, on_step="state->lowest = -5"))
            run.call("step", version=2)
            said = run.said.mark()
            self.assertEqual(self.told("rollback")["generation"], 1)
            self.assertEqual(run.call("step", said, version=1)["hash"], first["hash"])

    def test_code_that_does_not_come_back_leads_to_the_one_that_ran(self):
        file = self.path("bad")
        once = f'if (access("{file}", F_OK) == 0) die_segv()'
        with self.hotrun(probe(1, on_deserialize=once), config=QUICK + CALM) as run:
            self.two_generations(run)
            open(file, "w", encoding="utf-8").close()
            said = run.said.mark()
            self.told("rollback", status=125)
            run.call("step", said, version=2)

    def test_there_is_nothing_before_the_first_generation(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            self.assertIn("no earlier", self.told("rollback", status=125))
            run.call("step")


class Reset(Control):

    def test_the_state_begins_anew_and_the_old_one_was_saved(self):
        with self.hotrun(probe(1), "--rate", "500", config=QUICK + CALM) as run:
            run.call("step")
            run.event("confirmed")
            said = run.said.mark()
            mark = run.events.mark()
            self.told("reset")
            saved = run.call("serialize", said)
            self.assertGreater(saved["count"], 5)
            self.assertEqual(run.event("restarted", mark)["how"], "new")
            self.assertEqual(run.call("step", said)["count"], 1)

    def test_an_init_that_dies_brings_the_old_state_back(self):
        file = self.path("bad")
        once = f'if (access("{file}", F_OK) == 0) {{ unlink("{file}"); die_segv(); }}'
        with self.hotrun(probe(1, on_init=once), "--rate", "500", config=QUICK + CALM) as run:
            run.call("step")
            run.event("confirmed")
            open(file, "w", encoding="utf-8").close()
            said = run.said.mark()
            self.told("reset", status=125)
            saved = run.call("serialize", said)
            self.assertEqual(run.call("step", said)["count"], saved["count"] + 1)


class Held(Control):

    def test_a_resume_goes_on_from_the_last_good_state(self):
        file = self.path("bad")
        open(file, "w", encoding="utf-8").close()
        dies = f'if (turn > 20 && access("{file}", F_OK) == 0) die_abort()'
        config = QUICK + "max_restarts = 1\n[checkpoint]\ninterval = '20ms'\n"
        with self.hotrun(probe(1, on_step=dies), "--rate", "200", config=config) as run:
            run.event("held")
            os.unlink(file)
            said = run.said.mark()
            mark = run.events.mark()
            self.told("resume")
            run.event("restarted", mark)
            self.assertGreater(run.call("step", said)["count"], 1)

    def test_where_nothing_ran_there_is_nothing_to_resume(self):
        with self.hotrun(probe(1, on_init="return HOTRUN_ERR")) as run:
            run.event("held")
            self.assertIn("nothing has run", self.told("resume", status=125))
            self.assertIn("no host", self.command("status").stdout)
            self.assertRegex(self.command("reload").stdout, "^quarantined: nothing runs; ")
            self.told("pause")
            self.told("resume")
            said = run.said.mark()
            run.save(probe(2))
            run.call("step", said, version=2)


class Checkpoints(Control):

    def test_a_crash_loses_no_more_than_the_interval(self):
        config = (QUICK + "max_restarts = 16\nwindow = '1ms'\n"
                  "[checkpoint]\ninterval = '20ms'\n")
        with self.hotrun(probe(1), "--rate", "max", config=config) as run:
            run.event("confirmed")
            for _ in range(count(3, 30)):
                mark = run.events.mark()
                told = run.event("checkpoint", mark, durable=False)
                run.event("checkpoint", run.events.mark(), durable=False)
                run.call("serialize", count=told["step"])
                said = run.said.mark()
                os.kill(run.host_pid(), signal.SIGKILL)
                run.event("restarted", mark)
                step = run.call("step", said)
                self.assertGreaterEqual(step["count"], told["step"])
                self.assertEqual(step["flags"] & RESTORED, RESTORED)
                self.told("resume")  # harmless

    def test_nothing_is_kept_while_nothing_is_stepped(self):
        config = QUICK + "[checkpoint]\ninterval = '10ms'\n"
        with self.hotrun(probe(1), "--rate", "200", config=config) as run:
            run.event("confirmed")
            run.event("checkpoint")
            self.told("pause")
            mark = run.events.mark()
            made = self.told("step")["step"]
            run.event("checkpoint", mark, step=made)
            said = run.said.mark()
            for _ in range(20):
                self.told("status")
            self.assertFalse([c for c in run.said.since(said) if c["call"] == "serialize"])

    def test_steps_go_on_after_a_pause_in_which_a_checkpoint_came_due(self):
        config = QUICK + "[checkpoint]\ninterval = '10ms'\n"
        with self.hotrun(probe(1), "--rate", "max", config=config) as run:
            run.event("confirmed")
            mark = run.events.mark()
            self.told("pause")
            made = self.told("status")["step"]
            run.event("checkpoint", mark, step=made)
            for _ in range(10):
                self.told("status")
            mark = run.events.mark()
            self.told("resume")
            self.assertGreater(run.event("checkpoint", mark)["step"], made)

    def test_the_interval_grows_with_what_a_checkpoint_costs(self):
        slow = "for (struct timespec t = {0, 5000000}; nanosleep(&t, &t) != 0;) {}"
        config = QUICK + "[checkpoint]\ninterval = '10ms'\n"
        with self.hotrun(probe(1, on_serialize=slow), "--rate", "100", config=config) as run:
            run.line("instead of 0.01 s")
            mark, told = run.events.mark(), []
            for _ in range(5):  # the first one may be that whose cost was told, and be heard late
                told.append(run.event("checkpoint", mark))
                mark = run.events.behind(told[-1])
            self.assertGreater(told[-1]["t_ns"] - told[0]["t_ns"], 800e6)

    def test_one_that_fails_is_told_once_and_the_run_goes_on(self):
        bad = "if (turn > 5) return writer->write(writer, \"{\", 1)"
        config = QUICK + "[checkpoint]\ninterval = '10ms'\n"
        with self.hotrun(probe(1, on_serialize=bad), "--rate", "200", config=config) as run:
            run.line("no snapshot: serialize wrote invalid JSON")
            said = self.told("status")["step"]
            while self.told("status")["step"] < said + 40:
                pass
            lines = [line for line in run.err.since() if "no snapshot" in line]
            self.assertEqual(len(lines), 1)


    def test_a_snapshot_that_kills_twice_is_set_aside_for_the_one_before(self):
        # The state is poisoned from step 40 on; two snapshots are asked for, before and after it.
        poison = ("if (turn > 2 && state->lowest == 1) die_segv();"
                  " if (turn == 20 && state->lowest != 1) host->request_snapshot(host);"
                  " if (turn == 60) state->lowest = 1;")
        save = "if (turn == 60) host->request_snapshot(host);"
        config = QUICK + "[checkpoint]\ninterval = 0\n"
        with self.hotrun(probe(1, on_step=poison + save), "--rate", "500", config=config) as run:
            first = run.call("step")
            run.line("set aside for the one before it")
            step = run.call("step", index=20)
            self.assertEqual((step["hash"], step["count"]), (first["hash"], 21))
            back = run.event("restarted", step=20)
            told = [e["event"] for e in run.events.since()[:run.events.behind(back)]]
            self.assertEqual(told.count("restarted"), 3)
            self.assertNotIn("held", told)

    def test_the_next_snapshot_goes_over_the_one_that_was_set_aside(self):
        # One good snapshot at step 20; every later one kills.
        poison = ("if (turn > 2 && state->lowest == 1) die_segv();"
                  " if (now->index == 19) host->request_snapshot(host);"
                  " if (turn == 60) { state->lowest = 1; host->request_snapshot(host); }")
        config = QUICK + "max_restarts = 16\n[checkpoint]\ninterval = 0\n"
        with self.hotrun(probe(1, on_step=poison), "--rate", "500", config=config) as run:
            mark = run.events.behind(run.event("restarted", step=20))
            run.event("crashed", mark, step=80)
            end = run.events.behind(run.event("restarted", mark, step=20))
            self.assertEqual({e["step"] for e in run.events.since()[mark:end]
                              if e["event"] == "restarted"}, {20, 80})


class Spare(Control):

    def spare_of(self, run):
        self.assertTrue(processes.asked(lambda: len(self.others(run)) == 1), "no spare came")
        return self.others(run)[0]

    def others(self, run):
        return [pid for pid in processes.children(run.pid)
                if pid != run.host_pid() and processes.program(pid) == "hotrun-host"]

    def test_it_takes_over_when_the_host_dies(self):
        with self.hotrun(probe(1), config=QUICK) as run:
            run.event("confirmed")
            for _ in range(count(3, 30)):
                spare = self.spare_of(run)
                mark = run.events.mark()
                os.kill(run.host_pid(), signal.SIGKILL)
                back = run.event(("restarted", "held"), mark)
                if back["event"] == "held":  # three deaths in ten seconds
                    mark = run.events.mark()
                    self.told("resume")
                    back = run.event("restarted", mark)
                self.assertEqual(back["host_pid"], spare)

    def test_one_that_dies_is_replaced_and_nothing_else_happens(self):
        with self.hotrun(probe(1)) as run:
            run.event("loaded")
            host = run.host_pid()
            for _ in range(3):
                spare = self.spare_of(run)
                os.kill(spare, signal.SIGKILL)
                self.assertTrue(processes.asked(lambda: spare not in processes.every()))
            self.spare_of(run)
            self.assertEqual(run.host_pid(), host)
            self.assertFalse([e for e in run.events.since() if e["event"] == "crashed"])

    def test_none_is_there_when_none_is_wanted(self):
        with self.hotrun(probe(1), config=QUICK + "spare = false\n") as run:
            run.event("confirmed")
            self.assertEqual(self.others(run), [])
            mark = run.events.mark()
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted", mark)


if __name__ == "__main__":
    main()
