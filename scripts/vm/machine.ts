import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { at, repository } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { initramfs } from './initramfs.ts';
import type { Kernel } from './kernel.ts';

export interface MachineOptions {
  readonly kernel: Kernel;
  /** A shell script that the machine runs as root in the repository; its output comes to this process's stdout. */
  readonly script: string;
  /** `script`: the script is all that runs; `systemd`: systemd does, and a message bus. */
  readonly init: 'script' | 'systemd';
  readonly memory: string;
  readonly timeoutMs: number;
}

const DISK = '8G';
const COMMAND_LINE = [
  // On a busy host an emulated timer comes too late for the kernel's look at it.
  'no_timer_check console=ttyS0 loglevel=4 panic=-1 systemd.show_status=0 nokaslr mitigations=off random.trust_cpu=on',
  'apparmor=1 security=apparmor',
  `wherry.repository=${repository}`,
].join(' ');

/**
 * Boots the kernel on this host's files, which it sees read-only below a layer in memory, and runs the script; the script's
 * exit code. Throws with the kernel's last words when the machine ended without one.
 */
export async function runMachine(options: MachineOptions): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'wherry-vm-'));
  const files = filesIn(directory);
  let share: ChildProcess | undefined;
  try {
    await writeFile(files.initrd, initramfs(options.kernel, options.script));
    await run('truncate', '-s', DISK, files.disk);
    await run('mkfs.ext4', '-q', '-F', '-m', '0', files.disk);
    share = await startShare(files.socket);
    const ended = await boot(options, files);
    return statusOf(files, ended);
  } finally {
    if (share?.exitCode === null) share.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

interface Files {
  readonly initrd: string;
  readonly disk: string;
  readonly socket: string;
  readonly console: string;
  readonly status: string;
}

const filesIn = (directory: string): Files => ({
  initrd: join(directory, 'initrd'),
  disk: join(directory, 'disk'),
  socket: join(directory, 'share'),
  console: join(directory, 'console'),
  status: join(directory, 'status'),
});

async function startShare(socket: string): Promise<ChildProcess> {
  const share = spawn(
    'unshare',
    ['-m', '--propagation', 'private', 'sh', at('scripts/vm/share.sh'), socket, repository],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  share.stderr.on('data', (chunk: Buffer) => (said += String(chunk)));
  while (!existsSync(socket)) {
    if (share.exitCode !== null || share.signalCode !== null)
      throw new Error(`virtiofsd did not start: ${said}`);
    await sleep(10);
  }
  return share;
}

async function boot(options: MachineOptions, files: Files): Promise<string> {
  // At the end of its stdin qemu would take the port for closed, and the guest would wait before it writes.
  const machine = spawn('qemu-system-x86_64', flags(options, files), {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const { timeoutMs } = options;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    machine.kill('SIGKILL');
  }, timeoutMs);
  const stop = (): void => void machine.kill('SIGKILL');
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const code = await new Promise<number | null>((resolve, reject) => {
    machine.once('error', reject);
    machine.once('close', resolve);
  });
  clearTimeout(timer);
  process.off('SIGINT', stop).off('SIGTERM', stop);
  return late ? `was still running after ${timeoutMs / 1000} s` : `ended with ${code ?? 'a signal'}`;
}

// No KVM: it is not on every machine that has /dev/kvm, and what runs here is the same everywhere without it.
const flags = ({ kernel, init, memory }: MachineOptions, files: Files): string[] => [
  ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', memory],
  ...['-machine', 'q35,memory-backend=memory', '-nodefaults', '-no-user-config', '-no-reboot'],
  ...['-object', `memory-backend-memfd,id=memory,size=${memory},share=on`, '-display', 'none'],
  ...['-kernel', kernel.image, '-initrd', files.initrd],
  ...['-append', `${COMMAND_LINE} wherry.init=${init}`, '-serial', `file:${files.console}`],
  ...['-chardev', `socket,id=share,path=${files.socket}`],
  ...['-device', 'vhost-user-fs-pci,chardev=share,tag=host,queue-size=1024'],
  ...[
    '-drive',
    `file=${files.disk},format=raw,if=none,id=disk,cache=unsafe`,
    '-device',
    'virtio-blk-pci,drive=disk',
  ],
  ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
  ...['-chardev', 'stdio,id=output,signal=off', '-device', 'virtserialport,chardev=output,name=output'],
  ...[
    '-chardev',
    `file,id=status,path=${files.status}`,
    '-device',
    'virtserialport,chardev=status,name=status',
  ],
];

function statusOf(files: Files, ended: string): number {
  const status = readFileSync(files.status, 'utf8').trim();
  if (/^\d+$/.test(status)) return Number(status);
  const lastWords = readFileSync(files.console, 'utf8').split('\n').slice(-40).join('\n');
  throw new Error(`The virtual machine ${ended} and gave no exit code; its console:\n${lastWords}`);
}
