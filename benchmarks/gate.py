#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A change that makes boots one and a half times slower fails here; a noisy machine does not.

Usage: gate.py DIRECTORY [--record]

DIRECTORY is where `make bench-tools` puts its programs. Each attempt launches commands and the library's ways in turns with bare
posix_spawn, and keeps the fastest launch of each. Noise only ever adds, so this moves least, for a way and for its yardstick
alike; a ratio is the one over the other. There are two yardsticks, posix_spawn and bubblewrap: how dear namespaces are,
compared with a plain spawn, differs between machines, but bubblewrap pays it too. gate.json holds the ratios of a quiet
machine (`make bench-gate RECORD=--record`).

A way passes as soon as its ratio to either yardstick is within MARGIN of what is recorded; those that do not are tried again. What
does not pass on a machine whose CPUs others use for more than a quarter, before and after, is not judged: a launch works on two
CPUs at once, and bubblewrap on one.
1.35: in a dozen runs of one build, quiet and beside compilers on both CPUs, the ratios stayed within 1.25 of the recorded ones; a launch
that takes 1.5 times as long does so at its fastest, too.
"""

import json
import pathlib
import subprocess
import sys
import time

MARGIN = 1.35
ATTEMPTS = 5
SECONDS = 17
RUNS = 50
BUSY = 0.25
RECORD = pathlib.Path(__file__).with_name("gate.json")
WAYS = ("none", "late-one", "known-one")
SPAWN, BWRAP, COMMAND = "posix_spawn", "bwrap", "dyno run --net none"


def fastest(directory, lowest, program, *arguments):
    """Run one of the programs; keep the fastest launch of each row in lowest."""
    path = directory / "gate.rows.json"
    subprocess.run([str(directory / program), "-n", str(RUNS), "-j", str(path), *map(str, arguments)], check=True,
                   stdout=subprocess.DEVNULL)
    for row in json.loads(path.read_text())["rows"]:
        lowest[row["label"]] = min(row["min"], lowest.get(row["label"], row["min"]))


def have_bwrap(root):
    """Whether bubblewrap is here and can do its work."""
    try:
        return subprocess.run(["bwrap", "--unshare-all", "--ro-bind", root, "/", "/first"], check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False


def attempt(directory, lowest):
    """Measure everything once more. Return {way: {yardstick: ratio}} of the lowest so far."""
    app = directory / "app"
    root = str(directory / "root")
    commands = [SPAWN, app / "first", "---", COMMAND, directory.parent / "dyno", "run", "-q", "--no-launcher", "--net", "none", "--slug", app, "--",
                "/app/first"]
    if have_bwrap(root):
        commands += ["---", BWRAP, "bwrap", "--unshare-all", "--share-net", "--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev",
                     "/first"]
    fastest(directory, lowest, "spawn", *commands)
    fastest(directory, lowest, "launch", app, *WAYS)
    ways = [COMMAND] + [label for label in lowest if label.endswith(", N") and not label.startswith(SPAWN)]
    return {way: {yardstick: lowest[way] / lowest[yardstick] for yardstick in (SPAWN, BWRAP) if yardstick in lowest}
            for way in ways}


def lay_out(directory):
    """The slug, and the root that bubblewrap binds: one program in each."""
    for path in (directory / "app", directory / "root"):
        path.mkdir(exist_ok=True)
        for name in ("proc", "dev"):
            (path / name).mkdir(exist_ok=True)
        for name in ("first", "first-glibc"):
            (path / name).write_bytes((directory / name).read_bytes())
            (path / name).chmod(0o755)


def busy():
    """The share of the CPUs' time that others use, while this sleeps."""
    def look():
        ticks = [int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(ticks) - ticks[3] - ticks[4], sum(ticks)

    used, all_of_it = look()
    time.sleep(0.5)
    used_then, all_then = look()
    return (used_then - used) / max(1, all_then - all_of_it)


def measure(directory, recorded):
    """Attempts until all pass, there were enough, or time is up. Return the ratios, which way did not pass, and whether to believe it."""
    lowest, noise, begin = {}, busy(), time.monotonic()
    for _ in range(ATTEMPTS):
        ratios = attempt(directory, lowest)
        failing = [way for way in ratios if way in recorded and not any(
            ratio <= recorded[way].get(yardstick, 0) * MARGIN for yardstick, ratio in ratios[way].items())]
        if recorded and not failing or time.monotonic() - begin > SECONDS:
            break
    return ratios, failing, not failing or min(noise, busy()) <= BUSY


def main():
    """Measure, and compare or record."""
    directory = pathlib.Path(sys.argv[1]).resolve()
    lay_out(directory)
    recorded = {} if "--record" in sys.argv else json.loads(RECORD.read_text())
    best, failing, believed = measure(directory, recorded)
    if not recorded:
        rounded = {way: {name: round(ratio, 3) for name, ratio in ratios.items()} for way, ratios in best.items()}
        RECORD.write_text(json.dumps(rounded, indent=1) + "\n")
    for way, ratios in best.items():
        for yardstick, ratio in ratios.items():
            was = recorded.get(way, {}).get(yardstick)
            print(f"bench-gate: {way} / {yardstick}: {ratio:.2f}" + (f", recorded {was:.2f}" if was else ""))
    for way in sorted(failing):
        print(f"bench-gate: {way} {'FAILED' if believed else 'not judged on this busy machine'}: more than {MARGIN} times what {RECORD.name} has, by every yardstick")
    return 1 if failing and believed else 0


sys.exit(main())
