#!/busybox sh
# The first process, in the initramfs: finds the host's files and lays a writable layer over them. What is written there lives
# in memory and is gone with the machine.
b=/busybox
$b mount -t devtmpfs dev /dev
exec >/dev/console 2>&1
$b mount -t proc proc /proc
for module in $($b cat /order); do $b insmod "/modules/$module"; done
$b mount -t virtiofs -o ro host /host || exec $b poweroff -f
$b mount -t tmpfs -o mode=755,size=50% tmpfs /upper
$b mkdir /upper/files /upper/work
$b mount -t overlay -o lowerdir=/host,upperdir=/upper/files,workdir=/upper/work overlay /root || exec $b poweroff -f
$b cp /script /root/script
parameter() { $b sed -n "s/.*wherry\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
repository=$(parameter repository)
init=$(parameter init)
$b mount -o move /dev /root/dev
$b mount -o move /proc /root/proc
exec $b switch_root /root /bin/sh "$repository/scripts/vm/init.sh" "$repository" "$init"
