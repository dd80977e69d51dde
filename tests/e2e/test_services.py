"""What the host does for a module besides stepping it."""
import json
import os

from harness import Case, main
from modules import probe, say


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
