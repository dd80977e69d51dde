"""Libraries that die in a chosen way at a chosen place when a file, the trigger, is there."""
import os
import subprocess

import modules

MARK = b"@death="

WAYS = ("NULL write", "SIGBUS", "SIGILL", "SIGFPE", "abort", "overflow", "exit(3)", "_exit(4)",
        "exception", "kill -9", "double free", "hang")
NULL_WRITE, BUS, ILL, FPE, ABORT, OVERFLOW, EXIT, QUICK_EXIT, EXCEPTION, KILL, DOUBLE_FREE, HANG = \
    range(len(WAYS))

PLACES = ("constructor", "init", "deserialize", "first step", "later step", "old serialize",
          "new serialize", "on_event", "fini", "own thread")
CONSTRUCTOR, INIT, DESERIALIZE, FIRST, LATER, OLD_SERIALIZE, NEW_SERIALIZE, EVENT, FINI, THREAD = \
    range(len(PLACES))

BEFORE_RELOAD, AFTER_RELOAD, REPLACED = 1, 2, 1
HOOKS = {"ON_CONSTRUCT": "die_in(PLACE_CONSTRUCTOR)", "ON_INIT": "die_in(PLACE_INIT)",
         "ON_DESERIALIZE": "die_in(PLACE_DESERIALIZE)",
         "ON_STEP": "if (turn == 1) { die_in(PLACE_FIRST_STEP); thread_starts(true); }"
                    " die_in(PLACE_LATER_STEP)",
         "ON_SERIALIZE": "die_in(PLACE_OLD_SERIALIZE); die_in(PLACE_NEW_SERIALIZE)",
         "ON_EVENT": f"if (event->type == {AFTER_RELOAD}) die_in(PLACE_EVENT);"
                     f" if (event->type == {BEFORE_RELOAD}) thread_starts(false)",
         "ON_FINI": f"if (why == {REPLACED}) die_in(PLACE_FINI)"}
# Of the module whose state is moved by its layout: `migrate` is what it has for deserialize.
MOVES = {"ON_CONSTRUCT": "die_in(PLACE_CONSTRUCTOR)", "ON_INIT": "die_in(PLACE_INIT)",
         "ON_MIGRATE": "die_in(PLACE_DESERIALIZE)",
         "ON_STEP": "if (turn == 1) die_in(PLACE_FIRST_STEP)"}


def mortal(folder, source="probe.c", hooks=None, **settings):
    """The bytes of a module that can die; `folder` is for what its build needs."""
    thrower = os.path.join(folder, "exception.o")  # a library in C needs it for C++ exceptions
    subprocess.run(["g++", "-fPIC", "-g", "-c", os.path.join(modules.SOURCES, "exception.cpp"),
                    "-o", thrower], check=True, stdin=subprocess.DEVNULL)
    flags = ("-w", thrower, "-lstdc++", "-include", os.path.join(modules.SOURCES, "deaths.h"))
    hooks = HOOKS if hooks is None else hooks
    return modules.built(source, flags=(*flags, *(f"-D{k}={v}" for k, v in hooks.items()),
                                        *modules.macros(settings)))


def build(library, version, way=None, place=None):
    """A copy of it with another version, which dies if a place is named."""
    mark = b"00,-" if place is None else b"%02d,%d" % (way, place)
    at = library.index(MARK) + len(MARK)
    return modules.marked(library[:at] + mark + library[at + len(mark):], version)


def arm(trigger):
    """What is to die dies when it comes by next."""
    with open(trigger, "w", encoding="utf-8"):
        pass
