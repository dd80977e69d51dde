"""From a saved source to its effect: hotrun runs the build and takes what it makes."""
import os
import re
import shutil

import processes
from harness import main
from projects import BUILD_FAILED, BUILD_OK, BUILD_STARTED, Project
from terminal import Terminal

HANG = "if grep -q hang src/speed.h; then echo $$ >pid; sleep 1000; fi; make"
WAIT = "if grep -q wait src/speed.h; then echo $$ >pid; while ! test -e go; do sleep 0.01; done; fi; make"


class Saves(Project):

    def test_a_save_is_built_and_takes_effect_with_the_state_kept(self):
        with self.build_run() as run:
            run.event("loaded", generation=1)
            before = self.runs_at(run, 1)
            self.speed(2)
            started = run.event("build_started", cause="src/speed.h changed", command="make")
            ok = run.event("build_ok", since=0)
            self.assertIn("cc -g -shared", ok["output"])
            run.event("reloaded", generation=2)
            self.assertGreater(self.runs_at(run, 2), before)
            self.assertEqual(started["ms"], 0)

    def test_a_compile_error_and_its_fix_keep_the_state(self):
        with self.build_run() as run:
            run.event("loaded", generation=1)
            before = self.runs_at(run, 1)
            self.speed("fast")
            failed = run.event("build_failed", cancelled=False)
            self.assertEqual(failed["reason"], "exit status 2")
            run.line("build failed  exit status 2")
            run.line("; generation 1 goes on")
            heard = run.call("event", a=BUILD_FAILED)
            self.assertEqual(heard["text"], failed["output"])
            self.assertIn("error:", heard["text"])
            self.assertNotIn("\x1b", heard["text"])
            self.speed(3)
            run.event("reloaded", generation=2)
            self.assertGreater(self.runs_at(run, 3), before)
            kinds = [e["a"] for e in run.said.since() if e["call"] == "event" and
                     e["a"] in (BUILD_STARTED, BUILD_FAILED, BUILD_OK)]
            self.assertEqual(kinds, [BUILD_STARTED, BUILD_FAILED, BUILD_STARTED, BUILD_OK])

    def test_a_save_during_a_build_ends_it_and_builds_anew(self):
        with self.build_run(HANG) as run:
            run.event("loaded")
            self.speed("hang")
            pids = self.pids("pid")
            mark = run.events.mark()
            self.speed(2)
            run.event("build_failed", since=mark, cancelled=True)
            run.event("reloaded", generation=2)
            self.runs_at(run, 2)
            self.assert_gone(pids)
            run.line("building anew  src/speed.h changed")
            self.assertNotIn(BUILD_FAILED, [e["a"] for e in run.said.since()])

    def test_one_that_hangs_after_many_saves_is_not_waited_for(self):
        """After some it would be let come to an end; who asks by name is not made to wait."""
        with self.build_run(HANG) as run:
            run.event("loaded")
            for number in range(5):
                self.speed(f"hang {number}")
                self.pids("pid")
                os.remove(self.path("pid"))
            self.speed(2)
            run.line("another build follows  src/speed.h changed")
            self.assertEqual(self.command("build").returncode, 0)
            run.event("reloaded", generation=2)
            self.runs_at(run, 2)

    def test_a_save_during_a_build_is_built_after_it(self):
        with self.build_run(WAIT, on_change='"queue"') as run:
            run.event("loaded")
            self.speed("wait /* 2 */")
            pids = self.pids("pid")
            self.speed(2)
            run.line("another build follows  src/speed.h changed")
            self.write("src/game.h", "")
            self.assertTrue(processes.alive(pids[0]))
            mark = run.events.mark()
            self.write("go", "")
            run.event(("build_ok", "build_failed"), since=mark)
            run.event("reloaded", generation=2)
            self.runs_at(run, 2)
            mark = run.events.mark()
            self.speed(3)
            run.event("reloaded", generation=3, since=mark)
            ended = [e for e in run.events.since() if e["event"] in ("build_ok", "build_failed")]
            self.assertFalse([e for e in ended if e.get("cancelled")])
            self.assertLessEqual(len(ended), 5)

    def test_a_folder_that_is_deleted_and_comes_back_is_built_again(self):
        with self.build_run() as run:
            run.event("loaded")
            game = open(self.path("src/game.c"), encoding="utf-8").read()
            mark = run.events.mark()
            shutil.rmtree(self.path("src"))
            run.event("build_failed", since=mark, cancelled=False)
            os.mkdir(self.path("src"))
            self.write("src/game.c", game)
            self.speed(2)
            run.event("reloaded", generation=2)
            self.runs_at(run, 2)

    @staticmethod
    def begun(run, since=0):
        return len([e for e in run.events.since(since) if e["event"] == "build_started"])

    def test_a_build_that_writes_sources_does_not_build_for_ever(self):
        command = "echo '/* made */' >src/made.h; date +%N >src/stamp.h; make"
        with self.build_run(command) as run:
            run.event("loaded")
            self.runs_at(run, 1)
            for speed in (2, 3):
                self.speed(speed)
                run.event("reloaded", generation=speed)
                self.runs_at(run, speed)
            run.line("each build writes another src/stamp.h")
            mark = run.events.mark()
            done = self.command("build")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertLessEqual(self.begun(run, mark), 2)
            self.assertLess(self.begun(run), 30)

    def test_builds_go_on_while_it_is_paused(self):
        with self.build_run() as run:
            run.event("loaded")
            self.runs_at(run, 1)
            run.request("pause")
            self.speed(2)
            run.event("reloaded", generation=2)
            run.request("resume")
            self.runs_at(run, 2)


class Nothing(Project):

    def test_a_build_that_changes_nothing_says_why(self):
        with self.build_run() as run:
            run.event("loaded")
            self.write("src/unused.c", "int unused;\n")
            run.line("nothing to reload: the build left libgame.so as it was")
            told = run.event("unchanged")
            self.assertIn("generation 1 runs", told["reason"])
            with open(self.path("src/game.c"), "a", encoding="utf-8") as file:
                file.write("/* a comment */\n")
            run.line("nothing to reload: the build made libgame.so anew with the same bytes")

    def test_a_build_that_makes_another_library_says_where_it_is_looked_for(self):
        with self.build_run("make libgame.so && mv libgame.so other.so") as run:
            run.event("build_ok")
            told = run.event("waiting")
            self.assertIn("module.path", told["reason"])

    def test_a_command_that_is_missing_is_told_with_what_to_do(self):
        with self.build_run("no-such-tool --all") as run:
            failed = run.event("build_failed")
            self.assertIn("exit status 127", failed["reason"])
            self.assertIn("no-such-tool", failed["output"])
            held = run.event("held")
            self.assertIn("the build failed", held["reason"])
            run.line("install it")
            status = run.request("status")["result"]
            self.assertEqual(status["build"]["outcome"], "failed")
            self.write("hotrun.toml.old", "")


class Start(Project):

    def begun(self, run):
        return [e["event"] for e in run.events.since() if e["event"] == "build_started"]

    def test_a_library_that_is_newer_than_its_sources_is_loaded_at_once(self):
        self.make(1)
        self.make_older("src/speed.h")
        self.make_older("src/game.c")
        self.make_older("Makefile")
        with self.build_run() as run:
            run.event("loaded")
            self.runs_at(run, 1)
            self.assertEqual(self.begun(run), [])

    def test_a_library_that_is_older_is_built_first(self):
        self.make(1)
        self.make_older("libgame.so")
        self.speed(2)
        with self.build_run() as run:
            run.event("build_started")
            run.event("loaded", generation=1)
            self.runs_at(run, 2)
            self.assertNotIn(1, [e["a"] for e in run.said.since() if e["call"] == "step"])

    def test_an_older_library_is_loaded_when_the_build_fails(self):
        self.make(1)
        self.make_older("libgame.so")
        self.speed("wrong")
        with self.build_run() as run:
            run.event("build_failed")
            run.line("libgame.so, which is older, is loaded")
            run.event("loaded", generation=1)
            self.runs_at(run, 1)

    def test_nothing_is_loaded_when_the_first_build_fails(self):
        self.speed("wrong")
        with self.build_run() as run:
            run.event("build_failed")
            run.event("held", reason="the build failed: exit status 2")
            self.speed(2)
            run.event("loaded", generation=1)
            self.runs_at(run, 2)

    def test_it_can_always_build_first(self):
        self.make(1)
        with self.build_run(at_start='"always"') as run:
            run.event("build_started")
            run.event("build_ok")
            run.event("loaded")
            self.assertEqual(len(self.begun(run)), 1)

    def test_it_can_never_build_first(self):
        with self.build_run(at_start='"never"') as run:
            run.event("waiting")
            self.assertEqual(self.begun(run), [])
            self.speed(2)
            run.event("loaded")
            self.runs_at(run, 2)

    def test_status_tells_of_the_first_build_while_it_runs(self):
        command = "echo $$ >pid; while ! test -e go; do sleep 0.01; done; make"
        with self.build_run(command) as run:
            self.pids("pid")
            status = run.request("status")["result"]
            self.assertEqual((status["state"], status["held_reason"]), ("held", "building"))
            self.assertTrue(status["build"]["running"])
            self.assertIn("building", self.command("status").stdout)
            self.write("go", "")
            run.event("loaded")
            status = run.request("status")["result"]
            self.assertEqual(status["build"]["outcome"], "ok")
            self.assertNotIn("held_reason", status)


class Others(Project):

    def test_what_somebody_else_builds_is_taken(self):
        with self.build_run(watch='["elsewhere"]') as run:
            run.event("loaded")
            self.runs_at(run, 1)
            mark = run.events.mark()
            self.make(2)
            run.event("reloaded", since=mark)
            self.runs_at(run, 2)
            self.assertFalse([e for e in run.events.since(mark) if "build" in e["event"]])

    def test_a_library_is_not_taken_while_a_build_makes_it(self):
        os.mkdir(self.path("own"))
        command = ("if test -e own/wait.c; then echo $$ >pid; "
                   "while ! test -e go; do sleep 0.01; done; fi; make")
        with self.build_run(command, watch='["own"]') as run:
            run.event("loaded")
            self.write("own/wait.c", "")
            self.pids("pid")
            mark = run.events.mark()
            self.make(2)
            answer = run.request("status")["result"]
            self.assertEqual(answer["generation"], 1)
            self.write("go", "")
            ended = run.event("build_ok", since=mark)
            self.assertEqual(ended["generation"], 1)
            run.event("reloaded", since=mark)
            self.runs_at(run, 2)

    def test_a_reload_waits_for_the_build(self):
        with self.build_run(WAIT) as run:
            run.event("loaded")
            self.speed("2 /* wait */")
            self.pids("pid")
            with run.connect() as client, client.makefile("rwb") as stream:
                stream.write(b'{"jsonrpc":"2.0","id":1,"method":"reload"}\n')
                stream.flush()
                run.request("status")
                self.write("go", "")
                self.assertIn(b'"outcome":"reloaded"', stream.readline())
            self.runs_at(run, 2)


class Commands(Project):

    def test_build_tells_how_it_ended(self):
        with self.build_run() as run:
            run.event("loaded")
            done = self.command("build")
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"(?m)^built  \d")
            self.speed("wrong")
            done = self.command("build")
            self.assertEqual(done.returncode, 1)
            self.assertIn("error:", done.stdout)
            self.assertRegex(done.stdout, r"(?m)^build failed  exit status 2  \d")
            self.assertEqual(self.command("build", "--json").returncode, 1)
            self.assertIn("error:", self.command("status").stdout)

    def test_build_is_refused_where_nothing_is_built(self):
        self.make(1)
        config = '[module]\npath = "libgame.so"\n'
        with self.hotrun(None, config=config, name=None) as run:
            run.event("loaded")
            done = self.command("build")
            self.assertNotIn(done.returncode, (0, 1))
            self.assertIn("build.command", done.stderr)

    def test_all_who_ask_are_answered_by_a_build_that_began_after_them(self):
        with self.build_run(HANG) as run:
            run.event("loaded")
            self.speed("hang")
            self.pids("pid")
            with run.connect() as client, client.makefile("rwb") as stream:
                stream.write(b'{"jsonrpc":"2.0","id":1,"method":"build"}\n')
                stream.flush()
                run.event("build_failed", cancelled=True)
                self.speed(2)
                self.assertIn(b'"outcome":"ok"', stream.readline())


class Output(Project):

    COLOURS = "printf '\\033[31mred\\033[0m\\n'; test -t 1 && echo terminal; test -t 1 || echo pipe; make"

    def test_it_has_its_colours_on_a_terminal(self):
        terminal = Terminal(term="xterm")
        with self.build_run(self.COLOURS, terminal=terminal,
                            options=["--no-status-line"]) as run:
            ok = run.event("build_ok")
            run.event("loaded")
            terminal.wait(re.escape("\x1b[31mred\x1b[0m\r\nterminal\r\n"))
            self.assertTrue(ok["output"].startswith("red\nterminal\n"), ok["output"])

    def test_a_dumb_terminal_gets_no_colours(self):
        terminal = Terminal(term="dumb")
        with self.build_run(self.COLOURS, terminal=terminal) as run:
            ok = run.event("build_ok")
            run.event("loaded")
            terminal.wait("hotrun  .*generation 1 ")
            self.assertTrue(ok["output"].startswith("red\npipe\n"), ok["output"])
            self.assertNotIn("\x1b[2m", terminal.text)
            self.assertNotIn("\x1b[32m", terminal.text)

    def test_it_has_no_terminal_where_there_is_none(self):
        with self.build_run(self.COLOURS) as run:
            ok = run.event("build_ok")
            self.assertTrue(ok["output"].startswith("red\npipe\n"), ok["output"])
            run.line("pipe")

    def test_both_ends_of_a_long_one_are_kept(self):
        command = ("echo first; head -c 3000000 /dev/zero | tr '\\0' x | fold -w 79; echo; echo last;"
                   "grep -q wrong src/speed.h && exit 1; make -s")
        with self.build_run(command) as run:
            run.event("loaded")
            self.speed("wrong")
            failed = run.event("build_failed")
            self.assertTrue(failed["output"].startswith("first\nxxx"))
            self.assertTrue(failed["output"].endswith("xxx\nlast\n"), failed["output"][-100:])
            self.assertIn(" bytes left out ...\n", failed["output"])
            self.assertLess(len(failed["output"]), 9000)
            text = run.call("event", a=BUILD_FAILED)["text"]
            self.assertTrue(text.startswith("first\nxxx") and text.endswith("xxx\nlast\n"))
            self.assertTrue(45000 < len(text) < 50000, len(text))
            self.assertEqual(run.request("status")["result"]["build"]["output"], text)

    def test_a_flood_does_not_keep_hotrun_from_answering(self):
        with self.build_run("make; if test -e flood; then yes; fi") as run:
            run.event("loaded")
            self.write("flood", "")
            self.speed(2)
            run.err.wait(lambda line: line == "y", what="the flood")
            for _ in range(20):
                self.assertTrue(run.request("status")["result"]["build"]["running"])
            os.remove(self.path("flood"))
            self.speed(3)
            run.event("reloaded")
            self.runs_at(run, 3)

    def test_its_environment_is_the_one_of_the_configuration(self):
        command = 'echo "[$GREETING] [$HOTRUN_LOG] [$HOTRUN_TEST_TAG]"; make'
        with self.build_run(command, env={"GREETING": "hello you"},
                            run_env={"HOTRUN_LOG": "debug"}) as run:
            ok = run.event("build_ok")
            self.assertTrue(ok["output"].startswith("[hello you] [] []\n"), ok["output"])


if __name__ == "__main__":
    main()
