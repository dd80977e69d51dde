"""Layouts that are read from real compilers' debug info are those that the compiled code has."""
import ctypes
import os
import re
import shutil
import unittest

from layout_case import (ALL, BASE, CLASS, EXACT, FLEXIBLE, HEAD, MODULE, NONE, OFFSET, OK, ONCE,
                         REFUSED, SIGNED, TABLE, TRANSIENT, VTABLE, Case)
from layout_sources import C, CXX, RUST, VARIABLES


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
        options = OPTIONS if ALL or not cc.endswith("++") else OPTIONS[1:3]
        for flags in options + FORMS:
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
        self.assertEqual(fields["anon"]["name"], "anon")

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
        self.assertEqual(fields["member"]["kind"], "pointer")
        self.assertTrue(fields["member"]["flags"] & OFFSET)
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
            self.assertEqual(layout.fields["maybe"]["kind"], "pointer")
            self.assertEqual(layout.fields["choice"]["kind"], "bytes")
            self.assertEqual(layout.fields["pair.__1"]["kind"], "float")
            self.assertEqual(layout.enumerators["kind"], {"A": 1, "B": 200})
            self.assertFalse(layout.fields["kind"]["flags"] & SIGNED)

    def read_big_enum(self, levels, last, inner):
        nested = " ".join(f"pub enum N{i + 1} {{ A(u64), B([N{i}; 1]{f', N{i}' if i < 12 else ''}) }}"
                          for i in range(levels))
        variants = " ".join(f"V{i}(String, Vec<u8>, Option<String>, [u16; {i}])," for i in range(60))
        with open(self.path("game.rs"), "w", encoding="utf-8") as file:
            file.write("#![allow(dead_code)] use std::ffi::c_void; use std::mem::size_of;\n"
                       f"pub struct N0 {{ {inner} }} {nested}\n"
                       f"pub enum Big {{ {variants} Deep(N{levels}), Last {{ {last} }} }}\n"
                       "#[repr(C)] pub struct All { pub big: Big }\n" +
                       RUST[RUST.index('extern "C" fn state_type'):])
        self.run_in("rustc", "--edition=2021", "-g", "--crate-type=cdylib", "-Cpanic=abort",
                    "game.rs", "-o", self.path("big.so"))
        return self.read(self.path("big.so"))

    @unittest.skipUnless(shutil.which("rustc"), "no rustc is here")
    def test_the_last_and_the_innermost_part_of_a_big_enum_tell_it_from_another(self):
        first = self.read_big_enum(12, "a: u32, b: f32", "a: u32, b: f32")
        self.assertEqual((first.outcome, first.fields["big"]["kind"]), (OK, "bytes"), first.reason)
        for last, inner, same in (("a: u32, b: f32", "a: u32, b: f32", True),
                                  ("b: u32, a: f32", "a: u32, b: f32", False),
                                  ("a: u32, b: f32", "b: u32, a: f32", False)):
            other = self.read_big_enum(12, last, inner)
            self.assertEqual(other.shape == first.shape, same, (last, inner))
        layout = self.read_big_enum(50, "a: u32", "a: u32")
        self.assertEqual(layout.outcome, REFUSED)
        self.assertIn("big has more parts than are compared", layout.reason)

    def test_marks_in_structs_are_no_fields(self):
        text = HEAD + TABLE + """
        struct game {
            int hp;
            int cache;
            HOTRUN_RENAMED(hp, health);
            HOTRUN_TRANSIENT(cache);
            HOTRUN_EXACT;
        };
        """ + MODULE % "struct game"
        for cc, flags in (("gcc", ()), ("clang", ()), ("g++", ()), ("clang++", ()),
                          ("g++", ("-gdwarf-4", "-O2")), ("clang++", ("-gdwarf-4", "-O2"))):
            layout = self.build_and_read(text, *flags, cc=cc)
            self.assertEqual(set(layout.fields), {"", "hp", "cache"}, cc)
            self.assertEqual(layout.fields["hp"]["old"], "health")
            self.assertEqual(layout.fields["cache"]["own"], TRANSIENT)
            self.assertEqual(layout.fields[""]["flags"], EXACT)
        layout = self.build_and_read(text.replace("(hp, health)", "(hpp, health)"))
        self.assertEqual(layout.outcome, REFUSED)
        self.assertIn("struct game: hpp is named by HOTRUN_RENAMED or HOTRUN_TRANSIENT, and no field",
                      layout.reason)


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

    def test_debug_info_that_cannot_be_unpacked_is_not_called_missing(self):
        library = self.build(self.TEXT, "-gz")
        head = re.search(r"\.debug_info +PROGBITS +\w+ (\w+)", self.run_in("readelf", "-SW", library))
        with open(library, "r+b") as file:
            file.seek(int(head.group(1), 16))
            file.write(b"\xfe")  # a way of packing that nobody knows
        layout = self.read(library)
        self.assertEqual(layout.outcome, NONE)
        self.assertIn("game.so has debug info that libelf cannot unpack", layout.reason)

    def test_the_split_file_of_another_build_is_not_believed(self):
        library = self.build(self.TEXT, "-gsplit-dwarf")
        self.assertEqual(self.read(library).outcome, OK)
        shutil.copy(library, self.path("old.so"))
        self.build(self.TEXT.replace("int a", "long a"), "-gsplit-dwarf")
        self.assertEqual(self.read(self.path("old.so")).outcome, NONE)

    @unittest.skipUnless(shutil.which("llvm-dwp"), "no llvm-dwp is here")
    def test_a_package_of_split_files_is_read_beside_the_origin(self):
        for cc, flags in (("gcc", ("-gdwarf-5",)), ("clang", ("-gdwarf-4", "-fdebug-types-section")),
                          ("gcc", ("-gdwarf-4", "-fdebug-types-section")), ("clang", ("-gdwarf-5",))):
            with self.subTest(f"{cc} {flags}"):
                library = self.build(HEAD + VARIABLES + MODULE % "struct game", "-gsplit-dwarf",
                                     *flags, cc=cc)
                self.run_in("llvm-dwp", "-e", library, "-o", "game.so.dwp")
                for name in os.listdir(self.folder):
                    if name.endswith(".dwo"):
                        os.remove(self.path(name))
                shutil.copy(library, self.path("copy"))
                layout = self.read(self.path("copy"), library, statics=True)
                self.assertEqual((layout.outcome, layout.reason), (OK, ""))
                self.assertEqual(layout.fields["a"]["place"], (0, 4))
                self.assertEqual(layout.variables["game.c", "step", "calls"][0][1:], (4, "int", ""))
                with open(self.path("game.so.dwp"), "r+b") as file:
                    text = bytearray(file.read())
                    for at in range(0, len(text), 7):
                        text[at] ^= 1
                    file.seek(0)
                    file.write(text)
                self.assertIn(self.read(self.path("copy"), library).outcome, (NONE, REFUSED))
                self.assertEqual(self.read(self.path("copy")).outcome, NONE)
                os.remove(self.path("game.so.dwp"))

    def test_a_definition_is_found_in_another_unit(self):
        with open(self.path("world.c"), "w", encoding="utf-8") as file:
            file.write("struct world { int w; struct world *next; }; struct world the_world;")
        for cc, flags in (("gcc", ()), ("clang", ()), ("gcc", ("-gsplit-dwarf",)),
                          ("gcc", ("-fdebug-types-section",)), ("clang", ("-gsplit-dwarf",))):
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
