#!/usr/bin/env python3
"""Measures hotrun and, in the same run, the bare limit: the least that the same task costs in a
program that does nothing else. Prints one table. A report, not a test: the status is 0 also where
a figure is over its target, and 1 only when something failed to run.

Nothing is pinned to a processor: what is measured is what a user gets."""

import argparse
import functools
import os
import platform
import resource
import sys
import time
from pathlib import Path

import carries
import compiles
import looks
import moves
import recovery
import rows
import workshop as ws

WIDTHS = (60, 16, 16, 7, 14)


def plan(shop, quick):
    """What is measured, in the order of the table."""
    saves = 50 if quick else 100
    for on_disk in (False, True):
        for json_state in (False, True):
            yield functools.partial(rows.reload_rows, shop, "max", on_disk, json_state, saves)
    for rate in (60, 1000):
        for on_disk in (False, True):
            yield functools.partial(rows.reload_rows, shop, rate, on_disk, False,
                                    30 if quick else saves)
    for checkpoints in (False, True):
        yield functools.partial(rows.step_cost, shop, checkpoints, 3 if quick else 7,
                                0.4 if quick else 1.0)
    yield functools.partial(rows.idle, shop, 3 if quick else 10)
    for hz in (60, 240, 1000):
        yield functools.partial(rows.jitter, shop, hz, 2 if quick else 10)
    yield functools.partial(rows.start, shop, 10 if quick else 40)
    for spare, heap in ((True, 0), (True, 500), (False, 0)):
        yield functools.partial(recovery.crash, shop, spare, heap, 5 if quick else 25)
    yield functools.partial(recovery.checkpoint, shop, 2 if quick else 6)
    yield functools.partial(looks.state_get, shop, 20 if quick else 100)
    yield functools.partial(moves.moving, shop, 1 if quick else 5)
    yield functools.partial(looks.state_json, shop, 3 if quick else 7)
    yield functools.partial(looks.heap_objects, shop, 5 if quick else 25)
    yield functools.partial(carries.changed_struct, shop, 20 if quick else 100)
    yield functools.partial(carries.large_state, shop, 5 if quick else 20)
    yield functools.partial(carries.layout_read, shop, 3 if quick else 10)
    yield functools.partial(compiles.save_of_a_source, shop, 20 if quick else 60)
    yield functools.partial(rows.many_reloads, shop, 200 if quick else 2000)
    yield functools.partial(rows.noticing, shop, 2000, 20000, 50 if quick else 200)
    yield functools.partial(rows.large_library, shop, 2 if quick else 5)


def line(cells):
    first = f"{cells[0]:<{WIDTHS[0]}}"
    rest = "".join(f"{cell:>{width}}" for cell, width in zip(cells[1:], WIDTHS[1:]))
    return f"{first}{rest}  {cells[5]}".rstrip()


def machine():
    model = next((entry.split(":", 1)[1].strip() for entry in
                  Path("/proc/cpuinfo").read_text().splitlines() if entry.startswith("model name")),
                 platform.machine())
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} processors, load {load:.2f}"


def busy_s():
    """CPU seconds of everybody, and of this program and what it has started and awaited."""
    ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    everybody = sum(int(tick) for i, tick in enumerate(ticks[:7]) if i not in (3, 4))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return everybody / os.sysconf("SC_CLK_TCK"), sum(use.ru_utime + use.ru_stime for use in used)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--build", default="build-bench", help="the build folder of hotrun")
    options.add_argument("--disk", help="a folder on the disk to measure on (the build folder)")
    options.add_argument("--quick", action="store_true", help="fewer samples, within a minute")
    options.add_argument("--only", default="", help="rows whose measurement has this in its name")
    chosen = options.parse_args()

    begun, before = time.monotonic(), busy_s()
    try:
        shop = ws.Workshop(chosen.build, chosen.disk or chosen.build)
    except (ws.Failure, OSError) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    print(f"machine      {machine()}")
    print(f"kernel       {platform.system()} {platform.release()}")
    print(f"filesystems  tmpfs: {ws.filesystem(shop.folder)}; disk: {ws.filesystem(shop.disk)}")
    print()
    print(line(("", "hotrun", "bare limit", "ratio", "at most", "")))
    failed = False
    try:
        for measure in plan(shop, chosen.quick):
            name = f"{measure.func.__name__} {' '.join(str(word) for word in measure.args[1:])}"
            if chosen.only not in name:
                continue
            try:
                for found in measure():
                    print(line((found.what, found.value, found.bare, found.ratio, found.target,
                                found.verdict)), flush=True)
            except (ws.Failure, OSError, KeyError, ValueError) as failure:
                failed = True
                print(f"{name}: FAILED: {failure}", flush=True)
    finally:
        shop.close()
    took, after = time.monotonic() - begun, busy_s()
    others = (after[0] - before[0]) - (after[1] - before[1])
    print(f"\n{took:.0f} s, in which others kept {max(0.0, others / took):.2f} processors busy")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
