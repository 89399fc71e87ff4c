#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Run a command in a virtual machine with a second kernel and pure cgroup v2.
#
# The guest is Debian's (or Ubuntu's) kernel, unpacked and never installed, on top of this machine's own file tree:
# read-only over 9p, with a tmpfs overlay for what the guest writes. So whatever is built and installed here runs there,
# and nothing stays behind. Software emulation, so that it works in a container and in another virtual machine: 3 s to
# the first line.
#
#   run-in-vm.sh   host side: fetches and unpacks the kernel, makes the initramfs, starts QEMU
#   initramfs.sh   first process of the guest: finds its disk drivers, puts the root together
#   guest.sh       second: brings the machine up, runs the command, reports its status, powers off
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
work=${DYNO_VM_WORK:-$source/build/vm}
memory=2048 cpus=2 timeout=1800 deb=
run=
machine_pid=

usage() {
	cat <<-EOF
		usage: tests/vm/run-in-vm.sh [OPTION]... [--] COMMAND [ARG...]

		Runs COMMAND as root, in the current directory, in an emulated machine with pure cgroup v2, and exits
		with its status; 124 after the time limit, 125 when the machine failed. A single COMMAND is a line of shell.
		CI and DYNO_* are passed on. Needs the packages of: scripts/install-deps.sh vm

		  -m MIB         memory, default $memory
		  -s CPUS        number of CPUs, default $cpus
		  -t SECONDS     time limit, default $timeout
		  -k KERNEL.deb  kernel package; without it the newest in build/vm, which apt-get fetches
	EOF
}

die() {
	echo "run-in-vm: $*" >&2
	exit 125
}

# shellcheck disable=SC2317 # called by the trap
clean_up() {
	trap '' INT TERM # a second signal must not cut this short
	# timeout passes the signal on to QEMU
	[ -z "$machine_pid" ] || kill "$machine_pid" 2>/dev/null || true
	[ -z "$run" ] || rm -rf "$run"
}

# fetch_kernel - put the packages of the distribution's current kernel into $work
fetch_kernel() {
	local meta image packages
	for meta in linux-image-amd64 linux-image-generic; do
		image=$(apt-cache depends "$meta" 2>/dev/null | awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
		[ -n "$image" ] && break
	done
	[ -n "$image" ] || die "apt knows no kernel (try apt-get update), and there is no -k KERNEL.deb"
	echo "run-in-vm: fetching $image" >&2
	# Ubuntu keeps the modules in a package of their own
	packages=("$image")
	if apt-cache show "linux-modules-${image#linux-image-}" >/dev/null 2>&1; then
		packages+=("linux-modules-${image#linux-image-}")
	fi
	# as root apt would rather download as a user of its own, who may not write here
	(cd "$work" && apt-get -q -o APT::Sandbox::User=root download "${packages[@]}") >&2 ||
		die "cannot fetch ${packages[*]}"
}

# find_kernel - set $deb, fetching it if need be, and $version
find_kernel() {
	[ -n "$deb" ] || deb=$(find "$work" -maxdepth 1 -name 'linux-image-*.deb' | sort -V | tail -n 1)
	if [ -z "$deb" ]; then
		fetch_kernel
		deb=$(find "$work" -maxdepth 1 -name 'linux-image-*.deb' | sort -V | tail -n 1)
	fi
	[ -r "$deb" ] || die "$deb: no such kernel package"
	version=$(basename "$deb")
	version=${version#linux-image-}
	version=${version%%_*}
	kernel=$work/kernel-$version
}

# unpack_kernel - kernel and modules into $kernel, which is complete when it exists
unpack_kernel() {
	[ -d "$kernel" ] && return
	local new=$kernel.new part
	rm -rf "$new"
	mkdir -p "$new"
	for part in "$deb" "$work/linux-modules-${version}"_*.deb; do
		[ -e "$part" ] && dpkg-deb -x "$part" "$new"
	done
	# busybox's tools, which the guest loads modules with, read no compressed ones
	find "$new" -name '*.ko.xz' -exec xz -d {} +
	find "$new" -name '*.ko.zst' -exec zstd -q -d --rm {} +
	[ -d "$new/lib/modules" ] || ln -s usr/lib "$new/lib"
	busybox depmod -b "$new" "$version" || die "depmod failed"
	mv "$new" "$kernel"
}

# make_initramfs - from busybox, initramfs.sh and the modules that stand between the kernel and its root
make_initramfs() {
	initramfs=$work/initramfs-$version.gz
	[ "$initramfs" -nt "$here/initramfs.sh" ] && [ "$initramfs" -nt "$kernel" ] && return
	local root=$work/initramfs-$version tree=$kernel/lib/modules/$version
	rm -rf "$root"
	mkdir -p "$root"/{bin,proc,sys,dev,lower,rw,new} "$root/lib/modules/$version"
	cp "$(command -v busybox)" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	install -m 755 "$here/initramfs.sh" "$root/init"
	# lines of modules.dep name a module and all that it depends on; what is built in has none
	grep -E '/(virtio_pci|9pnet_virtio|9p|overlay)\.ko:' "$tree/modules.dep" | tr -d : | tr ' ' '\n' | sort -u |
		(cd "$tree" && xargs -r cp --parents -t "$root/lib/modules/$version" modules.dep)
	(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$initramfs.new"
	mv "$initramfs.new" "$initramfs"
	rm -rf "$root"
}

# write_command ARG... - what the guest runs: here, with what the tests read from the environment
write_command() {
	local name
	{
		for name in CI "${!DYNO_@}"; do
			[ -z "${!name:-}" ] || printf 'export %s=%q\n' "$name" "${!name}"
		done
		printf 'cd %q || exit 125\n' "$PWD"
		if [ $# = 1 ]; then
			printf '%s\n' "$1"
		else
			printf '%q ' "$@"
			echo
		fi
	} >"$run/command"
	cp "$here/guest.sh" "$run/guest.sh"
	printf '%s\n' "$source" >"$run/source"
}

boot() {
	local machine=(-machine q35 -accel "tcg,thread=multi" -cpu max -m "$memory" -smp "$cpus")
	machine+=(-nodefaults -no-reboot -display none -monitor none -net none)
	local share=local,security_model=none
	# in the background, because a trap waits for the end of what runs in front
	timeout -k 5 "$timeout" qemu-system-x86_64 "${machine[@]}" -serial stdio \
		-kernel "$kernel/boot/vmlinuz-$version" -initrd "$initramfs" \
		-append "console=ttyS0 quiet panic=-1 cgroup_no_v1=all mitigations=off" \
		-virtfs "$share,path=/,mount_tag=root,readonly=on,multidevs=remap" \
		-virtfs "$share,path=$kernel/lib/modules,mount_tag=modules,readonly=on" \
		-virtfs "$share,path=$run,mount_tag=run" </dev/null &
	machine_pid=$!
	wait "$machine_pid"
}

while getopts m:s:t:k:h option; do
	case $option in
	m) memory=$OPTARG ;;
	s) cpus=$OPTARG ;;
	t) timeout=$OPTARG ;;
	k) deb=$OPTARG ;;
	h) usage && exit ;;
	*) usage >&2 && exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { usage >&2 && exit 2; }
for tool in qemu-system-x86_64 busybox xz dpkg-deb; do
	command -v "$tool" >/dev/null || die "$tool is missing: scripts/install-deps.sh vm"
done

mkdir -p "$work"
exec 9>"$work/lock"
flock 9 # two runs at once: one prepares, the other finds it done
find_kernel
unpack_kernel
make_initramfs
exec 9>&-

run=$(mktemp -d "$work/run.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
write_command "$@"
status=0
boot || status=$?
[ "$status" != 124 ] || { echo "run-in-vm: stopped after $timeout s" >&2 && exit 124; }
[ -s "$run/status" ] || die "the machine ended without a word (QEMU status $status)"
exit "$(cat "$run/status")"
