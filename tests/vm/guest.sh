#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# PID 1 of the guest (see run-in-vm.sh): bring the machine up as far as tests need it, run the command, power off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb

mkdir -p /dev/pts /dev/shm
ln -sf /proc/self/fd /dev/fd # process substitution of bash
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
busybox ip link set lo up
busybox hostname vm

uptime=$(cut -d' ' -f1 /proc/uptime)
echo "vm: up after $uptime s, Linux $(uname -r), cgroup v2: $(cat /sys/fs/cgroup/cgroup.controllers)"
/bin/bash /run/vm/command
status=$?
echo "vm: exit status $status after $(cut -d' ' -f1 /proc/uptime) s"
echo $status >/run/vm/status
sync
busybox poweroff -f
