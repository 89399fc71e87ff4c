#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Run cmocka test programs, pass their output through, and judge the whole.
#
#   tests/run.sh [--as root|user|self] [--where NAME] [--build DIR] [-v] PROGRAM...
#
# --as root   as root (with sudo -n if it must); --as user: as an ordinary user. Root makes a user of its own for that,
#             and a copy of what was built, because a clone below /root is closed to others.
# --where vm  names a special place to run in, or build (asan): the mode in tests/skips.allowed is then vm-root, say
# -v          the time of every test; without it the ten slowest
#
# The tests find what was built through DYNO_BUILD (holds dyno and tests/probe) and the sources through DYNO_SOURCE.
# A skipped test is printed with its name. With CI=true a skip that tests/skips.allowed does not list is a failure.
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
as=self
where=
build=build
verbose=
programs=()
user=
work=

die() {
	echo "tests/run.sh: $*" >&2
	exit 1
}

# leave the machine as it was: no user, no processes of it, no copy
clean_up() {
	if [ -n "$user" ]; then
		pkill -KILL -u "$user" 2>/dev/null || true
		userdel "$user" 2>/dev/null || true
		user=
	fi
	[ -z "$work" ] || rm -rf "$work"
	work=
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# become_user - make an ordinary user and a directory with everything that the tests need
become_user() {
	local name=dyno-check-$$
	command -v setpriv >/dev/null || die "setpriv (util-linux) is missing"
	useradd --no-create-home --home-dir "$work" --shell /bin/sh "$name" || die "cannot make the user $name"
	user=$name
	mkdir -p "$work/build" "$work/run" "$work/tmp"
	cp -a "$source/$build/tests" "$work/build/"
	find "$source/$build" -maxdepth 1 -type f -perm -u+x -exec cp -a {} "$work/build/" \;
	cp -a "$source/$build"/libdyno.* "$source/$build/examples" "$source/$build/libexec" "$work/build/" 2>/dev/null || true
	cp -a "$source/tests" "$source/examples" "$work/"
	chown -R "$user": "$work"
	chmod 755 "$work"
	chmod 700 "$work/run"
}

# tun_for_all - print a command that runs its arguments where anybody may open /dev/net/tun, as on most machines, and
# leaves this machine's own (0600 in some containers) alone
tun_for_all() {
	[ -c /dev/net/tun ] && [ "$(stat -c %a /dev/net/tun)" != 666 ] || return 0
	cat >"$work/with-tun" <<-'SHELL'
		#!/bin/sh
		mount -t tmpfs -o mode=755 tun /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"
	SHELL
	chmod 755 "$work/with-tun"
	printf '%s\n' unshare --mount --propagation private "$work/with-tun"
}

# how to start a program: words before it
prefix=()
choose_prefix() {
	case $as in
	self) ;;
	root)
		if [ "$(id -u)" != 0 ]; then
			sudo -n true 2>/dev/null || return 77
			prefix=(sudo -n "--preserve-env=CI,DYNO_BIRTH,DYNO_BUILD,DYNO_SOURCE,TMPDIR,ASAN_OPTIONS,UBSAN_OPTIONS")
		fi
		;;
	user)
		[ "$(id -u)" = 0 ] || return 0
		become_user
		cd "$work"
		export DYNO_BUILD=$work/build DYNO_SOURCE=$work
		local tun
		mapfile -t tun < <(tun_for_all)
		prefix=("${tun[@]}" setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all --reset-env env
			HOME="$work" USER="$user" XDG_RUNTIME_DIR="$work/run" TMPDIR="$work/tmp" CI="${CI:-}"
			DYNO_BUILD="$DYNO_BUILD" DYNO_SOURCE="$DYNO_SOURCE" ASAN_OPTIONS="${ASAN_OPTIONS:-}"
			UBSAN_OPTIONS="${UBSAN_OPTIONS:-}")
		;;
	*) die "--as root, user or self, not $as" ;;
	esac
}

# microseconds NAME - EPOCHREALTIME as an integer, whatever the locale's decimal point is
now_us() {
	local t=${EPOCHREALTIME/[.,]/}
	printf -v "$1" '%s' "$t"
}

# follow PROGRAM - pass the output of one program through and note names, verdicts and times
follow() {
	local program=$1 line name start=0 end
	now_us start
	while IFS= read -r line || [ -n "$line" ]; do
		printf '%s\n' "$line"
		# cmocka repeats skipped and failed names in its summary: count them where they ran
		case $line in
		'[ RUN      ] '*) now_us start ;;
		'[       OK ] '*)
			now_us end
			name=${line#*] }
			printf 'ok %s:%s %d\n' "$program" "$name" $((end - start)) >>"$results"
			start=$end
			;;
		'[  SKIPPED ] '* | '[  FAILED  ] '*)
			now_us end
			name=${line#*] }
			case $name in *' test(s)'*) continue ;; esac
			case $line in *SKIPPED*) verdict=skip ;; *) verdict=fail ;; esac
			grep -q "^$verdict $program:$name " "$results" ||
				printf '%s %s:%s %d\n' "$verdict" "$program" "$name" $((end - start)) >>"$results"
			start=$end
			;;
		esac
	done
}

# run_program PATH - Return: the program's own status
run_program() {
	local path=$1 program status=0 start end
	program=$(basename "$path")
	if [ "$as" = user ] && [ -n "$user" ]; then
		path=$DYNO_BUILD/tests/${path#*/tests/}
	fi
	echo "---------------- $program ($mode)"
	now_us start
	# a test that hangs must not take the run with it
	timeout --foreground -k 10 "${TEST_TIMEOUT:-600}" "${prefix[@]}" "$path" 2>&1 </dev/null | follow "$program" ||
		status=${PIPESTATUS[0]}
	now_us end
	echo "---------------- $program: $(((end - start) / 1000)) ms"
	if [ "$status" != 0 ]; then
		grep -q "^fail $program:" "$results" || echo "fail $program:(program) $((end - start))" >>"$results"
		[ "$status" != 124 ] || echo "$program did not end within ${TEST_TIMEOUT:-600} s" >&2
	fi
}

# allowed MODE NAME - is this skip on the list? Lines there: MODE[,MODE...] PROGRAM:TEST reason, TEST "*" for all of it
allowed() {
	awk -v mode="$1" -v name="$2" '
		!/^#/ && NF >= 3 && index("," $1 ",", "," mode ",") + ($1 == "any") > 0 {
			all = $2
			if ($2 == name || (sub(/:\*$/, ":", all) && index(name, all) == 1))
				found = 1
		}
		END { exit !found }' "$source/tests/skips.allowed"
}

# summary - in cmocka's shape, over all programs. Return: 0 when all is well
summary() {
	local failed=0 skipped passed name surprise=0
	passed=$(grep -c '^ok ' "$results" || true)
	skipped=$(grep -c '^skip ' "$results" || true)
	failed=$(grep -c '^fail ' "$results" || true)
	mkdir -p "$source/$build"
	sort -k3,3nr "$results" | awk '{ printf "%10.1f ms  %-5s %s\n", $3 / 1000, $1, $2 }' >"$times"
	echo "================ slowest tests (all: ${times#"$source/"})"
	if [ -n "$verbose" ]; then cat "$times"; else head -10 "$times"; fi
	echo "[==========] as $mode: $((passed + skipped + failed)) test(s) run in ${#programs[@]} program(s)."
	echo "[  PASSED  ] $passed test(s)."
	if [ "$skipped" -gt 0 ]; then
		echo "[  SKIPPED ] $skipped test(s), listed below:"
		while read -r _ name _; do
			if allowed "$mode" "$name"; then
				echo "[  SKIPPED ] $name"
			else
				echo "[  SKIPPED ] $name (not in tests/skips.allowed)"
				surprise=$((surprise + 1))
			fi
		done < <(grep '^skip ' "$results")
	fi
	if [ "$failed" -gt 0 ]; then
		echo "[  FAILED  ] $failed test(s), listed below:"
		sed -n 's/^fail \([^ ]*\) .*/[  FAILED  ] \1/p' "$results"
	fi
	if [ "$surprise" -gt 0 ] && [ "${CI:-}" = true ]; then
		echo "[  FAILED  ] $surprise skip(s) that tests/skips.allowed does not list, as $mode"
		return 1
	fi
	[ "$failed" = 0 ]
}

while [ $# -gt 0 ]; do
	case $1 in
	--as) as=$2 && shift 2 ;;
	--where) where=$2 && shift 2 ;;
	--build) build=$2 && shift 2 ;;
	-v) verbose=1 && shift ;;
	-*) die "unknown option $1" ;;
	*)
		[ -x "$1" ] || die "no such program: $1"
		programs+=("$(realpath "$1")") && shift
		;;
	esac
done
[ ${#programs[@]} -gt 0 ] || die "no test programs"
mode=${DYNO_BIRTH:+$DYNO_BIRTH-}${where:+$where-}$as

work=$(mktemp -d /tmp/dyno-check.XXXXXX)
results=$work.results
times=$source/$build/times-$mode.txt
: >"$results"
trap 'clean_up; rm -f "$results"' EXIT
export DYNO_BUILD=$source/$build DYNO_SOURCE=$source
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:exitcode=99:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}

cd "$source"
if ! choose_prefix; then
	echo "tests/run.sh: not root and no sudo without a password: the tests as root are left out" >&2
	echo "[  SKIPPED ] (all as root)"
	[ "${CI:-}" != true ] || die "CI must run them"
	exit 0
fi
for program in "${programs[@]}"; do
	run_program "$program"
	name=$(basename "$program")
	# in CI and under emulation a program that failed runs once more, and says so: a second failure is ours
	if { [ "${CI:-}" = true ] || [ "$where" = vm ]; } && grep -q "^fail $name:" "$results"; then
		echo "---------------- $name failed: once more"
		sed -i "/^[a-z]* $name:/d" "$results"
		run_program "$program"
	fi
done
summary
