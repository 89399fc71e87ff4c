#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Install what is missing, and only that.
#
#   scripts/install-deps.sh [build] [demo] [apps] [check] [foreman] [lint] [bench] [vm] [--list]
#
# Knows Debian and Ubuntu. Elsewhere it names what it did not find, and CONTRIBUTING.md has the package names. Asks
# before it installs when a person is there to answer; with CI=true, or without a terminal, it does not ask. Uses sudo
# only when something has to be installed and the caller is not root.
set -euo pipefail

declare -A packages=(
	[build]="gcc make pkg-config binutils libc6-dev linux-libc-dev libnl-3-dev libnl-route-3-dev libseccomp-dev libjansson-dev libsqlite3-dev libcurl4-openssl-dev"
	[demo]="python3 curl passt"
	[apps]="python3-django gunicorn python3-dj-database-url python3-psycopg2 unicorn ruby-rack ruby-pg postgresql postgresql-client"
	[check]="libcmocka-dev openssl python3 passt util-linux iproute2 procps clang nftables conntrack iptables nodejs ruby e2fsprogs xfsprogs btrfs-progs"
	[foreman]="ruby-foreman iproute2 procps util-linux"
	[lint]="clang clang-format clang-tidy cppcheck shellcheck universal-ctags zsh fish"
	[bench]="bubblewrap crun runc wrk iproute2 libcmocka-dev"
	[vm]="qemu-system-x86 busybox-static xz-utils"
)
# Ubuntu 22.04 has no passt (no private network for ordinary users then); old releases have no crun
optional="passt crun"
# what to look for where dpkg does not tell: a command, a header or a pkg-config module
declare -A probes=(
	[build]="cc make pkg-config ar objcopy pc:libnl-3.0 pc:libnl-route-3.0 pc:libseccomp pc:jansson pc:sqlite3 pc:libcurl"
	[demo]="python3 curl"
	[apps]="gunicorn unicorn psql"
	[check]="pc:cmocka python3 setpriv clang"
	[foreman]="foreman ip pgrep unshare"
	[lint]="clang-format clang-tidy cppcheck shellcheck ctags"
	[bench]="bwrap crun runc wrk ip pc:cmocka"
	[vm]="qemu-system-x86_64 busybox xz"
)

die() {
	echo "install-deps: $*" >&2
	exit 1
}

# what_is_missing GROUP... - Debian packages that are not installed
what_is_missing() {
	local group package
	for group in "$@"; do
		for package in ${packages[$group]}; do
			dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
		done
	done | sort -u
}

# what_is_not_found GROUP... - the same question on another distribution
what_is_not_found() {
	local group probe
	for group in "$@"; do
		for probe in ${probes[$group]}; do
			case $probe in
			pc:*) pkg-config --exists "${probe#pc:}" 2>/dev/null || echo "${probe#pc:}" ;;
			*) command -v "$probe" >/dev/null 2>&1 || echo "$probe" ;;
			esac
		done
	done | sort -u
}

# may_install PACKAGE... - ask the person in front of the terminal, if there is one
may_install() {
	[ "${CI:-}" = true ] && return 0
	[ -t 0 ] && [ -t 2 ] || return 0
	local answer
	printf 'dyno needs these packages:\n  %s\nInstall them with apt-get? [Y/n] ' "$*" >&2
	read -r answer
	case $answer in '' | y | Y | yes) return 0 ;; *) return 1 ;; esac
}

# without_unknown PACKAGE... - leave out what this release does not have, if we can live without it
without_unknown() {
	local package
	for package in "$@"; do
		case " $optional " in
		*" $package "*)
			if ! apt-cache show "$package" >/dev/null 2>&1; then
				echo "install-deps: this release has no package $package, going on without" >&2
				continue
			fi
			;;
		esac
		echo "$package"
	done
}

install_packages() {
	local as_root=() known
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "missing: $* (not root, and there is no sudo: install them as root)"
		as_root=(sudo)
	fi
	export DEBIAN_FRONTEND=noninteractive
	# an image that was just made has no package lists; an old one has stale ones
	if ! "${as_root[@]}" apt-get install -y --no-install-recommends "$@"; then
		"${as_root[@]}" apt-get update
		mapfile -t known < <(without_unknown "$@")
		"${as_root[@]}" apt-get install -y --no-install-recommends "${known[@]}"
	fi
}

# unpack_nginx - a server to test with, below build/: installed as a package it would be a service, which starts, and listens
unpack_nginx() {
	local here package
	here=$(cd "$(dirname "$0")/.." && pwd)/build/servers
	if [ -x /usr/sbin/nginx ] || [ -x "$here/usr/sbin/nginx" ]; then
		return 0
	fi
	mkdir -p "$here"
	# the program is in a package of another name in some releases
	for package in nginx nginx-core nginx-light; do
		(cd "$here" && apt-get -q -o APT::Sandbox::User=root download "$package") || continue
		dpkg -x "$here/${package}"_*.deb "$here"
		[ ! -x "$here/usr/sbin/nginx" ] || return 0
	done
	echo "install-deps: no nginx to be had, going on without" >&2
}

main() {
	local groups=() group missing list=
	for group in "$@"; do
		if [ "$group" = --list ]; then
			list=1
		elif [ -n "${packages[$group]:-}" ]; then
			groups+=("$group")
		else
			die "no such group: $group (there are: ${!packages[*]})"
		fi
	done
	[ ${#groups[@]} -gt 0 ] || groups=(build)

	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
		mapfile -t missing < <(what_is_not_found "${groups[@]}")
		[ ${#missing[@]} -eq 0 ] || die "not found: ${missing[*]} (see CONTRIBUTING.md for your distribution's package names)"
		return 0
	fi
	mapfile -t missing < <(what_is_missing "${groups[@]}")
	[ -z "$list" ] || { printf '%s\n' "${missing[@]}"; return 0; }
	if [ ${#missing[@]} -gt 0 ]; then
		may_install "${missing[@]}" || die "not installed: ${missing[*]}"
		echo "install-deps: installing ${missing[*]}"
		install_packages "${missing[@]}"
	fi
	case " ${groups[*]} " in *" check "*) unpack_nginx ;; esac
}

main "$@"
