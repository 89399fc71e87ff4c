#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The claims of the project, held against what the benchmarks measured.

Usage: report.py DIRECTORY

DIRECTORY holds NAME.json and NAME.md of each program that ran. Prints the report as Markdown, and writes report.json beside:
every row, and every claim with its figure. A claim whose rows were not measured is left out by name.
"""

import json
import pathlib
import sys

PARTS = (
    ("commands", "Commands: request to first instruction"),
    ("library", "The library: request to first instruction"),
    ("throughput", "Throughput"),
    ("density", "Density"),
    ("launcher", "The launcher under load"),
    ("network", "The network"),
)

BARE = {"N": "posix_spawn", "G": "posix_spawn, static glibc"}


def library(label, most_g, most_n):
    """A row of the library's table: both programs, each to its own bare spawn."""
    for kind, most in (("G", most_g), ("N", most_n)):
        yield (f"{label}, {kind}", "library", f"{label}, {kind}", f"posix_spawn, {kind}", "<=", most)


CLAIMS = (
    ("By the library, to a bare spawn of the same program", (
        *library("library, cold, no network namespace", 1.8, 3.7),
        *library("library, cold, network namespace, cgroup", 3.0, 7.0),
        *library("library, cold, published port", 4.0, 10.0),
        *library("pooled parts", 1.4, 2.5),
        *library("parked, any slug", 1.3, 2.0),
        *library("parked, slug known", 1.0, 1.1),
        ("network and published port add, G", "library",
         ("library, cold, published port, G", "library, cold, network namespace, cgroup, G"), "posix_spawn, G", "<=", 1.2),
    )),
    ("As a command", tuple(
        (f"{ours} / {theirs}", "commands", ours, theirs, "<=", most) for ours, theirs, most in (
            ("dyno run --net none, static glibc", BARE["G"], 3.0),
            ("dyno run through the launcher, static glibc", BARE["G"], 2.6),
            ("dyno run through the launcher, any slug, static glibc", BARE["G"], 2.6),
            ("dyno run --net none", "bwrap --unshare-all --share-net", 0.42),
            ("dyno run (private network)", "bwrap --unshare-all", 0.60),
            ("dyno run through the launcher", "bwrap --unshare-all", 0.32),
            ("dyno run --net none", "crun run", 0.42),
            ("dyno run --net none", "runc run", 0.42),
        ))),
    ("Throughput, to bare spawns a second", (
        ("from a pool with its refill running", "throughput", "throughput ratio: pool, private network, any slug", None, ">=", 0.10),
        ("cold, no network namespace", "throughput", "throughput ratio: cold, no network namespace", None, ">=", 0.15),
        ("cold, fresh network", "throughput", "throughput ratio: cold, private network", None, ">=", 0.045),
        ("many in a row: last fifth / first", "throughput", "last fifth / first fifth", None, "<=", 1.2),
        ("things left behind", "throughput", "left behind", None, "<=", 0),
    )),
    ("Density", (
        ("KiB a parked sandbox, no network namespace", "density", "KiB parked, no network namespace", None, "<=", 128),
        ("KiB a parked sandbox, network namespace", "density", "KiB parked, network namespace", None, "<=", 384),
        ("one more launch beside all / beside ten", "density", "one more, private network", None, "<=", 1.3),
    )),
    ("The launcher", (
        ("warm starts: p99 / median", "launcher", "p99 / median", None, "<=", 3.0),
        ("requests without an answer", "launcher", "unanswered", None, "<=", 0),
    )),
)


def figure(rows, ours, theirs, of="median"):
    """The number of a claim: a ratio of medians, the row's own, or what one row has more than another. None when it was not measured."""
    more, less = ours if isinstance(ours, tuple) else (ours, None)
    if any(label and label not in rows for label in (more, less, theirs)):
        return None
    if of not in rows[more]:
        return None
    got = rows[more][of] - (rows[less][of] if less else 0)
    return got / rows[theirs][of] if theirs else got


def read(directory):
    """Rows of each part by label."""
    parts = {}
    for name, _ in PARTS:
        path = directory / f"{name}.json"
        if path.exists():
            parts[name] = {row["label"]: row for row in json.loads(path.read_text())["rows"]}
    return parts


def tables(parts):
    """Print the claims, a table each group. Return them for report.json."""
    done = []
    for title, claims in CLAIMS:
        lines = []
        for text, part, ours, theirs, sense, limit in claims:
            got = figure(parts.get(part, {}), ours, theirs)
            if got is None:
                lines.append(f"| {text} | not measured | | {limit:g} | |")
                continue
            kept = got <= limit if sense == "<=" else got >= limit
            done.append({"claim": text, "figure": got, "limit": limit, "kept": kept})
            bound = "at most" if sense == "<=" else "at least"
            low = figure(parts[part], ours, theirs, "min")
            low = f"{low:.3g}" if low is not None else ""
            lines.append(f"| {text} | {got:.3g} | {low} | {bound} {limit:g} | {'kept' if kept else 'MISSED'} |")
        if any("not measured" not in line for line in lines):
            print(f"\n## {title}\n\n| claim | measured | of the fastest | promised | |\n|---|---:|---:|---:|---|")
            print("\n".join(lines))
    return done


def main():
    """Facts, claims, then what each program printed."""
    directory = pathlib.Path(sys.argv[1])
    parts = read(directory)
    facts = directory / "facts.md"
    print("# Benchmarks of dyno\n")
    if facts.exists():
        print(facts.read_text())
    claims = tables(parts)
    for name, title in PARTS:
        path = directory / f"{name}.md"
        if path.exists():
            print(f"\n## {title}\n\n{path.read_text().strip()}")
    rows = {name: list(part.values()) for name, part in parts.items()}
    (directory / "report.json").write_text(json.dumps({"claims": claims, "rows": rows}, indent=1) + "\n")


main()
