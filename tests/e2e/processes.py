"""The process table, as /proc shows it."""
import os
import re
import time


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:  # it has gone meanwhile
        return b""


def every():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat(pid):
    """(state letter, parent) of a process, ("", 0) when it is gone."""
    text = _read(f"/proc/{pid}/stat").decode(errors="replace")
    fields = text[text.rfind(")") + 1:].split()
    return (fields[0], int(fields[1])) if len(fields) > 1 else ("", 0)


def alive(pid):
    return stat(pid)[0] not in ("", "Z", "X")


def asked(holds, timeout=10):
    """Asks until holds() or the time is over: for what tells nobody when it changes."""
    until = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


def becomes(pid, letter):
    """Whether the process gets into this state in time."""
    return asked(lambda: stat(pid)[0] == letter)


def stops(pid):
    """Whether all threads of the process are stopped in time, after a SIGSTOP."""
    def letters():
        tasks = os.listdir(f"/proc/{pid}/task")
        return {stat(f"{pid}/task/{task}")[0] for task in tasks}
    return asked(lambda: letters() == {"T"})


def children(pid):
    return [other for other in every() if stat(other)[1] == pid]


def program(pid):
    """The name of the file that the process runs; "" when it is gone."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def arguments(pid):
    """Its command line; [] when it is gone."""
    return _read(f"/proc/{pid}/cmdline").decode(errors="replace").split("\0")[:-1]


def namespace_pid(pid):
    """Its pid in the innermost PID namespace that it is in."""
    match = re.search(rb"^NSpid:.*\b(\d+)$", _read(f"/proc/{pid}/status"), re.M)
    return int(match.group(1)) if match else 0


def blocked_signals(pid, task):
    """The numbers of the signals that this thread of the process does not take."""
    text = _read(f"/proc/{pid}/task/{task}/status")
    mask = int(re.search(rb"^SigBlk:\s*([0-9a-f]+)$", text, re.M).group(1), 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def zombies(pid):
    return [child for child in children(pid) if stat(child)[0] == "Z"]


def with_environment(setting):
    """The processes that were started with `setting` ("NAME=value") in their environment."""
    wanted = setting.encode()
    return [pid for pid in every()
            if wanted in _read(f"/proc/{pid}/environ").split(b"\0")]


def of_builds(pid):
    """The processes that live and were started by builds of the hotrun with this pid."""
    mark = b"HOTRUN_BUILD_OF_%d=" % pid
    return [other for other in every() if alive(other) and
            any(part.startswith(mark) for part in _read(f"/proc/{other}/environ").split(b"\0"))]


def descriptors(pid):
    """{number: what it leads to} of the open descriptors."""
    found = {}
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
            except OSError:
                pass
    except OSError:
        pass
    return found


def descriptor_flags(pid, number):
    """What open(2) calls flags, of this open descriptor; None when it is closed meanwhile."""
    match = re.search(rb"^flags:\s*([0-7]+)$", _read(f"/proc/{pid}/fdinfo/{number}"), re.M)
    return int(match.group(1), 8) if match else None


def mappings(pid):
    """The lines of /proc/PID/maps."""
    return _read(f"/proc/{pid}/maps").decode(errors="replace").splitlines()


def resident_kb(pid):
    match = re.search(rb"^VmRSS:\s+(\d+) kB", _read(f"/proc/{pid}/status"), re.M)
    return int(match.group(1)) if match else 0


def cpu_seconds(pid):
    text = _read(f"/proc/{pid}/stat").decode(errors="replace")
    fields = text[text.rfind(")") + 1:].split()
    ticks = int(fields[11]) + int(fields[12]) if len(fields) > 12 else 0
    return ticks / os.sysconf("SC_CLK_TCK")
