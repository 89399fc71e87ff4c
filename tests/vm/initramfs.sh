#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# First process of the guest (see run-in-vm.sh): load the drivers of the root, stack a tmpfs on it, hand over.
# Only busybox is here, and only under that name.
b=/bin/busybox

fail() {
	echo "initramfs: $*"
	$b poweroff -f
}

$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
for module in virtio_pci 9pnet_virtio 9p overlay; do
	$b modprobe -q $module # or it is built in
done

options=trans=virtio,version=9p2000.L,msize=512000
$b mount -t 9p -o "ro,$options,cache=loose" root /lower || fail "no root"
$b mount -t tmpfs -o size=80% rw /rw
$b mkdir -p /rw/root/upper /rw/root/work /rw/source/upper /rw/source/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/rw/root/upper,workdir=/rw/root/work root /new || fail "no overlay"

$b mount -t tmpfs -o mode=755 run /new/run
$b mkdir /new/run/vm
$b mount -t 9p -o "rw,$options" run /new/run/vm || fail "no way to report"
# real file systems where tests make overlays of their own, which an overlay cannot carry
$b mount -t tmpfs -o mode=1777 tmp /new/tmp
source=$($b cat /new/run/vm/source)
case $source in
/tmp/*) # the tmpfs hides the tree that we are here for: show it again
	$b mkdir -p "/new$source"
	layers=lowerdir=/lower$source,upperdir=/rw/source/upper,workdir=/rw/source/work
	$b mount -t overlay -o "$layers" source "/new$source"
	;;
esac
$b mkdir -p /new/lib/modules
$b mount -t 9p -o "ro,$options,cache=loose" modules /new/lib/modules
# the kernel calls it to load what it misses (request_module())
[ -e /new/usr/sbin/modprobe ] || $b ln -s /bin/busybox /new/usr/sbin/modprobe

$b mount --move /proc /new/proc
$b mount --move /sys /new/sys
$b mount --move /dev /new/dev
exec $b switch_root /new /bin/sh /run/vm/guest.sh
