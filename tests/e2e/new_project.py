"""Projects as `hotrun new` writes them, and what a user does with them by hand."""
import json
import os
import shlex
import shutil
import subprocess
import tomllib

from harness import Case, HOTRUN, environment
import modules

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(HOTRUN))))
BUILDS = {"c": ("make", "meson", "cmake"), "cpp": ("make", "meson", "cmake"),
          "rust": ("cargo", "make")}
LANGUAGES = {"minimal": "c", "game": "c", "server": "c", "cpp": "cpp", "rust": "rust"}
PROGRAMS = {"make": ("make",), "meson": ("meson", "ninja"), "cmake": ("cmake",),
            "cargo": ("cargo",)}


def can_build(template, build):
    programs = PROGRAMS[build] + (("rustc",) if template == "rust" else ())
    return all(shutil.which(program) for program in programs)


class ProjectCase(Case):
    """Has a hotrun that pkg-config knows, under a path with a space in it."""

    def setUp(self):
        super().setUp()
        self.installed = self.path("an installed hotrun")
        os.mkdir(self.installed)
        for name, target in (("include", modules.INCLUDE),
                             ("lib", os.path.join(TREE, "src", "static"))):
            os.symlink(target, os.path.join(self.installed, name))
        self.describe("hotrun", 'Cflags: -I"${prefix}/include"')
        self.describe("hotrun-static", 'Cflags: -I"${prefix}/include" -DHOTRUN_STATIC\n'
                                       'Libs: -L"${prefix}/lib" -lhotrun-static')

    def describe(self, name, lines):
        with open(os.path.join(self.installed, name + ".pc"), "w", encoding="utf-8") as file:
            file.write(f"prefix={self.installed}\nName: {name}\nDescription: {name}\n"
                       f"Version: 0\n{lines}\n")

    def environment(self):
        path = os.path.dirname(HOTRUN) + ":" + os.environ["PATH"]
        return {**environment(self.folder, "command"), "PATH": path,
                "PKG_CONFIG_PATH": self.installed}

    def create(self, template, build, folder="my project"):
        done = self.command("new", "--template", template, "--build", build, folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"  cd {shlex.quote(folder)}\n  hotrun\n", done.stdout)
        self.project = self.path(folder)

    def toml(self):
        with open(os.path.join(self.project, "hotrun.toml"), "rb") as file:
            return tomllib.load(file)

    def task(self, label):
        with open(os.path.join(self.project, ".vscode", "tasks.json"), encoding="utf-8") as file:
            tasks = json.load(file)["tasks"]
        return next(task["command"] for task in tasks if task["label"] == label)

    def shell(self, line, status=0, **more):
        """A command as a user types it in the project's folder; what it said."""
        done = subprocess.run(line, shell=True, cwd=self.project, env=self.environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=300, **{"stdin": subprocess.DEVNULL, **more})
        self.assertEqual(done.returncode, status, f"{line}\n{done.stdout}")
        return done.stdout

    def build(self):
        """By hand, while no hotrun runs here."""
        said = self.shell(self.toml()["build"]["command"])
        self.assertNotIn("warning", said.lower())

    def read(self, name):
        with open(os.path.join(self.project, name), encoding="utf-8") as file:
            return file.read()

    def save(self, name, text):
        with open(os.path.join(self.project, name), "w", encoding="utf-8") as file:
            file.write(text)

    def change(self, name, *changes):
        """Each text is there once, and replaced by another one."""
        text = self.read(name)
        for old, new in changes:
            self.assertEqual(text.count(old), 1, old)
            text = text.replace(old, new)
        self.save(name, text)

    def start(self, *options, **more):
        return self.hotrun(None, *options, folder=self.project, name=None, log=False,
                           env={"PKG_CONFIG_PATH": self.installed}, **more)
