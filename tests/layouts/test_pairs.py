"""Each pair, carried over in each way: what the new code finds, and what is told.

    python3 test_pairs.py                    some of the pairs, each with one compiler
    python3 test_pairs.py --all              all, with all compilers (HOTRUN_TEST_ALL=1 as well)
    python3 test_pairs.py enum_renumbered    this one with all, and what came of it
"""
import concurrent.futures
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest

import compilers
from pair import WAYS, all_pairs

DRIVER = os.environ.get("LAYOUTS_DRIVER", "")
INSPECT = os.environ.get("HOTRUN_INSPECT", "")
ALL = os.environ.get("HOTRUN_TEST_ALL", "") not in ("", "0")
SAMPLE = 30  # pairs, when it is not all of them
SEED = int(os.environ.get("HOTRUN_TEST_SEED", "0")) or random.randrange(1, 1 << 30)
SANITIZERS = {"ASAN_OPTIONS": "detect_odr_violation=0"}

# What gcc and clang call the same type.
NAMES = [(r"\blong long unsigned int\b", "unsigned long long"), (r"\blong unsigned int\b", "unsigned long"),
         (r"\bshort unsigned int\b", "unsigned short"), (r"\blong long int\b", "long long"),
         (r"\blong int\b", "long"), (r"\bshort int\b", "short"), (r"\b_Bool\b", "bool")]


def plain(text):
    text = re.sub(r"\b0x[0-9a-f]+", "0x", text)
    for pattern, name in NAMES:
        text = re.sub(pattern, name, text)
    return text


class Trial:
    """A pair, built by one compiler in one way."""

    def __init__(self, pair, way, folder):
        self.pair, self.way = pair, way
        self.folder = os.path.join(folder, f"{pair.name}-{abs(hash(way)):x}")
        self.lines = []

    def jobs(self):
        for new, side in ((False, "old"), (True, "new")):
            place = os.path.join(self.folder, side)
            os.makedirs(place)
            texts = {"pair": self.pair.source(new), "beside": self.pair.beside(new)}
            names = [name + self.pair.suffix() for name, text in texts.items() if text is not None]
            for name in names:
                with open(os.path.join(place, name), "w", encoding="utf-8") as file:
                    file.write(texts[os.path.splitext(name)[0]])
            yield compilers.command(self.pair.language, self.way, names, "pair.so"), place

    def run(self):
        words = [DRIVER, INSPECT, *(os.path.join(self.folder, side, "pair.so") for side in ("old", "new"))]
        if self.pair.statics:
            words.append("statics")
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=300,
                              env={**os.environ, **SANITIZERS})
        self.lines = [line.split("\t", 2) for line in done.stdout.splitlines()]
        self.lines = [line for line in self.lines if len(line) == 3]
        self.status, self.errors = done.returncode, done.stderr

    def of(self, way, *what):
        return [text for one, kind, text in self.lines if one == way and kind in what]

    def wrong(self):
        """Sentences about what is not as the pair expects it."""
        if self.status != 0:
            return [f"the driver ended with {self.status}: {self.errors[-3000:]}", *map(str, self.lines)]
        refusal = self.pair.refusal()
        told = self.of("-", "refused")
        if refusal is not None or told:
            good = refusal is not None and told and refusal in told[0]
            return [] if good else [f"refused: {told}, expected: {refusal}"]
        found = []
        kept = self.of("-", "place")[0]
        stateless = self.pair.keys.get("state") == "none"
        if kept != self.pair.keys.get("place", "kept" if stateless else "moved"):
            found.append(f"the state is {kept}")
        for way in WAYS:
            found += self.wrong_on(way) if way != "place" or kept == "kept" else []
        texts = {way: self.of(way, "json") for way in WAYS}
        for key, one, other in (("process", "move", "dead"), ("json", "dead", "file"), ("json", "json", "file")):
            if texts[one] != texts[other] and key not in self.pair.keys:
                found.append(f"{one}: {texts[one]}\n  {other}: {texts[other]}")
        return found

    def wrong_on(self, way):
        found = [f"{way}: {text}" for text in self.of(way, "error", "fails")]
        told = sorted(plain(f"{kind} {text}") for one, kind, text in self.lines
                      if one == way and kind in ("added", "dropped", "converted", "lost", "rounded", "kept"))
        expected = [plain(line) for line in self.pair.report(way)]
        found += [f"{way}: is told: {line}" for line in told if line not in expected]
        found += [f"{way}: is not told: {line}" for line in expected if line not in told]
        return found


def chosen(pairs, everything):
    """Pairs with compilers: all, or other ones in each run, which HOTRUN_TEST_SEED repeats."""
    chance = random.Random(SEED)
    for pair in pairs:
        ways = compilers.ways(pair.language)
        if "only" in pair.keys:
            ways = [way for way in ways if " ".join(way) == pair.keys["only"]]
        if ways and not everything:
            ways = [chance.choice(ways)]
        for way in ways:
            yield pair, way


def carried(pairs, everything, folder):
    """Builds and runs; the trials, of which `wrong` tells."""
    trials = [Trial(pair, way, folder) for pair, way in chosen(pairs, everything)]
    failures = compilers.build([job for trial in trials for job in trial.jobs()])
    assert not failures, "\n".join(failures)[:10000]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(Trial.run, trials))
    return trials


class Pairs(unittest.TestCase):

    maxDiff = None

    def test_each_state_is_carried_over_as_its_pair_says(self):
        with tempfile.TemporaryDirectory(prefix="hotrun pairs ") as folder:
            pairs = all_pairs()
            trials = carried(pairs if ALL else random.Random(SEED).sample(pairs, SAMPLE), ALL, folder)
            for trial in trials:
                with self.subTest(f"HOTRUN_TEST_SEED={SEED}, {trial.pair.name}, {' '.join(trial.way)}"):
                    self.assertEqual(trial.wrong(), [])
        self.assertGreaterEqual(len(trials), SAMPLE * 0.8)

    def test_there_are_enough_pairs_of_each_language(self):
        languages = [pair.language for pair in all_pairs()]
        self.assertGreaterEqual(languages.count("c"), 80)
        self.assertGreaterEqual(languages.count("c++"), 20)
        self.assertGreaterEqual(languages.count("rust"), 8)


def show(names):
    with tempfile.TemporaryDirectory(prefix="hotrun pairs ") as folder:
        pairs = [pair for pair in all_pairs() if any(re.search(name, pair.name) for name in names)]
        for trial in carried(pairs, ALL, folder):
            print(f"== {trial.pair.name}, {' '.join(trial.way)}")
            for line in trial.lines:
                print("  ", *line)
            print("".join(f"  wrong: {line}\n" for line in trial.wrong()), end="")


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if word != "--all"]
    ALL = ALL or "--all" in sys.argv
    if arguments:
        show(arguments)
    else:
        unittest.main(verbosity=2, argv=sys.argv[:1])
