"""No room for a state that is to be moved: it is refused, which says what to do, and the old code goes
on with the whole of the old state; what fits is taken afterwards."""
import modules
from games import Layouts, game, told
from harness import main
from states import CALM

NODES = 40000  # of 48 bytes each


def mover(version, **settings):
    flags = ("-O1", *modules.macros({"nodes": NODES, **settings}))
    return modules.marked(modules.built("mover.c", flags=flags), version)


class Room(Layouts):

    def refused(self, config, *words, prefix=()):
        """Objects of an older state beside those of init, and then without these."""
        with self.hotrun(mover(1), "--rate", "200", config=CALM + config, prefix=prefix) as run:
            run.call("step", version=1)
            seen = run.save_and_see(mover(2, wide=True), "rejected")
            self.assertEqual(seen["stage"], "migrate")
            for word in words:
                self.assertIn(word, seen["reason"])
            left = run.call("leave", version=1)
            said = run.said.mark()
            run.save_and_see(mover(3, wide=True, made=0))
            again = run.call("leave", said, version=1)
            self.assertGreater(again["count"], left["count"])
            step = run.call("step", said, version=3)
            self.assertEqual((step["count"], step["check"]), (again["count"], again["check"]))
            self.assertFalse([c for c in run.said.since() if c["call"] == "torn"])

    def test_objects_above_the_limit(self):
        self.refused("[state]\nmax_size = '3MB'\n", "3000000 bytes (state.max_size)", "raise")

    def test_a_file_in_memory_that_may_not_grow(self):
        config = "[state]\nmax_json = '64KB'\npin_limit = '64KB'\n"
        self.refused(config, "the limit of 2998272 for files", "ulimit -f",
                     prefix=("prlimit", "--fsize=3000000"))

    def test_a_state_above_the_limit(self):
        step = "game->ticks++; " + told("ticks")
        types = "struct game { int64_t ticks; char room[%d]; };"
        config = CALM + "[state]\nmax_size = '100KB'\n"
        with self.run_game(game(1, types % 1000, step), config=config) as run:
            run.call("step", version=1)
            seen = run.save_and_see(game(2, types % 1000000, step), "rejected")
            self.assertIn("state.max_size allows 100000: make it smaller or raise", seen["reason"])
            run.save_and_see(game(3, types % 90000, step))
            after = run.call("step", version=3)
            self.assertEqual(after["ticks"], after["index"] + 1)


if __name__ == "__main__":
    main()
