#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `make demo`: from nothing installed to a web app in a dyno, and what becomes of its files.
set -euo pipefail
cd "$(dirname "$0")/.."

dyno=build/dyno
name=demo.$$
work=
pid=

# shellcheck source=scripts/demo-words.sh
. scripts/demo-words.sh

# die TEXT - say it, show what the dyno and the app said, fail
die() {
	failed "$@"
	if [ -n "$work" ]; then
		sed 's/^/  dyno | /' "$work/dyno.log" >&2 2>/dev/null || true
		sed 's/^/  app  | /' "$work/app.log" >&2 2>/dev/null || true
	fi
	printf 'What this machine gives: %s doctor\n' "$dyno" >&2
	exit 1
}

clean_up() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	[ -z "$work" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# wait_for PATTERN FILE - until a line of FILE matches, the dyno ends, or 30 s are over; follows the file, does not poll
wait_for() {
	timeout 30 grep -m1 -E -- "$1" < <(exec tail --pid="$pid" -s 0.1 -n +1 -f "$2" 2>/dev/null) >/dev/null
}

# choose_net - an ordinary user's private network is pasta's, which opens /dev/net/tun; where that cannot be, say so
net=private
choose_net() {
	local why
	[ "$(id -u)" != 0 ] || return 0
	if ! command -v pasta >/dev/null; then
		why="pasta (of passt) is not installed"
	elif ! { : <>/dev/net/tun; } 2>/dev/null; then
		why="this user may not open /dev/net/tun (mode 0666 is usual)"
	else
		return 0
	fi
	net=host
	printf '   No private network: %s.\n' "$why"
	printf '   The demo goes on with --net host: everything is isolated but the network.\n'
}

# boot - start the app in a dyno; sets pid and url
boot() {
	: >"$work/dyno.log"
	: >"$work/app.log"
	printf '%s   $ dyno run --name %s --net %s --slug examples/web -p %s --timeline -- python3 server.py%s\n' \
		"$dim" "$name" "$net" "$port" "$plain"
	"$dyno" run --name "$name" --net "$net" --slug examples/web -p "$port" --timeline --timeline-file "$work/timeline" -- python3 server.py \
		>"$work/app.log" 2>"$work/dyno.log" </dev/null &
	pid=$!
	wait_for 'listening on port' "$work/app.log" || die "the app did not come up"
	if [ "$net" = host ]; then
		url=http://127.0.0.1:$port
	else
		url=$(grep -m1 -oE 'http://[0-9.]+:[0-9]+' "$work/dyno.log") || die "dyno did not print an address"
	fi
	good "up at $url"
}

# stop - as `dyno stop` does it: SIGTERM, and SIGKILL to what is left after the grace period
stop() {
	show "$dyno" stop "$name" || die "dyno stop failed"
	local status=0
	wait "$pid" || status=$?
	pid=
	grep discarded "$work/dyno.log" | sed 's/^/   /' || true
	good "stopped (exit status $status)"
}

step "Install what is missing"
scripts/install-deps.sh build demo
good "everything is there"

step "Build"
make -s -j"$(nproc)" all
good "$(du -h --apparent-size "$dyno" | cut -f1) of static binary: $dyno"

work=$(mktemp -d)
port=$(free_port 8080) || die "no free port from 8080 on"

step "Boot the example web app in a dyno"
choose_net
boot
show curl -fsS "$url/" >"$work/page" || die "no page came"
grep -qF "Hello from $name" "$work/page" || die "the page is not ours"
good "$(grep -o 'Hello from [^<]*' "$work/page")"

step "Upload a file into it"
printf 'a holiday picture\n' >"$work/photo.txt"
show curl -fsS -T "$work/photo.txt" "$url/upload/photo.txt" | sed 's/^/   /' || die "the upload failed"
[ "$(show curl -fsS "$url/uploads/")" = photo.txt ] || die "the file is not there"
[ "$(curl -fsS "$url/uploads/photo.txt")" = "a holiday picture" ] || die "the file is not what was uploaded"
[ ! -e examples/web/uploads ] || die "the upload reached the slug on this machine"
good "photo.txt is in the dyno, and examples/web on this machine is unchanged"

step "Stop it"
stop

step "Boot it again"
boot
[ -z "$(curl -fsS "$url/uploads/")" ] || die "the file outlived its dyno"
[ "$(curl -s -o /dev/null -w '%{http_code}' "$url/uploads/photo.txt")" = 404 ] || die "the file outlived its dyno"
good "photo.txt is gone: a dyno's files live as long as the dyno"

step "What its boot took"
stop
sed 's/^/   /' "$work/timeline"

printf '\n%sThat is a dyno.%s Your own app:  cd your-app && %s run -p 8080 -- COMMAND\n' "$bold" "$plain" "$PWD/$dyno"
