"""A terminal for tests: a pty, with or without a shell between it and hotrun."""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

from streams import DEADLINE, Missing


class Terminal:
    """The master side of a pty, read by a thread. `start` is what harness.Run calls."""

    def __init__(self, shell=False, term="dumb"):
        self.shell, self.term = shell, term
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.text = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a read may end in a character
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        try:
            while True:
                select.select([self.master], [], [])
                with self.changed:
                    self._fetch()
                    self.changed.notify_all()
        except OSError:  # its last user has gone
            pass

    def _fetch(self):
        if select.select([self.master], [], [], 0)[0]:
            self.text += self.decoder.decode(os.read(self.master, 65536))

    def start(self, command, folder, env):
        """Starts the command as the session's leader on the terminal; with `shell` an interactive
        bash is the leader, and the command is typed by the test."""
        env = {**env, "TERM": self.term}
        if self.shell:
            env.update(PS1="ready> ", HISTFILE="")
            command = ["bash", "--norc", "--noprofile", "--noediting", "-i"]

        def lead():
            # A shell's background jobs, such as a test run, have these ignored.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGQUIT, signal.SIG_DFL)
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        return subprocess.Popen(command, cwd=folder, env=env, stdin=self.slave, stdout=self.slave,
                                stderr=self.slave, preexec_fn=lead)

    def type(self, text):
        os.write(self.master, text.encode())

    def mark(self):
        """The place behind what the terminal has shown so far, whether the thread has read it or not."""
        with self.changed:
            try:
                self._fetch()
            except OSError:
                pass
            return len(self.text)

    def all_since(self, mark):
        """All that was written from the mark on until now, read or not: what stands behind it here is
        the test's own."""
        end = "\x1e"
        os.write(self.slave, end.encode())
        self.wait(end, mark)
        return self.text[mark:].split(end)[0]

    def wait(self, pattern, since=0, timeout=DEADLINE):
        """Waits until the output from `since` on matches the pattern."""
        until = time.monotonic() + timeout
        with self.changed:
            while not (found := re.search(pattern, self.text[since:])):
                left = until - time.monotonic()
                if left <= 0:
                    raise Missing(f"{pattern!r} did not show; there is:\n{self.text}")
                self.changed.wait(left)
            return found

    def settings(self):
        """The terminal's modes; special characters included."""
        return termios.tcgetattr(self.slave)

    def close(self):
        os.close(self.slave)
        self.reader.join(5)
        os.close(self.master)
