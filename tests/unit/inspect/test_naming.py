"""Real compilers' debug info, good and bad, is read by the real hotrun-inspect."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

NAME_CRASH = os.environ["NAME_CRASH"]
HOST = os.environ["HOTRUN_HOST"]

C = """\
typedef struct enemy {
    struct enemy *target;
    int hp;
} enemy;

static inline __attribute__((always_inline)) void hit(enemy *e)
{
    e->target->hp -= 1;
}

static __attribute__((noinline)) void update_enemies(enemy *e)
{
\thit(e);
    __asm__ volatile("");
}

__attribute__((visibility("default"))) void step(enemy *e)
{
    update_enemies(e);
    __asm__ volatile("");
}
"""
FRAMES = [("hit", 8, "e->target->hp -= 1;"), ("update_enemies", 13, "hit(e);"),
          ("step", 19, "update_enemies(e);")]

CXX = """\
namespace game {
struct Enemy {
    Enemy *target;
    int hp;
    void hit(int by);
    template <typename T> __attribute__((noinline)) void all(T each) { each(*this); hp++; }
};
namespace {
__attribute__((noinline)) void strike(Enemy &e) { e.target->hp -= 1; __asm__ volatile(""); }
}
__attribute__((noinline)) void Enemy::hit(int by)
{
    strike(*this);
    hp -= by;
}
}
extern "C" __attribute__((visibility("default"))) void step(game::Enemy *e)
{
    e->all([](game::Enemy &one) __attribute__((noinline)) { one.hit(1); one.hp++; });
    __asm__ volatile("");
}
"""


class Case(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotrun naming ")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, text=C, *flags, cc="gcc", name="game.c", out="game.so"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run([cc, "-shared", "-fPIC", *flags, name, "-o", out], cwd=self.folder,
                       check=True, stdin=subprocess.DEVNULL, timeout=60)
        return self.path(out)

    def run_tool(self, *words, folder=None):
        env = dict(os.environ, ASAN_OPTIONS="handle_segv=0:allow_user_segv_handler=1")
        done = subprocess.run([NAME_CRASH, *words], capture_output=True, text=True, timeout=200,
                              env=env, cwd=folder or self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def name(self, library, named_from=None):
        found = self.run_tool(HOST, library, *([named_from] if named_from else []))
        self.assertTrue(found["came"])
        return found

    def check(self, found, frames=FRAMES, file="game.c"):
        told = [(f.get("function"), f.get("line"), f.get("source"))
                for f in found["backtrace"][:len(frames)]]
        self.assertEqual(told, frames)
        for frame in found["backtrace"][:len(frames)]:
            self.assertEqual(frame["file"], file)


class Compilers(Case):

    def test_each_compiler_level_and_version_of_debug_info_is_named(self):
        for cc in ("gcc", "clang"):
            for level in ("-O0", "-O1", "-O2"):
                for version in ("-gdwarf-4", "-gdwarf-5"):
                    with self.subTest(f"{cc} {level} {version}"):
                        found = self.name(self.build(C, "-g", level, version, cc=cc))
                        self.check(found)
                        self.assertEqual(found["cause"], "SIGSEGV, write to 0x8")

    def test_a_source_that_was_named_relatively_is_quoted_from_any_folder(self):
        os.mkdir(self.path("src"))
        for version in ("-gdwarf-4", "-gdwarf-5"):
            for level in ("-O0", "-O2"):
                with self.subTest(f"{version} {level}"):
                    library = self.build(C, "-g", level, version, name="src/game.c")
                    found = self.run_tool(HOST, library, folder="/")
                    self.check(found, file=self.path("src/game.c"))

    def test_inlined_functions_have_a_frame_each_and_one_address(self):
        found = self.name(self.build(C, "-g", "-O2"))["backtrace"]
        self.assertTrue(found[0]["inlined"])
        self.assertNotIn("inlined", found[1])
        self.assertEqual(found[0]["address"], found[1]["address"])
        self.assertNotEqual(found[1]["address"], found[2]["address"])

    def test_the_columns_of_the_lines_are_aligned(self):
        self.assertEqual(self.name(self.build(C, "-g"))["lines"], """
    hit             game.c:8     e->target->hp -= 1;
    update_enemies  game.c:13    hit(e);
    step            game.c:19    update_enemies(e);""")

    def test_names_of_cplusplus_are_qualified(self):
        for cc in ("g++", "clang++"):
            with self.subTest(cc):
                found = self.name(self.build(CXX, "-g", "-O1", cc=cc, name="game.cpp"))
                names = [f["function"] for f in found["backtrace"] if f.get("file") == "game.cpp"]
                self.assertEqual(names[0], "game::(anonymous namespace)::strike")
                self.assertEqual(names[1], "game::Enemy::hit")
                self.assertIn("operator()", names[2])
                self.assertTrue(names[3].startswith("game::Enemy::all<"), names[3])
                self.assertEqual(names[4], "step")

    def test_link_time_optimised_code_is_named(self):
        self.check(self.name(self.build(C, "-g", "-O2", "-flto")))

    def test_split_debug_info_is_named_while_it_is_there(self):
        for cc, version in (("gcc", "-gdwarf-4"), ("gcc", "-gdwarf-5"), ("clang", "-gdwarf-5")):
            with self.subTest(f"{cc} {version}"):
                library = self.build(C, "-g", "-O1", version, "-gsplit-dwarf", cc=cc)
                self.check(self.name(library))
                for name in os.listdir(self.folder):
                    if name.endswith(".dwo"):
                        os.unlink(self.path(name))
                found = self.name(library)["backtrace"]
                self.assertEqual([f["line"] for f in found[:2]], [8, 19])
                self.assertEqual(found[1]["function"], "step")

    def test_compressed_debug_info_is_named(self):
        self.check(self.name(self.build(C, "-g", "-O2", "-gz")))

    def test_a_library_that_was_moved_is_named_from_its_copy(self):
        library = self.build(C, "-g")
        shutil.copy2(library, self.path("copy.so"))
        self.check(self.name(library, self.path("copy.so")))


class Missing(Case):

    def test_a_source_that_was_edited_since_is_not_quoted(self):
        library = self.build(C, "-g")
        with open(self.path("game.c"), "w", encoding="utf-8") as file:
            file.write("/* a new line */\n" + C)
        built = os.stat(library).st_mtime_ns
        os.utime(self.path("game.c"), ns=(built + 1, built + 1))
        frame = self.name(library)["backtrace"][0]
        self.assertEqual((frame["function"], frame["line"]), ("hit", 8))
        self.assertNotIn("source", frame)
        self.assertTrue(frame["source_edited"])

    def test_a_source_that_is_gone_or_no_file_is_told_by_its_line_alone(self):
        library = self.build(C, "-g")
        os.unlink(self.path("game.c"))
        self.assertNotIn("source", self.name(library)["backtrace"][0])
        os.mkfifo(self.path("game.c"))
        os.utime(self.path("game.c"), ns=(0, 0))
        frame = self.name(library)["backtrace"][0]
        self.assertEqual(frame["line"], 8)
        self.assertNotIn("source", frame)

    def test_code_without_debug_info_is_told_by_symbol_and_offset(self):
        found = self.name(self.build(C, "-O1"))["backtrace"]
        self.assertEqual([f["function"] for f in found[:2]], ["update_enemies", "step"])
        self.assertNotIn("line", found[0])
        self.assertTrue(found[0]["offset"].startswith("0x"))

    def test_a_stripped_library_still_has_what_it_exports(self):
        library = self.build(C, "-O1", "-s")
        found = self.name(library)
        self.assertNotIn("function", found["backtrace"][0])
        self.assertEqual(found["backtrace"][0]["object"], library)
        self.assertEqual(found["backtrace"][1]["function"], "step")
        self.assertIn("game.so+0x", found["lines"])

    def test_a_library_that_is_gone_is_told_by_addresses(self):
        library = self.build(C, "-g")
        found = self.name(library, self.path("gone.so"))["backtrace"]
        self.assertEqual(found[0]["object"], self.path("gone.so"))
        self.assertNotIn("function", found[0])


class Damage(Case):

    def test_damaged_debug_info_harms_nobody(self):
        variants = [("gcc", "-gdwarf-4"), ("gcc", "-gdwarf-5"), ("clang", "-gdwarf-5")]
        for i, (cc, version) in enumerate(variants):
            with self.subTest(f"{cc} {version}"):
                library = self.build(CXX, "-g", "-O1", version, cc=cc + "++" if cc == "clang"
                                     else "g++", name="game.cpp")
                found = self.run_tool("--damage", str(i + 1), "150", HOST, library,
                                      self.path("damaged.so"))
                self.assertEqual(found["answered"] + found["unanswered"], 150)
                self.assertGreater(found["named"], 30)
                self.assertLess(found["longest_ms"], 1000)


class Speed(Case):

    def test_a_small_library_that_is_open_is_named_at_once(self):
        found = self.run_tool("--warm", HOST, self.build(C, "-g"))
        self.assertLess(found["median_us"], 5000)  # some 50; the machine may be busy


if __name__ == "__main__":
    unittest.main(verbosity=2)
