#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `make demo-apps`: a Django app with a worker and a Rack app, each as a formation of dynos, with a PostgreSQL on this machine's
# loopback that they are allowed to reach. What is in the database stays over a restart; what is on a dyno's disk does not.
set -euo pipefail
cd "$(dirname "$0")/.."

dyno=$PWD/build/dyno
work=
database_port=
pids=()
web_up='heroku[web.1]: State changed from starting to up'

# shellcheck source=scripts/demo-words.sh
. scripts/demo-words.sh

# die TEXT - say it, show what the apps said, fail
die() {
	failed "$@"
	local log
	for log in "$work"/*.log; do
		[ ! -s "$log" ] || sed "s|^|  $(basename "$log" .log) \| |" "$log" | tail -n 40 >&2
	done
	exit 1
}

# as_postgres COMMAND... - PostgreSQL refuses to run as root
as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid postgres --regid postgres --clear-groups env -i PATH="$PATH" "$@"
	else
		"$@"
	fi
}

clean_up() {
	local pid
	for pid in "${pids[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	for pid in "${pids[@]}"; do
		wait "$pid" 2>/dev/null || true
	done
	[ -z "$work" ] || [ ! -f "$work/database/postmaster.pid" ] || as_postgres "$postgres/pg_ctl" -D "$work/database" -m immediate stop >/dev/null || true
	[ -z "$work" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# until_true SECONDS COMMAND... - run it again until it succeeds
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

# start_database - a PostgreSQL of our own, on loopback, with a password
start_database() {
	local password
	postgres=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
	password=$(head -c 18 /dev/urandom | base64 | tr -d '+/=')
	mkdir "$work/database"
	printf '%s' "$password" >"$work/password"
	if [ "$(id -u)" = 0 ]; then
		chmod 711 "$work"
		chown postgres "$work/database" "$work/password"
	fi
	database_port=$(free_port 54320)
	as_postgres "$postgres/initdb" -D "$work/database" -U app --auth=scram-sha-256 --pwfile="$work/password" >"$work/initdb.log"
	as_postgres "$postgres/pg_ctl" -D "$work/database" -l "$work/database/log" -w start \
		-o "-c listen_addresses=127.0.0.1 -p $database_port -c unix_socket_directories= -c fsync=off" >/dev/null
	database=postgres://app:$password@host.dyno.internal:$database_port
	local name
	for name in notes_django notes_unicorn; do
		PGPASSWORD=$password psql -q -h 127.0.0.1 -p "$database_port" -U app -d postgres -c "CREATE DATABASE $name"
	done
}

# start_app NAME FIRST_PORT - `dyno start` of examples/NAME in the background, until it answers. Sets url
start_app() {
	local name=$1 app=demo-$1-$$
	printf '%s   $ dyno start -a %s -d examples/%s -p %s%s\n' "$dim" "$app" "$name" "$2" "$plain"
	"$dyno" start -a "$app" -d "examples/$name" -p "$2" >"$work/$name.log" 2>&1 &
	pids+=($!)
	until_true 60 grep -qF "$web_up" "$work/$name.log" || die "$name did not come up"
	until_true 10 find_url "$app" || die "nobody knows where $name listens"
	until_true 30 curl -fs -o /dev/null "$url/" || die "$name does not answer on $url"
}

# find_url APP - where its web.1 is published. Sets url
find_url() {
	url=$("$dyno" ps --json | python3 -c '
import json, sys
for dyno in json.load(sys.stdin):
    if dyno["name"] == sys.argv[1] + ".web.1" and dyno["published"]:
        print("http://" + dyno["published"][0])' "$1") && [ -n "$url" ]
}

# try_app NAME - leave a note and a file, restart, and see what is left
try_app() {
	local name=$1 app=demo-$1-$$ before
	show curl -fsS -X POST --data 'three small words' "$url/notes" >/dev/null
	show curl -fsS -X PUT --data-binary @README.md "$url/files/readme.md" >/dev/null
	curl -fsS "$url/files/readme.md" | cmp -s - README.md || die "the file is not there after its upload"
	good "a note in the database, a file on the dyno's disk: $(curl -fsS "$url/")"
	before=$(grep -cF "$web_up" "$work/$name.log")
	show "$dyno" ps:restart -a "$app"
	until_true 60 restarted "$name" "$before" || die "$name did not come up again"
	until_true 10 find_url "$app"
	until_true 30 curl -fs -o /dev/null "$url/" || die "$name does not answer after its restart"
	[ "$(curl -sS -o /dev/null -w '%{http_code}' "$url/files/readme.md")" = 404 ] || die "the file has survived"
	curl -fsS "$url/notes" | grep -q 'three small words' || die "the note is gone"
	good "after the restart the note is there, the file is gone: $(curl -fsS "$url/")"
}

# restarted NAME COUNT - its log has more boots than that
restarted() {
	[ "$(grep -cF "$web_up" "$work/$1.log")" -gt "$2" ]
}

counted() {
	curl -fsS "$url/notes" | grep -q '"words": 3'
}

scripts/install-deps.sh build demo apps
make --no-print-directory -s all
work=$(mktemp -d)
export DYNO_DATA_DIR=$work/data

step "PostgreSQL, on this machine's loopback"
start_database
good "listens on 127.0.0.1:$database_port"

step "Django on gunicorn, with a worker"
show "$dyno" config:set -a "demo-django-$$" SECRET_KEY="$(head -c 24 /dev/urandom | base64)" >/dev/null
printf '%s' "$database/notes_django" | show "$dyno" config:set -a "demo-django-$$" --stdin DATABASE_URL
show "$dyno" settings:set -a "demo-django-$$" allow-host="$database_port"
start_app django "$(free_port 5000)"
try_app django
until_true 30 counted || die "the worker has not counted the words"
good "the worker has counted the note's words"

step "A Rack app on unicorn"
printf '%s' "$database/notes_unicorn" | show "$dyno" config:set -a "demo-unicorn-$$" --stdin DATABASE_URL
show "$dyno" settings:set -a "demo-unicorn-$$" allow-host="$database_port"
start_app unicorn "$(free_port 5300)"
try_app unicorn

step "Stop"
for name in django unicorn; do
	show "$dyno" stop:app -a "demo-$name-$$"
done
grep -q 'Stopping all processes with SIGTERM' "$work/unicorn.log" || die "unicorn was not asked to stop"
good "both are down"
