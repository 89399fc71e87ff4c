#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench-formation`: what the supervisor of `dyno start` costs and withstands; prints Markdown, fails if a promise is missed.

  DYNOS=100  IDLE_SECONDS=20  CRASH_SECONDS=10  FLOOD_SECONDS=3  ONLY="idle crash flood"

Three parts: dynos that sleep (processor time and memory of the supervisor), one dyno that crashes without end and one that
floods the log, each beside one that writes the time to the log every 10 ms. How late such a line is read here is how much the
others are disturbed. The pace of the machine and of this program is in that figure, so a process of the host that does the same
is told beside it.
"""
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

DYNO = os.path.abspath(os.environ.get("DYNO", "build/dyno"))
DYNOS = int(os.environ.get("DYNOS", "100"))
IDLE_SECONDS = float(os.environ.get("IDLE_SECONDS", "20"))
CRASH_SECONDS = float(os.environ.get("CRASH_SECONDS", "10"))
FLOOD_SECONDS = float(os.environ.get("FLOOD_SECONDS", "3"))
ONLY = os.environ.get("ONLY", "idle crash flood").split()

CLOCK = "clock: i=0; while :; do i=$((i+1)); echo tick $i $EPOCHREALTIME; sleep 0.01; done\n"
# Lines of 128 bytes, as many as go; how many it were comes when the log takes lines again.
FLOOD = """
import os, sys, time
block = (b"x" * 127 + b"\\n") * 512
begun = time.monotonic()
written = 0
while time.monotonic() < begun + float(sys.argv[1]):
    view = memoryview(block)
    while view:
        view = view[os.write(1, view):]
    written += 512
took = time.monotonic() - begun
time.sleep(2)
print("flooded", written, took, flush=True)
time.sleep(1000)
"""


class Formation:
    """One `dyno start`, read line by line."""

    def __init__(self, work, procfile, *options):
        app = os.path.join(work, "app")
        with open(os.path.join(app, "Procfile"), "w", encoding="ascii") as file:
            file.write(procfile)
        environment = dict(os.environ, DYNO_DATA_DIR=os.path.join(work, "data"))
        self.process = subprocess.Popen(
            [DYNO, "start", "-a", f"bench-{os.getpid()}", *options],
            cwd=app, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.rest = b""

    def lines(self, seconds):
        """Each line that comes within that time, and when it was read."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.process.stdout], [], [], left)[0]:
                return
            got = os.read(self.process.stdout.fileno(), 1 << 20)
            now = time.time()
            if not got:
                raise SystemExit("formation: dyno start has ended")
            lines = (self.rest + got).split(b"\n")
            self.rest = lines.pop()
            for line in lines:
                yield now, line.decode(errors="replace")

    def wait(self, text, times=1):
        """Read until that many lines hold the text."""
        for _, line in self.lines(60):
            times -= text in line
            if times == 0:
                return
        raise SystemExit(f"formation: no '{text}' within a minute")

    def cpu_seconds(self):
        """Of all threads, in user and system mode."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total / 1e9

    def memory(self, name):
        """KiB, of a line of smaps_rollup or status."""
        for place in ("smaps_rollup", "status"):
            with open(f"/proc/{self.process.pid}/{place}", encoding="ascii") as file:
                for line in file:
                    if line.startswith(name + ":"):
                        return int(line.split()[1])
        raise SystemExit(f"formation: the kernel tells no {name}")

    def stop(self):
        """In order; twice when it does not go."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGINT)
            self.process.communicate()


class Clock:
    """The lines of the dyno that tells the time: how late they were, and how many are missing; and of the host's process."""

    def __init__(self):
        self.late = []
        self.numbers = []
        self.host_late = []
        self.host = subprocess.Popen(["bash", "-c", CLOCK.removeprefix("clock: ")], stdout=subprocess.PIPE)
        threading.Thread(target=self.read_host, daemon=True).start()

    def read_host(self):
        for line in self.host.stdout:
            self.host_late.append(time.time() - float(line.split()[-1]))

    def stop(self):
        self.host.kill()
        self.host.wait()

    def hear(self, now, line):
        """Return: whether it was one of its lines."""
        match = re.search(r" app\[clock\.1\]: tick (\d+) ([\d.]+)$", line)
        if match:
            self.numbers.append(int(match[1]))
            self.late.append(now - float(match[2]))
        return bool(match)

    def missing(self):
        return self.numbers[-1] - self.numbers[0] + 1 - len(self.numbers)

    def row(self, what):
        self.stop()
        worst = max(self.late) * 1000
        usual = sorted(self.late)[len(self.late) // 2] * 1000
        row(what, f"{usual:.2f} ms late, {worst:.0f} ms at worst (a process of the host: {max(self.host_late) * 1000:.0f} ms), "
            f"{self.missing()} missing", "< 100 ms, 0 missing", worst < 100 and self.missing() == 0)


rows = []


def row(what, measured, promised, kept):
    rows.append((what, measured, promised, "kept" if kept else "MISSED"))


def private_kib(formation):
    """What is its own alone: the program's code is shared with others, or not, by chance."""
    return formation.memory("Private_Dirty")


def idle(work):
    """Dynos that do nothing: what the supervisor takes."""
    memory = {}
    for count in (1, DYNOS):
        formation = Formation(work, "idle: exec sleep 100000\n", "-m", f"idle={count}")
        formation.wait("to up", count)
        before = formation.cpu_seconds()
        for _ in formation.lines(IDLE_SECONDS if count > 1 else 1):
            pass
        used = formation.cpu_seconds() - before
        memory[count] = (private_kib(formation), formation.memory("Rss"))
        formation.stop()
    percent = 100 * used / IDLE_SECONDS
    each, all_each = ((memory[DYNOS][i] - memory[1][i]) / (DYNOS - 1) for i in (0, 1))
    row(f"processor time of the supervisor, {DYNOS} idle dynos", f"{percent:.3f} % of a core", "< 0.5 %", percent < 0.5)
    row("memory of the supervisor for each dyno", f"{each:.1f} KiB private, {all_each:.1f} KiB resident", "< 64 KiB",
        max(each, all_each) < 64)


def crash(work):
    """A type that crashes and is started again at once, without end."""
    crashes, others = 0, []
    formation = Formation(work, CLOCK + "idle: exec sleep 100000\nbad: exit 1\n",
                          "-m", f"clock=1,idle={DYNOS - 2},bad=1", "--backoff", "0")
    formation.wait(f"[idle.{DYNOS - 2}]: State changed from starting to up")
    clock = Clock()
    for _ in formation.lines(1):
        pass
    for now, line in formation.lines(CRASH_SECONDS):
        if not clock.hear(now, line):
            crashes += "heroku[bad.1]: Process exited" in line
            if "[bad.1]" not in line:
                others.append(line)
    formation.stop()
    clock.row(f"another's lines while a dyno crashes {crashes / CRASH_SECONDS:.0f} times a second, {DYNOS} dynos")
    row("what happened to the others meanwhile", others[0] if others else "nothing", "nothing", not others)


def flood(work):
    """A dyno that writes as fast as it can."""
    clock, got, dropped, told = Clock(), 0, 0, None
    with open(os.path.join(work, "app", "flood.py"), "w", encoding="ascii") as file:
        file.write(FLOOD)
    formation = Formation(work, CLOCK + f"flood: sleep 1; exec python3 /app/flood.py {FLOOD_SECONDS}\n")
    for now, line in formation.lines(FLOOD_SECONDS + 15):
        if clock.hear(now, line):
            if told:
                break
        elif re.search(r"heroku\[(flood\.1|logplex)\]: Error L1[12]", line):
            dropped += int(re.search(r"(\d+) messages dropped", line)[1])
        elif " app[flood.1]: x" in line:
            got += 1
        elif " app[flood.1]: flooded" in line:
            told = line.split()
    if not told:
        raise SystemExit("formation: the flood did not end")
    most = formation.memory("VmHWM") / 1024
    formation.stop()
    written, took = int(told[-2]), float(told[-1])
    rate = written * 128 / took / (1 << 30)
    row("what a dyno can write without being stopped", f"{rate:.2f} GiB/s", ">= 1 GiB/s", rate >= 1)
    clock.row("another's lines meanwhile")
    row("most memory of the supervisor", f"{most:.1f} MiB", "< 32 MiB", most < 32)
    row(f"{written} lines: {got} came, {dropped} said to be dropped", f"{written - got - dropped} unaccounted for", "0",
        written == got + dropped)


def main():
    work = tempfile.mkdtemp(prefix="dyno-bench-formation.")
    try:
        os.mkdir(os.path.join(work, "app"))
        os.chmod(work, 0o755)
        os.chmod(os.path.join(work, "app"), 0o755)
        for part in (idle, crash, flood):
            if part.__name__ in ONLY:
                part(work)
    finally:
        shutil.rmtree(work)
    print("| formation | measured | promised | |\n|---|---|---|---|")
    for each in rows:
        print("| " + " | ".join(each) + " |")
    return any(each[-1] != "kept" for each in rows)


if __name__ == "__main__":
    sys.exit(main())
