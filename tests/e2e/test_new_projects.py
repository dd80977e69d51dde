"""What `hotrun new` writes is built, run, edited, reloaded, crashed, mended and released."""
import json
import os
import re
import signal
import socket
import subprocess
import unittest

from harness import ALL, main
from new_project import BUILDS, LANGUAGES, ProjectCase, can_build
import processes
from terminal import Terminal

TRAP = "__builtin_trap();"
RATE = ("--rate", "600")  # so that a line that comes each 60 steps comes soon


class Edits:
    """What a user changes in a template: a text that shows, the state's struct (a field that is new, one
    of another type, another order), a step that crashes."""

    def __init__(self, source, shown, struct, converted, crash):
        self.source, self.shown, self.struct, self.crash = source, shown, struct, crash
        self.converted = converted


EDITS = {
    "minimal": Edits(
        "my_project.c", ('"count %lld", state', '"total %.0f", state'),
        [("    long long count;\n    long long by;", "    int by, extra;\n    double count;")],
        "/count: long long int to double", ("state->count += state->by;", TRAP)),
    "game": Edits(
        "my_project.c", ('INFO, "score %lld', 'INFO, "total %lld'),
        [("    double paddle;  ", "    long long extra;\n    float paddle;"),
         ("(WIDTH - state->rules.paddle) / 2.0;", "20;"),
         ("    double life; ", "    float life; "),
         ("= WIDTH - state->rules.paddle;", "= (float)(WIDTH - state->rules.paddle);")],
        "/paddle: double to float", ("double seconds = (double)now->dt_ns * 1e-9;", "double seconds = 0;" + TRAP)),
    "server": Edits(
        "my_project.c", ('"%lld visitors, %lld lines"', '"total %d visitors, %lld lines"'),
        [("    long long lines;\n    long long visitors;",
          "    int visitors, extra;\n    long long lines;"),
         ("now->index % 3600", "now->index % 60")],
        "/visitors: long long int to int",
        ("const struct state *state = memory;\n    if", TRAP + "const struct state *state = memory;\n"
         "    if")),
    "cpp": Edits(
        "my_project.cpp", ('"%lld steps, ', '"total %d steps, '),
        [("    long long count = 0;\n", ""),
         ("    double sum = 0;", "    double sum = 0;\n    int count = 0, extra = 0;")],
        "/count: long long int to int", ("s.count++;", TRAP)),
    "rust": Edits(
        "src/lib.rs", ('"count {}"', '"total {}"'),
        [("    count: i64,\n    by: i64,", "    extra: i64,\n    by: i64,\n    count: f64,"),
         ("count: 0, by: 1,", "count: 0.0, by: 1, extra: 0,"),
         ("self.count += self.by;", "self.count += self.by as f64;")],
        "/count: i64 to f64", ("self.count +=", "self.count += [0.0][now.size as usize] +")),
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
            self.assertEqual((mended["how"], mended["dropped"]), ("migrated", ["/extra"]))
        self.release(template)
        self.assertEqual(self.shell("git status --porcelain"), "")

    def edit(self, run, edits):
        mark, said = run.events.mark(), run.err.mark()
        self.change(edits.source, edits.shown, *edits.struct)
        state = run.event("reloaded", mark)["state"]
        self.assertEqual((state["how"], state["added"], state["dropped"], state["lost"]),
                         ("migrated", ["/extra"], [], []))
        self.assertEqual(state["converted"], [edits.converted])
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

    def ask(self, *words):
        done = self.command(*words, folder=self.project)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

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

    def test_the_game_s_sparks_fly_on_when_their_struct_changes(self):
        self.create("game", "make")
        self.build()
        with self.start(*RATE) as run:
            run.event("loaded")
            self.ask("state", "set", "/rules/paddle", "48", "/paddle", "0",
                     "/y", "8.9")

            def sparks_fly():
                self.ask("pause")
                if self.ask("state", "get", "/sparks") != "null\n":
                    return True
                self.ask("resume")
                return False
            self.assertTrue(processes.asked(sparks_fly))
            before = json.loads(self.ask("state", "get"))
            mark = run.events.mark()
            self.change("my_project.c", ("    double x, y, vx, vy; /* in c", "    int hue;\n"
                                         "    float life;\n    double vx, vy, x, y; /* in c"),
                        ("    double life; ", "    // "),
                        ("{state->sparks, state->x, state->y, 5 * side, -9, 0.6};",
                         "{.next = state->sparks, .x = state->x, .y = state->y, .life = 1};"),
                        ("spark->life -= seconds", "spark->life -= (float)seconds"))
            state = run.event("reloaded", mark)["state"]
            self.assertIn("spark/hue", state["added"])
            after = json.loads(self.ask("state", "get"))
            self.assertEqual(after["sparks"], before["sparks"])
            self.assertEqual([spark["value"].pop("hue") for spark in after["$heap"]],
                             [0] * len(before["$heap"]))
            for old, new in zip(before["$heap"], after["$heap"], strict=True):
                self.assertAlmostEqual(new["value"].pop("life"), old["value"].pop("life"), 5)
                self.assertEqual(new, old)

    def test_what_init_says_of_a_transient_value_counts_after_a_save(self):
        self.create("minimal", "make")
        self.build()
        with self.start(*RATE) as run:
            run.line("count 61")
            mark = run.events.mark()
            self.change("my_project.c", (".by = 1", ".by = 1000"))
            self.assertEqual(run.event("reloaded", mark)["state"]["how"], "migrated")
            self.assertEqual(self.ask("state", "get", "/by"), "1000\n")

    def test_the_state_is_known_with_flags_of_the_user_s_own(self):
        for template in ("minimal", "cpp"):
            self.create(template, "make", template)
            self.shell("make CFLAGS=-O2 CXXFLAGS=-O2")
            self.assertIn("carried over by its layout", self.ask("check"))

    @unittest.skipUnless(can_build("rust", "make"), "there is no rustc")
    def test_a_vec_in_a_rust_state_goes_as_json_where_the_module_says_so(self):
        self.create("rust", "make")
        self.change("src/lib.rs", ("    count: i64,", "    many: Vec<i64>,\n    count: i64,"),
                    ("State { count", "State { many: vec![7, 8], count"),
                    ('hotrun_module!(State, "my_project");', """impl hotrun::Json for State {
    fn serialize(&self) -> String {
        format!("{{\\"many\\": {:?}}}", self.many)
    }

    fn deserialize(&mut self, json: &str) -> Result<(), String> {
        self.many = vec![json.len() as i64];
        Ok(())
    }
}

hotrun_module!(State, "my_project", json);"""))
        self.build()
        with self.start() as run:
            run.event("loaded")
            self.assertEqual(json.loads(self.ask("state", "get")), {"many": [7, 8]})
            mark = run.events.mark()
            self.change("src/lib.rs", ('"count {}"', '"total {}"'))
            self.assertEqual(run.event("reloaded", mark)["state"]["how"], "json")
            self.assertEqual(json.loads(self.ask("state", "get")), {"many": [16]})

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
        self.change("my_project.c", ("#include <hotrun/hotrun.h>",
                                     '#include <hotrun/hotrun.h>\n#include "more.h"'),
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
