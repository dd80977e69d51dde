"""The man page lists what the control socket takes and which events there are."""
import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def part(title):
    """The words of the first columns of a part's table."""
    text = re.search(rf"^\.SH {title}\n(.*?)^\.SH ", read("docs", "hotrun.1"), re.M | re.S)[1]
    firsts = re.findall(r"^([a-z_., ]+)\t", text, re.M)
    return {word.strip() for first in firsts for word in first.split(",")}


class Manual(unittest.TestCase):

    def test_each_control_method_is_there(self):
        methods = set(re.findall(r'\{"([a-z.]+)", \w+, \{', read("src", "supervisor", "commands.c")))
        self.assertIn("state.get", methods)
        self.assertEqual(methods, part("CONTROL"))

    def test_each_event_is_there(self):
        folder = os.path.join(ROOT, "src", "supervisor")
        text = "".join(read(folder, name) for name in os.listdir(folder) if name.endswith(".c"))
        events = set(re.findall(r'\bevent(?:_create)?\((?:report, )?"([a-z_]+)"', text))
        self.assertIn("rejected", events)
        self.assertEqual(events - part("EVENTS"), set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
