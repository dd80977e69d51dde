"""Snapshots on disk: what is stored, when it cannot be, and how a run goes on from one."""
import json
import os
import re
import signal
import subprocess

from harness import Case, main
import modules
import processes

RESTORED = 2
OFTEN = "[checkpoint]\ninterval = '10ms'\ndurable_interval = '20ms'\n"
ONLY_AT_THE_END = "[checkpoint]\ndurable_interval = 0\n"


def probe(version, **settings):
    return modules.probe(version, say_each_step=True, **settings)


class Snapshots(Case):

    def folder_of(self, run):
        return os.path.join(run.folder, ".hotrun", "snapshots")

    def stored(self, run):
        """The numbers that are on disk, oldest first."""
        names = os.listdir(self.folder_of(run)) if os.path.isdir(self.folder_of(run)) else []
        return sorted(name for name in names if re.fullmatch(r"\d{8}\.json", name))

    def read(self, run, name="latest.json"):
        with open(os.path.join(self.folder_of(run), name), encoding="utf-8") as file:
            return json.load(file)

    def place(self, run, name="latest.json"):
        return os.path.join(self.folder_of(run), name)

    def goes_on(self, run, snapshot, since=0):
        """The first step is the snapshot's next one, on its state."""
        step = run.call("step", since)
        self.assertEqual(step["index"], snapshot["step"])
        self.assertEqual(step["count"], snapshot["state"]["count"] + 1)
        self.assertEqual(step["flags"] & RESTORED, RESTORED)
        return step

    def durable(self, run):
        return run.request("status")["result"]["durable"]

    def run_and_end(self, library=None, config=ONLY_AT_THE_END):
        """A run that ended well; its last snapshot."""
        with self.hotrun(library or probe(1), "--rate", "200", config=config) as run:
            run.call("step", index=5)
            run.finish()
        return run, self.read(run)


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
        stuck = "if (event->type == 5) for (;;) pause()"
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


class Resume(Snapshots):

    def test_a_run_goes_on_after_a_clean_end(self):
        _, snapshot = self.run_and_end()
        with self.hotrun(None, "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
            loaded = run.event("loaded")
            self.assertGreater(loaded["generation"], snapshot["generation"])
            self.assertEqual(loaded["state"]["how"], "json")
            self.goes_on(run, snapshot)
            run.line("going on from .hotrun/snapshots/")

    def test_a_run_goes_on_after_kill_9_of_the_supervisor(self):
        with self.hotrun(probe(1), "--rate", "500", config=OFTEN) as run:
            run.event("checkpoint", durable=True, id=3)
            run.kill(signal.SIGKILL)
            run.wait_end()
            run.finished = True
        self.assertTrue(processes.asked(lambda: not run._left()))
        snapshot = self.read(run)
        with self.hotrun(None, "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
            self.goes_on(run, snapshot)

    def test_without_a_snapshot_it_starts_fresh_and_says_so(self):
        with self.hotrun(probe(1), "--resume") as run:
            run.line("there is no snapshot in")
            self.assertEqual(run.call("step")["index"], 0)

    def test_it_can_be_resumed_again_and_again(self):
        self.run_and_end()
        for _ in range(3):
            with self.hotrun(None, "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
                before = self.read(run)
                self.goes_on(run, before)
                run.finish()
            after = self.read(run)
            self.assertGreater(after["generation"], before["generation"])
            self.assertGreater(after["step"], before["step"])

    def spoil_newest(self, run, change):
        """Changes the newest file's bytes; what the one before says."""
        newest, before = self.stored(run)[-1], self.stored(run)[-2]
        with open(self.place(run, newest), "rb") as file:
            data = file.read()
        with open(self.place(run, newest), "wb") as file:
            file.write(change(data))
        return self.read(run, before)

    def passes_over(self, change, told):
        self.run_and_end()
        with self.hotrun(None, "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
            run.call("step")
            run.finish()
        before = self.spoil_newest(run, change)
        with self.hotrun(None, "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
            run.line(told)
            self.goes_on(run, before)

    def test_a_torn_one_is_told_and_the_one_before_is_used(self):
        self.passes_over(lambda data: data[:len(data) // 2], "it was cut short")

    def test_an_empty_one_is_told_and_the_one_before_is_used(self):
        self.passes_over(lambda data: b"", "it was cut short")

    def test_an_edited_one_is_told_and_the_one_before_is_used(self):
        self.passes_over(lambda data: data.replace(b'"count":', b'"count":9'),
                         "its checksum does not fit")

    def test_one_without_its_check_is_told_and_the_one_before_is_used(self):
        self.passes_over(lambda data: re.sub(rb'"check":"[0-9a-f]*",', b"", data),
                         '"check" is missing')

    def test_a_foreign_file_is_told_and_the_one_before_is_used(self):
        self.passes_over(lambda data: b'{"name":"something else"}\n', "it is no snapshot of hotrun")

    def test_one_of_a_newer_format_is_told_and_the_one_before_is_used(self):
        self.passes_over(lambda data: data.replace(b"snapshot/1", b"snapshot/2"), "a newer one")

    def test_a_snapshot_of_another_module_holds_and_is_kept(self):
        run, snapshot = self.run_and_end()
        kept = self.stored(run)
        with self.hotrun(probe(7, probe_name='"other"'), "--resume",
                         config=ONLY_AT_THE_END) as run:
            rejected = run.event("rejected")
            self.assertIn('the snapshot is of the module "probe", the library is "other"',
                          rejected["reason"])
            run.event("held")
            mark = run.said.mark()
            run.save_and_see(probe(2), "loaded")
            self.goes_on(run, snapshot, mark)
            run.finish()
        self.assertEqual(self.stored(run)[:len(kept)], kept)

    def test_a_snapshot_that_crashes_the_code_holds_and_a_fix_takes_it(self):
        _, snapshot = self.run_and_end()
        with self.hotrun(probe(2, on_deserialize="die_segv()"), "--resume",
                         config=ONLY_AT_THE_END) as run:
            run.event("held")
            mark = run.said.mark()
            run.save_and_see(probe(3), "loaded")
            self.goes_on(run, snapshot, mark)

    def test_what_the_same_code_has_died_of_twice_is_set_aside(self):
        self.run_and_end()
        with self.hotrun(None, "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
            run.call("step")
            run.finish()
        newest, before = self.read(run), self.read(run, self.stored(run)[-2])
        bad = probe(2, on_deserialize=f"if (state->count == {newest['state']['count']}) die_segv()")
        for _ in range(2):
            with self.hotrun(bad, "--resume", config=ONLY_AT_THE_END) as run:
                run.event("held")
        with self.hotrun(probe(3), "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
            self.goes_on(run, newest)  # other code may take it
            run.kill(signal.SIGKILL)
            run.wait_end()
            run.finished = True
        with self.hotrun(bad, "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
            run.line("this library has died of it twice")
            self.goes_on(run, before)

    def test_another_snapshot_can_be_named_when_the_newest_holds(self):
        self.run_and_end()
        with self.hotrun(None, "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
            run.call("step")
            run.finish()
        newest, name = self.read(run), self.stored(run)[-2]
        bad = probe(2, on_deserialize=f"if (state->count == {newest['state']['count']}) die_segv()")
        with self.hotrun(bad, "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
            run.event("held")
            told = self.command("restore", self.place(run, name))
            self.assertEqual(told.returncode, 0, told.stderr)
            loaded = run.event("loaded")
            self.assertGreater(loaded["generation"], newest["generation"])
            self.goes_on(run, self.read(run, name))

    def test_a_state_in_memory_is_resumed_when_it_is_plain(self):
        _, snapshot = self.run_and_end(probe(1, no_codec=True))
        self.assertEqual(snapshot["kind"], "image")
        with self.hotrun(None, "--rate", "200", "--resume", config=ONLY_AT_THE_END) as run:
            step = run.call("step")
            self.assertEqual((step["index"], step["count"]),
                             (snapshot["step"], snapshot["step"] + 1))


class Restore(Snapshots):

    def test_a_run_starts_from_the_file_that_is_named(self):
        run, _ = self.run_and_end()
        os.rename(self.place(run), self.path("mine.json"))
        with open(self.path("mine.json"), encoding="utf-8") as file:
            snapshot = json.load(file)
        with self.hotrun(None, "--rate", "200", "--restore", "mine.json") as run:
            self.goes_on(run, snapshot)

    def edited(self, run):
        with open(self.place(run), encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r'"count":\d+', '"count":1000', text)
        return text, re.sub(r'"check":"[0-9a-f]*",', "\n", text)

    def test_an_edited_file_is_taken_without_its_check_only(self):
        run, _ = self.run_and_end()
        text, unchecked = self.edited(run)
        self.write("edited.json", text)
        told = self.command("--restore", "edited.json", "./libprobe.so")
        self.assertEqual(told.returncode, 2)
        self.assertIn("its checksum does not fit", told.stderr)
        self.assertIn('removes its "check"', told.stderr)
        self.write("edited.json", unchecked)
        with self.hotrun(None, "--rate", "200", "--restore", "edited.json") as run:
            self.assertEqual(run.call("step")["count"], 1001)

    def test_a_file_that_can_not_be_used_ends_before_anything_starts(self):
        for text, said in (("{}", "no snapshot of hotrun"), ("", "cut short"), (None, "cannot open")):
            self.fresh_folder()
            if text is not None:
                self.write("bad.json", text)
            told = self.command("--restore", "bad.json", "./libprobe.so")
            self.assertEqual(told.returncode, 2, told.stderr)
            self.assertIn(said, told.stderr)
            self.assertFalse(os.path.exists(self.path(".hotrun")))

    def test_what_a_reset_and_a_restore_replace_is_on_disk(self):
        with self.hotrun(probe(1), "--rate", "200", config=ONLY_AT_THE_END) as run:
            run.call("step", index=50)
            self.assertEqual(self.command("snapshot", "mine.json").returncode, 0)
            run.call("step", index=100)
            for words in (("reset",), ("restore", "mine.json")):
                mark = run.events.mark()
                self.assertEqual(self.command(*words).returncode, 0)
                stored = run.event("checkpoint", mark, durable=True)
                self.assertEqual(self.read(run, f"{stored['id']:08}.json")["why"], "command")
            replaced = [self.read(run, name)["step"] for name in self.stored(run)]
            self.assertGreaterEqual(replaced[1], 100)

    def test_the_state_is_restored_while_it_runs(self):
        with self.hotrun(probe(1), "--rate", "200", config=ONLY_AT_THE_END) as run:
            run.call("step", index=5)
            self.assertEqual(self.command("snapshot", "mine.json").returncode, 0)
            with open(self.path("mine.json"), encoding="utf-8") as file:
                snapshot = json.load(file)
            run.call("step", index=snapshot["step"] + 20)
            host, mark = run.host_pid(), run.said.mark()
            told = self.command("restore", "mine.json")
            self.assertEqual(told.returncode, 0, told.stderr)
            self.assertNotEqual(run.host_pid(), host)
            pid = run.host_pid()
            step = run.call("step", mark, pid=pid)
            self.assertEqual((step["index"], step["count"]),
                             (snapshot["step"], snapshot["state"]["count"] + 1))

    def test_a_bad_file_changes_nothing_of_what_runs(self):
        with self.hotrun(probe(1), "--rate", "200", config=ONLY_AT_THE_END) as run:
            run.call("step", index=5)
            host = run.host_pid()
            self.assertEqual(self.command("snapshot", "mine.json").returncode, 0)
            with open(self.path("mine.json"), encoding="utf-8") as file:
                text = file.read()
            bad = {"cut": text[:-30], "edited": text.replace('"flags":', '"flags":1'),
                   "foreign": text.replace('"probe"', '"other"')}
            bad["foreign"] = re.sub(r'"check":"[0-9a-f]*",', "", bad["foreign"])
            for name, content in bad.items():
                self.write(f"{name}.json", content)
                told = self.command("restore", f"{name}.json")
                self.assertEqual(told.returncode, 125, name)
                self.assertIn(f"{name}.json", told.stderr)
            self.assertEqual(self.command("restore", "none.json").returncode, 125)
            self.assertEqual(self.command("restore").returncode, 2)
            self.assertEqual(run.host_pid(), host)
            run.call("step", run.said.mark())


class Trouble(Snapshots):

    def fails_and_is_mended(self, run, spoil, mend):
        """The run goes on while nothing can be stored, and stores again when it can."""
        run.event("checkpoint", durable=True)
        mark = run.events.mark()
        spoil()
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

            # Between the two a folder may be made anew: then the file cannot take its place.
            self.fails_and_is_mended(run, lambda: self.until_done(spoil), mend)

    def until_done(self, spoil):
        try:
            spoil()
        except IsADirectoryError:
            os.rename(self.path(".hotrun", "snapshots"), self.path("away too"))
            self.write(".hotrun/snapshots", "")

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
            self.remount(folder, "ro")
            run.event("durable_failed")
            last = self.stored(run)[-1]
            run.finish()
        self.assertEqual(self.stored(run)[-1], last)
        self.read(run, last)


if __name__ == "__main__":
    main()
