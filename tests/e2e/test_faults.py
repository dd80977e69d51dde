"""Whichever call fails (memory, files, processes, sockets): hotrun refuses to start with a clear
error, or the promises hold. Each call of a scenario fails once, in a run of its own."""
import os
import shutil
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import harness
from harness import ALL, main
from faults import FAULTY, Trial

WORKERS = 3
USUAL = 24  # calls of each process that fail in the usual run
harness.HOTRUN = FAULTY


@unittest.skipUnless(FAULTY, "built without -Dfaults=true")
class Faults(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hf")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.places, self.lock = 0, threading.Lock()

    def fresh_place(self):
        with self.lock:
            self.places += 1
            path = os.path.join(self.folder, str(self.places))
        os.mkdir(path)
        return path

    def play(self, kind, number, stays=False):
        with Trial(self, kind, number, stays, self.descriptors) as trial:
            trial.play_short() if stays else trial.play()
            trial.check()
            if self.descriptors and not stays:
                self.assertLessEqual(trial.descriptors, self.descriptors, "a descriptor is left")
        shutil.rmtree(trial.folder, True)
        return trial

    def each_call_fails(self, kind, stays=False):
        self.descriptors = 0
        calm = self.play(kind, 0)
        self.descriptors, calls = calm.descriptors, calm.fault_calls
        numbers = range(1, calls + 1) if ALL else range(1, calls + 1, max(1, calls // USUAL))
        print(f"\n{kind}: {calls} calls, of which {len(numbers)} fail", flush=True)

        def one(number):
            try:
                self.play(kind, number, stays)
            except BaseException as problem:
                notes = "\n".join(getattr(problem, "__notes__", []))
                return f"{kind}:{number}: {problem}\n{notes}"
            return None

        with ThreadPoolExecutor(WORKERS) as pool:
            bad = [told for told in pool.map(one, numbers) if told]
        self.assertFalse(bad, "\n\n".join(bad))

    def test_a_failing_call_of_the_supervisor(self):
        self.each_call_fails("supervisor")

    def test_a_failing_call_of_a_host(self):
        self.each_call_fails("host")

    def test_every_call_of_the_supervisor_fails_from_one_on(self):
        self.each_call_fails("supervisor", stays=True)

    def test_every_call_of_the_hosts_fails_from_one_on(self):
        self.each_call_fails("host", stays=True)


if __name__ == "__main__":
    main()
