"""Many swaps in one run, some of them deadly: memory, descriptors and files stay as they are.

    python3 tests/e2e/soak.py [SWAPS]

The libraries take turns; each deadly one is new, because what failed is in quarantine. A stretch
without deaths shows the host's memory, one with deaths the supervisor's. Looks are compared from the
second round on: until then caches and histories fill up. The supervisor's descriptors are compared
between the first look and the last, for which every helper process is waited for: while libraries
come one after the other, there is no time to start them.
"""
import os
import random
import shutil
import sys
import tempfile
import time

import deaths
import harness
import modules
import processes
import saves

SEED = int(os.environ.get("HOTRUN_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
CONFIG = """
[supervise]
probation = '1ms'
probation_steps = 2
max_restarts = 16
window = '1ms'
hang_timeout = '5s'
start_timeout = '10s'
"""
LIBRARIES = 8
STRETCH = 100   # swaps without deaths; as many with some follow
DEADLY = 0.1    # how many of those die
BACK = {deaths.CONSTRUCTOR, deaths.INIT, deaths.DESERIALIZE, deaths.FIRST, deaths.NEW_SERIALIZE,
        deaths.EVENT}
WAYS = [w for w in range(len(deaths.WAYS)) if w not in (deaths.DOUBLE_FREE, deaths.HANG)]
FILES_MOST = 200  # in the run directory: its histories are bounded
GROWTH_KB = 1024


class Look:
    """What the processes and the run directory take up."""

    def __init__(self, run, swaps):
        host = run.host_pid()
        self.swaps = swaps
        self.descriptors = len(processes.descriptors(run.pid))
        self.memory_kb = processes.resident_kb(run.pid)
        self.host_descriptors = len(processes.descriptors(host))
        self.host_memory_kb = processes.resident_kb(host)
        self.host_mappings = len(processes.mappings(host))
        self.files = sum(len(names) for _, _, names in os.walk(os.path.join(run.folder, ".hotrun")))

    def __str__(self):
        return (f"{self.swaps:6} swaps: supervisor {self.memory_kb} KB, {self.descriptors}"
                f" descriptors; host {self.host_memory_kb} KB, {self.host_descriptors} descriptors,"
                f" {self.host_mappings} mappings; {self.files} files")


class Soak:

    def __init__(self, folder, library, growth_kb=GROWTH_KB, env=None):
        self.folder, self.growth_kb = folder, growth_kb
        self.random = random.Random(SEED)
        self.mortal = library
        self.builds = [deaths.build(library, n + 1) for n in range(LIBRARIES)]
        self.trigger = os.path.join(folder, "trigger")
        self.env = {"PROBE_TRIGGER": self.trigger, **(env or {})}
        self.swaps = self.deaths = self.mark = 0
        self.turn = 0
        self.version = 1000
        self.pid = None

    def next_build(self):
        self.turn = (self.turn + 1) % LIBRARIES
        return self.builds[self.turn]

    def save(self, run, build, *events):
        self.mark = self.trim(run)
        saves.rename_over(run.target, build)
        told = run.event(events, self.mark)
        self.swaps += 1
        return told

    @staticmethod
    def trim(run):
        """Events that were looked at are of no more use, and a record of all would be large."""
        with run.reader.lock:
            if len(run.events.records) > 4000:
                pids = [e for e in run.events.records if "host_pid" in e][-1:]
                run.events.records[:] = pids
            return len(run.events.records)

    def swap(self, run):
        told = self.save(run, self.next_build(), "reloaded", "unchanged")
        if told["event"] == "unchanged":  # a death led back to just this one
            told = self.save(run, self.next_build(), "reloaded")
        if self.random.random() < 0.3:  # the others come within the probation of the last one
            run.event("confirmed", self.mark, generation=told["generation"])

    def swap_and_die(self, run):
        way, place = self.random.choice(WAYS), self.random.choice(sorted(BACK))
        self.version += 1
        deaths.arm(self.trigger)
        told = self.save(run, deaths.build(self.mortal, self.version, way, place), "rolled_back")
        self.deaths += 1
        assert told["to"] != 0, told

    def stretch(self, run, swaps, deadly):
        for _ in range(swaps):
            if deadly and self.random.random() < DEADLY:
                self.swap_and_die(run)
            else:
                self.swap(run)

    def rest(self, run):
        """Nothing is under way: the last one is confirmed."""
        self.swap(run)
        told = self.save(run, self.next_build(), "reloaded")
        run.event("confirmed", self.mark, generation=told["generation"])
        processes.asked(lambda: not processes.zombies(run.pid), 3)

    def play(self, swaps, say=print):
        begun = time.monotonic()
        with harness.Run(self.folder, self.builds[0], ["--rate", "max", "--log-level", "error"], [],
                         CONFIG, self.env, "libprobe.so", True, False, None) as run:
            run.event("loaded")
            looks, said = [], 0
            while self.swaps < swaps:
                self.stretch(run, STRETCH, False)
                self.rest(run)
                if not looks:
                    run.settle()
                looks.append(Look(run, self.swaps))
                self.stretch(run, STRETCH, True)
                if self.swaps - said >= swaps // 10 or len(looks) == 1:
                    said = self.swaps
                    say(f"{looks[-1]}, {self.swaps / (time.monotonic() - begun):.0f} a second")
            self.rest(run)
            run.settle()
            processes.asked(lambda: len(processes.descriptors(run.pid)) <= looks[0].descriptors, 5)
            looks.append(Look(run, self.swaps))
            run.finish()
        say(f"{self.swaps} swaps, {self.deaths} deaths in {time.monotonic() - begun:.0f} s,"
            f" seed {SEED}")
        return looks

    @staticmethod
    def early(looks):
        return looks[1:2 + len(looks) // 10] or looks

    def problems(self, looks):
        """What grew, one line each."""
        early, last = self.early(looks[:-1]), looks[-1]
        found = []
        for name, slack in (("descriptors", 0), ("host_descriptors", 0),
                            ("memory_kb", self.growth_kb), ("host_memory_kb", self.growth_kb),
                            ("host_mappings", 16)):
            compared = looks[:1] if name == "descriptors" else early
            before = max(getattr(look, name) for look in compared)
            if getattr(last, name) > before + slack:
                found.append(f"{name.replace('_', ' ')} grew from {before} to {getattr(last, name)}")
        if last.files > FILES_MOST:
            found.append(f"{last.files} files are in the run directory")
        return found


def main():
    swaps = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="soak", dir=place)
    try:
        soak = Soak(folder, deaths.mortal(modules._place()))
        found = soak.problems(soak.play(swaps, lambda line: print(line, flush=True)))
    finally:
        shutil.rmtree(folder, True)
    for line in found:
        print(line)
    print("grew" if found else "flat")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
