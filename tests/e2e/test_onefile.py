"""`hotrun game.c`: no library, no build system; and a save takes effect."""
import os
import re
import shutil
import signal
import subprocess
import unittest

import modules
import saves
from harness import Case, HOTRUN, count, environment, main

GAME = """\
// A game in one file.
{top}
#include <hotrun/hotrun.h>
{more}
struct game {{
    long count;
}};

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{{
    struct game *game = (struct game *)state;
    game->count++;
    if (now->index % 20 == 0)
        hotrun_logf(host, HOTRUN_LOG_INFO, "%s at %ld", {word}, game->count);
    {step}
    return HOTRUN_OK;
}}

HOTRUN_MODULE(struct game, .name = "game", .flags = HOTRUN_STATE_PLAIN, .step = step);
"""
COMPILERS = [cc for cc in ("gcc", "clang", "tcc") if shutil.which(cc)]
LINKERS = [name for name in ("mold", "gold", "lld", "bfd") if shutil.which(f"ld.{name}")]


def game(word='"one"', top="", more="", step=""):
    return GAME.format(word=word, top=top, more=more, step=step)


class OneFile(Case):

    def start(self, *options, name="game.c", **more):
        return self.hotrun(None, "--rate", "1000", *options, name=name, log=False, **more)

    def save(self, text, name="game.c"):
        saves.rename_over(self.path(name), text.encode(), 0o644)

    def saved(self, run, text, event="reloaded", name="game.c", **fields):
        """Saves, and waits for the event."""
        mark = run.events.mark()
        self.save(text, name)
        return run.event(event, mark, **fields)

    def reaches(self, run, word, since=0):
        """What the state has counted to when this code is first heard."""
        return int(re.search(rf"{word} at (\d+)", run.line(f"{word} at ", since))[1])


class Saves(OneFile):

    def test_a_file_runs_and_a_save_takes_effect_with_the_state_kept(self):
        for cc in COMPILERS:
            with self.subTest(cc=cc):
                self.fresh_folder()
                self.save(game())
                with self.start("--cc", cc) as run:
                    loaded = run.event("loaded", generation=1)
                    self.assertEqual(loaded["library"], "game.c")
                    self.assertEqual(run.event("build_started")["command"], f"{cc} -shared game.c")
                    before = self.reaches(run, "one")
                    reloaded = self.saved(run, game('"two"'))
                    self.assertEqual(reloaded["state"]["how"], "in-place")
                    self.assertGreater(self.reaches(run, "two"), before)

    def test_cxx_is_compiled_by_its_own_compiler(self):
        cxx = '#include <string>\nstatic std::string word() { return "cxx"; }'
        for cc in ("gcc", "clang++"):
            if not shutil.which(cc):
                continue
            with self.subTest(cc=cc):
                self.fresh_folder()
                self.save(game("word().c_str()", more=cxx), "game.cpp")
                with self.start("--cc", cc, name="game.cpp") as run:
                    run.event("loaded")
                    self.reaches(run, "cxx")
                    self.saved(run, game("word().c_str()", more=cxx.replace("cxx", "more")),
                               name="game.cpp")
                    self.reaches(run, "more")

    def test_each_linker_can_be_asked_for(self):
        for linker in LINKERS:
            with self.subTest(linker):
                self.fresh_folder()
                self.save(game())
                with self.start(config=f'[build]\nlinker = "{linker}"\n') as run:
                    run.event("loaded")
                with open(self.path(".hotrun", "build", "game.so"), "rb") as file:
                    library = file.read()
                mark = {"mold": b"mold", "lld": b"LLD", "gold": b"gold"}.get(linker)
                self.assertTrue(mark is None or mark in library)

    def test_without_a_word_the_fastest_linker_is_taken(self):
        self.save(game())
        with self.start("--cc", "gcc") as run:
            run.event("loaded")
        with open(self.path(".hotrun", "build", "linker"), encoding="utf-8") as file:
            self.assertEqual(file.read().split()[1], LINKERS[0])

    def test_an_error_leaves_the_code_and_its_fix_the_state(self):
        self.save(game())
        with self.start() as run:
            run.event("loaded")
            before = self.reaches(run, "one")
            failed = self.saved(run, game('"two"', step="oops(;"), "build_failed")
            self.assertIn("game.c:15:", failed["output"])
            self.assertNotIn(self.folder, failed["output"])
            run.line("; generation 1 goes on")
            self.saved(run, game('"three"'))
            self.assertGreater(self.reaches(run, "three"), before)
            self.assertEqual(len([e for e in run.events.since() if e["event"] == "restarted"]), 0)

    def test_a_symbol_that_is_nowhere_is_told_by_the_linker(self):
        self.save(game())
        with self.start() as run:
            run.event("loaded")
            failed = self.saved(run, game(more="void draw_hud(void);", step="draw_hud();"),
                                "build_failed")
            self.assertIn("draw_hud", failed["output"])
            self.assertIn("game.c", failed["output"])

    def test_what_the_file_includes_is_watched_and_no_other_file(self):
        self.save('#include "inner.h"\n', "game.h")
        self.save('#define WORD "one"\n', "inner.h")
        self.save(game("WORD", more='#include "game.h"'))
        with self.start() as run:
            run.event("loaded")
            self.saved(run, '#define WORD "two"\n', name="inner.h")
            self.reaches(run, "two")
            mark = run.events.mark()
            self.save("int other;\n", "other.c")
            self.save("none\n", "other.h")
            self.save('#define WORD "three"\n', "inner.h")
            self.assertEqual(run.event("build_started", mark)["cause"], "inner.h changed")
            run.event("reloaded", mark)
            self.reaches(run, "three")

    def test_a_save_of_the_same_code_is_nothing_to_reload(self):
        self.save(game())
        with self.start() as run:
            run.event("loaded")
            self.saved(run, game() + "// no code\n", "unchanged")
            run.line("nothing to reload")

    def test_the_next_run_compiles_only_what_has_changed(self):
        self.save(game())
        os.utime(self.path("game.c"), (1e9, 1e9))
        with self.start("--cc", "gcc") as run:
            run.event("loaded")
        with self.start("--cc", "gcc") as run:
            run.event("loaded")
            self.assertEqual([e for e in run.events.since() if e["event"] == "build_started"], [])
            self.saved(run, game('"two"'))
        with self.start("--cc", "gcc", "--cflags", "-O1") as run:
            run.event("loaded")
            self.assertEqual(run.event("build_started")["cause"], "game.c is out of date")
            self.reaches(run, "two")

    def test_a_crash_is_told_by_the_line_of_the_source(self):
        self.save(game())
        with self.start() as run:
            run.event("loaded")
            self.saved(run, game(step="if (now->index > 0) *(volatile int *)8 = 1;"),
                       "rolled_back")
            run.line("game.c:15    if (now->index > 0) *(volatile int *)8 = 1;")

    def test_quick_saves_end_in_the_last(self):
        self.save(game())
        with self.start() as run:
            run.event("loaded")
            for number in range(count(20, 200)):
                self.save(game(f'"number {number:03}"'))
            self.reaches(run, f"number {count(20, 200) - 1:03}")


class SeveralFiles(OneFile):
    MORE = "#include <stdio.h>\nconst char *word(void) {{ return \"{}\"; }}\n"

    def several(self, *options, cc="gcc", **more):
        self.save(game("word()", more="const char *word(void);"))
        self.save(self.MORE.format("one"), "word.c")
        return self.start("--cc", cc, *options, self.path("game.c"), self.path("word.c"),
                          name=None, **more)

    def objects(self):
        place = self.path(".hotrun", "build")
        return {re.sub("-.*", "", name): os.stat(os.path.join(place, name)).st_mtime_ns
                for name in os.listdir(place) if name.endswith(".o")}

    def test_only_the_one_that_changed_is_compiled(self):
        for cc in COMPILERS:
            with self.subTest(cc=cc):
                self.fresh_folder()
                with self.several(cc=cc) as run:
                    run.event("loaded")
                    self.reaches(run, "one")
                    before = self.objects()
                    self.saved(run, self.MORE.format("two"), name="word.c")
                    self.reaches(run, "two")
                    after = self.objects()
                    self.assertEqual(before["game.c"], after["game.c"])
                    self.assertNotEqual(before["word.c"], after["word.c"])

    def test_sources_of_both_languages_make_one_library(self):
        self.save(game("word()", more="const char *word(void);"))
        self.save('#include <string>\nstatic std::string s = "both";\n'
                  'extern "C" const char *word() { return s.c_str(); }\n', "word.cc")
        with self.start(self.path("game.c"), self.path("word.cc"), name=None) as run:
            run.event("loaded")
            self.reaches(run, "both")

    def test_sources_of_one_name_do_not_meet(self):
        for folder in ("a", "b"):
            os.mkdir(self.path(folder))
        self.save(game("word()", more="const char *word(void);"), "a/game.c")
        self.save(self.MORE.format("other"), "b/game.c")
        with self.start(config='[build]\nsources = ["a/game.c", "b/game.c"]\n', name=None) as run:
            run.event("loaded")
            self.reaches(run, "other")

    def test_an_error_in_one_keeps_what_the_others_made(self):
        with self.several() as run:
            run.event("loaded")
            failed = self.saved(run, "int word(\n", "build_failed", "word.c")
            self.assertIn("word.c:", failed["output"])
            before = self.objects()
            self.saved(run, self.MORE.format("two"), name="word.c")
            self.reaches(run, "two")
            self.assertEqual(before["game.c"], self.objects()["game.c"])


class Options(OneFile):

    def test_the_sources_line_says_how_it_is_built(self):
        self.save(game("WORD", top="""// hotrun: cflags="-DWORD='\\"a b\\"'" libs=-lm"""))
        with self.start() as run:
            run.event("loaded")
            self.reaches(run, "a b")
            self.saved(run, game("WORD", top="""/* hotrun: cflags='-DWORD="\\"c\\""' */"""))
            self.reaches(run, "c")
            failed = self.saved(run, game("WORD", top="// hotrun: colour=red"), "build_failed")
            self.assertIn("game.c:2: expected cflags=", failed["reason"])
            self.saved(run, game('"fixed"'))

    def test_compile_flags_of_the_folder_count_and_are_watched(self):
        os.mkdir(self.path("src"))
        os.mkdir(self.path("include"))
        self.save('#define WORD "one"\n', "include/word.h")
        self.save(game("WORD", more="#include <word.h>"), "src/game.c")
        self.save("-Iinclude\n", "compile_flags.txt")
        with self.start(name="src/game.c") as run:
            run.event("loaded")
            self.reaches(run, "one")
            self.saved(run, '-Iinclude\n# nearer than the header\n-UX\n-D\nY="two"\n',
                       "unchanged", "compile_flags.txt")
            self.saved(run, game("Y", more="#include <word.h>"), name="src/game.c")
            self.reaches(run, "two")
            self.saved(run, '-I../include\n-DY="three"\n', name="src/compile_flags.txt")
            self.reaches(run, "three")

    def test_the_command_line_wins(self):
        self.save('-DWORD="flags"\n', "compile_flags.txt")
        self.save(game("WORD", top="""// hotrun: cflags='-UWORD -DWORD=\\"line\\"'"""))
        with self.start("--cflags", "-UWORD -DWORD='\"option\"'") as run:
            run.event("loaded")
            self.reaches(run, "option")
        with self.start() as run:
            run.event("loaded")
            self.reaches(run, "line")

    @unittest.skipUnless(shutil.which("pkg-config"), "there is no pkg-config")
    def test_packages_are_asked_for_and_a_missing_one_is_named(self):
        self.save('Name: word\nDescription: x\nVersion: 1\nCflags: -DWORD=\\"packed\\"\n'
                  'Libs: -lz\n', "word.pc")
        self.save(game("WORD"))
        env = {"PKG_CONFIG_PATH": self.folder}
        with self.start("--pkg-config", "word", env=env) as run:
            run.event("loaded")
            self.reaches(run, "packed")
            failed = self.saved(run, game("WORD", top="// hotrun: pkg_config=nonesuch"),
                                "build_failed")
            self.assertIn("does not know nonesuch: install its development package",
                          failed["output"])
            self.saved(run, game('"again"'))

    def test_libraries_are_linked(self):
        self.save(game("word()", more="const char *word(void);"))
        self.save('const char *word(void) { return "linked"; }\n', "word.c")
        subprocess.run(["gcc", "-c", "-fPIC", "word.c", "-o", "word.o"], cwd=self.folder, check=True)
        with self.start("--libs", "word.o") as run:
            run.event("loaded")
            self.reaches(run, "linked")

    def test_a_compiler_that_is_missing_is_named_and_nothing_runs(self):
        self.save(game())
        with self.start("--cc", "nonesuch") as run:
            self.assertIn("nonesuch", run.event("build_failed")["reason"])
            run.event("held")

    def test_the_environment_names_the_compiler(self):
        self.save(game())
        with self.start(config='[build.env]\nCC = "clang"\n', env={"CC": "nonesuch"}) as run:
            self.assertEqual(run.event("build_started")["command"], "clang -shared game.c")
            run.event("loaded")

    def test_status_tells_source_and_library(self):
        self.save(game())
        with self.start() as run:
            run.event("loaded")
            said = self.command("status").stdout
            self.assertIn("cc -shared game.c", said)
            self.assertIn(".hotrun/build/game.so", said)

    def test_check_compiles_first(self):
        self.save(game())
        done = self.command("check", "game.c")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("game.c can be used", done.stdout)
        self.assertFalse(os.path.exists(self.path(".hotrun")))
        self.save(game(step="oops("))
        done = self.command("check", "game.c")
        self.assertEqual(done.returncode, 126)
        self.assertIn("game.c can't be used (build)", done.stdout)
        self.assertIn("game.c:15:", done.stderr)
        self.save(game().replace("HOTRUN_MODULE", "// "))
        self.assertIn("game.c has no hotrun_module_table", self.command("check", "game.c").stdout)

    def test_the_header_is_found_from_a_build_tree_below_a_folder_with_a_space(self):
        tree = self.path("a b")
        for name in ("cli/hotrun", "host/hotrun-host"):
            os.makedirs(os.path.join(tree, "src", os.path.dirname(name)))
            shutil.copy(os.path.join(os.path.dirname(HOTRUN), "..", name),
                        os.path.join(tree, "src", name))
        os.symlink(modules.ROOT, os.path.join(tree, "sources"))
        os.mkdir(os.path.join(tree, "meson-uninstalled"))
        place = os.path.join(tree, "sources").replace(" ", "\\ ")
        with open(os.path.join(tree, "meson-uninstalled", "hotrun-uninstalled.pc"), "w",
                  encoding="utf-8") as file:
            file.write(f"prefix=/nowhere\nsrcdir={place}\n")
        self.save(game())
        done = subprocess.run([os.path.join(tree, "src", "cli", "hotrun"), "check", "game.c"],
                              cwd=self.folder, env=environment(self.folder, "tree"),
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Missing(OneFile):

    def test_a_source_that_is_missing_is_waited_for(self):
        with self.start() as run:
            self.assertEqual(run.event("build_failed")["reason"], "game.c is not there")
            run.event("held")
            self.saved(run, game(), "loaded")

    def test_a_source_that_is_deleted_comes_back(self):
        self.save(game())
        with self.start() as run:
            run.event("loaded")
            mark = run.events.mark()
            os.unlink(self.path("game.c"))
            failed = run.event("build_failed", mark)
            self.assertEqual(failed["reason"], "game.c is not there")
            self.saved(run, game('"two"'))
            self.reaches(run, "two")

    def test_a_header_that_is_deleted_comes_back(self):
        self.save('#define WORD "one"\n', "game.h")
        self.save(game("WORD", more='#include "game.h"'))
        with self.start() as run:
            run.event("loaded")
            mark = run.events.mark()
            os.unlink(self.path("game.h"))
            self.assertIn("game.h", run.event("build_failed", mark)["output"])
            self.saved(run, '#define WORD "two"\n', name="game.h")
            self.reaches(run, "two")

    def test_a_header_that_was_never_there_is_taken_when_it_comes(self):
        for cc in COMPILERS:
            with self.subTest(cc=cc):
                self.fresh_folder()
                os.mkdir(self.path("src"))
                self.save(game("WORD", more='#include "parts/game.h"'), "src/game.c")
                with self.start("--cc", cc, name="src/game.c") as run:
                    run.event("held")
                    mark = run.events.mark()
                    os.mkdir(self.path("src", "parts"))
                    self.save('#define WORD "one"\n', "src/parts/game.h")
                    run.event("loaded", mark)
                    self.reaches(run, "one")

    def test_a_library_that_is_removed_is_made_again(self):
        self.save(game())
        with self.start() as run:
            run.event("loaded")
            mark = run.events.mark()
            shutil.rmtree(self.path(".hotrun", "build"))
            self.assertEqual(run.event("build_started", mark)["cause"], "its library was removed")
            run.event("unchanged", mark)
            self.saved(run, game('"two"'))

    def test_without_a_build_at_the_start_one_is_made_when_asked_for(self):
        self.save(game())
        with self.start(config='[build]\nat_start = "never"\n') as run:
            self.assertIn("game.c was not compiled", run.event("waiting")["reason"])
            self.assertEqual(self.command("build").returncode, 0)
            run.event("loaded")

    def test_a_folder_in_the_sources_place_is_told(self):
        os.mkdir(self.path("game.c"))
        with self.start() as run:
            self.assertIn("found a folder", run.event("build_failed")["reason"])
            os.rmdir(self.path("game.c"))
            self.saved(run, game(), "loaded")

    def test_a_source_that_every_user_may_write_is_not_compiled(self):
        self.save(game())
        os.chmod(self.path("game.c"), 0o666)
        with self.start() as run:
            self.assertIn("every user may write", run.event("build_failed")["reason"])


class Names(OneFile):

    def test_names_are_names_whatever_is_in_them(self):
        for name in ("a b.c", "it's \"q\".c", "-game.c", "$(touch x).c", "*.c", "käse.c"):
            with self.subTest(name):
                self.fresh_folder()
                self.save(game("WORD", more='#include "the word.h"'), name)
                self.save('#define WORD "one"\n', "the word.h")
                with self.start(name=name) as run:
                    run.event("loaded", library=name)
                    self.saved(run, '#define WORD "two"\n', name="the word.h")
                    self.reaches(run, "two")
                self.assertNotIn("x", os.listdir(self.folder))

    def test_a_run_that_ends_in_its_first_build_leaves_nothing(self):
        self.save(game())
        self.write("slow", "#!/bin/sh\necho slow\nsleep 1000\n")
        os.chmod(self.path("slow"), 0o755)
        with self.start("--cc", self.path("slow").replace(" ", "\\ ")) as run:
            run.event("build_started")
            run.kill(signal.SIGINT)
            run.finish()


if __name__ == "__main__":
    main()
