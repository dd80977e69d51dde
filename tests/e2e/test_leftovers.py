"""Heap objects that nothing leads to after a move: they go, and what may still be in use does not."""
import json
import os
import signal

import processes
from games import OFTEN, Layouts, game, told
from harness import count, main
from states import CALM, QUICK


MADE = """
struct node { int hp; struct node *next; %s};
struct game { struct node *first; int n; %s};
static struct node *spare;
static struct node *made(const hotrun_host *host, int hp, struct node *next)
{
    struct node *node = hotrun_alloc(host, struct node, 1);
    node->hp = hp;
    node->next = next;
    return node;
}
"""
MADE_INIT = "for (int i = 0; i < 3; i++) game->first = made(host, 10 + i, game->first); %s"
MADE_STEP = "if (game->n++ == 0) game->first->hp = 20; "


class Made(Layouts):
    """What init makes each time goes when the old state's objects are there."""

    def made(self, version, node="", field="", init="", tells="more=0"):
        return game(version, MADE % (node, field),
                    MADE_STEP + told("hp=game->first->hp", tells), MADE_INIT % init)

    def objects(self):
        return [item["value"]["hp"] for item in json.loads(self.state("get"))["$heap"]]

    def test_reloads_leave_none_behind(self):
        with self.run_game(self.made(1)) as run:
            self.known(run)
            for version in range(2, count(6, 100)):
                seen = run.save_and_see(self.made(version, "" if version % 2 else "long more; "))
                self.assertEqual(seen["state"]["how"], "migrated")
                self.assertEqual(self.objects(), [10, 11, 20])

    def test_edits_and_restores_leave_none_behind(self):
        with self.run_game(self.made(1)) as run:
            self.known(run)
            self.state("set", "/$heap/0/value/hp", "7")
            self.assertEqual(self.objects(), [7, 11, 20])
            self.state("set", "/$heap/2/value/hp", "8")
            self.assertEqual(self.objects(), [7, 11, 8])
            run.call("step", run.said.mark(), hp=8)
            file = self.path("state.json")
            self.assertEqual(self.command("snapshot", file).returncode, 0)
            self.assertEqual(self.command("restore", file).returncode, 0)
            self.assertEqual(self.objects(), [7, 11, 8])

    def test_many_edits_a_death_and_a_resume_leave_none_behind(self):
        with self.run_game(self.made(1), config=QUICK + OFTEN) as run:
            self.known(run)
            for number in range(count(50, 200)):
                self.state("set", "/$heap/1/value/hp", str(number))
                self.assertEqual(self.objects(), [10, number, 20])
            seen = run.save_and_see(self.made(2, "long more; "))
            run.event("confirmed", generation=seen["generation"])
            said, mark = run.said.mark(), run.events.mark()
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted", mark)
            run.said.wait(lambda s: s["call"] == "step", said)
            self.assertEqual(self.objects(), [10, number, 20])
            run.finish()
        with self.run_game(self.made(3), "--resume") as run:
            self.known(run)
            self.assertEqual(self.objects(), [10, number, 20])

    def test_what_init_left_untouched_costs_nothing(self):
        init = "game->table = hotrun_alloc(host, struct node *, 64 << 20)"
        config = CALM + "[state]\nmax_size = '1GiB'\npin_limit = '1MiB'\n"
        with self.run_game(self.made(1, "", "struct node **table; ", init), config=config) as run:
            run.call("step", version=1)
            self.assertLess(processes.resident_kb(run.host_pid()), 256 << 10)

    def test_what_is_hidden_takes_no_room_in_snapshots(self):
        """There is room for the table, and not for that of init beside it."""
        init = "game->table = hotrun_alloc(host, struct node, 25000)"
        config = CALM + "[state]\npin_limit = '1MiB'\nmax_json = '1MiB'\n"
        with self.run_game(self.made(1, "", "struct node *table; ", init), config=config) as run:
            run.call("step", version=1)
            for version in range(2, 5):
                node = "" if version % 2 else "long more; "
                library = self.made(version, node, "struct node *table; ", init)
                self.assertEqual(run.save_and_see(library)["state"]["how"], "migrated")

    def test_what_variables_and_new_fields_lead_to_stays(self):
        with self.run_game(self.made(1)) as run:
            run.call("step", version=1)
            run.save_and_see(self.made(2, "", "struct node *more; ",
                                       "spare = made(host, 99, NULL); "
                                       "game->more = made(host, 5, made(host, 6, NULL))",
                                       "more=game->more->next->hp + spare->hp"))
            step = run.call("step", version=2)
            self.assertEqual((step["hp"], step["more"]), (20, 105))

CACHE = "struct node *cache; HOTRUN_TRANSIENT(cache); "
CACHE_INIT = "game->cache = made(host, 50, NULL)"
BOX = """
#include <sys/mman.h>
static struct node **box;
static int in_box(const hotrun_host *host)
{
    struct node *more[100];
    for (int i = 0; i < 100; i++)
        more[i] = made(host, 99, NULL);
    for (int i = 0; i < 100; i++)
        hotrun_free(host, more[i]);
    return (*box)->hp;
}
"""


class Older(Layouts):
    """What the older state's transient fields, gone fields and variables led to goes."""

    def game(self, version, node="", field="", init="", tells="more=0", types=""):
        return game(version, MADE % (node, field) + types,
                    MADE_STEP + told("hp=game->first->hp", tells), MADE_INIT % init)

    def objects(self):
        return [item["value"]["hp"] for item in json.loads(self.state("get"))["$heap"]]

    def reload(self, run, field, init, tells, found):
        for version in range(2, count(6, 60)):
            library = self.game(version, "" if version % 2 else "long more; ", field, init, tells)
            self.assertEqual(run.save_and_see(library)["state"]["how"], "migrated")
            step = run.call("step", version=version)
            self.assertEqual((step["hp"], step["more"]), (20, found))
            self.assertEqual(sorted(self.objects()), [10, 11, 20, found])

    def test_of_a_transient_field(self):
        tells = "more=game->cache->hp"
        with self.run_game(self.game(1, "", CACHE, CACHE_INIT, tells)) as run:
            self.known(run)
            self.reload(run, CACHE, CACHE_INIT, tells, 50)

    def test_of_a_variable_that_is_not_carried(self):
        init, tells = "spare = made(host, 60, NULL)", "more=spare->hp"
        with self.run_game(self.game(1, "", "", init, tells)) as run:
            self.known(run)
            self.reload(run, "", init, tells, 60)

    def test_of_a_field_that_is_gone(self):
        init = "game->more = made(host, 5, made(host, 6, game->first))"
        with self.run_game(self.game(1, "", "struct node *more; ", init)) as run:
            self.known(run)
            self.assertEqual(sorted(self.objects()), [5, 6, 10, 11, 20])
            run.save_and_see(self.game(2))
            self.assertEqual(run.call("step", version=2)["hp"], 20)
            self.assertEqual(sorted(self.objects()), [10, 11, 20])

    def test_an_edit_meets_the_objects_that_were_shown(self):
        tells = "more=game->cache->hp"
        with self.run_game(self.game(1, "", CACHE, CACHE_INIT, tells)) as run:
            self.known(run)
            for hp in range(100, count(104, 150)):
                at = self.objects().index(11 if hp == 100 else hp - 1)
                self.state("set", f"/$heap/{at}/value/hp", str(hp))
                self.assertEqual(sorted(self.objects()), [10, 20, 50, hp])

    def test_what_unseen_memory_leads_to_keeps_its_bytes(self):
        init = ("box = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); "
                "*box = game->first")
        tells = "more=in_box(host)"
        with self.run_game(self.game(1, "", "", init, "more=(*box)->hp", BOX)) as run:
            self.known(run)
            for version in range(2, count(5, 40)):
                node = "" if version % 2 else "long more; "
                run.save_and_see(self.game(version, node, "", init, tells, BOX))
                first = run.call("step", version=version)
                later = run.call("step", version=version, index=first["index"] + 20)
                self.assertEqual([first["more"], later["more"], later["hp"]], [12, 12, 20])
                self.assertEqual(self.objects(), [10, 11, 20])

    def test_pointers_in_packed_structs_and_ends_of_arrays_count(self):
        field = "char shift; struct tight { char odd[3]; struct node *node; } " \
                "__attribute__((packed)) tight; int *end; "
        node = "int all[3]; "
        init = "game->tight.node = made(host, 70, NULL); " \
               "game->end = made(host, 80, NULL)->all + 3"
        tells = "more=game->tight.node->hp + 1000 * game->end[-3]"
        step = MADE_STEP + "if (game->end[-3] == 0) game->end[-3] = 4; "
        make = lambda version: game(
            version, MADE % ("int more; " * (version % 2) + node, field),
            step + told("hp=game->first->hp", tells), MADE_INIT % init)
        with self.run_game(make(1)) as run:
            self.known(run)
            for version in range(2, count(5, 40)):
                run.save_and_see(make(version))
                said = run.call("step", version=version)
                self.assertEqual((said["hp"], said["more"]), (20, 4070))
                found = self.objects()
                self.assertEqual(sorted(set(found)), [10, 11, 20, 70, 80])
                self.assertLess(len(found), 7)  # an array's end may be the next one's begin


if __name__ == "__main__":
    main()
