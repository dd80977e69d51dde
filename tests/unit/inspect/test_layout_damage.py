"""Debug info that lies, and the process that reads it."""
import array
import json
import os
import re
import socket
import struct
import subprocess
import unittest

from layout_case import (ALL, CARRIED, HEAD, INCLUDE, INSPECT, MODULE, OK, READ, REFUSED, TABLE, Case)
from layout_sources import C, CXX, VARIABLES

PLAIN = HEAD + TABLE + "struct game { int a; const char *b; };" + MODULE % "struct game"


class Hostile(Case):

    def test_damaged_debug_info_harms_nobody(self):
        kinds = [(C, "struct all", ("gcc", "-gdwarf-4")), (C, "struct all", ("clang", "-O2")),
                 (CXX, "game::all", ("g++", "-std=c++17", "-Wno-invalid-offsetof")),
                 (VARIABLES, "struct game", ("gcc", "-gsplit-dwarf"))]
        times = "4000" if ALL else "120"
        total = {}
        for seed, (text, of, (cc, *flags)) in enumerate(kinds):
            table = "" if text is VARIABLES else TABLE
            library = self.build(HEAD + table + text + MODULE % of, *flags, cc=cc, out=f"{seed}.so")
            done = subprocess.run([READ, "--damage", str(seed + 1), times, library, self.path("copy")],
                                  capture_output=True, text=True, check=False,
                                  env=dict(os.environ, ASAN_OPTIONS="detect_leaks=1"))
            self.assertEqual(done.returncode, 0, done.stderr)
            found = json.loads(done.stdout)
            self.assertEqual((found["stuck"], found["died"]), (0, 0), done.stderr[:3000])
            for key, value in found.items():
                total[key] = total.get(key, 0) + value
        self.assertGreater(total["read"], 0)
        self.assertGreater(total["none"] + total["refused"], 0)

    def test_ten_thousand_levels_do_not_end_the_stack(self):
        aliases = "typedef int t0;\n" + "".join(f"typedef t{i} t{i + 1};\n" for i in range(10000))
        layout = self.build_and_read(HEAD + TABLE + aliases + "struct game { t10000 a; t9 b; };" +
                                     MODULE % "struct game")
        self.assertEqual(layout.outcome, REFUSED)
        structs = "struct s0 { int a; };\n" + "".join(
            f"struct s{i + 1} {{ struct s{i} s; }};\n" for i in range(10000))
        layout = self.build_and_read(HEAD + TABLE + structs + MODULE % "struct s10000")
        self.assertEqual(layout.outcome, REFUSED)
        self.assertIn("deep", layout.reason)
        layout = self.build_and_read(HEAD + TABLE + structs + MODULE % "struct s90")
        self.assertEqual(layout.outcome, OK)
        pointers = "struct s0 { int a; };\n" + "".join(
            f"struct s{i + 1} {{ struct s{i} *s; }};\n" for i in range(10000))
        layout = self.build_and_read(HEAD + TABLE + pointers + MODULE % "struct s10000")
        self.assertEqual(layout.outcome, OK, layout.reason)

    def lead(self, text, tag, to):
        """Compiles `text` with the first DW_AT_type of `tag` leading to the entry of tag `to`."""
        with open(self.path("game.c"), "w", encoding="utf-8") as file:
            file.write(text)
        self.run_in("gcc", "-S", "-g", "-dA", "-fPIC", "-I", INCLUDE, "game.c")
        with open(self.path("game.s"), encoding="utf-8") as file:
            lines = file.read().split("\n")
        place, inside, patch = None, False, None
        for number, line in enumerate(lines):
            die = re.search(r"\(DIE \((0x[0-9a-f]+)\) (DW_TAG_\w+)\)", line)
            if die:
                inside = die.group(2) == tag and patch is None
                if die.group(2) == to and place is None:
                    place = die.group(1)
            elif inside and line.endswith("DW_AT_type"):
                patch = number
        lines[patch] = f"\t.long\t{place}\t# DW_AT_type"
        with open(self.path("game.s"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        self.run_in("gcc", "-shared", "game.s", "-o", "game.so")
        return self.read(self.path("game.so"))

    def test_types_that_go_round_in_a_circle_are_refused(self):
        text = HEAD + TABLE + "typedef struct { int a; } one; struct game { one a; int b; };" + \
            MODULE % "struct game"
        # The typedefs of the header come first: the circle must be one that the state leads to.
        text = text.replace("#include <hotrun/hotrun.h>\n#include <stddef.h>\n",
                            "typedef struct { int a; } one; struct game { one a; int b; };"
                            "struct game first;\n" + HEAD).replace(
            "typedef struct { int a; } one; struct game { one a; int b; };HOTRUN", "HOTRUN")
        layout = self.lead(text, "DW_TAG_typedef", "DW_TAG_typedef")
        self.assertEqual(layout.outcome, REFUSED, layout.reason)

    def test_an_array_of_itself_and_a_struct_in_itself_are_refused(self):
        text = "struct game { int a[2]; } first;\n" + HEAD + TABLE + MODULE % "struct game"
        layout = self.lead(text, "DW_TAG_array_type", "DW_TAG_array_type")
        self.assertEqual(layout.outcome, REFUSED, layout.reason)
        text = "struct game { int a; } first;\n" + HEAD + TABLE + MODULE % "struct game"
        layout = self.lead(text, "DW_TAG_member", "DW_TAG_structure_type")
        self.assertEqual(layout.outcome, REFUSED, layout.reason)

    def test_a_unit_that_says_it_is_longer_than_its_section_ends_with_it(self):
        with open(self.path("game.c"), "w", encoding="utf-8") as file:
            file.write(HEAD + TABLE + "struct game { int a; } first; int last;\n" +
                       MODULE % "struct game")
        self.run_in("gcc", "-S", "-g", "-dA", "-fPIC", "-I", INCLUDE, "game.c")
        with open(self.path("game.s"), encoding="utf-8") as file:
            info, rest = file.read().split(".section\t.debug_abbrev", 1)
        info, count = re.subn(r"\.long\t(0x[0-9a-f]+)(\t# Length of Compilation Unit Info)",
                              r".long\t\1 + 0x100000\2", info)
        self.assertEqual(count, 1)
        begin, last = info.rstrip().rsplit("\n", 1)  # where it would end
        self.assertRegex(last, r"\.byte\t0(\t|$)")
        with open(self.path("game.s"), "w", encoding="utf-8") as file:
            file.write(begin + "\n\t.byte\t0x81\n\t.section\t.debug_abbrev" + rest)
        # Unpacked, the section is memory of its own, and a sanitizer sees what lies behind it.
        self.run_in("gcc", "-shared", "-gz", "game.s", "-o", "game.so")
        layout = self.read(self.path("game.so"), statics=True)
        self.assertEqual(layout.outcome, OK, layout.reason)
        self.assertEqual(layout.variables[("game.c", "", "last")][0][0] & CARRIED, CARRIED)


class Served(Case):
    REQUEST = struct.Struct("=II4096s4096s")
    ANSWER = struct.Struct("=IIQQ600s")

    def start(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(ours.close)
        process = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" --layouts 3<&"$1"', INSPECT,
                                    str(theirs.fileno())], pass_fds=[theirs.fileno()])
        theirs.close()
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, ours

    def ask(self, ours, number, library, statics=0):
        fd = os.memfd_create("layout")
        ours.sendmsg([self.REQUEST.pack(number, statics, library.encode(), b"")],
                     [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        ours.settimeout(60)
        packet = ours.recv(4096)
        answer = self.ANSWER.unpack(packet[:self.ANSWER.size])
        with os.fdopen(fd, "rb") as file:
            file.seek(0)
            return answer, file.read()

    def test_one_process_answers_one_request_after_the_other(self):
        library = self.build(PLAIN)
        process, ours = self.start()
        for number in (1, 2, 77):
            (same, outcome, length, took, reason), block = self.ask(ours, number, library)
            self.assertEqual((same, outcome, length), (number, OK, len(block)))
            self.assertEqual(reason.strip(b"\0"), b"")
            self.assertEqual(block[:8], b"hrlayou1")
            self.assertGreater(took, 0)
        (same, outcome, length, _, reason), block = self.ask(ours, 78, self.path("none"))
        self.assertEqual((same, outcome, length, block), (78, REFUSED, 0, b""))
        self.assertIn(b"cannot be read", reason)
        ours.close()
        self.assertEqual(process.wait(timeout=60), 0)

    def test_half_a_request_and_one_without_a_file_end_nothing_else(self):
        library = self.build(PLAIN)
        process, ours = self.start()
        ours.send(self.REQUEST.pack(1, 0, library.encode(), b""))  # no descriptor
        (number, outcome, *_), _ = self.ask(ours, 2, library)
        self.assertEqual((number, outcome), (2, OK))
        ours.send(b"x")
        self.assertEqual(process.wait(timeout=60), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
