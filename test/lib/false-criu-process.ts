/**
 * What stands in CRIU's place as `criu swrk <fd>` (images/rpc.proto of CRIU 3.17): `false-criu-process.ts <home> swrk <fd>`. It dumps a
 * process's arguments, and restores a process that has them among its own, in namespaces as those of ctr's containers. `<home>/mode`
 * says how it fails.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { argv, kill } from 'node:process';
import { decode, encode, type Fields, type Message } from '../../runtime/criu/wire.ts';

const DUMP = 1;
const RESTORE = 2;
const NOTIFY = 6;

const REQUEST: Fields = {
  type: { number: 1, type: 'int' },
  opts: {
    number: 2,
    type: {
      imagesDirFd: { number: 1, type: 'int' },
      pid: { number: 2, type: 'int' },
      leaveRunning: { number: 3, type: 'bool' },
    },
  },
  notifySuccess: { number: 3, type: 'bool' },
};
const RESPONSE: Fields = {
  type: { number: 1, type: 'int' },
  success: { number: 2, type: 'bool' },
  restore: { number: 4, type: { pid: { number: 1, type: 'int' } } },
  notify: {
    number: 5,
    type: { script: { number: 1, type: 'text' }, pid: { number: 2, type: 'int' } },
  },
  errno: { number: 7, type: 'int' },
};
const NAMESPACES = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--fork'];
const EPERM = 1;

const [, , home = '', , socket = ''] = argv;
const modeFile = join(home, 'mode');
const mode = existsSync(modeFile) ? readFileSync(modeFile, 'utf8') : '';

const pause = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Like CRIU, it does nothing more once nobody waits for it. */
function hang(): never {
  const { ppid } = process;
  while (process.ppid === ppid) pause(20);
  process.exit(1);
}

function receive(): Message {
  const packet = Buffer.alloc(40_960);
  return decode(REQUEST, packet.subarray(0, readSync(Number(socket), packet)));
}

const answer = (message: Message): void => void writeSync(Number(socket), encode(RESPONSE, message));

function dump(pages: string, { pid, leaveRunning }: Message): void {
  writeFileSync(pages, readFileSync(`/proc/${Number(pid)}/cmdline`));
  if (mode === 'hangs') hang();
  if (leaveRunning !== true) kill(Number(pid), 'SIGKILL');
  answer({ type: DUMP, success: true });
}

async function restore(pages: string): Promise<void> {
  const words = readFileSync(pages, 'utf8').split('\0');
  const script = 'echo "restored $*"; while :; do sleep 0.1; done';
  const child = spawn('unshare', [...NAMESPACES, 'sh', '-c', script, 'sh', ...words], { stdio: 'inherit' });
  const children = `/proc/${child.pid}/task/${child.pid}/children`;
  let pid = 0;
  for (; pid === 0; pause(10)) pid = Number(readFileSync(children, 'utf8'));
  // As CRIU's, it becomes a child of who asked.
  child.kill('SIGKILL');
  await once(child, 'exit');
  answer({ type: NOTIFY, success: true, notify: { script: 'post-restore', pid } });
  if (receive()['notifySuccess'] !== true) kill(pid, 'SIGKILL');
  else answer({ type: RESTORE, success: true, restore: { pid } });
}

const { type = 0, opts } = receive();
const options = opts as Message;
const pages = `/proc/self/fd/${Number(options['imagesDirFd'])}/pages-1.img`;
if (mode === 'fails') answer({ type: Number(type), success: false, errno: EPERM });
else if (type === DUMP) dump(pages, options);
else await restore(pages);
process.exit(0);
