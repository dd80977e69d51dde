"""The measurements of a look into a running program's state, of its JSON, and of its heap objects."""

import statistics
import time

import workshop as ws
from rows import Row, row

GET_MS = 20.0
OBJECT_NS = 200.0


def state_get(shop, count):
    """One value out of 1 MB, beside what the module's own serialize and one copy of it take."""
    library = shop.module("stated", "stated")
    times, bare = [], []
    with ws.Hotrun(shop, shop.fresh_folder(), library, 60) as hotrun:
        time.sleep(0.5)  # confirmed, and the spare is there
        late = hotrun.status()["late_steps"]
        for number in range(count):
            begun = time.monotonic_ns()
            answer = hotrun.call("state.get", {"pointer": f"/items/{20000 + number}/id"})
            times.append((time.monotonic_ns() - begun) / 1e6)
            if answer["value"] != 20000 + number:
                raise ws.Failure(f"state.get answered {answer}")
            took, size = hotrun.call("send", {"name": "bare"})["reply"]
            bare.append(took / 1e6)
            time.sleep(0.01)
        late = hotrun.status()["late_steps"] - late
        begun = time.monotonic_ns()
        ws.run(shop.hotrun, "state", "get", "/items/20000/id", "--run-dir", hotrun.run_dir)
        command = (time.monotonic_ns() - begun) / 1e6
    value, high = ws.spread(times)
    limit, bare_high = ws.spread(bare)
    yield row(f"state get of one value from {size / 1e6:.1f} MB (bare: serialize, memcpy)", value,
              limit, "ms", 2, f"{GET_MS:.0f} ms", GET_MS)
    yield Row("   p90", f"{high:.2f}", f"{bare_high:.2f}")
    yield Row(f"   late steps at 60 Hz in {count} of them", str(late), "", "", "0",
              "ok" if late == 0 else "over")
    yield Row("   the command, with its own start", f"{command:.2f} ms")


def heap_objects(shop, count):
    """hotrun_alloc and hotrun_free of 48 bytes, beside calloc and free."""
    library = shop.module("objects", "objects")
    with ws.Hotrun(shop, shop.fresh_folder(), library, 60) as hotrun:
        for name, what in (("many", "100,000 at once"), ("pairs", "one at a time")):
            told = [hotrun.call("send", {"name": name})["reply"] for _ in range(count)]
            ours, theirs = (statistics.median(column) for column in zip(*told))
            yield row(f"hotrun_alloc and hotrun_free, {what} (bare: calloc, free)", ours, theirs,
                      "ns", 0, f"{OBJECT_NS:.0f} ns", OBJECT_NS)


JSON_MB = 32
TREE_MB = 4  # a tree takes forty times as much memory
JSON_SHARE = 1 / 3
JSON_KB = 1024


def state_json(shop, count):
    """Structs as JSON by their layout, beside a cJSON tree of fewer of them, for each MB of JSON."""
    program = shop.program("state_json", "codec", "layout", "state", "base",
                           links=("-lcjson", "-lxxhash", "-lm"))
    costs = {"layout": [], "cjson": []}
    for _ in range(count):
        for way, megabytes in (("layout", JSON_MB), ("cjson", TREE_MB)):
            took, size, memory = map(int, ws.run(program, way, megabytes).split())
            costs[way].append((took / 1e6 * JSON_MB / megabytes, size, memory))
    value, bare = (statistics.median(cost for cost, _, _ in costs[way])
                   for way in ("layout", "cjson"))
    size = costs["layout"][0][1]
    memory = max(memory for _, _, memory in costs["layout"])
    yield row(f"JSON of {JSON_MB} MB of structs (bare: a cJSON tree)", value, bare, "ms", 0,
              "1/3 of bare", bare * JSON_SHARE)
    yield Row("   JSON written", f"{size / 1e3 / value:.0f} MB/s")
    yield Row("   memory for it", f"{memory} KB", f"{costs['cjson'][0][2] * JSON_MB // TREE_MB} KB",
              "", f"{JSON_KB} KB", "ok" if memory <= JSON_KB else "over")
