"""A project with a Makefile, whose module tells what it does, for the tests that build."""
import os
import shlex
import subprocess
import time

import modules
import processes
import saves
from harness import Case

BUILD_STARTED, BUILD_FAILED, BUILD_OK = 5, 6, 7  # HOTRUN_EVENT_

GAME = r'''
#include "speed.h"
#include <hotrun/hotrun.h>
#include <stdio.h>

struct game {
    long count;
};
static int told;

static void say(const hotrun_host *host, const char *call, long a, long b, const char *text)
{
    FILE *file = host->argc > 0 ? fopen(host->argv[0], "a") : NULL;
    if (file == NULL)
        return;
    static char line[300000];
    int len = sprintf(line, "{\"call\":\"%s\",\"a\":%ld,\"b\":%ld,\"text\":\"", call, a, b);
    for (; text != NULL && *text != 0; text++)
        len += sprintf(line + len, (unsigned char)*text < 32 || *text == '"' || *text == '\\'
                       ? "\\u%04x" : "%c", (unsigned char)*text);
    len += sprintf(line + len, "\"}\n");
    setvbuf(file, NULL, _IOFBF, 400000);
    fwrite(line, 1, (size_t)len, file);
    fclose(file);
}

static hotrun_status step(const hotrun_host *host, void *memory, const hotrun_step *now)
{
    struct game *game = memory;
    (void)now;
    game->count += 1;
    if (!told)
        say(host, "step", SPEED, game->count, NULL);
    told = 1;
    return HOTRUN_OK;
}

static hotrun_status on_event(const hotrun_host *host, void *memory, const hotrun_event *event)
{
    (void)memory;
    say(host, "event", event->type, (long)event->value, event->text);
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct game, .name = "game", .step = step, .on_event = on_event);
'''

MAKEFILE = """
libgame.so: src/game.c src/speed.h
\tcc -g -shared -fPIC -Wall $(FLAGS) $(shell pkg-config --cflags hotrun) -o made.so src/game.c
\tmv made.so $@
"""

# What a build may start: below the shell, in a session of its own, without parents, and with
# nothing left but the session. All write their pids.
FAMILY = r"""
sh -c 'echo $$ >pid1; exec sleep 1000' &
setsid sh -c 'echo $$ >pid2; exec sleep 1000' &
(setsid sh -c 'sh -c "echo \$\$ >pid3; exec sleep 1000" &' &)
(env -i sh -c 'echo $$ >pid4; exec sleep 1000' &)
echo $$ >pid5
wait
"""


class Project(Case):

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("src"))
        self.write("src/game.c", GAME)
        self.write("Makefile", MAKEFILE)
        self.speed(1)

    def speed(self, number):
        """Saves the header that the game's speed stands in. A build that runs already never finds
        it empty."""
        saves.rename_over(self.path("src/speed.h"), f"#define SPEED {number}\n".encode(), 0o644)

    def script(self, text, name="build"):
        """A shell script for build.command."""
        self.write(name, text)
        return f"sh ./{name}"

    def config(self, command="make", **keys):
        """hotrun.toml: the rest are keys of [build], as TOML."""
        rows = "".join(f"{key} = {value}\n" for key, value in keys.items() if key != "env")
        env = "".join(f'{key} = "{value}"\n' for key, value in keys.get("env", {}).items())
        return ('[module]\npath = "libgame.so"\n[supervise]\nprobation = "20ms"\n'
                f"[build]\ncommand = '''{command}'''\n{rows}[build.env]\n{env}")

    def build_run(self, command="make", *, terminal=None, run_env=None, options=(), **keys):
        """hotrun in the project's folder."""
        return self.hotrun(None, *options, config=self.config(command, **keys), name=None,
                           terminal=terminal, env=run_env)

    def make(self, speed):
        """The library as somebody else builds it."""
        self.speed(speed)
        flags = f"-I{modules.INCLUDE}"
        subprocess.run(["make", f"FLAGS={shlex.quote(flags)}"], cwd=self.folder, check=True,
                       capture_output=True)

    def make_older(self, name):
        """As if the file had been saved long ago."""
        long_ago = time.time() - 1000
        os.utime(self.path(name), (long_ago, long_ago))

    def runs_at(self, run, speed, since=0):
        """The first step of code of this speed: what the state has counted by then."""
        return run.call("step", a=speed, since=since)["b"]

    def pids(self, *names):
        """The pids that a build has written into these files, once they are there."""
        def written():
            return all(os.path.exists(self.path(n)) and os.path.getsize(self.path(n))
                       for n in names)
        assert processes.asked(written), f"{names} are not written"
        found = []
        for name in names:
            with open(self.path(name), encoding="ascii") as file:
                found.append(int(file.read()))
        return found

    def assert_gone(self, pids):
        left = [pid for pid in pids if processes.alive(pid)]
        self.assertEqual(left, [])
