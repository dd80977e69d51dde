"""States of many megabytes without callbacks, as the supervisor tells and keeps them."""
import json

from games import game, told
from harness import main
from snapshots import Snapshots
from states import CALM, QUICK, States

TYPES = "struct pad { int a, b; }; struct game { int n; char name[8]; int left; struct pad pads[%d]; };"
INIT = 'strcpy(game->name, "first"); game->pads[3].b = 7; game->pads[%d].a = 9'
STEP = "game->n++; " + told("n")
NO_PIN = CALM + QUICK + "[state]\npin_limit = '1MB'\n"


def large(pads, step=STEP):
    return game(1, TYPES % pads, step, INIT % (pads - 1))


class Large(States, Snapshots):

    def peek(self, pads):
        last = pads - 1
        for pointer, value in (("/name", '"first"'), ("/pads/3", '{"a":0,"b":7}'),
                               (f"/pads/{last}/a", "9"), ("/left", "0")):
            self.assertEqual(self.state("get", pointer), value)
        self.assertIn("/speed", self.state("get", "/speed", status=125))
        self.assertIn(f"/pads/{pads}", self.state("get", f"/pads/{pads}", status=125))

    def test_small_values_are_told_however_large_the_whole_is(self):
        with self.hotrun(large(1 << 17), "--rate", "100", config=NO_PIN) as run:
            run.call("step")
            self.peek(1 << 17)

    def test_all_of_it_is_told_as_far_as_its_text_is_allowed(self):
        with self.hotrun(large(1 << 17), "--rate", "100", config=NO_PIN) as run:
            run.call("step")
            self.assertEqual(len(json.loads(self.state("get", "/pads"))), 1 << 17)
            self.assertEqual(json.loads(self.state("get"))["name"], "first")
        self.fresh_folder()
        with self.hotrun(large(1 << 17), config=NO_PIN + "max_json = '1MB'\n") as run:
            run.call("step")
            for pointer in ("/pads", ""):
                refused = self.state("get", *[pointer] * (pointer != ""), status=125)
                self.assertIn("state.max_json", refused)
                self.assertIn("state.pin_limit", refused)
            self.assertEqual(self.state("get", "/name"), '"first"')

    def test_a_large_value_of_a_state_that_may_be_copied_comes_whole(self):
        with self.hotrun(large(1 << 17), "--rate", "100", config=CALM) as run:
            run.call("step")
            self.peek(1 << 17)
            self.assertEqual(len(json.loads(self.state("get", "/pads"))), 1 << 17)

    def test_it_is_edited_though_nothing_can_be_pinned(self):
        with self.hotrun(large(1 << 17), "--rate", "100", config=NO_PIN) as run:
            run.call("step")
            self.state("set", "/name", '"second"')
            self.assertEqual(self.state("get", "/name"), '"second"')

    def test_a_report_has_its_snapshot_when_the_run_ends_at_once(self):
        dies = 'if (access("go", F_OK) == 0) *(volatile int *)0 = 1; ' + STEP
        with self.hotrun(large(1 << 20, dies), "--rate", "100", log=False,
                         config=CALM + "[supervise]\nmax_restarts = 0\nprobation = '10ms'\n") as run:
            run.event("loaded")
            self.state("get", "/n")  # its layout is known then
            self.write("go", "")
            crashed = run.event("crashed")
            run.event("held")
            run.kill()
            run.wait_end()
            snapshot = self.beside(self.report(crashed, "reproduce"))
            self.assertEqual((snapshot["kind"], snapshot["state"]["name"]), ("json", "first"))
            self.assertEqual(len(snapshot["state"]["pads"]), 1 << 20)


if __name__ == "__main__":
    main()
