"""A run goes on from a snapshot on disk: at its start, and while it runs."""
import json
import os
import re

from harness import main
from snapshots import ONLY_AT_THE_END, OFTEN, Snapshots, probe


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
            run.end_by_kill()
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
            run.end_by_kill()
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
        _, snapshot = self.run_and_end(probe(1, no_codec=True, flags=("-g0",)))
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

    def test_a_crash_is_made_again_from_its_report(self):
        config = OFTEN + "[supervise]\nmax_restarts = 0\nprobation = '10ms'\n"
        crashing = probe(1, on_step="if (state->count == 50) die_segv()")
        with self.hotrun(crashing, "--rate", "200", config=config) as run:
            run.event("held")
            report = self.report(run.event("crashed"), "reproduce")
        (saved,) = re.findall(r"^reproduce +hotrun --restore '(.+?)' '", report, re.M)
        snapshot = self.beside(report)
        with self.hotrun(crashing, "--rate", "200", "--restore", saved, config=config) as run:
            self.goes_on(run, snapshot)
            self.assertEqual(run.event("crashed")["step"], 49)

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


if __name__ == "__main__":
    main()
