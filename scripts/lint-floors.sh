#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The floors of the house: an include may only point down, and rooms on one floor do not know each other.
#
#   cli  ->  launcher | formation  ->  runtime  ->  isolation | netns | config  ->  base
#
# include/dyno.h is visible everywhere; tests and benchmarks may look into every room.
set -euo pipefail

awk '
BEGIN {
	floor["base"] = 1
	floor["isolation"] = floor["netns"] = floor["config"] = 2
	floor["runtime"] = 3
	floor["launcher"] = floor["formation"] = 4
	floor["cli"] = floor["oci"] = floor["platform"] = 5
}
{
	room = FILENAME
	sub(/\/.*/, "", room)
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	target = $0
	sub(/^[^"]*"/, "", target)
	sub(/".*/, "", target)
	if (target ~ /\.\./) {
		printf "%s:%d: \"%s\" goes up by path: name the room\n", FILENAME, FNR, target
		bad = 1
	}
	if (!(room in floor) || target !~ /\//)
		next
	other = target
	sub(/\/.*/, "", other)
	if (other == room)
		next
	if (!(other in floor))
		why = "is not a room"
	else if (floor[other] > floor[room])
		why = "is on a higher floor"
	else if (floor[other] == floor[room])
		why = "is on the same floor"
	else
		next
	printf "%s:%d: \"%s\": %s %s, seen from %s\n", FILENAME, FNR, target, other, why, room
	bad = 1
}
END { exit bad }
' "$@"
