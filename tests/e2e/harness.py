"""Runs the real hotrun in a temp folder and waits for what it tells.

    class Saves(Case):
        def test_a_save_is_taken(self):
            with self.hotrun(probe(1)) as run:
                run.save(probe(2))
                run.event("reloaded", generation=2)

$HOTRUN names the executable, else that of the folder build/ is taken. HOTRUN_TEST_ALL=1 asks for
the full counts.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import uuid

import modules
import processes
import saves
from streams import DEADLINE, Missing, Reader, json_record, text_record

HOTRUN = os.environ.get("HOTRUN") or os.path.join(modules.ROOT, "build", "src", "cli", "hotrun")
INSPECT = os.path.join(os.path.dirname(HOTRUN), "..", "inspect", "hotrun-inspect")
ALL = os.environ.get("HOTRUN_TEST_ALL", "") not in ("", "0")

AT_REST = 0.2  # seconds in which nothing is started or opened

# What may lie in the run directory after a clean end.
KEPT = {"build", "snapshots", "crashes", "events.jsonl", "events.jsonl.1", "status.json", ".gitignore"}

# A crash in a module is to be the signal that it is without sanitizers in hotrun, too.
ASAN = ("handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:"
        "detect_odr_violation=0:log_path='{}'")


# Who was started in the background or by nohup ignores these, and hotrun would, too: a handler is
# nobody's inheritance.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, lambda *_: None)


def count(usual, full):
    """How often a test repeats itself."""
    return full if ALL else usual


def environment(folder, tag, more=None):
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("HOTRUN", "PROBE")) and key != "NO_COLOR"}
    reports = os.path.join(folder, "sanitizer")
    env.update(ASAN_OPTIONS=ASAN.format(reports), HOTRUN_TEST_TAG=tag,
               UBSAN_OPTIONS=f"print_stacktrace=1:log_path='{reports}'")
    env.update(more or {})
    return env


class Run:
    """One hotrun process. Made by Case.hotrun; used in a `with` that ends it and looks after it."""

    def __init__(self, folder, library, options, args, config, env, name, events, log, terminal,
                 prefix=(), pass_fds=()):
        self.folder, self.target = folder, os.path.join(folder, name or "libprobe.so")
        self.tag = uuid.uuid4().hex
        self.reader = Reader()
        self.finished = False
        self.wild = False  # the module does anything: what a sanitizer says may be of its doing
        if library is not None:
            saves.rename_over(self.target, library)
        if config is not None:
            with open(os.path.join(folder, "hotrun.toml"), "w", encoding="utf-8") as file:
                file.write(config)
        command = [*prefix, HOTRUN]
        self.events = self.said = None
        if events:
            path = os.path.join(folder, f"events-{self.tag[:6]}")
            self.events = self.reader.add_fifo("events", path, json_record)
            command += ["--events", path]
        command += options
        if name is not None:
            command.append(name if os.path.isabs(name) else "./" + name)
        if log:
            path = os.path.join(folder, f"probe-{self.tag[:6]}")
            self.said = self.reader.add_fifo("probe", path, json_record)
            command += ["--", path, *args]
        elif args:
            command += ["--", *args]
        self.command = command
        self._start(environment(folder, self.tag, env), terminal, pass_fds)

    def _start(self, env, terminal, pass_fds):
        if terminal is not None:
            self.out = self.err = None
            self.process = terminal.start(self.command, self.folder, env)
        else:
            out, err = os.pipe(), os.pipe()
            self.out = self.reader.add("stdout", out[0], text_record)
            self.err = self.reader.add("stderr", err[0], text_record)
            self.process = subprocess.Popen(self.command, cwd=self.folder, env=env,
                                            stdin=subprocess.DEVNULL, stdout=out[1],
                                            stderr=err[1], pass_fds=pass_fds)
            os.close(out[1])
            os.close(err[1])
        self.pid = self.process.pid
        self.reader.watch_process(self.pid)

    # Waiting

    def event(self, name, since=0, timeout=DEADLINE, **fields):
        """The first event of this name (of one of these names) with these fields."""
        names = (name,) if isinstance(name, str) else name
        return self.events.wait(
            lambda e: e.get("event") in names and all(e.get(k) == v for k, v in fields.items()),
            since, timeout, self.has_ended, f"event {'/'.join(names)} {fields or ''}")

    def call(self, name, since=0, timeout=DEADLINE, **fields):
        """The first call into the probe of this name with these fields."""
        return self.said.wait(
            lambda e: e.get("call") == name and all(e.get(k) == v for k, v in fields.items()),
            since, timeout, self.has_ended, f"call {name} {fields or ''}")

    def line(self, part, since=0, timeout=DEADLINE):
        """The first line on stderr that holds `part`."""
        return self.err.wait(lambda line: part in line, since, timeout, self.has_ended,
                             f"a line with {part!r}")

    def has_ended(self):
        return self.reader.process_ended

    def wait_end(self, timeout=DEADLINE):
        """The exit status; negative for a signal."""
        if not self.reader.wait_end(timeout):
            raise Missing(f"hotrun {self.pid} did not end in {timeout} s")
        return self.process.wait()

    # Doing

    def save(self, library, how=saves.rename_over, **more):
        """Saves the library; returns the mark of the events before it."""
        mark = self.events.mark() if self.events else 0
        how(self.target, library, **more)
        return mark

    def save_and_see(self, library, outcome="reloaded", how=saves.rename_over, **fields):
        """Saves and waits for the event that the save ends in."""
        return self.event(outcome, self.save(library, how), **fields)

    def host_pid(self):
        """The host that runs at present, as the events tell it."""
        pids = [e["host_pid"] for e in self.events.since() if "host_pid" in e]
        return pids[-1] if pids else None

    def socket_path(self):
        return os.path.join(self.folder, ".hotrun", "control.sock")

    def connect(self):
        """A stream to the control socket."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        here = os.getcwd()
        os.chdir(os.path.dirname(self.socket_path()))  # a socket's path is short
        try:
            client.connect("control.sock")  # before a time limit is set: waits for its turn
        finally:
            os.chdir(here)
        client.settimeout(DEADLINE)
        return client

    def request(self, method, params=None, number=1):
        """One JSON-RPC call; the whole answer."""
        message = {"jsonrpc": "2.0", "id": number, "method": method}
        if params is not None:
            message["params"] = params
        with self.connect() as client, client.makefile("rwb") as stream:
            stream.write(json.dumps(message).encode() + b"\n")
            stream.flush()
            return json.loads(stream.readline())

    def kill(self, number=signal.SIGTERM):
        os.kill(self.pid, number)

    # The end

    def end_by_kill(self):
        """Ends hotrun by SIGKILL, and waits until what it started has ended by itself."""
        self.kill(signal.SIGKILL)
        self.wait_end()
        self.finished = True
        assert processes.asked(lambda: not self._left()), "processes outlive a killed hotrun"

    def __enter__(self):
        return self

    def __exit__(self, kind, problem, trace):
        if kind is None:
            try:
                self.finish()
            except BaseException as other:
                other.add_note(self.account())
                self._end()
                raise
        else:
            problem.add_note(self.account())
        self._end()

    def finish(self, status=0):
        """Ends hotrun by SIGTERM if it still runs, and checks that it ends with `status` and
        leaves nothing behind."""
        if self.finished:
            return
        self.finished = True
        if not self.has_ended():
            assert processes.asked(lambda: not processes.zombies(self.pid)), "zombies below hotrun"
            self.kill()
        found = self.wait_end()
        assert found == status, f"exit status {found}, not {status}"
        self.check_nothing_left()
        if self.events:
            check_events(self.events.since())

    def settle(self):
        """Waits until the host has its spare, and whoever reads debug info is there and has nothing to
        do: then processes and descriptors are what they are at rest. How many descriptors."""
        wanted = {"hotrun-host": 2, "hotrun-inspect": 2 if os.path.exists(INSPECT) else 0}
        seen, since = None, 0.0

        def is_settled():
            nonlocal seen, since
            children = processes.children(self.pid)
            now = (len(processes.descriptors(self.pid)), sorted(children))
            if now != seen:
                seen, since = now, time.monotonic()
            programs = [processes.program(child) for child in children]
            return (time.monotonic() - since > AT_REST and
                    all(programs.count(name) == count for name, count in wanted.items()) and
                    all(waits(pid) for pid in (self.pid, *children)))

        def waits(pid):
            """Who is short of a processor for so long has something to do all the same."""
            return processes.stat(pid)[0] == "S" or processes.program(pid) == "hotrun-host"

        assert processes.asked(is_settled, 20), f"not {wanted} below hotrun"
        return seen[0]

    def check_nothing_left(self):
        left = self._left()
        assert not left, f"processes left behind: {left}"
        place = os.path.join(self.folder, ".hotrun")
        if os.path.isdir(place):
            stray = set(os.listdir(place)) - KEPT
            assert not stray, f"left in the run directory: {sorted(stray)}"
        if self.wild:
            return
        reports = [name for name in os.listdir(self.folder) if name.startswith("sanitizer")]
        assert not reports, "\n".join(self._text(name) for name in reports)
        told = [line for line in (self.err.since() if self.err else [])
                if "Sanitizer" in line or "runtime error:" in line]
        assert not told, told

    def _left(self):
        return [pid for pid in processes.with_environment(f"HOTRUN_TEST_TAG={self.tag}")
                if pid != os.getpid() and processes.alive(pid)] + processes.of_builds(self.pid)

    def _text(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def account(self):
        """What there was to see: for the message of a test that fails."""
        parts = [" ".join(self.command)]
        for stream in (self.events, self.said, self.out, self.err):
            if stream is not None:
                records = stream.since()
                parts.append(f"-- {stream.name}: {len(records)}, the last:")
                parts += [json.dumps(r) if isinstance(r, dict) else r for r in records[-25:]]
        parts += [self._text(n) for n in os.listdir(self.folder) if n.startswith("sanitizer")]
        return "\n".join(parts)

    def _end(self):
        """Ends whatever is still there. No check: the test has its result."""
        for pid in self._left():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.reader.close()


def check_events(events):
    """What holds for each run's events: the common fields, time that goes on, the fate of saves."""
    last = 0
    open_reload = open_build = None
    for e in events:
        assert "malformed" not in e, f"not a JSON object: {e}"
        missing = {"t_ns", "event", "generation", "step"} - e.keys()
        assert not missing, f"event without {missing}: {e}"
        assert e["t_ns"] >= last, f"time goes back: {e}"
        last = e["t_ns"]
        if e["event"] == "reloaded":
            assert open_reload is None, f"no fate was told of {open_reload}"
            open_reload = e
        elif e["event"] in ("confirmed", "rolled_back", "superseded"):
            open_reload = None
        elif e["event"] == "build_started":
            assert open_build is None, f"no end was told of {open_build}"
            open_build = e
        elif e["event"] in ("build_ok", "build_failed"):
            assert open_build is not None, f"no begin was told of {e}"
            open_build = None
    assert open_build is None, f"no end was told of {open_build}"


class Case(unittest.TestCase):
    """A test with a temp folder of its own, which goes when the test has passed or failed."""

    maxDiff = None

    def setUp(self):
        self.fresh_folder()

    def fresh_folder(self):
        """Another empty folder, for a test that starts several runs."""
        self.folder = tempfile.mkdtemp(prefix="hotrun e2e ")  # with spaces: they have to work
        self.addCleanup(shutil.rmtree, self.folder, True)

    def hotrun(self, library=None, *options, args=(), config=None, env=None, name="libprobe.so",
               folder=None, events=True, log=True, terminal=None, prefix=(), pass_fds=()):
        """Starts hotrun on the library with these bytes (None: no file is made). `prefix`: a
        command that starts it."""
        return Run(folder or self.folder, library, list(options), list(args), config, env, name,
                   events, log, terminal, prefix, pass_fds)

    def command(self, *words, folder=None, env=None, text=None, timeout=DEADLINE):
        """Runs a short hotrun command to its end."""
        folder = folder or self.folder
        return subprocess.run([HOTRUN, *words], cwd=folder, input=text, capture_output=True,
                              text=True, timeout=timeout, env=environment(folder, "command", env))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)


def main():
    unittest.main(verbosity=2)
