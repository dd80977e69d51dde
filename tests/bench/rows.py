"""The measurements. Each function yields rows of the table."""

import os
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass

import workshop as ws


@dataclass
class Row:
    what: str
    value: str
    bare: str = ""
    ratio: str = ""
    target: str = ""
    verdict: str = ""  # of rows with a target


def row(what, value, bare, unit, digits, target, limit, judged=None):
    """`limit` is for `judged`, which is the value unless given."""
    verdict = "ok" if (value if judged is None else judged) <= limit else "over"
    if verdict == "over" and judged is None and bare > limit:
        verdict = "over, and so is the bare limit"
    return Row(what, f"{value:.{digits}f} {unit}", f"{bare:.{digits}f} {unit}",
               f"{value / bare:.2f}", target, verdict)


def kept_alive(command):
    """A program that says `ready` and works until it is killed."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if process.stdout.readline() != "ready\n":
        process.kill()
        process.wait()
        raise ws.Failure(f"{command[0]} did not start")
    return process


# ---- reloads ------------------------------------------------------------------------------------

RELOAD_FACTOR = 1.6
FIELDS = ("detect", "stage", "serialize", "load", "init", "deserialize", "total", "pause")


def reload_rows(shop, rate, on_disk, json_state, count):
    """Saves to hotrun and to the bare program in turn, on one filesystem."""
    folder = shop.fresh_folder(on_disk)
    sheet = shop.sheet()
    library = shop.reloaded("json" if json_state else "plain",
                            *(["-DBENCH_JSON"] if json_state else []))
    for name in ("bare", "copies"):
        (folder / name).mkdir()
    # Two steps and the probation have passed before the next save: a save by a person finds the
    # last generation confirmed, and this is what is measured.
    pause_us = 25000 if rate == "max" else 30000 + int(4e6 / float(rate))
    with ws.Hotrun(shop, folder, library, rate, [sheet.path]) as hotrun:
        bare = kept_alive([shop.program("bare_reload"), folder / "bare", folder / "copies",
                           sheet.path])
        try:
            lines = ws.run(shop.program("saver"), library, sheet.path, count, pause_us,
                           folder / "fresh.so", hotrun.hot, folder / "bare")
        finally:
            bare.kill()
            bare.wait()
        reloads = hotrun.events("reloaded")
    saves = [(words[0], *(int(word) / 1e6 for word in words[1:]))
             for words in map(str.split, lines.splitlines())]
    # Whom rename wakes often runs before the saver can look at its clock again. So the return is
    # where it is when nobody interrupts: the call, and as long as the quickest tenth took.
    rename = ws.percentile([called - returned for _, returned, called, _ in saves], 0.1)
    times = {lane: [called - rename for which, _, called, _ in saves if which == lane]
             for lane in ("hotrun", "bare")}
    pauses = {lane: [pause for which, _, _, pause in saves if which == lane]
              for lane in ("hotrun", "bare")}
    value, high = ws.spread(times["hotrun"])
    limit, bare_high = ws.spread(times["bare"])
    place = "disk" if on_disk else "tmpfs"
    state = "1 KB of JSON" if json_state else "in place"
    pace = "max" if rate == "max" else f"{rate} Hz"
    yield row(f"save to first new step, {pace}, {place}, {state}", value, limit, "ms", 3,
              f"{RELOAD_FACTOR} x", RELOAD_FACTOR, value / limit)
    yield Row(f"   p90 (rename itself: {rename:.3f})", f"{high:.3f}", f"{bare_high:.3f}")
    if reloads:
        parts = {field: statistics.median(event["us"][field] for event in reloads)
                 for field in FIELDS}
        yield Row("   us: " + ", ".join(f"{field} {part:.0f}" for field, part in parts.items()), "")
    if json_state and rate == "max":
        yield row(f"pause between old and new step, {place}, {state}",
                  statistics.median(pauses["hotrun"]), statistics.median(pauses["bare"]), "ms", 3,
                  "0.25 ms", 0.25)


# ---- steps --------------------------------------------------------------------------------------

def step_cost(shop, checkpoints, rounds, seconds):
    library = (shop.module("empty", "kept", "-DBENCH_STATE") if checkpoints else
               shop.module("empty", "empty"))
    more = '[checkpoint]\ninterval = "100ms"\n' if checkpoints else ""
    hotrun_ns, bare_ns = [], []
    for _ in range(rounds):
        with ws.Hotrun(shop, shop.fresh_folder(), library, "max", more=more) as hotrun:
            time.sleep(0.3)  # the batches have grown to their length
            begun, first = time.monotonic_ns(), hotrun.status()["step"]
            time.sleep(seconds)
            ended, last = time.monotonic_ns(), hotrun.status()["step"]
            made = sum(event["us"] * 1000 for event in hotrun.events("checkpoint")
                       if begun < event["t_ns"] < ended)
        hotrun_ns.append((ended - begun - made) / (last - first))
        bare_ns.append(float(ws.run(shop.program("bare_call"), library, int(seconds * 1000))))
    value, limit = statistics.median(hotrun_ns), statistics.median(bare_ns)
    most = 5.0 if checkpoints else 1.0
    result = row(f"empty step at max{', checkpoints on' if checkpoints else ''}", value, limit,
                 "ns", 2, f"bare + {most:.0f} ns", most, value - limit)
    result.what += f": {value - limit:+.2f} ns"
    yield result


IDLE_SHARE = 0.6


def idle(shop, seconds):
    library = shop.module("empty", "empty")
    with ws.Hotrun(shop, shop.fresh_folder(), library, 60) as hotrun:
        time.sleep(1.0)  # started and confirmed
        begun = time.monotonic_ns()
        before = [ws.cpu_ns(pid) for pid in (hotrun.pid, hotrun.host_pid)]
        time.sleep(seconds)
        took = time.monotonic_ns() - begun
        after = [ws.cpu_ns(pid) for pid in (hotrun.pid, hotrun.host_pid)]
    shares = [100 * (b - a) / took for a, b in zip(before, after)]
    lines = ws.run(shop.program("bare_pace"), 60, seconds).split()
    bare = 100 * int(lines[-1]) / (seconds * 1e9)
    yield row("idle at 60 Hz, empty step, share of a core", sum(shares), bare, "%", 3,
              f"{IDLE_SHARE} %", IDLE_SHARE)
    yield Row("   supervisor; host", f"{shares[0]:.3f}; {shares[1]:.3f}")


def scribble(path, stop):
    """Writes into the FIFO every few ms, off the beat of any rate."""
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # waits for nobody, should the host be dead
    try:
        while not stop.wait(0.0037):
            os.write(fd, b"x")
    finally:
        os.close(fd)


def bare_lateness(shop, hz, seconds):
    lines = ws.run(shop.program("bare_pace"), hz, seconds).split()
    return [int(late) / 1e3 for late in lines[:-1]]


JITTER_US = 25.0


def jitter(shop, hz, seconds):
    folder = shop.fresh_folder()
    sheet = shop.sheet()
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    library = shop.module("ticking", "ticking")
    stop = threading.Event()
    # The bare limit before and after, so that a noisy spell of the machine is in both figures.
    bare = bare_lateness(shop, hz, seconds / 2)
    with ws.Hotrun(shop, folder, library, hz, [sheet.path, fifo, hz]):
        writer = threading.Thread(target=scribble, args=(fifo, stop))
        writer.start()
        time.sleep(seconds)
        stop.set()
        writer.join()
        samples = sheet.samples()
    if len(samples) < hz * seconds / 2:
        raise ws.Failure(f"{len(samples)} steps in {seconds} s at {hz} Hz")
    told, began = ([pair[i] / 1e3 for pair in samples] for i in (0, 1))
    bare += bare_lateness(shop, hz, seconds / 2)
    yield row(f"jitter at {hz} Hz, p50", statistics.median(told), statistics.median(bare), "us", 1,
              f"{JITTER_US:.0f} us", JITTER_US)
    yield Row("   p99; p50 of the step's own clock",
              f"{ws.percentile(told, 0.99):.1f}; {statistics.median(began):.1f}",
              f"{ws.percentile(bare, 0.99):.1f}")


# ---- the whole ----------------------------------------------------------------------------------

START_MS = 15.0


def start(shop, count):
    library = shop.reloaded("plain")
    times, bare_times = [], []
    for _ in range(count):
        sheet = shop.sheet()
        hotrun = ws.Hotrun(shop, shop.fresh_folder(), library, "max", [sheet.path])
        with hotrun:
            ws.until(lambda: sheet.path.exists() and sheet.lane(0)["first_ns"], "the first step")
        times.append((sheet.lane(0)["first_ns"] - hotrun.begun_ns) / 1e6)
        begun = time.monotonic_ns()
        ws.run(shop.program("bare_reload"), library, sheet.path)
        bare_times.append((sheet.lane(1)["first_ns"] - begun) / 1e6)
    value, high = ws.spread(times)
    limit, bare_high = ws.spread(bare_times)
    yield row("start to first step", value, limit, "ms", 2, f"{START_MS:.0f} ms", START_MS)
    yield Row("   p90", f"{high:.2f}", f"{bare_high:.2f}")


def many_reloads(shop, count):
    folder = shop.fresh_folder()
    sheet = shop.sheet()
    library = shop.reloaded("json", "-DBENCH_JSON")
    readings = []
    # The threads that store snapshots, and as many of those as are kept, are there before the first
    # reading.
    more = '[checkpoint]\ninterval = "20ms"\ndurable_interval = "50ms"\nhistory = 2\n'
    with ws.Hotrun(shop, folder, library, 1000, [sheet.path], more=more) as hotrun:
        ws.until(lambda: len(hotrun.events("checkpoint")) > 40, "snapshots")
        confirmed = 0
        for saves in (10, count - 10):
            ws.run(shop.program("saver"), library, sheet.path, saves, 2000, folder / "fresh.so",
                   hotrun.hot)
            ws.until(lambda: len(hotrun.events("confirmed")) > confirmed, "the confirmation")
            time.sleep(0.1)  # status.json is written
            confirmed = len(hotrun.events("confirmed"))
            readings.append({"supervisor": ws.holdings(hotrun.pid),
                             "host": ws.holdings(hotrun.host_pid), "files": hotrun.files()})
        made = len(hotrun.events("reloaded"))
    first, last = readings
    growth = [last[who][what] - first[who][what] for who in ("supervisor", "host")
              for what in ("maps", "fds")] + [last["files"] - first["files"]]
    rss = [last[who]["rss"] - first[who]["rss"] for who in ("supervisor", "host")]
    # What malloc and the kernel round to: a leak of 100 bytes a reload shows at the full count.
    flat = all(more <= 0 for more in growth) and all(more <= 200 for more in rss)
    yield Row(f"{made} reloads: growth of RSS, supervisor; host", f"{rss[0]:+d}; {rss[1]:+d} KB",
              "", "", "flat", "ok" if flat else "over")
    for who in ("supervisor", "host"):
        pairs = ", ".join(f"{what} {first[who][what]} -> {last[who][what]}"
                          for what in ("rss", "maps", "fds"))
        yield Row(f"   {who}: {pairs}", "")
    yield Row(f"   files in the run directory {first['files']} -> {last['files']}", "")


LARGE = 30 * 1000 * 1000
SUPERVISOR_MB = 8.0


def large_library(shop, saves):
    folder = shop.fresh_folder()
    library = shop.module("empty", "large", f'-DBENCH_BLOB="{shop.blob(LARGE)}"')
    small = shop.module("empty", "empty")
    with ws.Hotrun(shop, shop.fresh_folder(), small, 60) as hotrun:
        bare = ws.memory(hotrun.pid)["VmHWM"] / 1e3
    with ws.Hotrun(shop, folder, library, 60) as hotrun:
        for number in range(saves):
            fresh = folder / "fresh.so"
            content = bytearray(library.read_bytes())
            at = content.index(b"BENCH-SAVE-HERE") + 16
            content[at:at + 8] = (number + 1).to_bytes(8, "little")
            fresh.write_bytes(content)
            fresh.chmod(0o755)
            fresh.rename(hotrun.target)
            ws.until(lambda: len(hotrun.events("reloaded")) > number, "the reload")
        found = ws.memory(hotrun.pid)
    yield row("supervisor's most memory, 30 MB library (bare: 15 KB)", found["VmHWM"] / 1e3, bare,
              "MB", 2, f"{SUPERVISOR_MB:.0f} MB", SUPERVISOR_MB)
    yield Row(f"   after {saves} reloads", f"{found['VmRSS'] / 1e3:.2f}")


NOTICE_MS = 2.0


def noticing(shop, folders, files, saves):
    """From before the writer's close to the telling, the quiet time and all."""
    folder = shop.fresh_folder(on_disk=True)
    (folder / "bare").mkdir()
    (folder / "sources").mkdir()
    program = shop.program("noticing", "builder", "base")
    lines = ws.run(program, folder / "sources", folders, files, saves).splitlines()
    bare_lines = ws.run(program, "bare", folder / "bare", saves).splitlines()
    read, told = ([int(line.split()[i]) / 1e6 for line in lines[1:]] for i in (0, 1))
    bare = [int(line.split()[0]) / 1e6 for line in bare_lines[1:]]
    value, high = ws.spread(told)
    limit, bare_high = ws.spread(bare)
    yield row(f"noticing a save among {files:,} watched files", value, limit, "ms", 3,
              f"{NOTICE_MS:.0f} ms", NOTICE_MS)
    yield Row("   p90", f"{high:.3f}", f"{bare_high:.3f}")
    yield Row("   till its event is read; then quiet",
              f"{statistics.median(read):.3f}; {value - statistics.median(read):.3f}")
    yield Row(f"   start: all files in {folders:,} folders found", f"{int(lines[0]) / 1e6:.1f} ms")
