"""What the tests of snapshots on disk have in common."""
import json
import os
import re

from harness import Case
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

    def report(self, crashed, words):
        """The text of a crash's report, when these words are in it."""
        path = self.path(".hotrun", crashed["report"])

        def text():
            if not os.path.exists(path):
                return ""
            with open(path, encoding="utf-8") as file:
                return file.read()

        self.assertTrue(processes.asked(lambda: words in text()), text())
        return text()

    def beside(self, report):
        """The snapshot beside a report."""
        (path,) = re.findall(r"^snapshot +(.+)$", report, re.M)
        with open(path, encoding="utf-8") as file:
            return json.load(file)

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
