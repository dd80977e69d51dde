"""hotrun as a service: descriptors that survive, what a service manager hears, PID 1, the exit."""
import os
import signal
import socket
import subprocess
import sys
import time
import unittest

from harness import Case, main
import processes
from modules import macros, built, probe
from streams import DEADLINE, Missing

QUICK = "[supervise]\nprobation = '50ms'\nprobation_steps = 2\n"

# Starts the rest of its arguments with what a service manager sets for the process itself, and the
# descriptors that are named (comma-separated) from 3 on.
MANAGED = [sys.executable, "-c", """
import os, sys
fds = [int(word) for word in sys.argv[1].split(',') if word]
high = [os.dup(fd) if fd < 3 + len(fds) else fd for fd in fds]
for at, fd in enumerate(high):
    os.dup2(fd, 3 + at)
for name in ('LISTEN_PID', 'WATCHDOG_PID'):
    os.environ.setdefault(name, str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""]


def server(version=1, **settings):
    """The bytes of the server module (tests/modules/server.c)."""
    return built("server.c", flags=tuple(macros({"version": version, **settings})))


class Client:
    """A connection to the server module."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.stream = self.socket.makefile("rwb", buffering=0)

    def send(self, line):
        self.stream.write(line.encode() + b"\n")

    def ask(self):
        """(version of the code that answers, answers so far)"""
        self.send("hello")
        return tuple(map(int, self.stream.readline().split()))

    def close(self):
        self.stream.close()
        self.socket.close()


class Manager:
    """The far end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address[0] == "@" else address)
        self.heard = []  # (fields, descriptors)

    def next(self, timeout=DEADLINE):
        self.socket.settimeout(timeout)
        data, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
        fields = dict(line.split("=", 1) for line in data.decode().splitlines())
        self.heard.append((fields, fds))
        return self.heard[-1]

    def wait(self, since=0, **fields):
        """The first message from `since` on with these fields."""
        def fits(message):
            return all(message[0].get(key) == value for key, value in fields.items())
        for message in self.heard[since:]:
            if fits(message):
                return message
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            try:
                message = self.next(max(0.01, until - time.monotonic()))
            except TimeoutError:
                break
            if fits(message):
                return message
        raise Missing(f"no {fields} among {self.heard}")

    def rest(self):
        """All that was sent, after hotrun's end."""
        try:
            while True:
                self.next(0.001)
        except TimeoutError:
            return [fields for fields, _ in self.heard]

    def close(self):
        for _, fds in self.heard:
            for fd in fds:
                os.close(fd)
        self.socket.close()


class ServiceCase(Case):

    def client(self, port):
        client = Client(port)
        self.addCleanup(client.close)
        return client

    def manager(self, address=None):
        self.address = address or self.path("notify")
        manager = Manager(self.address)
        self.addCleanup(manager.close)
        return manager

    def serve(self, library, **how):
        return self.hotrun(library, name="libserver.so", **how)


class Descriptors(ServiceCase):

    def test_a_client_keeps_its_connection_when_the_code_crashes(self):
        with self.serve(server(), config=QUICK) as run:
            port = run.call("listens")["number"]
            client = self.client(port)
            self.assertEqual(client.ask(), (1, 1))
            run.event("confirmed")
            said = run.said.mark()
            client.send("crash")
            run.event("restarted")
            self.assertEqual(client.ask(), (1, 2))
            self.assertEqual(run.call("listens", said)["number"], port)
            self.assertEqual(self.client(port).ask()[0], 1, "nobody listens any more")
            self.assertEqual(len([r for r in run.said.since() if r["call"] == "binds"]), 1)

    def test_a_client_keeps_its_connection_when_a_hanging_host_is_killed(self):
        with self.serve(server(), config=QUICK) as run:
            client = self.client(run.call("listens")["number"])
            self.assertEqual(client.ask(), (1, 1))
            run.event("confirmed")
            client.send("hang")
            run.call("hangs")
            os.kill(run.host_pid(), signal.SIGKILL)
            run.event("restarted")
            self.assertEqual(client.ask(), (1, 2))

    def test_a_client_keeps_its_connection_over_a_rollback(self):
        with self.serve(server()) as run:
            client = self.client(run.call("listens")["number"])
            self.assertEqual(client.ask(), (1, 1))
            mark = run.save(server(2, on_init="*(volatile int *)(uintptr_t)8 = 1"))
            run.event("rolled_back", mark)
            self.assertEqual(client.ask()[0], 1)
            said = run.said.mark()
            run.save(server(3))
            run.call("listens", said, version=3)
            second = self.client(run.call("listens")["number"])
            self.assertEqual(second.ask()[0], 3)
            mark = run.events.mark()
            second.send("crash")
            run.event(("rolled_back", "restarted"), mark)
            self.assertIn(second.ask()[0], (1, 3))
            self.assertIn(client.ask()[0], (1, 3))

    def test_what_is_kept_is_listed_and_what_is_dropped_is_closed(self):
        with self.serve(server()) as run:
            client = self.client(run.call("listens")["number"])
            client.ask()
            kept = run.request("status")["result"]["kept"]
            self.assertEqual(kept, ["listen", "conn-0"])
            self.assertIn("conn-0", self.command("status").stdout)
            client.send("drop")
            self.assertEqual(client.stream.readline(), b"", "still open")
            self.assertEqual(run.request("status")["result"]["kept"], ["listen"])

    def test_more_than_can_be_kept_is_told_once(self):
        many = ('if (turn == 1) for (int i = 0; i < 300; i++) { char name[16];'
                ' snprintf(name, 16, "fd-%d", i); host->keep_fd(host, name, 2); }')
        with self.hotrun(probe(1, on_step=many)) as run:
            run.line("will not survive a crash: 256 others are kept already")
            self.assertEqual(len(run.request("status")["result"]["kept"]), 256)
            self.assertEqual(len([line for line in run.err.since() if "survive" in line]), 1)

    def test_all_of_them_reach_a_new_host(self):
        many = ('if (now->flags == 1) for (int i = 0; i < 256; i++) { char name[16];'
                ' snprintf(name, 16, "fd-%d", i); host->keep_fd(host, name, 2); }'
                ' if (now->flags == 3) { int there = 0; for (int i = 0; i < 256; i++)'
                ' { char name[16]; snprintf(name, 16, "fd-%d", i);'
                ' there += host->kept_fd(host, name) >= 0; }'
                ' say("\\"call\\":\\"there\\",\\"number\\":%d", there); }')
        with self.hotrun(probe(1, on_step=many), config=QUICK) as run:
            run.event("confirmed")
            os.kill(run.host_pid(), signal.SIGKILL)
            self.assertEqual(run.call("there")["number"], 256)


class Inheritance(Case):
    """A program that the module starts has descriptors 0 to 2, and no others."""

    LIST = ("import os\n"
            "found = os.listdir('/proc/self/fd')  # and the one that this takes\n"
            "found = [int(n) for n in found if os.path.lexists('/proc/self/fd/' + n)]\n"
            "print('fds', *sorted(found), flush=True)\n"
            "print('env', *sorted(n for n in os.environ if n.startswith(('NOTIFY', 'LISTEN',"
            " 'WATCHDOG'))), flush=True)\n")
    START = 'if (turn == 1 && system("exec python3 \\"$LIST\\"") != 0) abort()'

    def test_in_the_first_host_after_a_swap_and_in_the_next_host(self):
        env = {"LIST": self.write("list.py", self.LIST)}
        keep = 'host->keep_fd(host, "out", 1);'
        with self.hotrun(probe(1, on_init=keep, on_step=self.START), env=env,
                         config=QUICK) as run:
            def listed(since):
                return run.out.wait(lambda line: line.startswith("fds"), since)
            self.assertEqual(listed(0), "fds 0 1 2")
            mark = run.out.mark()
            since = run.save(probe(2, on_init=keep, on_step=self.START))
            self.assertEqual(listed(mark), "fds 0 1 2")
            run.event("confirmed", since)
            mark = run.out.mark()
            os.kill(run.host_pid(), signal.SIGKILL)
            self.assertEqual(listed(mark), "fds 0 1 2")

    def test_nothing_that_was_handed_over_or_meant_for_hotrun_is_passed_on(self):
        env = {"LIST": self.write("list.py", self.LIST), "NOTIFY_SOCKET": "/nowhere/notify",
               "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web", "WATCHDOG_USEC": "1000000"}
        with socket.socket() as listener:
            with self.hotrun(probe(1, on_step=self.START), env=env, pass_fds=[listener.fileno()],
                             prefix=[*MANAGED, str(listener.fileno())]) as run:
                self.assertEqual(run.out.wait(lambda line: line.startswith("fds")).split()[:4],
                                 ["fds", "0", "1", "2"])
                self.assertEqual(run.out.wait(lambda line: line.startswith("env")), "env")
                for number, path in processes.descriptors(run.pid).items():
                    flags = processes.descriptor_flags(run.pid, number)
                    if number > 2 and flags is not None:
                        self.assertTrue(flags & os.O_CLOEXEC, path)


class Notified(ServiceCase):

    def watched(self, library, **more):
        env = {"NOTIFY_SOCKET": self.address, **more.pop("env", {})}
        return self.hotrun(library, env=env, **more)

    def test_ready_reloading_status_stopping(self):
        manager = self.manager()
        with self.watched(probe(1)) as run:
            fields, _ = manager.wait(READY="1")
            self.assertEqual(fields["MAINPID"], str(run.pid))
            manager.wait(STATUS="probation: generation 1 of libprobe.so")
            before = time.monotonic_ns() // 1000
            run.save(probe(2))
            fields, _ = manager.wait(RELOADING="1")
            self.assertIn(int(fields["MONOTONIC_USEC"]),
                          range(before, time.monotonic_ns() // 1000 + 1))
            manager.wait(len(manager.heard), READY="1")
            manager.wait(STATUS="probation: generation 2 of libprobe.so")
            run.kill()
            manager.wait(STOPPING="1")
            run.wait_end()

    def test_a_reload_that_is_refused_is_over_too(self):
        manager = self.manager()
        with self.watched(probe(1)) as run:
            manager.wait(READY="1")
            run.save(probe(2, on_init="return HOTRUN_ERR"))
            manager.wait(RELOADING="1")
            manager.wait(len(manager.heard), READY="1")
            run.kill()
            run.wait_end()

    def test_it_is_not_ready_before_something_runs(self):
        manager = self.manager()
        with self.watched(probe(1, on_init="return HOTRUN_ERR")) as run:
            status = ""
            while not status.startswith("held: init returned"):
                status = manager.next()[0].get("STATUS", "")
            self.assertNotIn("READY", [key for f, _ in manager.heard for key in f])
            run.save(probe(2))
            manager.wait(READY="1")

    def test_an_abstract_address(self):
        manager = self.manager(f"@hotrun-test-{os.getpid()}")
        with self.watched(probe(1)):
            manager.wait(READY="1")

    def test_an_address_of_another_kind_is_told(self):
        self.address = "vsock:2:1234"
        with self.watched(probe(1)) as run:
            run.line("NOTIFY_SOCKET is vsock:2:1234")
            run.event("loaded")

    def test_signs_of_life_come_from_the_supervisor_alone(self):
        manager = self.manager()
        with self.watched(probe(1), env={"WATCHDOG_USEC": "20000"}, prefix=[*MANAGED, ""]) as run:
            for _ in range(5):
                manager.wait(len(manager.heard), WATCHDOG="1")
            mark = len(manager.heard)
            os.kill(run.host_pid(), signal.SIGSTOP)
            manager.wait(mark, WATCHDOG="1")
            os.kill(run.host_pid(), signal.SIGCONT)

    def test_signs_of_life_that_another_process_owes_are_not_given(self):
        manager = self.manager()
        env = {"WATCHDOG_USEC": "2000", "WATCHDOG_PID": "1"}
        with self.watched(probe(1), env=env) as run:
            run.event("confirmed")
            run.kill()
            run.wait_end()
        self.assertNotIn("WATCHDOG", [key for fields in manager.rest() for key in fields])

    def test_a_manager_that_does_not_read_holds_nobody_up(self):
        manager = self.manager()
        manager.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        env = {"WATCHDOG_USEC": "2000"}
        with self.watched(probe(1), env=env, prefix=[*MANAGED, ""]) as run:
            run.event("confirmed")
            run.save_and_see(probe(2))
            run.call("step", version=2)

    def test_kept_descriptors_are_stored_and_come_back_after_hotruns_own_death(self):
        manager = self.manager()
        env = {"NOTIFY_SOCKET": self.address}
        run = self.serve(server(), env=env)
        with run:
            port = run.call("listens")["number"]
            client = self.client(port)
            self.assertEqual(client.ask(), (1, 1))
            listen = manager.wait(FDSTORE="1", FDNAME="listen")[1]
            connection = manager.wait(FDSTORE="1", FDNAME="conn-0")[1]
            self.assertEqual((len(listen), len(connection)), (1, 1))
            run.kill(signal.SIGKILL)
            run.wait_end()
            run.finished = True
        client.send("hello")
        fds = listen + connection
        env.update(LISTEN_FDS="2", LISTEN_FDNAMES="listen:conn-0")
        with self.serve(server(2), env=env, pass_fds=fds,
                        prefix=[*MANAGED, ",".join(map(str, fds))]) as run:
            self.assertEqual(client.stream.readline(), b"2 1\n")
            self.assertEqual(run.call("listens")["number"], port)
            self.assertNotIn("binds", [r["call"] for r in run.said.since()])
            client.send("drop")
            manager.wait(FDSTOREREMOVE="1", FDNAME="conn-0")

    def test_names_that_the_manager_would_not_take_are_spelled_out(self):
        manager = self.manager()
        keep = 'host->keep_fd(host, "a:b c%", 2)'
        with self.watched(probe(1, on_init=keep)):
            manager.wait(FDSTORE="1", FDNAME="a%3Ab%20c%25")

    def test_sockets_that_are_handed_over_have_names(self):
        with socket.socket() as one, socket.socket() as other, socket.socket() as third:
            fds = [one.fileno(), other.fileno(), one.fileno(), third.fileno()]
            env = {"LISTEN_FDS": "4", "LISTEN_FDNAMES": "web:web:web:"}
            with self.hotrun(probe(1), env=env, pass_fds=fds,
                             prefix=[*MANAGED, ",".join(map(str, fds))]) as run:
                run.event("loaded")
                self.assertEqual(run.request("status")["result"]["kept"], ["web", "web.2", "fd6"])

    def test_descriptors_for_another_process_are_left_alone(self):
        env = {"LISTEN_FDS": "1", "LISTEN_PID": "1"}
        with self.hotrun(probe(1), env=env) as run:
            run.event("loaded")
            self.assertEqual(run.request("status")["result"]["kept"], [])


class OnHold(Case):

    EXIT = "[supervise]\non_hold = 'exit'\n"

    def ends(self, library, status):
        with self.hotrun(library, config=self.EXIT) as run:
            run.event("held")
            self.assertEqual(run.wait_end(), status)
            self.assertEqual(run.event("exited")["status"], status)
            with open(self.path(".hotrun", "status.json"), encoding="utf-8") as file:
                self.assertIn('"held"', file.read())
            run.finish(status)

    def test_a_death_by_a_signal_ends_as_that_signal(self):
        self.ends(probe(1, on_step="die_segv()"), 128 + signal.SIGSEGV)

    def test_another_end_and_a_refusal_are_126(self):
        self.ends(probe(1, on_step="die_exit()"), 126)
        self.fresh_folder()
        self.ends(probe(1, on_init="return HOTRUN_ERR"), 126)

    def test_too_many_restarts_end_it(self):
        self.ends(probe(1, on_step="if (turn == 40) die_abort()"), 128 + signal.SIGABRT)

    def test_a_file_that_is_no_library_ends_it(self):
        with self.hotrun(b"no library at all", config=self.EXIT) as run:
            run.event("rejected", stage="file")
            self.assertEqual(run.wait_end(), 126)
            run.finish(126)

    def test_a_library_that_is_missing_is_waited_for(self):
        with self.hotrun(None, config=self.EXIT) as run:
            run.event("waiting")
            run.save_and_see(probe(1), "loaded")

    def test_a_rollback_is_no_hold(self):
        with self.hotrun(probe(1), config=self.EXIT) as run:
            run.call("step", version=1)
            run.event("rolled_back", run.save(probe(2, on_step="die_segv()")))
            run.save_and_see(probe(3))


@unittest.skipIf(os.geteuid() != 0, "needs root")
class Init(Case):
    """As the first process of a PID namespace, as in a container."""

    UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"]

    def setUp(self):
        super().setUp()
        if subprocess.run([*self.UNSHARE, "true"], capture_output=True).returncode != 0:
            self.skipTest("there can be no PID namespace here")

    def started(self, run):
        run.event("loaded")
        first = [pid for pid in processes.children(run.pid)]
        self.assertEqual(len(first), 1)
        return first[0]

    def test_signals_end_it_in_order(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(number):
                self.fresh_folder()
                with self.hotrun(probe(1), prefix=self.UNSHARE) as run:
                    first = self.started(run)
                    run.call("step")
                    os.kill(first, number)
                    self.assertEqual(run.wait_end(), 0)
                    run.call("fini")
                    run.finish()

    def test_it_ends_with_the_modules_status_and_leaves_nobody(self):
        leave = "if (fork() == 0) { setsid(); for (;;) pause(); }"
        end = "if (turn == 10) host->request_exit(host, 7)"
        with self.hotrun(probe(1, on_init=leave, on_step=end), prefix=self.UNSHARE) as run:
            self.assertEqual(run.wait_end(), 7)
            run.finish(7)

    def test_it_reaps_what_is_handed_to_it(self):
        orphan = ('if (fork() == 0) { if (fork() == 0) { while (getppid() != 1) usleep(1000);'
                  ' say("\\"call\\":\\"orphan\\""); _exit(0); } _exit(0); }')
        with self.hotrun(probe(1, on_init=orphan), prefix=self.UNSHARE) as run:
            first = self.started(run)
            orphan = run.call("orphan")["pid"]
            self.assertTrue(processes.asked(lambda: seen_as(first, orphan) is None), "not reaped")
            os.kill(first, signal.SIGTERM)
            self.assertEqual(run.wait_end(), 0)
            run.finish()

    def test_a_crash_is_survived(self):
        with self.hotrun(probe(1), prefix=self.UNSHARE, config=QUICK) as run:
            first = self.started(run)
            run.event("confirmed")
            os.kill(seen_as(first, run.host_pid()), signal.SIGKILL)
            run.event("restarted")
            os.kill(first, signal.SIGTERM)
            self.assertEqual(run.wait_end(), 0)
            run.finish()


def seen_as(first, inner):
    """The pid out here of the child of `first` that has the pid `inner` in its namespace."""
    for pid in processes.children(first):
        if processes.namespace_pid(pid) == inner:
            return pid
    return None


if __name__ == "__main__":
    main()
