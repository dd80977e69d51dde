"""From the save of a source to its new code: hotrun's own compiling beside the compiler's command."""

from pathlib import Path

import workshop as ws
from rows import Row, row

OVER_MS = 5.0


def options(cc):
    return ["--cc", str(cc), "--cflags", f"-I{ws.HERE}"]


def recorded(shop, source):
    """What hotrun tells the compiler about this source, in a run with one that writes it down."""
    folder, sheet = shop.fresh_folder(), shop.sheet()
    recorder, words = folder / "cc", folder / "words"
    recorder.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >"{words}"\nexec {shop.cc} "$@"\n')
    recorder.chmod(0o755)
    with ws.Hotrun(shop, folder, source, 60, [sheet.path], options=options(recorder)) as hotrun:
        return words.read_text().split("\0")[:-1], hotrun.target.name


def bare_command(shop, source, target, outputs):
    """The same for the source in `target`, with what it writes in the folder `outputs`."""
    words, name = recorded(shop, source)
    for option in ("-o", "-MF"):
        at = words.index(option) + 1
        words[at] = str(outputs / Path(words[at]).name)
    return [shop.cc, *(str(target) if Path(word).name == name else word for word in words)]


def save_of_a_source(shop, count):
    source = ws.HERE / "compiled.c"
    folder, sheet = shop.fresh_folder(), shop.sheet()
    outputs = shop.fresh_folder()
    with ws.Hotrun(shop, folder, source, 60, [sheet.path], options=options(shop.cc)) as hotrun:
        command = bare_command(shop, source, hotrun.target, outputs)
        told = ws.run(shop.program("compiling"), hotrun.target, sheet.path, count, 60000, folder,
                      *command)
    pairs = [tuple(int(word) / 1e6 for word in line.split()) for line in told.splitlines()]
    # A compiler takes long enough to be interrupted by others most of the time: the quickest tenth
    # tells what the work takes.
    quick, usual = ([ws.percentile([pair[i] for pair in pairs], share) for i in (0, 1)]
                    for share in (0.1, 0.5))
    over = quick[0] - quick[1]
    lines = len(source.read_text().splitlines())
    result = row(f"save of {lines} lines of C to first new step", *quick, "ms", 1,
                 f"bare + {OVER_MS:.0f} ms", OVER_MS, over)
    result.what += f": {over:+.1f} ms"
    yield result
    yield Row("   p50 (bare: the compiler's command alone)", f"{usual[0]:.1f}", f"{usual[1]:.1f}")
