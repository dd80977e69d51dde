"""Variables, marks and symbols that a layout has."""
import unittest

from layout_case import CARRIED, GLOBAL, HEAD, MODULE, RESET, TABLE, Case
from layout_sources import VARIABLES


class Variables(Case):

    def test_variables_are_carried_or_have_a_reason(self):
        for cc, flags in (("gcc", ("-O0",)), ("gcc", ("-O2",)), ("gcc", ("-O2", "-flto")),
                          ("clang", ("-O0",)), ("clang", ("-O2", "-gdwarf-4")),
                          ("gcc", ("-gsplit-dwarf",))):
            with self.subTest(f"{cc} {flags}"):
                found = self.build_and_read(HEAD + VARIABLES + MODULE % "struct game", *flags, cc=cc,
                                            statics=True).variables
                self.check(found, parts=cc == "clang" and "-O2" in flags)

    def check(self, found, parts):
        file = "game.c"
        self.assertEqual(found[file, "", "speed"], [(CARRIED, 4, "int", "")])
        self.assertEqual(found[file, "", "score"], [(CARRIED | GLOBAL, 4, "int", "")])
        self.assertEqual(found[file, "", "table"], [(CARRIED | GLOBAL, 16, "array", "")])
        self.assertEqual(found[file, "step", "calls"], [(CARRIED, 4, "int", "")])
        reasons = {("", "limit"): "read-only", ("", "mine"): "each thread has its own",
                   ("", "names"): "read-only"}
        for (function, name), reason in reasons.items():
            flags, _, _, why = found[file, function, name][0]
            self.assertFalse(flags & CARRIED, name)
            self.assertIn(reason, why, name)
        flags, _, _, why = found[file, "", "fresh"][0]
        self.assertEqual(flags, RESET | GLOBAL)
        twice = found[file, "step", "twice"]
        self.assertEqual(len(twice), 2)
        for flags, _, _, why in twice:
            self.assertIn("another one has the same name", why)
        flags, _, _, why = found[file, "", "pair"][0]
        self.assertEqual(bool(flags & CARRIED), not parts, why)
        if parts:
            self.assertIn("took it apart", why)
        self.assertNotIn((file, "", "hotrun_module_table"), found)
        self.assertFalse([key for key in found if key[2].startswith(("_", "completed"))])

    def test_what_has_no_debug_info_is_named(self):
        with open(self.path("bare.c"), "w", encoding="utf-8") as file:
            file.write("int bare = 3; static int hidden; int use(void) { return hidden++; }")
        self.run_in("gcc", "-fPIC", "-c", "bare.c")
        found = self.build_and_read(HEAD + VARIABLES + MODULE % "struct game", "-Wl,bare.o",
                                    statics=True).variables
        self.assertIn("compile its file with -g", found["", "", "bare"][0][3])
        self.assertIn("compile its file with -g", found["bare.c", "", "hidden"][0][3])

    def test_the_guard_of_a_variable_goes_where_it_goes(self):
        text = HEAD + """
        int start();
        int start() { return 4; }
        namespace ns { int f(int) { static int calls = start(); return ++calls; }
                       int f(double) { static int calls = start(); return ++calls; }
                       static int files; int use() { return files++; } }
        struct game { int a; };
        """ + TABLE + MODULE % "game"
        for cc in ("g++", "clang++"):
            found = self.build_and_read(text, cc=cc, statics=True).variables
            carried = {key[1:]: value[0][2] for key, value in found.items() if value[0][0] & CARRIED}
            self.assertEqual(carried, {
                ("ns::f(int)", "calls"): "int", ("ns::f(double)", "calls"): "int",
                ("ns::f(int)", "guard variable for ns::f(int)::calls"): "uint",
                ("ns::f(double)", "guard variable for ns::f(double)::calls"): "uint",
                ("", "ns::files"): "int"})

    def test_a_pointer_that_is_a_constant_is_no_variable_that_was_taken_apart(self):
        text = HEAD + """
        struct thing { int a, b; };
        static int table[16];
        static struct thing things[4];
        int use(int n);
        int use(int n)
        { int *local = &table[5]; struct thing *thing = &things[2]; *local = n; thing->b += n;
          return *local + thing->b + things[n & 3].a + table[n & 7]; }
        struct game { int a; };
        """ + TABLE + MODULE % "struct game"
        for flags in (("-O2",), ("-O2", "-flto"), ("-O1", "-gdwarf-4")):
            found = self.build_and_read(text, *flags, statics=True).variables
            self.assertEqual({key[2] for key in found if key[0]}, {"table", "things"}, flags)
            self.assertTrue(all(value[0][0] & CARRIED for value in found.values()), found)

    def test_a_static_variable_of_an_inlined_function_keeps_its_name(self):
        text = HEAD + """
        #define INLINED static inline __attribute__((always_inline))
        INLINED int one(int n) { static int calls; return calls += n; }
        INLINED int two(int n) { static int calls; return calls += 2 * n; }
        int use(int n); int use(int n) { return one(n) + two(n); }
        """
        more = """
        namespace ns
        { template <class T> INLINED T twice(T n) { static T calls; return calls += n; } }
        int both() { return ns::twice(3) + int(ns::twice(3.5)); }
        """
        game = "struct game { int a; };" + TABLE + MODULE % "struct game"
        for cc, flags in (("gcc", "-O2"), ("clang", "-O0"), ("clang", "-O2"), ("clang", "-gdwarf-4")):
            found = self.build_and_read(text + game, flags, cc=cc, statics=True).variables
            for name in "one", "two":
                self.assertTrue(found["game.c", name, "calls"][0][0] & CARRIED, (cc, flags))
            own = ("-fno-gnu-unique",) if cc == "gcc" else ()
            cxx = "g++" if cc == "gcc" else "clang++"
            found = self.build_and_read(text + more + game, flags, *own, cc=cxx,
                                        statics=True).variables
            for name in ("one(int)", "two(int)", "int ns::twice<int>(int)",
                         "double ns::twice<double>(double)"):
                self.assertTrue(found["game.cpp", name, "calls"][0][0] & CARRIED, (cc, flags, found))

    def test_variables_of_one_template_are_told_apart_by_its_arguments(self):
        text = HEAD + TABLE + """
        namespace ns { template <class T> T made = T(3); template <class T> static T kept = T(4); }
        int use() { return ns::made<int>++ + int(ns::made<double> += 1) + ns::kept<int>++
                           + ns::kept<long>++; }
        struct game { int a; };
        """ + MODULE % "game"
        for cc, flags in (("g++", ("-fno-gnu-unique",)), ("clang++", ())):
            found = self.build_and_read(text, *flags, cc=cc, statics=True).variables
            self.assertEqual({key[2] for key, value in found.items() if value[0][0] & CARRIED},
                             {"ns::made<int>", "ns::made<double>", "ns::kept<int>", "ns::kept<long>"})

    def test_one_that_all_libraries_share_is_refused(self):
        text = HEAD + TABLE + "template <class T> struct holder { static int count; };" \
            "template <class T> int holder<T>::count = 3; int use() { return holder<int>::count++; }" \
            "struct game { int a; };" + MODULE % "game"
        found = self.build_and_read(text, cc="g++", statics=True).variables
        self.assertIn("STB_GNU_UNIQUE", found["game.cpp", "", "holder<int>::count"][0][3])

    def test_marks_of_heap_types_are_found_wherever_they_stand(self):
        text = HEAD + """
        struct node { struct node *next; long value; };
        struct item { int id; };
        struct game { struct node *list; };
        static inline const void *mark_item(void)
        { static struct item *hotrun_type_mark; return &hotrun_type_mark; }
        const void *other(int a);
        const void *other(int a)
        { if (a) { static struct node *hotrun_type_mark; return &hotrun_type_mark; }
          return mark_item(); }
        """ + TABLE + MODULE % "struct game"
        for cc, flags in (("gcc", ("-O0",)), ("gcc", ("-O2",)), ("clang", ("-O2",)),
                          ("gcc", ("-O2", "-flto"))):
            layout = self.build_and_read(text, *flags, cc=cc)
            self.assertEqual(sorted(layout.marks),
                             [("struct item", 4, "struct"), ("struct node", 16, "struct")], cc)
            self.assertFalse(layout.variables)

    def test_symbols_come_with_pointers_and_literals_with_pointers_to_char(self):
        text = HEAD + TABLE + 'static int local; int *use(void); int *use(void) { return &local; }' \
            'const char *say(void); const char *say(void) { return "a literal"; }'
        layout = self.build_and_read(text + "struct game { const char *a; };" + MODULE % "struct game")
        self.assertEqual(layout.symbols["local"], ("game.c", False))
        self.assertEqual(layout.symbols["use"], ("", True))
        self.assertGreater(layout.text, len("a literal"))
        layout = self.build_and_read(text + "struct game { int *a; };" + MODULE % "struct game")
        self.assertIn("use", layout.symbols)
        self.assertEqual(layout.text, 0)
        layout = self.build_and_read(text + "struct game { int a; };" + MODULE % "struct game")
        self.assertEqual((layout.symbols, layout.text), ({}, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
