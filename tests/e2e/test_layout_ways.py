"""States without callbacks: back from the dead, asked for and changed, and where a layout is missing."""
import json
import os

from games import OFTEN, Layouts, game, hook, new, old, told
from harness import main
from states import QUICK


class Death(Layouts):

    def test_kill_9_brings_the_state_back_with_its_pointers(self):
        with self.run_game(hook(1, 1), config=QUICK + OFTEN) as run:
            self.known(run)
            run.event("confirmed")
            first = self.checkpointed(run)
            step, _ = self.killed(run)
            self.assertEqual((step["n"], step["same"]), (step["index"] + 1, 0))
            self.assertGreater(step["index"], first)

    def test_after_a_change_of_the_struct(self):
        with self.run_game(old(), config=QUICK + OFTEN) as run:
            run.call("step")
            run.save_and_see(new())
            run.event("confirmed", generation=2)
            self.known(run)
            self.checkpointed(run)
            step, _ = self.killed(run)
            self.assertEqual((step["version"], step["hp"], step["shield"]), (2, 301, 7))
            self.assertEqual(step["ticks"], step["index"] + 1)

    def test_a_run_goes_on_in_another_layout(self):
        with self.run_game(old(), config="") as run:
            self.known(run)
            run.call("step", index=20)
            run.finish()
        with self.run_game(new(), "--resume", config="") as run:
            step = run.call("step", version=2)
            self.assertEqual((step["hp"], step["x"], step["shield"], step["named"]), (301, 1, 7, 0))
            self.assertEqual(step["ticks"], step["index"] + 1)
            self.assertGreater(step["index"], 20)


class Asked(Layouts):

    def test_values_are_told_and_changed(self):
        with self.run_game(old()) as run:
            run.call("step", version=1)
            self.assertEqual(self.state("get", "/name"), '"first"')
            self.assertEqual(self.state("get", "/mood"), '"ANGRY"')
            self.assertEqual(json.loads(self.state("get", "/best")), {"$ref": "/ships/1"})
            self.assertEqual(self.state("get", "/ships/2/hp"), "302")
            said = run.said.mark()
            self.edited("set", "/ships/1/hp", "55", "/mood", '"LOST"', "/best",
                        '{"$ref": "/ships/2"}')
            step = run.call("step", said, generation=2)
            self.assertEqual(step["hp"], 302)
            self.assertEqual(step["ticks"], step["index"] + 1)
            self.assertEqual(self.state("get", "/ships/1/hp"), "55")
            self.assertEqual(self.state("get", "/mood"), '"LOST"')

    def test_what_can_not_be_stored_is_refused(self):
        with self.run_game(old()) as run:
            run.call("step", version=1)
            for pointer, value in (("/ships/1/hp", '"many"'), ("/ships/1/hp", "1e300"),
                                   ("/mood", '"GREEN"'), ("/ships", "5"), ("/hp", "5")):
                error = self.state("set", pointer, value, status=125)
                self.assertIn(pointer, error)
            step = run.call("step", run.said.mark(), generation=1)
            self.assertEqual(step["ticks"], step["index"] + 1)

    def test_pointers_survive_an_edit(self):
        with self.run_game(hook(1, 3)) as run:
            run.call("step", version=1)
            said = run.said.mark()
            self.edited("set", "/n", "1000000")
            first = run.call("step", said, generation=2)
            second = run.call("step", said, index=first["index"] + 1)
            self.assertEqual((second["n"] - first["n"], second["same"]), (3, 0))
            self.assertGreater(first["n"], 1000000)


CODEC = """
static hotrun_status serialize(const hotrun_host *host, const void *state, const hotrun_writer *to)
{
    const struct game *game = state;
    (void)host;
    return hotrun_writef(to, "{\\"ticks\\":%d,\\"hp\\":5,\\"unknown\\":1}", (int)game->ticks);
}
static hotrun_status deserialize(const hotrun_host *host, void *state, const char *json, size_t len,
                                 uint32_t from)
{
    struct game *game = state;
    const char *at = strstr(json, "\\"ticks\\":");
    say(host, "deserialize", "\\"json\\":%.*s,\\"from\\":%u", (int)len, json, (unsigned)from);
    game->ticks = at == NULL ? -1 : atoi(at + 8);
    return HOTRUN_OK;
}
"""
SMALL = "struct game { int ticks; short hp; };"
WIDER = "struct game { int hp; int64_t ticks; };"
SMALL_STEP = "game->ticks++; " + told("ticks", "hp")


class Callbacks(Layouts):

    def with_codec(self, version, types=SMALL, step=SMALL_STEP):
        return game(version, types + CODEC, step,
                    more=", .serialize = serialize, .deserialize = deserialize")

    def test_they_keep_precedence(self):
        with self.run_game(self.with_codec(1), config=QUICK) as run:
            run.call("step", version=1)
            seen = run.save_and_see(self.with_codec(2, WIDER))
            self.assertEqual(seen["state"]["how"], "json")
            step = run.call("step", version=2)
            self.assertEqual((step["ticks"], step["hp"]), (step["index"] + 1, 0))

    def test_a_module_gets_them_and_loses_them(self):
        with self.run_game(game(1, SMALL, SMALL_STEP), config=QUICK) as run:
            self.known(run)
            run.call("step", version=1)
            seen = run.save_and_see(self.with_codec(2, WIDER))
            self.assertEqual(seen["state"]["how"], "json")
            call = run.call("deserialize", version=2)
            self.assertEqual(set(call["json"]), {"ticks", "hp"})
            step = run.call("step", version=2)
            self.assertEqual(step["ticks"], step["index"] + 1)
            run.event("confirmed", generation=2)
            seen = run.save_and_see(game(3, SMALL, SMALL_STEP))
            self.assertEqual(seen["state"]["how"], "json")
            self.assertIn("/unknown", seen["state"]["dropped"])
            step = run.call("step", version=3)
            self.assertEqual((step["ticks"], step["hp"]), (step["index"] + 1, 5))

    def test_they_get_from_disk_what_they_get_from_old_code(self):
        mark = "{ (void)host; (void)state; (void)n; (void)new_json; (void)m; (void)from;\n" \
               '  say(host, "migrate", "\\"json\\":%s", old_json); return HOTRUN_OK; }\n'
        migrate = """static hotrun_status migrate(const hotrun_host *host, void *state,
    const char *old_json, size_t n, const char *new_json, size_t m, uint32_t from)
""" + mark + """static const hotrun_migrate by = {sizeof by, migrate};
static const void *get_extension(const char *id) { return strcmp(id, "migrate/1") == 0 ? &by : NULL; }
"""
        types = "struct game { int ticks; float x; };"
        with self.run_game(game(1, types, SMALL_STEP.replace("hp", "x")), config=QUICK) as run:
            self.known(run)
            run.finish()
        for version, library, call in (
                (2, self.with_codec(2), "deserialize"),
                (3, game(3, SMALL + migrate, SMALL_STEP, more=", .get_extension = get_extension"),
                 "migrate")):
            file = os.path.join(run.folder, ".hotrun", "snapshots", "00000001.json")
            with open(file, encoding="utf-8") as stream:
                self.assertIn("$types", json.load(stream)["state"])
            with self.run_game(library, "--restore", file, config=QUICK) as run:
                seen = run.call(call, version=version)
                self.assertEqual(set(seen["json"]), {"ticks", "x"})
                self.assertNotIn("$types", str(run.event("loaded")["state"]))

    def test_the_loss_of_variables_that_they_do_not_write_is_told(self):
        code = self.with_codec(1, SMALL + "static int total;",
                               "game->ticks++; total++; " + told("ticks", "total=total"))
        with self.run_game(code, config="[state]\nstatics = true\n" + QUICK + OFTEN) as run:
            run.call("step")
            self.state("layout")  # it is known then
            run.event("confirmed")
            first = self.checkpointed(run)
            step, _ = self.killed(run)
            self.assertGreater(step["ticks"], first)
            self.assertEqual(step["total"], 1)
            run.line("the module's variables start anew")


class Without(Layouts):

    def test_a_library_without_debug_info_stays_in_place_with_one_warning(self):
        with self.run_game(old(flags=("-g0",)), config=QUICK) as run:
            run.call("step", version=1)
            for version in (2, 3):
                seen = run.save_and_see(old(version, flags=("-g0",)), generation=version)
                self.assertEqual(seen["state"]["how"], "in-place")
                run.event("confirmed", generation=version)
            warned = [line for line in run.err.since() if "compile with -g" in line]
            self.assertEqual(len(warned), 1, warned)
            refused = run.save_and_see(new(4, flags=("-g0",)), "rejected")
            self.assertIn("bytes and had", refused["reason"])
            self.assertIn("its layout (the library has no debug info: compile it with -g)", refused["reason"])

    def test_half_way(self):
        with self.run_game(old(), config=QUICK) as run:
            self.known(run)
            run.call("step", version=1)
            refused = run.save_and_see(new(2, flags=("-g0",)), "rejected")
            self.assertIn("bytes and had", refused["reason"])
            self.assertIn("its layout (the library has no debug info: compile it with -g)", refused["reason"])
            seen = run.save_and_see(old(3, flags=("-g0",)))
            self.assertEqual(seen["state"]["how"], "in-place")
            step = run.call("step", version=3)
            self.assertEqual((step["hp"], step["ticks"]), (301, step["index"] + 1))


if __name__ == "__main__":
    main()
