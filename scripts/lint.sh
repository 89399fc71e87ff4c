#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Lint is a test: every part runs, each says what it found, and the whole fails if one did.
#
#   scripts/lint.sh SOURCE.c...          (make lint gives the list; `only=budget,floors make lint` runs those parts)
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

sources=("$@")
build=${build:-build}
mapfile -t headers < <(git ls-files --cached --others --exclude-standard '*.h')
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard '*.sh' .ci/run)
failed=()

# part NAME COMMAND... - run one part unless $only leaves it out
part() {
	local name=$1 start=$SECONDS
	shift
	if [ -n "${only:-}" ] && [[ ",$only," != *",$name,"* ]]; then
		return 0
	fi
	if "$@"; then
		echo "lint: $name: ok ($((SECONDS - start)) s)"
	else
		echo "lint: $name: FAILED ($((SECONDS - start)) s)"
		failed+=("$name")
	fi
}

format() {
	local file status=0
	for file in "${sources[@]}" "${headers[@]}"; do
		clang-format --dry-run -Werror "$file" 2>/dev/null || { echo "$file: not formatted (make format)"; status=1; }
	done
	return $status
}

# two at a time: the analyzer is slow and the machine may be small
tidy() {
	local status=0 out
	out=$(printf '%s\0' "${sources[@]}" | xargs -0 -n 4 -P "$(nproc)" clang-tidy --quiet -p . 2>&1) || status=1
	# clang-tidy counts the warnings it suppressed in system headers, at length
	grep -v -e '^[0-9]* warnings\? .*generated' -e '^Suppressed' -e '^Use -header-filter' <<<"$out"
	return $status
}

# The analysis of whole files, one configuration. Suppressed: what headers of the system lack; style that clang-tidy and
# review settle (variableScope, constParameter on callbacks). cppcheck 2.10 expands the arguments of the macros of the
# seccomp table too late and miscounts them; both compilers check that table.
cppcheck_() {
	cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 --suppress=missingIncludeSystem --suppress=preprocessorErrorDirective:isolation/syscalls_table.h \
		-D_GNU_SOURCE -D__x86_64__ -D__linux__ -I. -Iinclude -j "$(nproc)" "${sources[@]}"
}

shell() {
	shellcheck "${scripts[@]}"
}

# nothing in the tree may depend on a place outside of it
standalone() {
	# the pattern is written so that it does not match itself; guest paths like /rw/root are none of ours
	! git grep -nIE --untracked '(^|[^a-z])/(work/|root/[.a-z]|home/[a-z]+/)|\.\./share[d]' -- . ':!LICENSE'
}

# what loads shared objects behind its caller's back does not work in the static command (cli/start.c)
static() {
	! printf '%s\n' "${sources[@]}" | grep -E '^(base|isolation|netns|config|runtime|launcher|cli)/' | grep -v '^cli/app/' |
		xargs grep -nE '\b(getpw|getgr|getsp|getaddrinfo|getnameinfo|gethostby|getserv|getproto|initgroups|iconv_open|setlocale|dlopen|wordexp)[a-z_]*\([^0-9]'
}

# the version script lists exactly the public headers' functions
exports() {
	diff <(grep -ohE '\bdyno_[a-z_]+\(' include/*.h | tr -d '(' | sort -u) \
		<(sed -n 's/^\t\(dyno_[a-z_]*\);$/\1/p' libdyno.map | sort -u)
}

# every source is on a list of the Makefile
listed() {
	! git ls-files --cached --others --exclude-standard '*.c' | grep -vxF -f <(printf '%s\n' "${sources[@]}")
}

# what `make docs` printed, as the shells that read it see it; those that are not installed are named
completions() {
	local status=0
	bash -n "$build/completions/dyno.bash" || status=1
	if command -v zsh >/dev/null; then zsh -n "$build/completions/_dyno" || status=1; else echo "lint: no zsh here"; fi
	if command -v fish >/dev/null; then fish -n "$build/completions/dyno.fish" || status=1; else echo "lint: no fish here"; fi
	return $status
}

# the units as they are installed, by the manager that reads them. It says something only when something is wrong
units() {
	local dir said status=0
	command -v systemd-analyze >/dev/null || { echo "lint: no systemd-analyze here"; return 0; }
	dir=$(mktemp -d) || return 1
	cp systemd/dyno-launcher.socket "$dir/"
	sed -e "s|@BINDIR@|$PWD/$build|" systemd/dyno-launcher.service >"$dir/dyno-launcher.service"
	said=$(systemd-analyze verify --man=no --recursive-errors=no "$dir"/dyno-launcher.{socket,service} 2>&1) || status=1
	rm -r "$dir"
	[ -z "$said" ] || { echo "$said"; status=1; }
	return $status
}

part listed listed
part completions completions
part units units
part format format
part budget scripts/lint-budget.sh "${sources[@]}"
part floors scripts/lint-floors.sh "${sources[@]}" "${headers[@]}"
part contract scripts/lint-contract.py
part comments scripts/lint-comments.py "${sources[@]}"
part exports exports
part static static
part standalone standalone
part shell shell
part cppcheck cppcheck_
part tidy tidy

if [ ${#failed[@]} -gt 0 ]; then
	echo "lint: failed: ${failed[*]}"
	exit 1
fi
echo "lint: all well"
