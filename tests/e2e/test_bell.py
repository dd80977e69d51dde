"""A dying host rings: its death is known before the process has gone, and what it leaves is whole."""
import ctypes
import errno
import glob
import os
import resource
import signal
import subprocess
import threading
import unittest

from harness import Case, environment, main
import processes
from modules import probe
from states import LONG

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long
CONT, SEIZE, TRACE_EXIT, EVENT_EXIT, WALL = 7, 0x4206, 0x40, 6, 0x40000000


class Held:
    """Holds a process at the very end of its exit, as a large heap or a core dump does, or at its
    n-th SIGSEGV, for as long as the `with` takes. All is done on one thread: a tracer is one."""

    def __init__(self, pid, fault=None):
        self.pid, self.fault, self.problem = pid, fault, 0
        self.seized, self.reached, self.release = (threading.Event() for _ in range(3))
        self.thread = threading.Thread(target=self._trace, daemon=True)

    def _ptrace(self, request, data):
        if LIBC.ptrace(request, self.pid, None, data) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def _trace(self):
        try:
            self._ptrace(SEIZE, TRACE_EXIT)
        except OSError as error:
            self.problem = error.errno
        self.seized.set()
        faults = 0
        while not self.problem:
            _, status = os.waitpid(self.pid, WALL)
            if not os.WIFSTOPPED(status):
                break
            exits = status >> 16 == EVENT_EXIT
            faults += not exits and os.WSTOPSIG(status) == signal.SIGSEGV
            if exits if self.fault is None else faults == self.fault:
                self.reached.set()
                self.release.wait()
            try:
                self._ptrace(CONT, 0 if status >> 16 else os.WSTOPSIG(status))
            except ProcessLookupError:
                pass  # it was killed while it was held

    def __enter__(self):
        self.thread.start()
        self.seized.wait()
        if self.problem == errno.EPERM:
            raise unittest.SkipTest("nobody may trace here")
        return self

    def __exit__(self, *problem):
        self.release.set()
        self.thread.join()


# Dies when hotrun gets SIGUSR1.
MORTAL = {"on_event": "if (event->type == HOTRUN_EVENT_SIGNAL) die_segv()"}


class Bell(Case):

    def test_the_next_host_runs_while_the_dead_one_still_goes(self):
        with self.hotrun(probe(1), config=LONG) as run:
            first = run.call("step", version=1)
            mark = run.save(probe(2, **MORTAL))
            run.call("step", version=2)
            host = run.host_pid()
            with Held(host) as held:
                said = run.said.mark()
                run.kill(signal.SIGUSR1)
                self.assertEqual(run.event("crashed", mark)["signal"], "SIGSEGV")
                step = run.call("step", said, version=1)
                self.assertEqual(step["hash"], first["hash"])
                self.assertTrue(held.reached.wait(30))
                self.assertTrue(processes.alive(host))
                run.save_and_see(probe(3))
                run.call("step", version=3)
            self.assertTrue(processes.asked(lambda: not processes.alive(host)))
            self.assertTrue(processes.asked(lambda: not processes.zombies(run.pid)))

    def test_hotrun_ends_when_the_dead_host_has_gone(self):
        with self.hotrun(probe(1), config=LONG) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, **MORTAL))
            run.call("step", version=2)
            with Held(run.host_pid()) as held:
                said = run.said.mark()
                run.kill(signal.SIGUSR1)
                run.event("crashed", mark)
                run.call("step", said, version=1)
                self.assertTrue(held.reached.wait(30))
                run.kill()
                run.event("exited", mark)
                self.assertFalse(run.has_ended())
            run.wait_end()
            # finish() looks for processes that are left behind

    def test_what_a_dying_host_started_is_ended_when_it_has_gone(self):
        leave = "if (fork() == 0) { for (;;) pause(); }"
        with self.hotrun(probe(1), config=LONG) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_init=leave, **MORTAL))
            run.call("step", version=2)
            host = run.host_pid()
            left = [pid for pid in processes.children(host) if processes.alive(pid)]
            self.assertEqual(len(left), 1)
            with Held(host) as held:
                run.kill(signal.SIGUSR1)
                run.event("rolled_back", mark)
                self.assertTrue(held.reached.wait(30))
            self.assertTrue(processes.asked(lambda: not processes.alive(left[0])))

    def test_a_port_is_free_for_the_next_host(self):
        listen = ("{ struct sockaddr_un a = {.sun_family = AF_UNIX}; a.sun_path[1] = 'h';"
                  " snprintf(a.sun_path + 2, 90, \"%d\", (int)getppid());"
                  " int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);"
                  " int bound = bind(fd, (struct sockaddr *)&a, sizeof a);"
                  " say(\"\\\"call\\\":\\\"bind\\\",\\\"result\\\":%d\", bound); }")
        module = {"on_init": listen, "flags": ("-include", "sys/un.h"), **MORTAL}
        config = "[supervise]\nprobation = '50ms'\nprobation_steps = 2\n"
        with self.hotrun(probe(1, **module), config=config) as run:
            self.assertEqual(run.call("bind")["result"], 0)
            run.event("confirmed")
            with Held(run.host_pid()):
                said = run.said.mark()
                run.kill(signal.SIGUSR1)
                self.assertEqual(run.call("bind", said)["result"], 0)

    @unittest.skipIf(os.uname().machine != "x86_64", "the statement is x86-64's")
    def test_a_record_that_takes_too_long_is_taken_as_far_as_it_came(self):
        """The stack is lost: the walk over it faults, and is held there by a tracer."""
        lost = ('if (event->type == HOTRUN_EVENT_SIGNAL) __asm__ volatile("mov $4096, %%rsp;'
                ' mov $4096, %%rbp; movl $0, 24" ::: "memory")')
        with self.hotrun(probe(1), config=LONG) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_event=lost))
            run.call("step", version=2)
            with Held(run.host_pid(), fault=2) as held:
                said = run.said.mark()
                run.kill(signal.SIGUSR1)
                self.assertTrue(held.reached.wait(30))
                self.assertEqual(run.event("crashed", mark)["signal"], "SIGSEGV")
                run.call("step", said, version=1)

    def test_a_module_that_rings_without_dying_goes_on(self):
        rings = "if (turn == 2) { uint64_t one = 1; if (write(5, &one, sizeof one) != 8) abort(); }"
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, on_step=rings))
            run.event("confirmed", mark)

    def test_a_core_dump_shows_the_place_of_the_death(self):
        with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as file:
            if not file.read().strip().startswith("core"):
                self.skipTest("core dumps go elsewhere")
        limits = resource.getrlimit(resource.RLIMIT_CORE)
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (limits[1], limits[1]))
        except (ValueError, OSError):
            self.skipTest("core dumps are not allowed")
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, limits)
        options = environment(self.folder, "")["ASAN_OPTIONS"] + ":disable_coredump=0"
        with self.hotrun(probe(1), config=LONG, env={"ASAN_OPTIONS": options}) as run:
            run.call("step", version=1)
            mark = run.save(probe(2, **MORTAL))
            run.call("step", version=2)
            host = run.host_pid()
            run.kill(signal.SIGUSR1)
            run.event("rolled_back", mark)
            self.assertTrue(processes.asked(lambda: not processes.alive(host), 60))
        cores = glob.glob(self.path("core*"))
        self.assertEqual(len(cores), 1)
        asked = ["-ex", "p $_siginfo._sifields._sigfault.si_addr", "-ex", "p $rax"]
        shown = subprocess.run(["gdb", "-nx", "-batch", "-c", cores[0], *asked],
                               capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertIn("(void *) 0x8", shown.stdout, shown)
        if os.uname().machine == "x86_64":
            self.assertIn("$2 = 8\n", shown.stdout, "not the registers of die_segv")


class Hang(Case):
    LIMIT = "[supervise]\nstart_timeout = '2s'\n"

    def hangs(self, statement, how):
        with self.hotrun(probe(1), config=self.LIMIT) as run:
            first = run.call("step", version=1)
            said = run.said.mark()
            mark = run.save(probe(2, on_init=statement))
            self.assertEqual(run.event("hung", mark)["signal"], how)
            step = run.call("step", said, version=1)
            self.assertEqual(step["hash"], first["hash"])

    def test_a_hang_in_init_is_interrupted(self):
        self.hangs("for (;;) { }", "SIGABRT")

    def test_a_hang_that_cannot_be_interrupted_is_killed(self):
        self.hangs("{ sigset_t all; sigfillset(&all); sigprocmask(SIG_BLOCK, &all, NULL); }"
                   " for (;;) { }", "SIGKILL")


if __name__ == "__main__":
    main()
