"""The measurements of states that are carried over by their layouts, in the running hotrun."""

import shutil
import statistics
import time

import workshop as ws
from rows import Row, row

CHANGED_MS = 1.0
READ_MS = 30.0
STATICS_MS = 30.0
DEBUG_MB = 24
LARGE = 10 ** 9 - 4096  # what state.max_size allows unless it is set


def saved(hotrun, library, number):
    """A save of the library as another build; its `reloaded`."""
    fresh = hotrun.folder / "fresh.so"
    content = bytearray(library.read_bytes())
    at = content.index(b"BENCH-SAVE-HERE") + 16
    content[at:at + 8] = (number + 1).to_bytes(8, "little")
    fresh.write_bytes(content)
    fresh.chmod(0o755)
    fresh.rename(hotrun.target)
    ws.until(lambda: len(hotrun.events("reloaded")) > number, "the reload")
    ws.until(lambda: len(hotrun.events("confirmed")) > number, "the confirmation")
    return hotrun.events("reloaded")[-1]


def reloads(shop, libraries, count, how):
    """Milliseconds (total, pause) of saves of these libraries in turn."""
    with ws.Hotrun(shop, shop.fresh_folder(), libraries[-1], 1000) as hotrun:
        ws.until(lambda: hotrun.status()["step"] > 100, "steps")  # the first one touches all pages
        events = [saved(hotrun, libraries[i % len(libraries)], i) for i in range(count)]
    wrong = [event for event in events if event["state"]["how"] != how]
    if wrong:
        raise ws.Failure(f"a state was not {how}: {wrong[0]}")
    return [[event["us"][part] / 1e3 for event in events] for part in ("total", "pause")]


def changed_struct(shop, count):
    """A struct of a hundred fields whose order changes, beside a module without a state."""
    none = shop.module("carried", "carried-none", "-g", "-DBENCH_STATELESS")
    both = [shop.module("carried", "carried-other", "-g", "-DBENCH_OTHER"),
            shop.module("carried", "carried-one", "-g")]
    bare, bare_pause = reloads(shop, [none], count, "in-place")
    total, pause = reloads(shop, both, count, "migrated")
    value, high = ws.spread(total)
    limit, bare_high = ws.spread(bare)
    yield row("reload of a struct of 100 fields that changed (bare: no state)", value, limit, "ms", 3,
              f"bare + {CHANGED_MS:.0f} ms", CHANGED_MS, value - limit)
    yield Row("   p90", f"{high:.3f}", f"{bare_high:.3f}")
    yield Row("   pause", f"{statistics.median(pause):.3f}", f"{statistics.median(bare_pause):.3f}")


def large_state(shop, count):
    """A gigabyte with the same layout, all of it touched, beside 16 KB."""
    large = shop.module("carried", "carried-large", "-g", f"-DBENCH_LARGE={LARGE}l")
    small = shop.module("carried", "carried-small", "-g", "-DBENCH_LARGE=16384l")
    bare, bare_pause = reloads(shop, [small], count, "in-place")
    total, pause = reloads(shop, [large], count, "in-place")
    value, limit = statistics.median(total), statistics.median(bare)
    yield row("reload of 1 GB of state, same layout (bare: 16 KB)", value, limit, "ms", 3, "bare + 1 ms",
              1.0, value - limit)
    yield Row("   pause", f"{statistics.median(pause):.3f}", f"{statistics.median(bare_pause):.3f}")


def debug_library(shop):
    """The module with DEBUG_MB of debug info beside it: one file's, over and over."""
    path = shop.folder / "debug.so"
    if not path.exists():
        source, part = shop.folder / "filling.c", shop.folder / "filling.o"
        lines = [f"struct filling{i} {{ int a{i}; long b{i}[3]; struct filling{i} *next{i}; }};\n"
                 f"__attribute__((used)) static long work{i}(struct filling{i} *given{i}, int times{i})\n"
                 f"{{ long sum{i} = 0; for (int turn{i} = 0; turn{i} < times{i}; turn{i}++)"
                 f" sum{i} += given{i}->b{i}[turn{i} % 3]; return sum{i}; }}\n" for i in range(4000)]
        source.write_text("".join(lines))
        ws.run(shop.cc, "-g", "-O0", "-fPIC", "-c", source, "-o", part)
        copies = []
        while not path.exists() or path.stat().st_size < DEBUG_MB * 1000 * 1000:
            for _ in range(4):
                copies.append(shop.folder / f"filling{len(copies)}.o")
                shutil.copy(part, copies[-1])
            ws.run(shop.cc, "-std=c17", "-O2", "-g", "-fPIC", "-shared", "-I", ws.ROOT / "include",
                   ws.HERE / "carried.c", *copies, "-o", path)
        for copy in copies:
            copy.unlink()
    return path


def readings(shop, library, count, *how):
    """Milliseconds from the question to the answer, and of the reading itself."""
    lines = ws.run(shop.program("reading", "link", "base"), shop.build / "src/inspect/hotrun-inspect",
                   library, count, *how).splitlines()
    return [statistics.median(int(line.split()[i]) / 1e6 for line in lines) for i in (0, 1)]


def layout_read(shop, count):
    """The layout of a library with much debug info; and whether the old code steps meanwhile."""
    library = debug_library(shop)
    on_disk = shutil.copy(library, shop.disk / "debug.so")
    small = shop.module("carried", "carried-one", "-g")
    value, reading = readings(shop, on_disk, count)
    limit, _ = readings(shop, small, count)
    statics, reading_statics = readings(shop, on_disk, count, "statics")
    yield row(f"layout of a library of {library.stat().st_size / 1e6:.0f} MB, cold (bare: 20 KB)", value,
              limit, "ms", 2, f"{READ_MS:.0f} ms", READ_MS)
    yield Row("   reading itself, without the start of hotrun-inspect", f"{reading:.2f}")
    yield row("   with its variables (state.statics; bare: without)", statics, value, "ms", 2,
              f"bare + {STATICS_MS:.0f} ms", STATICS_MS, statics - value)
    yield Row("   reading itself", f"{reading_statics:.2f}", f"{reading:.2f}")
    other = shop.module("carried", "carried-other", "-g", "-DBENCH_OTHER")
    with ws.Hotrun(shop, shop.fresh_folder(), other, 250) as hotrun:
        time.sleep(0.5)
        late = hotrun.status()["late_steps"]
        event = saved(hotrun, library, 0)
        late = hotrun.status()["late_steps"] - late
    yield Row(f"   its reload: {event['us']['total'] / 1e3:.1f} ms in all; pause",
              f"{event['us']['pause'] / 1e3:.2f} ms")
    yield Row("   late steps at 250 Hz meanwhile", str(late), "", "", "0", "ok" if late == 0 else "over")
