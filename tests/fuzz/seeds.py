"""Writes the first inputs of a fuzzer into a folder: what it is to read, as it should be.

    python3 tests/fuzz/seeds.py NOUN FOLDER
"""
import glob
import os
import re
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

JSON = ["null", "true", "0", "-1.5e-7", "9007199254740993", '""', '"\\u0000\\ud83d\\ude00\\n"',
        "[]", "{}", "[1,[2,[3,[]]]]", '{"a":1,"b":{"a":[{"c":null}]}}', " [ 1 , 2 ] ",
        '{"caf\u00e9":"\u20ac","\\u0063af\\u00e9s":[]}', "[" * 40 + "]" * 40, '{"a":1,"a":2}']

# A text, a pointer, another text; a tab is a new line in a text.
EDITS = ['{"a":{"b":[1,{"c":null}]},"d":1.0e0}\n/a/b/1/c\n{"d":null,"a":{"b":{},"e":1}}',
         '{\t  "a": 1,\t  "b": {\t    "c": 2\t  }\t}\n/b/x\n{"b":{"c":null,"d":2},"a":null}',
         '[1, 2, 3]\n/-\n[1,3]', '[]\n/0\n[{"a":1},1e99999999999999999999]',
         '{"\\u0061":1,"m~n":2,"a/b":{ }}\n/a~1b/m~0n\n{"m~n":2,"a":2,"":null}',
         '{"a":{},"b":{},"c":{}}\n/c\n{"c":{"x":1},"b":{"y":{"z":null}},"a":[]}',
         '{ "a": 1, "b": 2, "c": 3 }\n\n{"a":null,"b":null,"c":null,"d":4,"e":5}']

# What a state with a value of each kind is written as, in parts; the first byte says how it is read.
DECODES = ['{"on":true,"letter":120,"i8":-128,"i64":"-9223372036854775808","i128":"-12676506002282294014'
           '96703205377","f":0.1,"ld":1e4000,"mood":"MOOD_WILD","name":"Zo\u00eb \\"q\\"","few":[1,2,3]}',
           '{"many":{"$bytes":"q6ur"},"signs":{"$bytes":"gICA","signed":true},"grid":[[0,10,20],[30]],'
           '"any":{"$bytes":"AAAgQA=="},"opaque":{"$bytes":"3q2+7w=="},"bits_low":21,"bits_signed":-3}',
           '{"near":{"$ref":"/points/1"},"end":{"$ref":"/points/3"},"node":{"$ref":"/$heap/0/value/1"},'
           '"call":{"$symbol":"advance","file":"game.c","offset":4},"text":{"$text":"a literal"},"counter":'
           '{"$ref":"/$statics/src~1game.c/step()/calls"},"nothing":{"$ref":"/name+3"},"foreign":'
           '{"$address":"0x1234"},"$heap":[{"type":"struct node","count":2,"value":[{"value":1,"next":null},'
           '{"value":2,"next":{"$ref":"/$heap/0/value/0"},"at":{"x":"NaN"}}]},{"size":4,"count":2,"value":'
           '{"$bytes":"AAECAwQFBgc="}}],"$statics":{"src/game.c":{"speed":3,"step()":{"calls":4}}}}',
           '[1]', '{"letter":[65],"on":2,"u8":"MOOD_WILD","d":"-Infinity","points":[{"x":1},{},{},{"y":2}]}',
           '{"counter":{"$symbol":"calls","function":"step","file":"src/game.c"},"f":"1","inner":1.5}',
           '{"i8":"OLD","name":[65],"few":"ab","grid":[["OLD"]],"d":0.1,"any":{"$bytes":"AAAgQA=="},"$types":['
           '{"/i8":"enum 3"},{"/grid/*/*":"bits5 enum 3"},{"/few":"char[3]"},{"/d":"float32"},{"/name":"uint8[9]"},'
           '{"/any":["number int32","real float32"]},{"node/value":"float128"},{"src/game.c:step():calls":"enum 4"},'
           '{"/d":"float64"}],"$enums":[{"id":3,"name":"mood","names":{"-1":"OLD","7":"MOOD_WILD"}}]}']

# The same with unions of pointers.
UNIONS = ['{"either":{"$bytes":"AAAAAAAAAAAAAAAAAAAAAAAAAAA=","pointers":{"0":{"$ref":"/$heap/0/value"}}},'
          '"packed":{"$bytes":"AAAAAAAAAAAA","pointers":{"1":{"$ref":"/few"},"0":null}},"mood":"MOOD_WILD",'
          '"few":[1,"NaN",0.1],"$heap":[{"type":"struct node","value":{"value":1}}]}',
          '{"either":{"$bytes":"AAA=","pointers":{"0":{"$symbol":"advance","file":"game.c"},"8":{"$text":"a"}}},'
          '"packed":{"$bytes":"AAAAAAAAAAAA"},"$types":[{"/either":["node pointer","call pointer","text pointer",'
          '"raw char8[20]"]},{"/packed":[]},{"/mood":"enum 1"},{"/few/*":"float64"}],"$enums":[]}']

# Patches of a layout, patches of the copy, a pointer.
IMAGES = [b"\0\0", b"\0\0/points/1/y", b"\0\0/$heap/0/value/1", b"\0\0/$statics/src~1game.c/speed",
          b"\0\1\x02\0\xff\xff\xff\xff/node/$ref", b"\1\x40\0\1\0\0\0\0/any/$bytes",
          b"\2\x30\0\x0a\0\0\0\x31\0\2\0\0\0\2\x10\0\0\0\0\0\x20\0\1\2\3\4/name"]

RPC = ['{"jsonrpc":"2.0","id":1,"method":"status"}',
       '{"jsonrpc":"2.0","id":"x","method":"reload","params":{"force":true}}',
       '{"jsonrpc":"2.0","method":"quit"}',
       '{"jsonrpc":"2.0","id":9007199254740993,"method":"step","params":[]}',
       '[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"},3]', "[]", "{}",
       '{"jsonrpc":"1.0","id":null,"method":5}', '{"id":{},"jsonrpc":"2.0","method":"status"}']

TOML = ["", "[step]\nrate = 'max'\n", "[module.config]\na = 1\nb = [1, 'x', {c = 2020-01-01}]\n",
        "[run]\nname = \"\\u00e9\"\n[supervise]\nprobation = \"1m\"\nwindow = 1.5\n",
        "[state]\nmax_json = \"1KiB\"\n[log]\nlevel = 'loud'\nx = inf\n",
        "b = 202'''\ufee9[1}]\n"]

# Behind the checksum, which the fuzzer itself puts before an input; and whole, without one.
ENVELOPE = ('"module":"game","state_version":1,"generation":4,"step":81204,'
            '"time":"2026-01-31T12:54:32.123456789Z","why":"interval","kind":"%s","flags":0,'
            '"bytes":%d,"state":%s}\n')
STATES = [("json", state, len(state)) for state in ('{"a":[1,2]}', "null", '"x"')]
STATES += [("image", '"AAECAwQFBgc="', 8), ("image", '""', 0)]

LIBRARY = "static int hidden = 1; int shown(void) { return hidden; } extern int other; int *p = &other;"
SMALL = ["-shared", "-fPIC", "-nostdlib", "-Os", "-Wl,-z,max-page-size=64",
         "-Wl,-z,noseparate-code", "-Wl,--build-id=none"]
LINKS = [[], ["-s"], ["-Wl,--hash-style=sysv"], ["-Wl,--hash-style=gnu", "-s"], ["-g"],
         ["-Wl,-z,now", "-Wl,-z,relro"], ["-Wl,-z,pack-relative-relocs"], ["-m32"]]


# Kinds of types, as layout/layout.h numbers them.
CHAR, INT, ENUM, POINTER, ARRAY, STRUCT, UNION, FUNCTION = 3, 4, 7, 8, 9, 10, 11, 12
NONE = 0xFFFFFFFF
STRINGS = b"\0game\0node\0int\0char\0hp\0next\0RED\0GREEN\0speed\0a.c\0step\0a reason\0"


def string(text):
    return STRINGS.index(b"\0" + text.encode() + b"\0") + 1 if text else 0


def layout_type(kind, name="", first=0, count=0, target=NONE, size=4, elements=0, align=4, depth=0):
    return struct.pack("=IIIIIIQQII", kind, 0, string(name), first, count, target, size, elements,
                       align, depth)


def layout_field(name, of, offset, bits=0, flags=0, old=NONE):
    return struct.pack("=IIIIQII", string(name), of, old, flags, offset, 0, bits)


def layout_block(types, fields=(), enumerators=(), variables=(), symbols=(), marks=(), text=b"",
                 state_types=1, variables_size=0):
    counts = [len(part) for part in (types, fields, enumerators, variables, symbols, marks)]
    by_name = struct.pack(f"={len(symbols)}I", *range(len(symbols)))
    parts = [b"".join(part) for part in (types, fields, enumerators, variables, symbols)]
    parts += [by_name, b"".join(marks), STRINGS, text]
    body = b"".join(part + bytes(-len(part) % 8) for part in parts)
    head = struct.pack("=8sQQQQQQQ8I", b"", 0, 0, 1, 4096, variables_size, 0, len(text), *counts,
                       len(STRINGS), state_types)
    return head + body


def of_layout():
    yield layout_block([layout_type(INT, "int")])
    yield layout_block(
        [layout_type(STRUCT, "game", 0, 5, size=48, align=8, depth=3), layout_type(INT, "int"),
         layout_type(POINTER, target=6, size=8, align=8), layout_type(ENUM, "node", 0, 2),
         layout_type(ARRAY, target=5, size=8, elements=8, align=1, depth=1),
         layout_type(CHAR, "char", size=1, align=1),
         layout_type(STRUCT, "node", 5, 2, size=16, align=8, depth=2),
         layout_type(UNION, "", 7, 1, size=4, depth=1), layout_type(FUNCTION, size=0, align=1)],
        [layout_field("hp", 1, 0, old=string("next")), layout_field("next", 2, 8),
         layout_field("speed", 1, 16, bits=3, flags=1), layout_field("step", 6, 24),
         layout_field("a.c", 4, 40), layout_field("next", 2, 0), layout_field("", 7, 8, flags=2),
         layout_field("hp", 1, 0)],
        [struct.pack("=IIQ", string(name), 0, value) for value, name in enumerate(("RED", "GREEN"))],
        [struct.pack("=IIIIIIQQ", string("a.c"), string("step"), string("speed"), 1, flags,
                     string(reason), address, 0)
         for flags, reason, address in ((2, "", 64), (0, "a reason", 0))],
        [struct.pack("=IIQQII", string("step"), NONE, 100 + 10 * i, 20, 1, 0) for i in range(3)],
        [struct.pack("=QII", 200, 6, 0)], b"abc\0def", 9, 16)


def of_config():
    files = [os.path.join(ROOT, "hotrun.toml.example")]
    files += glob.glob(os.path.join(ROOT, "examples", "*", "hotrun.toml"))
    for path in files:
        with open(path, "rb") as file:
            yield file.read()
    for text in TOML:
        yield text.encode()


def of_decode():
    for how, text in enumerate(DECODES * 8):
        yield bytes([how % 8 + how % 2 * 16]) + text.encode()
    for how, text in enumerate(UNIONS * 8):
        yield bytes([how % 8 + 32 + how % 3 * 8]) + text.encode()


def of_image():
    yield from IMAGES


def of_edit():
    for text in EDITS:
        yield text.encode()


def of_elf_file():
    """Small libraries; what this machine's compiler can't do is left out."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = os.path.join(folder, "s.c"), os.path.join(folder, "s.so")
        with open(source, "w", encoding="utf-8") as file:
            file.write(LIBRARY)
        for link in LINKS:
            done = subprocess.run(["gcc", *SMALL, *link, source, "-o", out], capture_output=True)
            if done.returncode == 0:
                with open(out, "rb") as file:
                    yield file.read()


def of_envelope():
    for kind, state, size in STATES:
        rest = ENVELOPE % (kind, size, state)
        yield rest.encode()
        yield ('{"hotrun":"snapshot/1",' + rest).encode()


def of_json():
    for text in JSON:
        yield text.encode()


def of_rpc():
    for text in RPC:
        yield text.encode()


def of_message():
    """One packet of each type, from the rows that describe them."""
    with open(os.path.join(ROOT, "src", "link", "message.h"), encoding="utf-8") as file:
        kinds = re.findall(r"^\s*(MESSAGE_[A-Z]+)\b",
                           re.search(r"enum message_type \{(.*?)\}", file.read(), re.S)[1], re.M)
    with open(os.path.join(ROOT, "src", "link", "message.c"), encoding="utf-8") as file:
        source = file.read()
    fields = {name: re.findall(r"(NUMBER|BYTES)\(", body) for name, body in
              re.findall(r"struct field (\w+)_fields\[\] = \{(.*?)\};", source, re.S)}
    for name, row in re.findall(r"\[(MESSAGE_[A-Z]+)\] = ROW\((\w+)_fields\)", source):
        packet = struct.pack("=Q", kinds.index(name) + 1)
        for kind in fields[row]:
            packet += struct.pack("=Q", 1) if kind == "NUMBER" else struct.pack("=Q", 4) + b"text\0"
        yield packet


def main():
    noun, folder = sys.argv[1:3]
    make = globals().get(f"of_{noun}")
    os.makedirs(folder, exist_ok=True)
    for number, data in enumerate(make() if make else ()):
        with open(os.path.join(folder, f"seed-{number:02}"), "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main()
