#!/bin/sh
# `images.sh DIRECTORY NAME...` makes root file systems out of what Debian's packages installed on this host, each a tar archive
# in the directory: web (nginx), db (postgresql), cache (redis), app (scripts that speak with db and cache), ryuk (removes what
# testcontainers leaves).
set -eu
out=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
postgres=$(echo /usr/lib/postgresql/*/bin | tr ' ' '\n' | tail -n 1)
version=$(basename "$(dirname "$postgres")")

# A root file system with busybox, users, and the programs that follow with their libraries.
base() {
	root=$1
	shift
	mkdir -p "$root/bin" "$root/etc" "$root/run" "$root/tmp" "$root/usr/bin" "$root/var/log/nginx" "$root/var/lib/nginx"
	chmod 1777 "$root/tmp"
	cp "$(command -v busybox)" "$root/bin/busybox"
	for applet in sh cat chown cp echo env grep httpd id kill ls mkdir nc printf ps rm sed sleep stat test touch wget; do
		ln -s busybox "$root/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\ndata:x:70:70:data:/tmp:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\ndata:x:70:\nnogroup:x:65534:\n' >"$root/etc/group"
	copy "$root" "$@"
}
copy() {
	root=$1
	shift
	for file in "$@"; do
		echo "$file"
		ldd "$file" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p'
	done | sort -u | while read -r file; do
		mkdir -p "$root$(dirname "$file")"
		cp -L "$file" "$root$file"
	done
}
pack() {
	tar -C "$out/$1" --numeric-owner -cf "$out/$1.tar" .
	rm -r "${out:?}/$1"
}

web() { base "$out/web" "$(command -v nginx)"; }

cache() {
	base "$out/cache" "$(command -v redis-server)" "$(command -v redis-cli)"
	mkdir "$out/cache/data"
	chown 70:70 "$out/cache/data"
}

app() {
	base "$out/app" "$(command -v redis-cli)" "$postgres/psql"
	mkdir "$out/app/cgi-bin"
	cp "$here/hit" "$out/app/cgi-bin/"
	ln -s "$postgres/psql" "$out/app/bin/psql"
}

db() {
	library=/usr/lib/postgresql/$version/lib
	base "$out/db" "$postgres/postgres" "$postgres/initdb" "$postgres/psql" "$postgres/pg_isready" \
		"$library/plpgsql.so" "$library/dict_snowball.so"
	mkdir -p "$out/db/usr/share/postgresql" "$out/db/usr/share/zoneinfo" "$out/db/data"
	cp -rL "/usr/share/postgresql/$version" "$out/db/usr/share/postgresql/"
	rm -rf "$out/db/usr/share/postgresql/$version/man" "$out/db/usr/share/postgresql/$version/contrib"
	cp "$here/database" "$out/db/bin/"
	for program in psql pg_isready; do ln -s "$postgres/$program" "$out/db/bin/"; done
	ln -s "$postgres" "$out/db/postgres"
	chown 70:70 "$out/db/data"
	chmod 700 "$out/db/data"
}

ryuk() {
	base "$out/ryuk" "$(command -v docker)"
	docker=$(command -v docker)
	[ "$docker" = /bin/docker ] || mv "$out/ryuk$docker" "$out/ryuk/bin/docker"
	cp "$here/ryuk" "$out/ryuk/bin/"
}

for name in "$@"; do
	"$name"
	tar -C "$out/$name" --numeric-owner -cf "$out/$name.tar" .
	rm -r "${out:?}/$name"
done
