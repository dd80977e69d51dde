"""Libraries whose debug info is damaged, or made to hurt who reads it.

`damaged` patches the sections of a library that a compiler made. `crafted` writes debug info by hand,
as an assembler takes it, for a module that was compiled without: types that lie in themselves, that
lead in circles, that are ten thousand deep."""
import os
import struct
import subprocess

import modules

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
COMPRESSED = 0x800
DEBUG = (b".debug_info", b".debug_abbrev", b".debug_str", b".debug_line", b".debug_aranges", b".debug_line_str")


class Elf:
    """A library's bytes, to be patched."""

    def __init__(self, data):
        self.data = bytearray(data)
        head = HEADER.unpack_from(self.data)
        self.table, self.count, names = head[6], head[12], head[13]
        text = self.fields(names)
        self.names = {}
        for number in range(self.count):
            start = text[4] + self.fields(number)[0]
            self.names[bytes(self.data[start:self.data.index(0, start)])] = number

    def fields(self, number):
        return list(SECTION.unpack_from(self.data, self.table + number * SECTION.size))

    def change(self, name, index, value):
        number = self.names[name]
        fields = self.fields(number)
        fields[index] = value
        SECTION.pack_into(self.data, self.table + number * SECTION.size, *fields)

    def span(self, name):
        """(offset, size) of a section's bytes."""
        fields = self.fields(self.names[name])
        return fields[4], fields[5]

    def debug(self):
        return [name for name in DEBUG if name in self.names and self.span(name)[1] > 0]


def cut(elf, chance):
    """A section that ends too early."""
    name = chance.choice(elf.debug())
    elf.change(name, 5, chance.randrange(elf.span(name)[1]))


def flip(elf, chance):
    """A few bits that are others."""
    for _ in range(chance.choice((1, 3, 20))):
        offset, size = elf.span(chance.choice(elf.debug()))
        elf.data[offset + chance.randrange(size)] ^= 1 << chance.randrange(8)


def flood(elf, chance):
    """A stretch of the same byte."""
    offset, size = elf.span(chance.choice(elf.debug()))
    start = chance.randrange(size)
    length = min(chance.choice((1, 8, 64, size)), size - start)
    elf.data[offset + start:offset + start + length] = bytes([chance.choice((0, 255, 127, 128))]) * length


def shift(elf, chance):
    """A section that begins elsewhere in the file."""
    name = chance.choice(elf.debug())
    offset, size = elf.span(name)
    elf.change(name, 4, max(0, offset + chance.choice((-8, -1, 1, 3, 16))) % (len(elf.data) - size))


def swap(elf, chance):
    """Two sections in each other's place."""
    one, other = chance.sample(elf.debug(), 2)
    for number, (offset, size) in ((other, elf.span(one)), (one, elf.span(other))):
        elf.change(number, 4, offset)
        elf.change(number, 5, size)


def lie_of_size(elf, chance):
    """Compressed sections that say to be larger than any memory."""
    name = chance.choice([name for name in elf.debug() if elf.fields(elf.names[name])[2] & COMPRESSED])
    offset, _ = elf.span(name)
    struct.pack_into("<Q", elf.data, offset + 8, chance.choice((1 << 44, (1 << 63) - 1, (1 << 64) - 1, 0)))


WAYS = (cut, flip, flip, flip, flood, shift, swap)


def damaged(library, chance, way=None):
    """(what was done, the bytes)."""
    elf = Elf(library)
    way = way or chance.choice(WAYS)
    way(elf, chance)
    return way.__doc__, bytes(elf.data)


# ---- by hand ----

ABBREVIATIONS = {  # number: (tag, children, attributes as (name, form))
    1: (0x11, 1, ((0x03, 0x08), (0x11, 0x01), (0x12, 0x07))),             # unit: name, low, high
    2: (0x2e, 0, ((0x03, 0x08), (0x49, 0x13), (0x11, 0x01), (0x12, 0x07))),  # function: name, type, low, high
    3: (0x0f, 0, ((0x0b, 0x0b), (0x49, 0x13))),                           # pointer: size, type
    4: (0x13, 1, ((0x03, 0x08), (0x0b, 0x0f))),                           # struct: name, size
    5: (0x0d, 0, ((0x03, 0x08), (0x49, 0x13), (0x38, 0x0f))),             # member: name, type, place
    6: (0x16, 0, ((0x03, 0x08), (0x49, 0x13))),                           # typedef: name, type
    7: (0x01, 1, ((0x49, 0x13),)),                                        # array: type
    8: (0x21, 0, ((0x2f, 0x0f),)),                                        # its bound
    9: (0x24, 0, ((0x03, 0x08), (0x0b, 0x0b), (0x3e, 0x0b))),             # base type: name, size, encoding
    10: (0x0b, 1, ()),                                                    # block
    11: (0x3d, 0, ((0x18, 0x13),)),                                       # imported unit
    12: (0x39, 1, ((0x03, 0x08),)),                                       # namespace: name
}
DEEP = 10000


def die(number, *values, label=None):
    text = f"{label}:\n" if label else ""
    text += f" .uleb128 {number}\n"
    for (_, form), value in zip(ABBREVIATIONS[number][2], values):
        if form == 0x08:
            text += f' .string "{value}"\n'
        elif form == 0x13:
            text += f" .long {value} - .Lunit\n"
        else:
            text += f" {({0x0b: '.byte', 0x0f: '.uleb128'}).get(form, '.quad')} {value}\n"
    return text


END = " .byte 0\n"
NUMBER = die(9, "long", 8, 5, label=".Llong")


def state_of(*members, size=64):
    return die(4, "counting", size, label=".Lstate") + "".join(members) + END


def of_itself():
    """A struct that lies in itself."""
    return NUMBER + state_of(die(5, "turn", ".Llong", 0), die(5, "self", ".Lstate", 8))


def of_each_other():
    """Two structs that lie in each other."""
    return (NUMBER + die(4, "other", 32, label=".Lother") + die(5, "back", ".Lstate", 0) + END +
            state_of(die(5, "turn", ".Llong", 0), die(5, "other", ".Lother", 8)))


def typedefs_in_a_circle():
    """Names that are names of each other."""
    return (NUMBER + die(6, "one", ".Ltwo", label=".Lone") + die(6, "two", ".Lone", label=".Ltwo") +
            state_of(die(5, "turn", ".Llong", 0), die(5, "round", ".Lone", 8)))


def array_of_itself():
    """An array of itself."""
    return (NUMBER + die(7, ".Larray", label=".Larray") + die(8, 2) + END +
            state_of(die(5, "turn", ".Llong", 0), die(5, "list", ".Larray", 8)))


def arrays_deep():
    """Ten thousand ranks."""
    text = NUMBER
    for level in range(DEEP):
        text += die(7, f".Larray{level - 1}" if level else ".Llong", label=f".Larray{level}") + die(8, 1) + END
    return text + state_of(die(5, "turn", ".Llong", 0), die(5, "deep", f".Larray{DEEP - 1}", 8))


def typedefs_deep():
    """Ten thousand names of one type."""
    text = NUMBER
    for level in range(DEEP):
        text += die(6, "name", f".Lname{level - 1}" if level else ".Llong", label=f".Lname{level}")
    return text + state_of(die(5, "turn", f".Lname{DEEP - 1}", 0))


def structs_deep():
    """Ten thousand structs in each other."""
    text = NUMBER
    for level in range(DEEP):
        inner = f".Lstruct{level - 1}" if level else ".Llong"
        text += die(4, "level", 8, label=f".Lstruct{level}") + die(5, "inner", inner, 0) + END
    return text + state_of(die(5, "turn", ".Llong", 0), die(5, "deep", f".Lstruct{DEEP - 1}", 8))


def pointers_deep():
    """Ten thousand pointers to pointers."""
    text = NUMBER
    for level in range(DEEP):
        text += die(3, 8, f".Lpointer{level - 1}" if level else ".Llong", label=f".Lpointer{level}")
    return text + state_of(die(5, "turn", ".Llong", 0), die(5, "deep", f".Lpointer{DEEP - 1}", 8))


def blocks_deep():
    """Ten thousand scopes in each other."""
    return (NUMBER + state_of(die(5, "turn", ".Llong", 0)) + die(12, "space") * DEEP + END * DEEP +
            die(10) * DEEP + END * DEEP)


def imports_itself():
    """A unit that is part of itself."""
    return NUMBER + state_of(die(5, "turn", ".Llong", 0)) + die(11, ".Lunit") * 3


def outside_of_itself():
    """Members that lie behind the end of their struct, and types that are none."""
    return NUMBER + state_of(die(5, "turn", ".Llong", 0), die(5, "far", ".Llong", 1 << 40),
                             die(5, "odd", ".Lunit + 3", 8), die(5, "none", ".Lunit + 0xffffff", 16))


def huge():
    """An array of more bytes than there are addresses."""
    return (NUMBER + die(7, ".Llong", label=".Larray") + die(8, (1 << 62)) + END +
            state_of(die(5, "turn", ".Llong", 0), die(5, "list", ".Larray", 8)))


CRAFTED = (of_itself, of_each_other, typedefs_in_a_circle, array_of_itself, arrays_deep, typedefs_deep,
           structs_deep, pointers_deep, blocks_deep, imports_itself, outside_of_itself, huge)


def _abbreviations():
    text = '.section .debug_abbrev,"",@progbits\n'
    for number, (tag, children, attributes) in ABBREVIATIONS.items():
        text += f" .uleb128 {number}\n .uleb128 {tag}\n .byte {children}\n"
        text += "".join(f" .uleb128 {name}\n .uleb128 {form}\n" for name, form in attributes) + " .byte 0, 0\n"
    return text + " .byte 0\n"


def crafted(source, kind, folder):
    """The bytes of the module whose state's type is what `kind` writes."""
    path = os.path.join(folder, "crafted.s")
    subprocess.run(["gcc", "-S", "-O1", "-fPIC", "-g0", "-w", "-I", modules.INCLUDE, source, "-o", path], check=True)
    unit = die(1, "crafted.c", ".Ltext", 1 << 20) + kind() + \
        die(3, 8, ".Lstate", label=".Lpointer_to_state") + \
        die(2, "hotrun_state_type", ".Lpointer_to_state", "hotrun_state_type", 64) + END
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(".text\n.Ltext:\n" + text + '\n.section .debug_info,"",@progbits\n.Lunit:\n'
                   " .long .Lend - .Lbegin\n.Lbegin:\n .value 4\n .long .Labbreviations\n .byte 8\n" + unit +
                   ".Lend:\n" + _abbreviations().replace("progbits\n", "progbits\n.Labbreviations:\n", 1))
    out = os.path.join(folder, "crafted.so")
    subprocess.run(["gcc", "-shared", path, "-o", out], check=True)
    with open(out, "rb") as file:
        return file.read()
