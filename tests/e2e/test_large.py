"""States of many megabytes, looked into and changed through the control socket."""
import json
import os
import signal
import socket
import subprocess

from harness import HOTRUN, main
import modules
from modules import probe
from states import CALM, QUICK, States


def large(pad=1, **settings):
    return modules.built("large.c", flags=modules.macros({"pad": pad, **settings}))


class Large(States):

    def test_many_megabytes_get_through_while_others_are_served(self):
        with self.hotrun(large(pad=24), "--rate", "100", log=False) as run:
            run.event("loaded")
            value = self.state("get", "/pad")
            self.assertEqual(value, '"' + "p" * (24 << 20) + '"')
            self.assertEqual(self.state("get", "/x"), "0")

    def test_who_stops_reading_gets_no_more_and_holds_nobody_up(self):
        line = b'{"jsonrpc":"2.0","id":%d,"method":"state.get","params":{"pointer":"/pad"}}\n'
        with self.hotrun(large(pad=8), "--rate", "100", log=False, config=CALM) as run:
            run.event("loaded")
            with run.connect() as slow:
                slow.sendall(b"".join(line % number for number in range(100)))
                for number in range(20):
                    self.assertEqual(self.state("get", "/x"), "0")
                peak = self.memory(run)
                self.assertLess(peak, 400 << 20)  # all answers are 800 MB
                run.save_and_see(large(pad=8, on_step="state->x += 0"))
                slow.settimeout(60)
                with slow.makefile("rb") as stream:
                    for number in range(4):
                        answer = stream.readline()
                        head = b'{"jsonrpc":"2.0","id":%d,"result":{"value":"ppp' % number
                        self.assertTrue(answer.startswith(head), answer[:80])
                        self.assertGreater(len(answer), 8 << 20)
            self.assertEqual(self.state("get", "/x"), "0")

    def memory(self, run):
        with open(f"/proc/{run.pid}/status", encoding="ascii") as file:
            rows = dict(row.split(":", 1) for row in file)
        return int(rows["VmRSS"].split()[0]) << 10

    def test_who_leaves_in_the_middle_is_no_trouble(self):
        line = b'{"jsonrpc":"2.0","id":1,"method":"state.get"}\n'
        with self.hotrun(large(pad=4), log=False) as run:
            run.event("loaded")
            for size in (1, 100000):
                with run.connect() as client:
                    client.sendall(line * 3)
                    client.recv(size)
            with run.connect() as client:
                client.sendall(line + b"rubbish\n" + line + b"\xff{[\n")
                client.shutdown(socket.SHUT_WR)
                with client.makefile("rb") as stream:
                    answers = [json.loads(row) for row in stream]
            self.assertEqual([a.get("error", {}).get("code") for a in answers],
                             [None, -32700, None, -32700])
            self.assertEqual(self.state("get", "/x"), "0")

    def test_it_is_not_one_of_a_batch(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            with run.connect() as client, client.makefile("rwb") as stream:
                stream.write(b'[{"jsonrpc":"2.0","id":1,"method":"state.get"},'
                             b'{"jsonrpc":"2.0","id":2,"method":"status"}]\n')
                stream.flush()
                answers = {a["id"]: a for a in json.loads(stream.readline())}
            self.assertIn("batch", answers[1]["error"]["message"])
            self.assertIn("result", answers[2])

    def test_a_large_patch_goes_by_file_and_by_stdin(self):
        with self.hotrun(large(), "--rate", "100", log=False, config=QUICK) as run:
            run.event("loaded")
            patch = json.dumps({"note": "n" * (3 << 20), "x": 2})
            self.write("patch.json", patch)
            self.edited("merge", "patch.json")
            self.assertEqual(len(self.state("get", "/note")), (3 << 20) + 2)
            done = self.command("state", "merge", "-", text=patch.replace("n", "m").replace(
                "mote", "note"))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.state("get", "/note"), '"' + "m" * (3 << 20) + '"')
            self.assertEqual(self.state("get", "/x"), "2")

    def test_who_is_tired_of_waiting_leaves_no_patch_behind(self):
        defers = "if (event->type == HOTRUN_EVENT_BEFORE_RELOAD) return HOTRUN_DEFER"
        with self.hotrun(modules.probe(1, on_event=defers)) as run:
            run.call("step")
            self.write("patch.json", json.dumps({"x": "x" * (1 << 20)}))
            said = run.said.mark()
            client = subprocess.Popen([HOTRUN, "state", "merge", "patch.json"], cwd=self.folder,
                                      preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                                       signal.SIG_DFL))
            run.call("event", said, type=1)
            client.send_signal(signal.SIGINT)
            self.assertEqual(client.wait(), -signal.SIGINT)
            self.assertEqual([name for name in os.listdir(self.path(".hotrun"))
                              if name.startswith(".merge")], [])


if __name__ == "__main__":
    main()
