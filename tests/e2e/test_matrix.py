"""Each way to die or hang in each place where user code runs: afterwards the generation runs that
the design names, with the state of the snapshot that it names, and nothing is left behind.

Usually it is every other cell, as on a chessboard: these or those, by chance; HOTRUN_TEST_SEED=1 and =2
choose. HOTRUN_TEST_ALL=1 asks for all."""
import os
import random
import shutil
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import deaths
import harness
import processes
from deaths import (CONSTRUCTOR, DESERIALIZE, DOUBLE_FREE, EVENT, FINI, HANG, INIT, LATER,
                    NEW_SERIALIZE, OLD_SERIALIZE, PLACES, THREAD, WAYS)
from harness import main

WORKERS = 3
ONLY = os.environ.get("HOTRUN_TEST_CELL")  # "WAY,PLACE"; either may be left out
SEED = int(os.environ.get("HOTRUN_TEST_SEED", "0")) or random.randrange(1, 3)
CONFIG = """
[supervise]
probation = '%s'
probation_steps = 2
hang_timeout = '500ms'
start_timeout = '%s'
max_restarts = 16
window = '1ms'
[checkpoint]
interval = 0
"""
# A sanitizer that looks for names takes longer than a probation.
QUICK_REPORT = harness.ASAN.format("/dev/null") + ":symbolize=0"
SANITIZED = {"exit_status": 1}  # what a sanitizer in the host makes of it

# What is told of each way: one of these.
TOLD = [[{"signal": "SIGSEGV"}], [{"signal": "SIGBUS"}], [{"signal": "SIGILL"}],
        [{"signal": "SIGFPE"}], [{"signal": "SIGABRT"}], [{"signal": "SIGSEGV"}],
        [{"exit_status": 3}], [{"exit_status": 4}], [{"signal": "SIGABRT"}],
        [{"signal": "SIGKILL"}], [{"signal": "SIGABRT"}, SANITIZED], [{"event": "hung"}]]

# (what the host was calling, what follows) for each place
BACK, RESTARTED, OVERTAKEN = "back", "restarted", "new code"
CALLED = [("load", BACK), ("init", BACK), ("deserialize", BACK), ("step", BACK),
          ("step", RESTARTED), ("serialize", OVERTAKEN), ("serialize", BACK), ("on_event", BACK),
          ("fini", RESTARTED), (None, BACK)]


class Cell:
    """One way in one place."""

    def __init__(self, library, folder, way, place):
        self.mortal, self.folder, self.way, self.place = library, folder, way, place
        self.trigger = os.path.join(folder, "trigger")
        self.called, self.outcome = CALLED[place]
        if way == HANG and place == THREAD:
            self.outcome = "no matter"  # the steps go on: nothing hangs

    def build(self, version, deadly=False):
        return deaths.build(self.mortal, version, self.way, self.place if deadly else None)

    def deadly_one_runs_first(self):
        return self.place in (OLD_SERIALIZE, FINI)

    def config(self):
        # Only a hang in what it limits has to be waited for; a start among others that compute takes
        # its time, and so does a thread that is to die on probation.
        starting = self.way == HANG and self.place in (CONSTRUCTOR, INIT, DESERIALIZE, NEW_SERIALIZE, EVENT)
        return CONFIG % ("1s" if self.place == THREAD else "50ms", "3s" if starting else "10s")

    def play(self):
        """What happened, in a word or two."""
        first_dies = self.deadly_one_runs_first()
        env = {"PROBE_TRIGGER": self.trigger}
        if self.way == DOUBLE_FREE:
            env["ASAN_OPTIONS"] = QUICK_REPORT
        with harness.Run(self.folder, self.build(1, first_dies), ["--rate", "1000"], [],
                         self.config(),
                         env, "libprobe.so", True, True, None) as run:
            run.wild = self.way == DOUBLE_FREE  # which a sanitizer reports
            run.event("confirmed", generation=1)
            self.first = run.call("step", version=1)
            before = run.settle()
            said, mark = run.said.mark(), run.events.mark()
            host = run.host_pid()
            if self.place == LATER:
                run.save(self.build(2, True))
                run.event("confirmed", mark, generation=2)
                deaths.arm(self.trigger)
            else:
                deaths.arm(self.trigger)
                run.save(self.build(2, not first_dies))
            told = self.dies(run, mark, host)
            self.goes_on(run, mark, said, told)
            self.is_mended(run, said, before)
            run.finish()
            assert not os.path.exists(self.trigger), "nothing died"
            return f"{self.death_word(told)}: {self.outcome}" if told else self.outcome

    def dies(self, run, mark, host):
        if self.outcome == "no matter":
            return None
        told = run.event(("crashed", "hung"), mark)
        ways = TOLD[self.way]
        assert any(all(told.get(k) == v for k, v in way.items()) for way in ways), told
        if self.called is not None:
            assert told["in"] == self.called, told
        assert processes.asked(lambda: not processes.alive(host)), "the host lives on"
        return told

    def goes_on(self, run, mark, said, told):
        """The right code with the right state."""
        version = {BACK: 1, RESTARTED: 2, OVERTAKEN: 2, "no matter": 2}[self.outcome]
        events = {BACK: "rolled_back", RESTARTED: "restarted", OVERTAKEN: "reloaded",
                  "no matter": "confirmed"}
        back = run.event(events[self.outcome], mark)
        if told is None:
            return
        if self.outcome == BACK:
            assert (back["from"], back["to"]) == (2, 1), back
        step = run.said.wait(
            lambda c: c.get("call") == "step" and c["version"] == version
            and c["pid"] != self.first["pid"], said, gone=run.has_ended,
            what="a step of the code that comes back")
        assert back.get("host_pid", step["pid"]) == step["pid"], (back, step)
        calls = run.said.since()
        came = [c for c in calls[:calls.index(step)]
                if c["call"] == "deserialize" and c["pid"] == step["pid"]][-1]
        owner = 1 if self.outcome in (BACK, OVERTAKEN) else 2
        saved = [c for c in calls[:calls.index(came)] if c["call"] == "serialize"
                 and c["version"] == owner and c["pid"] == self.first["pid"]]
        assert came["count"] == saved[-1]["count"], (came, saved[-1])
        assert step["count"] == came["count"] + 1, (step, came)
        assert step["hash"] == self.first["hash"], step
        lost = back.get("steps_lost")
        assert lost is None or lost == told["step"] - came["count"], (back, told, came)

    def is_mended(self, run, said, before):
        mark = run.save(self.build(3))
        run.event("reloaded", mark)
        step = run.call("step", said, version=3)
        assert step["hash"] == self.first["hash"], step
        run.event("confirmed", mark, generation=run.event("reloaded", mark)["generation"])
        left = lambda: len(processes.descriptors(run.pid)) - before
        assert processes.asked(lambda: left() <= 0), f"{left()} descriptors more than before"
        assert processes.asked(lambda: not processes.zombies(run.pid)), "zombies"

    def death_word(self, told):
        if told["event"] == "hung":
            return "hung"
        return told.get("signal") or f"status {told['exit_status']}"


class Matrix(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="hm")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.mortal = deaths.mortal(cls.folder)

    def cell(self, way, place):
        folder = os.path.join(self.folder, f"{way}-{place}")
        os.mkdir(folder)
        begun = time.monotonic()
        try:
            return Cell(self.mortal, folder, way, place).play(), None, time.monotonic() - begun
        except BaseException as problem:
            notes = "\n".join(getattr(problem, "__notes__", []))
            title = f"{WAYS[way]} in {PLACES[place]}"
            return "FAILED", f"{title}: {problem}\n{notes}", time.monotonic() - begun
        finally:
            shutil.rmtree(folder, True)

    def test_each_way_in_each_place(self):
        cells = [(way, place) for way in range(len(WAYS)) for place in range(len(PLACES))
                 if harness.ALL or ONLY or (way + place + SEED) % 2 == 0]
        if ONLY:
            wanted = [int(word) if word else None for word in ONLY.split(",")]
            cells = [c for c in cells if all(w in (None, v) for w, v in zip(wanted, c))]
        with ThreadPoolExecutor(WORKERS) as pool:
            results = dict(zip(cells, pool.map(lambda c: self.cell(*c), cells)))
        self.show(results)
        bad = [problem for _, problem, _ in results.values() if problem]
        self.assertFalse(bad, "\n\n".join(bad))

    @staticmethod
    def show(results):
        places = sorted({place for _, place in results})
        print("\n" + " " * 13 + "".join(f"{PLACES[p]:22}" for p in places))
        for way, name in enumerate(WAYS):
            row = [results.get((way, place), ("",))[0] for place in places]
            if any(row):
                print(f"{name:13}" + "".join(f"{word:22}" for word in row))
        slowest = max(seconds for _, _, seconds in results.values())
        print(f"HOTRUN_TEST_SEED={SEED}: {len(results)} cells, the slowest took {slowest:.1f} s",
              flush=True)


if __name__ == "__main__":
    main()
