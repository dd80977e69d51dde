"""Snapshots on disk: what is stored, and what happens when it cannot be."""
import json
import os
import signal
import subprocess

from harness import main
import processes
from snapshots import ONLY_AT_THE_END, OFTEN, Snapshots, probe


class Stored(Snapshots):

    def test_the_state_is_stored_at_a_clean_end(self):
        run, snapshot = self.run_and_end()
        self.assertEqual(snapshot["hotrun"], "snapshot/1")
        self.assertEqual((snapshot["module"], snapshot["why"]), ("probe", "exit"))
        self.assertEqual(snapshot["generation"], 1)
        self.assertGreaterEqual(snapshot["step"], 6)
        event = [e for e in run.events.since() if e["event"] == "checkpoint" and e["durable"]][-1]
        self.assertEqual(event["bytes"], snapshot["bytes"])
        self.assertEqual(self.stored(run)[-1], f"{event['id']:08}.json")
        self.assertEqual(os.stat(self.folder_of(run)).st_mode & 0o777, 0o700)

    def test_it_is_stored_at_intervals_and_a_bounded_history_is_kept(self):
        with self.hotrun(probe(1), "--rate", "500", config=OFTEN + "history = 3\n") as run:
            run.event("checkpoint", durable=True, id=6)
            self.assertTrue(self.durable(run)["ok"])
            run.finish()
        self.assertEqual(len(self.stored(run)), 3)
        self.assertTrue(os.path.samefile(self.place(run), self.place(run, self.stored(run)[-1])))

    def test_nothing_new_is_not_stored_again(self):
        with self.hotrun(probe(1), config="[checkpoint]\ndurable_interval = '1ms'\n") as run:
            run.call("step")
            self.assertEqual(self.command("pause").returncode, 0)
            self.assertEqual(self.command("snapshot").returncode, 0)
            before = self.stored(run)
            for _ in range(100):  # each takes the loop past its timers
                run.request("status")
            self.assertEqual(self.stored(run), before)

    def test_state_text_is_stored_as_the_module_wrote_it(self):
        extra = ',"big":9007199254740993,"nul":"\\u0000"'
        run, _ = self.run_and_end(probe(1, extra_json=json.dumps(extra)))
        with open(self.place(run), encoding="utf-8") as file:
            text = file.read()
        self.assertIn(extra, text)

    def test_the_host_has_no_part_in_it(self):
        with self.hotrun(probe(1), "--rate", "200", config=OFTEN) as run:
            run.event("checkpoint", durable=True)
            opened = processes.descriptors(run.host_pid()).values()
            self.assertFalse([path for path in opened if "snapshots" in path])

    def test_in_probation_the_state_before_the_swap_is_stored_as_well(self):
        config = ONLY_AT_THE_END + "[supervise]\nprobation = '1h'\n"
        with self.hotrun(probe(1), "--rate", "200", config=config) as run:
            run.call("step", index=3)
            run.save_and_see(probe(2))
            run.call("step", version=2)
            run.finish()
        whys = [self.read(run, name)["why"] for name in self.stored(run)]
        generations = [self.read(run, name)["generation"] for name in self.stored(run)]
        self.assertEqual((whys[-2:], generations[-2:]), (["swap", "exit"], [1, 2]))

    def test_a_module_that_has_to_be_killed_leaves_its_last_checkpoint(self):
        config = OFTEN + "[supervise]\nstop_timeout = '50ms'\n"
        stuck = "if (event->type == HOTRUN_EVENT_STOPPING) for (;;) pause()"
        with self.hotrun(probe(1, on_event=stuck), "--rate", "200", config=config) as run:
            run.event("checkpoint", durable=True)
            run.call("step", index=20)
            run.kill()
            run.finish(128 + signal.SIGTERM)
        self.assertGreater(self.read(run)["step"], 0)


class Command(Snapshots):

    def test_the_state_of_this_moment_is_on_disk_when_the_command_ends(self):
        with self.hotrun(probe(1), "--rate", "200", config=ONLY_AT_THE_END) as run:
            run.call("step", index=5)
            told = self.command("snapshot", "--json")
            self.assertEqual(told.returncode, 0, told.stderr)
            result = json.loads(told.stdout)
            snapshot = self.read(run)
            self.assertEqual(result["path"], self.place(run, self.stored(run)[-1]))
            self.assertEqual((snapshot["step"], snapshot["why"]), (result["step"], "request"))
            self.assertGreater(result["step"], 5)
            self.assertEqual(self.durable(run)["id"], result["id"])
            self.assertEqual(self.command("snapshot").stdout.strip(),
                             self.place(run, self.stored(run)[-1]))

    def test_a_copy_goes_where_it_is_wanted(self):
        with self.hotrun(probe(1), "--rate", "200", config=ONLY_AT_THE_END) as run:
            run.call("step", index=5)
            os.mkdir(self.path("sub"))
            told = self.command("snapshot", "mine.json", "--run-dir", "../.hotrun",
                                folder=self.path("sub"))
            self.assertEqual(told.returncode, 0, told.stderr)
            with open(self.path("sub", "mine.json"), "rb") as mine, \
                    open(self.place(run), "rb") as latest:
                self.assertEqual(mine.read(), latest.read())
            self.assertEqual(os.stat(self.path("sub", "mine.json")).st_mode & 0o777, 0o600)
            told = self.command("snapshot", "nowhere/mine.json")
            self.assertEqual(told.returncode, 125)
            self.assertIn("nowhere/mine.json", told.stderr)

    def test_several_at_once_are_all_answered(self):
        with self.hotrun(probe(1), "--rate", "200", config=ONLY_AT_THE_END) as run:
            run.call("step")
            with run.connect() as client, client.makefile("rwb") as stream:
                for number in range(10):
                    stream.write(json.dumps({"jsonrpc": "2.0", "id": number,
                                             "method": "snapshot"}).encode() + b"\n")
                stream.flush()
                answers = [json.loads(stream.readline()) for _ in range(10)]
            self.assertEqual(sorted(a["id"] for a in answers), list(range(10)))
            self.assertTrue(all("result" in a for a in answers), answers)

    def test_a_module_that_can_not_give_its_state_is_an_error(self):
        failing = 'hotrun_logf(host, HOTRUN_LOG_ERROR, "no paper"); if (turn > 3) return HOTRUN_ERR'
        with self.hotrun(probe(1, on_serialize=failing), "--rate", "200",
                         config="[checkpoint]\ninterval = 0\ndurable_interval = 0\n") as run:
            run.call("step", index=5)
            told = self.command("snapshot")
            self.assertEqual(told.returncode, 125)
            self.assertIn("no paper", told.stderr)

    def test_what_is_held_is_stored_too(self):
        with self.hotrun(probe(1, on_step="if (turn == 3) die_segv()"), "--rate", "200",
                         config=ONLY_AT_THE_END) as run:
            run.event("held")
            told = self.command("snapshot", "--json")
            self.assertEqual(told.returncode, 0, told.stderr)
            self.assertEqual(json.loads(told.stdout)["step"], self.read(run)["step"])


class Trouble(Snapshots):

    def between_two(self, run, change):
        """Makes the change while no snapshot is half stored."""
        def stands_between():
            run.kill(signal.SIGSTOP)
            self.assertTrue(processes.stops(run.pid))
            opened = processes.descriptors(run.pid).values()
            if any(path.startswith(self.folder_of(run)) for path in opened):
                run.kill(signal.SIGCONT)
                return False
            return True

        self.assertTrue(processes.asked(stands_between), "a snapshot is stored all the time")
        try:
            change()
        finally:
            run.kill(signal.SIGCONT)

    def fails_and_is_mended(self, run, spoil, mend):
        """The run goes on while nothing can be stored, and stores again when it can."""
        run.event("checkpoint", durable=True)
        mark = run.events.mark()
        self.between_two(run, spoil)
        failed = run.event("durable_failed", mark)
        self.assertIn("snapshots", failed["reason"])
        run.call("step", run.said.mark())
        durable = self.durable(run)
        self.assertFalse(durable["ok"])
        self.assertEqual(durable["reason"], failed["reason"])
        run.event("checkpoint", run.events.mark(), durable=False)
        run.event("checkpoint", run.events.mark(), durable=False)
        told = self.command("snapshot")
        self.assertEqual(told.returncode, 125)
        mend()
        run.event("checkpoint", run.events.mark(), durable=True)
        run.line("snapshots are stored again")
        self.assertTrue(self.durable(run)["ok"])
        warned = [line for line in run.err.since() if "no snapshot on disk" in line]
        self.assertEqual(len(warned), 1, warned)

    def test_a_folder_that_has_gone_is_made_again(self):
        with self.hotrun(probe(1), "--rate", "200", config=OFTEN) as run:
            run.event("checkpoint", durable=True)
            os.rename(self.folder_of(run), self.path("away"))
            run.event("checkpoint", run.events.mark(), durable=True)
            run.event("checkpoint", run.events.mark(), durable=True)
            self.assertTrue(self.stored(run))

    def test_a_file_in_the_folders_place_is_told_until_it_is_mended(self):
        with self.hotrun(probe(1), "--rate", "200", config=OFTEN) as run:
            def spoil():
                os.rename(self.folder_of(run), self.path("away"))
                self.write(".hotrun/snapshots", "")

            def mend():
                os.unlink(self.folder_of(run))

            self.fails_and_is_mended(run, spoil, mend)

    def mounted(self, *options):
        folder = self.path(".hotrun", "snapshots")
        os.makedirs(folder, 0o700)
        os.chmod(self.path(".hotrun"), 0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder],
                              capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("mounting is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", folder])
        return folder

    def remount(self, folder, *options):
        subprocess.run(["mount", "-o", ",".join(("remount", *options)), folder], check=True)

    def test_a_full_disk_is_told_until_it_is_mended(self):
        folder = self.mounted("size=64k", "mode=0700")
        filler = os.path.join(folder, "filler")

        def fill():
            with open(filler, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass

        with self.hotrun(probe(1), "--rate", "200", config=OFTEN + "history = 2\n") as run:
            self.fails_and_is_mended(run, fill, lambda: os.unlink(filler))
            run.finish()
        self.assertFalse([n for n in os.listdir(folder) if n.endswith(".new")])

    def test_a_read_only_disk_is_told_until_it_is_mended(self):
        folder = self.mounted("size=1m", "mode=0700")
        with self.hotrun(probe(1), "--rate", "200", config=OFTEN) as run:
            self.fails_and_is_mended(run, lambda: self.remount(folder, "ro"),
                                     lambda: self.remount(folder, "rw"))

    def test_a_disk_that_stays_full_changes_nothing_about_the_end(self):
        folder = self.mounted("size=1m", "mode=0700")
        with self.hotrun(probe(1), "--rate", "200", config=OFTEN) as run:
            run.event("checkpoint", durable=True)
            self.between_two(run, lambda: self.remount(folder, "ro"))
            run.event("durable_failed")
            last = self.stored(run)[-1]
            run.finish()
        self.assertEqual(self.stored(run)[-1], last)
        self.read(run, last)


if __name__ == "__main__":
    main()
