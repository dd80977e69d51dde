"""Struct pairs at random, against a model of their own.

    python3 test_random.py [COUNT [SEED]]
"""
import os
import random
import sys
import tempfile
import unittest

import compilers
from structs import RandomPair
from test_pairs import ALL, Trial

TOGETHER = 100  # struct pairs in one pair of libraries
COUNT = 1000 if ALL else 200
SEED = int(os.environ.get("HOTRUN_TEST_SEED", "0")) or random.randrange(1, 1 << 30)


class Random(unittest.TestCase):

    maxDiff = None

    def test_each_field_is_what_the_model_says(self):
        chance = random.Random(SEED)
        # gcc -O2 takes seconds for a function with thousands of lines.
        ways = [way for way in compilers.ways("c") if way[0] != "gcc" or "-O2" not in way[1]]
        with tempfile.TemporaryDirectory(prefix="hotrun structs ") as folder:
            trials = [Trial(RandomPair(chance, TOGETHER, f"structs{i}"), ways[i % len(ways)], folder)
                      for i in range((COUNT + TOGETHER - 1) // TOGETHER)]
            failures = compilers.build([job for trial in trials for job in trial.jobs()])
            self.assertEqual(failures, [])
            for trial in trials:
                with self.subTest(f"HOTRUN_TEST_SEED={SEED}, {trial.pair.name}, {' '.join(trial.way)}"):
                    trial.run()
                    self.check(trial)

    def check(self, trial):
        self.assertEqual(trial.status, 0, trial.errors[-3000:])
        self.assertEqual(trial.of("-", "refused"), [])
        for way in ("move", "dead", "json", "file"):
            self.assertEqual(trial.of(way, "error", "fails")[:10], [], way)
            self.assertEqual(bool(trial.of(way, "lost") or trial.of(way, "rounded")), trial.pair.loses, way)
            self.assertEqual(trial.of(way, "json"), trial.of("move", "json"), way)
            self.assertTrue(trial.of(way, "json")[0])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        COUNT = int(sys.argv[1])
    if len(sys.argv) > 2:
        SEED = int(sys.argv[2])
    unittest.main(verbosity=2, argv=sys.argv[:1])
