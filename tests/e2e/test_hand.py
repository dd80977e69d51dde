"""The live hand: rate, log, send; the history and the way back into it."""
import json
import os
import signal

from harness import Case, main
from modules import probe
import modules

QUICK = "[supervise]\nprobation = '50ms'\n"
CALM = "[checkpoint]\ninterval = 0\ndurable_interval = 0\n"
MESSAGE = 9
NOT_PLAIN = """
#include "hotrun/hotrun.h"
static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    (void)host, (void)state, (void)now;
    return HOTRUN_OK;
}
HOTRUN_MODULE(int, .name = "memory", .step = step);
"""


class Hand(Case):

    def told(self, *words, status=0):
        done = self.command(*words, "--json")
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def stepped(self, run):
        """Makes one step of a paused module; what it told of it."""
        said = run.said.mark()
        return run.call("step", said, index=self.told("step")["step"] - 1)

    def answer(self, what):
        """The statements of an on_event that answers a message."""
        return f"if (event->type == HOTRUN_EVENT_MESSAGE) {{ {what} }}"


class Rate(Hand):

    def test_another_rate_holds_over_reloads_and_comebacks(self):
        with self.hotrun(probe(1, say_each_step=True), config=QUICK) as run:
            run.call("step")
            self.assertEqual(self.told("rate", "500"), {"rate": 500})
            said = run.said.mark()
            run.call("step", said)
            self.told("pause")
            self.assertEqual(self.stepped(run)["dt"], 2000000)
            self.told("resume")
            run.save_and_see(probe(2, say_each_step=True))
            self.assertEqual(self.told("status")["rate"], 500)
            run.event("confirmed", generation=2)
            mark = run.events.mark()
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted", mark)
            self.assertEqual(self.told("status")["rate"], 500)
            self.told("pause")
            self.assertEqual(self.stepped(run)["dt"], 2000000)

    def test_max_and_once(self):
        with self.hotrun(probe(1, on_event="host->wake(host)"), "--rate", "0.001") as run:
            run.call("step")
            self.assertEqual(self.told("rate", "max"), {"rate": "max"})
            first = self.told("status")["step"]
            while self.told("status")["step"] < first + 1000:
                pass
            self.assertEqual(self.told("rate", "once"), {"rate": "once"})
            stands = self.told("snapshot")["step"]  # made when the host has heard of the rate
            self.assertEqual(self.told("status")["rate"], "once")
            self.assertEqual(self.told("status")["step"], stands)
            self.command("send", "wake")
            while self.told("status")["step"] == stands:
                pass
            self.assertEqual(self.told("status")["step"], stands + 1)

    def test_what_is_no_rate_is_refused(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            for word in ("0", "1e9", "fast", ""):
                self.assertIn("rate: expected", self.told("rate", word, status=2))
            self.assertIn("rate: expected", self.told("rate", status=2))
            for rate in (0, -1, 1e7, "fast", None, True, [5]):
                answer = run.request("rate", {"rate": rate})
                self.assertEqual(answer["error"]["code"], -32602, rate)
            self.assertEqual(self.told("status")["rate"], 60)


class Log(Hand):

    def test_the_level_is_that_of_hotrun_and_of_each_host(self):
        says = 'host->log(host, HOTRUN_LOG_DEBUG, "a word of the module")'
        with self.hotrun(probe(1, on_event=says), config=QUICK) as run:
            run.event("confirmed")
            self.command("send", "x")
            self.assertEqual(self.told("log", "debug"), {"level": "debug"})
            self.assertFalse([line for line in run.err.since() if "a word" in line])
            self.command("send", "x")
            run.line("a word of the module")
            for _ in range(2):  # the spare host, and one that is started later
                mark = run.events.mark()
                os.kill(run.host_pid(), signal.SIGKILL)
                run.event("restarted", mark)
                since = run.err.mark()
                self.command("send", "x")
                run.line("a word of the module", since)
            self.told("log", "error")
            since = run.err.mark()
            self.command("send", "x")
            run.save_and_see(probe(2))
            self.assertFalse([line for line in run.err.since(since)
                              if "a word" in line or "generation 2" in line])
            self.assertIn("log: expected", self.told("log", "loud", status=2))
            self.assertIn("level: expected", run.request("log", {"level": 3})["error"]["message"])


class Send(Hand):

    ECHO = ('if (event->text != NULL && event->reply->write(event->reply, event->text, '
            'strlen(event->text)) != HOTRUN_OK) return HOTRUN_ERR_NOMEM;')

    def test_a_message_arrives_and_its_reply_keeps_every_digit(self):
        with self.hotrun(probe(1, on_event=self.answer(self.ECHO))) as run:
            run.call("step")
            for text in ("1.50", "9007199254740993", '{"a": [1e400, -0.0]}', '"é \\u00e9"', "null"):
                done = self.command("send", "echo", text)
                self.assertEqual((done.stdout, done.returncode), (text + "\n", 0), done.stderr)
                done = self.command("send", "echo", text, "--json")
                self.assertEqual(done.stdout, '{"reply":' + text + "}\n")
            self.assertEqual(self.command("send", "echo", "-5").stdout, "-5\n")
            said = run.said.mark()
            self.assertEqual(self.command("send", "nothing").stdout, "null\n")
            call = run.call("event", said, type=MESSAGE)
            self.assertEqual((call["name"], call["has_text"]), ("nothing", False))

    def test_an_error_is_told_with_the_modules_words(self):
        fails = 'host->log(host, HOTRUN_LOG_ERROR, "no such monster"); return HOTRUN_ERR;'
        with self.hotrun(probe(1, on_event=self.answer(fails))) as run:
            run.call("step")
            self.assertIn("on_event returned HOTRUN_ERR: no such monster",
                          self.told("send", "spawn", status=125))

    def test_what_is_no_json_goes_neither_way(self):
        junk = 'event->reply->write(event->reply, "{x", 2);'
        with self.hotrun(probe(1, on_event=self.answer(junk))) as run:
            run.call("step")
            said = run.said.mark()
            self.assertIn("is no JSON", self.told("send", "a", "{", status=2))
            answer = run.request("send", {"name": "a", "json": "[1,]"})
            self.assertEqual(answer["error"]["code"], -32602)
            self.assertFalse([c for c in run.said.since(said) if c["call"] == "event"])
            self.assertIn("the module's reply is no JSON", self.told("send", "a", status=125))

    def test_a_reply_that_is_too_large_is_told_with_the_limit(self):
        large = ('size_t len = event->text == NULL ? 130049 : 130048; char *text = malloc(len); '
                 'memset(text, \'1\', len); text[0] = text[len - 1] = \'"\'; '
                 'event->reply->write(event->reply, text, len); free(text);')
        with self.hotrun(probe(1, on_event=self.answer(large))) as run:
            run.call("step")
            self.assertIn("larger than 127 KB", self.told("send", "a", status=125))
            self.assertEqual(len(self.command("send", "a", "1").stdout), 130049)
            text = '"' + "x" * 100000 + '"'
            answer = run.request("send", {"name": "a", "json": text})
            self.assertIn("result", answer)
            answer = run.request("send", {"name": "a", "json": '"' + "x" * 130000 + '"'})
            self.assertIn("larger than 126 KB", answer["error"]["message"])

    def test_a_module_without_on_event_is_no_address(self):
        plain = ("#include <hotrun/hotrun.h>\n"
                 "static hotrun_status step(const hotrun_host *h, void *s, const hotrun_step *n)"
                 "{ (void)h; (void)s; (void)n; return HOTRUN_OK; }\n"
                 "HOTRUN_MODULE(int, .name = \"plain\", .step = step);\n")
        with self.hotrun(modules.written(plain)) as run:
            run.event("loaded")
            self.assertIn("no on_event", self.told("send", "a", status=125))

    def test_it_works_while_paused_and_at_full_speed(self):
        with self.hotrun(probe(1, on_event=self.answer(self.ECHO)), "--rate", "max") as run:
            run.call("step")
            self.assertEqual(self.command("send", "a", "1").stdout, "1\n")
            self.told("pause")
            self.assertEqual(self.command("send", "a", "2").stdout, "2\n")
            self.told("rate", "once")
            self.told("resume")
            self.assertEqual(self.command("send", "a", "3").stdout, "3\n")

    def test_a_late_answer_is_dropped_and_the_next_call_has_its_own(self):
        slow = ('if (event->text[0] == \'1\') { struct timespec t = {3, 0}; '
                'while (nanosleep(&t, &t) != 0) {} }')
        with self.hotrun(probe(1, on_event=self.answer(slow + self.ECHO))) as run:
            run.call("step")
            told = self.told("send", "a", "1", status=125)
            self.assertIn("did not answer within 2 s: it is in on_event", told)
            self.assertEqual(self.command("send", "a", "2").stdout, "2\n")

    def test_who_dies_of_it_answers_with_an_error(self):
        with self.hotrun(probe(1, on_event=self.answer("die_segv();")), config=QUICK) as run:
            run.event("confirmed")
            self.assertIn("ended before it answered", self.told("send", "a", status=125))
            run.event("restarted")

    def test_several_at_once_have_each_their_own(self):
        with self.hotrun(probe(1, on_event=self.answer(self.ECHO)), "--rate", "500") as run:
            run.call("step")
            with run.connect() as client, client.makefile("rwb") as stream:
                for number in range(40):
                    message = {"jsonrpc": "2.0", "id": number, "method": "send",
                               "params": {"name": "echo", "json": f"[{number}]"}}
                    stream.write(json.dumps(message).encode() + b"\n")
                stream.flush()
                answers = [json.loads(stream.readline()) for _ in range(40)]
            self.assertEqual({a["id"]: a["result"]["reply"] for a in answers},
                             {number: [number] for number in range(40)})

    def test_unknown_and_wrong_parameters_are_refused(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            for method, params in (("send", {}), ("send", {"name": ""}), ("send", {"name": 5}),
                                   ("send", {"name": "a", "json": 5}),
                                   ("send", {"name": "a", "more": 1}), ("rate", {"hz": 5}),
                                   ("rewind", {"id": "x"}), ("rewind", {"id": -1}),
                                   ("status", {"x": 1}), ("log", {}),
                                   ("state.get", {"pointer": 5}), ("state.edit", {})):
                with self.subTest(method=method, params=params):
                    self.assertEqual(run.request(method, params)["error"]["code"], -32602)

    def test_where_nothing_runs_nobody_answers(self):
        with self.hotrun(probe(1, on_init="return HOTRUN_ERR")) as run:
            run.event("held")
            self.assertIn("nothing runs", self.told("send", "a", status=125))


class History(Hand):

    def three(self, run):
        """Three snapshots; their steps."""
        steps = []
        for _ in range(3):
            self.told("pause")
            steps.append(self.told("snapshot")["step"])
            self.told("step", "10")
        return steps

    def test_it_lists_what_is_stored_and_whose_it_is(self):
        with self.hotrun(probe(1), "--rate", "500", config=QUICK + CALM) as run:
            run.event("confirmed")
            self.assertEqual(self.told("history"), [])
            steps = self.three(run)
            listed = self.told("history")
            self.assertEqual([e["step"] for e in listed], steps[::-1])
            self.assertEqual([e["id"] for e in listed], [3, 2, 1])
            self.assertEqual({(e["why"], e["present"], e["module"], e["generation"])
                              for e in listed}, {("request", True, "probe", 1)})
            text = self.command("history").stdout.splitlines()
            self.assertEqual(len(text), 4)
            self.assertIn("this run", text[1])
        listed = self.told("history")  # nothing runs
        self.assertEqual([e["id"] for e in listed], [4, 3, 2, 1])
        self.assertEqual((listed[0]["why"], listed[0]["present"]), ("exit", False))
        with self.hotrun(probe(1), "--resume", config=QUICK + CALM) as run:
            run.event("loaded")
            self.told("snapshot")
            self.assertEqual([e["present"] for e in self.told("history")],
                             [True, False, False, False, False])

    def test_without_a_run_directory_it_says_so(self):
        self.assertIn("no run directory", self.command("history").stderr)

    def test_each_rewind_goes_one_further_back_and_can_be_undone(self):
        with self.hotrun(probe(1, say_each_step=True), "--rate", "500",
                         config=QUICK + CALM) as run:
            run.event("confirmed")
            steps = self.three(run)
            before = self.told("status")["step"]
            for number, step in zip((3, 2, 1), steps[::-1]):
                told = self.told("rewind")
                self.assertEqual((told["id"], told["step"]), (number, step))
                self.assertEqual(self.stepped(run)["index"], step)
            self.assertIn("no snapshot before 1", self.told("rewind", status=125))
            saved = [e for e in self.told("history") if e["step"] == before]
            told = self.told("rewind", str(saved[0]["id"]))
            self.assertEqual((told["step"], saved[0]["why"]), (before, "command"))
            self.assertIn("no snapshot 77", self.told("rewind", "77", status=125))
            self.assertIn('found "x"', self.told("rewind", "x", status=2))

    def test_a_new_generation_begins_the_way_back_anew(self):
        with self.hotrun(probe(1), "--rate", "500", config=QUICK + CALM) as run:
            run.event("confirmed")
            steps = self.three(run)
            self.assertEqual(self.told("rewind")["step"], steps[2])
            self.assertEqual(self.told("rewind")["step"], steps[1])
            self.told("step")
            run.save_and_see(probe(2))
            newest = self.told("history")[0]
            self.assertEqual(self.told("rewind")["id"], newest["id"])

    def test_there_may_be_nothing_to_go_back_to(self):
        with self.hotrun(probe(1), config=CALM) as run:
            run.event("loaded")
            told = self.told("rewind", status=125)
            self.assertIn("no snapshot to go back to: none is stored so far; `hotrun snapshot`", told)
            run.save_and_see(probe(2))

    def test_a_state_that_cannot_be_stored_is_why_there_is_nothing_to_go_back_to(self):
        config = "[checkpoint]\ninterval = '10ms'\ndurable_interval = '20ms'\n"
        with self.hotrun(modules.written(NOT_PLAIN, flags=("-g0",)), "--rate", "500", config=config, log=False) as run:
            run.event("loaded")
            while "reason" not in self.told("status")["durable"]:
                pass
            self.assertIn("HOTRUN_STATE_PLAIN", self.told("rewind", status=125))


if __name__ == "__main__":
    main()
