"""The sources keep to the floors of the design, to sizes that fit a head, and to plain words."""
import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLOORS = {"base": 0, "config": 1, "state": 1, "module": 1, "link": 1, "watch": 1, "builder": 1,
          "project": 1, "terminal": 1, "layout": 2, "moves": 3, "codec": 3, "inspect": 3,
          "static": 3, "control": 3, "store": 4, "host": 4, "supervisor": 5, "cli": 6}
HOST_LINKS = ("base", "state", "module", "link", "layout", "moves", "codec",
              "host")  # with a module in one process
LINES = 500
CODE = (".c", ".h", ".cpp", ".hpp", ".py")
SAYS_NOTHING = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager)(_|$)")

# In pieces, so that this file keeps the rule that it checks.
PROMISES = ["TO" + "DO", "FIX" + "ME", "X" * 3, r"not (yet )?" + "implemented"]
PLACES = ["/wo" + "rk/", r"(?:^|[\s/'\"])\.lib" + r"rary\b", "fa" + r"rm-(bench|studio)", "/fa" + "rm/",
          r"deb\." + "debian", r"registry\." + "npm", "is" + r"sue #?[0-9]+"]
FORBIDDEN = re.compile("|".join(rf"\b{word}\b" for word in PROMISES) + "|" + "|".join(PLACES))


def files(*folders):
    """(path from the root, lines) of each text file that belongs to the project."""
    for folder in folders:
        for place, below, names in os.walk(os.path.join(ROOT, folder)):
            below[:] = [name for name in below
                        if name not in (".git", ".hotrun", "__pycache__", "subprojects")
                        and not re.match(r"build(-|$)", name)]
            for name in names:
                if name == ".git":  # a worktree has a file of that name
                    continue
                path = os.path.join(place, name)
                try:
                    with open(path, encoding="utf-8") as file:
                        yield os.path.relpath(path, ROOT), file.read().splitlines()
                except UnicodeDecodeError:
                    pass  # no text


def includes(lines):
    """(what is included, whether in quotes) for each #include line."""
    for line in lines:
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
        if found:
            yield found.group(2), found.group(1) == '"'


def sources():
    for path, lines in files("src"):
        parts = path.split(os.sep)
        if len(parts) > 2 and "templates" not in parts and path.endswith(CODE):
            yield path, parts[1], lines


class Floors(unittest.TestCase):

    def test_every_folder_has_a_floor(self):
        folders = {name for name in os.listdir(os.path.join(ROOT, "src"))
                   if os.path.isdir(os.path.join(ROOT, "src", name))}
        self.assertLessEqual(folders, set(FLOORS))

    def test_a_file_includes_only_lower_floors_and_its_own_folder(self):
        wrong = []
        for path, folder, lines in sources():
            for name, quoted in includes(lines):
                other = name.split("/")[0]
                if not quoted or other == "hotrun" or other == folder:
                    continue
                if other not in FLOORS:
                    wrong.append(f'{path}: "{name}" is not folder/file.h of src/')
                elif FLOORS[other] >= FLOORS[folder]:
                    wrong.append(f"{path} (floor {FLOORS[folder]}) includes {name} "
                                 f"(floor {FLOORS[other]})")
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_what_the_host_links_knows_no_json_library_and_no_configuration_file(self):
        wrong = [f"{path}: {name}" for path, folder, lines in sources() if folder in HOST_LINKS
                 for name, _ in includes(lines) if "cjson" in name.lower() or "toml" in name]
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_only_the_outermost_floor_knows_both_processes(self):
        wrong = [f"{path}: {name}" for path, folder, lines in sources()
                 for name, _ in includes(lines)
                 if (folder, name.split("/")[0]) in (("supervisor", "host"), ("host", "supervisor"))]
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_the_public_headers_include_the_c_library_alone(self):
        known = re.compile(r"std(arg|def|int|io|lib)\.h$|(hotrun/)?hotrun\.h$|(c?std\w+|exception|new|"
                           r"type_traits|utility|cstring)$")
        wrong = [f"{path}: {name}" for path, lines in files("include")
                 for name, _ in includes(lines) if not known.match(name)]
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))


class Shape(unittest.TestCase):

    def test_no_file_is_longer_than_a_head(self):
        long = [f"{path}: {len(lines)} lines"
                for path, lines in files("src", "include", "tests", "examples")
                if path.endswith(CODE) and len(lines) > LINES]
        self.assertEqual(long, [])

    def test_names_say_what_is_inside(self):
        empty = [path for path, _ in files("src", "include", "tests")
                 if SAYS_NOTHING.search(os.path.splitext(os.path.basename(path))[0])]
        self.assertEqual(empty, [])

    def test_nothing_promises_or_names_a_workplace(self):
        wrong = [f"{path}:{number}: {line.strip()[:100]}" for path, lines in files("")
                 for number, line in enumerate(lines, 1) if FORBIDDEN.search(line)]
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_every_header_is_guarded(self):
        bare = [path for path, lines in files("src", "include") if path.endswith((".h", ".hpp"))
                and not any(line.startswith(("#ifndef", "#pragma once")) for line in lines)]
        self.assertEqual(bare, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
