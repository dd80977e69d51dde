"""Layouts that are read from real compilers' debug info are those that the compiled code has."""
import array
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from layout_sources import C, CXX, RUST, VARIABLES

READ = os.environ["READ_LAYOUT"]
INSPECT = os.environ["HOTRUN_INSPECT"]
INCLUDE = os.environ["HOTRUN_INCLUDE"]
ALL = os.environ.get("HOTRUN_TEST_ALL", "") not in ("", "0")
OK, NONE, REFUSED = 1, 2, 3
EXACT, FLEXIBLE, SIGNED, CLASS, ONCE = 1, 2, 4, 8, 16         # of types
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


def measured(library):
    """{path: (offset, size)} as the code itself has it."""
    code = ctypes.CDLL(library)
    code.measure.restype = ctypes.c_char_p
    lines = code.measure().decode().split()
    return {path: (int(offset), int(size))
            for path, offset, size in (line.rsplit(":", 2) for line in lines)}


OPTIONS = [(f"-O{level}", f"-gdwarf-{version}") for level in (0, 2) for version in (4, 5)]
FORMS = [("-gz",), ("-fdebug-types-section",), ("-fdebug-types-section", "-gdwarf-4"),
         ("-gsplit-dwarf",), ("-gsplit-dwarf", "-gdwarf-4"), ("-flto", "-O2"), ("-gdwarf-3",),
         ("-gdwarf-2", "-gstrict-dwarf")]


def matrix(*compilers):
    for cc in compilers:
        if shutil.which(cc) is None:
            continue
        for flags in OPTIONS + FORMS:
            if cc.startswith("clang") and "-flto" in flags:
                if shutil.which("ld.lld") is None:
                    continue
                flags = (*flags, "-fuse-ld=lld")
            yield cc, flags


class Kinds(Case):

    def compare(self, layout, library, label):
        self.assertEqual((layout.outcome, layout.reason), (OK, ""), label)
        places = measured(library)
        self.assertGreater(len(places), 30)
        for path, place in places.items():
            self.assertIn(path, layout.fields, label)
            self.assertEqual(layout.fields[path]["place"], place, f"{label}: {path}")

    def test_each_kind_of_c_lies_where_the_code_has_it(self):
        shapes = {}
        for cc, flags in matrix("gcc", "clang"):
            label = f"{cc} {' '.join(flags)}"
            with self.subTest(label):
                library = self.build(HEAD + TABLE + C + MODULE % "struct all", *flags, cc=cc,
                                     out=f"{len(shapes)}.so")
                layout = self.read(library)
                self.compare(layout, library, label)
                self.check_c(layout)
                shapes[label] = layout.shape
        # Names and places are the same, whichever compiler said it; strict DWARF 2 knows less.
        for cc in ("gcc", "clang"):
            own = {shape for label, shape in shapes.items() if label.startswith(cc)}
            self.assertEqual(len(own), 1, shapes)

    def check_c(self, layout):
        fields = layout.fields
        kinds = {"b": "bool", "c": "char", "sc": "int", "uc": "uint", "s": "int", "ul": "uint",
                 "i128": "int", "f": "float", "d": "float", "ld": "float", "color": "enum",
                 "self": "pointer", "call": "pointer", "grid": "array", "grid[]": "array",
                 "grid[][]": "int", "none": "array", "in": "struct", "in.u": "union", "v4": "array",
                 "v4[]": "float", "complex": "array", "complex[]": "float", "name": "array",
                 "name[]": "char", "left": "int", "packed": "struct", "opaque": "pointer",
                 "q": "bytes", "nothing": "struct", "shared": "int"}
        for path, kind in kinds.items():
            self.assertEqual(fields[path]["kind"], kind, path)
        for path, bits in {"b1": 1, "b2": 7, "b3": 31, "b4": 2, "b5": 1, "b6": 40}.items():
            self.assertEqual(fields[path]["bits"][1], bits, path)
        first = fields["b1"]["bits"][0]
        self.assertEqual([fields[f"b{i}"]["bits"][0] - first for i in (1, 2, 3)], [0, 1, 32])
        self.assertEqual(layout.enumerators["color"], {"RED": -3, "GREEN": -2, "BLUE": 7})
        self.assertEqual(layout.enumerators["wide"], {"SMALL": 1, "HUGE": 1 << 40})
        self.assertTrue(fields["color"]["flags"] & SIGNED)
        self.assertEqual(fields["packed"]["align"], 1)
        self.assertEqual(fields["aligned"]["place"][0] % 64, 0)
        self.assertEqual(fields["self"]["name"], "struct all *")
        self.assertEqual(fields["anon"]["name"], "struct anon")

    def test_each_kind_of_cxx_lies_where_the_code_has_it(self):
        shapes = {}
        for cc, flags in matrix("g++", "clang++"):
            if "-gstrict-dwarf" in flags:
                continue  # it has no word for references to rvalues
            label = f"{cc} {' '.join(flags)}"
            with self.subTest(label):
                library = self.build(HEAD + TABLE + CXX + MODULE % "game::all", "-std=c++17",
                                     "-Wno-invalid-offsetof", *flags, cc=cc,
                                     out=f"{len(shapes)}.so")
                layout = self.read(library)
                self.compare(layout, library, label)
                self.check_cxx(layout)
                shapes[label] = layout.shape

    def check_cxx(self, layout):
        fields = layout.fields
        self.assertEqual(fields[""]["name"], "game::all")
        self.assertTrue(fields[""]["flags"] & CLASS)
        self.assertTrue(fields["game::base"]["own"] & BASE)
        self.assertTrue(any(field["own"] & VTABLE for field in fields.values()))
        names = {"v": "game::vec<int, 3>", "in": "game::all::inner", "hid":
                 "game::(anonymous namespace)::hidden", "col": "game::color", "ref": "int &"}
        for path, name in names.items():
            self.assertEqual(fields[path]["name"], name, path)
        self.assertTrue(fields["ref"]["flags"] & ONCE)
        self.assertEqual(fields["method.ptr"]["kind"], "pointer")
        self.assertEqual(fields["method.adj"]["kind"], "int")
        self.assertEqual(fields["member"]["kind"], "bytes")
        self.assertEqual(fields["null"]["kind"], "bytes")
        self.assertEqual(fields["c16"]["kind"], "uint")
        self.assertEqual(layout.enumerators["col"], {"red": -1, "green": 0})
        self.assertNotIn("shared_by_all", fields)

    @unittest.skipUnless(shutil.which("rustc"), "no rustc is here")
    def test_each_kind_of_rust_lies_where_the_code_has_it(self):
        with open(self.path("game.rs"), "w", encoding="utf-8") as file:
            file.write(RUST)
        for level in ("0", "2"):
            library = self.path(f"rust{level}.so")
            self.run_in("rustc", "--edition=2021", "-g", f"-Copt-level={level}",
                        "--crate-type=cdylib", "-Cpanic=abort", "game.rs", "-o", library)
            layout = self.read(library)
            self.compare(layout, library, level)
            self.assertEqual(layout.fields[""]["name"], "game::world::All")
            self.assertEqual(layout.fields["maybe"]["kind"], "bytes")
            self.assertEqual(layout.fields["pair.__1"]["kind"], "float")
            self.assertEqual(layout.enumerators["kind"], {"A": 1, "B": 200})
            self.assertFalse(layout.fields["kind"]["flags"] & SIGNED)

    def test_marks_in_structs_are_no_fields(self):
        text = HEAD + TABLE + """
        struct game {
            int hp;
            __extension__ char hotrun_renamed_hp_hotrun_was_health[0];
            int cache;
            __extension__ char hotrun_transient_cache[0];
            __extension__ char hotrun_exact[0];
        };
        """ + MODULE % "struct game"
        for cc in ("gcc", "clang"):
            layout = self.build_and_read(text, cc=cc)
            self.assertEqual(set(layout.fields), {"", "hp", "cache"})
            self.assertEqual(layout.fields["hp"]["old"], "health")
            self.assertEqual(layout.fields["cache"]["own"], TRANSIENT)
            self.assertEqual(layout.fields[""]["flags"], EXACT)
        layout = self.build_and_read(text.replace("_hp_hotrun", "_hpp_hotrun"))
        self.assertEqual(layout.outcome, REFUSED)
        self.assertIn("struct game: hpp_hotrun_was_health is named by HOTRUN_RENAMED", layout.reason)


class Refusals(Case):

    def refuse(self, text, of, *flags, cc="gcc", outcome=REFUSED):
        layout = self.build_and_read(HEAD + TABLE + text + MODULE % of, *flags, cc=cc)
        self.assertEqual(layout.outcome, outcome, layout.reason)
        return layout.reason

    def test_a_flexible_array_is_named_by_its_path(self):
        sentence = "is a flexible array: give it a size, or point to it"
        self.assertEqual(self.refuse("struct game { int n; int items[]; };", "struct game"),
                         f"struct game: items {sentence}")
        self.assertEqual(
            self.refuse("struct tail { int n; int items[]; }; struct world { int a; };"
                        "struct game { struct world w; struct { int k; struct tail t; } in; };",
                        "struct game"),
            "struct game: in ends in a flexible array: give it a size, or point to it")

    def test_behind_a_pointer_a_flexible_array_is_left_out(self):
        layout = self.build_and_read(
            HEAD + TABLE + "struct tail { int n; int items[]; }; struct game { struct tail *t; };" +
            MODULE % "struct game")
        self.assertEqual(layout.outcome, OK, layout.reason)
        self.assertEqual(layout.types["struct tail"], ("struct", 4, FLEXIBLE, 1))

    def test_a_virtual_base_is_named(self):
        reason = self.refuse("struct top { int t; }; struct game : virtual top { int a; }; game the_first;",
                             "game",
                             cc="g++")
        self.assertIn("game: top is a virtual base class", reason)

    def test_a_type_that_is_nowhere_defined_is_named(self):
        text = "struct game { std::string f; };"
        layout = self.build_and_read("#include <string>\n" + HEAD + TABLE + text + MODULE % "game",
                                     cc="clang++")
        self.assertEqual(layout.outcome, REFUSED)
        self.assertIn("game: f is of a type that the debug info does not define", layout.reason)

    def test_another_size_than_that_of_the_table_is_told(self):
        text = HEAD + TABLE + "struct game { int a[4]; };" + MODULE % "struct game"
        layout = self.build_and_read("#define sizeof(T) (sizeof(T) == 16 ? 20 : sizeof(T))\n" + text)
        self.assertEqual(layout.outcome, REFUSED)
        self.assertIn("has 16 bytes, hotrun_module_table says 20", layout.reason)

    def test_no_debug_info_and_no_table_are_told(self):
        text = HEAD + TABLE + "struct game { int a; };"
        layout = self.build_and_read(text + MODULE % "struct game", "-g0")
        self.assertEqual(layout.outcome, NONE)
        self.assertIn("game.so has no debug info: compile it with -g", layout.reason)
        layout = self.build_and_read(text)
        self.assertEqual(layout.outcome, NONE)
        self.assertIn("no hotrun_module_table", layout.reason)
        layout = self.build_and_read(text + MODULE % "struct game", "-g1")
        self.assertEqual(layout.outcome, NONE)
        self.assertIn("compile the file that has HOTRUN_MODULE with -g", layout.reason)

    def test_a_module_without_state_has_an_empty_one(self):
        layout = self.build_and_read(HEAD + TABLE +
                                     'HOTRUN_MODULE_STATELESS(.name = "t", .step = step);')
        self.assertEqual(layout.outcome, OK)
        self.assertEqual(layout.fields[""]["kind"], "bytes")

    def test_what_is_no_library_is_refused(self):
        with open(self.path("x"), "w", encoding="utf-8") as file:
            file.write("no ELF")
        self.assertEqual(self.read(self.path("x")).outcome, REFUSED)
        self.assertEqual(self.read("/dev/null").outcome, REFUSED)
        self.assertEqual(self.read(self.path("missing")).outcome, REFUSED)


class Files(Case):
    TEXT = HEAD + TABLE + "struct game { int a; const char *b; };" + MODULE % "struct game"

    def test_debug_info_in_a_file_of_its_own_is_found_by_build_id(self):
        library = self.build(self.TEXT)
        whole = self.read(library)
        self.run_in("objcopy", "--only-keep-debug", library, "game.so.debug")
        self.run_in("strip", library, "-o", "copy")
        copy = self.path("copy")
        self.assertEqual(self.read(copy, library).shape, whole.shape)
        self.assertEqual(self.read(copy).outcome, NONE)  # it is beside the origin alone
        with open(self.path("game.so.debug"), "r+b") as file:
            text = file.read()
            at = text.index(b"GNU\0", text.index(b".note.gnu.build") * 0) + 4
            file.seek(at)
            file.write(bytes([text[at] ^ 1]))
        self.assertEqual(self.read(copy, library).outcome, NONE)  # of another build

    def test_debug_info_in_a_file_of_its_own_is_found_by_its_link(self):
        library = self.build(self.TEXT, "-Wl,--build-id=none")
        whole = self.read(library)
        os.mkdir(self.path(".debug"))
        self.run_in("objcopy", "--only-keep-debug", library, ".debug/other.dbg")
        self.run_in("strip", library)
        self.run_in("objcopy", "--add-gnu-debuglink=.debug/other.dbg", library)
        self.assertEqual(self.read(library).shape, whole.shape)
        with open(self.path(".debug", "other.dbg"), "ab") as file:
            file.write(b"x")
        self.assertEqual(self.read(library).outcome, NONE)

    def test_the_split_file_of_another_build_is_not_believed(self):
        library = self.build(self.TEXT, "-gsplit-dwarf")
        self.assertEqual(self.read(library).outcome, OK)
        shutil.copy(library, self.path("old.so"))
        self.build(self.TEXT.replace("int a", "long a"), "-gsplit-dwarf")
        self.assertEqual(self.read(self.path("old.so")).outcome, NONE)

    def test_a_definition_is_found_in_another_unit(self):
        with open(self.path("world.c"), "w", encoding="utf-8") as file:
            file.write("struct world { int w; struct world *next; }; struct world the_world;")
        for cc, flags in (("gcc", ()), ("clang", ()), ("gcc", ("-gsplit-dwarf",)),
                          ("gcc", ("-fdebug-types-section",))):
            self.run_in(cc, "-fPIC", "-g", *flags, "-c", "world.c", "-o", "world.o")
            layout = self.build_and_read(
                HEAD + TABLE + "struct world; struct no; struct game { struct world *w; struct no *n; };"
                + MODULE % "struct game", *flags, "-Wl,world.o", cc=cc)
            self.assertEqual(layout.outcome, OK)
            self.assertEqual(layout.types["struct world"], ("struct", 16, 0, 2))
            self.assertEqual(layout.types["struct no"][0], "unknown")

    def test_a_name_that_two_types_have_stays_unknown(self):
        for name, body in (("one", "int w;"), ("two", "double w; int v;")):
            with open(self.path(name + ".c"), "w", encoding="utf-8") as file:
                file.write(f"struct world {{ {body} }}; static struct world w; void *{name}(void)"
                           "{ return &w; }")
            self.run_in("gcc", "-fPIC", "-g", "-c", name + ".c")
        layout = self.build_and_read(HEAD + TABLE + "struct game { struct world *w; };" +
                                     MODULE % "struct game", "-Wl,one.o", "-Wl,two.o")
        self.assertEqual(layout.types["struct world"][0], "unknown")


class Variables(Case):

    def test_variables_are_carried_or_have_a_reason(self):
        for cc, flags in (("gcc", ("-O0",)), ("gcc", ("-O2",)), ("gcc", ("-O2", "-flto")),
                          ("clang", ("-O0",)), ("clang", ("-O2", "-gdwarf-4")),
                          ("gcc", ("-gsplit-dwarf",))):
            with self.subTest(f"{cc} {flags}"):
                found = self.build_and_read(HEAD + VARIABLES + MODULE % "struct game", *flags, cc=cc,
                                            statics=True).variables
                self.check(found, parts=cc == "clang" and "-O2" in flags)

    def check(self, found, parts):
        file = "game.c"
        self.assertEqual(found[file, "", "speed"], [(CARRIED, 4, "int", "")])
        self.assertEqual(found[file, "", "score"], [(CARRIED | GLOBAL, 4, "int", "")])
        self.assertEqual(found[file, "", "table"], [(CARRIED | GLOBAL, 16, "array", "")])
        self.assertEqual(found[file, "step", "calls"], [(CARRIED, 4, "int", "")])
        reasons = {("", "limit"): "read-only", ("", "mine"): "each thread has its own",
                   ("", "names"): "read-only"}
        for (function, name), reason in reasons.items():
            flags, _, _, why = found[file, function, name][0]
            self.assertFalse(flags & CARRIED, name)
            self.assertIn(reason, why, name)
        flags, _, _, why = found[file, "", "fresh"][0]
        self.assertEqual(flags, RESET | GLOBAL)
        twice = found[file, "step", "twice"]
        self.assertEqual(len(twice), 2)
        for flags, _, _, why in twice:
            self.assertIn("another one has the same name", why)
        flags, _, _, why = found[file, "", "pair"][0]
        self.assertEqual(bool(flags & CARRIED), not parts, why)
        if parts:
            self.assertIn("took it apart", why)
        self.assertNotIn((file, "", "hotrun_module_table"), found)
        self.assertFalse([key for key in found if key[2].startswith(("_", "completed"))])

    def test_what_has_no_debug_info_is_named(self):
        with open(self.path("bare.c"), "w", encoding="utf-8") as file:
            file.write("int bare = 3; static int hidden; int use(void) { return hidden++; }")
        self.run_in("gcc", "-fPIC", "-c", "bare.c")
        found = self.build_and_read(HEAD + VARIABLES + MODULE % "struct game", "-Wl,bare.o",
                                    statics=True).variables
        self.assertIn("compile its file with -g", found["", "", "bare"][0][3])
        self.assertIn("compile its file with -g", found["bare.c", "", "hidden"][0][3])

    def test_the_guard_of_a_variable_goes_where_it_goes(self):
        text = HEAD + """
        int start();
        int start() { return 4; }
        namespace ns { int f(int) { static int calls = start(); return ++calls; }
                       int f(double) { static int calls = start(); return ++calls; }
                       static int files; int use() { return files++; } }
        struct game { int a; };
        """ + TABLE + MODULE % "game"
        for cc in ("g++", "clang++"):
            found = self.build_and_read(text, cc=cc, statics=True).variables
            carried = {key[1:]: value[0][2] for key, value in found.items() if value[0][0] & CARRIED}
            self.assertEqual(carried, {
                ("ns::f(int)", "calls"): "int", ("ns::f(double)", "calls"): "int",
                ("ns::f(int)", "guard variable for ns::f(int)::calls"): "uint",
                ("ns::f(double)", "guard variable for ns::f(double)::calls"): "uint",
                ("", "ns::files"): "int"})

    def test_one_that_all_libraries_share_is_refused(self):
        text = HEAD + TABLE + "template <class T> struct holder { static int count; };" \
            "template <class T> int holder<T>::count = 3; int use() { return holder<int>::count++; }" \
            "struct game { int a; };" + MODULE % "game"
        found = self.build_and_read(text, cc="g++", statics=True).variables
        self.assertIn("STB_GNU_UNIQUE", found["game.cpp", "", "holder<int>::count"][0][3])

    def test_marks_of_heap_types_are_found_wherever_they_stand(self):
        text = HEAD + """
        struct node { struct node *next; long value; };
        struct item { int id; };
        struct game { struct node *list; };
        static inline const void *mark_item(void)
        { static struct item *hotrun_type_mark; return &hotrun_type_mark; }
        const void *other(int a);
        const void *other(int a)
        { if (a) { static struct node *hotrun_type_mark; return &hotrun_type_mark; }
          return mark_item(); }
        """ + TABLE + MODULE % "struct game"
        for cc, flags in (("gcc", ("-O0",)), ("gcc", ("-O2",)), ("clang", ("-O2",)),
                          ("gcc", ("-O2", "-flto"))):
            layout = self.build_and_read(text, *flags, cc=cc)
            self.assertEqual(sorted(layout.marks),
                             [("struct item", 4, "struct"), ("struct node", 16, "struct")], cc)
            self.assertFalse(layout.variables)

    def test_symbols_come_with_pointers_and_literals_with_pointers_to_char(self):
        text = HEAD + TABLE + 'static int local; int *use(void); int *use(void) { return &local; }' \
            'const char *say(void); const char *say(void) { return "a literal"; }'
        layout = self.build_and_read(text + "struct game { const char *a; };" + MODULE % "struct game")
        self.assertEqual(layout.symbols["local"], ("game.c", False))
        self.assertEqual(layout.symbols["use"], ("", True))
        self.assertGreater(layout.text, len("a literal"))
        layout = self.build_and_read(text + "struct game { int *a; };" + MODULE % "struct game")
        self.assertIn("use", layout.symbols)
        self.assertEqual(layout.text, 0)
        layout = self.build_and_read(text + "struct game { int a; };" + MODULE % "struct game")
        self.assertEqual((layout.symbols, layout.text), ({}, 0))


class Hostile(Case):

    def test_damaged_debug_info_harms_nobody(self):
        kinds = [(C, "struct all", ("gcc", "-gdwarf-4")), (C, "struct all", ("clang", "-O2")),
                 (CXX, "game::all", ("g++", "-std=c++17", "-Wno-invalid-offsetof")),
                 (VARIABLES, "struct game", ("gcc", "-gsplit-dwarf"))]
        times = "20000" if ALL else "120"
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
        library = self.build(Files.TEXT)
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
        library = self.build(Files.TEXT)
        process, ours = self.start()
        ours.send(self.REQUEST.pack(1, 0, library.encode(), b""))  # no descriptor
        (number, outcome, *_), _ = self.ask(ours, 2, library)
        self.assertEqual((number, outcome), (2, OK))
        ours.send(b"x")
        self.assertEqual(process.wait(timeout=60), 0)


if __name__ == "__main__":
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    unittest.main(verbosity=2)
