#!/bin/sh
# usage: busybox-image.sh FILE
# Writes an image as docker.io/busybox is, of the host's busybox-static, for runc's tests.
set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
for directory in bin dev etc home root tmp usr/bin usr/sbin var/spool/mail var/www; do mkdir -p "$root/$directory"; done
chmod 1777 "$root/tmp"
chmod 700 "$root/root"
cp /bin/busybox "$root/bin/busybox"
for applet in $(/bin/busybox --list); do
  [ "$applet" = busybox ] || ln "$root/bin/busybox" "$root/bin/$applet"
done
printf '%s\n' root:x:0:0:root:/root:/bin/sh daemon:x:1:1:daemon:/usr/sbin:/bin/false \
  www-data:x:33:33:www-data:/var/www:/bin/false nobody:x:65534:65534:nobody:/home:/bin/false >"$root/etc/passwd"
printf '%s\n' root:x:0: daemon:x:1: tty:x:5: wheel:x:10:root www-data:x:33: users:x:100: nogroup:x:65534: >"$root/etc/group"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
tar -C "$root" -cJf "$1" .
