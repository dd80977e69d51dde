"""A module that is linked into an ordinary program: direct calls, no loader, and the same life."""
import glob
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODULE = os.path.join(ROOT, "tests", "modules", "ordinary.c")
FLAGS = ["-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", "-DHOTRUN_STATIC", "-pthread",
         "-I" + os.path.join(ROOT, "include"), "-I" + os.path.join(ROOT, "src")]
COMPILERS = {"gcc": [], "clang": ["-fuse-ld=lld"]}  # with the options for -flto
COMPILERS = {name: more for name, more in COMPILERS.items() if shutil.which(name)}
MARK = "0x5eed5"  # a number that only `step` of the module holds
STOPPING = 11
DEADLINE = 60
LONGEST_DT = 0.2  # seconds; somewhat less than what a step tells at most

OWN_MAIN = """
#include <hotrun/static.h>
int main(int argc, char **argv)
{
    return hotrun_static_main(&hotrun_module_table, argc, argv, 500, "{\\"level\\": 3}");
}
"""

BY_HAND = """
#include <hotrun/hotrun.h>
static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    hotrun_logf(host, HOTRUN_LOG_WARN, "by hand %d", state == NULL && now->index == 0);
    return HOTRUN_EXIT;
}
const hotrun_module hotrun_module_table = {FIELDS .step = step};
"""

TWO = """
#include <hotrun/static.h>
#include <stdio.h>
extern const hotrun_module left_table, right_table;
int main(int argc, char **argv)
{
    hotrun_static *run[2] = {hotrun_static_begin(&left_table, argc, argv, 0, NULL),
                             hotrun_static_begin(&right_table, argc, argv, 0, NULL)};
    const hotrun_module *table[2] = {&left_table, &right_table};
    hotrun_status status[2] = {HOTRUN_OK, HOTRUN_OK};
    for (int live = 2, i = 0; live > 0; i = !i) {
        const hotrun_step *step = hotrun_static_next(run[i], status[i]);
        if (step)
            status[i] = table[i]->step(hotrun_static_host(run[i]), hotrun_static_state(run[i]),
                                       step);
        else if (run[i]) {
            printf("%d\\n", hotrun_static_end(run[i]));
            run[i] = NULL;
            live--;
        }
    }
    return 0;
}
"""

ONE_OF_TWO = """
#include <hotrun/hotrun.h>
static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    *(int *)state += AMOUNT;
    if (now->index == 3)
        host->request_exit(host, *(int *)state);
    return HOTRUN_OK;
}
HOTRUN_MODULE(int, .name = "one", .step = step);
"""


def build(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode or result.stderr:
        raise AssertionError(" ".join(command) + "\n" + result.stderr)
    return result.stdout


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def make_archive(folder, compiler, *more):
    """libhotrun-static.a, as it is installed: plain objects."""
    os.makedirs(folder)
    objects = []
    for source in glob.glob(os.path.join(ROOT, "src", "static", "*.c")):
        objects.append(os.path.join(folder, os.path.basename(source)[:-2] + ".o"))
        build(compiler, *FLAGS, *more, "-c", source, "-o", objects[-1])
    archive = os.path.join(folder, "libhotrun-static.a")
    build("ar", "rcs", archive, *objects)
    return archive


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="hotrun static ")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.archive = make_archive(os.path.join(cls.folder, "archive"), next(iter(COMPILERS)))

    def setUp(self):
        signal.signal(signal.SIGALRM, self.too_late)
        signal.alarm(2 * DEADLINE)
        self.addCleanup(signal.alarm, 0)

    def too_late(self, *_):
        raise TimeoutError(f"{self.id()} waits for what does not come")

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)


class Release(Folder):
    """What the compiler and the linker make of it."""

    def program(self, compiler, lto, own_main, *more):
        program = self.path(f"program-{compiler}-{lto}-{own_main}")
        sources = [MODULE]
        if own_main:
            sources.append(write(self.path("main.c"), OWN_MAIN))
        options = ["-flto", *COMPILERS[compiler]] if lto else []
        build(compiler, *FLAGS, *options, *more, *sources, self.archive, "-o", program)
        return program

    def code(self, program):
        """The instructions of each function."""
        functions = {}
        text = build("objdump", "-d", "--no-show-raw-insn", program)
        for block in re.finditer(r"^[0-9a-f]+ <([^>]+)>:\n((?:.+\n?)*)", text, re.M):
            functions[block[1]] = block[2].splitlines()
        return functions

    def called_from_main(self, functions):
        """main and what it reaches by direct calls and jumps, the program's side (the archive's
        functions that start with hotrun_static) and the C library left out."""
        reached, waiting = set(), ["main"]
        while waiting:
            name = waiting.pop()
            if name in reached or name not in functions or name.startswith("hotrun_static_"):
                continue
            reached.add(name)
            for line in functions[name]:
                target = re.search(r"\b(?:call|j\w+)\s+[0-9a-f]+ <([^>+]+)", line)
                if target and not target[1].endswith("@plt"):
                    waiting.append(target[1])
        return reached

    def assert_direct(self, program):
        functions = self.code(program)
        loop = [line for name in ("main", "hotrun_module_table_step") for line in
                functions.get(name, [])]
        indirect = [line for line in loop if re.search(r"\b(?:call|jmp)\s+\*", line)
                    and "GLIBC" not in line]
        self.assertEqual(indirect, [], "the loop calls through a pointer")
        reached = self.called_from_main(functions)
        self.assertTrue(any(MARK in line for name in reached for line in functions[name]),
                        f"step is not reached from main by direct calls: {reached}")

    def test_lto_makes_the_call_of_step_a_direct_one_or_inlines_it(self):
        for compiler, own_main in itertools.product(COMPILERS, (False, True)):
            with self.subTest(compiler=compiler, own_main=own_main):
                self.assert_direct(self.program(compiler, True, own_main))

    def test_without_lto_the_call_is_direct_with_the_main_of_the_archive(self):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                self.assert_direct(self.program(compiler, False, False))

    def test_the_proof_sees_a_call_through_a_pointer(self):
        """Without -flto a main of one's own in another file cannot know the table."""
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler), self.assertRaises(AssertionError):
                self.assert_direct(self.program(compiler, False, True))

    def test_the_program_has_no_loader_and_no_exported_table(self):
        for compiler, lto in itertools.product(COMPILERS, (False, True)):
            with self.subTest(compiler=compiler, lto=lto):
                program = self.program(compiler, lto, False, "-rdynamic")
                dynamic = build("nm", "-D", program)
                self.assertNotIn("hotrun_module_table", dynamic)
                for name in ("dlopen", "dlsym", "dlclose", "inotify", "uv_"):
                    self.assertNotIn(name, build("nm", program) + dynamic)

    def test_the_archive_defines_main_and_names_of_its_own_only(self):
        names = {line.split()[-1] for line in build("nm", "--defined-only", "-g",
                                                    self.archive).splitlines() if " " in line}
        strange = {n for n in names if not n.startswith("hotrun_static_")}
        self.assertEqual(strange, {"main", "hotrun_module_table_step"})


class Program(Folder):
    """What the program does, as it is built by default and with sanitizers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        compiler = next(iter(COMPILERS))
        checks = ["-fsanitize=address,undefined", "-fno-sanitize-recover", "-g"]
        checked = make_archive(cls.path("checked"), compiler, *checks)
        cls.program = cls.path("program")
        build(compiler, *FLAGS, *checks, MODULE, checked, "-o", cls.program)
        cls.build = staticmethod(lambda name, *sources: build(
            compiler, *FLAGS, *checks, *sources, checked, "-o", cls.path(name)))

    def start(self, *arguments, program=None, **more):
        return subprocess.Popen([program or self.program, *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **more)

    def run_it(self, *arguments, program=None, text="", **env):
        with self.start(*arguments, program=program, stdin=subprocess.PIPE,
                        env={**os.environ, **env}) as process:
            out, err = process.communicate(text, timeout=DEADLINE)
        self.assertNotIn("Sanitizer", err)
        return process.returncode, out.splitlines(), err.splitlines()

    def test_exit_from_step_ends_with_0_after_stopping_and_fini(self):
        status, out, err = self.run_it("exit", "more")
        self.assertEqual((status, err), (0, []))
        self.assertEqual(out, ["init 2 {} 1", f"event {STOPPING} - 0", "fini 3 1"])

    def test_request_exit_gives_the_status(self):
        status, out, _ = self.run_it("status", "7")
        self.assertEqual((status, out[1:]), (7, [f"event {STOPPING} - 7", "fini 3 1"]))

    def test_request_exit_in_init_ends_before_the_first_step(self):
        status, out, _ = self.run_it("leave")
        self.assertEqual((status, out[1:]), (9, [f"event {STOPPING} - 9", "fini 3 0"]))

    def test_an_error_of_init_is_told_and_ends_with_126(self):
        status, out, err = self.run_it("init-error")
        self.assertEqual((status, out[1:]), (126, []))
        self.assertEqual(err, ["error: the reason",
                               "error: ordinary can't run: init returned HOTRUN_ERR_IO"])

    def test_an_error_of_step_is_told_and_ends_with_126(self):
        for what, word in (("step-error", "HOTRUN_ERR_SCHEMA"), ("no-status", "HOTRUN_ERR")):
            with self.subTest(what):
                status, out, err = self.run_it(what)
                self.assertEqual((status, out[1:]), (126, []))
                self.assertEqual(err, [f"error: ordinary ends: step 0 returned {word}"])

    def test_a_signal_ends_it_with_0_after_stopping_and_fini(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), self.start("tell") as process:
                self.assertEqual(process.stdout.readline(), "init 1 {} 1\n")
                self.assertEqual(process.stdout.readline(), "step\n")
                process.send_signal(number)
                out, err = process.communicate(timeout=DEADLINE)
                self.assertEqual((process.returncode, err), (0, ""))
                self.assertEqual(out.splitlines()[-2:], [f"event {STOPPING} - 0", "fini 3 1"])

    def test_a_second_signal_ends_a_module_that_is_stuck(self):
        with self.start("stuck") as process:
            process.stdout.readline()
            self.assertEqual(process.stdout.readline(), "stuck\n")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.stdout.readline(), "stuck\n")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=DEADLINE)
            self.assertIn(process.returncode, (-signal.SIGINT, -signal.SIGTERM))

    def test_a_signal_that_was_ignored_at_the_start_stays_ignored(self):
        ignore = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
        with self.start("tell", preexec_fn=ignore) as process:
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            for _ in range(5):
                self.assertEqual(process.stdout.readline(), "step\n")
            process.terminate()
            process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, 0)

    def ran(self, steps, *hz):
        status, out, err = self.run_it("rate", str(steps), *map(str, hz))
        self.assertEqual((status, err), (0, []))
        took, told = (int(word) for word in out[1].split()[1:])
        rate = hz[0] if hz else 60
        if rate == 0:
            near = took / 10 + 1e6
        else:  # a step that comes LONGEST_DT late tells of no more
            near = 0 if took / 1e9 - steps / rate < LONGEST_DT else took - steps / rate * 1e9
        self.assertAlmostEqual(took, told, delta=near, msg="dt_ns does not add up to now_ns")
        return took / 1e9

    def test_steps_keep_to_the_grid_of_the_rate(self):
        for hz, steps in ((60, 30), (1000, 300)):
            with self.subTest(hz):
                took = self.ran(steps, hz)
                self.assertGreater(took, (steps - 1) / hz)
                self.assertLess(took, steps / hz + 1)  # a busy machine may hold it up

    def test_the_rate_of_the_main_of_the_archive_is_60(self):
        took = self.ran(30)
        self.assertGreater(took, 29 / 60)
        self.assertLess(took, 30 / 60 + 1)

    def test_rate_0_is_as_fast_as_possible(self):
        self.assertLess(self.ran(1_000_000, 0), 5)

    def test_wake_of_a_thread_brings_the_next_step(self):
        status, out, _ = self.run_it("wake")  # the next one is due in a quarter of an hour
        self.assertEqual((status, out[-1]), (0, "fini 3 1"))

    def test_a_watched_descriptor_is_told_until_it_ends(self):
        status, out, err = self.run_it("stdin", text="hello\n")
        self.assertEqual((status, out[1:3]), (4, ["keep 0", "watch 0"]))
        self.assertIn("read hello", out)
        self.assertEqual(out[-2:], [f"event {STOPPING} - 4", "fini 3 1"])
        self.assertEqual(err, ["warn: on_event returned HOTRUN_ERR for event 8"])

    def test_a_plain_file_cannot_be_watched(self):
        with open(MODULE, encoding="utf-8") as file:
            with self.start("stdin", stdin=file) as process:
                lines = [process.stdout.readline() for _ in range(3)]
                process.terminate()
                process.communicate(timeout=DEADLINE)
        self.assertEqual(lines[1:], ["keep 0\n", "watch -1\n"])

    def test_things_are_kept_by_name(self):
        _, out, err = self.run_it("keep")
        self.assertEqual(out[1:-2], [
            "keep -1 0 kept 1 1 forgotten 0 1",
            "keep_fd -4 -1 0 kept 1 -1 replaced 0 1 watch -1 0 ended 0 -1",
            "extension 1"])
        self.assertEqual(err, [])

    def test_objects_are_plain_memory_that_is_freed(self):
        status, out, err = self.run_it("objects")
        self.assertEqual((status, out[1], err),
                         (0, "objects 1 1 aligned 1 none 1 1 size 32", []))

    def test_objects_that_are_left_are_leaks_of_the_module(self):
        with self.start("objects", "left") as process:
            _, err = process.communicate(timeout=DEADLINE)
        self.assertNotEqual(process.returncode, 0)
        self.assertRegex(err, r"LeakSanitizer(?s:.*)make_objects")
        self.assertIn("SUMMARY: AddressSanitizer: 32000 byte(s) leaked in 1 allocation(s)", err)

    def test_marks_leave_nothing_in_a_program(self):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                plain = self.path("marks-" + compiler)
                build(compiler, *FLAGS, "-g", MODULE, self.archive, "-o", plain)
                with open(plain, "rb") as file:
                    program = file.read()
                self.assertIn(b"make_objects", program)
                for name in (b"hotrun_renamed", b"hotrun_exact", b"hotrun_type_mark"):
                    self.assertNotIn(name, program)

    def test_requests_for_what_is_not_there_do_nothing(self):
        status, out, err = self.run_it("requests")
        self.assertEqual((status, out[1:], err), (0, [f"event {STOPPING} - 0", "fini 3 1"], []))

    def test_the_log_goes_to_stderr_by_level(self):
        lines = ["a debug line", "an info line", "warn: a warn line"]
        for level, first in (("trace", 0), ("debug", 0), ("info", 1), ("warn", 2), ("error", 3)):
            with self.subTest(level):
                self.assertEqual(self.run_it("log", HOTRUN_LOG=level)[2], lines[first:])

    def test_a_main_of_ones_own_gives_rate_and_config(self):
        self.build("own", write(self.path("own.c"), OWN_MAIN), MODULE)
        status, out, _ = self.run_it("exit", program=self.path("own"))
        self.assertEqual((status, out[0]), (0, 'init 1 {"level": 3} 1'))

    def hand_written(self, fields):
        source = write(self.path("hand.c"), BY_HAND.replace("FIELDS", fields))
        self.build("hand", source)
        status, _, err = self.run_it(program=self.path("hand"))
        return status, err

    def test_a_table_that_is_written_by_hand_is_run(self):
        whole = ".size = sizeof(hotrun_module), .abi_major = 1, .state_align = 1,"
        self.assertEqual(self.hand_written(whole), (0, ["warn: by hand 1"]))

    def test_a_table_that_is_not_right_ends_with_126_and_the_reason(self):
        size = ".size = sizeof(hotrun_module),"
        for fields, reason in (
                (".size = 40, .abi_major = 1, .state_align = 1,", "size is smaller"),
                (size + ".abi_major = 2, .state_align = 1,", "another major version"),
                (size + ".abi_major = 1, .state_align = 3,", "power of two"),
                (size + ".abi_major = 1, .state_align = 1, "
                 ".serialize = (hotrun_status(*)(const hotrun_host *, const void *, "
                 "const hotrun_writer *))1,", "both or none")):
            with self.subTest(reason):
                status, err = self.hand_written(fields)
                self.assertEqual((status, len(err)), (126, 1))
                self.assertIn(reason, err[0])

    def test_two_modules_run_in_one_program(self):
        parts = []
        for name, amount in (("left", 1), ("right", 5)):
            text = f"#define HOTRUN_TABLE {name}_table\n#define AMOUNT {amount}\n" + ONE_OF_TWO
            parts.append(write(self.path(name + ".c"), text))
        self.build("two", write(self.path("two.c"), TWO), *parts)
        status, out, err = self.run_it(program=self.path("two"))
        self.assertEqual((status, sorted(out), err), (0, ["20", "4"], []))


if __name__ == "__main__":
    unittest.main()
