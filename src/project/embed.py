"""Writes a C file that holds text files: embed.py OUT FOLDER FILE...

Each is named by its path below FOLDER. As numbers: a literal of their length is none of C's."""
import os
import sys

ROW = 24  # bytes in one line


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    if b"\0" in data or not data.isascii():
        sys.exit(f"{path}: a template is plain ASCII text")
    return data + b"\0"


def array(number, data):
    lines = [",".join(str(byte) for byte in data[at:at + ROW]) for at in range(0, len(data), ROW)]
    return f"static const char text_{number}[] = {{\n" + ",\n".join(lines) + "};\n"


def main(out, folder, *paths):
    paths = sorted(paths)
    rows = [f'    {{"{os.path.relpath(path, folder)}", text_{i}}},\n' for i, path in enumerate(paths)]
    with open(out, "w", encoding="ascii") as file:
        file.write('#include "project/embedded.h"\n\n')
        file.writelines(array(i, read(path)) for i, path in enumerate(paths))
        file.write("\nconst struct embedded_file embedded_files[] = {\n" + "".join(rows) + "};\n"
                   "const size_t embedded_file_count =\n"
                   "    sizeof embedded_files / sizeof embedded_files[0];\n")


main(*sys.argv[1:])
