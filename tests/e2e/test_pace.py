"""When a module is stepped."""
from harness import Case, count, main
from modules import probe, say


class Rate(Case):

    def steps(self, *options, until, **more):
        library = probe(1, say_each_step=True)
        with self.hotrun(library, *options, **more) as run:
            run.call("step", turn=until)
            return [s for s in run.said.since() if s["call"] == "step"][:until]

    def is_kept(self, steps, hz):
        """Whether the steps came at this rate: some ten of them in time, and none of them early. A
        processor that is needed elsewhere makes the others late or leaves them out."""
        gaps = [after["now"] - before["now"] for before, after in zip(steps, steps[1:])]
        best = min(sum(gaps[at:at + 10]) for at in range(len(gaps) - 9))
        self.assertLess(best * hz / 1e9, 11)
        took = sum(gaps) / 1e9
        due = len(gaps) / hz
        left_out = sum(round(gap * hz / 1e9) - 1 for gap in gaps) / hz
        self.assertGreaterEqual(took, due * 0.99 - 0.02)  # the first one may be late
        self.assertLess(took, (due + left_out) * 1.01 + 0.05)

    def test_sixty_steps_a_second_are_the_default(self):
        self.is_kept(self.steps(until=count(61, 301)), 60)

    def test_a_rate_is_kept_without_drift(self):
        for hz in (20, 250, 1000):
            with self.subTest(hz):
                self.fresh_folder()
                self.is_kept(self.steps("--rate", str(hz), until=count(2, 6) * hz // 2), hz)

    def test_index_counts_and_time_adds_up(self):
        steps = self.steps("--rate", "200", until=200)
        for before, after in zip(steps, steps[1:]):
            self.assertEqual(after["index"], before["index"] + 1)
            self.assertEqual(after["dt"], min(after["now"] - before["now"], 250_000_000))
        self.assertEqual(steps[0]["flags"] & 2, 0)

    def test_as_fast_as_possible(self):
        fast = "if (turn == 200000) " + say("fast", '\\"now\\":%llu'.replace("\\", ""),
                                            "(unsigned long long)now->now_ns")
        with self.hotrun(probe(1, flags=("-O2",), on_step=fast), "--rate", "max") as run:
            first = run.call("step")
            done = run.call("fast")
            self.assertLess(done["now"] - first["now"], 2_000_000_000)
            run.save_and_see(probe(2))

    def test_once_steps_once_for_each_generation(self):
        with self.hotrun(probe(1, say_each_step=True), "--rate", "once") as run:
            run.call("step", version=1)
            for version in range(2, 8):
                run.save_and_see(probe(version, say_each_step=True))
                run.call("step", version=version)
            run.request("status")
            turns = [(s["version"], s["turn"]) for s in run.said.since() if s["call"] == "step"]
            self.assertEqual(turns, [(version, 1) for version in range(1, 8)])
            counts = [s["count"] for s in run.said.since() if s["call"] == "step"]
            self.assertEqual(counts, list(range(1, 8)))

    def test_once_wake_grants_a_step(self):
        wake = "if (turn < 5) host->wake(host)"
        with self.hotrun(probe(1, say_each_step=True, on_step=wake), "--rate", "once") as run:
            run.call("step", turn=5)

    def test_once_does_not_step_again_after_a_rollback(self):
        with self.hotrun(probe(1, say_each_step=True), "--rate", "once") as run:
            run.call("step", version=1)
            said = run.said.mark()
            mark = run.save(probe(2, on_step="die_segv()"))
            run.event("rolled_back", mark)
            run.call("event", said, type=4, version=1)
            run.save_and_see(probe(3))
            run.call("step", version=3)
            self.assertFalse([s for s in run.said.since(said)
                              if s["call"] == "step" and s["version"] == 1])

    def test_a_late_step_is_told_in_dt_and_not_made_up_for(self):
        slow = "if (turn == 20) { struct timespec t = {0, 200000000}; nanosleep(&t, NULL); }"
        with self.hotrun(probe(1, say_each_step=True, on_step=slow), "--rate", "100") as run:
            run.call("step", turn=40)
            steps = {s["turn"]: s for s in run.said.since() if s["call"] == "step"}
            self.assertGreaterEqual(steps[21]["dt"], 199_000_000)
            self.assertGreater(steps[31]["now"] - steps[21]["now"], 80_000_000,
                               "the steps that were late came all at once")

    def test_dt_has_a_limit(self):
        slow = "if (turn == 5) { struct timespec t = {0, 400000000}; nanosleep(&t, NULL); }"
        with self.hotrun(probe(1, say_each_step=True, on_step=slow), "--rate", "100") as run:
            self.assertEqual(run.call("step", turn=6)["dt"], 250_000_000)

    def test_the_module_changes_the_rate(self):
        change = "if (turn == 1) host->set_rate(host, 500); if (turn == 100) host->set_rate(host, 20)"
        with self.hotrun(probe(1, say_each_step=True, on_step=change), "--rate", "1") as run:
            run.call("step", turn=105)
            steps = {s["turn"]: s for s in run.said.since() if s["call"] == "step"}
            self.assertLess(steps[100]["now"] - steps[2]["now"], 20_000_000_000)  # not 98 s
            self.assertGreater(steps[105]["now"] - steps[101]["now"], 150_000_000)

    def test_wake_brings_the_next_step_soon(self):
        wake = "if (turn == 1) host->wake(host)"
        with self.hotrun(probe(1, say_each_step=True, on_step=wake), "--rate", "0.2") as run:
            second = run.call("step", turn=2)
            self.assertLess(second["dt"], 250_000_001)
            self.assertLess(second["now"] - run.call("step", turn=1)["now"], 2_000_000_000)

    def test_wake_works_from_another_thread(self):
        thread = ("if (turn == 1) { pthread_t t; pthread_create(&t, NULL,"
                  " (void *(*)(void *))(void (*)(void))host->wake, (void *)host); pthread_detach(t); }")
        library = probe(1, flags=("-include", "pthread.h"), say_each_step=True, on_step=thread)
        with self.hotrun(library, "--rate", "once") as run:
            run.call("step", turn=2)

    def test_a_swap_does_not_wait_for_the_next_step(self):
        with self.hotrun(probe(1), "--rate", "0.05") as run:
            run.call("step", version=1)
            run.save(probe(2))
            run.call("step", version=2, timeout=10)


if __name__ == "__main__":
    main()
