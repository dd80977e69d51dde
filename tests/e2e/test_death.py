"""A module that dies takes nothing with it: not the supervisor, not the state."""
import os
import signal

from harness import Case, count, main
import processes
from modules import probe

ROLLED_BACK = 4
RESTORED = 2

WAYS = {"segv": ("die_segv()", {"signal": signal.SIGSEGV}),
        "abort": ("die_abort()", {"signal": signal.SIGABRT}),
        "exit": ("die_exit()", {"exit_status": 3}),
        "kill": ("die_kill()", {"signal": signal.SIGKILL})}
PLACES = {"on_construct": "load", "on_init": "init", "on_deserialize": "deserialize",
          "on_step": "step"}
WORD = "go"  # a file: what is to happen after an event happens when the test makes it
ON_WORD = f'unlink("{WORD}") == 0'
QUICK_PROBATION = "[supervise]\nprobation = '50ms'\nprobation_steps = 2\n"


def died_by(event, how):
    """The event names the signal as a number or by its name."""
    for key, value in how.items():
        found = event.get(key)
        if key == "signal" and isinstance(found, str):
            found = getattr(signal, found)
        if found != value:
            return False
    return True


class Deaths(Case):
    """Without checkpoints at intervals: the snapshots are those that the tests speak of."""

    def hotrun(self, library, *options, config="", **more):
        return super().hotrun(library, *options, config=config + "[checkpoint]\ninterval = 0\n",
                              **more)


class InSwap(Deaths):
    """The crash matrix: the previous generation is back with its state, a fixed library is taken."""

    def dies(self, place, way):
        statement, how = WAYS[way]
        with self.hotrun(probe(1), "--rate", "200") as run:
            first = run.call("step", version=1)
            host = run.host_pid()
            said = run.said.mark()
            bad = probe(2, **{place: statement})
            mark = run.save(bad)
            crashed = run.event("crashed", mark)
            self.assertTrue(died_by(crashed, how), crashed)
            self.assertEqual(crashed["in"], PLACES[place])
            back = run.event("rolled_back", mark)
            self.assertEqual((back["from"], back["to"]), (2, 1))
            self.assertNotEqual(back["host_pid"], host)
            self.assertGreaterEqual(back["steps_lost"], 0)
            pinned = run.call("serialize", said, version=1)
            step = run.call("step", said, version=1)
            self.assertEqual(step["hash"], first["hash"])
            self.assertEqual(step["count"], pinned["count"] + 1)
            self.assertEqual(step["flags"] & RESTORED, RESTORED)
            told = run.call("event", said, version=1, type=ROLLED_BACK)
            self.assertEqual(told["value"], 2)
            again = run.said.mark()
            run.save_and_see(bad, "quarantined")
            fixed = run.save_and_see(probe(3))
            self.assertGreater(fixed["generation"], 2)
            step = run.call("step", again, version=3)
            self.assertEqual(step["hash"], first["hash"])
            self.assertEqual(step["count"] - step["index"], first["count"] - first["index"])
            self.assertTrue(processes.asked(lambda: not processes.zombies(run.pid)))
            self.assertTrue(processes.asked(lambda: not processes.alive(host)))


def add_matrix():
    for place in PLACES:
        for way in WAYS:
            def test(self, place=place, way=way):
                for _ in range(count(1, 10)):
                    self.fresh_folder()
                    self.dies(place, way)
            name = f"test_{way}_in_{'first_step' if place == 'on_step' else place[3:]}"
            setattr(InSwap, name, test)


add_matrix()


class InProbation(Deaths):

    def test_a_death_in_the_tenth_step_is_rolled_back_too(self):
        with self.hotrun(probe(1), "--rate", "200") as run:
            run.call("step", version=1)
            said = run.said.mark()
            mark = run.save(probe(2, on_step="if (turn == 10) die_segv()"))
            back = run.event("rolled_back", mark)
            self.assertGreaterEqual(back["steps_lost"], 9)
            pinned = run.call("serialize", said, version=1)
            self.assertEqual(run.call("step", said, version=1)["count"], pinned["count"] + 1)

    def test_an_error_from_step_is_a_crash_of_that_step(self):
        bad = 'hotrun_logf(host, HOTRUN_LOG_ERROR, "out of ideas"); return HOTRUN_ERR'
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_step=bad))
            run.event("rolled_back", mark)
            run.line("out of ideas")

    def test_a_death_in_after_reload_is_rolled_back(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_event="if (event->type == 2) die_segv()"))
            self.assertEqual(run.event("crashed", mark)["in"], "on_event")
            run.event("rolled_back", mark)

    def test_a_second_bad_library_in_a_row_leads_back_as_well(self):
        with self.hotrun(probe(1)) as run:
            first = run.call("step", version=1)
            for version in range(2, 2 + count(4, 20)):
                said = run.said.mark()
                mark = run.save(probe(version, on_step="die_segv()"))
                run.event("rolled_back", mark)
                step = run.call("step", said, version=1)
                self.assertEqual(step["count"] - step["index"], first["count"] - first["index"])

    def test_a_state_in_place_comes_back_as_it_was_before_the_swap(self):
        with self.hotrun(probe(1, no_codec=True)) as run:
            first = run.call("step", version=1)
            said = run.said.mark()
            mark = run.save(probe(2, no_codec=True, on_step="memset(state, 0, sizeof *state);"
                                                            " die_segv()"))
            run.event("rolled_back", mark)
            step = run.call("step", said, version=1)
            self.assertEqual(step["hash"], first["hash"])
            self.assertEqual(step["count"] - step["index"], first["count"] - first["index"])

    def test_a_death_in_the_old_fini_is_not_the_new_ones_fault(self):
        self.the_new_one_goes_on("fini", on_fini="if (why == 1) die_segv()")

    def test_a_death_in_an_old_destructor_is_not_the_new_ones_fault(self):
        self.the_new_one_goes_on("unload", on_destruct="die_segv()")

    def the_new_one_goes_on(self, place, **death):
        with self.hotrun(probe(1, **death), config=QUICK_PROBATION) as run:
            run.call("step", version=1)
            said = run.said.mark()
            mark = run.save(probe(2))
            crashed = run.event("crashed", mark)
            self.assertEqual(crashed["in"], place)
            back = run.event(("restarted", "rolled_back"), mark)
            self.assertEqual(back["event"], "restarted")
            pinned = run.call("serialize", said, version=2)
            step = run.call("step", version=2, pid=back["host_pid"])
            self.assertGreater(step["count"], pinned["count"])


class Later(Deaths):
    """After probation: the same library goes on from the last published snapshot."""

    def test_the_last_snapshot_is_taken(self):
        ways = (f"static uint64_t asked; if ({ON_WORD}) {{ asked = turn; host->request_snapshot(host); }}"
                " if (asked != 0 && turn == asked + 40) die_segv()")
        with self.hotrun(probe(1), "--rate", "200", config=QUICK_PROBATION) as run:
            first = run.call("step", version=1)
            mark = run.save(probe(2, on_step=ways))
            run.event("confirmed", mark)
            self.write(WORD, "")
            back = run.event("restarted", mark)
            step = run.call("step", version=2, pid=back["host_pid"])
            saved = [c for c in run.said.since() if c["call"] == "serialize" and c["pid"] == first["pid"]]
            self.assertEqual(step["hash"], first["hash"])
            self.assertEqual(step["count"], saved[-1]["count"] + 1)
            self.assertIn(back["steps_lost"], range(36, 43))
            self.assertEqual(step["flags"] & RESTORED, RESTORED)

    def test_a_host_that_is_killed_from_outside_is_replaced(self):
        with self.hotrun(probe(1), config=QUICK_PROBATION) as run:
            run.call("step", version=1)
            mark = run.save(probe(2))
            run.event("confirmed", mark)
            host = run.host_pid()
            os.kill(host, signal.SIGKILL)
            crashed = run.event("crashed", mark)
            self.assertTrue(died_by(crashed, {"signal": signal.SIGKILL}))
            back = run.event("restarted", mark)
            self.assertNotEqual(back["host_pid"], host)
            run.call("step", version=2, pid=back["host_pid"])

    def test_three_deaths_in_ten_seconds_lead_to_held(self):
        bad = probe(2, on_step=f'if (turn >= 30 && access("{WORD}", F_OK) == 0) die_abort()')
        with self.hotrun(probe(1), "--rate", "200", config=QUICK_PROBATION) as run:
            first = run.call("step", version=1)
            mark = run.save(bad)
            run.event("confirmed", mark)
            self.write(WORD, "")
            held = run.event("held", mark)
            self.assertTrue(held["reason"])
            told = [e["event"] for e in run.events.since(mark)]
            self.assertEqual(told.count("restarted"), 3)
            self.assertEqual(told.count("crashed"), 4)
            hosts = [e.get("host_pid") for e in run.events.since()]
            # A death is told before its process is gone.
            self.assertTrue(processes.asked(lambda: not any(
                processes.alive(c) for c in processes.children(run.pid) if c in hosts)))
            seen = run.save_and_see(probe(3), ("loaded", "reloaded", "restarted"))
            step = run.call("step", version=3)
            self.assertEqual(step["hash"], first["hash"])
            self.assertGreater(step["count"], 1)
            self.assertGreaterEqual(seen["generation"], 2)

    def test_a_first_library_that_dies_is_held_until_another_comes(self):
        for place in ("on_construct", "on_init", "on_step"):
            with self.subTest(place):
                self.fresh_folder()
                with self.hotrun(probe(1, **{place: "die_segv()"})) as run:
                    run.event("crashed")
                    run.event("held")
                    run.save_and_see(probe(2), ("loaded", "reloaded"))
                    run.call("step", version=2)

    def test_a_first_library_that_is_refused_is_held_until_another_comes(self):
        with self.hotrun(probe(1, on_init="return HOTRUN_ERR")) as run:
            run.event("rejected")
            run.event("held")
            run.save_and_see(probe(2), ("loaded", "reloaded"))
            run.call("step", version=2)

    def test_other_ways_to_die(self):
        deep = ("volatile char *p = alloca(4096); p[0] = 1;"
                " for (;;) { p = alloca(4096); p[0] = 1; }")
        ways = {"stack overflow": "{ " + deep + " }",
                "division by zero": "volatile int zero = 0; state->count /= (unsigned)zero",
                "_exit": "_exit(7)",
                "double free": "{ void *p = malloc(100); free(p); *(volatile int *)0 = 0; }"}
        for name, statement in ways.items():
            with self.subTest(name):
                self.fresh_folder()
                with self.hotrun(probe(1)) as run:
                    run.call("step", version=1)
                    mark = run.save(probe(2, flags=("-include", "alloca.h"), on_step=statement))
                    run.event("rolled_back", mark)

    def test_a_death_in_a_thread_of_the_module(self):
        thread = ("if (turn == 3) { pthread_t t; pthread_create(&t, NULL,"
                  " (void *(*)(void *))(void (*)(void))die_segv, NULL); pthread_join(t, NULL); }")
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, flags=("-include", "pthread.h"), on_step=thread))
            run.event("rolled_back", mark)


class Supervisor(Case):

    def test_killed_itself_it_leaves_no_host(self):
        for _ in range(count(2, 20)):
            self.fresh_folder()
            with self.hotrun(probe(1)) as run:
                run.call("step", version=1)
                host = run.host_pid()
                end = os.pidfd_open(host)
                run.kill(signal.SIGKILL)
                self.assertEqual(run.wait_end(), -signal.SIGKILL)
                import select
                self.assertTrue(select.select([end], [], [], 10)[0], "the host lives on")
                os.close(end)
                run.finished = True
            with self.hotrun(probe(2)) as run:
                run.call("step", version=2)
                self.assertEqual(len(os.listdir(self.path(".hotrun", "stage"))), 2,
                                 "the dead one's copies are still there")

    def test_what_a_dead_host_left_is_ended(self):
        leave = "if (fork() == 0) { for (;;) pause(); }"
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_init=leave, on_step="if (turn == 5) die_segv()"))
            run.event("rolled_back", mark)
            run.save_and_see(probe(3))
            run.call("step", version=3)
            # finish() looks for processes that are left behind

    def test_it_survives_a_host_that_stops_talking(self):
        with self.hotrun(probe(1), config="[supervise]\nstop_timeout = '500ms'\n") as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_step="if (turn == 5) for (;;) pause()"))
            run.event("reloaded", mark)
            run.call("step", version=2)
            run.kill()
            run.wait_end()
            run.finished = True
            run.check_nothing_left()


if __name__ == "__main__":
    main()
