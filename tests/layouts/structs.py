"""Struct pairs at random: many in one pair of libraries, so that a thousand of them cost few runs of
a compiler. The state has one member for each; the new code checks every field against the model."""
import functools
import math
import struct

from model import bounds, convert, is_scalar
from pair import C_TABLE, C_TEXT, WAYS

INTEGERS = {("i", 8): "signed char", ("i", 16): "short", ("i", 32): "int", ("i", 64): "long",
            ("u", 8): "unsigned char", ("u", 16): "unsigned short", ("u", 32): "unsigned",
            ("u", 64): "unsigned long"}
NAMES = [f"f{i}" for i in range(9)]
REALS = [0.0, -0.0, 1.0, -1.5, 0.1, 2.75, 1e10, -1e10, 1e300, -1e39, 3e-45, 16777217.0, 2.0 ** 63,
         -2.0 ** 63, 2.0 ** 64, 255.5, math.nan, math.inf, -math.inf]


class Maker:
    """Types and values from one source of chance."""

    def __init__(self, chance):
        self.chance = chance

    def enum(self):
        """Names that differ from struct to struct: they are the whole source's."""
        count = self.chance.randint(1, 5)
        numbers = self.chance.sample(range(self.chance.choice((0, 0, -5)), 40), count)
        return ("e", tuple(zip(self.chance.sample("ABCDEFG", count), numbers)))

    def scalar(self, bits=False):
        pick = self.chance.random()
        if bits and pick < 0.2:
            return ("bits", self.chance.random() < 0.5, self.chance.randint(2, 31))
        if pick < 0.55:
            return self.chance.choice(list(INTEGERS))
        if pick < 0.75:
            return ("f", self.chance.choice((32, 64)))
        return ("b",) if pick < 0.85 else self.enum()

    def type(self, depth=0):
        pick = self.chance.random()
        if pick < 0.6 or depth > 2:
            return self.scalar(bits=depth == 0)
        if pick < 0.7:
            return ("s", self.chance.randint(2, 12))
        if pick < 0.9:
            return ("a", self._element(depth), self.chance.randint(1, 4))
        return self.struct(depth + 1)

    def _element(self, depth):
        """Of an array: no char, which would be a string."""
        while True:
            inner = self.type(depth + 1)
            if inner[0] != "bits":
                return inner

    def struct(self, depth=0):
        count = self.chance.randint(1, 7 if depth == 0 else 3)
        return ("S", tuple((name, self._member(depth)) for name in self.chance.sample(NAMES, count)))

    def _member(self, depth):
        return self.type(depth)

    def edited(self, kind):
        """The type after an edit or two."""
        fresh = self._edited(kind)
        return kind if mixes(kind, fresh) else fresh

    def _edited(self, kind):
        pick = self.chance.random()
        if kind[0] == "S":
            return ("S", self._edited_fields(kind[1]))
        if kind[0] == "a" and pick < 0.5:
            inner = self.edited(kind[1])
            count = self.chance.randint(1, 5)
            return ("a", inner, count) if inner[0] != "bits" else kind
        if kind[0] == "s" and pick < 0.5:
            return ("s", self.chance.randint(2, 12))
        if kind[0] == "e" and pick < 0.5:
            names = [name for name, _ in kind[1] if self.chance.random() < 0.8]
            names += [name for name in "HIJ" if self.chance.random() < 0.3]
            if names:
                self.chance.shuffle(names)
                return ("e", tuple(zip(names, self.chance.sample(range(50), len(names)))))
        if pick < 0.75:
            return kind
        return self.type(1) if pick < 0.8 else self.scalar()

    def _edited_fields(self, fields):
        kept = [(name, self.edited(kind)) for name, kind in fields if self.chance.random() < 0.9]
        taken = {name for name, _ in fields}
        kept += [(name, self.type(1)) for name in NAMES
                 if name not in taken and self.chance.random() < 0.15]
        if self.chance.random() < 0.5:
            self.chance.shuffle(kept)
        return tuple(kept) or fields

    def value(self, kind):
        if kind[0] == "S":
            return {name: self.value(inner) for name, inner in kind[1]}
        if kind[0] == "a":
            return [self.value(kind[1]) for _ in range(kind[2])]
        if kind[0] == "s":
            length = self.chance.randint(0, kind[1])
            return bytes(self.chance.choices(b"abcxyz \"\\~", k=length)).ljust(kind[1], b"\0")
        if kind[0] == "b":
            return self.chance.randint(0, 1)
        if kind[0] == "f":
            real = self.chance.choice(REALS) if self.chance.random() < 0.7 else self.chance.gauss(0, 1e5)
            return _as_stored(real, kind[1])
        if kind[0] == "e" and self.chance.random() < 0.85:
            return self.chance.choice(kind[1])[1]
        low, high = bounds(kind)
        return self.chance.choice((low, high, max(low, -1), 1, self.chance.randint(low, high),
                                   self.chance.randint(max(low, -300), min(high, 300))))


def mixes(old, new):
    """Whether a string becomes an array, or the reverse, element by element. That has pairs of its
    own."""
    if {old[0], new[0]} == {"s", "a"}:
        return True
    if old[0] == new[0] == "a":
        return mixes(old[1], new[1])
    if old[0] == new[0] == "S":
        return any(mixes(inner, dict(new[1])[name]) for name, inner in old[1] if name in dict(new[1]))
    return False


def _as_stored(real, bits):
    if bits == 64 or math.isnan(real) or math.isinf(real):
        return real
    try:
        return struct.unpack("<f", struct.pack("<f", real))[0]
    except OverflowError:
        return math.copysign(math.inf, real)


# ---- as C ----

def declared(kind, name, prefix):
    """One member's declaration. Enumerators of each are told apart by a prefix, which they have on
    both sides."""
    tail = ""
    while kind[0] == "a":
        tail += f"[{kind[2]}]"
        kind = kind[1]
    if kind[0] == "s":
        return f"char {name}{tail}[{kind[1]}];"
    if kind[0] == "bits":
        return f"{'int' if kind[1] else 'unsigned'} {name}{tail} : {kind[2]};"
    if kind[0] == "S":
        inner = " ".join(declared(one, member, f"{prefix}_{member}") for member, one in kind[1])
        return f"struct {{ {inner} }} {name}{tail};"
    if kind[0] == "e":
        names = ", ".join(f"{prefix}_{one} = {number}" for one, number in kind[1])
        return f"enum {{ {names} }} {name}{tail};"
    word = {"b": "bool", "f": {32: "float", 64: "double"}.get(kind[-1])}.get(kind[0]) or INTEGERS[kind]
    return f"{word} {name}{tail};"


def leaves(kind, value, path):
    """(path, type, value) of each scalar and string."""
    if kind[0] == "S":
        for name, inner in kind[1]:
            yield from leaves(inner, value[name], f"{path}.{name}")
    elif kind[0] == "a":
        for number, one in enumerate(value):
            yield from leaves(kind[1], one, f"{path}[{number}]")
    else:
        yield path, kind, value


def spelled(kind, value):
    if kind[0] == "f":
        return f"real({struct.unpack('<Q', struct.pack('<d', value))[0]:#x}ul)"
    return f"{value}ul" if value > (1 << 63) - 1 else "LONG_MIN" if value == -(1 << 63) else f"{value}l"


def quoted(value):
    return '"' + "".join(f"\\{byte:03o}" for byte in value) + '"'


def assigned(path, kind, value):
    if kind[0] == "s":
        return f"memcpy({path}, {quoted(value)}, {len(value)});"
    return f"{path} = {spelled(kind, value)};"


def expected(ways, path, kind, value):
    if kind[0] == "s":
        holds = f"memcmp({path}, {quoted(value)}, {len(value)}) == 0"
    elif kind[0] == "f":
        holds = f"alike({path}, {spelled(kind, value)})"
    else:
        holds = f"{path} == {spelled(kind, value)}"
    return f'    EXPECT({ways}, "{path} == {str(value).translate(QUIET)}", {holds});'


QUIET = str.maketrans({'"': "'", "\\": "/", "\n": " "})
HEAD = """
static inline double real(unsigned long bits) { double real; memcpy(&real, &bits, 8); return real; }
static inline bool alike(double a, double b) { return memcmp(&a, &b, 8) == 0 || (isnan(a) && isnan(b)); }
"""


class RandomPair:
    """Many struct pairs as one pair (pair.py)."""

    language, keys, statics = "c", {}, False

    def __init__(self, chance, count, name):
        self.name = name
        make = Maker(chance)
        self.rows, self.loses = [], False
        for _ in range(count):
            old = make.struct()
            new = make.edited(old)
            value, default = make.value(old), make.value(new)
            moved, lost = convert(old, value, new, default)
            self.rows.append((old, new, value, default, moved))
            self.loses = self.loses or lost

    def suffix(self):
        return ".c"

    def beside(self, _new):
        return None

    def _struct(self, side):
        members = [declared(row[side], f"s{i}", f"s{i}") for i, row in enumerate(self.rows)]
        return HEAD + "struct game {\n" + "\n".join(members) + "\n};"

    def _lines(self, kinds, values, write):
        return "\n".join(write(*leaf) for i, row in enumerate(self.rows)
                         for leaf in leaves(row[kinds], row[values], f"g->s{i}"))

    def source(self, new):
        body = self._lines(0, 2, assigned)
        if new:
            body = self._lines(1, 4, functools.partial(expected, sum(WAYS.values())))
        return C_TEXT.format(new=int(new), code=self._struct(int(new)), type="struct game",
                             init=self._lines(1, 3, assigned) if new else "", body=body,
                             function="pair_check" if new else "pair_fill",
                             made="(pair_state *)state", extern="",
                             table=C_TABLE[False].format(type="pair_state"))
