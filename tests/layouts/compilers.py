"""Builds many small libraries at once, with the compilers that are there."""
import concurrent.futures
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = [f"-I{os.path.join(ROOT, 'include')}", f"-I{os.path.join(ROOT, 'tests', 'layouts')}"]
SHARED = ["-shared", "-fPIC", "-g", "-w"]

# A file-wide difference, and each kind of debug info that the compilers write by default.
C_WAYS = [("gcc", "-O0"), ("clang", "-O2"), ("gcc", "-O2"), ("clang", "-O0"), ("gcc", "-O2 -flto"),
          ("clang", "-O2 -flto -fuse-ld=lld"), ("gcc", "-O0 -gdwarf-4 -fdebug-types-section"),
          ("clang", "-O0 -gdwarf-4")]
RUST_WAYS = [("rustc", "-Copt-level=0"), ("rustc", "-Copt-level=2")]
PLUS = {"gcc": "g++", "clang": "clang++"}


def ways(language):
    """(compiler, flags) pairs of a language that can be had here, the usual one first."""
    if language == "rust":
        return RUST_WAYS if shutil.which("rustc") else []
    found = []
    for compiler, flags in C_WAYS:
        name = PLUS[compiler] if language == "c++" else compiler
        if shutil.which(name) and ("lld" not in flags or shutil.which("ld.lld")):
            # Without it clang leaves out what it thinks that the standard library's own file has.
            standalone = " -fstandalone-debug" if name == "clang++" else ""
            found.append((name, flags + standalone))
    return found


def command(language, way, sources, out):
    compiler, flags = way
    if language == "rust":
        return [compiler, "--edition=2021", "--crate-type=cdylib", "-Cpanic=abort", "-g", "-Awarnings",
                "--crate-name=pair", *flags.split(), *sources, "-o", out]
    standard = "-std=gnu++17" if language == "c++" else "-std=gnu17"
    return [compiler, standard, *SHARED, *INCLUDE, *flags.split(), *sources, "-o", out, "-lm"]


def build(jobs):
    """Runs (command, cwd) jobs side by side; the messages of each that failed."""
    def run(job):
        words, folder = job
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return f"{' '.join(words)}\n{done.stderr}" if done.returncode != 0 else None
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [failure for failure in pool.map(run, jobs) if failure]
