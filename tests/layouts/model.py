"""What a value becomes in another type: the table of conversions once more, written for the tests
from what the manual says, so that the two can be held against each other.

A type is a tuple: ("i", bits), ("u", bits), ("f", 32 or 64), ("b",) for bool, ("e", names) with the
enumerators as pairs, ("bits", signed, width), ("s", length) for char[length], ("a", type, count),
("S", fields) with (name, type) pairs. A value is an int, a float, bytes for a string, a list, or a
dict. An enum's value is its number."""
import math
import struct

FLT_MAX = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]


def bounds(kind):
    """(lowest, highest) of an integer type; an enum is an unsigned int unless it has a sign."""
    if kind[0] == "bits":
        signed, width = kind[1], kind[2]
    elif kind[0] == "e":
        signed, width = any(number < 0 for _, number in kind[1]), 32
    else:
        signed, width = kind[0] == "i", kind[1]
    return (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)


def is_scalar(kind):
    return kind[0] in "iufbe" or kind[0] == "bits"


def is_one(kind):
    """A value that can be the element of an array of one; strings have pairs of their own."""
    return is_scalar(kind) or kind[0] == "S"


def narrow(value):
    """A number as a float has it, rounded once."""
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return value
        if abs(value) > FLT_MAX:
            return math.copysign(FLT_MAX, value)
        return struct.unpack("<f", struct.pack("<f", value))[0]
    return _rounded(value, 24)


def _rounded(number, bits):
    """The nearest float with a mantissa of so many bits; of two, the even one."""
    magnitude = abs(number)
    extra = max(magnitude.bit_length() - bits, 0)
    kept, rest = magnitude >> extra, magnitude & ((1 << extra) - 1)
    half = 1 << extra >> 1
    if extra and (rest > half or (rest == half and kept & 1)):
        kept += 1
    return math.copysign(float(kept << extra), number)


def _to_integer(value, low, high):
    if isinstance(value, float):
        if math.isnan(value):
            return 0, True
        whole = low if value == -math.inf else high if value == math.inf else math.trunc(value)
        number = min(max(whole, low), high)
        return number, number != value
    number = min(max(value, low), high)
    return number, number != value


def _to_float(value, size):
    if size == 32:
        real = narrow(value)
    else:
        real = value if isinstance(value, float) else _rounded(value, 53)
    if isinstance(value, float) and math.isnan(value):
        return real, False
    return real, real != value


def _to_enum(value, name, to):
    if name in dict(to[1]):
        return dict(to[1])[name], False
    number, lost = _to_integer(value, *bounds(to))
    return number, lost or name is not None  # a name that is gone is told, though the number stays


def _name_of(kind, value):
    names = [name for name, number in kind[1] if number == value] if kind[0] == "e" else []
    return names[0] if names else None


def convert(kind, value, to, default):
    """(the value in type `to`, whether something was lost). `default` is what init set there."""
    if is_scalar(kind) and is_scalar(to):
        return _to_scalar(kind, value, to, default)
    if kind[0] == "s" and to[0] == "s":
        return _to_text(kind, value, to)
    if kind[0] == "a" and to[0] == "a":
        return _to_list(kind, value, to, default)
    if kind[0] == "S" and to[0] == "S":
        return _to_struct(kind, value, to, default)
    if "bits" in (kind[0], to[0]):
        return default, False  # a bit-field is no array of one
    if kind[0] == "a" and kind[2] == 1 and is_one(to):
        return convert(kind[1], value[0], to, default)
    if to[0] == "a" and to[2] == 1 and is_one(kind):
        first, lost = convert(kind, value, to[1], default[0])
        return [first], lost
    return default, False


def _to_scalar(kind, value, to, default):
    name = _name_of(kind, value)
    if to[0] == "f":
        return _to_float(value, to[1])
    if to[0] == "b":
        return int(value != 0), value not in (0, 1)
    if to[0] == "e":
        return _to_enum(value, name, to)
    return _to_integer(value, *bounds(to))


def _to_text(kind, value, to):
    """ASCII alone: nothing is cut inside of a character."""
    text = value.split(b"\0")[0]
    ended = len(text) < kind[1]
    room = to[1] - 1 if ended else to[1]
    if len(text) <= room:
        return text.ljust(to[1], b"\0"), False
    return text[:room].ljust(to[1], b"\0"), True


def _to_list(kind, value, to, default):
    pairs = [convert(kind[1], one, to[1], other) for one, other in zip(value, default)]
    cut = any(not is_zero(one) for one in value[to[2]:])
    return [one for one, _ in pairs] + default[len(pairs):], cut or any(lost for _, lost in pairs)


def is_zero(value):
    if isinstance(value, (list, dict)):
        return all(is_zero(one) for one in (value.values() if isinstance(value, dict) else value))
    return value == 0 if isinstance(value, (int, float)) else not value.strip(b"\0")


def _to_struct(kind, value, to, default):
    old = dict(kind[1])
    made, lost = {}, False
    for name, inner in to[1]:
        made[name] = default[name]
        if name in old:
            made[name], more = convert(old[name], value[name], inner, default[name])
            lost = lost or more
    return made, lost
