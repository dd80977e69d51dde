"""The examples as a reader runs them: `make`, `hotrun`, a change, `make`."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tomllib
import unittest

from harness import Case, HOTRUN, INSPECT, main
import modules

EXAMPLES = os.path.join(modules.ROOT, "examples")
COMPILERS = [pair for pair in (("gcc", "g++"), ("clang", "clang++"))
             if shutil.which(pair[0]) and shutil.which(pair[1])]
WARNINGS = "-O2 -g -Wall -Wextra -Wpedantic -Wshadow -Werror"


class Example(Case):
    def take(self, name):
        """A copy of the example, which may be changed; built."""
        self.copy(name)
        if os.path.exists(self.path("Makefile")):
            self.make()

    def copy(self, name):
        """Where it finds this tree's headers and sources."""
        os.mkdir(self.path("examples"))
        for folder in ("include", "src"):
            os.symlink(os.path.join(modules.ROOT, folder), self.path(folder))
        self.folder = shutil.copytree(os.path.join(EXAMPLES, name), self.path("examples", name),
                                      ignore=shutil.ignore_patterns("*.so", ".hotrun", "game"))

    def make(self, *words, compilers=("gcc", "g++")):
        settings = {"CC": compilers[0], "CXX": compilers[1], "CFLAGS": WARNINGS,
                    "CXXFLAGS": WARNINGS, "HOTRUN": "-I../../include",
                    "STATIC": "-DHOTRUN_STATIC -I../../include -I../../src $(SOURCES)"}
        command = ["make", "-B", "-s", *words, *(f"{k}={v}" for k, v in settings.items())]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), " ".join(command))

    def change(self, name, *changes):
        with open(self.path(name), encoding="utf-8") as file:
            text = file.read()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.write(name, text)

    def start(self, *options, **more):
        """hotrun without a library: hotrun.toml names it."""
        return self.hotrun(None, *options, name=None, log=False, **more)


class Builds(Example):
    def test_each_builds_without_a_warning_with_each_compiler(self):
        for name in sorted(os.listdir(EXAMPLES)):
            if not os.path.isdir(os.path.join(EXAMPLES, name)):
                continue
            self.fresh_folder()
            self.copy(name)
            for compilers in COMPILERS:
                with self.subTest(name, compilers=compilers):
                    self.assertTrue(os.path.exists(self.path("README.md")))
                    if name == "one-file":
                        self.check(compilers)
                        continue
                    self.make(compilers=compilers)
                    self.assertTrue(os.path.exists(self.path("hotrun.toml")))

    def check(self, compilers):
        done = self.command("check", "--cc", compilers[0], "--cflags", WARNINGS, "spiral.c")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def test_minimal_has_less_than_15_lines(self):
        with open(os.path.join(EXAMPLES, "minimal", "minimal.c"), encoding="utf-8") as file:
            self.assertLess(len(file.readlines()), 15)

    def test_all_options_has_every_key(self):
        def keys(path):
            found, table = set(), ""
            with open(path, encoding="utf-8") as file:
                for line in file:
                    if head := re.match(r"#?\s*\[([\w.]+)\]", line):
                        table = head[1]
                    elif (key := re.match(r"(?:# ?)?(\w+) = ", line)) and table != "module.config":
                        found.add(f"{table}.{key[1]}")
            return found
        documented = os.path.join(modules.ROOT, "hotrun.toml.example")
        used = os.path.join(EXAMPLES, "all-options", "hotrun.toml")
        self.assertEqual(keys(used), keys(documented))
        with open(used, "rb") as file:
            self.assertEqual(tomllib.load(file)["module"]["path"], "libdemo.so")


@unittest.skipUnless(os.path.exists(HOTRUN), "there is no hotrun to run them")
class Runs(Example):
    def test_minimal_counts_on_in_new_code(self):
        self.take("minimal")
        with self.start("--rate", "1000") as run:
            run.line("1, generation 1")
            run.line("61, generation 1")
            self.change("minimal.c", ('"%lu, generation', '"new %lu, generation'))
            mark = run.events.mark()
            self.make()
            reloaded = run.event("reloaded", mark)
            self.assertEqual(reloaded["state"]["how"], "in-place")
            line = run.line("new ")
            self.assertGreater(int(re.search(r"new (\d+)", line)[1]), 61)

    def test_one_file_turns_on_when_it_or_its_header_is_saved(self):
        self.take("one-file")
        with self.hotrun(None, "--rate", "1000", name="spiral.c", log=False) as run:
            def angle(mark):
                line = run.out.wait(lambda line: line.startswith("angle"), mark, what="an angle")
                return float(line.split()[1])
            before = angle(0)
            for name, old, new in (("spiral.c", "ARMS  3", "ARMS  5"),
                                   ("canvas.h", "WIDTH  48", "WIDTH  60")):
                mark = run.events.mark()
                self.change(name, (old, new))
                run.event("reloaded", mark)
                after = angle(run.out.mark())
                self.assertGreater(after, before)
                before = after
            run.out.wait(lambda line: len(line) == 60, what="a wider line")

    def test_serialized_state_takes_a_new_field_and_drops_an_old_one(self):
        self.take("serialized-state")
        with self.start("--rate", "1000") as run:
            run.line("x 0.5")
            self.change(
                "particle.c", ("double vx;", "double y;\n    double z;"),
                (".vx = 0.1", ".y = 7"), ("particle->vx = -particle->vx;", ";"),
                ("particle->x += particle->vx", "particle->x += particle->y"),
                ('AddNumberToObject(json, "vx", particle->vx)',
                 'AddNumberToObject(json, "y", particle->y)'),
                ('read_number(json, "vx", &particle->vx)', 'read_number(json, "y", &particle->y)'))
            mark = run.events.mark()
            self.make()
            state = run.event("reloaded", mark)["state"]
            self.assertEqual((state["how"], state["added"], state["dropped"]),
                             ("json", ["y"], ["vx"]))

    def test_reload_events_joins_and_starts_its_thread(self):
        self.take("reload-events")
        with self.start("--rate", "120") as run:
            run.line("thread started")
            self.change("ticker.c", ('"thread started"', '"second thread started"'))
            self.make()
            run.line("thread joined after")
            run.line("second thread started")
            run.event("reloaded")
            self.change("ticker.c", ("ticker->busy--;", "ticker->busy -= missing();"),
                        ("static hotrun_status step(",
                         "extern uint32_t missing(void);\n\nstatic hotrun_status step("))
            mark = run.err.mark()
            self.make()
            self.assertIn("missing", run.event("rejected", stage="load")["reason"])
            run.line("second thread started", mark)

    def test_service_keeps_its_clients(self):
        self.take("service")
        with self.start("--", "0") as run:
            port = int(re.search(r"port (\d+)", run.line("listening on port"))[1])
            with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                def shout(text):
                    client.sendall(text)
                    return client.recv(100)
                self.assertEqual(shout(b"one\n"), b"ONE\n")
                self.change("shout.c", ("- 'a' + 'A')", "- 'a' + 'B')"))
                self.make()
                run.event("reloaded")
                self.assertEqual(shout(b"one\n"), b"POF\n")
                run.event("confirmed", generation=2)
                client.sendall(b"crash\n")
                run.event("restarted")
                self.assertEqual(shout(b"two\n"), b"UXP\n")

    def test_heap_objects_go_on_in_new_code(self):
        self.take("heap-objects")
        with self.start("--rate", "1000") as run:
            run.err.wait(lambda line: re.match(r"\d\d fallen", line), what="drops that fell")
            self.change("rain.c", ('"%lu fallen', '"new: %lu fallen'))
            mark = run.events.mark()
            self.make()
            self.assertEqual(run.event("reloaded", mark)["state"]["how"], "in-place")
            fallen = int(re.search(r"new: (\d+) fallen", run.line("new: "))[1])
            self.assertGreaterEqual(fallen, 10)

    @unittest.skipUnless(os.path.exists(INSPECT), "built without libdw")
    def test_heap_objects_are_moved_when_their_struct_changes(self):
        self.take("heap-objects")
        with self.start("--rate", "1000") as run:
            run.err.wait(lambda line: re.match(r"\d\d fallen", line), what="drops that fell")
            self.change("rain.c", ("double velocity;", "double speed;\n    int colour;\n"
                                   "    HOTRUN_RENAMED(speed, velocity);"),
                        ("drop->velocity", "drop->speed"), ("lowest->velocity", "lowest->speed"),
                        ('"%lu fallen', '"new: %lu fallen'))
            mark = run.events.mark()
            self.make()
            state = run.event("reloaded", mark)["state"]
            self.assertEqual((state["how"], state["added"], state["dropped"]),
                             ("migrated", ["drop/colour"], []))
            first = re.search(r"new: (\d+) fallen.* velocity (\S+)", run.line("new: "))
            self.assertGreaterEqual(int(first[1]), 10)
            self.assertGreater(float(first[2]), 1, "the drops began to fall anew")
            run.event("checkpoint", mark)
            lines = run.err.mark()
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted")
            again = re.search(r"new: (\d+) fallen", run.line("new: ", lines))
            self.assertGreaterEqual(int(again[1]), int(first[1]))

    @unittest.skipUnless(os.path.exists(INSPECT), "built without libdw")
    def test_changed_struct_keeps_its_team_through_all_edits_of_its_readme(self):
        self.take("changed-struct")

        def ask(*words):
            done = self.command(*words)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return done.stdout
        with self.start("--rate", "1000") as run:
            run.line("cid has done 3 ")
            ask("pause")
            ask("state", "set", "/workers/1/done", "250", "/next", '{"$ref": "/workers/1"}')
            before = json.loads(ask("state", "get"))
            self.change("team.c", ("    int done;", "    double hours;\n    double jobs;\n"
                                   "    HOTRUN_RENAMED(jobs, done);"),
                        ("->done", "->jobs"), ("done %d", "done %g"),
                        ("workers[3]", "workers[5]"), ("    CALM,", "    ASLEEP,\n    CALM,"),
                        ("pace = 20", "pace = 5"))
            mark = run.events.mark()
            self.make()
            state = run.event("reloaded", mark)["state"]
            self.assertEqual((state["how"], state["added"], state["dropped"], state["lost"]),
                             ("migrated", ["/workers/*/hours"], [], []))
            self.assertIn("/workers/*/jobs: was done", state["converted"])
            after = json.loads(ask("state", "get"))
            workers = [{"name": worker["name"], "mood": worker["mood"], "hours": 0,
                        "jobs": worker["done"]} for worker in before["workers"]]
            workers += [{"name": name, "mood": "ASLEEP", "hours": 0, "jobs": 0}
                        for name in ("dot", "eve")]
            self.assertEqual(after, {"workers": workers, "next": before["next"], "pace": 5})
            self.change("team.c", ("    double jobs;", "    signed char jobs;"), ("done %g", "done %d"))
            self.make()
            run.err.wait(lambda line: "/workers/1/jobs: 250 became 127" in line, what="a warning")

    def test_all_options_gets_its_arguments_and_config(self):
        self.take("all-options")
        with self.start() as run:
            run.line("argument 1: two words")
            config = run.line("config: ").split("config: ", 1)[1]
            for part in ('"all options"', '"green"', "480"):
                self.assertIn(part, config)
            run.line("steps in the last second")

    def test_counter_cpp_goes_on_and_refuses_an_exception_with_its_reason(self):
        self.take("counter-cpp")
        with self.start("--rate", "1000") as run:
            run.line("61")
            self.change("counter.cpp", ("if (c.by == 0)", "if (c.by == 1)"))
            mark = run.events.mark()
            self.make()
            reason = run.event("rejected", mark, stage="deserialize")["reason"]
            self.assertIn("a counter that counts by 0", reason)
            self.change("counter.cpp", ("if (c.by == 1)", "c.by = 10;\n    if (c.by == 0)"))
            self.make()
            self.assertEqual(run.event("reloaded", mark)["state"]["how"], "json")

    def test_static_release_runs_both_ways(self):
        self.take("static-release")
        with self.start() as run:
            run.line("second 0")
        done = subprocess.run([self.path("game"), "x"], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, "second 0\nsecond 1\nsecond 2\n"))
        with subprocess.Popen([self.path("game")], stderr=subprocess.PIPE, text=True) as process:
            self.assertEqual(process.stderr.readline(), "second 0\n")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), 0)


if __name__ == "__main__":
    main()
