# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the demos say and how; to be sourced. `die` is theirs.

bold='' dim='' green='' red='' plain=''
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

step() {
	printf '\n%s== %s%s\n' "$bold" "$*" "$plain"
}

good() {
	printf '%s   ok%s  %s\n' "$green" "$plain" "$*"
}

failed() {
	printf '\n%sdemo failed:%s %s\n' "$red" "$plain" "$*" >&2
}

# show COMMAND... - print a command as one would type it (also where its output is captured), then run it
exec 3>&1
show() {
	printf '%s   $ %s%s\n' "$dim" "${*//$PWD\/build\//}" "$plain" >&3
	"$@"
}

# free_port FIRST - the first port from there on at which nobody listens on this machine's 127.0.0.1
free_port() {
	local port
	for port in $(seq "$1" $(($1 + 200))); do
		if ! (exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return 0
		fi
	done
	return 1
}
