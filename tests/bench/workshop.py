"""Compiles the measured programs, starts hotrun, and reads what the kernel knows of processes."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATIENCE = 15.0
LIBRARY_BYTES = 15 * 1024


class Failure(Exception):
    """Something that was to be measured did not run."""


def until(question, what, patience=PATIENCE):
    """Asks again and again until the answer is true, and returns it."""
    end = time.monotonic() + patience
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failure(f"waited {patience:.0f} s in vain: {what}")
        time.sleep(0.002)


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{Path(str(words[0])).name}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values):
    """A median and how far the values lie apart: for judging how quiet the machine was."""
    return statistics.median(values), percentile(values, 0.9)


class Sheet:
    """The file of sheet.h."""

    LANE = struct.Struct("=4Q")
    HEAD = 2 * LANE.size + 8

    def __init__(self, path):
        self.path = path

    def lane(self, which):
        with open(self.path, "rb") as file:
            head = file.read(self.HEAD)
        save, first, pause, end = self.LANE.unpack_from(head, which * self.LANE.size)
        return {"save": save, "first_ns": first, "pause_ns": pause, "end_ns": end}

    def order(self, what):
        """The module does it in its next step; waits until it has begun."""
        at = 2 * self.LANE.size
        with open(self.path, "r+b", buffering=0) as file:
            file.seek(at)
            file.write(struct.pack("=Q", what))
            until(lambda: os.pread(file.fileno(), 8, at) == bytes(8), "an order to be followed")

    def samples(self):
        """Pairs of lateness in ns: as the step was told, and as it began."""
        with open(self.path, "rb") as file:
            file.seek(self.HEAD)
            (count,) = struct.unpack("=Q", file.read(8))
            data = file.read(8 * count)
        return list(struct.iter_unpack("=2I", data))


class Workshop:
    """A folder with everything compiled, and folders for runs on two filesystems."""

    def __init__(self, build, disk):
        self.build = Path(build).resolve()
        self.hotrun = self.build / "src/cli/hotrun"
        if not self.hotrun.exists():
            raise Failure(f"{self.hotrun} is not there: build it with scripts/build")
        self.folder = Path(tempfile.mkdtemp(prefix="hotrun-bench-", dir="/dev/shm"))
        self.disk = Path(tempfile.mkdtemp(prefix="bench-", dir=disk)).resolve()
        self.cc = os.environ.get("CC", "cc")
        self.counter = 0

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.disk, ignore_errors=True)

    def fresh_folder(self, on_disk=False):
        self.counter += 1
        folder = (self.disk if on_disk else self.folder) / f"run-{self.counter}"
        folder.mkdir()
        return folder

    def sheet(self):
        self.counter += 1
        return Sheet(self.folder / f"sheet-{self.counter}")

    def program(self, name, *parts, links=()):
        """Compiled with these parts of hotrun's own sources, which the build has as libraries, and
        with these of the system."""
        path = self.folder / name
        if not path.exists():
            libraries = [self.build / f"src/{part}/lib{part}.a" for part in parts]
            run(self.cc, "-std=c17", "-O2", "-Wall", "-Wextra", "-I", ROOT / "include", "-I", HERE,
                *(["-I", ROOT / "src"] if parts else []), "-o", path, HERE / f"{name}.c", *libraries,
                *(["-luv"] if parts else []), *links, "-ldl")
        return path

    def module(self, source, name, *flags):
        path = self.folder / f"{name}.so"
        if not path.exists():
            run(self.cc, "-std=c17", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared",
                "-fvisibility=hidden", "-I", ROOT / "include", "-I", HERE, *flags,
                "-o", path, HERE / f"{source}.c")
        return path

    def reloaded(self, name, *flags):
        """reloaded.c, filled up to 15 KB."""
        small = self.module("reloaded", f"{name}-small", "-DBENCH_FILLING=16", *flags)
        filling = 16
        # The linker aligns what it places: a second round comes close enough.
        for turn in range(4):
            filling += LIBRARY_BYTES - small.stat().st_size
            if filling < 16:
                return small
            small = self.module("reloaded", f"{name}-{turn}", f"-DBENCH_FILLING={filling}", *flags)
            if abs(LIBRARY_BYTES - small.stat().st_size) < 64:
                break
        return small

    def blob(self, size):
        path = self.folder / f"blob-{size}"
        if not path.exists():
            path.write_bytes(os.urandom(size))
        return path


class Hotrun:
    """A run of hotrun on `library`, copied to FOLDER/hot/libbench.so; or on a source, game.c."""

    CONFIG = '[supervise]\nprobation = "{probation}"\n{more}'

    def __init__(self, workshop, folder, library, rate, args=(), probation="10ms", more="",
                 options=()):
        self.folder = folder
        self.hot = folder / "hot"
        self.hot.mkdir(exist_ok=True)
        self.target = self.hot / ("game.c" if Path(library).suffix == ".c" else "libbench.so")
        shutil.copy(library, self.target)
        self.run_dir = folder / ".hotrun"
        self.events_path = folder / "events"
        (folder / "hotrun.toml").write_text(self.CONFIG.format(probation=probation, more=more))
        self.log = folder / "log"
        words = [workshop.hotrun, "--config", folder / "hotrun.toml", "--run-dir", self.run_dir,
                 "--events", self.events_path, "--rate", str(rate), *options, self.target, "--", *args]
        with open(self.log, "wb") as log:
            self.begun_ns = time.monotonic_ns()
            self.process = subprocess.Popen([str(word) for word in words], cwd=folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self.process.pid
        self.host_pid = None

    def __enter__(self):
        try:
            until(lambda: self.ended() or self.events("loaded"), "the first generation")
            self.host_pid = self.events("started")[0]["host_pid"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ended(self):
        if self.process.poll() is not None:
            raise Failure(f"hotrun ended with {self.process.returncode}: {self.tail()}")
        return False

    def tail(self):
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-3:])

    def events(self, name):
        if not self.events_path.exists():
            return []
        found = []
        for line in self.events_path.read_text().splitlines():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if event["event"] == name:
                    found.append(event)
        return found

    def status(self):
        return self.call("status")

    def call(self, method, params=None):
        with socket.socket(socket.AF_UNIX) as client:
            # A path in /proc is short enough for a socket's address, wherever the folder is.
            fd = os.open(self.run_dir, os.O_PATH)
            try:
                client.connect(f"/proc/self/fd/{fd}/control.sock")
            finally:
                os.close(fd)
            client.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                       "params": params or {}}).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                piece = client.recv(65536)
                if not piece:
                    raise Failure("the control socket closed without an answer")
                answer += piece
        answer = json.loads(answer)
        if "error" in answer:
            raise Failure(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def files(self):
        return sum(len(names) for _, _, names in os.walk(self.run_dir))


def memory(pid):
    """Resident and highest resident KB of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    return {name: int(re.search(rf"{name}:\s+(\d+)", text)[1]) for name in ("VmRSS", "VmHWM")}


def holdings(pid):
    """What grows in a process that leaks."""
    return {"rss": memory(pid)["VmRSS"],
            "maps": len(Path(f"/proc/{pid}/maps").read_text().splitlines()),
            "fds": len(os.listdir(f"/proc/{pid}/fd"))}


def cpu_ns(pid):
    """CPU time of all threads of a process so far."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return total


def filesystem(folder):
    """Type and device of the filesystem that holds `folder`."""
    best = ("", "?")
    for line in Path("/proc/mounts").read_text().splitlines():
        device, point, kind = line.split()[:3]
        inside = os.path.realpath(folder) + "/"
        if inside.startswith(point.rstrip("/") + "/") and len(point) >= len(best[0]):
            best = (point, f"{kind} ({device})")
    return best[1]
