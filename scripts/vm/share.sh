#!/bin/sh
# Serves this host's files to the virtual machine, for reading only: in a mount namespace of its own, because virtiofsd has no
# option for that. Arguments: the socket, the repository.
set -eu
socket="$1"
repository="$2"
root=$(dirname "$socket")/root
mkdir "$root"
show() {
	mount --bind "$1" "$root$1"
	mount -o remount,bind,ro "$root$1"
}
show /
for directory in /usr /etc /opt /var "$repository" "$repository/node_modules" "$repository/build"; do
	if mountpoint -q "$directory"; then show "$directory"; fi
done
exec /usr/lib/qemu/virtiofsd --socket-path="$socket" -o "source=$root,cache=always,sandbox=chroot,log_level=err,xattr"
