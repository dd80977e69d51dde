"""SIGKILL at random moments, at full speed and during swaps: what runs afterwards has one whole state
that was saved, and no older one than promised."""
import os
import random
import select
import signal
import time

import modules
import processes
from harness import Case, count, main

SEED = int(os.environ.get("HOTRUN_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
INTERVAL = 0.05
# An interval, and what a busy machine may put between its end and the snapshot.
AGE_MOST = INTERVAL + 1.0
NODES = 20000
CONFIG = """
[supervise]
probation = '20ms'
probation_steps = 2
max_restarts = 16
window = '1ms'
[checkpoint]
interval = '50ms'
durable_interval = '100ms'
"""


def keeper(version, **settings):
    library = modules.built("keeper.c", flags=("-O1", *modules.macros(settings)))
    return modules.marked(library, version)


class Kills(Case):

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.oldest = 0.0
        self.set_aside = self.still = self.begun_ns = 0

    @staticmethod
    def host(run):
        """The process that steps, by its own word."""
        return [c["pid"] for c in run.said.since() if c["call"] == "step"][-1]

    def begin(self, *options, **settings):
        return self.hotrun(keeper(1, **settings), "--rate", "max", *options, config=CONFIG)

    def check_whole(self, run):
        self.assertFalse([c for c in run.said.since() if c["call"] == "torn"], f"seed {SEED}")

    def saved_before(self, calls):
        return [c for c in calls if c["call"] == "serialize"]

    def check_state(self, run, step, host, before, killed_ns):
        """`step` is the first one after `host` was killed; `before`: the calls until then."""
        note = f"seed {SEED}: {step}"
        calls = run.said.since()
        fresh = calls[before:calls.index(step)]
        came = [c for c in fresh if c["call"] == "deserialize" and c["pid"] == step["pid"]][-1]
        saved = self.saved_before(calls[:calls.index(came)])
        self.assertIn((came["count"], came["json"]), [(c["count"], c["json"]) for c in saved], note)
        self.assertEqual((step["count"], step["at"]), (came["count"], came["at"]), note)
        # The newest of the dead host may have been cut short: then it is the one before, or what
        # that host came with. One that was set aside, since nothing that started from it lived, too.
        lines = run.err.since()
        if sum("set aside" in line for line in lines) == self.set_aside:
            own = [c for c in calls[:before] if c["pid"] == host
                   and c["call"] in ("deserialize", "serialize")]
            # Code that died on probation is left for the one before it and the state of that.
            known = [c["count"] for c in own if c["version"] <= step["version"]]
            known = known or [own[0]["count"]]
            self.assertGreaterEqual(came["count"], known[-2:][0], note)
            if step["at"] and step["version"] >= own[-1]["version"]:
                # Hosts that live for too short a time for a checkpoint of their own are lost as a whole.
                since_ns = max(step["at"], self.begun_ns)
                self.oldest = max(self.oldest, (killed_ns - since_ns) / 1e9)
        self.set_aside = sum("set aside" in line for line in lines)

    def kill_host(self, run, while_swapping, version):
        """Kills it at some moment; returns the first step of what comes after it."""
        if while_swapping:
            run.save(keeper(version))
            self.pause(0.003)
        else:
            if version % 10 == 2:
                self.lives_for_two_checkpoints(run)
            self.pause(0.06)
        host = self.host(run)
        before = run.said.mark()
        killed_ns = time.monotonic_ns()
        os.kill(host, signal.SIGKILL)
        step = run.said.wait(lambda c: c["call"] == "step" and c["pid"] != host, before,
                             gone=run.has_ended, what="a step after the kill")
        self.check_state(run, step, host, before, killed_ns)
        self.begun_ns = time.monotonic_ns()

    def lives_for_two_checkpoints(self, run):
        host = self.host(run)
        for _ in range(2):
            run.said.wait(lambda c: c["call"] == "serialize" and c["pid"] == host, run.said.mark(),
                          gone=run.has_ended, what="a checkpoint")

    def pause(self, most):
        """The moment is what is tested: no event to wait for."""
        time.sleep(self.random.uniform(0, most))

    def settle(self, run, mark):
        """Whatever the kill hit, one library runs and is known to."""
        run.event(("restarted", "rolled_back", "reloaded", "loaded"), mark)

    def kill_hosts(self, kills):
        with self.begin() as run:
            run.event("confirmed")
            pids = set()
            for number in range(kills):
                mark = run.events.mark()
                pids.add(self.host(run))
                self.kill_host(run, number % 2 == 1, 2 + number)
                self.settle(run, mark)
            self.check_whole(run)
            self.assertFalse([p for p in pids if p != self.host(run) and
                              not processes.asked(lambda p=p: not processes.alive(p), 3)])
            run.save_and_see(keeper(100000))
            run.call("step", version=100000)
            self.check_whole(run)
            return [c for c in run.said.since() if c["call"] == "serialize"]

    def test_a_host_that_is_killed_loses_no_more_than_promised(self):
        kills = count(30, 300)
        self.kill_hosts(kills)
        print(f"\n{kills} kills, seed {SEED}: at most {self.oldest:.3f} s of a host were lost", flush=True)
        self.assertLess(self.oldest, AGE_MOST)

    def test_a_state_in_memory_is_never_mixed_either(self):
        with self.begin(no_codec=True) as run:
            run.event("confirmed")
            reached = 0
            for number in range(count(10, 100)):
                if number % 2 == 1:
                    run.save(keeper(2 + number, no_codec=True))
                    self.pause(0.003)
                else:
                    self.pause(0.06)
                host, before = self.host(run), run.said.mark()
                mark = run.events.mark()
                os.kill(host, signal.SIGKILL)
                step = run.said.wait(lambda c: c["call"] == "step" and c["pid"] != host, before,
                                     gone=run.has_ended, what="a step after the kill")
                aside = sum("set aside" in line for line in run.err.since())
                if aside == self.set_aside:
                    self.assertGreaterEqual(step["count"], reached, f"seed {SEED}")
                reached, self.set_aside = step["count"], aside
                self.settle(run, mark)
            self.check_whole(run)

    # States that are moved by their layout

    def mover(self, version):
        wide = version % 2 == 0
        flags = ("-O1", f"-DNODES={NODES}", *(["-DWIDE"] if wide else []))
        return modules.marked(modules.built("mover.c", flags=flags), version)

    def check_of(self, count):
        """The sum over all nodes after so many steps."""
        mixed = lambda number, value: ((number + 1) * 0x9e3779b97f4a7c15
                                       ^ value * 0xff51afd7ed558ccd) % (1 << 64)
        self.still = self.still or sum(mixed(number, 0) for number in range(NODES - 1))
        return (self.still + mixed(NODES - 1, count)) % (1 << 64)

    def kill_in_move(self, run, version, longest):
        """Saves and kills the host within `longest` seconds from when it leaves the old code. Returns
        the calls of that host since, and the first step of what follows."""
        since, mark = run.said.mark(), run.events.mark()
        run.save(self.mover(version))
        if version % 4 == 0:
            self.kill_readers(run)
        left = run.said.wait(lambda c: c["call"] == "leave", since, gone=run.has_ended,
                             what="the begin of the swap")
        self.pause(longest)
        os.kill(left["pid"], signal.SIGKILL)
        step = run.said.wait(lambda c: c["call"] == "step" and c["pid"] != left["pid"], since,
                             gone=run.has_ended, what="a step after the kill")
        calls = run.said.since(since)
        self.settle(run, mark)
        return left, [c for c in calls if c["pid"] == left["pid"]], step

    def kill_readers(self, run):
        """Those who read debug info: whoever reads for the swap is started anew."""
        for pid in processes.children(run.pid):
            if processes.program(pid).endswith("hotrun-inspect"):
                os.kill(pid, signal.SIGKILL)

    def test_a_move_that_is_killed_leaves_the_old_state(self):
        """It is made sure that kills hit the move, and are not counted else."""
        hits, kills, tried, reached = 0, count(8, 300), 0, 0
        with self.hotrun(self.mover(1), "--rate", "200", config=CONFIG) as run:
            run.event("confirmed")
            seen = run.save_and_see(self.mover(2))
            self.assertEqual(seen["state"]["how"], "migrated")
            run.event("confirmed", generation=2)
            longest = seen["us"]["pause"] / 1e6
            while hits < kills and tried < 4 * kills:
                tried += 1
                left, calls, step = self.kill_in_move(run, 2 + tried, longest)
                note = f"seed {SEED}: {left}, {calls}, {step}"
                self.assertEqual(step["check"], self.check_of(step["count"]), note)
                self.assertGreaterEqual(step["count"], reached, note)
                moves = [c["call"] for c in calls if c["version"] == 2 + tried] == ["init"]
                # Between two calls into the new code a kill is nobody's fault: that code may run.
                back = moves and step["version"] != 2 + tried
                hits += back
                # Code on probation is left for the good one and its own state, a few steps older.
                if back and step["version"] == left["version"]:
                    self.assertEqual(step["count"], left["count"], note)
                reached = step["count"]
            self.check_whole(run)
            run.save_and_see(self.mover(100000))
            step = run.call("step", version=100000)
            self.assertEqual(step["check"], self.check_of(step["count"]))
            self.assertGreaterEqual(step["count"], reached)
        print(f"\nseed {SEED}: {hits} of {tried} kills hit a move, which takes"
              f" {1000 * longest:.0f} ms", flush=True)
        self.assertGreaterEqual(hits, kills)

    def test_a_supervisor_that_is_killed_goes_on_with_resume(self):
        if "--resume" not in self.command("--help").stdout:
            self.skipTest("there is no --resume")
        lost = 0.0
        known = set()
        for number in range(count(10, 300)):
            with self.begin(*(["--resume"] if number else [])) as run:
                step = run.said.wait(lambda c: c["call"] == "step", gone=run.has_ended,
                                     what="the first step")
                if number:
                    came = [c for c in run.said.since() if c["call"] == "deserialize"]
                    self.assertTrue(came, f"seed {SEED}, run {number}: nothing was resumed from"
                                          f" {os.listdir(self.path('.hotrun', 'snapshots'))}")
                    self.assertIn((came[0]["count"], came[0]["json"]), known, f"seed {SEED}")
                    # A run that was too short for a snapshot of its own is lost as a whole.
                    lost = max(lost, (killed_ns - max(came[0]["at"], begun_ns)) / 1e9)
                else:
                    run.event("checkpoint", durable=True)
                begun_ns = time.monotonic_ns()
                if number % 3 == 2:
                    run.save(keeper(1000 + number))
                self.pause(0.3)
                host = os.pidfd_open(self.host(run))
                killed_ns = time.monotonic_ns()
                run.kill(signal.SIGKILL)
                self.assertEqual(run.wait_end(), -signal.SIGKILL)
                self.assertTrue(select.select([host], [], [], 10)[0], "the host lives on")
                os.close(host)
                known |= {(c["count"], c["json"]) for c in self.saved_before(run.said.since())}
                self.check_whole(run)
                run.finished = True
        print(f"\nseed {SEED}: at most {lost:.3f} s of a run were lost", flush=True)
        self.assertLess(lost, 0.1 + INTERVAL + 1.0)


if __name__ == "__main__":
    main()
