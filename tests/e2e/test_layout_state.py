"""States without callbacks, as the supervisor reads, keeps and tells them by their layouts."""
import json
import os
import shutil
import signal
import unittest.mock

from games import game, told
import harness
from harness import HOTRUN, count, main
import processes
from snapshots import ONLY_AT_THE_END, Snapshots
from states import CALM, QUICK, States

FIELDS = "enum mood { CALM, ANGRY }; struct game { int n; enum mood mood; char name[8]; float x; %s };"
INIT = 'game->mood = ANGRY; strcpy(game->name, "first"); game->x = 0.1f'
STEP = "game->n++; " + told("n")
NO_DURABLE = ONLY_AT_THE_END + "interval = 0\n"


def ship(version, more="", step=STEP, **how):
    return game(version, FIELDS % more, step, INIT, **how)


def readers(run):
    return [pid for pid in processes.children(run.pid)
            if processes.program(pid) == "hotrun-inspect" and
            "--layouts" in processes.arguments(pid)]


class Layouts(States, Snapshots):

    def run_ship(self, library=None, *options, config=NO_DURABLE + QUICK, **how):
        return self.hotrun(library or ship(1), "--rate", "500", *options, config=config, **how)

    def layout(self, run):
        return run.request("status")["result"]["layout"]

    def reader(self, run):
        """The pid of the one that reads, when it has nothing to do."""
        run.event("loaded")
        self.assertTrue(processes.asked(lambda: self.layout(run)["outcome"] == "ok"))
        return readers(run)[0]


class Told(Layouts):

    def test_the_state_is_told_by_name(self):
        with self.run_ship() as run:
            run.event("loaded")
            state = json.loads(self.state("get"))  # at once: its layout is waited for
            self.assertEqual(list(state), ["n", "mood", "name", "x"])
            self.assertEqual((state["mood"], state["name"], state["x"]), ("ANGRY", "first", 0.1))
            self.assertEqual(self.state("get", "/mood"), '"ANGRY"')
            self.assertIn("/speed", self.state("get", "/speed", status=125))

    def test_many_ask_at_once(self):
        with self.run_ship() as run:
            run.event("loaded")
            for number in range(count(20, 200)):
                answer = run.request("state.get", {"pointer": "/name"}, number)
                self.assertEqual(answer["result"]["value"], "first")

    def test_it_is_edited(self):
        with self.run_ship() as run:
            run.event("loaded")
            self.state("set", "/name", '"second"', "/mood", '"CALM"', "/n", "100000")
            state = json.loads(self.state("get"))
            self.assertEqual((state["name"], state["mood"]), ("second", "CALM"))
            self.assertGreaterEqual(state["n"], 100000)
            self.assertIn("/name", self.state("set", "/name", "3.5", status=125))

    def test_an_edit_leaves_transient_values_as_they_are(self):
        with self.run_ship(ship(1, "int speed; HOTRUN_TRANSIENT(speed);")) as run:
            run.event("loaded")
            self.state("set", "/speed", "5")
            self.state("set", "/name", '"second"')
            self.assertEqual(self.state("get", "/speed"), "5")
    def test_what_it_takes_is_told(self):
        types = "static int turns; struct node { int n; }; struct game { int n; struct node *first; };"
        init = "game->first = hotrun_alloc(host, struct node, 25)"
        with self.run_ship(game(1, types, "turns++; " + told("n"), init),
                           config=NO_DURABLE + "[state]\nstatics = true\n") as run:
            self.reader(run)
            status = run.request("status")["result"]
            self.assertEqual((status["state_bytes"], status["heap_bytes"]), (16, 100))
            self.assertEqual(status["variables_bytes"], 4)
            self.assertIn("state      16 bytes, 100 on the heap, 4 of variables (memory)",
                          self.command("status").stdout)
            self.assertEqual(run.event("loaded")["state"]["bytes"], 116)
        self.fresh_folder()
        with self.run_ship(game(1, types, "turns++; " + told("i=now->index"), state="void"),
                           config=NO_DURABLE + "[state]\nstatics = true\n") as run:
            self.reader(run)
            self.assertIn("state      0 bytes, 4 of variables (memory)",
                          self.command("status").stdout)
        self.fresh_folder()
        with self.run_ship(game(1, types, told("i=now->index"), state="void")) as run:
            run.call("step")
            self.assertIn("state      none", self.command("status").stdout)
            run.line("no state of its own")

    def test_how_it_lies_is_told(self):
        with self.run_ship() as run:
            self.reader(run)
            text = self.state("layout")
            self.assertIn("struct game {", text)
            self.assertIn("enum mood", text)
            layout = json.loads(self.state("layout", "--json"))
            self.assertEqual((layout["state"], layout["size"]), ("struct game", 20))
            self.assertEqual(layout["hash"], self.layout(run)["hash"])
            self.assertIn("from debug info", self.command("status").stdout)
            answer = run.request("state.layout", {"json": 3})
            self.assertIn("true or false", answer["error"]["message"])


class Stored(Layouts):

    def stored_by(self, run):
        """What `hotrun snapshot` stores now."""
        done = self.command("snapshot")
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.read(run)

    def test_snapshots_are_json(self):
        with self.run_ship() as run:
            run.call("step")
            snapshot = self.stored_by(run)
            self.assertEqual((snapshot["kind"], snapshot["module"]), ("json", "game"))
            self.assertEqual(snapshot["state"]["name"], "first")
            self.assertEqual(snapshot["state"]["n"], snapshot["step"])
            run.finish()
        last = self.read(run)
        self.assertEqual((last["why"], last["state"]["n"]), ("exit", last["step"]))

    def test_two_are_compared(self):
        with self.run_ship() as run:
            run.call("step")
            first = self.stored_by(run)
            run.call("step", index=first["step"])
            self.state("set", "/name", '"second"')
            second = self.stored_by(run)
            run.call("step", index=second["step"])
            self.assertLess(first["step"], second["step"])
            text = self.state("diff", "1", "2", status=1)
            self.assertIn('/name  "first" -> "second"', text)
            self.assertIn("$types", second["state"])
            self.assertNotIn("$types", self.state("diff", "2", "now", status=1))
            self.assertEqual(len(self.told("history")), 2)

    def test_it_goes_back(self):
        with self.run_ship() as run:
            run.call("step")
            first = self.stored_by(run)
            run.call("step", index=first["step"] + 20)
            mark = run.said.mark()
            self.assertEqual(self.command("rewind", "1").returncode, 0)
            self.assertEqual(run.call("step", mark, index=first["step"])["n"], first["step"] + 1)
            mark = run.said.mark()
            place = self.place(run, "00000001.json")
            self.assertEqual(self.command("restore", place).returncode, 0)
            self.assertEqual(run.call("step", mark, index=first["step"])["n"], first["step"] + 1)

    def test_of_two_that_are_restored_at_once_one_is(self):
        with self.run_ship() as run:
            run.call("step")
            first = self.stored_by(run)
            mark = run.said.mark()
            with run.connect() as client, client.makefile("rwb") as stream:
                for number in (1, 2):
                    stream.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": "restore",
                                             "params": {"file": self.place(run)}}).encode() + b"\n")
                stream.flush()
                answers = {answer["id"]: answer for answer in
                           (json.loads(stream.readline()) for _ in range(2))}
            self.assertEqual(answers[1]["result"]["step"], first["step"])
            self.assertIn("another", answers[2]["error"]["message"])
            self.assertEqual(run.call("step", mark, index=first["step"])["n"], first["step"] + 1)

    def test_another_run_goes_on_with_it(self):
        with self.run_ship() as run:
            self.reader(run)
            run.call("step", index=5)
            run.finish()
        last = self.read(run)
        with self.run_ship(ship(2, "int speed;"), "--resume") as run:
            step = run.call("step")
            self.assertEqual((step["index"], step["n"]), (last["step"], last["step"] + 1))
            loaded = run.event("loaded")
            self.assertIn("/speed", loaded["state"]["added"])
            self.assertGreater(loaded["us"]["layout"], 0)
            self.assertEqual(json.loads(self.state("get", "/name")), "first")
            run.line("+ speed")
        self.fresh_folder()
        with self.run_ship(ship(3), "--restore", self.place(run)) as run:
            self.assertGreater(run.call("step")["n"], last["step"] + 1)

    def test_it_outlives_the_process(self):
        with self.run_ship() as run:
            run.call("step")
            self.reader(run)
            snapshot = self.stored_by(run)
            run.event("confirmed")
            mark = run.said.mark()
            os.kill(run.host_pid(), signal.SIGKILL)
            back = run.event("restarted")
            self.assertIn(back["how"], ("in-place", "migrated"))
            step = run.call("step", mark, index=back["step"])
            self.assertEqual(step["n"], step["index"] + 1)
            self.assertGreaterEqual(step["index"], snapshot["step"])

    def test_a_crash_report_has_it(self):
        dies = STEP + "; if (game->n == 200) *(volatile int *)0 = 1"
        with self.run_ship(ship(1, step=dies),
                           config="[checkpoint]\ninterval = '1ms'\n[supervise]\nmax_restarts = 1\n") as run:
            run.event("held")
            snapshot = self.beside(self.report(run.event("crashed"), "reproduce"))
            self.assertEqual((snapshot["kind"], snapshot["state"]["name"]), ("json", "first"))
            self.assertEqual(json.loads(self.state("get", "/name")), "first")  # of what is held
            run.finish()


    def test_a_run_that_ends_at_once_stores_it(self):
        """Before anybody has had the time to read its layout."""
        config = NO_DURABLE + QUICK + "stop_timeout = '20s'\n"  # half of it is for reading
        with self.run_ship(ship(1, step=STEP + "; return HOTRUN_EXIT"), log=False, config=config) as run:
            self.assertEqual(run.wait_end(), 0)
        last = self.read(run)
        self.assertEqual((last["kind"], last["why"], last["state"]["name"]), ("json", "exit", "first"))



class Reading(Layouts):

    def test_the_start_does_not_wait(self):
        with self.run_ship() as run:
            loaded = run.event("loaded")
            self.assertEqual(loaded["us"]["layout"], 0)
            self.reader(run)
            seen = run.save_and_see(ship(2, "int speed;"))
            self.assertGreater(seen["us"]["layout"], 0)
            self.assertGreaterEqual(seen["us"]["total"], seen["us"]["layout"])

    def test_what_is_saved_before_the_first_step_waits_for_both_layouts(self):
        slow = game(1, FIELDS % "", STEP, INIT + "; usleep(500000)")
        other = ship(2, "int more;")
        with self.run_ship(slow) as run:
            run.event("started")
            seen = run.save_and_see(other, ("reloaded", "rejected"))
            self.assertEqual(seen.get("state", {}).get("how"), "migrated", seen)
            self.assertIn("/more", seen["state"]["added"])

    def test_one_process_reads_all(self):
        with self.run_ship() as run:
            first = self.reader(run)
            for version in range(2, 6):
                run.save_and_see(ship(version, "int speed;" * (version % 2)), generation=version)
                self.assertEqual(readers(run), [first])

    def test_one_that_is_killed_is_replaced(self):
        with self.run_ship() as run:
            for version in range(2, count(5, 30)):
                first = self.reader(run)
                os.kill(first, signal.SIGKILL)
                seen = run.save_and_see(ship(version, "int speed;" * (version % 2)),
                                        generation=version)
                self.assertGreater(seen["us"]["layout"], 0)
                self.assertEqual(self.layout(run)["outcome"], "ok")
                self.assertNotEqual(readers(run), [first])

    def test_one_that_hangs_is_given_up_while_the_old_code_steps(self):
        with self.run_ship() as run:
            os.kill(self.reader(run), signal.SIGSTOP)
            said = run.said.mark()
            mark = run.save(ship(2, step="game->n++; " + told("n", "two=2")))
            run.line("without its layout")
            seen = run.event("reloaded", mark, generation=2)
            self.assertGreater(seen["us"]["layout"], 4_000_000)
            self.assertGreater(seen["us"]["total"], 4_000_000)
            steps = [s for s in run.said.since(said) if s["call"] == "step" and s["version"] == 1]
            self.assertGreater(len(steps), 100)
            self.assertTrue(processes.asked(lambda: not readers(run) or self.layout(run)))
            run.save_and_see(ship(3, "int speed;"), generation=3)
            self.assertTrue(processes.asked(lambda: self.layout(run)["outcome"] == "ok"))

    def test_what_could_not_be_read_once_is_no_fault_of_the_library(self):
        with self.run_ship() as run:
            os.kill(self.reader(run), signal.SIGSTOP)
            other = ship(2, "int speed;")
            run.save_and_see(other, "rejected")
            seen = run.save_and_see(other, ("reloaded", "quarantined"))
            self.assertEqual(seen.get("state", {}).get("how"), "migrated", seen)

    def test_a_save_meanwhile_takes_the_place_of_the_one_that_waits(self):
        second, third = ship(2, "int speed;"), ship(3, "int speed, power;")
        with self.run_ship() as run:
            reader = self.reader(run)
            os.kill(reader, signal.SIGSTOP)
            mark = run.save(second)
            self.assertTrue(processes.asked(
                lambda: run.request("reload")["result"]["outcome"] == "unchanged"))
            run.save(third)
            self.assertTrue(processes.asked(
                lambda: run.request("reload")["result"]["outcome"] == "unchanged"))
            os.kill(reader, signal.SIGCONT)
            seen = run.event("reloaded", mark)
            self.assertEqual(seen["generation"], 3)
            self.assertEqual(seen["state"]["how"], "migrated")

    def test_the_end_does_not_wait(self):
        with self.run_ship() as run:
            os.kill(self.reader(run), signal.SIGSTOP)
            run.save(ship(2, "int speed;"))
            self.assertTrue(processes.asked(
                lambda: run.request("reload")["result"]["outcome"] == "unchanged"))
            run.kill()
            self.assertEqual(run.wait_end(4), 0)

    def test_without_the_program_all_goes_on(self):
        folder = os.path.dirname(HOTRUN)
        os.mkdir(self.path("bin"))
        shutil.copy(HOTRUN, self.path("bin", "hotrun"))
        host = [os.path.join(folder, *place, "hotrun-host") for place in ((), ("..", "host"))]
        shutil.copy([path for path in host if os.path.exists(path)][0],
                    self.path("bin", "hotrun-host"))
        with unittest.mock.patch.object(harness, "HOTRUN", self.path("bin", "hotrun")):
            with self.run_ship() as run:
                run.call("step")
                run.save_and_see(ship(2))
                run.line("there is no hotrun-inspect beside hotrun-host to read debug info")
                run.save_and_see(ship(3), generation=3)
                self.assertEqual(self.layout(run)["outcome"], "failed")
                self.assertIn("no hotrun-inspect", self.state("get", status=125))
                self.assertIn("no hotrun-inspect",
                              run.request("state.layout")["error"]["message"])
                run.finish()
            told_of = [line for line in run.err.since() if "without its layout" in line]
            self.assertEqual(len(told_of), 1, told_of)

    def test_a_library_without_debug_info_says_so(self):
        with self.run_ship(ship(1, flags=("-g0",))) as run:
            run.call("step")
            self.assertEqual(self.layout(run)["outcome"], "none")
            self.assertIn("-g", self.command("status").stdout)
            self.assertFalse(readers(run))
            seen = run.save_and_see(ship(2, flags=("-g0",)))
            self.assertEqual((seen["state"]["how"], seen["us"]["layout"]), ("in-place", 0))


class Storms(Layouts):

    def test_each_save_has_one_outcome(self):
        with self.run_ship() as run:
            self.reader(run)
            last = count(40, 400)
            for version in range(2, last):
                run.save(ship(2 + version % 5, f"int f{version % 5};"))
            run.save(ship(1000, "int last;"))
            run.call("step", version=1000)
            self.assertIn("last", json.loads(self.state("get")))
            run.finish()
        ends = [e for e in run.events.since()
                if e["event"] in ("reloaded", "rejected", "unchanged", "quarantined")]
        generations = [e["generation"] for e in ends if e["event"] == "reloaded"]
        self.assertEqual(generations, sorted(set(generations)))
        self.assertFalse([e for e in ends if e["event"] in ("rejected", "quarantined")], ends)

    def test_who_waits_for_a_reload_is_answered_once(self):
        with self.run_ship() as run:
            self.reader(run)
            for version in range(2, count(10, 60)):
                with open(run.target + ".new", "wb") as file:
                    file.write(ship(version, "int speed;" * (version % 2)))
                os.chmod(run.target + ".new", 0o755)
                os.rename(run.target + ".new", run.target)
                answer = run.request("reload")["result"]
                self.assertIn(answer["outcome"], ("reloaded", "unchanged"))
                run.event("reloaded", generation=version)


if __name__ == "__main__":
    main()
