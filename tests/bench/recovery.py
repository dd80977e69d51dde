"""The measurements about crashes and checkpoints. Each function yields rows of the table."""

import statistics
import time

import workshop as ws
from rows import Row, row

# Each crash is the first one: no back-off, no hold.
PATIENT = 'max_restarts = 16\nwindow = "1ms"\n{more}'
DIE, HEAP = 1, 2  # as in sheet.h
WARM_MS = 1.0
COLD_MS = 5.0
NOTICED_MS = 0.5


def die(sheet, hotrun, before):
    """One crash: ms from the NULL write to the first step of the restored state, and from there to
    where the supervisor had noticed."""
    told = len(hotrun.events("restarted"))
    sheet.order(DIE)
    ws.until(lambda: sheet.lane(0)["save"] > before, "the first step after a crash")
    lane = sheet.lane(0)
    ws.until(lambda: len(hotrun.events("restarted")) > told, "the event of the comeback")
    whole = (lane["first_ns"] - lane["end_ns"]) / 1e6
    # `us` runs from the notice to the commit, which the first step follows at once.
    return whole, whole - hotrun.events("restarted")[-1]["us"] / 1e3


def crash(shop, spare, heap_mb, count):
    folder = shop.fresh_folder()
    sheet = shop.sheet()
    library = shop.module("dying", "dying", "-g")
    more = PATIENT.format(more="" if spare else "spare = false\n")
    times, noticed = [], []
    with ws.Hotrun(shop, folder, library, "max", [sheet.path, heap_mb, 1024], more=more) as hotrun:
        for _ in range(count):
            sheet.order(HEAP)
            time.sleep(0.3)  # confirmed, and the spare is there
            whole, notice = die(sheet, hotrun, sheet.lane(0)["save"])
            times.append(whole)
            noticed.append(notice)
    lines = ws.run(shop.program("bare_comeback"), library, shop.sheet().path, count).split()
    bare = statistics.median(int(line) for line in lines) / 1e6
    what = f"crash to first step, {'spare' if spare else 'cold'} host, {heap_mb} MB of heap"
    limit = WARM_MS if spare else COLD_MS
    yield row(what, statistics.median(times), bare, "ms", 3, f"{limit:.0f} ms", limit)
    yield Row("   p90", f"{ws.percentile(times, 0.9):.3f}")
    yield Row("   until it is noticed", f"{statistics.median(noticed):.3f} ms", "", "",
              f"{NOTICED_MS} ms", "ok" if statistics.median(noticed) <= NOTICED_MS else "over")


CHECKPOINT_MS = 2.0


def checkpoint(shop, seconds):
    folder = shop.fresh_folder()
    sheet = shop.sheet()
    library = shop.module("dying", "dying", "-g")
    more = '[checkpoint]\ninterval = "100ms"\n'
    with ws.Hotrun(shop, folder, library, 1000, [sheet.path, 0, 1 << 20], more=more) as hotrun:
        own = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.05)
            own.append(sheet.lane(1)["pause_ns"] / 1e6)
        made = [event["us"] / 1e3 for event in hotrun.events("checkpoint")
                if not event["durable"]][1:]
        size = hotrun.events("checkpoint")[-1]["bytes"] / 1e6
    took, serialize = statistics.median(made), statistics.median(own)
    result = row(f"checkpoint of {size:.1f} MB of JSON, and what serialize itself takes", took,
                 serialize, "ms", 2, "+ 2 ms", CHECKPOINT_MS, took - serialize)
    result.what += f": {took - serialize:+.2f} ms"
    yield result
