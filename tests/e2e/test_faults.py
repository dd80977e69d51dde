"""Whichever call fails (memory, files, processes, sockets): hotrun refuses to start with a clear
error, or the promises hold. Each call of a scenario fails once, in a run of its own."""
import os
import shutil
import subprocess
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import harness
from harness import ALL, main
from faults import FAULTY, Fault, Trial
from modules import probe

WORKERS = 3
USUAL = 10  # calls of each process that fail in the usual run
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
                self.assertLessEqual(trial.descriptors, self.descriptors,
                                     f"a descriptor is left: {trial.held}; before: {self.held}")
        shutil.rmtree(trial.folder, True)
        return trial

    def each_call_fails(self, kind, stays=False):
        self.descriptors, self.held = 0, {}
        calm = self.play(kind, 0)
        self.descriptors, calls = calm.descriptors, calm.fault_calls
        self.held = calm.held
        runs = USUAL if not ALL else 200 if stays else calls
        numbers = range(1, calls + 1, max(1, calls // runs))
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

    @unittest.skipUnless(os.path.exists(os.path.join(os.path.dirname(FAULTY), "hotrun-inspect")),
                         "built without debug info")
    def test_a_failing_call_of_the_inspector(self):
        self.each_call_fails("inspect")

    def test_every_call_of_the_supervisor_fails_from_one_on(self):
        self.each_call_fails("supervisor", stays=True)

    def test_every_call_of_the_hosts_fails_from_one_on(self):
        self.each_call_fails("host", stays=True)

    def command(self, folder, number, words):
        """Runs it with its n-th call failing; the number of its calls."""
        place = self.fresh_place()
        fault = Fault(place, "supervisor", number)
        done = subprocess.run([FAULTY, *words], cwd=folder, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=20, check=False,
                              env=harness.environment(place, "command", fault.environment()))
        told = f"{words} {fault.account()}\nstatus {done.returncode}\n{done.stdout}{done.stderr}"
        self.assertIn(done.returncode, (0, 2, 125, 126), told)
        if done.returncode == 0:
            self.assertTrue(done.stdout.strip(), told)
        else:
            self.assertRegex(done.stderr + done.stdout, r"error: .|usable|no|rejected|unchanged", told)
        self.assertNotIn("error: \n", done.stderr, told)
        self.assertNotRegex(done.stderr, "Sanitizer|runtime error", told)
        self.assertFalse([n for n in os.listdir(place) if n.startswith("sanitizer")], told)
        calls = fault.calls()
        shutil.rmtree(place)
        return calls

    def test_a_failing_call_of_a_command(self):
        folder = self.fresh_place()
        with harness.Run(folder, probe(1), [], [], None, None, "libprobe.so", True, True,
                         None) as run:
            run.call("step", version=1)
            for words in (["status"], ["status", "--json"], ["reload"], ["check", "libprobe.so"],
                          ["check", "--json", "libprobe.so"], ["reload", "--force"]):
                calls = self.command(folder, 0, words)
                numbers = range(1, calls + 1, 1 if ALL else max(1, calls // 6))
                with ThreadPoolExecutor(WORKERS) as pool:
                    list(pool.map(lambda n, w=words: self.command(folder, n, w), numbers))
            run.finished = True
            run.kill()
            self.assertEqual(run.wait_end(), 0)


if __name__ == "__main__":
    main()
