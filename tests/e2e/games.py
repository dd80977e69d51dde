"""Modules without callbacks, from a struct, what init sets and what a step does."""
import os
import signal

import modules
from snapshots import RESTORED
from states import CALM, States

SOURCE = """
#include "hotrun/hotrun.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One line for the test, as the probe module tells its calls. */
__attribute__((unused, format(printf, 3, 4))) static void
say(const hotrun_host *host, const char *call, const char *format, ...)
{
    char line[2000];
    int len = snprintf(line, sizeof line, "{\\"call\\":\\"%%s\\",\\"version\\":%d,", call);
    va_list args;
    va_start(args, format);
    len += vsnprintf(line + len, sizeof line - (size_t)len, format, args);
    va_end(args);
    len += snprintf(line + len, sizeof line - (size_t)len, "}\\n");
    int fd = host->argc > 0 ? open(host->argv[0], O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd >= 0) {
        if (write(fd, line, (size_t)len) < 0)
            abort();
        close(fd);
    }
}

%s

static hotrun_status init(const hotrun_host *host, void *state)
{
    %s *game = state;
    (void)host;
    (void)game;
    %s;
    say(host, "init", "\\"done\\":1");
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    %s *game = state;
    (void)game;
    %s;
    (void)now;
    return HOTRUN_OK;
}

static hotrun_status on_event(const hotrun_host *host, void *state, const hotrun_event *event)
{
    (void)state;
    say(host, "event", "\\"type\\":%%u", (unsigned)event->type);
    return HOTRUN_OK;
}

static void fini(const hotrun_host *host, void *state, uint32_t why)
{
    say(host, "fini", "\\"why\\":%%u,\\"has_state\\":%%d", why, state != NULL);
}

%s
"""

PLAIN = """HOTRUN_MODULE(%s, .name = "game", .state_version = %d, .init = init, .step = step,
              .on_event = on_event, .fini = fini%s);"""
STATELESS = 'HOTRUN_MODULE_STATELESS(.name = "game", .init = init, .step = step%s);'


def game(version, types, step, init="", state="struct game", state_version=1, more="", **how):
    """The bytes of a module. `step` is what a step does with `game` and `now`; `more` stands in the
    table."""
    table = STATELESS % more if state == "void" else PLAIN % (state, state_version, more)
    text = SOURCE % (version, types, state, init, state, step, table)
    return modules.written(text, "game.c", **how)


def told(*fields):
    """Statements of a step that tell fields: "hp" is game->hp, "name=expression" another one."""
    pairs = [field.split("=", 1) if "=" in field else (field, f"game->{field}") for field in fields]
    keys = ",".join(f'\\"{name}\\":%.17g' for name, _ in pairs)
    values = "".join(f", (double)({value})" for _, value in pairs)
    return (f'say(host, "step", "\\"index\\":%llu,\\"generation\\":%llu,\\"flags\\":%u,{keys}", '
            "(unsigned long long)now->index, (unsigned long long)now->generation, "
            f"(unsigned)now->flags{values})")


OFTEN = "[checkpoint]\ninterval = '10ms'\n"

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

    def checkpointed(self, run):
        """Waits for a checkpoint of what is made from here on: a step that it is behind."""
        mark, first = run.events.mark(), run.call("step", run.said.mark())["index"]
        run.events.wait(lambda e: e["event"] == "checkpoint" and e["step"] > first, mark)
        return first

    def killed(self, run):
        """kill -9 of the host: the first step of the next one, and the event of its coming. Steps of
        the one that dies may be told until then."""
        said, mark = run.said.mark(), run.events.mark()
        os.kill(run.host_pid(), signal.SIGKILL)
        back = run.event("restarted", mark)
        step = run.said.wait(lambda s: s["call"] == "step" and s["flags"] & RESTORED, said)
        self.assertEqual(step["index"], back["step"])
        return step, back
