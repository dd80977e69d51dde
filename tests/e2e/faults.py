"""One run of hotrun in which a chosen call fails, and what must hold of it whichever that is."""
import json
import os
import signal
import socket
import struct
import subprocess
import time

import harness
import processes
from modules import probe
from streams import Missing

FAULTY = os.environ.get("HOTRUN_FAULTY", "")
QUICK = ("[supervise]\nprobation = '50ms'\nprobation_steps = 2\nstop_timeout = '1s'\n"
         "[watch]\npoll_ms = 100\n")
PATIENCE = 2.5  # seconds until a save that nothing was heard of is made again
FRAMES = 16
PAGE = struct.Struct(f"=QQQ{FRAMES}Q64s")
CPU_MOST = 2.0


class Fault:
    """A call that fails, and the page that the processes share about it."""

    def __init__(self, folder, kind, number, more=False):
        self.path = os.path.join(folder, "fault")
        self.setting = f"{kind}:{number}{'+' if more else ''}"
        with open(self.path, "wb") as file:
            file.write(b"\0" * PAGE.size)

    def environment(self):
        return {"HOTRUN_FAULT": self.setting, "HOTRUN_FAULT_LOG": self.path}

    def page(self):
        with open(self.path, "rb") as file:
            return PAGE.unpack(file.read(PAGE.size))

    def calls(self):
        return self.page()[0]

    def fired(self):
        return self.page()[1] > 0

    def account(self):
        """Which call failed, and who made it."""
        _, fired, _, *frames, call = self.page()
        name = call.rstrip(b"\0").decode()
        if not fired:
            return f"{self.setting}: no call failed"
        kind = self.setting.split(":")[0]
        program = FAULTY if kind == "supervisor" else f"{os.path.dirname(FAULTY)}/hotrun-{kind}"
        # A frame is where the call returns to: one less is in the call.
        places = [hex(frame - 1) for frame in frames if 0 < frame < 1 << 40]
        told = subprocess.run(["addr2line", "-fse", program, *places], capture_output=True,
                              text=True, check=False).stdout.split("\n")
        chain = [f"{told[i]} {told[i + 1]}" for i in range(0, len(told) - 1, 2)]
        return f"{self.setting}: {name}, by\n    " + "\n    ".join(chain)


def until(run, holds, timeout):
    """Waits until holds() or hotrun's end. False: neither came."""
    with run.reader.lock:
        return run.reader.lock.wait_for(lambda: run.has_ended() or holds(), timeout)


class Trial:
    """The scenario: start, two saves, a broken one, a crash, some commands, the end."""

    def __init__(self, case, kind, number, more=False, allowed=0):
        """`allowed`: descriptors of the supervisor in the end."""
        self.allowed = allowed
        self.folder = case.fresh_place()
        self.fault = Fault(self.folder, kind, number, more)
        self.run = harness.Run(self.folder, probe(1), ["--rate", "200"], [], QUICK,
                               self.fault.environment(), "libprobe.so", True, True, None)
        self.saved, self.stays = 1, more
        self.descriptors, self.held = 0, {}

    def __enter__(self):
        return self

    def __exit__(self, kind, problem, trace):
        if problem is not None:
            problem.add_note(self.fault.account())
            problem.add_note(self.run.account())
        self.run._end()

    # Doing

    def steps(self, version):
        return [c for c in self.run.said.records
                if c.get("call") == "step" and c["version"] == version]

    def refused(self, since):
        words = ("not loaded", "held", "back to", "crashed", "unchanged")
        return [line for line in self.run.err.records[since:] if any(w in line for w in words)]

    def comes_to_run(self, heard=0):
        """Saves until the version that was saved last runs; the fault costs one save at most, what
        it left behind another."""
        for _ in range(4):
            version = self.saved
            until(self.run, lambda: self.steps(version) or self.refused(heard), PATIENCE)
            if self.steps(version) or self.run.has_ended():
                return
            self.saved += 1
            heard = self.run.err.mark()
            self.run.save(probe(self.saved))
        raise Missing(f"version {self.saved} does not come to run")

    def save(self):
        if not self.run.has_ended():
            heard = self.run.err.mark()
            self.saved += 1
            self.run.save(probe(self.saved))
            self.comes_to_run(heard)

    def save_broken(self):
        if not self.run.has_ended():
            heard = self.run.err.mark()
            self.run.save(b"\177ELF and nothing else")
            until(self.run, lambda: self.refused(heard), PATIENCE)

    def crash(self):
        """The host dies in confirmed code, and the same code goes on."""
        if self.run.has_ended():
            return
        confirmed = lambda: any(e.get("event") == "confirmed"
                                and e["generation"] >= self.saved for e in self.run.events.records)
        until(self.run, confirmed, 0.5)
        pid = self.host()
        said = self.run.said.mark()
        try:
            os.kill(pid, signal.SIGSEGV)
        except ProcessLookupError:
            return
        back = lambda: [c for c in self.run.said.records[said:]
                        if c.get("call") == "step" and c["pid"] != pid]
        if not until(self.run, back, PATIENCE):
            self.save()  # held: a library brings it on

    def host(self):
        with self.run.reader.lock:
            return [c["pid"] for c in self.run.said.records if "pid" in c][-1]

    def count_descriptors(self):
        self.held = processes.descriptors(self.run.pid)
        return len(self.held)

    def ask(self, method, params=None):
        """The answer of the control socket; None: it did not answer."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(self.run.socket_path())
                client.sendall(json.dumps(message).encode() + b"\n")
                line = client.makefile("rb").readline()
            return json.loads(line) if line else None
        except OSError:
            return None

    def ask_twice(self, method, params=None):
        """The fault costs one answer at most."""
        if self.run.has_ended():
            return None
        answer = self.ask(method, params)
        if answer is None:
            answer = self.ask(method, params)
        assert answer is not None or self.run.has_ended(), f"no answer to {method}"
        return answer

    def end(self):
        """Asked to end it does, in time."""
        if not self.run.has_ended():
            self.spent = processes.cpu_seconds(self.run.pid)
            assert self.spent < CPU_MOST, f"the supervisor used {self.spent} s of CPU time"
            # A spare host that is on its way holds more for a moment, one that is missing less.
            if self.allowed:
                processes.asked(lambda: self.count_descriptors() <= self.allowed)
            else:
                self.run.settle()
                self.count_descriptors()
            self.descriptors = len(self.held)
            # Hosts that cannot start die again and again: each is reaped, a moment later.
            assert processes.asked(lambda: not processes.zombies(self.run.pid), 3), "zombies below hotrun"
            # Obeyed, though the answer may be what was lost: a second order would be one to kill.
            obeys = "result" in (self.ask("quit") or {})
            patience = PATIENCE if obeys else 0.5
            if not self.run.reader.wait_end(patience):
                self.run.kill()
        self.status = self.run.wait_end(10)
        self.fault_calls = self.fault.calls()

    def play_short(self):
        """For faults that stay: what can be expected is that it ends, and says why."""
        until(self.run, lambda: self.steps(1) or self.refused(0), PATIENCE)
        if not self.run.has_ended():
            self.run.save(probe(2))
            until(self.run, lambda: self.steps(2), 0.3)
        self.end()

    def play(self):
        self.comes_to_run()
        self.save()
        self.save_broken()
        self.save()
        self.crash()
        self.ask_twice("status")
        self.ask_twice("snapshot")
        self.save()
        self.end()

    # Looking

    def check(self):
        words = ("error: ", "crashed ", "held")
        told = [line for line in self.run.err.since() if line.startswith(words)]
        assert self.status >= 0, f"hotrun died of signal {-self.status}"
        assert self.status in (0, 2, 125, 126) or self.stays, f"exit status {self.status}"
        assert self.status == 0 or told, f"status {self.status} without a word"
        assert "error: " not in told, "an error without a sentence"
        # Its own code may give up, but not trip.
        for event in self.run.events.since():
            if event.get("event") == "crashed" and event.get("in") == "host":
                assert event.get("signal") not in ("SIGBUS", "SIGFPE", "SIGILL"), event
        if self.status == 125:
            self.remove_lock()
        self.run.check_nothing_left()
        self.check_states()

    def remove_lock(self):
        """Where locks cannot be had, the file for one may stay: it could be another's."""
        lock = os.path.join(self.folder, ".hotrun", "lock")
        if os.path.exists(lock) and os.path.getsize(lock) == 0:
            os.unlink(lock)

    def check_states(self):
        """Each generation starts from a whole state that some code has saved, and none is lost."""
        saved, generations, first = {0}, 0, None
        came_with = {}
        for call in self.run.said.since():
            key = (call.get("pid"), call.get("version"))
            if call["call"] == "init":
                came_with[key] = None
            elif call["call"] == "deserialize":
                came_with[key] = call["count"]
                assert call["count"] in saved, f"a state that nobody saved: {call}"
            elif call["call"] == "serialize":
                saved.add(call["count"])
            elif call["call"] == "step":
                first = first or call
                assert call["hash"] == first["hash"], f"a mixed state: {call}"
                start = came_with.get(key)
                assert call["count"] == (start or 0) + 1, f"not from the state it got: {call}"
                assert start is not None or generations < 2, f"the state is lost: {call}"
                generations += 1
