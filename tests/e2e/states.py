"""What the tests of a running program's state have in common."""
import json

from harness import Case

QUICK = "[supervise]\nprobation = '50ms'\n"
LONG = "[supervise]\nprobation = '1h'\n"
CALM = "[checkpoint]\ninterval = 0\n"


class States(Case):

    def state(self, *words, status=0):
        done = self.command("state", *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout.rstrip("\n") if status in (0, 1) else done.stderr

    def edited(self, *words):
        return json.loads(self.state(*words, "--json"))

    def told(self, *words):
        done = self.command(*words, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)
