"""The sources of the templates: without a warning by each compiler, readers of JSON that agree with
one another, and a description of the table in Rust that is C's."""
import json
import os
import shutil
import subprocess
import unittest

from harness import Case, main
import modules

TEMPLATES = os.path.join(modules.ROOT, "src", "project", "templates")
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
RUSTC = [path for path in dict.fromkeys((shutil.which("rustc"), "/usr/bin/rustc"))
         if path and os.path.exists(path)]

# A state, a key, and its value; None: it leaves the value as it is.
STATES = ('{"a": 1, "b": -2}', '{"b":3,"a":4}', '{ "a" : 5 }', '{\n\t"a"\n:\n6\n}', '{"a":7}', "{}",
          '{"ab": 1, "b": 2}', '{"x": {"a": 1, "b": 2}, "b": 3}', '{"x": [{"a": 1}], "a": 8}',
          r'{"x": "\"a\": 1", "b": 2}', r'{"x": "\\", "a": 9}', r'{"x\"": 1, "a": 10, "y": "}"}',
          '{"x": "a", "b": 11}', '{"a": "12", "b": null}', '{"a": true, "b": []}',
          '[{"a": 1}]', '"a"', "1", "null", '{"a": -9223372036854775808, "b": 9223372036854775807}',
          '{"x": "\u00e4\u65e5", "a": 13}', '{"x": [[["]"]]], "a": 14}', "[]", '{"a": {"a": 1}}')

C = r"""
#include "json.h"
#include <stdio.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        long long a = -1, b = -1;
        double x = -1;
        json_integer(argv[i], "a", &a);
        json_integer(argv[i], "b", &b);
        json_double(argv[i], "b", &x);
        printf("%lld %lld %.0f\n", a, b, x);
    }
}
"""
CPP = r"""
#include "json.hpp"
#include <cstdio>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        long long a = -1, b = -1;
        double x = -1;
        json::read(argv[i], "a", a);
        json::read(argv[i], "b", b);
        json::read(argv[i], "b", x);
        std::printf("%lld %lld %.0f\n", a, b, x);
    }
}
"""
RUST = r"""
#[path = "PLACE/json.rs"]
mod json;
fn main() {
    for text in std::env::args().skip(1) {
        let (mut a, mut b, mut x) = (-1i64, -1i64, -1f64);
        json::read(&text, "a", &mut a);
        json::read(&text, "b", &mut b);
        json::read(&text, "b", &mut x);
        println!("{} {} {:.0}", a, b, x);
    }
}
"""
C_SIZES = r"""
#include <hotrun/hotrun.h>
int main(void)
{
    printf("%zu %zu %zu %zu %zu %zu %zu\n", sizeof(hotrun_step), sizeof(hotrun_writer),
           sizeof(hotrun_event), sizeof(hotrun_host), sizeof(hotrun_module),
           _Alignof(hotrun_host), _Alignof(hotrun_module));
    printf("%d %d %d %d %d %d %d\n", HOTRUN_LOG_INFO, HOTRUN_LOG_ERROR, HOTRUN_EVENT_ROLLED_BACK,
           HOTRUN_EVENT_FD_READY, HOTRUN_EVENT_MESSAGE, HOTRUN_EVENT_STOPPING,
           HOTRUN_STEP_RESTORED);
}
"""
RUST_SIZES = r"""
#[path = "PLACE/hotrun.rs"]
mod hotrun;
use hotrun::*;
use std::mem::{align_of, size_of};
fn main() {
    println!("{} {} {} {} {} {} {}", size_of::<Step>(), size_of::<Writer>(), size_of::<Event>(),
             size_of::<Host>(), size_of::<Table>(), align_of::<Host>(), align_of::<Table>());
    println!("{} {} {} {} {} {} {}", LOG_INFO, LOG_ERROR, EVENT_ROLLED_BACK, EVENT_FD_READY,
             EVENT_MESSAGE, EVENT_STOPPING, STEP_RESTORED);
}
"""


class Templates(Case):

    def run_quiet(self, *command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), " ".join(command))
        return done.stdout

    def program(self, source, text, *compiler):
        """What a program prints that is compiled from this text."""
        self.write(source, text.replace("PLACE", os.path.join(TEMPLATES, "rust", "src")))
        self.run_quiet(*compiler, source, "-o", "program")
        return lambda *words: self.run_quiet(self.path("program"), *words)

    def test_c_sources_have_no_warning(self):
        for template in ("minimal", "game", "server"):
            for cc in filter(shutil.which, ("gcc", "clang")):
                for level in ("-O0", "-O2"):
                    with self.subTest(template, cc=cc):
                        self.run_quiet(cc, "-std=gnu11", level, *WARNINGS, "-I", modules.INCLUDE,
                                       "-I", os.path.join(TEMPLATES, "c"), "-fPIC", "-shared",
                                       os.path.join(TEMPLATES, template, "NAME.c"), "-o", "out.so")

    def test_cpp_sources_have_no_warning(self):
        for cxx in filter(shutil.which, ("g++", "clang++")):
            for standard in ("-std=c++11", "-std=c++20"):
                with self.subTest(cxx, standard=standard):
                    self.run_quiet(cxx, standard, *WARNINGS, "-I", modules.INCLUDE, "-fPIC",
                                   "-shared", os.path.join(TEMPLATES, "cpp", "NAME.cpp"),
                                   "-o", "out.so")

    @unittest.skipUnless(RUSTC, "there is no rustc")
    def test_rust_sources_have_no_warning(self):
        for rustc in RUSTC:
            with self.subTest(rustc):
                self.run_quiet(rustc, "--edition", "2021", "-D", "warnings", "--crate-type",
                               "cdylib", os.path.join(TEMPLATES, "rust", "src", "lib.rs"),
                               "--crate-name", "sample", "-o", "out.so")
                for source in ("rust/src/main.rs", "rust-cargo/build.rs"):
                    self.run_quiet(rustc, "--edition", "2021", "-D", "warnings", "--emit",
                                   "metadata", os.path.join(TEMPLATES, source), "-o", "out")

    def readings(self):
        """What each state says of "a" and "b", by Python's reader."""
        for state in STATES:
            tree = json.loads(state)
            numbers = [tree.get(key) if isinstance(tree, dict) else None for key in "abb"]
            numbers = [n if type(n) is int else -1 for n in numbers]
            yield f"{numbers[0]} {numbers[1]} {float(numbers[2]):.0f}"

    def compare(self, *program):
        with_states = self.program(*program)
        for state, found, expected in zip(STATES, with_states(*STATES).splitlines(),
                                          self.readings(), strict=True):
            self.assertEqual(found, expected, state)

    def test_the_reader_in_c_reads_as_others_do(self):
        self.compare("reader.c", C, "gcc", "-fsanitize=address,undefined", "-I",
                     os.path.join(TEMPLATES, "c"))

    def test_the_reader_in_cpp_reads_as_others_do(self):
        self.compare("reader.cpp", CPP, "g++", "-fsanitize=address,undefined", "-I",
                     os.path.join(TEMPLATES, "cpp"))

    @unittest.skipUnless(RUSTC, "there is no rustc")
    def test_the_reader_in_rust_reads_as_others_do(self):
        self.compare("reader.rs", RUST, RUSTC[0], "--edition", "2021")

    @unittest.skipUnless(RUSTC, "there is no rustc")
    def test_the_structs_in_rust_are_those_of_c(self):
        in_c = self.program("sizes.c", C_SIZES, "gcc", "-I", modules.INCLUDE)()
        in_rust = self.program("sizes.rs", RUST_SIZES, RUSTC[0], "--edition", "2021",
                               "-A", "unused_macros")()
        self.assertEqual(in_rust, in_c)


if __name__ == "__main__":
    main()
