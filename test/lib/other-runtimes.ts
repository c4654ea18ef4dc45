import { built } from './clients.ts';

/** crun takes no hybrid cgroups: for it the host has those of version 1 alone. */
const LEGACY = 'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"';

/** Runtimes that a daemon is given, by name: runc where it is found, crun by a program before it, and ours by its path. */
export const OTHER_RUNTIMES = {
  runc: { path: 'runc' },
  crun: { path: '/usr/bin/unshare', runtimeArgs: ['--mount', 'sh', '-c', LEGACY, 'crun'] },
  ours: { path: built('wherry-runtime') },
} as const;
