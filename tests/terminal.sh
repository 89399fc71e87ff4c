#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What people do with dyno in a real terminal, tried in tmux: colours, ^C once and twice, the window's size, job control.
#
#   tests/terminal.sh [BUILD]        (make check-terminal; KEEP=1 prints the screen of each step)
#
# The tests of the sandbox have terminals of their own (tests/sandbox/test_terminal.c); this is the way through another program's.
# shellcheck disable=SC2016,SC1003 # what is typed is for the shell in the terminal
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
dyno=$(realpath "${1:-$source/build}")/dyno
work=$(mktemp -d /tmp/dyno-terminal.XXXXXX)
app=terminal-$$
failed=0

# a server of its own, which no configuration reaches
tmux() {
	command tmux -S "$work/tmux" -f /dev/null "$@"
}

clean_up() {
	tmux kill-server 2>/dev/null || true
	# what hung up needs a moment to end
	sleep 1
	rm -rf "$work"
}
trap clean_up EXIT

# type_keys TEXT - and Enter; press KEY... - as tmux names them
type_keys() {
	tmux send-keys -t test -l "$1"
	tmux send-keys -t test Enter
}

press() {
	tmux send-keys -t test "$@"
}

# screen [OPTION...] - what the terminal shows; -e with its colours
screen() {
	tmux capture-pane -p -t test "$@"
}

# shows PATTERN [OPTION...] - within 10 s. Return: whether it does
shows() {
	local pattern=$1 until=$((SECONDS + 10))
	shift
	while ! screen "$@" | grep -qE -- "$pattern"; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.1
	done
}

# check WHAT COMMAND...
check() {
	local what=$1
	shift
	if "$@"; then
		echo "ok - $what"
	else
		echo "not ok - $what: $*"
		screen | sed -e '/^$/d' -e 's/^/    | /'
		failed=$((failed + 1))
	fi
	[ -z "${KEEP:-}" ] || screen | sed -e '/^$/d' -e 's/^/    | /'
}

# fresh - an empty screen and a prompt
fresh() {
	type_keys clear
	shows '^host\$$' || echo "no prompt"
}

# procfile LINE...
procfile() {
	printf '%s\n' "$@" >"$work/app/Procfile"
}

chmod 755 "$work"
mkdir -m 755 "$work/app"
tmux new-session -d -s test -x 100 -y 40 -c "$work/app" \
	"env PS1='host\$ ' DYNO_DATA_DIR='$work/data' DYNO_APP='$app' bash --noprofile --norc -i"
shows '^host\$' || { echo "terminal.sh: tmux shows no prompt" >&2 && exit 1; }
# a control sequence of its own ends where bash is told that the command is over
type_keys "alias dyno='$dyno'; ended() { echo \"ended with \$?\"; }"

# ---- dyno start: colours -----------------------------------------------------------------------------------------------
procfile 'web: echo from the web; exec sleep 1000' \
	'worker: trap "echo asked; sleep 1; exit 0" TERM; echo at work; while :; do sleep 0.1; done' \
	'stubborn: trap "" TERM; echo stays; while :; do sleep 0.1; done'
fresh
type_keys 'dyno start --net none --boot-timeout 0 -m web=1,worker=1,stubborn=0; ended'
check 'a line of the app in columns' shows '^[0-9:]{8} worker\.1 +\| at work$'
check 'the name of a dyno in a colour' shows $'\033\\[[39][0-9]m[0-9:]{8} worker\\.1' -e
check 'another one in another colour' [ "$(screen -e | sed -n 's/^\(\x1b\[[0-9;]*m\).* web\.1 .*/\1/p' | head -1)" != \
	"$(screen -e | sed -n 's/^\(\x1b\[[0-9;]*m\).* worker\.1 .*/\1/p' | head -1)" ]
check 'what the platform says in grey' shows $'\033\\[90mState changed from starting to up' -e
press C-c
check '^C asks all of them to stop' shows 'worker\.1 +\| Stopping all processes with SIGTERM'
check '^C lets them end in order' shows 'worker\.1 +\| asked'
check '^C once: ends with 0, and the prompt is back' shows '^ended with 0'
fresh
type_keys 'dyno start --net none -m web=0,worker=0,stubborn=1; ended'
check 'a dyno that ignores TERM' shows 'stubborn\.1 +\| stays'
press C-c
check 'it is asked' shows 'Stopping all processes with SIGTERM'
sleep 1
check 'it is still there' shows 'SIGTERM$'
before=$SECONDS
press C-c
check '^C twice: at once' shows 'Process exited with status 137'
check '^C twice: the prompt is back' shows '^ended with'
check '^C twice: without the 30 s of grace' [ $((SECONDS - before)) -lt 10 ]
fresh
type_keys 'dyno start --net none -m web=1,worker=0,stubborn=0'
shows 'from the web' || true
press C-z
check '^Z stops dyno start, as any program' shows 'Stopped'
type_keys 'fg; ended'
sleep 0.5
press C-c
check 'it goes on in the foreground, and ends' shows '^ended with 0'

# ---- dyno run bash -------------------------------------------------------------------------------------------------------
fresh
type_keys "dyno run -q --net none --slug . -- bash --noprofile --norc; ended"
shows 'bash-[0-9.]+[$#]' || true
type_keys "PS1='in\\\$ '; stty size"
check 'the size of the window' shows '^40 100$'
tmux resize-window -t test -x 80 -y 30
sleep 0.5
type_keys 'stty size; echo $LINES $COLUMNS'
check 'the size after the window has changed' shows '^30 80$'
type_keys "bash -c 'trap \"echo resized\" WINCH; echo waits; while :; do sleep 0.1; done'"
shows '^waits' || true
tmux resize-window -t test -x 100 -y 40
check 'a program is told of a change' shows '^resized'
press C-c
type_keys clear
type_keys 'sleep 1000'
sleep 0.5
press C-z
check '^Z stops the job inside' shows '\[1\]\+ +Stopped +sleep 1000'
type_keys 'bg; jobs'
check 'bg runs it behind' shows '\[1\]\+ +Running +sleep 1000 &'
type_keys 'fg'
sleep 0.5
press C-c
type_keys 'clear; echo $((6 * 7)) $(jobs | wc -l)'
check 'fg, and ^C ends it and not the dyno' shows '^42 0$'
type_keys 'sleep 1000 | cat'
sleep 0.5
press C-'\'
check '^\ ends a job too' shows 'Quit'
type_keys 'stty -echo; read -r secret; stty echo; echo "read $secret."'
sleep 0.5
type_keys 'invisible'
check 'a program may turn echo off' shows '^read invisible\.'
check 'nothing of it was shown' [ "$(screen | grep -c '^invisible')" = 0 ]
if command -v vi >/dev/null; then
	type_keys 'vi /app/Procfile'
	check 'a full-screen program' shows '^~'
	type_keys ':q!'
fi
check 'and back from it' shows '^in\$$'
press C-d
check '^D ends the shell and the dyno' shows '^ended with 0'
type_keys 'stty -a | tr ";" "\n" | grep -wE "icanon|echo"'
check 'the terminal is as it was' shows '[^-]icanon'

# ---- ^Z of dyno run itself -------------------------------------------------------------------------------------------------
fresh
type_keys "dyno run -q --net none --slug . -- bash -c 'echo begun; exec sleep 1000' </dev/null | cat; ended"
shows 'begun' || true
press C-z
check '^Z of dyno run without a terminal of its own' shows 'Stopped'
type_keys 'bg; jobs'
check 'bg: it goes on' shows 'Running +.*dyno run'
type_keys 'fg'
sleep 0.5
press C-c
check 'fg and ^C: it ends' shows '^ended with'
fresh
type_keys "dyno run -q --net none --slug . -- sleep 1000; ended"
sleep 1
press C-c
check '^C ends what dyno run runs, by its terminal' shows '^(\^C)?ended with 130'
fresh
type_keys "dyno run -q --net none --slug . -- sleep 2 & wait; ended"
check 'dyno run in the background' shows '^ended with 0'

check 'nothing is left' [ -z "$("$dyno" ps --json | grep -o "$app")" ]
if [ $failed -gt 0 ]; then
	echo "terminal.sh: $failed failed"
	exit 1
fi
echo "terminal.sh: all well"
