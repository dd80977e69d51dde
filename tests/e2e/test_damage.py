"""Debug info that is damaged or made to hurt: the supervisor lives, each save ends in an outcome, and
the state is what the last step left."""
import os
import random

import modules
from damage import CRAFTED, crafted, damaged, lie_of_size
from harness import Case, count, main

CONFIG = "[supervise]\nprobation = '20ms'\nprobation_steps = 2\n"
OUTCOMES = ("reloaded", "rejected", "unchanged", "quarantined")
SEED = int(os.environ.get("HOTRUN_TEST_SEED", "0")) or random.randrange(1, 1 << 30)


class Damage(Case):

    runs = ()

    def counting(self, version, *flags):
        return modules.marked(modules.built("counting.c", flags=flags), version)

    def take(self, run, what, library, flags=()):
        """Saves what was built with these flags, and looks whether all goes on."""
        with self.subTest(what):
            if run.save_and_see(library, OUTCOMES)["event"] == "reloaded":
                self.runs = flags
            step = run.request("status")["result"]["step"]
            self.assertGreaterEqual(run.request("status")["result"]["step"], step)

    def started(self):
        return self.hotrun(self.counting(1), "--rate", "500", config=CONFIG, log=False)

    def ends_well(self, run):
        """A good library of the same size is taken, and from there its layout is known. What is
        damaged may well say that a field has another name: that is told, then."""
        run.save_and_see(self.counting(5000, *self.runs))
        event = run.save_and_see(self.counting(5001, "-DMORE=int other[9];"))
        self.assertEqual(event["state"]["how"], "migrated")
        self.assertEqual(event["state"]["added"], ["/other"])
        run.event("confirmed", generation=event["generation"])
        events = run.events.since()
        self.assertFalse([e for e in events if e["event"] in ("crashed", "hung", "rolled_back", "held")])
        told = {e["generation"] for e in events if e["event"] == "reloaded" and (e["state"]["how"] == "reset" or any(
            name.split(":")[0] not in ("/more", "/other") for kind in ("added", "dropped", "lost", "converted")
            for name in e["state"][kind]))}
        other = {int(line.split("generation ")[1].split()[0]) for line in run.err.since()
                 if "has another state" in line}
        self.assertLessEqual(other, told)

    def test_sections_that_are_cut_flipped_flooded_and_swapped(self):
        chance = random.Random(SEED)
        kinds = [("-DMORE=short more[3];",), ("-DMORE=short more[3];", "-O2"), ("-gdwarf-4", "-DMORE=long more;"),
                 ()]
        with self.started() as run:
            run.event("loaded")
            for number in range(count(24, 400)):
                flags = kinds[number % len(kinds)]
                done, library = damaged(self.counting(number + 2, *flags), chance)
                self.take(run, f"HOTRUN_TEST_SEED={SEED}, {number}: {done}", library, flags)
                if number % 8 == 7:
                    self.take(run, "a good one", self.counting(number + 1002))
            self.ends_well(run)

    def test_compressed_sections_that_lie_of_their_size(self):
        chance = random.Random(SEED)
        with self.started() as run:
            run.event("loaded")
            for number in range(count(4, 12)):
                done, library = damaged(self.counting(number + 2, "-gz=zlib", "-DMORE=int more;"), chance,
                                        lie_of_size)
                self.take(run, f"HOTRUN_TEST_SEED={SEED}, {number}: {done}", library, ("-DMORE=int more;",))
            self.ends_well(run)

    def test_types_that_lead_in_circles_or_ten_thousand_deep(self):
        source = os.path.join(modules.SOURCES, "counting.c")
        with self.started() as run:
            run.event("loaded")
            for number, kind in enumerate(CRAFTED):
                library = modules.marked(crafted(source, kind, self.folder), number + 2)
                self.take(run, kind.__doc__, library)
            self.ends_well(run)


if __name__ == "__main__":
    main()
