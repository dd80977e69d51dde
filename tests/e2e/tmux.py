"""A terminal with a screen for tests: tmux with a server of its own, and a shell in it."""
import os
import re
import shutil
import signal
import subprocess
import time

from streams import DEADLINE, Missing

THERE = shutil.which("tmux") is not None
LOOK_S = 0.03  # between two looks at the screen, which tells of nothing by itself


class Tmux:
    """`start` is what harness.Run calls: its process is the server, which ends with `close`."""

    def __init__(self, folder, columns=80, rows=24):
        self.socket = os.path.join(folder, "tmux.sock")
        self.size = (str(columns), str(rows))
        self.server = None

    def _tmux(self, *words):
        return subprocess.run(["tmux", "-N", "-S", self.socket, "-f", "/dev/null", *words],
                              capture_output=True, text=True, timeout=DEADLINE)

    def start(self, command, folder, env):
        """An interactive bash; the test types the command."""
        def free_signals():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGQUIT, signal.SIG_DFL)
        env = {**env, "HISTFILE": "", "TERM": "screen", "LC_ALL": "C.UTF-8"}
        env.pop("TMUX", None)
        self.server = subprocess.Popen(["tmux", "-S", self.socket, "-f", "/dev/null", "-u", "-D"],
                                       cwd=folder, env=env, preexec_fn=free_signals,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        until = time.monotonic() + DEADLINE
        while self._tmux("new-session", "-d", "-x", self.size[0], "-y", self.size[1],
                         "-c", folder, "env 'PS1=ready> ' bash --norc --noprofile --noediting -i").returncode != 0:
            if time.monotonic() > until:
                raise Missing(f"no session in tmux (its server: {self.server.poll()})")
            time.sleep(LOOK_S)
        return self.server

    def type(self, text):
        self._tmux("send-keys", "-l", text)

    def press(self, *names):
        """Keys by tmux's names for them: Enter, C-c, Space."""
        self._tmux("send-keys", *names)

    def resize(self, columns, rows):
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def tells(self, form):
        """What tmux knows of the pane: "#{cursor_flag}"."""
        return self._tmux("display-message", "-p", form).stdout.strip()

    def lines(self, *options):
        return self._tmux("capture-pane", "-p", *options).stdout.split("\n")[:-1]

    def history(self):
        """All lines that there were, those above the screen too."""
        return self.lines("-S", "-")

    def wait(self, pattern, timeout=DEADLINE):
        """Waits until the screen, as one text, matches the pattern."""
        return self.wait_for(lambda lines: re.search(pattern, "\n".join(lines), re.M),
                             repr(pattern), timeout)

    def wait_last(self, pattern, timeout=DEADLINE):
        """Waits until the last line matches the pattern."""
        return self.wait_for(lambda lines: re.search(pattern, lines[-1]),
                             f"{pattern!r} in the last line", timeout)

    def wait_for(self, holds, what, timeout=DEADLINE):
        until = time.monotonic() + timeout
        while True:
            lines = self.lines()
            found = lines and holds(lines)
            if found:
                return found
            if time.monotonic() > until:
                raise Missing(f"{what} did not show; there is:\n" + "\n".join(lines))
            time.sleep(LOOK_S)

    def region(self):
        """The lines that scroll, the first and the last one, from 0 on."""
        return tuple(int(n) for n in
                     self.tells("#{scroll_region_upper} #{scroll_region_lower}").split())

    def close(self):
        if self.server is not None:
            self._tmux("kill-server")
            try:
                self.server.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.server.kill()
