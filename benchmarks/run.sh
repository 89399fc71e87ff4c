#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `make bench`: every claim of the project, measured; writes build/bench/report.md and report.json (report.py has the claims).
#
#   RUNS=100  launches of each    GAP_US=300  pause between launches    IN_A_ROW=1000    PARKED=300    CROWD=500
#   FULL=1    what the claims are about: 300 launches, 5,000 in a row, 1,000 parked, 2,000 dynos of a launcher
#   ONLY="commands library throughput density launcher network"
#
# Debian's bubblewrap has no overlay, so it binds a root tree that holds one program, which favours it. crun and runc
# run a bundle of the same tree with the namespaces of `spec`. As root it all runs in a network namespace of its own, so
# that nothing of the machine's network is in the way or is changed.
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/bench
full=${FULL:-}
runs=${RUNS:-${full:+300}}
runs=${runs:-100}
gap=${GAP_US:-300}
in_a_row=${IN_A_ROW:-${full:+5000}}
parked=${PARKED:-${full:+1000}}
crowd=${CROWD:-${full:+2000}}
only=${ONLY:-commands library throughput density launcher network}
dyno=$PWD/build/dyno
socket=$PWD/$out/launcher.sock
# of a launcher that learns no slug
any=$PWD/$out/any.sock

if [ "$(id -u)" = 0 ] && [ -z "${DYNO_BENCH_INSIDE:-}" ]; then
	DYNO_BENCH_INSIDE=1 exec unshare --net "$0"
fi
[ "$(id -u)" != 0 ] || ip link set lo up

say() {
	echo "bench: $*" >&2
}

# make_trees - the slug for dyno and the root for the others, with the same program
make_trees() {
	rm -rf "$out/app" "$out/root" "$out/bundle"
	mkdir -p "$out/app" "$out"/root/{proc,dev,sys,tmp,etc} "$out/bundle"
	chmod 755 "$out/app" "$out/root"
	cp "$out/first" "$out/first-glibc" "$out/app/"
	cp "$out/first" "$out/first-glibc" "$out/root/"
}

# make_bundle - an OCI bundle around the tree: the runtime's own defaults, without a terminal
make_bundle() {
	(cd "$out/bundle" && rm -f config.json && "$1" spec)
	[ "$(id -u)" = 0 ] || (cd "$out/bundle" && rm -f config.json && "$1" spec --rootless)
	python3 - "$out/bundle/config.json" "$PWD/$out/root" <<-'PYTHON'
		import json
		import sys

		path, root = sys.argv[1:]
		with open(path) as file:
		    config = json.load(file)
		config["process"]["terminal"] = False
		config["process"]["args"] = ["/first"]
		config["root"] = {"path": root, "readonly": True}
		with open(path, "w") as file:
		    json.dump(config, file)
	PYTHON
}

# legacy_view - crun refuses a hybrid layout ("drop all controllers from cgroupv2"), so it is launched from a mount
# namespace in which the v2 tree is not mounted; entering that is not on its clock. Sets view.
holder=
legacy_view() {
	[ "$(id -u)" = 0 ] && [ "$(stat -fc %T /sys/fs/cgroup/unified 2>/dev/null)" = cgroup2fs ] || return 0
	coproc HOLDER { exec unshare --mount --propagation private sh -c 'umount /sys/fs/cgroup/unified && echo up; exec cat'; }
	holder=$HOLDER_PID
	local up
	read -r up <&"${HOLDER[0]}" && [ "$up" = up ] || return 0
	view=("@NS=/proc/$holder/ns/mnt")
}
trap '[ -z "$holder" ] || kill $holder 2>/dev/null; stop_launchers; wait' EXIT

# start_launcher SOCKET POOL [OPTION...] - a resident launcher of our own, with its pool full
launchers=()
start_launcher() {
	local at=$1 pool=$2 i
	shift 2
	"$dyno" launcher -q -s "$at" -p "$pool" "$@" &
	launchers+=($!)
	for ((i = 0; i < 100; i++)); do
		[[ $("$dyno" launcher -s "$at" pool 2>/dev/null) != *" ready=${pool%%-*} "* ]] || return 0
		sleep 0.1
	done
	say "the launcher's pool did not fill"
}

stop_launchers() {
	[ ${#launchers[@]} -gt 0 ] || return 0
	kill "${launchers[@]}" 2>/dev/null || true
	wait "${launchers[@]}" || true
	launchers=()
}

view=()
commands=()

# contender LABEL COMMAND... - take part, if one launch works; otherwise say so and go on without
contender() {
	local label=$1 stamp error
	shift
	local trial=("${@//@RUN@/bench-try-$$}")
	case ${trial[0]} in
	@REST=*) trial=("${trial[@]:1}") ;;
	@NS=*) trial=(nsenter "--mount=${trial[0]#@NS=}" "${trial[@]:1}") ;;
	esac
	error=$(mktemp)
	stamp=$("${trial[@]}" </dev/null 2>"$error" || true)
	if [[ $stamp =~ ^[0-9]+$ ]]; then
		[ ${#commands[@]} -eq 0 ] || commands+=(---)
		commands+=("$label" "$@")
	else
		say "$label does not work here: $(head -n 1 "$error")"
		missing+=("$label: $(head -n 1 "$error")")
	fi
	rm -f "$error"
}

# choose - everybody who takes part; the first one is what the ratios are to
missing=()
choose() {
	local root=$PWD/$out/root bundle=$PWD/$out/bundle app=$PWD/$out/app
	contender "posix_spawn" "$root/first"
	contender "dyno run --net none" "$dyno" run -q --no-launcher --net none --slug "$app" -- /app/first
	contender "dyno run (private network)" "$dyno" run -q --no-launcher --slug "$app" -- /app/first
	if [ "$(id -u)" = 0 ]; then
		contender "dyno run through the launcher" "@REST=20000" "$dyno" run -q --launcher "$socket" --slug "$app" -- /app/first
		contender "dyno run through the launcher, static glibc" "@REST=20000" "$dyno" run -q --launcher "$socket" \
			--slug "$app" -- /app/first-glibc
		contender "dyno run through the launcher, any slug, static glibc" "@REST=20000" "$dyno" run -q --launcher "$any" \
			--slug "$app" -- /app/first-glibc
	fi
	if command -v bwrap >/dev/null; then
		contender "bwrap --unshare-all --share-net" bwrap --unshare-all --share-net --ro-bind "$root" / \
			--proc /proc --dev /dev /first
		contender "bwrap --unshare-all" bwrap --unshare-all --ro-bind "$root" / --proc /proc --dev /dev /first
	fi
	if command -v crun >/dev/null && make_bundle crun; then
		legacy_view
		contender "crun run (no cgroup)" "${view[@]}" crun --cgroup-manager=disabled run --bundle "$bundle" "bench-@RUN@"
		contender "crun run" "${view[@]}" crun run --bundle "$bundle" "bench-@RUN@"
	fi
	if command -v runc >/dev/null; then
		contender "runc run" runc run --bundle "$bundle" "bench-@RUN@"
	fi
	contender "posix_spawn, static glibc" "$root/first-glibc"
	contender "dyno run --net none, static glibc" "$dyno" run -q --no-launcher --net none --slug "$app" -- \
		/app/first-glibc
}

facts() {
	echo "* $(date -u +%Y-%m-%d), $(git describe --always --dirty 2>/dev/null || echo 'no git'), as $(id -un)"
	echo "* $(nproc) CPU(s): $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		"($(systemd-detect-virt 2>/dev/null || echo 'virtualisation unknown'))"
	echo "* Linux $(uname -r), load before the run $(cut -d' ' -f1-3 /proc/loadavg)"
	echo "* $runs launches each, interleaved, ${gap} us between launches"
	local tool
	for tool in bwrap crun runc; do
		command -v $tool >/dev/null && echo "* $($tool --version | head -n 1)"
	done
	return 0
}

# wanted PART
wanted() {
	[[ " $only " == *" $1 "* ]]
}

# measure PART PROGRAM ARGUMENT... - into PART.json and PART.md; a part that fails is left out and named
measure() {
	local part=$1 program=$2
	shift 2
	wanted "$part" || return 0
	say "$part"
	rm -f "$out/$part.json"
	"$out/$program" -j "$out/$part.json" "$@" >"$out/$part.md" || {
		say "$part failed"
		echo "This part failed." >"$out/$part.md"
	}
}

# what other parts measured before stays in the report
for part in $only; do
	rm -f "$out/$part.json" "$out/$part.md"
done
make_trees
facts >"$out/facts.md"
if wanted commands; then
	if [ "$(id -u)" = 0 ]; then
		start_launcher "$socket" 8-8
		start_launcher "$any" 8-8 --learn 0
	fi
	choose
	measure commands spawn -n "$runs" -g "$gap" "${commands[@]}"
	stop_launchers
	for line in "${missing[@]}"; do
		printf '\nLeft out: %s\n' "$line" >>"$out/commands.md"
	done
fi
if [ "$(id -u)" = 0 ]; then
	measure library launch -n "$runs" -g "$gap" "$PWD/$out/app"
	measure throughput throughput -n "${in_a_row:-1000}" "$PWD/$out/app"
	measure density density -n "${parked:-300}" "$PWD/$out/app"
	if wanted launcher; then
		start_launcher "$socket" 32-64
		measure launcher launcher -n "${crowd:-500}" "$PWD/$out/app" "$socket"
		stop_launchers
	fi
	! wanted network || benchmarks/network.sh >"$out/network.md" || say "network failed"
else
	say "what the library does, and the network, is measured as root only"
fi
benchmarks/report.py "$out" >"$out/report.md.part"
mv "$out/report.md.part" "$out/report.md"
cat "$out/report.md"
say "written to $out/report.md and $out/report.json"
