"""The state of what runs: looked into, changed, compared."""
import contextlib
import json
import os
import subprocess

from harness import HOTRUN, environment, main
from modules import probe
from states import CALM, LONG, QUICK, States

REJECTED = 3


class Get(States):

    def test_a_value_is_printed_as_the_module_wrote_it(self):
        with self.hotrun(probe(1, extra_json='",\\"odd~/k\\": [1.50, {\\"x\\" : 2E0}]"')) as run:
            run.call("step")
            self.assertEqual(self.state("get", "/beyond"), "9007199254740993")
            self.assertEqual(self.state("get", "/ratio"), "0.10000000000000001")
            self.assertEqual(self.state("get", "/odd~0~1k"), '[1.50, {"x" : 2E0}]')
            self.assertEqual(self.state("get", "/odd~0~1k/1/x"), "2E0")
            self.assertEqual(json.loads(self.state("get"))["beyond"], 9007199254740993)
            told = self.state("get", "/odd~0~1k/0", "--json")
            self.assertTrue(told.startswith('{"value":1.50,"generation":1,"step":'), told)

    def test_what_is_not_there_is_told(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            self.assertIn('has no "raito"', self.state("get", "/raito", status=125))
            for words in (("get", "ratio"), ("set", "ratio", "1"), ("remove", "/x~2")):
                self.assertIn("expected", self.state(*words, status=2))
            self.assertIn("expected hotrun state get", self.state("get", "/a", "/b", status=2))
            self.assertIn("expected get, set", self.state("got", status=2))
            self.assertIn("expected get, set", self.state(status=2))

    def test_it_works_in_each_state_of_a_run(self):
        with self.hotrun(probe(1), "--rate", "max", config=LONG) as run:
            run.call("step")
            self.state("get", "/count")  # in probation, at full speed
            self.told("pause")
            self.assertEqual(self.state("get", "/count"), str(self.told("status")["step"]))
            self.told("rate", "once")
            self.told("resume")
            self.state("get", "/count")

    def test_it_leaves_no_snapshot_and_costs_no_step(self):
        with self.hotrun(probe(1), "--rate", "60", config=CALM) as run:
            run.event("confirmed")
            mark = run.events.mark()
            for _ in range(20):
                self.state("get", "/count")
            self.assertFalse([e for e in run.events.since(mark) if e["event"] == "checkpoint"])
            self.assertEqual(self.told("history"), [])

    def test_many_at_once_keep_no_step_waiting_for_all_of_them(self):
        slow = probe(1, say_each_step=True, on_serialize="usleep(60000)")
        with self.hotrun(slow, "--rate", "10", config=CALM) as run:
            run.event("confirmed")
            said = run.said.mark()
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(run.connect()) for _ in range(8)]
                for client in clients:
                    client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"state.get"}\n')
                for client in clients:
                    answer = stack.enter_context(client.makefile("rb")).readline()
                    self.assertIn("count", json.loads(answer)["result"]["value"])
            calls = [s["call"][1] for s in run.said.since(said) if s["call"] in ("step", "serialize")]
            # A step is due 100 ms after the one before, and a third one does not begin by then.
            self.assertNotIn("eee", "".join(calls))
            self.assertEqual(calls.count("e"), 8)

    def test_while_nothing_runs_it_is_the_last_good_state(self):
        config = QUICK + "max_restarts = 0\n[checkpoint]\ninterval = '10ms'\n"
        with self.hotrun(probe(1, on_step="if (turn == 100) die_abort()"), "--rate", "500",
                         config=config) as run:
            run.event("held")
            count = int(self.state("get", "/count"))
            self.assertGreater(count, 0)
            self.assertLess(count, 100)
            self.assertIn("nothing runs", self.state("set", "/count", "5", status=125))
            self.assertEqual(int(self.state("get", "/count")), count)

    def test_a_state_without_names_is_refused_with_what_to_do(self):
        with self.hotrun(probe(1, no_codec=True, flags=("-g0",))) as run:
            run.call("step")
            self.assertIn("has no serialize", self.state("get", status=125))
            self.assertIn("has no serialize", self.state("set", "/count", "1", status=125))
            run.save_and_see(probe(2, no_codec=True, flags=("-g0",)))

    def test_a_pointer_with_a_nul_in_it_is_no_other_pointer(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            for method, params in (("state.get", {"pointer": "/count\0"}),
                                   ("state.edit", {"edits": [{"op": "set", "pointer": "/count\0",
                                                              "json": "5"}]}),
                                   ("state.edit", {"edits": [{"op": "set", "pointer": "/count",
                                                              "json": "5\0 and more"}]})):
                self.assertEqual(run.request(method, params)["error"]["code"], -32600)
            self.assertEqual(self.told("status")["generation"], 1)

    def test_a_serialize_that_dies_is_told(self):
        dies = self.path("bad")
        with self.hotrun(probe(1, on_serialize=f'if (access("{dies}", F_OK) == 0) '
                               f'{{ unlink("{dies}"); die_segv(); }}'),
                         config=QUICK + CALM) as run:
            run.event("confirmed")
            self.write("bad", "")
            self.assertIn("ended before it answered", self.state("get", status=125))
            run.event("restarted")
            self.state("get", "/count")


class Edit(States):

    def test_the_log_names_what_was_edited(self):
        with self.hotrun(probe(1), config=CALM) as run:
            run.call("step")
            run.event("confirmed")
            values = [word for name in "abcd" for word in (f"/{name}\x1b[2J", "1")]
            self.edited("set", "/count", "5", *values)
            self.assertRegex(run.line("  ~ /count"), r"  ~ /count  ~ /a\?\[2J  ~ /b\?\[2J  2 more$")
            self.write("all.json", "{}")
            self.edited("merge", "all.json")
            run.line("  ~ (all)")

    def test_a_value_is_set_and_the_others_keep_every_digit(self):
        with self.hotrun(probe(1), "--rate", "200", config=CALM) as run:
            first = run.call("step")
            run.event("confirmed")
            mark, said = run.events.mark(), run.said.mark()
            told = self.edited("set", "/count", "1000000")
            self.assertEqual(told["generation"], 2)
            event = run.event("reloaded", mark)
            self.assertTrue(event["edited"])
            self.assertRegex(run.line("state edited ("), r"state edited \(.*\)  ~ /count$")
            step = run.call("step", said)
            self.assertEqual((step["count"], step["generation"]), (1000001, 2))
            self.assertEqual(step["hash"], first["hash"])
            self.assertEqual(step["index"], told["step"])
            run.event("confirmed", mark)

    def test_values_are_added_appended_and_removed(self):
        with self.hotrun(probe(1), "--rate", "200", config=CALM) as run:
            run.event("confirmed")
            told = self.edited("set", "/extra", "[1]", "/extra/-", "2", "/count", "-0")
            self.assertEqual(told["adjusted"], ["/extra: the module has dropped it"])
            told = self.edited("remove", "/ratio", "/lowest")
            self.assertEqual(sorted(told["adjusted"]),
                             ["/lowest: the module still has it: -9223372036854775808",
                              "/ratio: the module still has it: 0.10000000000000001"])

    def test_what_the_module_does_not_take_is_told(self):
        clamps = "if (state->lowest > 100) state->lowest = 100"
        with self.hotrun(probe(1, on_deserialize=clamps), config=CALM) as run:
            run.event("confirmed")
            done = self.command("state", "set", "/lowest", "500", "/highest", "7")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("/lowest: the module made 100 of it", done.stdout)
            self.assertNotIn("highest", done.stdout)
            self.assertEqual(self.state("get", "/lowest"), "100")

    def test_one_that_cannot_be_made_refuses_all(self):
        with self.hotrun(probe(1), "--rate", "200", config=QUICK + CALM) as run:
            run.event("confirmed")
            mark, said = run.events.mark(), run.said.mark()
            told = self.state("set", "/lowest", "5", "/no/such", "6", status=125)
            self.assertIn("/no/such", told)
            event = run.event("rejected", mark)
            self.assertEqual((event["stage"], event["edited"]), ("edit", True))
            self.assertEqual(self.state("get", "/lowest"), str(-2 ** 63))
            run.call("event", said, type=REJECTED)
            self.assertFalse([c for c in run.said.since(said) if c["call"] in ("init", "fini")])
            self.edited("set", "/lowest", "5")
            self.assertEqual(self.state("get", "/lowest"), "5")

    def test_a_module_that_refuses_is_heard(self):
        refuses = ('if (state->lowest == 13) { host->log(host, HOTRUN_LOG_ERROR, "not thirteen"); '
                   'return HOTRUN_ERR; }')
        library = probe(1, on_deserialize=refuses)
        with self.hotrun(library, config=QUICK + CALM) as run:
            run.event("confirmed")
            self.assertIn("deserialize returned HOTRUN_ERR: not thirteen",
                          self.state("set", "/lowest", "13", status=125))
            self.assertEqual(self.state("get", "/lowest"), str(-2 ** 63))
            run.save_and_see(library, "unchanged")  # no quarantine
            self.edited("set", "/lowest", "14")

    def test_a_crash_in_deserialize_leads_back_to_the_state_from_before(self):
        library = probe(1, on_deserialize="if (state->lowest == 13) die_segv()")
        with self.hotrun(library, config=QUICK + CALM) as run:
            run.event("confirmed")
            mark = run.events.mark()
            self.assertIn("in deserialize", self.state("set", "/lowest", "13", status=125))
            back = run.event("rolled_back", mark)
            self.assertEqual(back["to"], 1)
            self.assertEqual(self.state("get", "/lowest"), str(-2 ** 63))
            run.save_and_see(library, "unchanged")
            self.edited("set", "/lowest", "14")
            self.assertEqual(self.state("get", "/lowest"), "14")

    def test_a_crash_in_a_step_after_it_leads_back_too(self):
        library = probe(1, on_step="if (state->lowest == 13) die_segv()")
        with self.hotrun(library, "--rate", "200", config=LONG + CALM) as run:
            run.call("step")
            mark = run.events.mark()
            self.edited("set", "/lowest", "13")
            run.event("crashed", mark)
            run.event("rolled_back", mark)
            self.assertEqual(self.state("get", "/lowest"), str(-2 ** 63))
            line = run.line("back to generation 1")
            self.assertNotIn("save a fix", line)
            run.save_and_see(library, "unchanged")

    def test_a_rollback_undoes_it(self):
        with self.hotrun(probe(1), "--rate", "200", config=QUICK + CALM) as run:
            run.event("confirmed")
            mark = run.events.mark()
            self.edited("set", "/lowest", "5")
            run.event("confirmed", mark)
            self.assertEqual(self.told("rollback")["generation"], 1)
            self.assertEqual(self.state("get", "/lowest"), str(-2 ** 63))
            run.save_and_see(probe(1), "unchanged")
            run.save_and_see(probe(2))

    def test_it_is_the_library_that_runs_and_not_the_users_file(self):
        with self.hotrun(probe(1), config="[watch]\nenabled = false\n" + QUICK) as run:
            run.event("confirmed")
            run.save(probe(2))
            said = run.said.mark()
            self.edited("set", "/lowest", "5")
            run.call("step", said, version=1)
            os.unlink(run.target)
            self.edited("set", "/lowest", "6")
            self.assertEqual(self.state("get", "/lowest"), "6")

    def test_in_probation_paused_and_at_once(self):
        with self.hotrun(probe(1), "--rate", "200", config=LONG + CALM) as run:
            run.call("step")
            for number in range(4):
                self.edited("set", "/lowest", str(number))
            run.event("superseded", generation=4)
            self.told("pause")
            stands = self.told("status")["step"]
            self.edited("set", "/lowest", "77")
            self.assertEqual(self.state("get", "/lowest"), "77")
            self.assertEqual(self.told("status")["step"], stands)
            self.told("rate", "once")
            self.told("resume")
            self.edited("set", "/lowest", "78")
            self.assertEqual(self.told("status")["step"], stands)
            self.assertEqual(self.state("get", "/lowest"), "78")

    def test_no_step_is_added_or_left_out(self):
        with self.hotrun(probe(1), "--rate", "0.001", config=QUICK + CALM) as run:
            run.call("step")
            for number in range(5):
                self.assertEqual(self.edited("set", "/lowest", str(number))["step"], 1)
                self.assertEqual(self.state("get", "/count"), "1")

    def test_edits_of_many_clients_all_happen(self):
        with self.hotrun(probe(1), "--rate", "200", config=QUICK + CALM) as run:
            run.event("confirmed")
            names = ["lowest", "highest", "beyond", "ratio"] * 3
            running = [subprocess.Popen([HOTRUN, "state", "set", f"/{name}", str(number + 1)],
                                        cwd=self.folder, env=environment(self.folder, run.tag),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                       for number, name in enumerate(names)]
            for process in running:
                out, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 0, out + err)
            edits = [e for e in run.events.since() if e["event"] == "reloaded"]
            self.assertEqual(len(edits), len(names))
            state = json.loads(self.state("get"))
            for at, name in enumerate(names[:4]):
                self.assertIn(state[name], [at + 1, at + 5, at + 9])

    DEFERS = ('if (event->type == HOTRUN_EVENT_BEFORE_RELOAD && access("go", F_OK) != 0) '
              'return HOTRUN_DEFER')

    def start_edit(self, run, *words):
        return subprocess.Popen([HOTRUN, "state", *words], cwd=self.folder, text=True,
                                env=environment(self.folder, run.tag),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_a_module_may_put_it_off(self):
        config = QUICK + CALM + "[reload]\ndefer_limit = '50ms'\n"
        with self.hotrun(probe(1, on_event=self.DEFERS), "--rate", "200", config=config) as run:
            run.event("confirmed")
            mark = run.events.mark()
            edit = self.start_edit(run, "set", "/lowest", "5")
            event = run.event("rejected", mark, stage="defer")
            self.assertTrue(event["edited"])
            self.assertEqual(self.state("get", "/lowest"), str(-2 ** 63))
            self.assertIsNone(edit.poll())
            self.write("go", "")
            out, err = edit.communicate(timeout=30)
            self.assertEqual(edit.returncode, 0, err)
            self.assertEqual(self.state("get", "/lowest"), "5")

    def test_a_library_that_is_saved_meanwhile_takes_its_place(self):
        config = QUICK + CALM + "[reload]\ndefer_limit = '50ms'\n"
        with self.hotrun(probe(1, on_event=self.DEFERS), "--rate", "200", config=config) as run:
            run.event("confirmed")
            mark = run.events.mark()
            edit = self.start_edit(run, "set", "/lowest", "5")
            run.event("rejected", mark, stage="defer")
            run.save(probe(2))
            out, err = edit.communicate(timeout=30)
            self.assertEqual(edit.returncode, 125, out)
            self.assertIn("saved meanwhile", err)
            self.write("go", "")
            said = run.event("reloaded", mark)
            self.assertNotIn("edited", said)
            self.assertEqual(self.state("get", "/lowest"), str(-2 ** 63))

    def test_it_waits_for_a_swap_that_is_put_off(self):
        config = QUICK + CALM + "[reload]\ndefer_limit = '50ms'\n"
        with self.hotrun(probe(1, on_event=self.DEFERS), "--rate", "200", config=config) as run:
            run.event("confirmed")
            mark = run.events.mark()
            run.save(probe(2))
            run.event("rejected", mark, stage="defer")
            edit = self.start_edit(run, "set", "/lowest", "5")
            self.state("get", "/lowest")
            self.assertIsNone(edit.poll())
            self.write("go", "")
            out, err = edit.communicate(timeout=30)
            self.assertEqual(edit.returncode, 0, err)
            self.assertEqual(self.state("get", "/lowest"), "5")
            self.assertEqual(self.told("status")["generation"], 3)

    def test_a_death_that_has_nothing_to_do_with_it_does_not_edit(self):
        config = QUICK + CALM + "[reload]\ndefer_limit = '50ms'\n"
        with self.hotrun(probe(1, on_event=self.DEFERS), "--rate", "200", config=config) as run:
            run.event("confirmed")
            mark = run.events.mark()
            edit = self.start_edit(run, "set", "/lowest", "5")
            run.event("rejected", mark, stage="defer")
            os.kill(run.host_pid(), 9)
            out, err = edit.communicate(timeout=30)
            self.assertEqual(edit.returncode, 125, out)
            self.assertIn("SIGKILL", err)
            run.event("restarted", mark)
            self.assertEqual(self.state("get", "/lowest"), str(-2 ** 63))

    def test_a_merge_patch(self):
        with self.hotrun(probe(1), config=QUICK + CALM) as run:
            run.event("confirmed")
            self.write("patch.json", '{"lowest": 3, "beyond": 9007199254740995}')
            self.edited("merge", "patch.json")
            self.assertEqual(self.state("get", "/lowest"), "3")
            self.assertEqual(self.state("get", "/beyond"), "9007199254740995")
            self.assertEqual(self.state("get", "/highest"), str(2 ** 64 - 1))
            self.write("bad.json", '{"lowest": }')
            self.assertIn("bad.json is no JSON", self.state("merge", "bad.json", status=125))
            self.state("merge", "missing.json", status=125)

    def test_what_is_wrong_is_refused_before_anything_happens(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            self.assertIn("is no JSON", self.state("set", "/lowest", "five", status=2))
            self.state("set", "/lowest", status=2)
            self.state("set", "/lowest", "1", "/x", status=2)
            self.state("remove", status=2)
            for edit in ({"op": "set", "pointer": "/x"}, {"op": "put", "pointer": "/x", "json": "1"},
                         {"op": "set", "pointer": 5, "json": "1"}, {"op": "set", "json": "1"},
                         {"op": "set", "pointer": "x", "json": "1"}, 5, [],
                         {"op": "set", "pointer": "/x", "json": "{"},
                         {"op": "set", "pointer": "/x", "json": "1", "more": 1},
                         {"op": "remove", "pointer": "/x", "json": "1"},
                         {"op": "merge", "json": "1", "file": "/x"},
                         {"op": "merge", "file": "x"}, {"op": "set", "pointer": "/x", "file": "/x"},
                         {"op": "set", "pointer": "/" + "x" * 5000, "json": "1"}):
                with self.subTest(edit):
                    answer = run.request("state.edit", {"edits": [edit]})
                    self.assertEqual(answer["error"]["code"], -32602)
            for edits in (5, [], {}, None):
                answer = run.request("state.edit", {"edits": edits})
                self.assertEqual(answer["error"]["code"], -32602)
            self.assertFalse([e for e in run.events.since() if e["event"] == "rejected"])

    def test_a_reload_after_it_is_taken_as_ever(self):
        with self.hotrun(probe(1), "--rate", "200", config=QUICK + CALM) as run:
            run.event("confirmed")
            self.edited("set", "/lowest", "5")
            run.save_and_see(probe(1), "unchanged")
            said = run.said.mark()
            run.save_and_see(probe(2))
            run.call("step", said, version=2)
            self.assertEqual(self.state("get", "/lowest"), "5")


class Diff(States):

    def test_two_states_are_compared_like_by_diff(self):
        with self.hotrun(probe(1), "--rate", "200", config=QUICK + CALM) as run:
            run.event("confirmed")
            self.told("pause")
            first = self.told("snapshot")
            self.assertEqual(self.state("diff", str(first["id"]), "now"), "")
            self.edited("set", "/lowest", "5", "/ratio", "2.5")
            told = self.state("diff", str(first["id"]), "now", status=1).splitlines()
            self.assertEqual(told, ["~ /lowest  -9223372036854775808 -> 5",
                                    "~ /ratio  0.10000000000000001 -> 2.5"])
            raw = self.state("diff", "now", first["path"], "--json", status=1)
            self.assertEqual(json.loads(raw)[0], {"pointer": "/lowest", "before": 5,
                                                  "after": -2 ** 63})
            self.write("a.json", '{"a": [1, 2], "b": "\\u0041"}')
            self.write("b.json", '{"b": "A", "c": {"x": 1.50}, "a": [1]}')
            told = self.state("diff", "a.json", "b.json", status=1).splitlines()
            self.assertEqual(sorted(told), ["+ /c  {\"x\": 1.50}", "- /a/1  2"])
        self.assertEqual(self.state("diff", "a.json", "a.json"), "")
        self.state("diff", "1", "a.json", status=1)  # without a running hotrun
        self.assertIn("no hotrun runs here", self.state("diff", "now", "a.json", status=125))

    def test_what_is_no_state_is_told(self):
        self.write("torn.json", '{"hotrun":"snapshot/1","check":"00"')
        self.write("good.json", "1")
        self.write("bad.json", "{1}")
        os.mkdir(self.path(".hotrun"))
        for first in ("torn.json", "bad.json", "none.json", "7"):
            with self.subTest(first):
                self.state("diff", first, "good.json", status=125)
        self.state("diff", "good.json", status=2)


if __name__ == "__main__":
    main()
