#!/bin/sh
# The machine's init on its real root: what an ordinary host has mounted and loaded, then the script, then off.
repository="$1"
export PATH="$repository/build/vm/tools/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root LANG=C.UTF-8 TERM=dumb
finish() {
	echo "$1" >"$status"
	sync
	exec busybox poweroff -f
}
port() { # by the name that qemu gave it
	for name in /sys/class/virtio-ports/*/name; do
		if [ "$(cat "$name")" = "$1" ]; then basename "$(dirname "$name")"; fi
	done
}
give_up() {
	echo "The virtual machine could not $1" >"$output"
	finish 125
}

mkdir -p /sys /run /tmp /dev/pts /dev/shm /dev/mqueue
mount -t sysfs -o nosuid,nodev,noexec sys /sys
output=/dev/$(port output)
status=/dev/$(port status)
mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup || give_up 'mount cgroup2'
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t tmpfs -o mode=755 tmpfs /run
# A repository below /tmp stays where it is.
mkdir -p /run/repository
mount --bind "$repository" /run/repository
mount -t ext4 /dev/vda /tmp || give_up 'mount /tmp'
chmod 1777 /tmp
if [ ! -d "$repository" ]; then
	mkdir -p "$repository"
	mount --bind /run/repository "$repository"
fi
ln -sfn /proc/self/fd /dev/fd
ln -sfn ptmx /dev/pts/../ptmx 2>/dev/null

# As below systemd: nothing lives in the root cgroup, and every controller is handed down from it.
mkdir -p /sys/fs/cgroup/init.scope
echo 1 >/sys/fs/cgroup/init.scope/cgroup.procs
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
	echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done

# The kernel loads by itself what it is asked for; the rest is what a host with containers has loaded.
release=$(uname -r)
mkdir -p /lib/modules
ln -sfn "$repository/build/vm/kernel/lib/modules/$release" "/lib/modules/$release"
printf '#!/bin/sh\nexec busybox modprobe "$@"\n' >/run/modprobe
chmod 755 /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
for module in veth bridge br_netfilter nf_tables nf_conntrack; do busybox modprobe "$module"; done

hostname wherry-vm
busybox ip link set lo up
cd "$repository" || give_up "enter $repository"
sh /script >"$output" 2>&1 </dev/null
finish $?
