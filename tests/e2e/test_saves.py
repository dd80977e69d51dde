"""However a library is written: the last bytes that were saved run, and nothing half-written does."""
import os
import random
import signal
import socket
import struct
import subprocess
import time

from harness import Case, count, main
import modules
import processes
import saves
from modules import probe
from streams import Missing as NotThere

FATES = ("reloaded", "rejected", "unchanged", "quarantined")


class ManySaves(Case):

    def survives(self, run, writers, total, gap):
        """Saves `total` versions; the last one ends up running, none runs that was not saved."""
        chance = random.Random(total)
        mark = run.events.mark()
        for version in range(2, total + 2):
            run.save(probe(version), chance.choice(writers))
            time.sleep(chance.uniform(0, gap))  # the gap between two saves is what is tested
        last = run.call("step", version=total + 1)
        events = run.events.since(mark)
        self.assertFalse([e for e in events if e["event"] in
                          ("crashed", "hung", "rolled_back", "rejected", "held")])
        ran = [s["version"] for s in run.said.since() if s["call"] == "step"]
        self.assertEqual(ran, sorted(set(ran)), "an older version ran after a newer one")
        self.assertEqual(ran[-1], total + 1)
        return last

    def test_random_writers_with_random_gaps(self):
        total = count(25, 1000)
        writers = (saves.rename_over, saves.in_place, saves.recreate, saves.backup_first,
                   saves.hard_link, saves.in_pieces)
        with self.hotrun(probe(1), "--rate", "1000") as run:
            first = run.call("step", version=1)
            last = self.survives(run, writers, total, 0.3)
            self.assertEqual(last["hash"], first["hash"])
            self.assertEqual(last["count"] - last["index"], first["count"] - first["index"])

    def test_each_save_that_is_given_its_time_is_taken(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            version = 1
            for how in saves.QUICK:
                for _ in range(count(2, 20)):
                    version += 1
                    run.save_and_see(probe(version), how=how)
                    run.call("step", version=version)

    def test_a_hundred_saves_a_second(self):
        total = count(100, 500)
        with self.hotrun(probe(1), "--rate", "1000") as run:
            run.call("step", version=1)
            start = time.monotonic()
            for version in range(2, total + 2):
                run.save(probe(version), random.choice((saves.rename_over, saves.in_place)))
                time.sleep(max(0.0, start + (version - 1) * 0.01 - time.monotonic()))
            run.call("step", version=total + 1)

    def test_saves_as_fast_as_can_be(self):
        with self.hotrun(probe(1), "--rate", "max") as run:
            run.call("step", version=1)
            libraries = [probe(version) for version in range(2, count(300, 2000))]
            for library in libraries:
                run.save(library, saves.rename_over)
            run.call("step", version=len(libraries) + 1)

    def test_every_save_has_one_fate(self):
        good, bad = probe(2), probe(3, on_init="return HOTRUN_ERR")
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            for library, fate in ((good, "reloaded"), (good, "unchanged"), (bad, "rejected"),
                                  (bad, "quarantined"), (good, "unchanged"),
                                  (probe(4), "reloaded"), (good, "reloaded")):
                mark = run.save(library)
                run.event(FATES, mark)
                self.assertEqual(run.event(FATES, mark)["event"], fate)
            fates = [e["event"] for e in run.events.since() if e["event"] in FATES]
            self.assertEqual(len(fates), 7, fates)

    def test_touching_the_file_is_no_change(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            mark = run.events.mark()
            with open(run.target, "ab"):
                pass
            run.save_and_see(probe(1), "unchanged")
            run.save_and_see(probe(2))
            self.assertNotIn("rejected", [e["event"] for e in run.events.since(mark)])

    def test_another_mode_is_no_save(self):
        bad = probe(3, on_init="return HOTRUN_ERR")
        config = "[watch]\npoll_ms = 20\n[checkpoint]\ninterval = '20ms'\n"
        with self.hotrun(probe(1), "--rate", "1000", config=config) as run:
            run.call("step", version=1)
            run.save_and_see(bad, "rejected")
            mark = run.events.mark()
            os.chmod(run.target, 0o700)
            for _ in range(6):  # as many looks of the poll
                run.event("checkpoint", run.events.mark())
            run.save_and_see(probe(2))
            self.assertEqual([e["event"] for e in run.events.since(mark) if e["event"] in FATES],
                             ["reloaded"])


class Editors(Case):

    def test_vim(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            for version, copy in enumerate(("no", "yes", "auto"), 2):
                run.save(probe(version), saves.by_vim, backupcopy=copy)
                run.call("step", version=version)

    def test_emacs(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            for version, precious in enumerate(("nil", "t"), 2):
                run.save(probe(version), saves.by_emacs, precious=precious)
                run.call("step", version=version)

    def test_cp_mv_and_install(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            fresh = self.path("fresh.so")
            for version, command in enumerate((["cp"], ["cp", "--remove-destination"], ["cp", "-p"],
                                               ["install"], ["mv"]), 2):
                saves.in_place(fresh, probe(version))
                os.utime(fresh, (1_000_000_000, 1_000_000_000))  # older than what runs
                subprocess.run([*command, fresh, run.target], check=True)
                run.call("step", version=version)

    def test_a_symbolic_link_whose_target_moves(self):
        with self.hotrun(None) as run:
            run.event("waiting")
            for version in range(1, 6):
                run.save(probe(version), saves.symlink_swap)
                run.call("step", version=version)

    def test_a_link_to_a_folder_that_moves(self):
        for version in (1, 2, 3):
            os.mkdir(self.path(f"out{version}"))
            saves.in_place(self.path(f"out{version}", "libprobe.so"), probe(version))
        os.symlink("out1", self.path("current"))
        with self.hotrun(None, name="current/libprobe.so") as run:
            run.call("step", version=1)
            for version in (2, 3):
                os.symlink(f"out{version}", self.path("next"))
                os.rename(self.path("next"), self.path("current"))
                run.call("step", version=version)
            saves.in_place(self.path("out3", "libprobe.so"), probe(4))
            run.call("step", version=4)

    def test_the_target_of_a_link_is_written(self):
        os.mkdir(self.path("real"))
        target = self.path("real", "lib.so.1")
        saves.in_place(target, probe(1))
        os.symlink("real/lib.so.1", self.path("libprobe.so"))
        with self.hotrun(None) as run:
            run.call("step", version=1)
            for version, how in enumerate(saves.QUICK, 2):
                how(target, probe(version))
                run.call("step", version=version)


class Linkers(Case):

    def test_each_linker_writes_straight_to_the_library(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            version = 1
            for ld in ("bfd", "gold", "lld", "mold"):
                for cc in ("gcc", "clang"):
                    for _ in range(count(1, 10)):
                        version += 1
                        source = self.write("probe.c", self.source(version))
                        modules.compile_library(source, run.target, cc, ld)
                        run.call("step", version=version)
            bad = [e for e in run.events.since() if e["event"] in ("rejected", "crashed")]
            self.assertFalse(bad)

    def test_tcc(self):
        library = modules.written("int nothing = 1;", "tcc.c", cc="gcc")
        self.assertTrue(library)
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            simple = self.write("simple.c", SIMPLE)
            mark = run.events.mark()
            done = subprocess.run(["tcc", "-shared", "-I", modules.INCLUDE, simple, "-o",
                                   run.target], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            run.event(("reloaded", "rejected"), mark)

    @staticmethod
    def source(version):
        with open(os.path.join(modules.SOURCES, "probe.c"), encoding="utf-8") as file:
            return file.read().replace("@version=0000000000@", f"@version={version:010}@")


SIMPLE = """
#include "hotrun/hotrun.h"
static hotrun_status step(const hotrun_host *h, void *state, const hotrun_step *now)
{
    (void)h, (void)state, (void)now;
    return HOTRUN_OK;
}
const hotrun_module hotrun_module_table = {sizeof(hotrun_module), 1, 0, 1, 0, NULL, "probe", 0, 0,
                                           NULL, step, NULL, NULL, NULL, NULL, NULL};
"""


def bind_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)


class BadFiles(Case):
    """Nothing that lies under the library's name disturbs what runs."""

    def goes_on(self, run, version=1):
        """Proof that steps go on: a probe that tells each of its steps tells some more."""
        mark = run.said.mark()
        run.call("step", mark, version=version)
        run.call("step", run.said.mark(), version=version)

    def start(self):
        return self.hotrun(probe(1, say_each_step=True), "--rate", "100")

    def bad_saves(self, libraries, how=saves.rename_over):
        with self.start() as run:
            first = run.call("step", version=1)
            host = run.host_pid()
            for what, library in libraries:
                mark = run.save(library, how)
                seen = run.event(FATES, mark)
                self.assertNotEqual(seen["event"], "reloaded", what)
                if seen["event"] == "rejected":
                    self.assertEqual(seen["stage"], "file", what)
                    self.assertTrue(seen["reason"], what)
            self.goes_on(run)
            self.assertEqual(run.host_pid(), host)
            run.save_and_see(probe(2))
            step = run.call("step", version=2)
            self.assertEqual(step["count"] - step["index"], first["count"] - first["index"])

    def test_truncations(self):
        whole = probe(2)
        every = count(1024, 64)
        self.bad_saves((f"cut at {size}", whole[:size])
                       for size in range(0, len(whole) - 64, every))

    def test_truncations_in_place(self):
        whole = probe(2)
        self.bad_saves(((f"cut at {size}", whole[:size])
                        for size in range(0, len(whole) - 64, count(2048, 64))), saves.in_place)

    def test_zeroed_tails(self):
        whole = probe(2)
        self.bad_saves((f"zero from {size}", whole[:size] + bytes(len(whole) - size))
                       for size in range(0, len(whole) // 2, count(512, 64)))

    def test_random_bit_flips(self):
        """A flip may hit what no check can see: the code itself. It may then be taken, refused,
        crash, hang or write a wrong state: a good library is taken all the same."""
        chance = random.Random(7)
        whole = probe(2)
        with self.hotrun(probe(1), "--rate", "100",
                         config="[supervise]\nstart_timeout = '2000ms'\n") as run:
            run.wild = True
            run.call("step", version=1)
            for version in range(1000, 1000 + count(24, 1000)):
                broken = bytearray(whole)
                for _ in range(chance.choice((1, 1, 3, 20))):
                    at = chance.randrange(len(broken) if version % 2 else 4096)
                    broken[at] ^= 1 << chance.randrange(8)
                mark = run.save(bytes(broken))
                seen = run.event((*FATES, "rolled_back", "held"), mark)
                if seen["event"] == "reloaded":
                    self.see_the_end_of_probation(run, mark)
                run.save_and_see(probe(version), ("reloaded", "loaded"))
                run.call("step", version=version)

    @staticmethod
    def see_the_end_of_probation(run, mark):
        ends = ("confirmed", "rolled_back", "held")
        try:
            run.event(ends, mark, timeout=4)
        except NotThere:  # a step that never ends: what a person does then
            os.kill(run.request("status")["result"]["host_pid"], signal.SIGKILL)
            run.event(ends, mark)

    def test_files_that_are_no_library(self):
        with open(os.path.realpath("/proc/self/exe"), "rb") as file:
            program = file.read(100_000)
        self.bad_saves([("empty", b""), ("text", b"#!/bin/sh\necho hello\n"), ("zeros", bytes(9000)),
                        ("a cut program", program), ("random", random.Random(1).randbytes(20000))])

    def test_libraries_for_other_machines(self):
        whole = probe(2)

        def changed(offset, data):
            return whole[:offset] + data + whole[offset + len(data):]
        self.bad_saves([("32 bit", changed(4, b"\1")), ("big endian", changed(5, b"\2")),
                        ("aarch64", changed(18, struct.pack("<H", 183))),
                        ("an object", changed(16, struct.pack("<H", 1))),
                        ("a program", changed(16, struct.pack("<H", 2)))])

    def test_an_elf_file_with_hostile_numbers(self):
        whole = probe(2)
        huge = struct.pack("<Q", 2 ** 64 - 8)
        cases = [(f"{name}", whole[:at] + huge + whole[at + 8:])
                 for name, at in (("program headers", 32), ("section headers", 40))]
        for index in range(8):
            for field in (8, 32, 40):  # offset, size in the file, size in memory
                at = struct.unpack_from("<Q", whole, 32)[0] + index * 56 + field
                kind = struct.unpack_from("<I", whole, at - field)[0]
                # Loaded segments, and the dynamic table, whose size in memory nobody reads.
                if kind == 1 or kind == 2 and field != 40:
                    cases.append((f"segment {index} field {field}",
                                  whole[:at] + huge + whole[at + 8:]))
        self.bad_saves(cases)

    def test_a_fifo_a_directory_a_socket_and_a_device(self):
        with self.start() as run:
            run.call("step", version=1)
            version = 1
            for make in (os.mkfifo, os.mkdir, bind_socket,
                         lambda path: os.symlink("/dev/zero", path),
                         lambda path: os.symlink("libprobe.so", path)):
                os.unlink(run.target)
                mark = run.events.mark()
                make(run.target)
                self.goes_on(run, version)
                if os.path.isdir(run.target) and not os.path.islink(run.target):
                    os.rmdir(run.target)
                else:
                    os.unlink(run.target)
                version += 1
                saves.in_place(run.target, probe(version, say_each_step=True))
                run.event("reloaded", mark)
                run.call("step", version=version)

    def test_a_writer_that_stops_in_the_middle(self):
        whole = probe(2)
        with self.start() as run:
            run.call("step", version=1)
            with open(run.target, "wb", buffering=0) as file:
                file.write(whole[:5000])
                self.goes_on(run)
                time.sleep(0.3)  # longer than the poll's interval might be
                self.goes_on(run)
                file.write(whole[5000:])
            run.call("step", version=2)
            self.assertFalse([e for e in run.events.since() if e["event"] == "rejected"])

    def test_a_file_that_cannot_be_read(self):
        if os.geteuid() == 0:
            self.skipTest("root reads every file")
        with self.start() as run:
            run.call("step", version=1)
            saves.rename_over(run.target, probe(2), mode=0)
            self.assertIn("Permission denied", run.event("rejected", stage="file")["reason"])
            self.goes_on(run)


class Missing(Case):

    def test_a_file_that_is_missing_at_start(self):
        with self.hotrun(None) as run:
            run.event("waiting")
            run.line("libprobe.so")
            run.save(probe(1))
            run.event("loaded")
            run.call("step", version=1)

    def test_a_folder_that_is_missing_at_start(self):
        with self.hotrun(None, name="a/b/libprobe.so") as run:
            run.event("waiting")
            os.makedirs(self.path("a", "b"))
            run.save(probe(1), saves.in_place)
            run.call("step", version=1)
            run.save(probe(2))
            run.call("step", version=2)

    def test_a_file_that_goes_and_comes_back(self):
        with self.hotrun(probe(1)) as run:
            run.call("step", version=1)
            mark = run.events.mark()
            os.unlink(run.target)
            run.event("waiting", mark)
            run.save(probe(2))
            run.call("step", version=2)

    def test_a_folder_that_goes_and_comes_back(self):
        os.makedirs(self.path("a", "b"))
        saves.in_place(self.path("a", "b", "libprobe.so"), probe(1))
        with self.hotrun(None, name="a/b/libprobe.so") as run:
            run.call("step", version=1)
            mark = run.events.mark()
            os.rename(self.path("a"), self.path("away"))
            run.event("waiting", mark)
            os.makedirs(self.path("a", "b"))
            run.save(probe(2))
            run.call("step", version=2)
            mark = run.events.mark()
            os.rename(self.path("a"), self.path("away2"))
            run.event("waiting", mark)
            saves.rename_over(self.path("away2", "b", "libprobe.so"), probe(3))
            os.rename(self.path("away2"), self.path("a"))
            run.call("step", version=3)

    def test_a_write_that_sends_no_event_is_found_by_the_poll(self):
        """Written under another name in a folder that nobody watches: a second hard link."""
        os.mkdir(self.path("elsewhere"))
        with self.hotrun(probe(1), config="[watch]\npoll_ms = 50\n") as run:
            run.call("step", version=1)
            os.link(run.target, self.path("elsewhere", "same.so"))
            for version in (2, 3, 4):
                saves.in_place(self.path("elsewhere", "same.so"), probe(version))
                run.call("step", version=version)


class Traces(Case):

    def test_nothing_piles_up(self):
        """Descriptors, mappings and files are after many reloads what they were after ten."""
        reloads = count(60, 500)
        config = ("[supervise]\nprobation = '10ms'\nprobation_steps = 2\n"
                  "[checkpoint]\ninterval = 0\ndurable_interval = 0\n")  # which open files at times
        with self.hotrun(probe(1), "--rate", "1000", config=config) as run:
            run.call("step", version=1)

            def sizes():
                host = run.host_pid()
                return {"descriptors": [len(processes.descriptors(p)) for p in (run.pid, host)],
                        "copies": len(os.listdir(self.path(".hotrun", "stage"))),
                        "mapped": len([m for m in processes.mappings(host) if "/stage/" in m])}

            for version in range(2, reloads + 2):
                mark = run.save(probe(version))
                run.event("confirmed", mark)
                if version in (20, reloads + 1):
                    run.call("fini", version=version - 1)
                    run.settle()
                    # What runs, the one before, the file for the next.
                    self.assertTrue(processes.asked(lambda: sizes()["copies"] == 3), sizes())
                if version == 20:
                    first = sizes()
            self.assertTrue(processes.asked(lambda: sizes() == first), (first, sizes()))

    def test_a_stop_in_the_middle_of_saves_leaves_nothing(self):
        for _ in range(count(3, 50)):
            self.fresh_folder()
            with self.hotrun(probe(1)) as run:
                run.call("step", version=1)
                for version in range(2, 6):
                    run.save(probe(version))
                run.kill(signal.SIGTERM)
                self.assertEqual(run.wait_end(), 0)


if __name__ == "__main__":
    main()
