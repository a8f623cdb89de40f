#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Becomes a systemd with otterd installed, in namespaces of its own (see
# test_otterd_systemd.py).  The machine's root lies below an overlay: nothing
# that is written here stays, and of its units none is known but those below.
# Usage: systemd_boot.sh FOLDER BUILD; FOLDER/host is /run/host inside.
set -eu
folder=$1
root=$folder/layers/root
mkdir "$folder/layers"
mount -t tmpfs none "$folder/layers"
mkdir "$folder/layers/upper" "$folder/layers/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$folder/layers/upper,workdir=$folder/layers/work" \
    none "$root"
for place in run tmp var/lib var/log dev; do
    mkdir -p "$root/$place"
    mount -t tmpfs -o mode=755 none "$root/$place"
done
chmod 1777 "$root/tmp"

rm -rf "$root/etc/otterd"
DESTDIR=$root cmake --install "$2" --component otterd --prefix /usr/local \
    >/dev/null
systemd-sysusers --root="$root" "$root/usr/local/lib/sysusers.d/otterd.conf" \
    2>/dev/null

units=$root/run/units
mkdir "$units" "$root/run/host"
for unit in .service .socket -dev-log.socket; do
    cp "/lib/systemd/system/systemd-journald$unit" "$units"
done
cp "$root/usr/local/lib/systemd/system/otterd.service" "$units"
# A build with sanitizers looks for leaks by ptrace, which the unit forbids.
mkdir "$units/otterd.service.d"
printf '[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n' \
    >"$units/otterd.service.d/test.conf"
for target in basic sysinit shutdown umount network-online; do
    printf '[Unit]\nDefaultDependencies=no\n' >"$units/$target.target"
done
echo Requires=systemd-journald.service >>"$units/basic.target"

ip link set lo up
mount --bind "$folder/host" "$root/run/host"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs none "$root/dev/shm"

cd "$root"
pivot_root . mnt
exec chroot . sh -c 'umount -l /mnt && echo booting && exec env -i \
    container=otter NOTIFY_SOCKET=/run/host/notify \
    SYSTEMD_UNIT_PATH=/run/units PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=basic.target --log-target=journal \
    --show-status=no'
