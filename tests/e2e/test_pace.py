"""When a module is stepped, and what the host does for it in between."""
import json
import os

from harness import Case, count, main
from modules import probe

SAY_TURN = 'say("\\"call\\":\\"turn\\",\\"turn\\":%d", (int)turn)'


def say(what, format="", *values):
    """A statement that tells {"call": what, ...}."""
    text = json.dumps(f'"call":"{what}"' + ("," + format if format else ""))
    return f"say({', '.join([text, *values])})"


class Rate(Case):

    def steps(self, *options, until, **more):
        library = probe(1, say_each_step=True)
        with self.hotrun(library, *options, **more) as run:
            run.call("step", turn=until)
            return [s for s in run.said.since() if s["call"] == "step"][:until]

    def test_sixty_steps_a_second_are_the_default(self):
        steps = self.steps(until=count(61, 301))
        took = (steps[-1]["now"] - steps[0]["now"]) / (len(steps) - 1)
        self.assertAlmostEqual(took / 1e9, 1 / 60, delta=1 / 600)

    def test_a_rate_is_kept_without_drift(self):
        for hz in (20, 250, 1000):
            with self.subTest(hz):
                self.fresh_folder()
                until = count(2, 6) * hz // 2
                steps = self.steps("--rate", str(hz), until=until)
                took = (steps[-1]["now"] - steps[0]["now"]) / 1e9
                due = (steps[-1]["turn"] - steps[0]["turn"]) / hz
                self.assertGreaterEqual(took, due * 0.99 - 0.02)  # the first one may be late
                self.assertLess(took, due * 1.15 + 0.05)

    def test_index_counts_and_time_adds_up(self):
        steps = self.steps("--rate", "200", until=200)
        for before, after in zip(steps, steps[1:]):
            self.assertEqual(after["index"], before["index"] + 1)
            self.assertEqual(after["dt"], after["now"] - before["now"])
        self.assertEqual(steps[0]["flags"] & 2, 0)

    def test_as_fast_as_possible(self):
        fast = "if (turn == 200000) " + say("fast", '\\"now\\":%llu'.replace("\\", ""),
                                            "(unsigned long long)now->now_ns")
        with self.hotrun(probe(1, flags=("-O2",), on_step=fast), "--rate", "max") as run:
            first = run.call("step")
            done = run.call("fast")
            self.assertLess(done["now"] - first["now"], 2_000_000_000)
            run.save_and_see(probe(2))

    def test_once_steps_once_for_each_generation(self):
        with self.hotrun(probe(1, say_each_step=True), "--rate", "once") as run:
            run.call("step", version=1)
            for version in range(2, 8):
                run.save_and_see(probe(version, say_each_step=True))
                run.call("step", version=version)
            run.request("status")
            turns = [(s["version"], s["turn"]) for s in run.said.since() if s["call"] == "step"]
            self.assertEqual(turns, [(version, 1) for version in range(1, 8)])
            counts = [s["count"] for s in run.said.since() if s["call"] == "step"]
            self.assertEqual(counts, list(range(1, 8)))

    def test_once_wake_grants_a_step(self):
        wake = "if (turn < 5) host->wake(host)"
        with self.hotrun(probe(1, say_each_step=True, on_step=wake), "--rate", "once") as run:
            run.call("step", turn=5)

    def test_once_does_not_step_again_after_a_rollback(self):
        with self.hotrun(probe(1, say_each_step=True), "--rate", "once") as run:
            run.call("step", version=1)
            said = run.said.mark()
            mark = run.save(probe(2, on_step="die_segv()"))
            run.event("rolled_back", mark)
            run.call("event", said, type=4, version=1)
            run.save_and_see(probe(3))
            run.call("step", version=3)
            self.assertFalse([s for s in run.said.since(said)
                              if s["call"] == "step" and s["version"] == 1])

    def test_a_late_step_is_told_in_dt_and_not_made_up_for(self):
        slow = "if (turn == 20) { struct timespec t = {0, 200000000}; nanosleep(&t, NULL); }"
        with self.hotrun(probe(1, say_each_step=True, on_step=slow), "--rate", "100") as run:
            run.call("step", turn=40)
            steps = {s["turn"]: s for s in run.said.since() if s["call"] == "step"}
            self.assertGreaterEqual(steps[21]["dt"], 199_000_000)
            self.assertGreater(steps[31]["now"] - steps[21]["now"], 80_000_000,
                               "the steps that were late came all at once")

    def test_dt_has_a_limit(self):
        slow = "if (turn == 5) { struct timespec t = {0, 400000000}; nanosleep(&t, NULL); }"
        with self.hotrun(probe(1, say_each_step=True, on_step=slow), "--rate", "100") as run:
            self.assertEqual(run.call("step", turn=6)["dt"], 250_000_000)

    def test_the_module_changes_the_rate(self):
        change = "if (turn == 1) host->set_rate(host, 500); if (turn == 100) host->set_rate(host, 20)"
        with self.hotrun(probe(1, say_each_step=True, on_step=change), "--rate", "1") as run:
            run.call("step", turn=105)
            steps = {s["turn"]: s for s in run.said.since() if s["call"] == "step"}
            self.assertLess(steps[100]["now"] - steps[2]["now"], 900_000_000)
            self.assertGreater(steps[105]["now"] - steps[101]["now"], 150_000_000)

    def test_wake_brings_the_next_step_soon(self):
        wake = "if (turn == 1) host->wake(host)"
        with self.hotrun(probe(1, say_each_step=True, on_step=wake), "--rate", "0.2") as run:
            second = run.call("step", turn=2)
            self.assertLess(second["dt"], 250_000_001)
            self.assertLess(second["now"] - run.call("step", turn=1)["now"], 2_000_000_000)

    def test_wake_works_from_another_thread(self):
        thread = ("if (turn == 1) { pthread_t t; pthread_create(&t, NULL,"
                  " (void *(*)(void *))(void (*)(void))host->wake, (void *)host); pthread_detach(t); }")
        library = probe(1, flags=("-include", "pthread.h"), say_each_step=True, on_step=thread)
        with self.hotrun(library, "--rate", "once") as run:
            run.call("step", turn=2)

    def test_a_swap_does_not_wait_for_the_next_step(self):
        with self.hotrun(probe(1), "--rate", "0.05") as run:
            run.call("step", version=1)
            run.save(probe(2))
            run.call("step", version=2, timeout=10)


class Exit(Case):

    def ends(self, statement, status, **more):
        with self.hotrun(probe(1, on_step=statement), **more) as run:
            run.call("step")
            self.assertEqual(run.wait_end(), status)
            said = [(s["call"], s.get("type")) for s in run.said.since()]
            self.assertEqual(said[-3:], [("event", 11), ("serialize", None), ("fini", None)])
            exited = run.event("exited")
            self.assertEqual(exited["status"], status)
            run.finish(status)

    def test_step_may_end_the_program(self):
        self.ends("if (turn == 3) return HOTRUN_EXIT", 0)

    def test_a_status_may_be_asked_for(self):
        self.ends("if (turn == 3) host->request_exit(host, 7)", 7)

    def test_init_may_ask_for_the_end(self):
        with self.hotrun(probe(1, on_init="host->request_exit(host, 4)")) as run:
            self.assertEqual(run.wait_end(), 4)
            run.finish(4)

    def test_an_exit_that_a_refused_library_asked_for_is_forgotten(self):
        asks = "host->request_exit(host, 9)"
        with self.hotrun(probe(1)) as run:
            run.call("step")
            run.save_and_see(probe(2, on_init=asks, on_deserialize="return HOTRUN_ERR"), "rejected")
            run.save_and_see(probe(3))
            run.call("step", version=3)

    def test_a_module_that_will_not_stop_is_ended_by_the_limit(self):
        stuck = "if (event->type == HOTRUN_EVENT_STOPPING) for (;;) pause()"
        with self.hotrun(probe(1, on_event=stuck),
                         config="[supervise]\nstop_timeout = '300ms'\n") as run:
            run.call("step")
            run.kill()
            run.wait_end(10)
            run.finished = True
            run.check_nothing_left()


class Services(Case):

    def test_config_and_arguments_reach_the_module(self):
        config = ('[module.config]\nspeed = 3\nname = "a \\"b\\""\nlist = [1, 2.5, true]\n'
                  '[module.config.deep]\nx = -1\n')
        tell = ("if (turn == 1) { char *t = malloc(1000), *w = t; for (const char *c = host->config;"
                " *c; c++) { if (*c == 34 || *c == 92) *w++ = 92; *w++ = *c; } *w = 0;"
                + say("told", '"argc":%d,"last":"%s","end":%s,"config":"%s"', "(int)host->argc",
                      "host->argv[host->argc - 1]",
                      'host->argv[host->argc] == NULL ? "true" : "false"', "t") + "; free(t); }")
        with self.hotrun(probe(1, on_step=tell), config=config, args=["--one", "two words"]) as run:
            told = run.call("told")
            self.assertEqual((told["argc"], told["last"], told["end"]), (3, "two words", True))
            self.assertEqual(json.loads(told["config"]),
                             {"speed": 3, "name": 'a "b"', "list": [1, 2.5, True], "deep": {"x": -1}})

    def test_a_new_config_is_seen_after_a_swap(self):
        tell = "if (turn == 1) " + say("told", '"length":%d', "(int)strlen(host->config)")
        with self.hotrun(probe(1, on_step=tell)) as run:
            self.assertEqual(run.call("told", version=1)["length"], 2)

    def test_a_kept_pointer_survives_swaps(self):
        keep = ('{ static int thing = 5; if (host->kept(host, "thing") == NULL) { int *p = malloc(4);'
                ' *p = 41; (void)thing; host->keep(host, "thing", p); } }')
        look = say("kept", '"value":%d', 'host->kept(host, "thing") ? *(int *)host->kept(host, "thing") : -1')
        forget = '{ free(host->kept(host, "thing")); host->keep(host, "thing", NULL); }'
        with self.hotrun(probe(1, on_step=keep)) as run:
            run.call("step", version=1)
            for version in range(2, 6):
                run.save_and_see(probe(version, on_step="if (turn == 1) " + look))
                self.assertEqual(run.call("kept", version=version)["value"], 41)
            run.save_and_see(probe(6, on_step="if (turn == 1) " + forget))
            run.call("step", version=6)
            run.save_and_see(probe(7, on_step="if (turn == 1) " + look))
            self.assertEqual(run.call("kept", version=7)["value"], -1)

    def test_what_a_refused_library_kept_is_forgotten(self):
        look = say("kept", '"there":%d', 'host->kept(host, "thing") != NULL')
        with self.hotrun(probe(1)) as run:
            run.call("step")
            run.save_and_see(probe(2, on_init='host->keep(host, "thing", state)',
                                   on_deserialize="return HOTRUN_ERR"), "rejected")
            run.save_and_see(probe(3, on_step="if (turn == 1) " + look))
            self.assertEqual(run.call("kept", version=3)["there"], 0)

    def test_a_kept_descriptor_is_watched_over_swaps(self):
        start = ("if (turn == 1) { int ends[2]; pipe2(ends, O_CLOEXEC);"
                 ' host->keep_fd(host, "in", ends[0]); host->keep_fd(host, "out", ends[1]);'
                 ' close(ends[0]); close(ends[1]);'
                 ' host->watch_fd(host, "in", HOTRUN_FD_READ); }')
        ready = ("if (event->type == HOTRUN_EVENT_FD_READY) { char c;"
                 ' if (read(host->kept_fd(host, "in"), &c, 1) == 1) '
                 + say("read", '"byte":%d,"name":"%s","bits":%d', "c", "event->name",
                       "(int)event->value") + "; }")
        write = 'if (turn == 2) { char c = 65; (void)!write(host->kept_fd(host, "out"), &c, 1); }'
        with self.hotrun(probe(1, on_step=start, on_event=ready)) as run:
            run.call("step", version=1)
            run.save_and_see(probe(2, on_step=write, on_event=ready))
            got = run.call("read", version=2)
            self.assertEqual((got["byte"], got["name"]), (65, "in"))
            self.assertEqual(got["bits"] & 1, 1)
            run.save_and_see(probe(3, on_step=write, on_event=ready))
            run.call("read", version=3)

    def test_a_kept_descriptor_that_is_given_up_ends_the_pipe(self):
        code = ("if (turn == 1) { int ends[2]; pipe2(ends, O_CLOEXEC | O_NONBLOCK); char c;"
                ' host->keep_fd(host, "out", ends[1]); close(ends[1]);'
                " ssize_t open_ = read(ends[0], &c, 1); int why = errno;"
                ' host->keep_fd(host, "out", -1); struct pollfd hang_up = {.fd = ends[0]};'
                " poll(&hang_up, 1, -1); ssize_t end = read(ends[0], &c, 1);"
                + say("ends", '"blocked":%s,"end":%d,"none":%d',
                      'open_ < 0 && why == EAGAIN ? "true" : "false"', "(int)end",
                      'host->kept_fd(host, "out")') + "; close(ends[0]); }")
        with self.hotrun(probe(1, flags=("-include", "poll.h"), on_step=code)) as run:
            told = run.call("ends")
            self.assertEqual((told["blocked"], told["end"], told["none"]), (True, 0, -1))

    def test_bad_arguments_are_refused(self):
        code = ("if (turn == 1) { "
                + say("bad", '"null":%d,"closed":%d,"unknown":%d,"ext":%d',
                      'host->keep_fd(host, NULL, 0)', 'host->keep_fd(host, "x", 999)',
                      'host->watch_fd(host, "nothing", HOTRUN_FD_READ)',
                      'host->get_extension(host, "none/1") == NULL') + "; }")
        with self.hotrun(probe(1, on_step=code)) as run:
            told = run.call("bad")
            self.assertLess(told["null"], 0)
            self.assertLess(told["closed"], 0)
            self.assertLess(told["unknown"], 0)
            self.assertEqual(told["ext"], 1)

    def test_a_module_asks_for_a_reload(self):
        with self.hotrun(probe(1, on_step="if (turn == 5) host->request_reload(host)")) as run:
            run.call("step")
            run.event(("unchanged", "reloaded"))

    def test_what_the_module_logs_is_shown_with_its_level(self):
        code = ('if (turn == 1) { host->log(host, HOTRUN_LOG_INFO, "hello from inside");'
                ' host->log(host, HOTRUN_LOG_DEBUG, "not shown"); }')
        with self.hotrun(probe(1, on_step=code)) as run:
            run.line("hello from inside")
            run.finish()
            self.assertNotIn("not shown", "\n".join(run.err.since()))
        self.fresh_folder()
        with self.hotrun(probe(1, on_step=code), "--log-level", "debug") as run:
            run.line("not shown")

    def test_a_snapshot_can_be_asked_for(self):
        with self.hotrun(probe(1, on_step="if (turn == 5) host->request_snapshot(host)")) as run:
            run.call("serialize")


class Host(Case):

    def test_the_process_is_left_as_a_module_expects_it(self):
        """Descriptors that hotrun needs are close-on-exec; signals are not blocked."""
        code = ("if (turn == 1) { sigset_t set; sigprocmask(SIG_BLOCK, NULL, &set); int blocked = 0,"
                " leaks = 0; for (int s = 1; s < 32; s++) blocked += sigismember(&set, s) == 1;"
                " for (int fd = 3; fd < 200; fd++) { int f = fcntl(fd, F_GETFD);"
                " if (f >= 0 && !(f & FD_CLOEXEC)) leaks++; } "
                + say("process", '"blocked":%d,"leaks":%d,"cwd":%d', "blocked", "leaks",
                      'access("libprobe.so", R_OK)') + "; }")
        with self.hotrun(probe(1, on_step=code)) as run:
            told = run.call("process")
            self.assertEqual((told["blocked"], told["leaks"], told["cwd"]), (0, 0, 0))

    def test_private_places_are_private(self):
        with self.hotrun(probe(1)) as run:
            run.call("step")
            for name, mode in ((".hotrun", 0o700), (".hotrun/stage", 0o700),
                               (".hotrun/control.sock", 0o600)):
                self.assertEqual(os.stat(self.path(name)).st_mode & 0o777, mode, name)


if __name__ == "__main__":
    main()
