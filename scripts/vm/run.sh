#!/bin/sh
# Runs the script of the machine with its output on one port and its exit code on another, then switches the machine off.
repository="$1"
export PATH="$repository/build/vm/tools/sbin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root LANG=C.UTF-8 TERM=dumb
port() { # by the name that qemu gave it
	for name in /sys/class/virtio-ports/*/name; do
		if [ "$(cat "$name")" = "$1" ]; then basename "$(dirname "$name")"; fi
	done
}
output=/dev/$(port output)
status=/dev/$(port status)
cd "$repository" || exec busybox poweroff -f
sh /script >"$output" 2>&1 </dev/null
echo $? >"$status"
sync
exec busybox poweroff -f
