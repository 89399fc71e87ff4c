#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# foreman and dyno start, given the same Procfiles, .env files and options: the same processes, ports and values?
#
#   tests/foreman.sh [--build DIR] [--update] [CASE]...
#
# A case is a directory of tests/foreman: an app, with
#   args           options for both; args.foreman and args.dyno: those of one that spells them otherwise
#   caller         variables in the environment of who calls the tool
#   expected.diff  how dyno differs from foreman. It has to be so, as much as all else has to be equal; docs/foreman.md
#                  says why. --update writes it anew.
#
# What is compared: which process started, what each wrote (tests/foreman/report: environment and arguments), how those ended
# that ended by themselves, how the tool ended, and whether a process was left behind.
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
build=$source/build
update=
work=${DYNO_FOREMAN_WORK:-}
cases_pid=

die() {
	echo "foreman.sh: $*" >&2
	exit 1
}

# mark TOOL - the name of each process of this case that stays
mark() {
	echo "report-$(basename "$work").$case.$1"
}

# left TOOL - pids of its processes
left() {
	pgrep -f "^$(mark "$1") " || true
}

# words FILE - arguments into the array of that name; quotes as in a shell
words() {
	words=()
	[ ! -f "$1" ] || mapfile -t words < <(xargs -r printf '%s\n' <"$1")
}

# lay_out TOOL - the app's directory, once for each: foreman's processes write to it
lay_out() {
	local directory
	mkdir -p "$at/$1" "$at/home"
	cp -a "$source/tests/foreman/$case/." "$at/$1/"
	rm -f "$at/$1"/{args,args.foreman,args.dyno,caller,expected.diff}
	while read -r directory; do
		cp -a "$source/tests/foreman/report" "$directory/"
		mark "$1" >"$directory/mark"
	done < <(find "$at/$1" -type d)
}

# start TOOL COMMAND... - in the app's directory, with an environment that is the same everywhere. Sets pid
start() {
	local tool=$1 words caller=()
	shift
	[ ! -f "$app/caller" ] || mapfile -t caller <"$app/caller"
	words "$app/args"
	[ ! -f "$app/args.$tool" ] || words "$app/args.$tool"
	: >"$at/$tool.log"
	(
		cd "$at/$tool"
		exec env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$at/home" LANG=C.UTF-8 "${caller[@]}" "$@" "${words[@]}"
	) >>"$at/$tool.log" 2>&1 &
	pid=$!
	echo "$pid" >"$at/$tool.pid"
}

# facts_foreman - "LABEL started", "LABEL | line", "LABEL exited STATUS", until it stops the others
facts_foreman() {
	sed -e "s|$at/foreman|DIRECTORY|g" -e "s|$at/home|CALLER|g" "$at/foreman.log" | awk '
		$2 == "system" { over = 1 }
		over || !/^[0-9:]+ [^ ]+ +\| / { next }
		{ label = $2; sub(/^[0-9:]+ [^ ]+ +\| /, "") }
		# written by foreman into the pipe that the process has already
		/^started with pid / { print label, "started"; next }
		/^exited with code / { lines[count++] = label " exited " $4; next }
		{ lines[count++] = label " | " $0 }
		END { for (i = 0; i < count; i++) print lines[i] }'
}

# facts_dyno - the same of dyno start; one-off dynos have numbers by chance
facts_dyno() {
	sed -E 's/\[release\.[0-9]{4}\]/[release.N]/' "$at/dyno.log" | awk '
		over || !/^[^ ]+ (app|heroku)\[[^]]+\]: / { next }
		{ split($2, part, /[][]/); label = part[2]; sub(/^[^ ]+ [^ ]+ /, "") }
		label == "api" { next } # of the app, not of a process: foreman has no such line
		part[1] == "app" { print label " | " $0; next }
		/^Starting process with command / { print label, "started" }
		/^Process exited with status / { print label, "exited", $5 }
		/^Stopping all processes with SIGTERM/ { over = 1 }'
}

# settled TOOL - every process that was started has written its last line, or has ended
settled() {
	"facts_$1" | awk '
		$2 == "started" { waiting[$1]++; heard[$1] = 0; some = 1 }
		$2 == "|" && $3 == "argv" { waiting[$1]--; heard[$1] = 1 }
		$2 == "exited" && !heard[$1] { waiting[$1]-- }
		END { for (label in waiting) if (waiting[label] > 0) exit 1; exit !some }'
}

# pause - a tenth of a second, without another process
pause() {
	read -rt 0.1 -u "$never" || true
}

# settle TOOL PID - until nothing more is to be expected, or the tool has ended by itself
settle() {
	local quiet=0 size=0 before=-1 end=$((SECONDS + 60)) idle=$((SECONDS + 8))
	while kill -0 "$2" 2>/dev/null && [ $SECONDS -lt $end ]; do
		pause
		size=$(stat -c %s "$at/$1.log")
		quiet=$((size == before ? quiet + 1 : 0))
		before=$size
		[ $quiet -ge 5 ] || continue
		quiet=0
		! settled "$1" || return 0
		# foreman without a process waits for ever
		[ $SECONDS -lt $idle ] || pgrep -P "$2" >/dev/null || return 0
	done
}

# gone PID SECONDS - has it ended by then?
gone() {
	local end=$((${EPOCHREALTIME/[.,]/} + $2 * 1000000))
	while kill -0 "$1" 2>/dev/null; do
		[ "${EPOCHREALTIME/[.,]/}" -lt $end ] || return 1
		pause
	done
}

# finish TOOL PID - stop it. Prints what is to be said of the tool itself
finish() {
	local status=0 began
	[ "$1" = dyno ] || find "$at/$1" -type d -exec touch {}/go \;
	! grep -rqs -e '--exit' "$at/foreman"/Procfile* || [ "$1" = dyno ] || gone "$2" 10 || true
	if ! kill -0 "$2" 2>/dev/null; then
		wait "$2" || status=$?
		echo "tool: ended by itself, status $status"
		return 0
	fi
	began=${EPOCHREALTIME/[.,]/}
	kill -TERM "$2"
	if ! gone "$2" 45; then
		kill -KILL "$2"
		echo "tool: did not stop"
		return 0
	fi
	wait "$2" || status=$?
	echo "tool: ran until it was stopped, status $status"
	# --timeout 1: not before, and long before what foreman (5 s) and dyno (30 s) wait without it
	began=$(((${EPOCHREALTIME/[.,]/} - began) / 100000))
	if [ ! -f "$app/args" ] || ! grep -q -e -t "$app/args"; then
		return 0
	elif [ $began -ge 10 ] && [ $began -lt 40 ]; then
		echo "tool: stopped in time"
	else
		echo "tool: stopped after $began tenths of a second"
	fi
}

# run TOOL COMMAND... - one side of the case: facts into TOOL.facts
run() {
	local tool=$1 pid pids
	lay_out "$tool"
	start "$@"
	settle "$tool" "$pid"
	finish "$tool" "$pid" >"$at/$tool.facts"
	rm "$at/$tool.pid"
	# what foreman started is foreman's child; its children's end is nobody's business there
	mapfile -t pids < <(left "$tool")
	[ ${#pids[@]} = 0 ] || echo "tool: left ${#pids[@]} of its processes running" >>"$at/$tool.facts"
	[ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}" || true
	"facts_$tool" | LC_ALL=C sort -s -t ' ' -k 1,1V >>"$at/$tool.facts"
}

# show TEXT - with the case's name, in one piece: others run beside this one
show() {
	printf '%s - %s\n%s' "$1" "$case" "${2:+$2
}"
}

# judge - compare both sides with each other, and the difference with the expected one
judge() {
	local difference wrong
	diff -U 10000 --label foreman --label dyno "$at/foreman.facts" "$at/dyno.facts" >"$at/difference" || true
	if [ -n "$update" ]; then
		rm -f "$app/expected.diff"
		[ ! -s "$at/difference" ] || cp "$at/difference" "$app/expected.diff"
		difference=$(cat "$at/difference")
		show updated "$difference"
	elif [ ! -f "$app/expected.diff" ] && ! grep -q ' started$' "$at/foreman.facts"; then
		show "not ok" "foreman started nothing: $(cat "$at/foreman.log")"
		return 1
	elif [ ! -f "$app/expected.diff" ] && [ -s "$at/difference" ]; then
		difference=$(cat "$at/difference")
		show "not ok" "$difference"
		return 1
	elif [ -f "$app/expected.diff" ] && ! wrong=$(diff -u --label expected "$app/expected.diff" --label found "$at/difference"); then
		show "not ok" "$wrong
$(cat "$at/dyno.log")"
		return 1
	else
		show ok
	fi
}

# one_case - both tools at once: each waits most of the time
one_case() {
	app=$source/tests/foreman/$case
	at=$work/$case
	[ -d "$app" ] || die "no such case: $case"
	mkdir -p "$at/data"
	local foreman_pid status=0 scratch=()
	exec {never}<> <(:)
	[ -z "${XDG_RUNTIME_DIR:-}" ] || scratch=("XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR")
	run foreman foreman start &
	foreman_pid=$!
	run dyno env "DYNO_DATA_DIR=$at/data" "${scratch[@]}" "$build/dyno" start -a "foreman-test-$$" || status=$?
	wait "$foreman_pid" || status=$?
	[ $status = 0 ] || die "$case: a script of the test failed"
	judge
}

# in a network of its own a case has all ports
alone() {
	exec unshare --net sh -c 'ip link set lo up && exec "$@"' sh "$@"
}

main() {
	local cases=() self=("$source/tests/foreman.sh") both jobs=1 status=0
	while [ $# -gt 0 ]; do
		case $1 in
		--build) build=$(cd "$2" && pwd) && shift ;;
		--update) update=1 ;;
		--case)
			case=$2
			one_case
			exit 0
			;;
		--alone) shift && alone "${self[@]}" "$@" ;;
		-*) die "no such option: $1" ;;
		*) cases+=("$1") ;;
		esac
		shift
	done
	command -v foreman >/dev/null || die "foreman is missing: scripts/install-deps.sh foreman"
	[ ${#cases[@]} -gt 0 ] || mapfile -t cases < <(find "$source/tests/foreman" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)
	work=$(mktemp -d /tmp/dyno-foreman.XXXXXX)
	exec {never}<> <(:)
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	chmod 755 "$work"
	both=(--build "$build" ${update:+--update})
	if [ "$(id -u)" = 0 ] && unshare --net true 2>/dev/null; then
		both=(--alone "${both[@]}")
		jobs=10
	fi
	printf '%s\0' "${cases[@]}" | DYNO_FOREMAN_WORK=$work xargs -0 -n 1 -P $jobs "${self[@]}" "${both[@]}" --case &
	# bash runs a trap while it waits, but not while a command runs in the foreground
	cases_pid=$!
	wait "$cases_pid" || status=1
	cases_pid=
	[ $status = 0 ] || die "foreman and dyno start do not compare as docs/foreman.md says"
	echo "foreman.sh: ${#cases[@]} cases, all as docs/foreman.md says"
}

# clean_up - no case any more, and nothing of those that were interrupted
clean_up() {
	local pids file
	[ -z "$cases_pid" ] || kill -TERM "$cases_pid" || true
	for file in "$work"/*/*.pid; do
		[ -f "$file" ] || continue
		kill -TERM "$(cat "$file")" 2>/dev/null || true
		gone "$(cat "$file")" 10 || true
	done
	mapfile -t pids < <(pgrep -f "^report-$(basename "$work")\." || true)
	[ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
	rm -rf --one-file-system "$work"
}

main "$@"
