#!/bin/sh
# usage: isolate.sh NAME SECONDS COMMAND...
# Runs one test of a foreign suite so that nothing of it survives: own mount, pid and cgroup namespaces, an own cgroup in every
# hierarchy as what it sees as the root, own /run and TMPDIR. A test that takes longer than SECONDS is killed (exit code 124).
set -eu

if [ "${1}" = --inside ]; then
  shift
  mount --make-rprivate /
  # As on a host: what is mounted is shared, but only with copies of this namespace.
  mount --make-rshared /
  for hierarchy in /sys/fs/cgroup/*; do
    kind=$(stat -f -c %T "$hierarchy")
    case $kind in cgroupfs | cgroup2fs) ;; *) continue ;; esac
    options=$(findmnt -n -o FS-OPTIONS --target "$hierarchy")
    umount "$hierarchy"
    if [ "$kind" = cgroup2fs ]; then
      [ -z "${WHERRY_SUITE_HIDE_V2:-}" ] || continue
      mount -t cgroup2 cgroup2 "$hierarchy"
      for controller in $(cat "$hierarchy/cgroup.controllers"); do
        echo "+$controller" >"$hierarchy/cgroup.subtree_control"
      done
    else
      mount -t cgroup -o "$options" cgroup "$hierarchy"
    fi
  done
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir -p /run/lock
  seconds=$1
  shift
  code=0
  timeout -k 5 "$seconds" "$@" || code=$?
  # What is frozen doesn't die, and this namespace would wait for it.
  find /sys/fs/cgroup/freezer -name freezer.state 2>/dev/null | while read -r file; do
    echo THAWED >"$file" 2>/dev/null || true
  done
  exit "$code"
fi

case $1 in
--join)
  for own in /sys/fs/cgroup/*/"$2"; do echo $$ >"$own/cgroup.procs"; done
  shift 2
  exec "$@"
  ;;
--leaf)
  # Version 2: only a cgroup without processes of its own can give controllers on.
  for own in /sys/fs/cgroup/*/"$2"/cgroup.controllers; do
    [ -e "$own" ] || continue
    mkdir "${own%/*}/init"
    echo $$ >"${own%/*}/init/cgroup.procs"
  done
  shift 2
  exec "$@"
  ;;
esac

name=wherry-conformance-$1-$$
seconds=$2
shift 2
TMPDIR=$(mktemp -d /tmp/wherry-conformance.XXXXXX)
export TMPDIR
chmod 755 "$TMPDIR"

clean() {
  for hierarchy in /sys/fs/cgroup/*; do
    [ -d "$hierarchy/$name" ] || continue
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      find "$hierarchy/$name" -depth -type d -exec rmdir {} + 2>/dev/null && break
      [ -d "$hierarchy/$name" ] || break
      sleep 0.2
    done
  done
  rm -rf --one-file-system "$TMPDIR"
}
trap clean EXIT
trap 'exit 143' TERM INT HUP

for hierarchy in /sys/fs/cgroup/*; do
  case $(stat -f -c %T "$hierarchy") in cgroupfs | cgroup2fs) ;; *) continue ;; esac
  mkdir "$hierarchy/$name"
  # A cgroup gets no real time unless it is given some.
  [ ! -e "$hierarchy/cpu.rt_runtime_us" ] || echo 100000 >"$hierarchy/$name/cpu.rt_runtime_us" || true
  [ -e "$hierarchy/cpuset.cpus" ] || continue
  cat "$hierarchy/cpuset.cpus" >"$hierarchy/$name/cpuset.cpus"
  cat "$hierarchy/cpuset.mems" >"$hierarchy/$name/cpuset.mems"
done

# Joins from a process of its own: this one stays outside, to clean up.
code=0
"$0" --join "$name" unshare --cgroup -- "$0" --leaf "$name" \
  unshare --mount --pid --fork --kill-child --mount-proc -- "$0" --inside "$seconds" "$@" </dev/null || code=$?
exit "$code"
