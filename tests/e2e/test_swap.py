"""A swap carries the state over whole, or leaves the old code and its state alone."""
import json
import re

from harness import Case, count, main
import modules
import processes
from modules import broken, probe, written

CALM = "[checkpoint]\ninterval = 0\n"  # a serialize is that of the swap or of the end

BEFORE_RELOAD, AFTER_RELOAD, RELOAD_REJECTED, STOPPING = 1, 2, 3, 11
REPLACED, REFUSED, EXIT = 1, 2, 3
UPDATED, RESTORED = 1, 2

STATELESS = """
#include "hotrun/hotrun.h"
static hotrun_status step(const hotrun_host *h, void *state, const hotrun_step *now)
{
    (void)now;
    if (state != NULL)
        hotrun_logf(h, HOTRUN_LOG_ERROR, "a state out of nowhere");
    return HOTRUN_OK;
}
HOTRUN_MODULE_STATELESS(.name = "probe", .step = step);
int version = %d;
"""


def text(value):
    """A C string literal."""
    return json.dumps(value)


class Swap(Case):

    def test_state_is_equal_over_many_swaps(self):
        swaps = count(60, 500)
        with self.hotrun(probe(1), "--rate", "1000") as run:
            first = run.call("step", version=1)
            for version in range(2, swaps + 2):
                seen = run.save_and_see(probe(version), generation=version)
                self.assertEqual(seen["state"]["how"], "json")
                self.assertEqual((seen["state"]["added"], seen["state"]["dropped"]), ([], []))
            last = run.call("step", version=swaps + 1)
            said = run.said.since()
        self.assertEqual(last["hash"], first["hash"])
        self.assertEqual(last["count"] - first["count"], last["index"] - first["index"],
                         "a step was lost or ran twice")
        for version in range(2, swaps + 2):
            old = [s for s in said if s["call"] == "serialize" and s["version"] == version - 1][-1]
            got = [s for s in said if s["call"] == "deserialize" and s["version"] == version]
            again = [s for s in said if s["call"] == "serialize" and s["version"] == version][0]
            step = [s for s in said if s["call"] == "step" and s["version"] == version][0]
            self.assertEqual(len(got), 1)
            self.assertEqual((old["json"], old["length"]), (got[0]["json"], got[0]["length"]))
            self.assertTrue(got[0]["ends"], "no NUL behind the text")
            self.assertEqual(old["json"], again["json"])
            self.assertEqual(step["count"], old["count"] + 1)
            self.assertEqual(step["generation"], version)

    def test_calls_come_in_the_order_that_is_promised(self):
        with self.hotrun(probe(1), config=CALM) as run:
            run.call("step", version=1)
            mark = run.said.mark()
            since = run.save(probe(2))
            run.event("confirmed", since)
            run.call("fini", version=1)
            said = run.said.since(mark)
        calls = [(s["version"], s["call"], s.get("type")) for s in said]
        self.assertEqual(calls, [(1, "event", BEFORE_RELOAD), (1, "serialize", None),
                                 (2, "init", None), (2, "deserialize", None),
                                 (2, "serialize", None), (2, "event", AFTER_RELOAD),
                                 (2, "step", None),
                                 (2, "serialize", None), # the old fini might not live
                                 (1, "fini", None)])
        self.assertEqual(said[-3]["flags"], UPDATED)
        self.assertEqual((said[-1]["why"], said[-1]["has_state"]), (REPLACED, True))
        self.assertEqual(said[-1]["count"], said[1]["count"])
        self.assertEqual(said[0]["value"], 1)
        self.assertEqual(said[5]["value"], 2)

    def test_the_end_is_stopping_serialize_and_fini(self):
        with self.hotrun(probe(1), config=CALM) as run:
            run.call("step", version=1)
            mark = run.said.mark()
            run.finish()
            said = run.said.since(mark)
        self.assertEqual([(s["call"], s.get("type"), s.get("why")) for s in said],
                         [("event", STOPPING, None), ("serialize", None, None),
                          ("fini", None, EXIT)])

    def test_keys_that_come_and_go_are_told(self):
        more = probe(2, extra_json=text(',"speed":3,"player":{"x":1,"y":[{"z":2}]}'))
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            seen = run.save_and_see(more)
            self.assertEqual(seen["state"]["added"], ["speed", "player"])
            run.line("+ speed")
            seen = run.save_and_see(probe(3, extra_json=text(',"speed":3,"player":{"x":1}')))
            self.assertEqual(seen["state"]["dropped"], ["player.y"])
            seen = run.save_and_see(probe(4))
            self.assertEqual(seen["state"]["dropped"], ["speed", "player"])
            self.assertEqual(seen["state"]["added"], [])
            run.line("- speed")

    def test_the_version_of_the_state_is_handed_over(self):
        with self.hotrun(probe(1, state_version=7)) as run:
            run.call("step", version=1)
            run.save_and_see(probe(2, state_version=9))
            self.assertEqual(run.call("deserialize", version=2)["from_version"], 7)

    def test_a_state_may_grow_with_callbacks(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            run.save_and_see(probe(2, state_pad=3_000_000))
            step = run.call("step", version=2)
            self.assertEqual(step["hash"], run.call("step", version=1)["hash"])
            run.save_and_see(probe(3, state_pad=1))
            self.assertEqual(run.call("step", version=3)["hash"], step["hash"])

    def test_a_stateless_module_runs_and_is_replaced(self):
        with self.hotrun(written(STATELESS % 1)) as run:
            run.event("loaded")
            run.save_and_see(written(STATELESS % 2), generation=2)
            run.save_and_see(written(STATELESS % 3), generation=3)
            self.assertFalse([line for line in run.err.since() if "nowhere" in line])

    def test_old_libraries_go_away(self):
        with self.hotrun(probe(1), config="[supervise]\nprobation = '50ms'\n") as run:
            run.call("step", version=1)
            for version in range(2, 22):
                mark = run.save(probe(version))
                seen = run.event("confirmed", mark, generation=version)
                self.assertFalse(seen.get("resident"), seen)
            mapped = {line.split()[-1] for line in processes.mappings(run.host_pid())
                      if "/stage/" in line}
            self.assertEqual(len(mapped), 1, mapped)


def bare(version, **settings):
    """A module without callbacks and without debug info."""
    return probe(version, no_codec=True, flags=("-g0",), **settings)


class InPlace(Case):

    def test_a_state_without_callbacks_stays_where_it_is(self):
        with self.hotrun(probe(1, no_codec=True)) as run:
            first = run.call("step", version=1)
            mark = run.said.mark()
            since = run.save(probe(2, no_codec=True))
            seen = run.event("reloaded", since)
            self.assertEqual(seen["state"]["how"], "in-place")
            step = run.call("step", version=2)
            self.assertEqual(step["hash"], first["hash"])
            self.assertEqual(step["count"] - step["index"], first["count"] - first["index"])
            self.assertEqual(step["flags"], UPDATED)
            run.event("confirmed", since)
            fini = run.call("fini", version=1)
            self.assertEqual((fini["why"], fini["has_state"]), (REPLACED, False))
            self.assertFalse([s for s in run.said.since(mark) if s["call"] == "init"])

    def test_another_size_is_refused_with_the_reason(self):
        with self.hotrun(bare(1)) as run:
            first = run.call("step", version=1)
            seen = run.save_and_see(bare(2, state_pad=4000), "rejected")
            self.assertRegex(seen["reason"], r"size|bytes")
            run.save_and_see(bare(3))
            step = run.call("step", version=3)
            self.assertEqual(step["count"] - step["index"], first["count"] - first["index"])

    def test_another_state_version_is_refused_with_the_reason(self):
        with self.hotrun(probe(1, no_codec=True)) as run:
            run.call("step", version=1)
            seen = run.save_and_see(probe(2, no_codec=True, state_version=2), "rejected")
            self.assertIn("version", seen["reason"])

    def test_another_size_starts_anew_where_the_config_says_reset(self):
        with self.hotrun(bare(1), config='[state]\non_mismatch = "reset"\n') as run:
            run.call("step", version=1)
            seen = run.save_and_see(bare(2, state_pad=4000))
            self.assertEqual(seen["state"]["how"], "reset")
            step = run.call("step", version=2)
            self.assertEqual(step["count"], 1)
            self.assertGreater(step["index"], 0)
            run.call("init", version=2)


class Defer(Case):

    LIMIT = "[reload]\ndefer_limit = '100ms'\n"

    def putting_off(self, condition):
        """A module that puts a reload off while this holds, in C."""
        return probe(1, on_event="if (event->type == HOTRUN_EVENT_BEFORE_RELOAD && "
                                 f"({condition})) return HOTRUN_DEFER")

    def until_told(self):
        """One that does so until there is the file `go`."""
        return self.putting_off('access("go", F_OK) != 0')

    def test_a_module_may_put_a_reload_off(self):
        thrice = self.putting_off("state->lowest++ < INT64_MIN + 3")
        with self.hotrun(thrice, "--rate", "500") as run:
            run.call("step", version=1)
            run.save_and_see(probe(2))
            run.call("step", version=2)
            asked = [s for s in run.said.since() if s.get("type") == BEFORE_RELOAD]
            self.assertEqual(len(asked), 4)

    def test_a_reload_put_off_for_too_long_is_told_once_and_stays_pending(self):
        with self.hotrun(self.until_told(), "--rate", "500", config=self.LIMIT) as run:
            run.call("step", version=1)
            seen = run.save_and_see(probe(2), "rejected")
            self.assertEqual(seen["stage"], "defer")
            mark = run.said.mark()
            for _ in range(100):  # it is asked again and again
                mark = run.said.behind(run.call("event", mark, type=BEFORE_RELOAD))
            self.write("go", "")
            run.event("reloaded", generation=2)
            told = [e for e in run.events.since() if e["event"] == "rejected"]
            self.assertEqual(len(told), 1)
            run.call("step", version=2)

    def test_a_newer_save_takes_the_place_of_one_put_off(self):
        with self.hotrun(self.until_told(), "--rate", "500", config=self.LIMIT) as run:
            run.call("step", version=1)
            run.save_and_see(probe(2), "rejected")
            run.save_and_see(probe(3), "rejected")
            self.write("go", "")
            run.event("reloaded")
            run.call("step", version=3)
            self.assertFalse([s for s in run.said.since() if s["version"] == 2])


FAILS = 'do { hotrun_logf(host, HOTRUN_LOG_ERROR, "no room %s"); return HOTRUN_ERR; } while (0)'
# Statements for ON_SERIALIZE.
DEEP = ("do { static char deep[2100]; memset(deep, 91, 600); memset(deep + 600, 93, 600);"
        " return writer->write(writer, deep, 1200); } while (0)")
LARGE = ('do { static char large[200000]; memset(large, 32, sizeof large); large[0] = 49;'
         ' return writer->write(writer, large, sizeof large); } while (0)')


def says(json_text):
    return f"return writer->write(writer, {text(json_text)}, {len(json_text.encode())})"


class Rejection(Case):
    """Whatever is wrong with a library: the running one goes on, and a good one is taken."""

    LIMITS = "[state]\nmax_json = 100000\nmax_size = 10000000\n"

    def refused(self, library, stages, reason):
        with self.hotrun(probe(1), config=self.LIMITS) as run:
            first = run.call("step", version=1)
            host = run.host_pid()
            said = run.said.mark()
            seen = run.save_and_see(library, "rejected")
            self.assertIn(seen["stage"], stages)
            self.assertRegex(seen["reason"], reason)
            self.assertNotIn("\n", seen["reason"])
            run.line(seen["reason"][:40])
            told = run.call("event", said, type=RELOAD_REJECTED)
            self.assertEqual((told["version"], told["has_text"]), (1, True))
            mark = run.save(library)
            run.event("quarantined", mark)
            run.save_and_see(probe(3))
            step = run.call("step", version=3)
            self.assertEqual(step["hash"], first["hash"])
            self.assertEqual(step["count"] - step["index"], first["count"] - first["index"])
            old = [s for s in run.said.since(said) if s["version"] == 1]
            self.assertFalse([s for s in old if s["call"] in ("init", "deserialize")])
            self.assertEqual(run.host_pid(), host, "the host was replaced")
            return seen, [s for s in run.said.since(said) if s["version"] == 2]

    def test_another_abi(self):
        self.refused(broken(1), ("table",), r"ABI|version")

    def test_a_table_without_step(self):
        self.refused(broken(2), ("table",), r"step")

    def test_deserialize_without_serialize(self):
        self.refused(broken(3), ("table",), r"serialize")

    def test_a_table_that_is_too_short(self):
        self.refused(broken(4), ("table",), r"size|16|bytes")

    def test_an_alignment_that_is_none(self):
        self.refused(broken(5), ("table",), r"align")

    def test_a_callback_outside_of_the_library(self):
        self.refused(broken(6), ("table",), r"step.*|static")

    def test_a_table_without_a_name(self):
        self.refused(broken(7), ("table",), r"name")

    def test_an_alignment_above_a_page(self):
        self.refused(broken(8), ("table",), r"align")

    def test_no_table(self):
        self.refused(written("int nothing = 1;"), ("file", "load", "table"), r"hotrun_module_table")

    def test_an_undefined_symbol(self):
        seen, _ = self.refused(probe(2, on_step="extern void draw_hud(void); draw_hud()"),
                               ("load",), r"undefined symbol draw_hud")
        self.assertIn("libprobe.so", seen["reason"])

    def test_a_needed_library_that_is_missing(self):
        written("int needed_by_probe = 1;", "needed.c",
                flags=("-Wl,-soname,libneeded-by-probe.so.9",))
        import os
        library = os.path.join(modules._place(), "needed.c.so")
        self.refused(written("extern int needed_by_probe; int *p = &needed_by_probe;", "user.c",
                             libraries=(library,)), ("load",), r"libneeded-by-probe\.so\.9")

    def test_another_modules_name(self):
        self.refused(probe(2, probe_name=text("other")), ("table",), r"other")

    def test_an_init_that_fails(self):
        _, said = self.refused(probe(2, on_init=FAILS % "in init"), ("init",), r"no room in init")
        self.assertFalse([s for s in said if s["call"] in ("step", "deserialize")])

    def test_a_deserialize_that_fails(self):
        _, said = self.refused(probe(2, on_deserialize=FAILS % "for it"), ("deserialize",),
                               r"no room for it")
        fini = [s for s in said if s["call"] == "fini"]
        self.assertEqual([s["why"] for s in fini], [REFUSED])
        self.assertFalse([s for s in said if s["call"] == "step"])

    def test_json_that_is_invalid(self):
        for bad in ('{"count":1,}', "", "{", "[1,2", '{"a":1}x', '{"a":1,"a":2}', '"\\ud800"',
                    "NaN", "01"):
            with self.subTest(bad):
                self.fresh_folder()
                self.refused(probe(2, on_serialize=says(bad)), ("serialize", "deserialize"), r"JSON|json")

    def test_json_that_is_too_deep(self):
        self.refused(probe(2, on_serialize=DEEP), ("serialize", "deserialize"), r"512|deep")

    def test_json_that_is_too_large(self):
        self.refused(probe(2, on_serialize=LARGE), ("serialize", "deserialize"), r"max_json|limit|large")

    def test_a_serialize_that_fails(self):
        self.refused(probe(2, on_serialize=FAILS % "to write"), ("serialize", "deserialize"),
                     r"no room to write")

    def test_a_state_above_the_limit(self):
        self.refused(probe(2, state_pad=20_000_000), ("table", "init"), r"max_size|limit|large")

    def test_a_running_module_that_cannot_be_saved_goes_on(self):
        for what, how in (("invalid", says("{")), ("deep", DEEP), ("large", LARGE),
                          ("failing", FAILS % "now")):
            with self.subTest(what):
                self.fresh_folder()
                later = f"if (state->count > 0) {how}"
                with self.hotrun(probe(1, on_serialize=later), config=self.LIMITS) as run:
                    run.call("step", version=1)
                    seen = run.save_and_see(probe(2), "rejected")
                    self.assertEqual(seen["stage"], "serialize")
                    self.assertFalse([s for s in run.said.since() if s["version"] == 2])

    def test_a_generation_number_is_never_used_twice(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            run.save_and_see(probe(2))
            run.save_and_see(probe(3, on_init="return HOTRUN_ERR"), "rejected")
            run.save_and_see(probe(4))
            run.save_and_see(probe(5))
            seen = [e["generation"] for e in run.events.since()
                    if e["event"] in ("loaded", "reloaded")]
            self.assertEqual(seen, sorted(set(seen)))
            self.assertEqual(seen[:2], [1, 2])


class Report(Case):

    def test_one_line_is_said_for_each_reload(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            run.save_and_see(probe(2))
            run.line("generation 2")
            lines = [line for line in run.err.since() if "generation 2" in line]
            self.assertEqual(len(lines), 1)
            self.assertTrue(re.search(r"generation 2  \d+\.\d+ ms  state kept \(.* (B|KB)\)",
                                      lines[0]), lines[0])
            self.assertNotIn("\x1b", "".join(run.err.since()))

    def test_events_tell_how_long_each_part_took(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            seen = run.save_and_see(probe(2))
            parts = ("detect", "stage", "layout", "serialize", "load", "init", "deserialize", "total",
                     "pause")
            self.assertEqual(set(seen["us"]), set(parts))
            for part in parts:
                self.assertGreaterEqual(seen["us"][part], 0)
            loaded = run.event("loaded")
            self.assertTrue(loaded["library"].endswith("libprobe.so"))
            started = run.event("started")
            self.assertEqual(started["pid"], run.pid)

    def test_events_are_kept_in_the_run_directory_too(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            run.save_and_see(probe(2))
            run.finish()
            with open(self.path(".hotrun", "events.jsonl"), encoding="utf-8") as file:
                kept = [json.loads(line) for line in file]
            self.assertEqual(kept, run.events.since())
            self.assertEqual(kept[-1]["event"], "exited")
            self.assertEqual(kept[-1]["status"], 0)


if __name__ == "__main__":
    main()
