#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every function has a comment: above its definition, or (public ones) above its declaration in the room's header.

Functions of tests may do without when their name says it all; everything in the rooms may not. A file starts with its
licence and one line of purpose. universal-ctags finds the functions.
"""

import pathlib
import re
import subprocess
import sys

ROOMS = ("base", "isolation", "netns", "config", "runtime", "launcher", "formation", "cli")


def functions(paths):
    """Yield (name, path, line) of each function definition."""
    out = subprocess.run(
        ["ctags", "--languages=C", "--kinds-C=f", "--fields=+n", "-o", "-", *paths],
        check=True, capture_output=True, text=True).stdout
    for row in out.splitlines():
        fields = row.split("\t")
        line = next(int(f[5:]) for f in fields[3:] if f.startswith("line:"))
        yield fields[0], fields[1], line


def commented_above(lines, index):
    """Is there a comment directly above line number index (from 0)? The return type may stand on lines between."""
    index -= 1
    while index >= 0 and lines[index].strip() and not lines[index].strip().endswith(("*/", "}", ";")):
        index -= 1
    return index >= 0 and lines[index].strip().endswith("*/")


def declared_with_comment(name, path, headers):
    """Is the function declared in a header of its room (or the public one) in a commented group?"""
    room = path.split("/")[0]
    for header, lines in headers.items():
        if header.parts[0] not in (room, "include"):
            continue
        for number, line in enumerate(lines):
            if not re.search(rf"\b{re.escape(name)}\(", line) or line.lstrip().startswith(("*", "/*")):
                continue
            # declarations that follow each other without a blank line share the comment above the first
            above = number
            while above > 0 and lines[above - 1].strip():
                above -= 1
                if lines[above].strip().endswith("*/"):
                    return True
    return False


def main(paths):
    """Print what lacks a comment; return the number of such places."""
    rooms = [p for p in paths if p.split("/")[0] in ROOMS]
    headers = {h: h.read_text().splitlines()
               for room in (*ROOMS, "include") for h in pathlib.Path(room).rglob("*.h")}
    text = {p: pathlib.Path(p).read_text().splitlines() for p in rooms}
    bad = 0
    for path, lines in [*text.items(), *((str(h), t) for h, t in headers.items())]:
        if not lines or "SPDX-License-Identifier: Apache-2.0" not in lines[0]:
            print(f"{path}:1: no SPDX line")
            bad += 1
        if not any(re.search(rf"\b{re.escape(pathlib.Path(path).name)} - ", line) for line in lines[:4]):
            print(f"{path}:2: no line of purpose ({pathlib.Path(path).name} - ...)")
            bad += 1
    for name, path, line in functions(rooms) if rooms else ():
        if name == "main" or commented_above(text[path], line - 1) or declared_with_comment(name, path, headers):
            continue
        print(f"{path}:{line}: {name}() has no comment")
        bad += 1
    return bad


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
