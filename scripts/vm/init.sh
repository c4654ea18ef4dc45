#!/bin/sh
# The machine's init on its real root: mounts and loads what an ordinary host has, then is run.sh, or systemd that runs it.
# What goes wrong here is on the machine's console.
set -e
repository="$1"
init="$2"
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
trap 'busybox poweroff -f' EXIT

mkdir -p /sys /run /tmp /dev/pts /dev/shm /dev/mqueue
mount -t sysfs -o nosuid,nodev,noexec sys /sys
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t tmpfs -o mode=755 tmpfs /run
ln -sfn /proc/self/fd /dev/fd
# A repository below /tmp stays where it is.
mkdir -p /run/repository
mount --bind "$repository" /run/repository
mount -t ext4 /dev/vda /tmp
chmod 1777 /tmp
if [ ! -d "$repository" ]; then
	mkdir -p "$repository"
	mount --bind /run/repository "$repository"
fi

# The kernel loads by itself what it is asked for; the rest is what a host with containers has loaded.
release=$(uname -r)
mkdir -p /lib/modules
ln -sfn "$repository/build/vm/kernel/lib/modules/$release" "/lib/modules/$release"
printf '#!/bin/sh\nexec busybox modprobe "$@"\n' >/run/modprobe
chmod 755 /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
for module in veth bridge br_netfilter nf_tables nf_conntrack loop quota_v2; do busybox modprobe "$module"; done
hostname wherry-vm
busybox ip link set lo up

trap - EXIT
if [ "$init" = systemd ]; then
	mkdir -p /run/systemd/system
	for unit in "$repository"/scripts/vm/systemd/*; do
		sed "s#@repository@#$repository#g" "$unit" >"/run/systemd/system/$(basename "$unit")"
	done
	exec /lib/systemd/systemd --system --unit=wherry.target
fi
# As below systemd: nothing lives in the root cgroup, and every controller is handed down from it.
mkdir /sys/fs/cgroup/init.scope
echo 1 >/sys/fs/cgroup/init.scope/cgroup.procs
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
	echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done
exec sh "$repository/scripts/vm/run.sh" "$repository"
