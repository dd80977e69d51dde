"""`hotrun new`: what it refuses, and what it makes of names."""
import os
import resource
import signal
import subprocess

from harness import HOTRUN, main
from new_project import ProjectCase


class Refusals(ProjectCase):

    def refused(self, *words, status, says, **more):
        done = self.command("new", *words, **more)
        self.assertEqual((done.returncode, done.stdout), (status, ""))
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def tree(self):
        return sorted(os.path.relpath(os.path.join(place, name), self.folder)
                      for place, below, names in os.walk(self.folder) for name in below + names)

    def test_what_cannot_be_is_refused_and_leaves_nothing(self):
        os.makedirs(self.path("full", "src"))
        self.write("file", "")
        os.symlink("nowhere", self.path("dangling"))
        before = self.tree()
        for words, status, says in (
                ([], 2, "expected a folder behind it"),
                ([""], 2, "an empty word"),
                (["full"], 125, "full is not empty (src is in it)"),
                (["."], 125, "is not empty"),
                ([".."], 125, "is not empty"),
                (["/"], 2, "no name of a module can be made of"),
                (["file"], 125, "file is no folder"),
                (["file/x"], 125, "cannot make the folder"),
                (["dangling"], 125, "cannot make the folder"),
                (["new/日本"], 2, "no name of a module"),
                (["n" * 64], 2, "take a shorter name"),
                (["n" * 5000], 2, "take a shorter name"),
                (["/".join(["deep"] * 2000)], 125, "File name too long"),
                (["x", "--template", "gmae"], 2, "did you mean game?"),
                (["x", "--template", "rust", "--build", "cmake"], 2, "it has cargo, make"),
                (["x", "--build", "mesno"], 2, "did you mean meson?"),
                (["test", "--build", "meson"], 2, "meson keeps the name test for itself"),
                (["core", "--template", "rust"], 2, "cargo keeps the name core for itself"),
                (["x", "y"], 2, "takes one")):
            with self.subTest(" ".join(words)[:60]):
                self.refused(*words, status=status, says=says)
                self.assertEqual(self.tree(), before)

    def test_a_disk_that_is_full_leaves_nothing(self):
        before = self.tree()
        for limit in (0, 100, 700, 1000):
            def tighten(limit=limit):
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            done = subprocess.run([HOTRUN, "new", "a/b c/game"], cwd=self.folder, text=True,
                                  env=self.environment(), capture_output=True, preexec_fn=tighten)
            self.assertEqual((done.returncode, done.stdout), (125, ""))
            self.assertIn("File too large (what was made before is removed again)", done.stderr)
            self.assertEqual(self.tree(), before)

    def test_a_folder_with_nothing_but_git_is_taken(self):
        os.makedirs(self.path("kept", ".git", "objects"))
        done = self.command("new", ".", folder=self.path("kept"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.endswith("\n  hotrun\n") and "cd" not in done.stdout)
        self.assertTrue(os.path.isdir(self.path("kept", ".git", "objects")))
        self.refused(".", folder=self.path("kept"), status=125, says="is not empty")

    def test_odd_names_become_modules_that_build(self):
        for folder, module in (("3d", "_3d"), ("int", "int_"), ("libgame/", "libgame"),
                               ("./-x", "x"), ("it's \"$HOME\" #1", "it_s_HOME_1"),
                               ("deep/er/.", "er"), ("n" * 63, "n" * 63)):
            with self.subTest(folder):
                self.project = self.path(folder)
                done = self.command("new", folder)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout.startswith(module + ": "))
                entered = done.stdout.splitlines()[1].strip()
                self.assertEqual(subprocess.run(
                    ["sh", "-c", entered + " && pwd"], cwd=self.folder, capture_output=True,
                    text=True).stdout.strip(), os.path.normpath(self.project))
                self.build()
                self.assertTrue(os.path.exists(f"{self.project}/build/lib{module}.so"))

    def test_what_builds_it_and_is_missing_is_named(self):
        done = self.command("new", "game", "--template", "rust", env={"PATH": "/nowhere"})
        self.assertEqual(done.returncode, 0)
        self.assertIn("not in PATH: cargo, rustc, cc, pkg-config", done.stderr)
        self.assertTrue(os.path.exists(self.path("game", "Cargo.toml")))


if __name__ == "__main__":
    main()
