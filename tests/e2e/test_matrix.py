"""Each way to die or hang in each place where user code runs: afterwards the generation runs that
the design names, with the state of the snapshot that it names, and nothing is left behind."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import harness
import modules
import processes
from harness import check_events, main

WORKERS = 3
CONFIG = """
[supervise]
probation = '%s'
probation_steps = 2
hang_timeout = '500ms'
start_timeout = '500ms'
max_restarts = 16
window = '1ms'
[checkpoint]
interval = 0
"""
# A sanitizer that looks for names takes longer than a probation.
QUICK_REPORT = harness.ASAN.format("/dev/null") + ":symbolize=0"
SANITIZED = {"exit_status": 1}  # what a sanitizer in the host makes of it

WAYS = [("NULL write", [{"signal": "SIGSEGV"}]),
        ("SIGBUS", [{"signal": "SIGBUS"}]),
        ("SIGILL", [{"signal": "SIGILL"}]),
        ("SIGFPE", [{"signal": "SIGFPE"}]),
        ("abort", [{"signal": "SIGABRT"}]),
        ("overflow", [{"signal": "SIGSEGV"}]),
        ("exit(3)", [{"exit_status": 3}]),
        ("_exit(4)", [{"exit_status": 4}]),
        ("exception", [{"signal": "SIGABRT"}]),
        ("kill -9", [{"signal": "SIGKILL"}]),
        ("double free", [{"signal": "SIGABRT"}, SANITIZED]),
        ("hang", [{"event": "hung"}])]
DOUBLE_FREE, HANG = len(WAYS) - 2, len(WAYS) - 1

# (name, what the host was calling, what follows)
BACK, RESTARTED, OVERTAKEN = "back", "restarted", "new code"
PLACES = [("constructor", "load", BACK),
          ("init", "init", BACK),
          ("deserialize", "deserialize", BACK),
          ("first step", "step", BACK),
          ("later step", "step", RESTARTED),
          ("old serialize", "serialize", OVERTAKEN),
          ("new serialize", "serialize", BACK),
          ("on_event", "on_event", BACK),
          ("fini", "fini", RESTARTED),
          ("own thread", None, BACK)]
CONSTRUCTOR, INIT, DESERIALIZE, FIRST, LATER, OLD_SERIALIZE, NEW_SERIALIZE, EVENT, FINI, THREAD = \
    range(len(PLACES))

BEFORE_RELOAD, AFTER_RELOAD, REPLACED = 1, 2, 1
HOOKS = {"ON_CONSTRUCT": "die_in(PLACE_CONSTRUCTOR)", "ON_INIT": "die_in(PLACE_INIT)",
         "ON_DESERIALIZE": "die_in(PLACE_DESERIALIZE)",
         "ON_STEP": "if (turn == 1) { die_in(PLACE_FIRST_STEP); thread_starts(true); }"
                    " die_in(PLACE_LATER_STEP)",
         "ON_SERIALIZE": "die_in(PLACE_OLD_SERIALIZE); die_in(PLACE_NEW_SERIALIZE)",
         "ON_EVENT": f"if (event->type == {AFTER_RELOAD}) die_in(PLACE_EVENT);"
                     f" if (event->type == {BEFORE_RELOAD}) thread_starts(false)",
         "ON_FINI": f"if (why == {REPLACED}) die_in(PLACE_FINI)"}
MARK = b"@death="


def exception_object(folder):
    """What a library in C needs to throw a C++ exception."""
    out = os.path.join(folder, "exception.o")
    subprocess.run(["g++", "-fPIC", "-g", "-c", os.path.join(modules.SOURCES, "exception.cpp"),
                    "-o", out], check=True, stdin=subprocess.DEVNULL)
    return out


class Cell:
    """One way in one place."""

    def __init__(self, library, folder, way, place):
        self.library, self.folder, self.way, self.place = library, folder, way, place
        self.trigger = os.path.join(folder, "trigger")
        _, self.called, self.outcome = PLACES[place]
        if way == HANG and place == THREAD:
            self.outcome = "no matter"  # the steps go on: nothing hangs

    def build(self, version, deadly=False):
        mark = b"%02d,%d" % (self.way, self.place) if deadly else b"00,-"
        at = self.library.index(MARK) + len(MARK)
        bytes_ = self.library[:at] + mark + self.library[at + len(mark):]
        return modules.marked(bytes_, version)

    def arm(self):
        with open(self.trigger, "w", encoding="utf-8"):
            pass

    def deadly_one_runs_first(self):
        return self.place in (OLD_SERIALIZE, FINI)

    def play(self):
        """What happened, in a word or two."""
        first_dies = self.deadly_one_runs_first()
        config = CONFIG % ("200ms" if self.place == THREAD else "50ms")
        env = {"PROBE_TRIGGER": self.trigger}
        if self.way == DOUBLE_FREE:
            env["ASAN_OPTIONS"] = QUICK_REPORT
        with harness.Run(self.folder, self.build(1, first_dies), ["--rate", "1000"], [], config,
                         env, "libprobe.so", True, True, None) as run:
            run.wild = self.way == DOUBLE_FREE  # which a sanitizer reports
            run.event("confirmed", generation=1)
            self.first = run.call("step", version=1)
            before = self.calm(run)
            said, mark = run.said.mark(), run.events.mark()
            host = run.host_pid()
            if self.place == LATER:
                run.save(self.build(2, True))
                run.event("confirmed", mark, generation=2)
                self.arm()
            else:
                self.arm()
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
        ways = WAYS[self.way][1]
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
        left = lambda: self.calm(run) - before
        assert processes.asked(lambda: left() <= 0, 3), f"{left()} descriptors more than before"
        assert processes.asked(lambda: not processes.zombies(run.pid), 3), "zombies"

    @staticmethod
    def calm(run):
        return len(processes.descriptors(run.pid))

    def death_word(self, told):
        if told["event"] == "hung":
            return "hung"
        return told.get("signal") or f"status {told['exit_status']}"


class Matrix(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="hm")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        flags = ("-w", exception_object(cls.folder), "-lstdc++", "-include",
                 os.path.join(modules.SOURCES, "deaths.h"))
        cls.library = modules.built("probe.c", flags=flags + tuple(f"-D{k}={v}"
                                                                   for k, v in HOOKS.items()))

    def cell(self, way, place):
        folder = os.path.join(self.folder, f"{way}-{place}")
        os.mkdir(folder)
        begun = time.monotonic()
        try:
            return Cell(self.library, folder, way, place).play(), None, time.monotonic() - begun
        except BaseException as problem:
            notes = "\n".join(getattr(problem, "__notes__", []))
            title = f"{WAYS[way][0]} in {PLACES[place][0]}"
            return "FAILED", f"{title}: {problem}\n{notes}", time.monotonic() - begun
        finally:
            shutil.rmtree(folder, True)

    def test_each_way_in_each_place(self):
        cells = [(way, place) for way in range(len(WAYS)) for place in range(len(PLACES))]
        only = os.environ.get("HOTRUN_TEST_CELL")  # "WAY,PLACE"; either may be left out
        if only:
            wanted = [int(word) if word else None for word in only.split(",")]
            cells = [c for c in cells if all(w in (None, v) for w, v in zip(wanted, c))]
        with ThreadPoolExecutor(WORKERS) as pool:
            results = dict(zip(cells, pool.map(lambda c: self.cell(*c), cells)))
        self.show(results)
        bad = [problem for _, problem, _ in results.values() if problem]
        self.assertFalse(bad, "\n\n".join(bad))

    @staticmethod
    def show(results):
        places = sorted({place for _, place in results})
        print("\n" + " " * 13 + "".join(f"{PLACES[p][0]:22}" for p in places))
        for way, (name, _) in enumerate(WAYS):
            row = [results.get((way, place), ("",))[0] for place in places]
            if any(row):
                print(f"{name:13}" + "".join(f"{word:22}" for word in row))
        print(f"{len(results)} cells, the slowest took {max(r[2] for r in results.values()):.1f} s",
              flush=True)


if __name__ == "__main__":
    main()
