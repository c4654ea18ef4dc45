#!/bin/sh
# Runs a test file below systemd: as the first process of namespaces of its own, in a version 2 cgroup of its own. For the
# virtual machine (scripts/vm.ts -- sh test/lib/under-systemd.sh test/integration/cgroup-systemd.test.ts): systemd would take an
# ordinary host for its own.
set -e
top=/sys/fs/cgroup/under-systemd
work=$(mktemp -d)
mkdir -p "$top" /run/systemd/system
cat >/run/systemd/system/wherry-test.service <<END
[Unit]
DefaultDependencies=no
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
WorkingDirectory=$PWD
ExecStart=/bin/sh -c 'node_modules/.bin/node --disable-warning=ExperimentalWarning --test "$1" >$work/output 2>&1; echo \$? >$work/code'
END
cat >"$work/init" <<END
mount -t proc proc /proc
umount /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec env container=wherry /lib/systemd/systemd --system --unit=wherry-test.service --log-target=console >$work/log 2>&1
END
# The first of unshare's two processes leaves again: systemd must be alone to hand controllers down.
sh -c "echo \$\$ >$top/cgroup.procs; exec unshare --pid --mount --cgroup --propagation private --fork sh $work/init" &
outer=$!
until [ "$(wc -l <$top/cgroup.procs)" -gt 1 ] || [ -d "$top/init.scope" ]; do sleep 0.1; done
echo "$outer" >/sys/fs/cgroup/cgroup.procs 2>/dev/null || { mkdir -p /sys/fs/cgroup/outside && echo "$outer" >/sys/fs/cgroup/outside/cgroup.procs; }
wait "$outer" || true
cat "$work/output" || cat "$work/log"
exit "$(cat "$work/code")"
