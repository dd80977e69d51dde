"""A pair: an old and a new source, what the old one's state holds, and what the new one's has then.

    A sentence that says what the pair shows.
    place: kept
    -- both      code in front of the old and of the new one
    -- beside    a second file of both libraries
    -- old       code with the old `struct game`
    -- new       code with the new one
    -- fill      statements of the old code on `g`, the zeroed state
    -- init      statements of the new code's init on `g`, before the state comes
    -- expect    expressions of the new code, one a line, which must be true
    -- report    what is told: added, dropped, converted, lost, kept, one a line
    -- refused   words of the reason instead, when the change is not to be had

Keys behind the sentence: `language` (c, c++, rust), `state` (the type's name, `none`), `state old`,
`statics: yes`, `place: kept` (the state need not move), `only` (a compiler and its flags that it is
for), `json: REASON` (why JSON gives another state than moves), `process: REASON` (why the state is
another one when the process is gone).

An expression or a line of the report may be meant for some ways alone (pair_call.h): "move,json: x".
"""
import os
import re

FOLDER = os.path.dirname(os.path.abspath(__file__))
PAIRS = os.path.join(FOLDER, "pairs")
WAYS = {"move": 1, "dead": 2, "json": 4, "file": 8, "place": 16}
KEYS = {"language", "state", "state old", "statics", "place", "only", "json", "process"}
SECTIONS = ("both", "beside", "old", "new", "fill", "init", "expect", "report", "refused")

# JSON does not know the types that numbers had; and what a pointer's type
# was is for those who see both layouts.
TOLD = {"added": {"move", "dead", "json", "file"}, "converted": {"move", "dead"}, "kept": {"move"},
        "dropped": {"move", "dead", "json", "file"}, "lost": {"move", "dead", "json", "file"},
        "rounded": {"move", "dead", "json", "file"}}
PLACED = {"place"}

C_TABLE = {False: 'HOTRUN_MODULE({type}, .name = "pair", .init = pair_init, .step = pair_step);',
           True: 'HOTRUN_MODULE_STATELESS(.name = "pair", .init = pair_init, .step = pair_step);'}
C_TEXT = """#define CORPUS_NEW {new}
#include "prelude.h"
{code}
typedef {type} pair_state;
static hotrun_status pair_init(const hotrun_host *host, void *state)
{{
    pair_state *g = {made};
    (void)host, (void)g;
{init}
    return HOTRUN_OK;
}}
static hotrun_status pair_step(const hotrun_host *host, void *state, const hotrun_step *now)
{{
    (void)host, (void)state, (void)now;
    return HOTRUN_OK;
}}
{table}
{extern} HOTRUN_EXPORT void {function}(const struct pair_call *call);
{extern} HOTRUN_EXPORT void {function}(const struct pair_call *call)
{{
    const hotrun_host *host = call->host;
    pair_state *g = (pair_state *)call->state;
    pair = call;
    (void)host, (void)g;
{body}
}}
"""
RUST_TEXT = """include!("{folder}/prelude.rs");
{code}
extern "C" fn init(_: *const c_void, state: *mut Game) -> i32 {{
    let g = unsafe {{ &mut *state }};
    let _ = &g;
{init}
    0
}}
#[no_mangle]
pub extern "C" fn {function}(call: &PairCall) {{
    let g = unsafe {{ &mut *call.state }};
    let _ = &g;
{body}
}}
"""


class Pair:
    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.keys = {}
        self.sections = {name: [] for name in SECTIONS}
        self.begins = {}
        self.has = set()
        self._read()
        self.language = self.keys.get("language", "c")
        self.statics = self.keys.get("statics") == "yes"

    def _read(self):
        section = None
        with open(self.path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.title = lines[0]
        for number, line in enumerate(lines[1:], 2):
            head = re.fullmatch(r"-- (\w+)", line)
            if head:
                section = head.group(1)
                if section not in SECTIONS:
                    raise ValueError(f"{self.path}:{number}: no such section: {section}")
                self.begins[section] = number + 1
                self.has.add(section)
            elif section is not None:
                self.sections[section].append(line)
            else:
                key, _, value = line.partition(": ")
                if key not in KEYS:
                    raise ValueError(f"{self.path}:{number}: no such key: {key}")
                self.keys[key] = value
        if "refused" not in self.has and not {"expect", "report"} <= self.has:
            raise ValueError(f"{self.path}: expect and report are missing")

    def _code(self, section):
        text = "\n".join(self.sections[section])
        if not text.strip():
            return ""
        if self.language == "rust":
            return text
        return f'#line {self.begins[section]} "{self.path}"\n{text}'

    def expectations(self):
        """(set of ways, expression) each."""
        for line in self.sections["expect"]:
            if line.strip():
                ways, text = split_ways(line)
                yield ways or set(WAYS), text

    def _body(self, new):
        if not new:
            return self._code("fill")
        lines = []
        for number, (ways, text) in enumerate(self.expectations()):
            mask = sum(WAYS[way] for way in ways)
            quoted = text.replace("\\", "\\\\").replace('"', '\\"')
            if self.language == "rust":
                lines.append(f'    {{ let holds = ({text}); call.expect({mask}, holds, "{quoted}\\0"); }}')
            else:
                lines.append(f'#line {self.begins["expect"] + number} "{self.path}"\n'
                             f'    EXPECT({mask}, "{quoted}", {text});')
        return "\n".join(lines)

    def source(self, new):
        """The text of the old or of the new library's source."""
        code = self._code("both") + "\n" + self._code("new" if new else "old")
        function = "pair_check" if new else "pair_fill"
        init = self._code("init") if new else ""
        if self.language == "rust":
            return RUST_TEXT.format(folder=FOLDER, code=code, init=init, function=function,
                                    body=self._body(new))
        name = self.keys.get("state", "struct game")
        if not new:
            name = self.keys.get("state old", name)
        stateless = name == "none"
        name = "char" if stateless else name
        plus = self.language == "c++"
        return C_TEXT.format(
            new=int(new), code=code, type=name, init=init, function=function, body=self._body(new),
            made="new (state) pair_state()" if plus and not stateless else "(pair_state *)state",
            extern='extern "C"' if plus else "",
            table=C_TABLE[stateless].format(type="pair_state"))

    def beside(self, new):
        """The text of a second source file; None: there is none."""
        if "beside" not in self.has:
            return None
        return f'#define CORPUS_NEW {int(new)}\n#include "prelude.h"\n{self._code("beside")}\n'

    def suffix(self):
        return {"c": ".c", "c++": ".cpp", "rust": ".rs"}[self.language]

    def told(self, kind):
        """Ways on which such findings are told, where a line names none."""
        return TOLD[kind] | (PLACED if self.keys.get("state") == "none" and kind != "kept" else set())

    def report(self, way):
        """What is to be told on this way, sorted: "added /hp"."""
        lines = []
        for line in self.sections["report"]:
            if line.strip():
                ways, text = split_ways(line)
                if way in (ways or self.told(text.split()[0])):
                    lines.append(text)
        return sorted(lines)

    def refusal(self):
        """Words of the reason; None: it is not refused."""
        return " ".join(self.sections["refused"]).strip() if "refused" in self.has else None


def split_ways(line):
    """(set of ways, the rest) of "move,json: x"; an empty set where none is named."""
    head, colon, rest = line.partition(": ")
    ways = set(head.split(","))
    return (ways, rest) if colon and ways <= set(WAYS) else (set(), line)


def all_pairs():
    return [Pair(os.path.join(PAIRS, name)) for name in sorted(os.listdir(PAIRS))
            if name.endswith(".pair")]
