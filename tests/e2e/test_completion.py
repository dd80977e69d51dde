"""What the shells complete behind `hotrun`, asked of the shells themselves."""
import os
import re
import shlex
import subprocess
import unittest

from harness import Case, HOTRUN, main
from terminal import Terminal

# The line up to the cursor, and what is offered. {files}: what lies in the folder.
ROWS = (
    ("hotrun stat", {"status", "state"}),
    ("hotrun sna", {"snapshot"}),
    ("hotrun nothing-is-called-so", set()),
    ("hotrun completion ", {"bash", "zsh", "fish"}),
    ("hotrun completion f", {"fish"}),
    ("hotrun completion fish ", set()),
    ("hotrun --rate ", {"max", "once"}),
    ("hotrun -r o", {"once"}),
    ("hotrun run --rate m", {"max"}),
    ("hotrun run --rate=m", {"max"}),
    ("hotrun run --rate=", {"max", "once"}),
    ("hotrun status --log-level ", {"trace", "debug", "info", "warn", "error"}),
    ("hotrun status --log-level=d", {"debug"}),
    ("hotrun reload --fo", {"--force"}),
    ("hotrun status --fo", set()),
    ("hotrun rollback --json --ke", {"--keep-state"}),
    ("hotrun --name run --res", {"--resume", "--restore"}),
    ("hotrun status --name ", set()),
    ("hotrun step ", set()),
    ("hotrun reload ", set()),
)
FILES = (
    ("hotrun restore sav", {"saved game.json"}),
    ("hotrun restore --name x sav", {"saved game.json"}),
    ("hotrun --config sav", {"saved game.json"}),
    ("hotrun run gam", {"game.c", "gamedir"}),
    ("hotrun run --run-dir gam", {"gamedir"}),
    ("hotrun run ./libgame.so -- sav", {"saved game.json"}),
)
EVIL = ("$(touch pwned)", "`touch pwned`", "'; touch pwned; '", "\"$(touch pwned)\"", "*",
        "a\\ b", "${x:=$(touch pwned)}", "(touch pwned)", "--rate=$(touch pwned)",
        "--$(touch pwned)", "$(touch pwned)/", "`touch pwned`/", "<(touch pwned)/")


class Bash:
    """Asks the function for words, and readline (through a pty) for files."""

    def __init__(self, test):
        self.test = test
        self.script = test.script("bash")
        self.terminal = self.shell = None

    @staticmethod
    def split(line):
        """As readline does: '=' stands alone."""
        words = re.split(r" ", line)
        return [part for word in words for part in (re.findall(r"=|[^=]+", word) or [""])]

    def words(self, line):
        words = self.split(line)
        if line.endswith("="):
            words[-1] = "="
        code = (f"source {shlex.quote(self.script)}; COMP_WORDS=({shlex.join(words)});"
                f"COMP_CWORD={len(words) - 1}; _hotrun; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        return set(self.test.shell("bash", "--norc", "-c", code).split())

    def open(self):
        """An interactive one, whose `hotrun` shows its words and whose Tab puts in all that is
        offered."""
        self.terminal = Terminal()
        env = {**os.environ, "PS1": "ready> ", "HISTFILE": "", "TERM": "dumb"}
        self.shell = self.terminal.start(["bash", "--norc", "--noprofile", "-i"],
                                         self.test.folder, env)
        self.terminal.type("hotrun() { printf '<%s>' \"$@\"; echo; }; bind 'set bell-style none'; "
                           "bind 'set enable-bracketed-paste off'; bind 'TAB:insert-completions'; "
                           f"source {shlex.quote(self.script)}; echo so''urced\n")
        self.terminal.wait("sourced\r?\n(?s:.*)ready> ")

    def type(self, text, until):
        if self.terminal is None:
            self.open()
        since = self.terminal.mark()
        self.terminal.type(text)
        return self.terminal.wait(until, since)

    def files(self, line):
        shown = self.type(line + "\t\n", r"\n(<[^\n]*>)\r?\nready> ")[1]
        words = re.findall("<(.*?)>", shown)
        return {word.rstrip("/") for word in words[len(line.split(" ")) - 2:]}

    def press(self, line):
        self.words(line)
        self.type(line + "\t\x15echo do''ne\n", r"\ndone\r?\nready> ")

    def close(self):
        if self.terminal is not None:
            self.shell.kill()
            self.shell.wait()
            self.terminal.close()


class Zsh:
    """One interactive shell, whose Tab puts in all that is offered."""

    SETUP = ("autoload -Uz compinit && compinit -u -D; source {script}\n"
             "all() {{ _main_complete; compstate[insert]=all; unset 'compstate[list]' }}\n"
             "show() {{ print -r -- \"<$BUFFER>\"; BUFFER=; zle redisplay }}\n"
             "zle -C all complete-word all; bindkey '^I' all; zle -N show; bindkey '^O' show\n"
             "PS1='ready> '; unsetopt zle_bracketed_paste beep; print so''urced\n")

    def __init__(self, test):
        self.terminal = Terminal()
        self.shell = self.terminal.start(["zsh", "-f", "-i"], test.folder,
                                         {**os.environ, "TERM": "dumb", "COLUMNS": "2000"})
        self.terminal.type("stty cols 2000; unset zle_bracketed_paste\n")
        for line in self.SETUP.format(script=shlex.quote(test.script("zsh"))).splitlines():
            self.terminal.type(line + "\n")
        self.terminal.wait("sourced\r?\n(?s:.*)ready> ")

    def press(self, line):
        since = self.terminal.mark()
        self.terminal.type(line + "\t\x0f")
        return self.terminal.wait(r"<(hotrun [^\r\n]*)>\r", since)[1]

    def words(self, line):
        found = self.press(line)
        start = line.rindex(" ") + 1
        last = line[start:]
        words = shlex.split(found[start:], posix=True)
        if "=" in last:
            words = [word.split("=")[-1] for word in words]
            last = last.split("=")[-1]
        words = {word.rstrip("/") for word in words}
        return words - {last, ""}

    files = words

    def close(self):
        self.shell.kill()
        self.shell.wait()
        self.terminal.close()


class Fish:
    def __init__(self, test):
        self.test = test
        self.script = test.script("fish")

    def words(self, line):
        code = f"source {shlex.quote(self.script)}; complete -C {self.quoted(line)}"
        lines = self.test.shell("fish", "--no-config", "-c", code).splitlines()
        offered = {line.split("\t")[0] for line in lines}
        return {word.split("=")[-1].replace("\\ ", " ").rstrip("/") for word in offered}

    files = press = words

    @staticmethod
    def quoted(text):
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def close(self):
        pass


class Completion:
    """The same for each shell; `asker` is how it is asked."""

    def setUp(self):
        super().setUp()
        self.shell_asked = self.asker(self)
        self.addCleanup(self.shell_asked.close)
        for name in ("saved game.json", "game.c"):
            self.write(name, "")
        os.mkdir(self.path("gamedir"))

    def script(self, shell):
        script = subprocess.run([HOTRUN, "completion", shell], check=True, capture_output=True)
        path = self.path(f"completion.{shell}")
        with open(path, "wb") as file:
            file.write(script.stdout)
        return path

    def shell(self, *command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False,
                              env={**os.environ, "HOME": self.folder})
        self.assertEqual(done.stderr, "", command)
        return done.stdout

    def help(self, *words):
        return subprocess.run([HOTRUN, *words, "--help"], check=True, capture_output=True,
                              text=True).stdout

    def commands(self):
        part = self.help().split("\nCommands:\n")[1].split("\n\n")[0]
        return {line.split()[0] for line in part.splitlines()}

    def test_words_are_offered_where_they_can_stand(self):
        for line, expected in ROWS:
            with self.subTest(line=line):
                self.assertEqual(self.shell_asked.words(line), expected)

    def test_files_are_offered_where_a_file_is_named(self):
        for line, expected in FILES:
            with self.subTest(line=line):
                self.assertEqual(self.shell_asked.files(line), expected)

    def test_every_command_is_offered(self):
        offered = self.shell_asked.words("hotrun ")
        self.assertLessEqual(self.commands(), offered)
        self.assertGreater(len(self.commands()), 10)

    def test_every_command_has_the_options_of_its_help(self):
        for command in self.commands():
            with self.subTest(command=command):
                options = set(re.findall(r"^  (?:-\w, |    )(--[\w-]+)", self.help(command), re.M))
                self.assertEqual(self.shell_asked.words(f"hotrun {command} --"), options)

    def test_what_is_typed_is_not_evaluated(self):
        for evil in EVIL:
            for line in (f"hotrun {evil}", f"hotrun {evil} sta", f"hotrun restore {evil}",
                         f"hotrun --config {evil}", f"hotrun --wrap {evil}"):
                with self.subTest(line=line):
                    self.shell_asked.press(line)
                    pwned = self.path("pwned")
                    if os.path.exists(pwned):
                        os.unlink(pwned)
                        self.fail("it was evaluated")


class InBash(Completion, Case):
    asker = Bash

    def test_a_library_or_source_is_offered_beside_the_commands(self):
        self.assertEqual(self.shell_asked.words("hotrun g"), {"game.c"})


class InZsh(Completion, Case):
    asker = Zsh


class InFish(Completion, Case):
    asker = Fish


class Wrong(Case):

    def test_a_shell_that_is_not_known_is_refused(self):
        for words in (("completion",), ("completion", "csh"), ("completion", "bash", "zsh")):
            done = self.command(*words)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stdout, "")
        self.assertIn("expected bash, zsh or fish, found \"csh\"", self.command("completion", "csh").stderr)

    def test_a_wrong_configuration_does_not_matter(self):
        self.write("hotrun.toml", "this is [no TOML\n")
        self.assertEqual(self.command("completion", "bash").returncode, 0)


if __name__ == "__main__":
    main()
