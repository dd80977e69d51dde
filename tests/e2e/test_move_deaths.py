"""Each way to die or hang in each place of a swap that carries a state over by its layout: the old code
goes on with the old state and its heap objects, whole, and the next save goes on with both."""
import os
import shutil
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import deaths
import processes
from deaths import (ABORT, CONSTRUCTOR, DESERIALIZE, EXIT, FIRST, HANG, INIT, KILL,
                    NULL_WRITE, PLACES, WAYS)
from harness import ALL, main
from test_matrix import BACK, CALLED, Cell, WORKERS

USUAL = (NULL_WRITE, ABORT, EXIT, KILL, HANG)
MOVED, IN_PLACE, UNPINNED = "moved", "in place", "in place, not pinned"
NOT_PINNED = "\n[state]\npin_limit = 0\n"


class Move(Cell):
    """One way in one place of a swap of this kind."""

    def __init__(self, libraries, folder, kind, way, place):
        super().__init__(None, folder, way, place)
        self.libraries, self.kind = libraries, kind
        self.called, self.outcome = CALLED[place][0], BACK

    def build(self, version, deadly=False):
        wide = version == 3 or (self.kind == MOVED and version % 2 == 0)
        stays = self.kind != MOVED
        return deaths.build(self.libraries[stays, wide], version, self.way, self.place if deadly else None)

    def config(self):
        config = super().config().replace("'500ms'", "'2s'")  # a move takes its time
        return config + (NOT_PINNED if self.kind == UNPINNED else "")

    def goes_on(self, run, mark, said, told):
        back = run.event("rolled_back", mark)
        assert (back["from"], back["to"]) == (2, 1), back
        step = run.said.wait(
            lambda c: c.get("call") == "step" and c["version"] == 1
            and c["pid"] != self.first["pid"], said, gone=run.has_ended,
            what="a step of the code that comes back")
        calls = run.said.since(said)
        fresh = [c["call"] for c in calls if c["version"] == 2]
        assert "init" not in fresh or self.kind == MOVED, fresh
        left = [c for c in calls if c["call"] == "leave" and c["pid"] == self.first["pid"]][-1]
        if self.kind == UNPINNED:
            assert (step["count"], back["how"]) == (0, "new"), (step, back)
            run.line("no snapshot: the state takes")
            run.line("with a new state, instead of that of step")
        else:
            assert (step["count"], step["check"]) == (left["count"], left["check"]), (step, left)
            assert step["count"] > 0, step

    def is_mended(self, run, said, before):
        mark = run.save(self.build(3))
        seen = run.event("reloaded", mark)
        assert seen["state"]["how"] == "migrated", seen
        step = run.call("step", said, version=3)
        left = [c for c in run.said.since(said) if c["call"] == "leave" and c["version"] == 1][-1]
        assert (step["count"], step["check"]) == (left["count"], left["check"]), (step, left)
        run.event("confirmed", mark, generation=seen["generation"])
        assert not [c for c in run.said.since() if c["call"] == "torn"]
        assert processes.asked(lambda: not processes.zombies(run.pid)), "zombies"


def cells():
    ways = range(len(WAYS)) if ALL else USUAL
    places = {MOVED: (CONSTRUCTOR, INIT, DESERIALIZE, FIRST), IN_PLACE: (CONSTRUCTOR, FIRST),
              UNPINNED: (CONSTRUCTOR, FIRST)}
    return [(kind, way, place) for kind in places for way in ways for place in places[kind]
            if ALL or kind == MOVED or way in (KILL, NULL_WRITE)]


class Moves(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="hd")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.libraries = {}
        for stays in (False, True):
            for wide in (False, True):
                settings = {name: True for name, on in (("stays", stays), ("wide", wide)) if on}
                cls.libraries[stays, wide] = deaths.mortal(cls.folder, "mover.c", deaths.MOVES,
                                                           nodes=100, **settings)

    def play(self, kind, way, place):
        folder = os.path.join(self.folder, f"{kind}-{way}-{place}".replace(" ", ""))
        os.mkdir(folder)
        begun = time.monotonic()
        try:
            Move(self.libraries, folder, kind, way, place).play()
            return None, time.monotonic() - begun
        except BaseException as problem:
            notes = "\n".join(getattr(problem, "__notes__", []))
            title = f"{kind}: {WAYS[way]} in {PLACES[place]}"
            return f"{title}: {problem}\n{notes}", time.monotonic() - begun
        finally:
            shutil.rmtree(folder, True)

    def test_each_way_in_each_place(self):
        all_of_them = cells()
        with ThreadPoolExecutor(WORKERS) as pool:
            results = list(pool.map(lambda c: self.play(*c), all_of_them))
        print(f"\n{len(results)} cells, the slowest took {max(r[1] for r in results):.1f} s",
              flush=True)
        bad = [problem for problem, _ in results if problem]
        self.assertFalse(bad, "\n\n".join(bad))


if __name__ == "__main__":
    main()
