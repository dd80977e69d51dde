"""However a source is saved: it is built, and the new code runs with the state of the old."""
import os
import random
import shutil
import subprocess
import time

from harness import count, main
from projects import Project

QUIET = 0.03  # seconds without a save, after which several that came together are built


def vim(path, number, backupcopy="auto"):
    subprocess.run(["vim", "-es", "-N", "-u", "NONE", "-i", "NONE", "--cmd",
                    f"set backupcopy={backupcopy} writebackup undofile undodir=. swapfile",
                    "-c", f"%s/SPEED.*/SPEED {number}/", "-c", "wq", path],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=60)


def vim_by_a_copy(path, number):
    vim(path, number, "yes")


def vim_by_a_new_file(path, number):
    vim(path, number, "no")


def emacs(path, number, precious="nil"):
    script = (f'(progn (setq make-backup-files t create-lockfiles t) (find-file "{path}")'
              f' (setq file-precious-flag {precious}) (goto-char (point-min))'
              f' (re-search-forward "SPEED.*") (replace-match "SPEED {number}")'
              f' (do-auto-save) (save-buffer))')
    subprocess.run(["emacs", "--batch", "-Q", "--eval", script], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=120)


def emacs_by_a_new_file(path, number):
    emacs(path, number, "t")


def text_of(number):
    return f"#define SPEED {number}\n".encode()


def vs_code(path, number):
    """The same file, cut to nothing and written from its beginning."""
    with open(path, "r+b", buffering=0) as file:
        file.truncate(0)
        file.write(text_of(number))
        os.fsync(file.fileno())


def vs_code_by_a_new_file(path, number):
    """What it does for folders that are set to be saved in one step."""
    fresh = f"{path}.vsctmp"
    with open(fresh, "wb") as file:
        file.write(text_of(number))
    os.rename(fresh, path)


def idea(path, number):
    """JetBrains' safe write: a copy beside it, and two renames."""
    with open(f"{path}___jb_tmp___", "wb") as file:
        file.write(text_of(number))
    os.rename(path, f"{path}___jb_old___")
    os.rename(f"{path}___jb_tmp___", path)
    os.unlink(f"{path}___jb_old___")


def sed(path, number):
    subprocess.run(["sed", "-i", f"s/SPEED.*/SPEED {number}/", path], check=True)


def perl(path, number):
    subprocess.run(["perl", "-pi.bak", "-e", f"s/SPEED.*/SPEED {number}/", path], check=True)


def patch(path, number):
    with open(path, encoding="ascii") as file:
        old = file.read()
    text = f"--- a\n+++ b\n@@ -1 +1 @@\n-{old}+#define SPEED {number}\n"
    subprocess.run(["patch", "-s", path], input=text, text=True, check=True)


def install(path, number):
    """A link put in the file's place."""
    fresh = f"{path}.tmp"
    with open(fresh, "wb") as file:
        file.write(text_of(number))
    os.unlink(path)
    os.link(fresh, path)
    os.unlink(fresh)


WAYS = (vim, vim_by_a_copy, vim_by_a_new_file, emacs, emacs_by_a_new_file, vs_code,
        vs_code_by_a_new_file, idea, sed, perl, patch, install)


def builds_in(events):
    return [e for e in events if e["event"] == "build_started"]


class Chain(Project):

    def begin(self, run):
        run.event("loaded", generation=1)
        return self.runs_at(run, 1)

    def saved(self, run, number, save, saves=1):
        """Saves, and sees the code of this number run; what the state has counted by then. No more
        is built than once for each of the saves, and for the pauses that they can have had.
        `saves` 2: of several files, whose first is built by itself where a moment follows."""
        mark, said, begun = run.events.mark(), run.said.mark(), time.monotonic()
        save()
        took = time.monotonic() - begun
        counted = self.runs_at(run, number, said)
        events = run.events.since(mark)
        self.assertIn(len(builds_in(events)), range(1, 1 + saves + int(took / QUIET)), events)
        self.assertFalse([e for e in events if e["event"] in ("crashed", "held", "rolled_back")])
        return counted


class Editors(Chain):

    def test_each_ways_save_takes_effect_with_the_state_kept(self):
        with self.build_run() as run:
            before = self.begin(run)
            number = 1
            for way in WAYS * count(1, 5):
                number += 1
                with self.subTest(way=way.__name__):
                    counted = self.saved(run, number, lambda: way(self.path("src/speed.h"), number))
                    self.assertGreater(counted, before)
                    before = counted
            self.assertEqual(run.request("status")["result"]["generation"], number)

    def test_what_editors_leave_beside_a_source_is_no_save(self):
        with self.build_run() as run:
            self.begin(run)
            mark, said = run.events.mark(), run.said.mark()
            for name in ("speed.h~", ".speed.h.swp", "#speed.h#", "4913", ".speed.h.un~",
                         "speed.h.bak", "speed.h.orig", "speed.h.crswap", ".speed.h.kate-swp"):
                self.write("src/" + name, "#define SPEED 9\n")
            os.symlink("somebody@here.1:2", self.path("src/.#speed.h"))
            self.speed(2)
            self.runs_at(run, 2, said)
            self.assertEqual([e["cause"] for e in builds_in(run.events.since(mark))],
                             ["src/speed.h changed"])

    def test_a_save_of_the_configuration_is_told_and_builds_nothing(self):
        with self.build_run() as run:
            self.begin(run)
            mark, said, lines = run.events.mark(), run.said.mark(), run.err.mark()
            self.write("hotrun.toml", self.config("false"))
            run.line("hotrun.toml changed: it is read when hotrun starts again", lines)
            self.speed(2)
            self.runs_at(run, 2, said)
            self.assertEqual(len(builds_in(run.events.since(mark))), 1)

    def test_a_formatter_on_save(self):
        tool = ["clang-format", "-i"] if shutil.which("clang-format") else ["sed", "-i", "s/  */ /g"]
        with self.build_run() as run:
            before = self.begin(run)
            for number in range(2, count(5, 20)):
                def save(number=number):
                    self.write("src/speed.h", f"#define   SPEED     {number}\n")
                    subprocess.run([*tool, self.path("src/speed.h")], check=True)
                counted = self.saved(run, number, save, saves=2)
                self.assertGreater(counted, before)
                before = counted
                with open(self.path("src/speed.h"), encoding="ascii") as file:
                    self.assertEqual(file.read(), f"#define SPEED {number}\n")

    def test_an_editor_that_saves_by_itself_all_the_time(self):
        """The last save is what runs in the end, however the saves before it have ended builds.
        (-B: a save while the compiler runs is older than what it makes, so that make rests.)"""
        with self.build_run("sleep 0.15; make -B") as run:
            before = self.begin(run)
            for number in range(2, 22):
                self.speed(number)
                time.sleep(0.1)  # the pace of the saves is what is tested
            self.assertGreater(self.runs_at(run, 21), before)
            self.assertFalse([line for line in run.err.since() if "left out" in line])


class Storms(Chain):
    FILES = 200

    def spread(self, number):
        """Writes the files, in any order, with the one that counts among them."""
        names = [f"src/many/part{i}.h" for i in range(self.FILES - 1)] + ["src/speed.h"]
        random.Random(number).shuffle(names)
        for name in names:
            with open(self.path(name), "wb", buffering=0) as file:
                file.write(text_of(number))

    def git(self, *args):
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        subprocess.run(["git", "-c", "user.name=me", "-c", "user.email=me@here", "-c",
                        "gc.auto=0", *args], cwd=self.folder, env=env, check=True,
                       capture_output=True)

    def branches(self):
        """A repository with a branch for each of two numbers; the first is there."""
        os.mkdir(self.path("src/many"))
        self.write(".gitignore", "*.so\nhotrun.toml\nevents-*\nprobe-*\n")
        self.git("init", "-q", "-b", "one")
        self.spread(1)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "one")
        self.git("checkout", "-q", "-b", "two")
        self.spread(2)
        self.git("commit", "-q", "-a", "-m", "two")
        self.git("checkout", "-q", "one")

    def test_two_hundred_saves_at_once_are_one_build(self):
        os.mkdir(self.path("src/many"))
        with self.build_run() as run:
            before = self.begin(run)
            for number in range(2, count(6, 30)):
                counted = self.saved(run, number, lambda: self.spread(number), saves=2)
                self.assertGreater(counted, before)
                before = counted

    def test_the_checkout_of_a_branch_is_one_build(self):
        self.branches()
        with self.build_run() as run:
            before = self.begin(run)
            for number in (2, 1) * count(2, 10):
                branch = ("one", "two")[number - 1]
                counted = self.saved(run, number, lambda: self.git("checkout", "-q", branch),
                                     saves=2)
                self.assertGreater(counted, before)
                before = counted

    def test_a_branch_without_the_sources_and_back(self):
        self.branches()
        self.git("checkout", "-q", "--orphan", "bare")
        self.git("rm", "-r", "-q", "--cached", "src")
        self.git("commit", "-q", "-m", "bare")
        self.git("checkout", "-q", "-f", "one")
        with self.build_run() as run:
            before = self.begin(run)
            mark = run.events.mark()
            self.git("checkout", "-q", "bare")
            self.assertFalse(os.path.exists(self.path("src")))
            run.event("build_failed", since=mark, cancelled=False)
            said = run.said.mark()
            self.git("checkout", "-q", "two")
            self.assertGreater(self.runs_at(run, 2, said), before)

    def test_a_stash_a_rebase_and_a_reset(self):
        self.branches()
        with self.build_run() as run:
            before = self.begin(run)
            steps = ((3, lambda: self.speed(3)), (1, lambda: self.git("stash", "-q")),
                     (3, lambda: self.git("stash", "pop", "-q")),
                     (2, lambda: self.git("reset", "-q", "--hard", "two")))
            for number, step in steps:
                counted = self.saved(run, number, step, saves=2)
                self.assertGreater(counted, before)
                before = counted


if __name__ == "__main__":
    main()
