"""The sources of the templates: without a warning by each compiler, as a module and as a program, and
a description of the table in Rust that is C's."""
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
                for kind in ("-O0", "-O2", "-DHOTRUN_STATIC"):
                    with self.subTest(template, cc=cc, kind=kind):
                        self.run_quiet(cc, "-std=gnu11", kind, *WARNINGS, "-I", modules.INCLUDE,
                                       "-fPIC", "-shared",
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

    @unittest.skipUnless(RUSTC, "there is no rustc")
    def test_the_structs_in_rust_are_those_of_c(self):
        in_c = self.program("sizes.c", C_SIZES, "gcc", "-I", modules.INCLUDE)()
        in_rust = self.program("sizes.rs", RUST_SIZES, RUSTC[0], "--edition", "2021",
                               "-A", "unused_macros")()
        self.assertEqual(in_rust, in_c)


if __name__ == "__main__":
    main()
