import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memfd, sealMemfd } from '../sys/memory-file.ts';
import { bind, nativeDirectory } from './library.ts';
import { checked } from './syscall.ts';

const launchNow = bind<
  (exe: number, report: number, plan: number, first: number, name: string, argument: string) => number
>(
  'int64_t wherry_launch(int exe_fd, int report_fd, int plan_fd, int first, const char *name, const char *argument)',
);

/**
 * Starts the launcher (native/c/launch.c) on a plan, with this process's stdio and its descriptors 3 to 2 + preserveFds, and
 * returns its pid. Its program is a sealed memfd: /proc/self/exe of a container is never a file of the host (CVE-2019-5736).
 * Holds the thread until the launcher runs: for commands, not for the daemon. Both descriptors stay open here.
 */
export function launch(request: {
  readonly reportFd: number;
  readonly planFd: number;
  readonly preserveFds: number;
}): number {
  const exe = memfd('wherry-init', readFileSync(join(nativeDirectory(), 'wherry-init')));
  try {
    sealMemfd(exe);
    const { reportFd, planFd, preserveFds } = request;
    return checked('start', 'wherry-init', () =>
      launchNow(exe, reportFd, planFd, 3 + preserveFds, 'wherry-init', String(preserveFds)),
    );
  } finally {
    closeSync(exe);
  }
}
