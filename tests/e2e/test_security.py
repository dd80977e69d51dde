"""What hotrun refuses to run, and whom it refuses."""
import os
import shutil
import stat
import subprocess
import unittest

from harness import HOTRUN, Case, environment, main
import saves
from modules import probe

NOBODY = 65534
ROOT_ONLY = unittest.skipIf(os.geteuid() != 0, "needs root")


class Trust(Case):

    def place(self, *names, mode=0o755):
        """A folder, in the folder of the test, with this mode whatever the umask is."""
        path = self.path(*names)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        return path

    def refused(self, run, *words):
        told = run.event("rejected", stage="file")
        for word in (*words, "module.allow_writable"):
            self.assertIn(word, told["reason"])
        self.assertNotIn("loaded", [e["event"] for e in run.events.since()])
        return told

    def test_a_library_that_everybody_may_write(self):
        saves.rename_over(self.path("libprobe.so"), probe(1))
        os.chmod(self.path("libprobe.so"), 0o777)
        with self.hotrun() as run:
            self.refused(run, "libprobe.so", "chmod o-w")
            done = self.command("check", "./libprobe.so")
            self.assertEqual(done.returncode, 126)
            self.assertIn("chmod o-w", done.stdout)
            os.chmod(self.path("libprobe.so"), 0o755)
            run.event("loaded")
            self.assertEqual(self.command("check", "./libprobe.so").returncode, 0)

    def test_what_runs_goes_on_and_the_same_bytes_are_no_quarantine(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            os.chmod(self.folder, 0o777)
            mark = run.save(probe(2))
            self.assertIn("exchange", run.event("rejected", mark, stage="file")["reason"])
            again = run.save(probe(2))
            run.event("rejected", again, stage="file")
            os.chmod(self.folder, 0o755)
            self.assertEqual(run.event("reloaded", mark)["generation"], 2)
            self.assertNotIn("quarantined", [e["event"] for e in run.events.since()])

    def test_reload_takes_it_once_it_is_mended(self):
        config = "[watch]\nenabled = false\n"
        with self.hotrun(probe(1), config=config) as run:
            run.call("step", version=1)
            run.save(probe(2))
            os.chmod(self.path("libprobe.so"), 0o757)
            self.assertEqual(run.request("reload")["result"]["outcome"], "rejected")
            os.chmod(self.path("libprobe.so"), 0o755)
            self.assertEqual(run.request("reload")["result"]["outcome"], "reloaded")

    def test_a_folder_that_everybody_may_write_must_be_sticky(self):
        self.place("open", mode=0o777)
        saves.rename_over(self.path("open", "libprobe.so"), probe(1))
        with self.hotrun(name=self.path("open", "libprobe.so")) as run:
            self.refused(run, "open", "0777")
            os.chmod(self.path("open"), 0o1777)
            run.event("loaded")

    def test_the_folder_of_a_link_on_the_way_counts(self):
        self.place("good")
        self.place("open", mode=0o777)
        saves.rename_over(self.path("good", "libprobe.so"), probe(1))
        os.symlink("../good", self.path("open", "way"))
        os.symlink("open/way/libprobe.so", self.path("libprobe.so"))
        with self.hotrun() as run:
            self.refused(run, "open", "0777")
            os.chmod(self.path("open"), 0o755)
            run.event("loaded")

    def test_a_folder_that_is_only_passed_does_not(self):
        self.place("open", mode=0o777)
        self.place("open", "own")
        saves.rename_over(self.path("open", "own", "libprobe.so"), probe(1))
        with self.hotrun(name=self.path("open", "own", "libprobe.so")) as run:
            run.event("loaded")

    def test_it_can_be_allowed(self):
        self.place("open", mode=0o777)
        saves.rename_over(self.path("open", "libprobe.so"), probe(1))
        os.chmod(self.path("open", "libprobe.so"), 0o666)
        with self.hotrun(name=self.path("open", "libprobe.so"),
                         config="[module]\nallow_writable = true\n") as run:
            run.event("loaded")
            self.assertEqual(self.command("check", "open/libprobe.so").returncode, 0)

    @ROOT_ONLY
    def test_another_users_library_and_folder(self):
        self.place("theirs")
        saves.rename_over(self.path("theirs", "libprobe.so"), probe(1))
        os.chown(self.path("theirs", "libprobe.so"), NOBODY, NOBODY)
        with self.hotrun(name=self.path("theirs", "libprobe.so")) as run:
            self.refused(run, str(NOBODY))
            mark = run.events.mark()
            os.chown(self.path("theirs"), NOBODY, NOBODY)
            saves.rename_over(self.path("theirs", "libprobe.so"), probe(2))
            self.assertIn("the folder", run.event("rejected", mark)["reason"])
            os.chown(self.path("theirs"), 0, 0)
            run.event("loaded")


class Rights(Case):

    def test_the_run_directory_and_the_socket_are_this_users_alone(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        with self.hotrun(probe(1)) as run:
            run.event("loaded")
            for path, mode in ((".hotrun", 0o700), (".hotrun/stage", 0o700),
                               (".hotrun/control.sock", 0o600), (".hotrun/lock", 0o600),
                               (".hotrun/events.jsonl", 0o600)):
                found = stat.S_IMODE(os.lstat(self.path(path)).st_mode)
                self.assertEqual(found, mode, f"{path}: {found:o}")
            for name in os.listdir(self.path(".hotrun", "stage")):
                found = stat.S_IMODE(os.lstat(self.path(".hotrun", "stage", name)).st_mode)
                self.assertEqual(found & 0o077, 0, name)

    def test_a_run_directory_that_others_could_have_filled_is_refused(self):
        os.mkdir(self.path(".hotrun"))
        os.chmod(self.path(".hotrun"), 0o777)
        saves.rename_over(self.path("libprobe.so"), probe(1))
        done = self.command("./libprobe.so")
        self.assertEqual(done.returncode, 125)
        self.assertIn("others may write into", done.stderr)

    def test_a_link_in_the_place_of_the_run_directory_is_refused(self):
        os.mkdir(self.path("elsewhere"), 0o700)
        os.symlink("elsewhere", self.path(".hotrun"))
        saves.rename_over(self.path("libprobe.so"), probe(1))
        done = self.command("./libprobe.so")
        self.assertEqual(done.returncode, 125)
        self.assertIn("a symbolic link", done.stderr)
        self.assertEqual(os.listdir(self.path("elsewhere")), [])

    def borrowed(self, make, **how):
        """hotrun's answer when its file gives it more than its caller has."""
        folder = "/usr/local/lib/hotrun-rights-test"  # /tmp may be mounted with nosuid
        os.makedirs(folder, exist_ok=True)
        self.addCleanup(shutil.rmtree, folder)
        copy = os.path.join(folder, "hotrun")
        shutil.copy(HOTRUN, copy)
        os.chmod(copy, 0o755)
        make(copy)
        os.chmod(self.folder, 0o777)
        return subprocess.run([copy, "--version"], cwd=self.folder, capture_output=True, text=True,
                              env=environment(self.folder, "rights"), check=False, **how)

    def is_refused(self, done):
        # LeakSanitizer wants to trace, which such a file forbids: then it sets the status.
        expected = 1 if "LeakSanitizer has encountered" in done.stderr else 125
        self.assertEqual(done.returncode, expected, done.stdout + done.stderr)
        self.assertIn("caller's rights alone", done.stderr)

    @ROOT_ONLY
    def test_set_user_id_is_refused(self):
        done = self.borrowed(lambda path: os.chmod(path, 0o4755), user=NOBODY, group=NOBODY,
                             extra_groups=[])
        self.is_refused(done)

    @ROOT_ONLY
    def test_set_group_id_is_refused(self):
        done = self.borrowed(lambda path: os.chmod(path, 0o2755), user=NOBODY, group=NOBODY,
                             extra_groups=[])
        self.is_refused(done)

    @ROOT_ONLY
    def test_capabilities_of_the_file_are_refused(self):
        # VFS_CAP_REVISION_2 with the effective bit, CAP_NET_RAW permitted
        caps = (0x02000001).to_bytes(4, "little") + (1 << 13).to_bytes(4, "little") + bytes(12)
        done = self.borrowed(lambda path: os.setxattr(path, "security.capability", caps),
                             user=NOBODY, group=NOBODY, extra_groups=[])
        self.is_refused(done)

    @ROOT_ONLY
    def test_another_user_runs_the_same_file_without_them(self):
        done = self.borrowed(lambda path: None, user=NOBODY, group=NOBODY, extra_groups=[])
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    main()
