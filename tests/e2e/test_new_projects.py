"""What `hotrun new` writes is built, run, edited, reloaded, crashed, mended and released."""
import json
import os
import re
import signal
import socket
import subprocess

from harness import ALL, main
from new_project import BUILDS, LANGUAGES, ProjectCase, can_build
from terminal import Terminal

TRAP = "__builtin_trap();"
RATE = ("--rate", "600")  # so that a line that comes each 60 steps comes soon


class Edits:
    """What a user changes in a template: a text that shows, a new field, a step that crashes."""

    def __init__(self, source, shown, field, crash):
        self.source, self.shown, self.field, self.crash = source, shown, field, crash


EDITS = {
    "minimal": Edits(
        "my_project.c", ('"count %lld"', '"total %lld"'),
        [("long long by;", "long long by, extra;"),
         ('\\"by\\": %lld}", state->count, state->by)',
          '\\"by\\": %lld, \\"extra\\": %lld}", state->count, state->by, state->extra)'),
         ('json_integer(json, "by", &state->by);',
          'json_integer(json, "by", &state->by);\njson_integer(json, "extra", &state->extra);')],
        ("state->count += state->by;", TRAP)),
    "game": Edits(
        "my_project.c", ('INFO, "score %lld', 'INFO, "total %lld'),
        [("long long score, best;", "long long score, best, extra;"),
         ('\\"best\\": %lld}"', '\\"best\\": %lld, \\"extra\\": %lld}"'),
         ("state->paddle, state->score,\n                         state->best);",
          "state->paddle, state->score, state->best, state->extra);"),
         ('json_integer(json, "best", &state->best);',
          'json_integer(json, "best", &state->best);\njson_integer(json, "extra", &state->extra);')],
        ("move_ball(state, (double)now->dt_ns * 1e-9);", TRAP)),
    "server": Edits(
        "my_project.c", ('"%lld visitors, %lld lines"', '"total %lld visitors, %lld lines"'),
        [("long long visitors;", "long long visitors, extra;"),
         ('\\"visitors\\": %lld}"', '\\"visitors\\": %lld, \\"extra\\": %lld}"'),
         ("state->lines,\n                         state->visitors);",
          "state->lines, state->visitors, state->extra);"),
         ('json_integer(json, "visitors", &state->visitors);',
          'json_integer(json, "visitors", &state->visitors);\n'
          'json_integer(json, "extra", &state->extra);'),
         ("now->index % 3600", "now->index % 60")],
        ("const struct state *state = memory;\n    if", TRAP + "const struct state *state = memory;\n"
         "    if")),
    "cpp": Edits(
        "my_project.cpp", ('"%lld steps, ', '"total %lld steps, '),
        [("double sum = 0;", "double sum = 0;\ndouble extra = 0;"),
         ('<< ", \\"seconds\\": [";', '<< ", \\"extra\\": " << s.extra << ", \\"seconds\\": [";'),
         ('json::read(object, "sum", s.sum);',
          'json::read(object, "sum", s.sum);\njson::read(object, "extra", s.extra);')],
        ("s.count++;", TRAP)),
    "rust": Edits(
        "src/lib.rs", ('"count {}"', '"total {}"'),
        [("    by: i64,", "    by: i64,\n    extra: i64,"), ("by: 1 }", "by: 1, extra: 0 }"),
         ('\\"by\\": {}}}", self.count, self.by)',
          '\\"by\\": {}, \\"extra\\": {}}}", self.count, self.by, self.extra)'),
         ('json::read(json, "by", &mut self.by);',
          'json::read(json, "by", &mut self.by);\njson::read(json, "extra", &mut self.extra);')],
        ("self.count += self.by;", "self.count += [self.by][now.size as usize];")),
}

# Each template once, and each way to build; all of them where there is time.
USUAL = [("minimal", "make"), ("game", "cmake"), ("server", "meson"), ("cpp", "make"),
         ("rust", "cargo")]
EVERY = [(template, build) for template, language in LANGUAGES.items()
         for build in BUILDS[language]]


class Lives(ProjectCase):

    def live(self, template, build):
        if not can_build(template, build):
            self.skipTest(f"{build} is not installed")
        self.create(template, build)
        self.shell("git init -q && git add -A && git -c user.name=a -c user.email=b commit -qm 1")
        edits = EDITS[template]
        whole = self.read(edits.source)
        more = ["--", "0"] if template == "server" else []
        with self.start(*RATE, *more) as run:
            run.event("loaded")
            self.edit(run, edits)
            self.crash(run, edits)
            mark = run.events.mark()
            self.save(edits.source, whole)
            mended = run.event("reloaded", mark)["state"]
            self.assertEqual((mended["how"], mended["dropped"]), ("json", ["extra"]))
        self.release(template)
        self.assertEqual(self.shell("git status --porcelain"), "")

    def edit(self, run, edits):
        mark, said = run.events.mark(), run.err.mark()
        self.change(edits.source, edits.shown, *edits.field)
        state = run.event("reloaded", mark)["state"]
        self.assertEqual((state["how"], state["added"], state["dropped"]), ("json", ["extra"], []))
        line = run.line("total ", said)
        if re.search(r"total \d+( steps.*)?$", line):  # what counts, counts on
            self.assertGreater(int(re.search(r"total (\d+)", line)[1]), 60)
        run.event("confirmed", mark)

    def crash(self, run, edits):
        mark = run.events.mark()
        self.change(edits.source, edits.crash)
        back = run.event("rolled_back", mark)
        self.assertGreater(back["to"], 1)
        said = run.err.mark()
        run.line("total ", said)

    def release(self, template):
        self.shell(self.task("release"))
        folder = os.path.dirname(self.toml()["module"]["path"]).replace("debug", "release")
        program = os.path.join(self.project, folder, "my_project")
        words = ["0"] if template == "server" else []
        with subprocess.Popen([program, *words], cwd=self.project, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              text=True) as process:
            self.assertRegex(process.stderr.readline(), "count 1|score 0|listening|60 steps")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(60), 0)
        needed = subprocess.run(["readelf", "-d", program], capture_output=True, text=True).stdout
        self.assertNotIn("hotrun", needed)


def add_lives():
    for template, build in EVERY if ALL else USUAL:
        def test(self, template=template, build=build):
            self.live(template, build)
        setattr(Lives, f"test_{template}_with_{build}_from_its_first_build_to_its_release", test)


class Parts(ProjectCase):

    def test_the_server_keeps_its_clients_through_edits_and_crashes(self):
        self.create("server", "make")
        self.build()
        with self.start("--", "0") as run:
            port = int(re.search(r"port (\d+)", run.line("listening on port"))[1])

            def ask(text):
                one.sendall(text)
                return two.recv(100)
            with socket.create_connection(("127.0.0.1", port), 30) as one, \
                    socket.create_connection(("127.0.0.1", port), 30) as two:
                two.sendall(b"here\n")  # both are in
                self.assertEqual(two.recv(100), b"1> here\n")
                self.assertEqual(ask(b"one\n"), b"0> one\n")
                self.change("my_project.c", ('"> "', '": "'))
                run.event("reloaded")
                self.assertEqual(ask(b"two\n"), b"0: two\n")
                run.event("confirmed", generation=2)
                os.kill(run.host_pid(), signal.SIGSEGV)
                run.event("restarted")
                self.assertEqual(ask(b"three\n"), b"0: three\n")

    def test_the_server_says_why_it_cannot_listen(self):
        self.create("server", "make")
        self.build()
        for port in ("none", "70000", "-1"):
            with self.start("--", port) as run:
                run.line(f"cannot listen on port {port}: Invalid argument")
                run.event("held")
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with self.start("--", str(port)) as run:
                run.line(f"cannot listen on port {port}: Address already in use")

    def test_the_game_is_played_in_a_terminal(self):
        self.create("game", "make")
        self.build()
        terminal = Terminal()
        self.addCleanup(terminal.close)
        before = terminal.settings()
        with self.start(terminal=terminal) as run:
            terminal.wait("score 0  best 0")
            terminal.type("\033[C" * 10)
            terminal.wait(r" =======\|")  # as far to the right as it goes
            mark = terminal.mark()
            terminal.type("a")
            terminal.wait(r"=======   \|", mark)
            self.change("my_project.c", ("'='", "'#'"))
            mark = terminal.mark()
            run.event("reloaded")
            terminal.wait(r"#######   \|", mark)
            terminal.type("q")
            self.assertEqual(run.wait_end(), 0)
        self.assertEqual(terminal.settings(), before)

    def test_the_files_for_gdb_find_the_running_host(self):
        self.create("minimal", "make")
        self.build()
        line = self.read("my_project.c").splitlines().index("    state->count += state->by;") + 1
        with self.start() as run:
            run.line("count 1")
            with open(os.path.join(self.project, ".vscode", "launch.json"),
                      encoding="utf-8") as file:
                program = json.load(file)["configurations"][0]["program"]
            self.assertTrue(os.path.samefile(program, f"/proc/{run.host_pid()}/exe"))
            said = self.shell(
                f"gdb -nx -batch -x .gdbinit -ex 'break later.c:1' -ex 'break my_project.c:{line}' "
                f"-ex continue -ex 'print state->by' -ex 'info signals SIGCONT' -p {run.host_pid()}")
            self.assertIn("Breakpoint 1 (later.c:1) pending.", said)
            self.assertIn("$1 = 1", said)
            self.assertRegex(said, r"SIGCONT\s+No\s+No\s+Yes")
            said = self.shell(self.task("gdb"), stdin=None, input="detach\nquit\n")
            self.assertIn(f"process {run.host_pid()}) detached", said)

    def test_the_tasks_build_and_release(self):
        self.create("minimal", "make")
        self.assertEqual(self.task("hotrun"), "hotrun")
        self.assertEqual(self.task("build"), self.toml()["build"]["command"])
        self.shell(self.task("build"))
        self.shell(self.task("release"))
        self.assertTrue(os.path.exists(os.path.join(self.project, "build", "libmy_project.so")))
        self.assertTrue(os.access(os.path.join(self.project, "build", "my_project"), os.X_OK))

    def test_a_second_source_and_a_changed_header_are_built(self):
        self.create("minimal", "make")
        self.build()
        self.save("more.c", '#include "more.h"\nint more(void) { return MORE; }\n')
        self.save("more.h", "#define MORE 1\nint more(void);\n")
        self.change("my_project.c", ('#include "json.h"', '#include "json.h"\n#include "more.h"'),
                    ("state->count += state->by;", "state->count += more();"))
        self.assertIn("more.c", self.shell("make"))
        self.save("more.h", "#define MORE 2\nint more(void);\n")
        self.assertIn("more.c", self.shell("make"))
        self.assertIn("up to date", self.shell("make"))

    def test_without_hotrun_the_compiler_s_words_name_it(self):
        self.create("minimal", "make")
        self.installed = self.path("nowhere")
        said = self.shell(f"PKG_CONFIG_LIBDIR={self.folder} make".replace(
            self.folder, "/nowhere"), status=2)
        self.assertIn("hotrun", said)


add_lives()

if __name__ == "__main__":
    main()
