"""Modules without callbacks, from a struct, what init sets and what a step does."""
import hashlib

import modules

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
    name = hashlib.sha256(text.encode()).hexdigest()[:16] + ".c"
    return modules.written(text, name, **how)


def told(*fields):
    """Statements of a step that tell fields: "hp" is game->hp, "name=expression" another one."""
    pairs = [field.split("=", 1) if "=" in field else (field, f"game->{field}") for field in fields]
    keys = ",".join(f'\\"{name}\\":%.17g' for name, _ in pairs)
    values = "".join(f", (double)({value})" for _, value in pairs)
    return (f'say(host, "step", "\\"index\\":%llu,\\"generation\\":%llu,{keys}", '
            f"(unsigned long long)now->index, (unsigned long long)now->generation{values})")
