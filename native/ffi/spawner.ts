import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { internal } from '../../common/errors.ts';
import { SyscallError } from './syscall.ts';
import { bind, nativeDirectory } from './library.ts';
import { memfd, sealMemfd } from '../sys/memory-file.ts';

const start = bind<(threads: number) => number>('int wherry_spawner_start(int threads)');
const spawn = bind<
  (sequence: number, exe: number, control: number, plan: number, name: string, tag: string) => number
>(
  'int wherry_spawn(uint64_t sequence, int exe_fd, int control_fd, int plan_fd, const char *name, const char *tag)',
);

const RESULT_BYTES = 16;
/** More than one, because the kernel holds a spawner until its child runs. */
const THREADS = 2;

export interface SpawnRequest {
  /** Becomes descriptor 3 of the child; stays open here. */
  readonly controlFd: number;
  /** Becomes descriptor 4 of the child; stays open here. */
  readonly planFd: number;
  /** What `ps` shows as the argument. */
  readonly tag: string;
}

/** Starts shims (native/c/spawn.c). Resolves with the child's pid when it executes; throws SyscallError. */
export type Spawner = (request: SpawnRequest) => Promise<number>;

/**
 * The process's spawner threads, and the shim's program in a sealed memfd: /proc/self/exe of what runs in a container is
 * never a file of the host (CVE-2019-5736). Once a process; it lives as long as the process.
 */
export function startSpawner(): Spawner {
  const exe = memfd('wherry-shim', readFileSync(join(nativeDirectory(), 'wherry-shim')));
  sealMemfd(exe);
  const resultsFd = start(THREADS);
  if (resultsFd < 0) throw new SyscallError('start the spawner', -resultsFd);
  const waiting = new Map<number, (pid: number) => void>();
  listen(resultsFd, (sequence, pid) => {
    waiting.get(sequence)?.(pid);
    waiting.delete(sequence);
  });
  let last = 0;
  return async ({ controlFd, planFd, tag }) => {
    const sequence = ++last;
    const { promise, resolve } = Promise.withResolvers<number>();
    waiting.set(sequence, resolve);
    const queued = spawn(sequence, exe, controlFd, planFd, 'wherry-shim', tag);
    if (queued < 0) waiting.delete(sequence);
    const pid = queued < 0 ? queued : await promise;
    if (pid < 0) throw new SyscallError('spawn the shim of', -pid, tag);
    return pid;
  };
}

function listen(fd: number, onResult: (sequence: number, pid: number) => void): void {
  const results = new Socket({ fd, readable: true, writable: false });
  results.unref();
  let held = Buffer.alloc(0);
  results.on('data', (data: Buffer) => {
    held = Buffer.concat([held, data]);
    for (; held.length >= RESULT_BYTES; held = held.subarray(RESULT_BYTES)) {
      onResult(Number(held.readBigUInt64LE(0)), Number(held.readBigInt64LE(8)));
    }
  });
  results.on('error', (error) => {
    throw internal('The spawner is lost', { cause: error });
  });
}
