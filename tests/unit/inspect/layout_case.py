"""What the tests of layouts share: a compiler at hand, and what read-layout prints."""
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

READ = os.environ["READ_LAYOUT"]
INSPECT = os.environ["HOTRUN_INSPECT"]
INCLUDE = os.environ["HOTRUN_INCLUDE"]
ALL = os.environ.get("HOTRUN_TEST_ALL", "") not in ("", "0")
OK, NONE, REFUSED = 1, 2, 3
EXACT, FLEXIBLE, SIGNED, CLASS, ONCE, OFFSET = 1, 2, 4, 8, 16, 64  # of types
TRANSIENT, MEMBERS, BASE, VTABLE = 1, 2, 4, 8                 # of fields
RESET, CARRIED, GLOBAL = 1, 2, 4                              # of variables

TABLE = """
static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    (void)host, (void)state, (void)now;
    return HOTRUN_OK;
}
"""
HEAD = "#include <hotrun/hotrun.h>\n#include <stddef.h>\n"
MODULE = 'HOTRUN_MODULE(%s, .name = "test", .init = NULL, .step = step);\n'


for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):  # nobody's inheritance
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


class Layout:
    """What read-layout prints."""

    def __init__(self, text):
        self.fields, self.enumerators, self.variables = {}, {}, {}
        self.marks, self.symbols, self.types = [], {}, {}
        for line in text.split("\n"):
            kind, *words = line.split("\t")
            if kind == "outcome":
                self.outcome, self.reason = int(words[0]), words[1]
            elif kind == "shape":
                self.shape = words[0]
                self.text = int(words[2])
            elif kind == "field":
                path, offset, bit, bits, size, what, name, flags, own, align, old = words
                if int(own, 16) & MEMBERS:
                    continue  # its path is that of what is around it
                self.fields[path] = {
                    "place": (int(offset), int(size)), "bits": (int(offset) * 8 + int(bit), int(bits)),
                    "kind": what, "name": name, "flags": int(flags, 16), "own": int(own, 16),
                    "align": int(align), "old": old}
            elif kind == "enumerator":
                self.enumerators.setdefault(words[0], {})[words[1]] = int(words[2])
            elif kind == "variable":
                self.variables.setdefault(tuple(words[:3]), []).append(
                    (int(words[3], 16), int(words[4]), words[5], words[6]))
            elif kind == "mark":
                self.marks.append((words[0], int(words[1]), words[2]))
            elif kind == "symbol":
                self.symbols[words[0]] = (words[1], words[2] == "1")
            elif kind == "type":
                self.types[words[0]] = (words[1], int(words[2]), int(words[3], 16), int(words[4]))


class Case(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotrun layouts ")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def run_in(self, *words):
        done = subprocess.run(words, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, f"{words}\n{done.stderr}")
        return done.stdout

    def build(self, text, *flags, cc="gcc", out="game.so"):
        """Compiles and links in two steps, as builds do: that is where split debug info appears."""
        name = "game.cpp" if cc.endswith("++") else "game.c"
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        flags = ("-fPIC", "-g", "-I", INCLUDE, *flags)
        self.run_in(cc, *flags, "-c", name, "-o", out + ".o")
        self.run_in(cc, "-shared", *flags, out + ".o", "-o", out)
        return self.path(out)

    def read(self, library, origin="", statics=False):
        words = [READ, *(["--statics"] if statics else []), library, *([origin] if origin else [])]
        return Layout(self.run_in(*words))

    def build_and_read(self, text, *flags, statics=False, cc="gcc"):
        return self.read(self.build(text, *flags, cc=cc), statics=statics)
