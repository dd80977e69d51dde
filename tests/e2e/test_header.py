"""The headers as users compile them: every standard, gcc and clang, with many warnings as errors.

Usually each source is compiled by each compiler in each standard, at one level with one switch: other ones
in each run, which HOTRUN_TEST_SEED repeats. HOTRUN_TEST_ALL=1 asks for all."""
import itertools
import os
import random
import shutil
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = os.path.join(ROOT, "tests", "unit", "include")

WARNINGS = ("-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual "
            "-Wcast-align -Wundef -Wdouble-promotion -Wformat=2 -Wnull-dereference "
            "-Wredundant-decls -Wswitch-enum -Wwrite-strings -Wunused -Wvla -Werror").split()
ONLY_C = "-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition".split()
ONLY_CXX = "-Wold-style-cast -Wextra-semi -Wnon-virtual-dtor -Woverloaded-virtual".split()

C_COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
CXX_COMPILERS = [name for name in ("g++", "clang++") if shutil.which(name)]
C_STANDARDS = ("c11", "c17", "gnu17", "c2x")
CXX_STANDARDS = ("c++11", "c++14", "c++17", "gnu++17", "c++20", "c++2b")
LEVELS = ("-O0", "-O2")
SWITCHES = ((), ("-DHOTRUN_STATIC",))
ALL = os.environ.get("HOTRUN_TEST_ALL", "") not in ("", "0")
SEED = int(os.environ.get("HOTRUN_TEST_SEED", "0")) or random.randrange(1, 1 << 30)


def crossed(compilers, standards, names):
    """(compiler, standard, level, switch, name): all, or for each of these three the next level and switch,
    so that each source meets all of them with each compiler."""
    ways = list(itertools.product(LEVELS, SWITCHES))
    for (a, compiler), (b, standard), (c, name) in itertools.product(
            *map(enumerate, (compilers, standards, names))):
        for level, switch in ways if ALL else [ways[(SEED + a + b + c) % len(ways)]]:
            yield compiler, standard, level, switch, name


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def source(name):
    return os.path.join(SOURCES, name)


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotrun header ")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def done(self, *command):
        result = run(*command)
        self.assertEqual(result.returncode, 0, " ".join(command) + "\n" + result.stderr)
        return result.stdout

    def compile(self, compiler, *arguments):
        return run(compiler, "-I" + os.path.join(ROOT, "include"), *arguments)

    def all_compile(self, commands):
        """Compiles each and fails with all that went wrong."""
        def one(numbered):
            number, command = numbered
            return command, self.compile(*command, "-c", "-o", self.path(f"{number}.o"))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(one, enumerate(commands)))
        wrong = [" ".join(command) + "\n" + result.stderr
                 for command, result in results if result.returncode or result.stderr]
        self.assertEqual(wrong, [], f"HOTRUN_TEST_SEED={SEED}")
        self.assertGreater(len(results), 0)


class Compiles(Folder):
    def test_modules_in_c_compile_without_a_warning(self):
        self.all_compile(
            [compiler, "-std=" + standard, level, *switch, *WARNINGS, *ONLY_C, source(name)]
            for compiler, standard, level, switch, name in crossed(
                C_COMPILERS, C_STANDARDS, ("module.c", "stateless.c", "layout.c", "marked.c")))

    def test_modules_in_cpp_compile_without_a_warning(self):
        self.all_compile(
            [compiler, "-std=" + standard, level, *switch, *WARNINGS, *ONLY_CXX, "-x", "c++",
             source(name)]
            for compiler, standard, level, switch, name in crossed(
                CXX_COMPILERS, CXX_STANDARDS, ("module.c", "stateless.c", "layout.c", "marked.c")))

    def test_typed_modules_compile_without_a_warning(self):
        self.all_compile(
            [compiler, "-std=" + standard, level, *switch, *WARNINGS, *ONLY_CXX, source(name)]
            for compiler, standard, level, switch, name in crossed(
                CXX_COMPILERS, CXX_STANDARDS, ("typed.cpp", "plain.cpp", "marked.cpp")))

    def test_typed_modules_need_neither_exceptions_nor_type_information(self):
        self.all_compile(
            [compiler, "-std=c++17", *WARNINGS, "-fno-exceptions", "-fno-rtti", source(name)]
            for compiler, name in itertools.product(CXX_COMPILERS,
                                                     ("typed.cpp", "plain.cpp", "marked.cpp")))

    def test_a_main_of_ones_own_compiles_without_a_warning(self):
        text = ("#include <hotrun/static.h>\n"
                "int main(int argc, char **argv)\n"
                "{ return hotrun_static_main(&HOTRUN_TABLE, argc, argv, 30.0, NULL); }\n")
        main = self.write("main.c", text)
        self.all_compile(
            [[compiler, "-std=" + standard, "-DHOTRUN_STATIC", *WARNINGS, *ONLY_C, main]
             for compiler, standard in itertools.product(C_COMPILERS, C_STANDARDS)] +
            [[compiler, "-std=" + standard, "-DHOTRUN_STATIC", *WARNINGS, *ONLY_CXX, "-x", "c++",
              main]
             for compiler, standard in itertools.product(CXX_COMPILERS, CXX_STANDARDS)])


MISUSES = {
    "step without its third argument":
        "static hotrun_status step(const hotrun_host *h, void *s) { return !h || !s; }\n"
        'HOTRUN_MODULE_STATELESS(.name = "m", .step = step);\n',
    "serialize that takes a state it may change, and returns nothing":
        "static hotrun_status step(const hotrun_host *h, void *s, const hotrun_step *n)\n"
        "{ return !h || !s || !n; }\n"
        "static void put(const hotrun_host *h, void *s, const hotrun_writer *w)\n"
        "{ (void)h; (void)s; (void)w; }\n"
        "static hotrun_status get(const hotrun_host *h, void *s, const char *t, size_t n, "
        "uint32_t v) { return !h || !s || !t || !n || !v; }\n"
        'HOTRUN_MODULE(int, .name = "m", .step = step, .serialize = put, .deserialize = get);\n',
    "a typed state instead of void":
        "struct game { int x; };\n"
        "static hotrun_status step(const hotrun_host *h, struct game *g, const hotrun_step *n)\n"
        "{ return !h || !g || !n; }\n"
        'HOTRUN_MODULE(struct game, .name = "m", .step = step);\n',
    "a field that does not exist":
        'HOTRUN_MODULE_STATELESS(.name = "m", .stop = NULL);\n',
    "an alignment above 4096":
        "struct big { _Alignas(8192) char c; };\n"
        "static hotrun_status step(const hotrun_host *h, void *s, const hotrun_step *n)\n"
        "{ return !h || !s || !n; }\n"
        'HOTRUN_MODULE(struct big, .name = "m", .step = step);\n',
}


class Misuse(Folder):
    def refuses(self, compiler, name, text, *arguments):
        result = self.compile(compiler, *arguments, "-fsyntax-only", self.write(name, text))
        self.assertNotEqual(result.returncode, 0, f"{compiler} takes it")
        self.assertIn("error:", result.stderr)

    def test_a_callback_of_another_type_is_an_error_without_any_option(self):
        for compiler, (what, text) in itertools.product(C_COMPILERS, MISUSES.items()):
            with self.subTest(what, compiler=compiler):
                self.refuses(compiler, "m.c", "#include <hotrun/hotrun.h>\n" + text)

    def test_it_is_an_error_in_cpp_too(self):
        for compiler, (what, text) in itertools.product(CXX_COMPILERS, MISUSES.items()):
            with self.subTest(what, compiler=compiler):
                text = "#include <hotrun/hotrun.h>\n" + text.replace("_Alignas", "alignas")
                self.refuses(compiler, "m.cpp", text, "-std=c++17")

    def test_a_typed_callback_of_another_state_is_an_error(self):
        text = ("#include <hotrun/hotrun.hpp>\n"
                "struct game { int x; };\n"
                "struct other { int x; };\n"
                "static hotrun_status step(const hotrun_host &, other &, const hotrun_step &)\n"
                "{ return HOTRUN_OK; }\n"
                'HOTRUN_MODULE(game, .name = "m", .step = hotrun::step<game, step>);\n')
        for compiler in CXX_COMPILERS:
            with self.subTest(compiler=compiler):
                self.refuses(compiler, "m.cpp", text)

    def test_what_follows_the_module_has_its_usual_warnings(self):
        text = ("#include <hotrun/hotrun.h>\n"
                "static hotrun_status step(const hotrun_host *h, void *s, const hotrun_step *n)\n"
                "{ return !h || !s || !n; }\n"
                'HOTRUN_MODULE_STATELESS(.name = "m", .step = step);\n'
                "double wide(int x); double wide(int x) { return (double)x; }\n")
        for compiler in CXX_COMPILERS:
            with self.subTest(compiler=compiler):
                self.refuses(compiler, "m.cpp", text, "-Wold-style-cast", "-Werror")


class Exports(Folder):
    def symbols(self, compiler, name, *arguments):
        """The library's exported definitions."""
        library = self.path(f"lib-{compiler}.so")
        result = self.compile(compiler, "-shared", "-fPIC", *arguments, source(name), "-o", library)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = self.done("nm", "-D", "--defined-only", library).splitlines()
        return {line.split()[-1] for line in lines}

    def test_a_library_exports_its_table_and_nothing_else(self):
        for compiler in C_COMPILERS:
            with self.subTest(compiler=compiler):
                self.assertEqual(self.symbols(compiler, "module.c"), {"hotrun_module_table"})
        for compiler, name in itertools.product(CXX_COMPILERS, ("typed.cpp", "stateless.c")):
            with self.subTest(name, compiler=compiler):
                self.assertEqual(self.symbols(compiler, name, "-O2", "-x", "c++"),
                                 {"hotrun_module_table"})

    def test_the_static_switch_exports_nothing(self):
        for compiler in C_COMPILERS:
            with self.subTest(compiler=compiler):
                self.assertEqual(self.symbols(compiler, "module.c", "-DHOTRUN_STATIC"), set())


class Marks(Folder):
    """What marks leave behind: names in the debug info, and a variable for each type."""
    NAMES = (b"hotrun_renamed_speed_hotrun_was_velocity", b"hotrun_transient_scratch",
             b"hotrun_exact")
    LINKED = (["-O0"], ["-O2"], ["-O2", "-flto"],
              ["-O2", "-flto", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"])

    def make_library(self, compiler, name, *options):
        built = self.path("marked.so")
        result = self.compile(compiler, *options, "-shared", "-fPIC", source(name), "-o", built)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return built

    def test_debug_info_has_them_at_each_level_and_version(self):
        languages = [(c, "marked.c", ()) for c in C_COMPILERS]
        languages += [(c, "marked.c", ("-x", "c++")) for c in CXX_COMPILERS]
        kinds = [("-gdwarf-4", self.LINKED[0])] + [("-gdwarf-5", linked) for linked in self.LINKED]
        for (compiler, name, more), (version, linked) in itertools.product(languages, kinds):
            with self.subTest(compiler=compiler, version=version, linked=linked):
                library = self.make_library(compiler, name, *more, "-g", version, *linked)
                info = self.done("readelf", "--debug-dump=info", library).encode()
                for mark in self.NAMES:
                    self.assertIn(mark, info)
                symbols = self.done("nm", library)
                self.assertGreaterEqual(symbols.count("hotrun_type_mark"), 2, symbols)
                self.assertIn(b"hotrun_type_mark", info)

    def test_marks_of_types_are_local_also_in_inline_functions(self):
        """A symbol that other libraries could share would name a type of the first one loaded."""
        for compiler, linked in itertools.product(CXX_COMPILERS, self.LINKED):
            with self.subTest(compiler=compiler, linked=linked):
                symbols = self.done("readelf", "-sW", self.make_library(compiler, "marked.cpp", *linked))
                marks = [line.split() for line in symbols.splitlines() if "type_mark" in line]
                self.assertGreaterEqual(len(marks), 2)
                self.assertEqual({words[4] for words in marks}, {"LOCAL"})

    def test_a_host_without_a_heap_is_done_without_and_types_have_a_mark_each(self):
        pairs = [(c, c, (), "marked") for c in C_COMPILERS]
        pairs += [(c, c, ("-DHOTRUN_STATIC",), "not marked") for c in C_COMPILERS]
        pairs += [("gcc", c, ("-x", "c++"), "marked") for c in CXX_COMPILERS]
        for (c, compiler, more, said), level in itertools.product(pairs, LEVELS):
            with self.subTest(compiler=compiler, level=level, more=more):
                caller, module, program = (self.path(n) for n in ("c.o", "m.o", "program"))
                checks = "-fsanitize=address,undefined"
                for command in ((c, "-std=c11", "-c", source("call_marked.c"), "-o", caller,
                                 *(m for m in more if m.startswith("-D"))),
                                (compiler, level, checks, *more, "-c", source("marked.c"), "-o",
                                 module),
                                (compiler, checks, caller, module, "-o", program)):
                    result = self.compile(*command)
                    self.assertEqual(result.returncode, 0, result.stderr)
                result = run(program)
                self.assertEqual((result.returncode, result.stdout, result.stderr),
                                 (0, said + "\n", ""))


class Typed(Folder):
    def test_exceptions_become_errors_with_what_in_the_log(self):
        for c, cxx in (("gcc", "g++"), ("clang", "clang++")):
            if cxx not in CXX_COMPILERS:
                continue
            for standard in ("c++11", "c++17", "c++2b"):
                with self.subTest(compiler=cxx, standard=standard):
                    caller, module, program = (self.path(n) for n in ("c.o", "m.o", "program"))
                    for command in ((c, "-std=c11", "-c", source("call_typed.c"), "-o", caller),
                                    (cxx, "-std=" + standard, "-O2", "-fsanitize=undefined",
                                     "-c", source("typed.cpp"), "-o", module),
                                    (cxx, "-fsanitize=undefined", caller, module, "-o", program)):
                        result = self.compile(*command)
                        self.assertEqual(result.returncode, 0, result.stderr)
                    result = run(program)
                    self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_the_function_is_inlined_into_its_wrapper(self):
        """At -O2 the wrapper that the table names holds the code, and no other function is left:
        neither the user's, nor guard, nor a lambda."""
        for compiler, standard in itertools.product(CXX_COMPILERS, ("c++11", "c++20")):
            with self.subTest(compiler=compiler, standard=standard):
                built = self.path("plain.o")
                result = self.compile(compiler, "-std=" + standard, "-O2", "-c",
                                      source("plain.cpp"), "-o", built)
                self.assertEqual(result.returncode, 0, result.stderr)
                functions = [line.split(maxsplit=2)[2]
                             for line in self.done("nm", "-C", built).splitlines()
                             if " t " in line]
                wrapped = [f for f in functions if "hotrun::" in f]
                self.assertEqual(len(wrapped), 3, functions)
                self.assertEqual([f for f in functions if f not in wrapped
                                  and not f.startswith("hotrun_state_type")], [])
                text = self.done("objdump", "-d", "-C", "--no-show-raw-insn", built)
                self.assertNotRegex(text, r"\bcall\b")

    def test_a_throwing_function_is_inlined_as_well(self):
        for compiler in CXX_COMPILERS:
            with self.subTest(compiler=compiler):
                built = self.path("typed.o")
                result = self.compile(compiler, "-std=c++17", "-O2", "-c", source("typed.cpp"),
                                      "-o", built)
                self.assertEqual(result.returncode, 0, result.stderr)
                names = [line.split(maxsplit=1)[1][2:]
                         for line in self.done("nm", "-C", "--defined-only", built).splitlines()
                         if line[17] in "tTwW"]
                own = [name for name in names if name.startswith("(anonymous namespace)::")]
                self.assertEqual(own, [])
                self.assertEqual([name for name in names if "guard" in name], [])


if __name__ == "__main__":
    unittest.main()
