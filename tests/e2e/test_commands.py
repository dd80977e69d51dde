"""The command line, the exit statuses, the control socket."""
import json
import os
import select
import signal
import socket
import subprocess

from harness import HOTRUN, Case, main
import processes
import saves
from modules import broken, probe, written


class Usage(Case):

    def refused(self, *words, status=2, says="", env=None):
        done = self.command(*words, env=env)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertNotIn("Sanitizer", done.stderr)
        return done.stderr

    def test_help_fits_a_terminal(self):
        done = self.command("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
        for word in ("run", "check", "status", "reload", "quit", "events", "--rate", "--config",
                     "--run-dir", "--events", "--log-level", "--no-color", "--version", "--name"):
            self.assertIn(word, done.stdout)

    def test_version(self):
        done = self.command("--version")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^hotrun \d+\.\d+")

    def test_wrong_use_is_status_2(self):
        self.refused("--no-such-option", says="--no-such-option")
        self.refused("run", "--rate", "fast", "./x.so", says="fast")
        self.refused("run", "--rate", "-5", "./x.so", says="-5")
        self.refused("run", "--rate", says="--rate")
        self.refused("--log-level", "loud", "./x.so", says="loud")
        self.refused("./one.so", "./two.so")
        self.refused("check")

    def test_nothing_to_run(self):
        self.assertIn("hotrun.toml", self.refused())

    def test_a_word_that_is_no_command_is_unknown(self):
        for word in ("inspect", "undo"):
            self.assertIn("unknown", self.refused(word, says=word))

    def test_a_command_with_nobody_to_talk_to(self):
        for word in ("status", "reload", "quit", "events", "pause", "resume", "step", "rollback",
                     "reset", "rewind"):
            done = self.command(word)
            self.assertIn(done.returncode, (2, 125), done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertTrue(done.stderr.strip(), word)

    def test_config_errors_name_file_line_and_column(self):
        cases = {"[step]\nrate = \"fast\"\n": (2, "max"), "[step]\nrtae = 5\n": (2, "rate"),
                 "[stepp]\nrate = 5\n": (1, "step"), "[step]\nrate = \n": (2, ""),
                 "[watch]\npoll_ms = \"x\"\n": (2, "poll_ms")}
        saves.rename_over(self.path("libprobe.so"), probe(1))
        for text, (line, says) in cases.items():
            with self.subTest(text):
                self.write("hotrun.toml", text)
                told = self.refused("./libprobe.so", says=says)
                self.assertRegex(told, rf"hotrun\.toml:{line}:\d+: ")

    def test_a_name_for_copies_that_is_not_unique(self):
        self.write("hotrun.toml", '[stage]\nname = "same"\n')
        self.assertIn("stage.name", self.refused("./libprobe.so", says="{generation}"))

    def test_a_config_file_that_is_missing(self):
        self.refused("-c", "nowhere.toml", "./x.so", says="nowhere.toml")


class Config(Case):

    def test_it_is_found_in_a_parent_folder(self):
        saves.rename_over(self.path("libprobe.so"), probe(1))
        self.write("hotrun.toml", '[module]\npath = "libprobe.so"\n')
        os.makedirs(self.path("src", "deep"))
        with self.hotrun(None, name=None, folder=self.path("src", "deep")) as run:
            run.call("step")
            self.assertTrue(os.path.isdir(self.path(".hotrun")))
            run.kill()
            self.assertEqual(run.wait_end(), 0)
            run.finished = True

    def test_a_library_by_name_and_folder(self):
        os.mkdir(self.path("out"))
        saves.rename_over(self.path("out", "libprobe.so"), probe(1))
        with self.hotrun(None, name=None, config='[module]\nname = "probe"\ndir = "out"\n') as run:
            run.call("step")
            saves.rename_over(self.path("out", "libprobe.so"), probe(2))
            run.call("step", version=2)

    def test_the_command_line_wins(self):
        with self.hotrun(probe(1, say_each_step=True), "--rate", "500",
                         config="[step]\nrate = 1\n") as run:
            run.call("step", turn=50, timeout=20)

    def test_where_copies_go_and_how_they_are_called(self):
        os.mkdir(self.path("copies"), 0o700)
        with self.hotrun(probe(1), config='[stage]\ndir = "copies"\n'
                                          'name = "{name}-{pid}-{generation}.so"\n') as run:
            run.call("step")
            self.assertTrue(processes.asked(lambda: len(os.listdir(self.path("copies"))) == 2))
            names = sorted(os.listdir(self.path("copies")))
            self.assertRegex(names[0], r"probe.*-\d+-1\.so")
            self.assertRegex(names[1], r"probe.*-\d+-2\.so")  # ready for the next one
            run.finish()
            self.assertEqual(os.listdir(self.path("copies")), [])

    def test_a_run_directory_of_its_own(self):
        with self.hotrun(probe(1), "--run-dir", "elsewhere") as run:
            run.call("step")
            self.assertTrue(os.path.exists(self.path("elsewhere", "control.sock")))
            self.assertFalse(os.path.exists(self.path(".hotrun")))
            done = self.command("status", "--run-dir", "elsewhere", "--json")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_two_names_run_beside_each_other(self):
        with self.hotrun(probe(1), "--name", "one") as one:
            one.call("step")
            with self.hotrun(probe(1), "--name", "two", name="libother.so") as two:
                two.call("step")
                for run, name in ((one, "one"), (two, "two")):
                    done = self.command("status", "--name", name, "--json")
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(json.loads(done.stdout)["pid"], run.pid)
                two.kill()
                self.assertEqual(two.wait_end(), 0)
                two.finished = True
            one.kill()
            self.assertEqual(one.wait_end(), 0)
            one.finished = True

    def test_without_watching_a_library_that_fails_is_status_126(self):
        saves.rename_over(self.path("libprobe.so"), broken(2))
        self.write("hotrun.toml", "[watch]\nenabled = false\n")
        done = self.command("./libprobe.so")
        self.assertEqual(done.returncode, 126, done.stderr)
        self.assertIn("step", done.stderr)

    def test_events_to_stdout(self):
        saves.rename_over(self.path("libprobe.so"), probe(1, on_step="if (turn == 3) return HOTRUN_EXIT"))
        done = self.command("--events", "-", "./libprobe.so")
        self.assertEqual(done.returncode, 0, done.stderr)
        names = [json.loads(line)["event"] for line in done.stdout.splitlines()]
        self.assertEqual((names[0], names[-1]), ("started", "exited"))
        self.assertIn("loaded", names)

    def test_the_log_level_from_the_environment(self):
        for env, options, quiet in (({"HOTRUN_LOG": "error"}, [], True), ({}, [], False),
                                    ({"HOTRUN_LOG": "error"}, ["--log-level", "info"], False)):
            with self.subTest(env=env, options=options):
                self.fresh_folder()
                with self.hotrun(probe(1), *options, env=env) as run:
                    run.call("step")
                    run.save_and_see(probe(2))
                    run.finish()
                    said = [line for line in run.err.since() if "generation 2" in line]
                    self.assertEqual(not said, quiet)


class Second(Case):

    def test_a_second_one_in_the_folder_is_refused_with_the_firsts_pid(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            done = self.command("./libprobe.so")
            self.assertEqual(done.returncode, 125, done.stderr)
            self.assertIn(str(run.pid), done.stderr)
            run.save_and_see(probe(2))

    def test_what_a_killed_one_left_is_no_obstacle(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            run.kill(signal.SIGKILL)
            run.wait_end()
            run.finished = True
        with self.hotrun(probe(2)) as run:
            run.call("step", version=2)

    def test_a_run_directory_that_is_a_link_is_refused(self):
        os.mkdir(self.path("elsewhere"))
        os.symlink("elsewhere", self.path(".hotrun"))
        saves.rename_over(self.path("libprobe.so"), probe(1))
        done = self.command("./libprobe.so")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertEqual(os.listdir(self.path("elsewhere")), [])


class Check(Case):

    def check(self, library, *options):
        path = self.path("libprobe.so")
        saves.rename_over(path, library)
        return self.command("check", *options, "./libprobe.so")

    def test_a_good_library(self):
        done = self.check(probe(1, on_step="die_segv()"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("probe", done.stdout)
        self.assertIn("step", done.stdout)

    def test_a_good_library_as_json(self):
        done = self.check(probe(1), "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(told["module"], "probe")

    def test_what_a_load_would_refuse_is_status_126(self):
        cases = {"no step": (broken(2), "step"), "text": (b"hello", "ELF"),
                 "cut": (probe(1)[:3000], ""), "no table": (written("int x;"), "hotrun_module_table"),
                 "undefined": (probe(1, on_step="extern void draw_hud(void); draw_hud()"), "draw_hud"),
                 "crash": (probe(1, on_construct="die_segv()"), "SIGSEGV"),
                 "exit": (probe(1, on_construct="die_exit()"), "")}
        for name, (library, says) in cases.items():
            with self.subTest(name):
                done = self.check(library)
                self.assertEqual(done.returncode, 126, done.stderr + done.stdout)
                self.assertIn(says, done.stderr + done.stdout)

    def test_what_would_keep_it_resident_is_told(self):
        done = self.check(probe(1, flags=("-Wl,-z,nodelete",)))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout + done.stderr, r"nodelete|NODELETE")

    def test_a_file_that_is_missing(self):
        done = self.command("check", "./nothing.so")
        self.assertEqual(done.returncode, 126, done.stderr)
        self.assertIn("nothing.so", done.stdout)

    def test_it_leaves_nothing(self):
        self.check(probe(1))
        self.assertEqual(os.listdir(self.folder), ["libprobe.so"])


class Running(Case):

    def test_status(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            run.save_and_see(probe(2))
            run.call("step", version=2)
            done = self.command("status")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("2", done.stdout)
            told = json.loads(self.command("status", "--json").stdout)
            self.assertEqual((told["pid"], told["host_pid"], told["generation"]),
                             (run.pid, run.host_pid(), 2))
            self.assertTrue(told["library"].endswith("libprobe.so"))
            self.assertTrue(processes.asked(lambda: self.written_status() == (run.pid, 2)))
            os.mkdir(self.path("below"))
            below = self.command("status", "--json", folder=self.path("below"))
            self.assertEqual(json.loads(below.stdout)["pid"], run.pid)

    def test_answers_are_for_people(self):
        with self.hotrun(probe(1, on_init="return HOTRUN_ERR")) as run:
            run.event("held")
            self.assertTrue(self.command("status").stdout.startswith("held  60 Hz\n"))
            run.save_and_see(probe(2), "loaded")
            said = self.command("reload").stdout
            self.assertTrue(said.startswith("unchanged: the library's bytes"), said)
            self.assertNotIn("not loaded", self.command("status").stdout)
            run.save_and_see(probe(3, on_init="return HOTRUN_ERR"), "rejected")
            self.assertIn("newest     not loaded", self.command("status").stdout)
            run.save_and_see(probe(4))
            self.assertNotIn("not loaded", self.command("status").stdout)
            self.assertTrue(self.command("pause").stdout.startswith("paused  generation "))
            self.assertTrue(self.command("resume").stdout.startswith("running  generation "))
            self.assertIn('found "loud"', self.command("log", "loud").stderr)

    def test_json_keeps_each_digit(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            self.assertRegex(self.command("status", "--json").stdout, r'"started_ns":\d{19}\b')

    def written_status(self):
        try:
            with open(self.path(".hotrun", "status.json"), encoding="utf-8") as file:
                status = json.load(file)
        except FileNotFoundError:
            return None
        return (status["pid"], status["generation"])

    def test_reload(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            mark = run.events.mark()
            done = self.command("reload")
            run.event("unchanged", mark)
            self.assertEqual(done.returncode, 0, done.stderr)
            mark = run.events.mark()
            done = self.command("reload", "--force")
            self.assertEqual(done.returncode, 0, done.stderr)
            run.event("reloaded", mark)

    def test_reload_force_passes_quarantine(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            bad = probe(2, on_init='if (access("good", F_OK)) return HOTRUN_ERR')
            run.save_and_see(bad, "rejected")
            run.save_and_see(bad, "quarantined")
            self.write("good", "")
            mark = run.events.mark()
            self.command("reload", "--force")
            run.event("reloaded", mark)
            run.call("step", version=2)

    def test_without_watching_reload_is_the_way(self):
        with self.hotrun(probe(1), config="[watch]\nenabled = false\n") as run:
            run.call("step")
            run.save(probe(2))
            run.request("status")
            self.assertFalse([e for e in run.events.since() if e["event"] == "reloaded"])
            self.command("reload")
            run.call("step", version=2)

    def test_quit(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            done = self.command("quit")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(run.wait_end(), 0)
            run.call("fini", why=3)
            run.finish()

    def test_events_are_followed(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            follower = subprocess.Popen([HOTRUN, "events"], cwd=self.folder, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                lines = []
                for version in range(2, 80):
                    run.save_and_see(probe(version))
                    if select.select([follower.stdout], [], [], 0.05)[0]:
                        break
                mark = run.save(probe(100))
                run.event("reloaded", mark)
                run.finish()
                out, err = follower.communicate(timeout=30)
                lines = [json.loads(line) for line in out.splitlines()]
                self.assertIn("exited", [e["event"] for e in lines], err)
                self.assertIn("reloaded", [e["event"] for e in lines])
                self.assertEqual(follower.returncode, 0, err)
            finally:
                follower.kill()
                follower.wait()

    def test_sigterm_and_sigint_end_it_with_status_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                self.fresh_folder()
                with self.hotrun(probe(1)) as run:
                    run.call("step")
                    run.kill(number)
                    self.assertEqual(run.wait_end(), 0)
                    run.finish()

    def test_a_stop_while_it_waits_for_a_library(self):
        with self.hotrun(None) as run:
            run.event("waiting")


class Control(Case):
    """JSON-RPC 2.0 over the socket, one message a line."""

    def talk(self, run, *lines):
        with run.connect() as client, client.makefile("rwb") as stream:
            for line in lines:
                stream.write(line if isinstance(line, bytes) else json.dumps(line).encode())
                stream.write(b"\n")
            stream.flush()
            return [json.loads(stream.readline()) for _ in lines]

    def test_errors_are_answered_as_the_standard_says(self):
        cases = ((b"{", -32700), (b"\xff\xfe", -32700), (b"[1", -32700), (b"1", -32600),
                 (b"[]", -32600), ({"jsonrpc": "1.0", "id": 1, "method": "status"}, -32600),
                 ({"jsonrpc": "2.0", "id": 1}, -32600),
                 ({"jsonrpc": "2.0", "id": 1, "method": 5}, -32600),
                 ({"jsonrpc": "2.0", "id": 1, "method": "no_such"}, -32601),
                 ({"jsonrpc": "2.0", "id": 1, "method": "status", "params": 5}, -32600),
                 (b"{" * 100_000, -32700), (b"[" * 100_000, -32700))
        with self.hotrun(probe(1)) as run:
            run.call("step")
            for line, code in cases:
                with self.subTest(line[:60] if isinstance(line, bytes) else line):
                    answer = self.talk(run, line)[0]
                    self.assertEqual(answer["jsonrpc"], "2.0")
                    self.assertIn(answer["error"]["code"], (code, -32602 if code == -32600 else code))
                    self.assertTrue(answer["error"]["message"])
            run.save_and_see(probe(2))

    def test_requests_notifications_and_batches(self):
        with self.hotrun(probe(1)) as run:
            run.event("loaded")
            with run.connect() as client, client.makefile("rwb") as stream:
                stream.write(b'{"jsonrpc":"2.0","method":"status"}\n')
                stream.write(b'{"jsonrpc":"2.0","id":"a","method":"status"}\n')
                stream.write(b'[{"jsonrpc":"2.0","id":1,"method":"status"},'
                             b'{"jsonrpc":"2.0","id":2,"method":"nope"},5]\n')
                stream.flush()
                one = json.loads(stream.readline())
                self.assertEqual(one["id"], "a")
                self.assertEqual(one["result"]["generation"], 1)
                batch = json.loads(stream.readline())
                self.assertEqual(len(batch), 3)
                self.assertEqual({answer["id"] for answer in batch}, {1, 2, None})

    def test_a_line_that_is_too_long(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            with run.connect() as client:
                try:
                    client.sendall(b" " * (3 << 20))
                except (BrokenPipeError, ConnectionResetError):
                    pass
                told = b""
                try:
                    while data := client.recv(65536):
                        told += data
                except ConnectionResetError:
                    pass
                if told:
                    self.assertIn("error", json.loads(told.splitlines()[0]))
            run.save_and_see(probe(2))

    def test_clients_that_come_and_go(self):
        with self.hotrun(probe(1)) as run:
            before = run.settle()
            for size in range(40):
                with run.connect() as client:
                    try:
                        client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"status"}\n'[:size])
                    except ConnectionError:  # refused: those before have not gone for hotrun
                        pass
            idle = [run.connect() for _ in range(60)]
            for client in idle:
                client.close()

            def answers():
                try:
                    return "result" in run.request("status")
                except (ConnectionError, ValueError):  # there is no room while the idle ones are there
                    return False
            self.assertTrue(processes.asked(answers))
            run.save_and_see(probe(2))
            self.assertTrue(processes.asked(
                lambda: len(processes.descriptors(run.pid)) <= before + 3))

    def test_a_client_that_does_not_read_is_no_obstacle(self):
        with self.hotrun(probe(1), "--rate", "1000") as run:
            run.call("step")
            with run.connect() as client:
                client.setblocking(False)
                line = b'{"jsonrpc":"2.0","id":1,"method":"status"}\n' * 1000
                try:
                    for _ in range(100):
                        client.send(line)
                except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                    pass
                run.save_and_see(probe(2))
                self.assertIn("result", run.request("status"))

    def test_the_socket_is_gone_at_the_end(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            path = run.socket_path()
            run.finish()
            self.assertFalse(os.path.exists(path))
            with self.assertRaises(OSError), socket.socket(socket.AF_UNIX) as client:
                client.connect(path)


if __name__ == "__main__":
    main()
