"""States without callbacks: their layout, read from debug info, carries them over."""
import json

from games import (HOOK, HOOK_STEP, NEW, NEW_INIT, NEW_STEP, OFTEN, OLD, OLD_INIT, OLD_STEP, Layouts,
                   game, hook, new, old, told)
from harness import count, main
import processes
from states import CALM, LONG, QUICK

AFTER_RELOAD = 2
REPLACED = 1


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

    def test_another_name_for_the_same_place_is_told(self):
        types = "struct game { int ticks; HOTRUN_RENAMED(ticks, n); };"
        with self.run_game(game(1, "struct game { int n; };", "game->n++; " + told("n")), config=QUICK) as run:
            run.call("step", version=1, index=20)
            state = run.save_and_see(game(2, types, "game->ticks++; " + told("ticks")))["state"]
            self.assertEqual((state["how"], state["converted"]), ("in-place", ["/ticks: was n"]))
            self.assertGreater(run.call("step", version=2)["ticks"], 20)

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

    def test_fini_of_a_refused_one_does_not_get_what_the_old_code_owns(self):
        config = CALM + "[state]\non_loss = 'hold'\n"
        with self.run_game(old(), config=config) as run:
            run.call("step", version=1)
            small = OLD.replace("int64_t score", "uint8_t score")
            run.save_and_see(game(2, small, told("score"), OLD_INIT), "rejected")
            self.assertFalse(run.call("fini", version=2)["has_state"])

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

    def test_an_edit_of_what_is_not_there_is_refused(self):
        with self.run_game(self.counting(1), config=CALM + self.CONFIG) as run:
            self.known(run)
            self.assertIn("no such place", self.state("set", "/score", "5", status=125))
            self.edited("set", self.place_of("score"), "5000")
            self.assertGreaterEqual(run.call("step", generation=3)["score"], 5000)

    def place_of(self, name):
        (file,) = [file for file, held in json.loads(self.state("get", "/$statics")).items()
                   if name in held]
        return f"/$statics/{file.replace('~', '~0').replace('/', '~1')}/{name}"

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
        with self.run_game(self.counting(1), config=self.CONFIG + QUICK + OFTEN) as run:
            self.known(run)
            run.event("confirmed")
            first = self.checkpointed(run)
            step, _ = self.killed(run)
            done = step["index"] + 1
            self.assertGreater(done, first)
            self.assertEqual([step[key] for key in ("score", "level", "calls")],
                             [1 + done, 2 + done, done])


    def test_what_can_not_be_carried_is_named_once(self):
        more = STATICS + "static __thread int own; static const int fixed = 5;"
        step = "own += fixed; " + STATICS_STEP
        with self.run_game(self.counting(1, more, step), config=CALM + self.CONFIG) as run:
            run.call("step", version=1)
            run.line("1 variable starts anew at each reload: own (")
            run.save_and_see(self.counting(2, more, step))
            run.call("step", version=2)
            run.save_and_see(self.counting(3, more, step), generation=3)
            told_of = [line for line in run.err.since() if "starts anew" in line]
            self.assertEqual(len(told_of), 1, told_of)

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
        with self.run_game(game(1, LIST, LIST_STEP), config=QUICK + OFTEN) as run:
            self.known(run)
            run.call("step", version=1, count=100)
            for version, types in ((2, WIDE), (3, WIDE), (4, LIST)):
                said = run.said.mark()
                seen = run.save_and_see(game(version, types, LIST_STEP), generation=version)
                self.assertEqual(seen["state"]["how"], "in-place" if version == 3 else "migrated")
                step = run.call("step", said, version=version)
                self.assertEqual((step["count"], step["sum"], step["last"]), (100, 5050, 1))
            run.event("confirmed", generation=4)
            step, _ = self.killed(run)
            self.assertEqual((step["count"], step["sum"], step["last"]), (100, 5050, 1))


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
            self.assertLess(peak_memory(run.host_pid()), 400 << 20)

    def test_a_gigabyte_is_not_copied(self):
        config = QUICK + CALM + "[state]\nmax_size = '2GB'\n"
        with self.run_game(game(1, BIG, BIG_STEP), config=config) as run:
            run.call("step", version=1)
            seen = run.save_and_see(game(2, BIG, BIG_STEP))
            self.assertEqual(seen["state"]["how"], "in-place")
            self.assertLess(seen["us"]["pause"], 1000000)
            step = run.call("step", version=2)
            self.assertEqual(step["last"], step["index"] + 1)
            run.line("larger than state.pin_limit")
            self.assertLess(peak_memory(run.host_pid()), 400 << 20)


def peak_memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        rows = dict(row.split(":", 1) for row in file)
    return int(rows["VmHWM"].split()[0]) << 10


if __name__ == "__main__":
    main()
