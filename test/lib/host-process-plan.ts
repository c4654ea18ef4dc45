import { PlanBuilder } from '../../runtime/plan/builder.ts';
import type { Plan } from '../../runtime/plan/types.ts';

const SIGCHLD = 17n;
const TIOCSCTTY = 0x540e;
const TIOCGPTPEER = 0x5441;
const TIOCSPTLCK = 0x40045431;
const O_RDWR_NOCTTY = 0o402;

export interface HostProcess {
  readonly directory: string;
  readonly argv: readonly string[];
  readonly tty?: boolean;
  readonly stdin?: 'none' | 'once' | 'open';
  readonly log?: { path: string; maxBytes: number; maxFiles: number; attrs?: string };
  readonly drainMs?: number;
}

/** The smallest plan that a shim can run: no namespaces, one process of the host with the shim's stdio. */
export function hostProcessPlan(process: HostProcess): Plan {
  const plan = new PlanBuilder();
  const cloneArgs = Buffer.alloc(88);
  cloneArgs.writeBigUInt64LE(SIGCHLD, 32);
  const { pid, parent } = plan.fork('fork', cloneArgs);
  if (process.tty === true) pty(plan);
  else [5, 6, 7].forEach((fd, target) => plan.call('stdio', 'dup2', [fd, target]));
  plan.call('close on exec', 'close_range', [3, 0xffff_ffff, 4]);
  plan.call(`exec ${process.argv[0]}`, 'execve', [
    process.argv[0] ?? '',
    plan.strings(process.argv),
    plan.strings(['PATH=/bin:/usr/bin']),
  ]);
  parent();
  plan.end();
  plan.monitor(monitorConfig(plan, process), pid);
  return plan.build();
}

function pty(plan: PlanBuilder): void {
  const master = plan.call('open /dev/ptmx', 'openat', [-100, '/dev/ptmx', O_RDWR_NOCTTY], { save: true });
  plan.call('unlock', 'ioctl', [master, TIOCSPTLCK, Buffer.alloc(4)]);
  const slave = plan.call('slave', 'ioctl', [master, TIOCGPTPEER, O_RDWR_NOCTTY], { save: true });
  plan.sendFd('hand over the pty', master);
  plan.call('setsid', 'setsid', []);
  plan.call('controlling terminal', 'ioctl', [slave, TIOCSCTTY, 0]);
  for (const target of [0, 1, 2]) plan.call('stdio', 'dup2', [slave, target]);
}

function monitorConfig(plan: PlanBuilder, process: HostProcess): number {
  const bytes = Buffer.alloc(64);
  const flags =
    (process.tty === true ? 1 : 0) |
    ((process.stdin ?? 'none') === 'none' ? 0 : 2) |
    (process.stdin === 'once' ? 4 : 0) |
    (process.log === undefined ? 0 : 8);
  bytes.writeUInt32LE(flags, 0);
  bytes.writeUInt32LE(plan.string('test'), 8);
  bytes.writeUInt32LE(plan.string(process.directory), 12);
  if (process.log !== undefined) {
    bytes.writeUInt32LE(plan.string(process.log.path), 16);
    if (process.log.attrs !== undefined) bytes.writeUInt32LE(plan.string(process.log.attrs), 20);
    bytes.writeBigUInt64LE(BigInt(process.log.maxBytes), 24);
    bytes.writeUInt32LE(process.log.maxFiles, 32);
  }
  bytes.writeUInt32LE(process.drainMs ?? 100, 36);
  return plan.bytes(bytes);
}
