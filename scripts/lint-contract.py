#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/contract.md and the tests agree.

A row of its tables begins with its section. It names at least one test, or says in what it differs and why; each test that it
names exists, as PROGRAM:FUNCTION of tests/unit or tests/sandbox, and is run. A test called contract_4_3_... is named in a row of 4.3.
"""

import pathlib
import re
import sys

DOCUMENT = "docs/contract.md"
SECTIONS = ("4.1", "4.2", "4.3", "4.4", "4.5", "4.9", "4.10")
COLUMNS = 6


def rows(text):
    """Yield (line number, cells) of each row that begins with a section."""
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and re.fullmatch(r"4\.\d+", cells[0]):
            yield number, cells


def tests():
    """The tests that run: a set of PROGRAM:FUNCTION."""
    found = set()
    for path in [*pathlib.Path("tests/unit").glob("test_*.c"), *pathlib.Path("tests/sandbox").glob("test_*.c")]:
        # cmocka_unit_test(NAME), DIRECTORY_TEST(NAME) and their like, SANDBOX_TEST(NAME, MODES)
        for name in re.findall(r"\b\w*(?:_TEST|_test\w*)\((\w+)", path.read_text()):
            found.add(f"{path.stem}:{name}")
    return found


def main():
    """Say each mistake with its place. Return: exit code."""
    existing, named, sections, mistakes = tests(), set(), set(), []
    for number, cells in rows(pathlib.Path(DOCUMENT).read_text()):
        place = f"{DOCUMENT}:{number}"
        if len(cells) != COLUMNS:
            mistakes.append(f"{place}: {len(cells)} columns, not {COLUMNS}")
            continue
        section, proofs, differs = cells[0], re.findall(r"test_\w+:\w+", cells[4]), cells[5]
        sections.add(section)
        if not proofs and not differs.startswith("differs: "):
            mistakes.append(f"{place}: neither a test nor 'differs: why'")
        for proof in proofs:
            named.add((section, proof))
            if proof not in existing:
                mistakes.append(f"{place}: there is no test {proof}")
    mistakes += [f"{DOCUMENT}: nothing of section {section}" for section in SECTIONS if section not in sections]
    for test in sorted(existing):
        section = re.match(r"test_\w+:contract_(\d+)_(\d+)_", test)
        if section and (".".join(section.groups()), test) not in named:
            mistakes.append(f"{DOCUMENT}: {test} is in no row of its section")
    print("\n".join(mistakes), end="\n" if mistakes else "")
    return 1 if mistakes else 0


sys.exit(main())
