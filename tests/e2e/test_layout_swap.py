"""States without callbacks: their layout, read from debug info, carries them over."""
import json
import os
import signal

from games import game, told
from harness import count, main
import modules
import processes
from states import CALM, LONG, QUICK, States

AFTER_RELOAD = 2
REPLACED = 1

HOOK = "struct game { int n; void (*hook)(int *); int *own; const char *name; };"
ADD = "static void add(int *n) { *n += %d; }\n"
HOOK_INIT = 'game->hook = add; game->own = &game->n; game->name = "a name that stays"'
HOOK_STEP = "game->hook(game->own); " + told("n", 'same=strcmp(game->name, "a name that stays")')


def hook(version, by, types=HOOK, init=HOOK_INIT, step=HOOK_STEP, **how):
    return game(version, ADD % by + types, step, init, **how)


OLD = """enum mood { CALM, ANGRY, LOST };
struct ship { float x, y; int hp; };
struct game { int ticks; int64_t score; enum mood mood; char name[16]; int gone;
              struct ship ships[3]; struct ship *best; };"""
OLD_INIT = """game->score = 1LL << 53; game->mood = ANGRY; strcpy(game->name, "first"); game->gone = 4;
    for (int i = 0; i < 3; i++) game->ships[i] = (struct ship){(float)i, 2, 300 + i};
    game->best = &game->ships[1]"""
OLD_STEP = "game->ticks++; " + told("ticks", "hp=game->best->hp")
NEW = """enum mood { LOST, NEW_MOOD, CALM, ANGRY };
struct ship { int hp; double y, x; int shield; };
struct game { enum mood mood; struct ship *best; struct ship ships[5]; char name[8];
              double score; int64_t ticks; };"""
NEW_INIT = "for (int i = 0; i < 5; i++) game->ships[i].shield = 7"
NEW_STEP = "game->ticks++; " + told(
    "ticks", "score", "mood", "hp=game->best->hp", "x=game->best->x", "shield=game->best->shield",
    "first=game->ships[0].hp", "named=strcmp(game->name, \"first\")")


def old(version=1, step=OLD_STEP, **how):
    return game(version, OLD, step, OLD_INIT, **how)


def new(version=2, step=NEW_STEP, **how):
    return game(version, NEW, step, NEW_INIT, **how)


class Layouts(States):

    def run_game(self, library, *options, config=CALM, **how):
        return self.hotrun(library, "--rate", "500", *options, config=config, **how)

    def known(self, run):
        """Waits until the layout of what runs is known: the state can be asked for then."""
        run.call("step")
        self.state("get")
        return run


class InPlace(Layouts):

    def test_pointers_lead_to_the_new_code_and_init_is_not_called(self):
        with self.run_game(hook(1, 1), config=QUICK) as run:
            run.call("step", version=1)
            said = run.said.mark()
            seen = run.save_and_see(hook(2, 1000))
            self.assertEqual(seen["state"]["how"], "in-place")
            first = run.call("step", said, version=2)
            self.assertEqual(first["same"], 0)
            second = run.call("step", said, version=2, index=first["index"] + 1)
            self.assertEqual(second["n"] - first["n"], 1000)
            run.call("event", said, version=2, type=AFTER_RELOAD)
            run.event("confirmed", generation=2)
            self.assertFalse(run.call("fini", said, version=1, why=REPLACED)["has_state"])
            self.assertFalse([s for s in run.said.since(said) if s["call"] == "init"])

    def test_it_holds_over_many_reloads(self):
        with self.run_game(hook(1, 1), config=QUICK) as run:
            run.call("step", version=1)
            for version in range(2, count(12, 200)):
                seen = run.save_and_see(hook(version, version, HOOK), generation=version)
                self.assertEqual(seen["state"]["how"], "in-place")
                first = run.call("step", version=version)
                second = run.call("step", version=version, index=first["index"] + 1)
                self.assertEqual(second["n"] - first["n"], version)


class Moved(Layouts):

    def test_fields_are_found_by_their_names(self):
        with self.run_game(old(), config=QUICK) as run:
            before = run.call("step", version=1)
            self.assertEqual(before["hp"], 301)
            seen = run.save_and_see(new())
            after = run.call("step", version=2)
            state = seen["state"]
            self.assertEqual(state["how"], "migrated", state)
            self.assertIn("/gone", state["dropped"])
            self.assertTrue([path for path in state["added"] if path.endswith("shield")], state)
            self.assertTrue([line for line in state["converted"] if "/score" in line], state)
            self.assertEqual(state["lost"], [])
            self.assertEqual(after["ticks"], after["index"] + 1)
            self.assertEqual([after[key] for key in ("score", "mood", "hp", "x", "shield", "first",
                                                     "named")], [2.0 ** 53, 3, 301, 1, 7, 300, 0])
            run.event("confirmed", generation=2)
            self.assertFalse(run.call("fini", version=1)["has_state"])

    def test_and_back_again(self):
        with self.run_game(old()) as run:
            run.call("step", version=1)
            for version in range(2, count(8, 100)):
                library = (new if version % 2 == 0 else old)(version)
                seen = run.save_and_see(library, generation=version)
                self.assertEqual(seen["state"]["how"], "migrated")
                step = run.call("step", version=version)
                self.assertEqual((step["hp"], step["ticks"]), (301, step["index"] + 1))

    def test_a_crash_in_probation_goes_back_with_the_state(self):
        dies = "game->ticks++; if (game->ticks % 50 == 0) abort(); " + told("ticks")
        with self.run_game(old(), config=LONG) as run:
            run.call("step", version=1)
            mark = run.events.mark()
            said = run.said.mark()
            run.save_and_see(game(2, NEW, dies, NEW_INIT))
            back = run.event("rolled_back", mark)
            self.assertEqual(back["to"], 1)
            step = run.said.wait(lambda s: s["call"] == "step" and s["version"] == 1 and
                                 s["index"] == back["step"], said)
            self.assertEqual((step["hp"], step["ticks"]), (301, step["index"] + 1))

    def test_values_that_do_not_fit_are_told(self):
        small = OLD.replace("int64_t score", "uint8_t score").replace("int hp", "int8_t hp")
        with self.run_game(old()) as run:
            run.call("step", version=1)
            seen = run.save_and_see(game(2, small, told("score", "hp=game->best->hp"), OLD_INIT))
            step = run.call("step", version=2)
            self.assertEqual((step["score"], step["hp"]), (255, 127))
            self.assertTrue([line for line in seen["state"]["lost"] if line.startswith("/score")],
                            seen["state"])

    def test_a_loss_can_be_forbidden(self):
        small = OLD.replace("int64_t score", "uint8_t score")
        config = CALM + "[state]\non_loss = 'hold'\n"
        with self.run_game(old(), config=config) as run:
            run.call("step", version=1)
            refused = run.save_and_see(game(2, small, told("score"), OLD_INIT), "rejected")
            self.assertEqual(refused["stage"], "migrate")
            self.assertIn("/score", refused["reason"])
            self.assertIn("state.on_loss", refused["reason"])
            step = run.call("step", run.said.mark(), version=1)
            self.assertEqual(step["ticks"], step["index"] + 1)
            run.save_and_see(new(3))

    def test_exact_structs_are_refused(self):
        exact = OLD.replace("int hp;", "double hp; HOTRUN_EXACT;")
        with self.run_game(old()) as run:
            run.call("step", version=1)
            refused = run.save_and_see(game(2, exact, OLD_STEP, OLD_INIT), "rejected")
            self.assertEqual(refused["stage"], "migrate")
            self.assertIn("HOTRUN_EXACT", refused["reason"])
            run.call("step", run.said.mark(), version=1)

    def test_another_state_version_needs_migrate(self):
        with self.run_game(old()) as run:
            run.call("step", version=1)
            refused = run.save_and_see(new(2, state_version=2), "rejected")
            self.assertIn("migrate", refused["reason"])
            run.call("step", run.said.mark(), version=1)


MIGRATE = """
static hotrun_status migrate(const hotrun_host *host, void *state, const char *old_json,
                             size_t old_len, const char *new_json, size_t new_len,
                             uint32_t from_version)
{
    struct game *game = state;
    const char *at = strstr(old_json, "\\"gone\\":");
    say(host, "migrate", "\\"old\\":%%s,\\"new\\":%%s,\\"from\\":%%u", old_json, new_json,
        (unsigned)from_version);
    if (strlen(old_json) != old_len || strlen(new_json) != new_len || at == NULL)
        return HOTRUN_ERR_SCHEMA;
    %s;
    return HOTRUN_OK;
}
static const void *extension(const char *id)
{
    static const hotrun_migrate with = {.size = sizeof with, .migrate = migrate};
    return strcmp(id, "migrate/1") == 0 ? &with : NULL;
}
"""


class Migrate(Layouts):

    def migrating(self, what, state_version=2):
        return game(2, NEW + MIGRATE % what, NEW_STEP, NEW_INIT, state_version=state_version,
                    more=", .get_extension = extension")

    def test_it_converts_what_names_can_not_say(self):
        with self.run_game(old()) as run:
            run.call("step", version=1)
            run.save_and_see(self.migrating("game->ships[0].hp = atoi(at + 7) * 10"))
            call = run.call("migrate", version=2)
            self.assertEqual((call["old"]["gone"], call["from"]), (4, 1))
            self.assertEqual(call["new"]["ships"][1]["hp"], 301)
            step = run.call("step", version=2)
            self.assertEqual((step["first"], step["hp"]), (40, 301))

    def test_what_it_refuses_leaves_the_old_state(self):
        with self.run_game(old()) as run:
            run.call("step", version=1)
            refused = run.save_and_see(
                self.migrating('host->log(host, HOTRUN_LOG_ERROR, "no ships any more"); '
                               "return HOTRUN_ERR"), "rejected")
            self.assertEqual(refused["stage"], "migrate")
            self.assertIn("no ships any more", refused["reason"])
            step = run.call("step", run.said.mark(), version=1)
            self.assertEqual(step["ticks"], step["index"] + 1)


class Death(Layouts):

    OFTEN = "[checkpoint]\ninterval = '10ms'\n"

    def killed(self, run):
        said, mark = run.said.mark(), run.events.mark()
        os.kill(run.host_pid(), signal.SIGKILL)
        back = run.event("restarted", mark)
        return run.said.wait(lambda s: s["call"] == "step" and s["index"] >= back["step"], said), back

    def test_kill_9_brings_the_state_back_with_its_pointers(self):
        with self.run_game(hook(1, 1), config=QUICK + self.OFTEN) as run:
            self.known(run)
            run.call("step", index=200)
            step, _ = self.killed(run)
            self.assertEqual((step["n"], step["same"]), (step["index"] + 1, 0))
            self.assertGreater(step["index"], 50)

    def test_after_a_change_of_the_struct(self):
        with self.run_game(old(), config=QUICK + self.OFTEN) as run:
            run.call("step")
            run.save_and_see(new())
            run.event("confirmed", generation=2)
            self.known(run)
            first = run.call("step", version=2)
            run.call("step", version=2, index=first["index"] + 100)
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


STATICS = """
static int score = 1;
int level = 2;
static int *at = &level;
static int fresh = 5;
HOTRUN_RESET static int cache = 7;
static int calls(int by) { static int count; return count += by; }
"""
STATICS_STEP = "score++; (*at)++; cache++; fresh++; " + told(
    "score=score", "level=level", "cache=cache", "fresh=fresh", "calls=calls(1)")


class Statics(Layouts):

    CONFIG = "[state]\nstatics = true\n"

    def counting(self, version, types=STATICS, step=STATICS_STEP, **how):
        return game(version, types, step, state="void", **how)

    def test_variables_go_on(self):
        with self.run_game(self.counting(1), config=CALM + self.CONFIG) as run:
            run.call("step", version=1, index=10)
            changed = STATICS.replace("int fresh", "long newer").replace("score = 1", "score = 9")
            run.save_and_see(self.counting(2, changed, STATICS_STEP.replace("fresh", "newer")))
            step = run.call("step", version=2)
            done = step["index"] + 1
            self.assertEqual([step[key] for key in ("score", "level", "calls", "cache")],
                             [1 + done, 2 + done, done, 8])

    def test_kill_9_brings_them_back(self):
        with self.run_game(self.counting(1), config=self.CONFIG + QUICK + Death.OFTEN) as run:
            self.known(run)
            run.event("confirmed")
            run.call("step", version=1, index=100)
            said, mark = run.said.mark(), run.events.mark()
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted", mark)
            step = run.said.wait(lambda s: s["call"] == "step", said)
            done = step["index"] + 1
            self.assertGreater(done, 50)
            self.assertEqual([step[key] for key in ("score", "level", "calls")],
                             [1 + done, 2 + done, done])


    def test_a_refusal_leads_pointers_back(self):
        counting = HOOK + "static %s total = 1000;"
        step = "total++; " + HOOK_STEP
        for pin_limit in ("'64MB'", "0"):
            self.fresh_folder()
            config = QUICK + CALM + ("[state]\nstatics = true\non_loss = 'hold'\n"
                                     f"pin_limit = {pin_limit}\n")
            with self.run_game(hook(1, 1, counting % "int", step=step), config=config) as run:
                run.call("step", version=1)
                refused = run.save_and_see(hook(2, 1000, counting % "signed char", step=step),
                                           "rejected")
                self.assertIn("total", refused["reason"])
                said = run.said.mark()
                first = run.call("step", said, version=1)
                second = run.call("step", said, version=1, index=first["index"] + 1)
                self.assertEqual((second["n"] - first["n"], second["same"]), (1, 0))
                run.save_and_see(hook(3, 7, counting % "long", step=step))
                first = run.call("step", version=3)
                second = run.call("step", version=3, index=first["index"] + 1)
                self.assertEqual((second["n"] - first["n"], second["same"]), (7, 0))


LIST = """
struct node { int value; struct node *next; };
struct game { struct node *first, *last; int count; };
static void push(const hotrun_host *host, struct game *game)
{
    struct node *node = hotrun_alloc(host, struct node, 1);
    node->value = ++game->count;
    node->next = game->first;
    game->first = node;
    if (game->last == NULL)
        game->last = node;
}
static int sum(const struct game *game)
{
    int sum = 0;
    for (const struct node *node = game->first; node != NULL; node = node->next)
        sum += (int)node->value;
    return sum;
}
"""
LIST_STEP = "if (game->count < 100) push(host, game); " + told(
    "count", "sum=sum(game)", "last=game->last->value")
WIDE = LIST.replace("int value; struct node *next;", "struct node *next; double weight; long value;")


class Heap(Layouts):

    def test_lists_are_moved_and_come_back(self):
        with self.run_game(game(1, LIST, LIST_STEP), config=QUICK + Death.OFTEN) as run:
            self.known(run)
            run.call("step", version=1, count=100)
            for version, types in ((2, WIDE), (3, WIDE), (4, LIST)):
                said = run.said.mark()
                seen = run.save_and_see(game(version, types, LIST_STEP), generation=version)
                self.assertEqual(seen["state"]["how"], "in-place" if version == 3 else "migrated")
                step = run.call("step", said, version=version)
                self.assertEqual((step["count"], step["sum"], step["last"]), (100, 5050, 1))
            run.event("confirmed", generation=4)
            said, mark = run.said.mark(), run.events.mark()
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted", mark)
            step = run.said.wait(lambda s: s["call"] == "step", said)
            self.assertEqual((step["count"], step["sum"], step["last"]), (100, 5050, 1))


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

    def with_codec(self, version, types=SMALL):
        return game(version, types + CODEC, SMALL_STEP,
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

    def test_half_way(self):
        with self.run_game(old(), config=QUICK) as run:
            self.known(run)
            run.call("step", version=1)
            refused = run.save_and_see(new(2, flags=("-g0",)), "rejected")
            self.assertIn("bytes and had", refused["reason"])
            seen = run.save_and_see(old(3, flags=("-g0",)))
            self.assertEqual(seen["state"]["how"], "in-place")
            step = run.call("step", version=3)
            self.assertEqual((step["hp"], step["ticks"]), (301, step["index"] + 1))


BIG = "struct game { int64_t ticks; char room[1 << 30]; int64_t last; };"
BIG_STEP = ("game->ticks++; game->last = game->ticks; memset(game->room, 1, 1 << 20); " +
            told("ticks", "last"))


SPARSE = "struct game { int64_t ticks; %schar room[(16L << 30) - 64]; };"
SPARSE_STEP = "game->ticks++; game->room[15L << 30] = 5; " + told("ticks", "far=game->room[15L << 30]")


class Big(Layouts):

    def test_sixteen_gigabytes_cost_what_is_touched(self):
        config = QUICK + CALM + "[state]\nmax_size = '16GiB'\n"
        with self.run_game(game(1, SPARSE % "", SPARSE_STEP), config=config) as run:
            run.call("step", version=1)
            for version, more, how in ((2, "", "in-place"), (3, "int more; ", "migrated")):
                library = game(version, SPARSE % more, SPARSE_STEP)
                seen = run.save_and_see(library, generation=version)
                self.assertEqual(seen["state"]["how"], how)
                self.assertLess(seen["us"]["pause"], 1000000)
                step = run.call("step", version=version)
                self.assertEqual((step["ticks"], step["far"]), (step["index"] + 1, 5))
                run.event("confirmed", generation=version)
            self.assertLess(processes_memory(run.host_pid()), 400 << 20)

    def test_a_gigabyte_is_not_copied(self):
        config = QUICK + CALM + "[state]\nmax_size = '2GB'\n"
        with self.run_game(game(1, BIG, BIG_STEP), config=config) as run:
            run.call("step", version=1)
            seen = run.save_and_see(game(2, BIG, BIG_STEP))
            self.assertEqual(seen["state"]["how"], "in-place")
            self.assertLess(seen["us"]["total"], 400000)
            step = run.call("step", version=2)
            self.assertEqual(step["last"], step["index"] + 1)
            run.line("larger than state.pin_limit")
            self.assertLess(processes_memory(run.host_pid()), 400 << 20)


def processes_memory(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        rows = dict(row.split(":", 1) for row in file if ":" in row and row[0].isupper())
    return int(rows["Rss"].split()[0]) << 10


if __name__ == "__main__":
    main()
