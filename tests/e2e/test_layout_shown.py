"""`hotrun check --layout` and `hotrun state layout`: what debug info tells of a state is told right."""
import json
import os
import re
import shutil
import subprocess
import unittest

import modules
from harness import Case, main

COMPILERS = [cc for cc in ("gcc", "clang") if shutil.which(cc)]
CXX = [cxx for cxx in ("g++", "clang++") if shutil.which(cxx)]

GAME = r"""
#include <hotrun/hotrun.h>
#include <stdbool.h>
#include <stdint.h>

enum weather { CLEAR, RAIN = 5, STORM = -3 };
typedef struct { float x, y; } vec2;
struct node { struct node *next; vec2 at; uint16_t tag : 3, more : 7; };
union value { int64_t whole; double real; char text[16]; };

struct game {
    int count;
    bool on;
    enum weather weather;
    struct node *first;
    struct node pool[4];
    vec2 places[2][3];
    struct { int a; char b; } inner[2];
    union { int number; float part; };
    union value value;
    int (*hit)(int);
    int (*rows)[4];
    char *names[3];
    unsigned low : 3, high : 12;
    long double big;
    struct elsewhere *opaque;
    const void *any;
    unsigned char bytes[5];
};

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    (void)host, (void)now;
    ((struct game *)state)->count++;
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct game, .name = "game", .flags = HOTRUN_STATE_PLAIN, .step = step);
"""

VARIABLES = r"""
#include <hotrun/hotrun.h>

struct game { int count; };
static int speed = 3;
int level = 1;
static _Thread_local int thread_count;
static const int limit = 8;

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    static int calls;
    (void)host, (void)now;
    ((struct game *)state)->count += speed++ + level++ + ++calls + thread_count++ + limit;
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct game, .name = "game", .step = step);
"""

CLASSES = r"""
#include <hotrun/hotrun.h>

namespace ns {
struct shape { virtual ~shape() {} virtual int area() { return 1; } int sides = 0; };
class box : public shape { public: double w = 0, h = 0; };
template <class T> struct pair { T a, b; };
enum class color : unsigned char { red, green };
}

struct game {
    int count;
    ns::box box;
    ns::pair<float> both;
    ns::color color;
    int &same = count;
};

static hotrun_status step(const hotrun_host *, void *state, const hotrun_step *)
{
    game *g = static_cast<game *>(state);
    static ns::box made; // g++ writes down classes with virtual functions where they are made
    g->count += g->box.area() + made.sides;
    return HOTRUN_OK;
}

HOTRUN_MODULE(game, .name = "game", .step = step);
"""

RUST = r"""
use std::ffi::c_void;

#[repr(C)]
pub struct Point { x: f32, y: f32 }
#[repr(u8)]
pub enum Mood { Calm, Angry = 7 }
#[repr(C)]
pub struct Game { count: i32, mood: Mood, wide: u64, at: [Point; 3], name: [u8; 5], next: *mut Game }

#[repr(C)]
pub struct Table {
    size: u32, major: u32, minor: u32, align: u32, bytes: usize,
    state_type: extern "C" fn() -> *mut Game,
    name: *const u8, flags: u32, version: u32, init: usize,
    step: extern "C" fn(*const c_void, *mut Game, *const c_void) -> i32,
    unused: [usize; 5],
}
unsafe impl Sync for Table {}

#[inline(never)]
extern "C" fn state_type() -> *mut Game { &hotrun_module_table as *const Table as *mut Game }
extern "C" fn step(_: *const c_void, state: *mut Game, _: *const c_void) -> i32 {
    unsafe { (*state).count += 1; }
    0
}

#[no_mangle]
pub static hotrun_module_table: Table = Table {
    size: std::mem::size_of::<Table>() as u32, major: 1, minor: 0,
    align: std::mem::align_of::<Game>() as u32, bytes: std::mem::size_of::<Game>(),
    state_type, name: b"game\0".as_ptr(), flags: 0, version: 0, init: 0, step, unused: [0; 5],
};
"""

# What the C compiler is to find as well: the state's own fields.
FIELDS = ("count", "on", "weather", "first", "pool", "places", "inner", "number", "part", "value", "hit",
          "rows", "names", "big", "opaque", "any", "bytes")


def of_kind(layout, kind, name):
    return next(t for t in layout["types"] if t["kind"] == kind and t["name"] == name)


class Layouts(Case):

    def make_library(self, text=GAME, cc="gcc", name="game.so", flags=()):
        source = self.write("game.cpp" if "++" in cc else "game.c", text)
        return modules.compile_library(source, self.path(name), cc, flags=flags)

    def shown(self, *words, status=0):
        done = self.command("check", "--layout", *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def parsed(self, *words, status=0):
        return json.loads(self.shown("--json", *words, status=status))

    def check_game(self, layout):
        self.assertEqual(layout["state"], "struct game")
        fields = {field["name"]: field for field in layout["types"][0]["fields"]}
        self.assertEqual(fields["pool"]["c"], "struct node[4]")
        self.assertEqual(fields["high"]["bits"], 12)
        self.assertEqual((fields["low"]["offset"], fields["low"]["bit"]), (fields["high"]["offset"], 0))
        self.assertEqual(fields["rows"]["c"], "int (*)[4]")
        self.assertEqual(fields[""]["anonymous"], True)
        values = {one["name"]: one["value"] for one in of_kind(layout, "enum", "weather")["enumerators"]}
        self.assertEqual(values, {"CLEAR": 0, "RAIN": 5, "STORM": -3})
        self.assertEqual(of_kind(layout, "union", "value")["size"], 16)
        return fields


class OfC(Layouts):

    def test_the_text_is_c_that_a_compiler_lays_out_in_just_that_way(self):
        for cc in COMPILERS:
            for level in ("-O0", "-O2"):
                with self.subTest(cc=cc, level=level):
                    self.fresh_folder()
                    library = self.make_library(cc=cc, flags=[level])
                    text, layout = self.shown(library), self.parsed(library)
                    fields = self.check_game(layout)
                    offsets = {field["name"]: field["offset"] for field in fields.values()}
                    union = layout["types"][fields[""]["type"]]
                    offsets.update({f["name"]: offsets[""] + f["offset"] for f in union["fields"]})
                    source = text.replace("(...)", "()") + "\n#include <stddef.h>\n"
                    source += f"_Static_assert(sizeof(struct game) == {layout['size']}, \"\");\n"
                    for name in FIELDS:
                        source += (f"_Static_assert(offsetof(struct game, {name}) == {offsets[name]}, "
                                   f"\"{name}\");\n")
                    path = self.write("shown.c", source)
                    done = subprocess.run([cc, "-std=gnu17", "-fsyntax-only", path],
                                          capture_output=True, text=True)
                    self.assertEqual(done.returncode, 0, done.stderr + text)

    def test_each_line_has_the_place_and_holes_are_named(self):
        text = self.shown(self.make_library())
        self.assertRegex(text, r"(?m)^    _Bool on; +/\* +4 +1 \*/$")
        self.assertRegex(text, r"(?m)^    /\* hole: 3 bytes \*/$")
        self.assertRegex(text, r"(?m)^    unsigned int high : 12; +/\* +\d+\.3  12 bits \*/$")
        self.assertRegex(text, r"(?m)^    \} inner\[2\]; +/\* +\d+ +16 \*/$")
        self.assertRegex(text, r"(?m)^\} vec2; +/\* 8 bytes, alignment 4 \*/$")
        self.assertRegex(text, r"(?m)^    vec2 places\[2\]\[3\]; ")
        self.assertTrue(text.endswith("*/\n"))

    def test_sources_are_compiled_and_nothing_of_that_stays(self):
        source = self.write("game.c", GAME)
        self.check_game(self.parsed(source))
        self.assertEqual(os.listdir(self.folder), ["game.c"])
        self.write("game.c", GAME.replace("int count;", "int count"))
        done = self.command("check", "--layout", "game.c")
        self.assertEqual(done.returncode, 126)
        self.assertIn("can't be used (build)", done.stdout)

    def test_a_module_without_a_state_says_so(self):
        self.write("game.c", GAME.replace("HOTRUN_MODULE(struct game,", "HOTRUN_MODULE_STATELESS("))
        self.assertEqual(self.shown("game.c"), "/* The module has no state. */\n")
        self.assertEqual(self.parsed("game.c")["size"], 0)

    def test_variables_are_listed_with_why_some_are_not_carried(self):
        self.write("hotrun.toml", "[state]\nstatics = true\n")
        library = self.make_library(VARIABLES, flags=["-O0"])
        told = {one["name"]: one for one in self.parsed(library)["variables"]}
        self.assertEqual({name for name, one in told.items() if one["carried"]},
                         {"speed", "level", "calls"})
        self.assertEqual((told["calls"]["function"], told["calls"]["global"]), ("step", False))
        self.assertTrue(told["level"]["global"])
        self.assertNotEqual(told["thread_count"]["reason"], "")
        text = self.shown(library)
        self.assertRegex(text, r"(?m)^static int calls; +/\* .*game\.c, in step, 4 bytes \*/$")
        self.assertRegex(text, r"(?m)^int level; ")
        self.assertRegex(text, r"(?s)start anew, and why.*/\* thread_count \(game\.c\): ")
        self.write("hotrun.toml", "[state]\nstatics = false\n")
        self.assertEqual(self.parsed(library)["variables"], [])


class OfOthers(Layouts):

    def test_cxx_has_its_names_bases_and_references(self):
        for cxx in CXX:
            with self.subTest(cxx=cxx):
                self.fresh_folder()
                flags = ["-std=c++20", *(["-fstandalone-debug"] if cxx == "clang++" else [])]
                library = self.make_library(CLASSES, cxx, flags=flags)
                text, layout = self.shown(library), self.parsed(library)
                self.assertIn("struct ns::box {\n    /* base: ns::shape */ ", text)
                self.assertIn(", virtual functions */\n", text)
                self.assertRegex(text, r"    ns::pair<float> both; ")
                self.assertRegex(text, r"    int &same; ")
                self.assertRegex(text, r"(?s)enum ns::color \{\n    red = 0,\n    green = 1,\n\}; ")
                base = of_kind(layout, "struct", "ns::box")["fields"][0]
                self.assertEqual((base["base"], base["offset"], base["size"]), (True, 0, 16))
                vtable = of_kind(layout, "struct", "ns::shape")["fields"][0]
                self.assertEqual((vtable["vtable"], vtable["offset"]), (True, 0))


    @unittest.skipUnless(shutil.which("rustc"), "there is no rustc")
    def test_rust_has_its_types_as_c(self):
        source, library = self.write("game.rs", RUST), self.path("game.so")
        subprocess.run(["rustc", "--crate-type=cdylib", "--crate-name=game", "-g", "-Anon_upper_case_globals",
                        source, "-o", library], check=True, capture_output=True)
        text, layout = self.shown(library), self.parsed(library)
        self.assertRegex(layout["state"], r"^(struct )?(game::)?Game$")
        fields = {field["name"]: field for field in layout["types"][0]["fields"]}
        places = {name: (field["offset"], field["size"]) for name, field in fields.items()}
        self.assertEqual(places, {"count": (0, 4), "mood": (4, 1), "wide": (8, 8), "at": (16, 24),
                                  "name": (40, 5), "next": (48, 8)})
        self.assertEqual(layout["types"][fields["wide"]["type"]]["kind"], "uint")
        self.assertRegex(text, r"(?m)^ +Calm = 0,\n +Angry = 7,$")
        self.assertRegex(text, r"Point at\[3\]; ")


class Missing(Layouts):
    """Where debug info is elsewhere, nowhere, or damaged."""

    def test_debug_info_may_lie_beside_a_stripped_library(self):
        library = self.make_library(flags=["-Wl,--build-id"])
        debug = library + ".debug"
        subprocess.run(["objcopy", "--only-keep-debug", library, debug], check=True)
        subprocess.run(["objcopy", "--strip-debug", f"--add-gnu-debuglink={debug}", library], check=True)
        self.check_game(self.parsed(library))
        os.remove(debug)
        told = self.parsed(library, status=126)
        self.assertEqual((told["usable"], told["stage"]), (False, "layout"))
        self.assertIn("debug", told["reason"])

    def test_without_debug_info_it_says_what_to_do(self):
        library = self.make_library(flags=["-g0"])
        self.assertRegex(self.shown(library, status=126), r"is not known: .*-g\b.*\n$")
        self.assertEqual(self.parsed(library, status=126)["stage"], "layout")

    def test_check_tells_what_carries_the_state_over(self):
        for flags, way, words in (((), "layout", r"carried over by its layout"),
                                  (("-g0",), "size", r"in place, while .*\n(.*\n)? *layout +not known: .*-g\n")):
            library = self.make_library(flags=list(flags))
            told = self.command("check", library)
            self.assertRegex(told.stdout, words)
            found = json.loads(self.command("check", "--json", library).stdout)
            self.assertEqual((found["carried_by"], "layout_reason" in found), (way, way == "size"))

    def test_what_is_no_library_is_told_as_without_the_option(self):
        self.write("game.so", "no library")
        for name in ("game.so", "gone.so"):
            plain, layout = (self.command("check", *more, name) for more in ((), ("--layout",)))
            self.assertEqual((layout.returncode, layout.stdout), (126, plain.stdout))

    def test_damaged_debug_info_is_refused_or_read_right(self):
        library = self.make_library()
        with open(library, "rb") as file:
            good = file.read()
        listed = subprocess.run(["readelf", "-SW", library], capture_output=True, text=True, check=True)
        sections = re.findall(r"\] (\.debug_\w+) +\w+ +\w+ (\w+) (\w+)", listed.stdout)
        self.assertIn(".debug_info", [name for name, _, _ in sections])
        for name, offset, size in sections:
            start, length = int(offset, 16), int(size, 16)
            for kind in ("zeros", "ones", "flipped"):
                with self.subTest(section=name, kind=kind):
                    old = good[start:start + length]
                    new = {"zeros": bytes(length), "ones": b"\xff" * length,
                           "flipped": bytes(b ^ 0x55 if i % 37 == 5 else b for i, b in enumerate(old))}
                    with open(self.path("bad.so"), "wb") as file:
                        file.write(good[:start] + new[kind] + good[start + length:])
                    done = self.command("check", "--layout", "--json", "bad.so")
                    self.assertIn(done.returncode, (0, 125, 126), done.stderr)
                    self.assertNotIn("Sanitizer", done.stderr)
                    if done.returncode != 125:
                        told = json.loads(done.stdout)
                        self.assertTrue("state" in told or told["reason"])
        self.check_game(self.parsed(library))


class Words(Layouts):

    def test_the_help_and_mistakes_name_it(self):
        self.assertIn("--layout", self.command("check", "--help").stdout)
        self.assertRegex(self.command("state", "--help").stdout, r"(?m)^  layout\n")
        for words, told in ((["--layout", "game.c"], "--layout is no option of hotrun run, but of check"),
                            (["check", "--layuot", "game.c"], "did you mean --layout?"),
                            (["state", "layout", "x"], "expected hotrun state layout\n"),
                            (["state", "layuot"], "diff or layout behind it, found \"layuot\"")):
            done = self.command(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn(told, done.stderr)

    def test_nothing_runs_here(self):
        done = self.command("state", "layout")
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertIn("no hotrun runs here", done.stderr)


class Running(Layouts):

    def test_what_runs_tells_its_layout(self):
        source = self.write("game.c", GAME)
        with self.hotrun(None, "--rate", "200", name="game.c") as run:
            run.event("loaded", generation=1)
            text = self.command("state", "layout")
            self.assertEqual((text.returncode, text.stderr), (0, ""))
            self.assertEqual(text.stdout, self.shown(source))
            told = self.command("state", "layout", "--json")
            layout = json.loads(told.stdout)
            self.check_game(layout)
            self.assertEqual(layout["shape"], self.parsed(source)["shape"])
            mark = run.events.mark()
            self.write("game.c", GAME.replace("bool on;", "bool on; double added;"))
            run.event("reloaded", mark, generation=2)
            self.assertIn("    double added; ", self.command("state", "layout").stdout)

    def test_what_has_no_debug_info_says_so(self):
        library = self.make_library(flags=["-g0"])
        with self.hotrun(None, "--rate", "200", name=os.path.basename(library)) as run:
            run.event("loaded", generation=1)
            for more in ((), ("--json",)):
                told = self.command("state", "layout", *more)
                self.assertEqual((told.returncode, told.stdout), (125, ""))
                self.assertIn("-g", told.stderr)


if __name__ == "__main__":
    main()
