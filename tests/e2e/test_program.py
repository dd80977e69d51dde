"""A program that was not written for hotrun, edited twenty times while it runs: the calculator of
bison's manual, with a global list of symbols on the heap, function pointers in it, and statics."""
import os
import shutil
import subprocess
import unittest

import modules
from harness import Case, main
from program_edits import ADAPTED, EDITS, FIRST, GRAMMAR, HEADER

SOURCE = "/usr/share/doc/bison/examples/c/mfcalc"
CONFIG = "[state]\nstatics = true\n[supervise]\nprobation = '50ms'\nprobation_steps = 2\n"
REFERENCE = ('#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#undef stderr\n#define stderr stdout\n'
             '#define HOTRUN_RENAMED(now, before)\n#include "mfcalc.tab.c"\n')


def replaced(texts, edits):
    texts = dict(texts)
    for name, old, new in edits:
        assert texts[name].count(old) == 1, f"{name}: {old!r} is there {texts[name].count(old)} times"
        texts[name] = texts[name].replace(old, new)
    return texts


class Program(Case):

    def generated(self, texts, folder):
        """A folder with the sources and the parser that bison makes of them."""
        place = self.path(folder)
        shutil.rmtree(place, True)
        os.mkdir(place)
        for name, text in texts.items():
            self.write(os.path.join(folder, name), text)
        subprocess.run(["bison", "-Wno-other", "-o", "mfcalc.tab.c", GRAMMAR], cwd=place, check=True,
                       capture_output=True)
        return place

    def make_library(self, texts):
        place = self.generated(replaced(texts, [ADAPTED]), "hot")
        out = os.path.join(place, "mfcalc.so")
        modules.compile_library("mfcalc.c", out, flags=("-O1", "-w", "-D_GNU_SOURCE", "-I", place),
                                libraries=("-lm",))
        with open(out, "rb") as file:
            return file.read()

    def reference(self, texts):
        """The same source as a program of its own: a function from lines to what it prints."""
        place = self.generated(texts, "plain")
        self.write("plain/reference.c", REFERENCE)
        program = os.path.join(place, "reference")
        subprocess.run(["gcc", "-O1", "-w", "reference.c", "-o", program, "-lm"], cwd=place, check=True)

        def run(lines):
            text = "".join(line + "\n" for line in lines)
            return subprocess.run([program], input=text, capture_output=True, text=True).stdout
        return run

    def calculate(self, run, lines):
        answers = [run.request("send", {"name": "line", "json": f'"{line}"'}) for line in lines]
        return "".join(answer["result"]["reply"] for answer in answers)

    @unittest.skipUnless(shutil.which("bison") and os.path.isdir(SOURCE), "bison's examples are not here")
    def test_twenty_edits_change_no_answer(self):
        texts = {}
        for name in (GRAMMAR, HEADER):
            with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                texts[name] = file.read()
        lines = list(FIRST)
        with self.hotrun(self.make_library(texts), config=CONFIG, log=False) as run:
            run.wild = True  # the program frees nothing
            run.event("loaded")
            self.assertEqual(self.calculate(run, lines), self.reference(texts)(lines))
            for what, edits, more in EDITS:
                with self.subTest(what):
                    texts = replaced(texts, edits)
                    event = run.save_and_see(self.make_library(texts))
                    self.assertIn(event["state"]["how"], ("in-place", "migrated"))
                    self.assertFalse(event["state"].get("lost"), event)
                    plain = self.reference(texts)
                    before = plain(lines)
                    lines += more
                    self.assertEqual(self.calculate(run, more), plain(lines)[len(before):])
            run.event("confirmed", generation=event["generation"])


if __name__ == "__main__":
    main()
