#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Docker Engine and dyno beside each other, Docker with its own iptables rules: both keep working, whoever comes first.
#
#   tests/docker.sh [BUILD]
#
# Needs root. The engine is fetched and unpacked, never installed, and runs in network and mount namespaces of this script: the
# machine's packet filter, its services and its own Docker are not touched. A second network namespace is the machine outside.
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$source/build}
unpacked=$source/build/docker
work=${DYNO_DOCKER_WORK:-}
here=203.0.113.1 other=203.0.113.2

die() {
	echo "docker.sh: $*" >&2
	[ -z "$work" ] || tail -n 20 "$work"/*.log >&2 || true
	exit 1
}

# fetch - docker.io and containerd of this distribution, below build/
fetch() {
	local package
	mkdir -p "$unpacked"
	for package in docker.io containerd; do
		[ -z "$(find "$unpacked" -name "${package}_*.deb")" ] || continue
		(cd "$unpacked" && apt-get -q -o APT::Sandbox::User=root download $package) >&2 || die "cannot fetch $package"
		dpkg -x "$unpacked/${package}"_*.deb "$unpacked/root"
	done
}

# outside COMMAND... - on the other machine
outside() {
	nsenter --net="$work/other" "$@"
}

# retry COMMAND... - until it works, for 10 s
retry() {
	local until=$((SECONDS + 10))
	while [ $SECONDS -lt $until ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "gave up: $*" >&2
	"$@"
}

docker() {
	"$unpacked/root/usr/bin/docker" -H "unix://$work/docker.sock" "$@"
}

dockerd_pid=
start_docker() {
	PATH=$unpacked/root/usr/sbin:$unpacked/root/usr/bin:$PATH dockerd --data-root "$work/data" --exec-root "$work/exec" \
		--pidfile "$work/docker.pid" -H "unix://$work/docker.sock" --storage-driver vfs >>"$work/dockerd.log" 2>&1 &
	dockerd_pid=$!
	retry docker info || die "dockerd does not start"
	docker image inspect probe >/dev/null 2>&1 || tar -C "$work/image" -c . | docker import - probe >/dev/null
	docker run -d --rm --name web -p 8000:80 probe /probe listen 80 >/dev/null || die "no container"
}

stop_docker() {
	docker kill web >/dev/null || true
	kill "$dockerd_pid"
	wait "$dockerd_pid" || true
	dockerd_pid=
}

dyno_pid=
start_dyno() {
	"$build/dyno" run --name web.1 --net private -p 5000 --publish $here:8001 --publish 8002 --slug "$work/image" -- \
		/app/probe listen >>"$work/dyno.log" 2>&1 &
	dyno_pid=$!
	retry "$build/dyno" exec web.1 /app/probe say up || die "no dyno"
}

stop_dyno() {
	kill "$dyno_pid"
	wait "$dyno_pid" || true
	dyno_pid=
}

# reaches WHO ADDRESS PORT - is there an answer? A function cannot be given to timeout(1)
reaches() {
	local who=()
	case $1 in
	outside) who=(nsenter --net="$work/other" "$build/tests/probe") ;;
	container) who=("$unpacked/root/usr/bin/docker" -H "unix://$work/docker.sock" exec web /probe) ;;
	dyno) who=("$build/dyno" exec web.1 /app/probe) ;;
	here) who=("$build/tests/probe") ;;
	esac
	timeout 3 "${who[@]}" fetch "$2" "$3" | grep -q 'hello from'
}

check_docker() {
	retry reaches outside $here 8000 || die "$1: container not reached from outside"
	retry reaches container $other 9000 || die "$1: container does not reach the outside"
	echo "ok - $1: Docker works"
}

check_dyno() {
	retry reaches outside $here 8001 || die "$1: dyno not reached from outside"
	retry reaches here 127.0.0.1 8002 || die "$1: dyno not reached by loopback"
	retry reaches dyno $other 9000 || die "$1: dyno does not reach the outside"
	echo "ok - $1: dyno works"
}

# traces - what of ours is in the packet filter
traces() {
	nft list ruleset | grep dyno
}

# network - this machine and the other one
network() {
	# a name below $work for the other one's namespace, which lives as long as the mount
	touch "$work/other"
	unshare --net="$work/other" true
	ip link set lo up
	outside ip link add eth0 type veth peer name up0 netns $$
	ip addr add $here/24 dev up0
	ip link set up0 up
	ip route add default via $other
	outside ip addr add $other/24 dev eth0
	outside ip link set eth0 up
	outside ip link set lo up
	outside "$build/tests/probe" listen 9000 >/dev/null 2>&1 &
}

clean_up() {
	trap '' INT TERM
	[ -z "$dyno_pid" ] || kill "$dyno_pid" || true
	[ -z "$dockerd_pid" ] || stop_docker || true
	jobs -p | xargs -r kill 2>/dev/null || true
	wait
	"$build/dyno" gc >/dev/null || true
}

inside() {
	trap clean_up EXIT
	mkdir -p "$work/image"
	cp "$build/tests/probe" "$work/image/"
	network
	start_docker
	check_docker "Docker first"
	start_dyno
	check_docker "Docker first, dyno beside it"
	check_dyno "Docker first"
	stop_dyno
	check_docker "Docker after the dyno"
	! traces || die "something of ours is left in the packet filter"
	stop_docker
	# what Docker left behind is Docker's; so that the second order begins without it:
	nft flush ruleset
	# where it is on already, Docker does not set its policy of drop
	echo 0 >/proc/sys/net/ipv4/ip_forward
	start_dyno
	start_docker
	check_docker "dyno first"
	# Docker's new rules would close the way of the dyno that runs already: its launcher hears of them
	check_dyno "dyno first"
	# and once more, by Docker's own restart, with the rules that it left behind and without
	stop_docker
	check_dyno "Docker gone"
	nft flush ruleset
	start_docker
	check_docker "Docker again"
	check_dyno "Docker again, and everything flushed"
	stop_docker
	stop_dyno
	! traces || die "something of ours is left in the packet filter"
	echo "ok - nothing left"
}

if [ -n "$work" ]; then
	inside
	exit 0
fi
[ "$(id -u)" = 0 ] || die "needs root"
fetch
work=$(mktemp -d /tmp/dyno-docker.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
# runc wants a cgroup tree to write to, as there is: dockerd's groups go with it
DYNO_DOCKER_WORK=$work unshare --net --mount --propagation private "$0" "$build"
