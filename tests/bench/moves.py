"""The measurements of states that move into another layout."""

import workshop as ws
from rows import row

STRUCTS = 3.0  # times memcpy, and
STRUCTS_MS = 5.0
FIELDS_US = 100.0
NODES_MS = 50.0


def moving(shop, rounds):
    """What plan_create and plan_move take, beside a memcpy of the same bytes."""
    program = shop.program("moving", "moves", "layout", "state", "base")
    found = {}
    for _ in range(rounds):
        for line in ws.run(program).splitlines():
            what, ours, bare = line.split()
            best = found.get(what, (float("inf"), float("inf")))
            found[what] = (min(best[0], int(ours)), min(best[1], int(bare)))
    ours, bare = (value / 1e6 for value in found["structs"])
    yield row("32 MB of structs moved to another layout (bare: memcpy)", ours, bare, "ms", 2,
              "3 x + 5 ms", STRUCTS * bare + STRUCTS_MS)
    ours, bare = (value / 1e3 for value in found["fields"])
    yield row("100 shuffled fields, compared and moved (bare: memcpy)", ours, bare, "us", 2,
              f"{FIELDS_US:.0f} us", FIELDS_US)
    ours, bare = (value / 1e6 for value in found["nodes"])
    yield row("100,000 linked heap objects made anew (bare: memcpy)", ours, bare, "ms", 2,
              f"{NODES_MS:.0f} ms", NODES_MS)
