"""Libraries for the tests: built once for each set of macros, then marked with a version."""
import atexit
import json
import os
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = os.path.join(ROOT, "tests", "modules")
INCLUDE = os.path.join(ROOT, "include")
MARK = b"@version="

_cache = {}
_folder = None


def _place():
    global _folder
    if _folder is None:
        _folder = tempfile.mkdtemp(prefix="hotrun-modules-")
        atexit.register(shutil.rmtree, _folder, True)
    return _folder


def compile_library(source, out, cc="gcc", ld=None, flags=(), libraries=()):
    """Builds `source` (a path, or a file's name in tests/modules) into the shared library `out`."""
    path = source if os.path.isabs(source) else os.path.join(SOURCES, source)
    command = [cc, "-shared", "-fPIC", "-g", "-I", INCLUDE, *flags, path, "-o", out, *libraries]
    if ld:
        command.append(f"-fuse-ld={ld}")
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return out


def built(source, cc="gcc", ld=None, flags=()):
    """The bytes of a library, built at most once in this test program."""
    key = (source, cc, ld, tuple(flags))
    if key not in _cache:
        out = os.path.join(_place(), f"built{len(_cache)}.so")
        compile_library(source, out, cc, ld, flags)
        with open(out, "rb") as file:
            _cache[key] = file.read()
    return _cache[key]


def macros(settings):
    """{"state_pad": 3} -> ["-DSTATE_PAD=3"]; True defines a name without a value."""
    return [f"-D{name.upper()}" if value is True else f"-D{name.upper()}={value}"
            for name, value in sorted(settings.items())]


def marked(library, version):
    """A copy of the bytes with another version number; everything else stays."""
    at = library.index(MARK) + len(MARK)
    return library[:at] + b"%010d" % version + library[at + 10:]


def probe(version=1, cc="gcc", ld=None, flags=(), **settings):
    """The bytes of the probe module (tests/modules/probe.c) with these macros set."""
    return marked(built("probe.c", cc, ld, (*flags, *macros(settings))), version)


def say(what, format="", *values):
    """A statement of the probe module that tells {"call": what, ...}."""
    text = json.dumps(f'"call":"{what}"' + ("," + format if format else ""))
    return f"say({', '.join([text, *values])})"


def quiet(version=1, flags=(), **settings):
    """The bytes of a module that reads nothing (tests/modules/quiet.c), with these macros set."""
    return marked(built("quiet.c", flags=(*flags, *macros(settings))), version)


def broken(fault):
    """The bytes of a library whose table is wrong (tests/modules/broken.c)."""
    return built("broken.c", flags=("-w", f"-DFAULT={fault}"))


def written(text, name="own.c", **how):
    """The bytes of a library from source text, which lies where their debug info says."""
    path = os.path.join(_place(), name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    key = (path, text, repr(sorted(how.items())))
    if key not in _cache:
        out = path + ".so"
        compile_library(path, out, **how)
        with open(out, "rb") as file:
            _cache[key] = file.read()
    return _cache[key]
