"""A hotrun whose host is built without sanitizers: valgrind cannot run those, and LeakSanitizer does
not work under a debugger."""
import os
import shutil
import subprocess

import modules
from harness import HOTRUN


def _find_host():
    place = os.path.dirname(os.path.abspath(HOTRUN))
    for path in (os.path.join(place, "hotrun-host"),
                 os.path.join(os.path.dirname(place), "host", "hotrun-host")):
        if os.path.exists(path):
            return path
    raise RuntimeError(f"no hotrun-host near {HOTRUN}")


def _is_plain(path):
    with open(path, "rb") as file:
        return b"__asan_init" not in file.read()


def _build():
    """Builds the host once more, in a folder of the build folder that stays for the next time; without
    optimization, which takes a third of the time."""
    folder = os.path.join(os.path.dirname(os.path.abspath(HOTRUN)), "plain")
    quiet = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, "check": True}
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["meson", "setup", folder, modules.ROOT, "-Dbuildtype=debug",
                        "-Db_sanitize=none", "-Dtests=false"], **quiet)
    subprocess.run(["ninja", "-C", folder, "src/host/hotrun-host"], **quiet)
    return os.path.join(folder, "src", "host", "hotrun-host")


def hotrun(folder):
    """The path of a hotrun in `folder`, with a host without sanitizers beside it."""
    host = _find_host()
    copy = os.path.join(folder, "hotrun")
    shutil.copy(HOTRUN, copy)
    shutil.copy(host if _is_plain(host) else _build(), os.path.join(folder, "hotrun-host"))
    return copy
