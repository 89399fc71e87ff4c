#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `make bench`: dyno, posix_spawn, bubblewrap, crun and runc, interleaved; writes build/bench/report.md and .json.
#
#   RUNS=200  launches of each            GAP_US=300  pause between launches
#
# Debian's bubblewrap has no overlay, so it binds a root tree that holds one program, which favours it. crun and runc
# run a bundle of the same tree with the namespaces of `spec`.
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/bench
runs=${RUNS:-200}
gap=${GAP_US:-300}
dyno=$PWD/build/dyno

say() {
	echo "bench: $*" >&2
}

# make_trees - the slug for dyno and the root for the others, with the same program
make_trees() {
	rm -rf "$out/app" "$out/root" "$out/bundle"
	mkdir -p "$out/app" "$out"/root/{proc,dev,sys,tmp,etc} "$out/bundle"
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
trap '[ -z "$holder" ] || kill "$holder"' EXIT

view=()
commands=()

# contender LABEL COMMAND... - take part, if one launch works; otherwise say so and go on without
contender() {
	local label=$1 stamp error
	shift
	local trial=("${@//@RUN@/bench-try-$$}")
	case ${trial[0]} in
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
	contender "dyno run --net none" "$dyno" run -q --net none --slug "$app" -- /app/first
	contender "dyno run (private network)" "$dyno" run -q --slug "$app" -- /app/first
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
	contender "dyno run --net none, static glibc" "$dyno" run -q --net none --slug "$app" -- /app/first-glibc
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

# promises - the ratios that the project has set itself, from the report's numbers
promises() {
	python3 - "$out/report.json" <<-'PYTHON'
		import json
		import sys

		with open(sys.argv[1]) as file:
		    median = {row["label"]: row["median"] for row in json.load(file)["rows"]}
		print("\n| promise | ratio | at most | |\n|---|---:|---:|---|")
		for ours, theirs, limit in (
		    ("dyno run --net none", "bwrap --unshare-all --share-net", 0.45),
		    ("dyno run (private network)", "bwrap --unshare-all", 0.60),
		):
		    if ours in median and theirs in median:
		        ratio = median[ours] / median[theirs]
		        print(f"| {ours} / {theirs} | {ratio:.2f} | {limit:.2f} | {'kept' if ratio <= limit else 'MISSED'} |")
	PYTHON
}

make_trees
choose
{
	echo "# Request to first instruction"
	echo
	facts
	echo
	"$out/spawn" -n "$runs" -g "$gap" -j "$out/report.json" "${commands[@]}"
	promises
	for line in "${missing[@]}"; do
		printf '\nLeft out: %s\n' "$line"
	done
} >"$out/report.md.part"
mv "$out/report.md.part" "$out/report.md"
cat "$out/report.md"
say "written to $out/report.md and $out/report.json"
