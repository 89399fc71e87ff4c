#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scheduler's first lines, in Python and with nothing else: many dynos by a resident launcher.

    scheduler.py [-s SOCKET] COUNT COMMAND [ARGUMENT...]

The same as scheduler.c, by the protocol itself (docs/launcher-protocol.md): packets of NUL-ended fields on a unix
socket, descriptors beside them.
"""

import array
import os
import socket
import sys


def default_path():
    """Where this user's launcher listens."""
    if os.geteuid() == 0:
        return "/run/dyno/launcher.sock"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and os.access(runtime, os.W_OK):
        return runtime + "/dyno/launcher.sock"
    return f"/tmp/dyno-{os.geteuid()}/launcher.sock"


def send(sock, verb, number, fields, fds=None):
    """Send one packet; fds: {"slug": descriptor, ...}."""
    fds = fds or {}
    if fds:
        fields = fields + [("fds", ",".join(fds))]
    packet = f"DYNO/1 {verb} {number}\0" + "".join(f"{key}={value}\0" for key, value in fields)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds.values()))] if fds else []
    sock.sendmsg([packet.encode()], rights)


def receive(sock):
    """Wait for one packet. Return its verb, the number of the request it belongs to, and its fields."""
    packet = sock.recv(65536)
    if not packet:
        sys.exit("scheduler: the launcher went away")
    head, *fields = packet.decode(errors="replace").rstrip("\0").split("\0")
    _, verb, number = head.split(" ")
    return verb, int(number), dict(field.split("=", 1) for field in fields)


def boot_ms(timeline):
    """From the request to the first instruction of the command."""
    stamps = dict(stamp.split(":") for stamp in timeline.split(","))
    return (int(stamps["exec"]) - int(stamps["requested"])) / 1e6


def schedule(sock, count, argv):
    """Ask for all dynos at once, then read what becomes of them. Return how many failed."""
    births = {"warm": 0, "pooled": 0, "cold": 0}
    over = failed = 0
    fields = [("net", "none")] + [("argv", word) for word in argv]
    for number in range(1, count + 1):
        # what is not given is /dev/null in the dyno: standard input is nobody's
        send(sock, "START", number, fields, {"stdout": 1, "stderr": 2})
    while over < count:
        verb, number, event = receive(sock)
        name = event.get("dyno", f"request {number}")
        if verb == "UP":
            births[event["birth"]] += 1
            print(f"{name:12} {event['birth']:6} {boot_ms(event['timeline']):8.3f} ms  pid {event['pid']}", flush=True)
        elif verb == "EXITED":
            failed += event.get("exit") != "0"
            if event.get("reason"):
                print(f"{name:12} {event['reason']}", flush=True)
        elif verb in ("FAILED", "REFUSED"):
            failed += 1
            over += verb == "REFUSED"  # nothing was started, and nothing follows
            print(f"scheduler: {event.get('step')}: {event.get('text')}", file=sys.stderr, flush=True)
        elif verb == "GONE":
            over += 1
    print(f"{count} dynos:", ", ".join(f"{n} {birth}" for birth, n in births.items()) + f"; {failed} failed")
    return failed


def main(words):
    """Read the command line. Return the exit status."""
    path = default_path()
    if words[:1] == ["-s"]:
        path, words = words[1], words[2:]
    if len(words) < 2 or not words[0].isdecimal():
        print("usage: scheduler.py [-s SOCKET] COUNT COMMAND [ARGUMENT...]", file=sys.stderr)
        return 2
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        try:
            sock.connect(path)
        except OSError as error:
            print(f"scheduler: cannot reach the launcher at {path}: {error.strerror}", file=sys.stderr)
            return 1
        return 1 if schedule(sock, int(words[0]), words[1:]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
