import { closeSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { bool, int, text } from '../../../common/flags/flag.ts';
import { socketPair } from '../../../native/sys/unix-socket.ts';
import { byteReader } from '../../http/byte-reader.ts';
import { processOf } from '../../kernel-process.ts';
import { print } from '../../output.ts';
import { parseDetachKeys, DEFAULT_DETACH_KEYS } from '../../stream/detach-keys.ts';
import { streamContainer } from '../../stream/hijacked.ts';
import { defineCommand } from '../command.ts';
import { goJson } from '../go-json.ts';
import { printTable } from '../table.ts';
import { signalNumber } from '../tasks/task.ts';
import { askShim, within, type Answer } from './connect.ts';
import { DEFAULT_EXEC_ROOT, findPlace, logOf, placesIn } from './find.ts';

const shimFlags = {
  'exec-root': text("the daemon's --exec-root", {
    initial: DEFAULT_EXEC_ROOT,
    shown: `"${DEFAULT_EXEC_ROOT}"`,
  }),
};

export const list = defineCommand({
  usage: '[flags]',
  flags: { ...shimFlags, quiet: bool('print only the ids', { short: 'q' }) },
  run: async ({ flags }) => {
    const places = placesIn(flags['exec-root']);
    if (flags.quiet) {
      print(places.map(({ id }) => `${id}\n`).join(''));
      return 0;
    }
    const rows = await Promise.all(
      places.map(async (place) => {
        const { status, pid } = await shownState(place.directory, () => askShim(place));
        return `${place.id}\t${pid ?? '-'}\t${status}`;
      }),
    );
    printTable(['SHIM\tPID\tSTATUS\t', ...rows], { minimum: 4, padding: 4 });
    return 0;
  },
});

async function shownState(
  directory: string,
  ask: () => Promise<Answer>,
): Promise<{ readonly status: string; readonly pid?: number }> {
  try {
    const answer = await ask();
    if (answer.kind === 'live') return { status: 'RUNNING', pid: answer.shim.pid };
    return answer.kind === 'exited' ? { status: 'STOPPED', pid: answer.exit.pid } : { status: 'GONE' };
  } catch {
    return { status: `SILENT (${directory}/sock)` };
  }
}

export const state = defineCommand({
  usage: '[flags] ID|SOCKET',
  flags: shimFlags,
  run: async ({ flags, args: [given = ''] }) => {
    const place = findPlace(given, flags['exec-root']);
    const answer = await askShim(place);
    print(goJson({ id: place.id, socket: `${place.directory}/sock`, ...shown(answer) }));
    return answer.kind === 'gone' ? 1 : 0;
  },
});

const time = (ns: bigint): string => new Date(Number(ns / 1_000_000n)).toISOString();

function shown(answer: Answer): Record<string, unknown> {
  if (answer.kind === 'gone') return { status: 'gone' };
  if (answer.kind === 'exited') {
    const { pid, code, signal, oomKilled, startedAtNs, finishedAtNs } = answer.exit;
    return {
      status: 'stopped',
      pid,
      exitStatus: code,
      signal,
      oomKilled,
      startedAt: time(startedAtNs),
      exitedAt: time(finishedAtNs),
    };
  }
  const { pid } = answer.shim;
  const kernel = processOf(pid);
  return {
    status: 'running',
    pid,
    startedAt: time(answer.startedAtNs),
    shimPid: kernel?.parent,
    terminal: kernel?.terminal,
    kernelState: kernel?.state ?? 'no such process',
    command: kernel?.command,
  };
}

/** Throws when the shim's process has ended. */
async function live(given: string, execRoot: string): Promise<Extract<Answer, { kind: 'live' }>> {
  const place = findPlace(given, execRoot);
  const answer = await askShim(place);
  if (answer.kind === 'live') return answer;
  throw new Error(
    answer.kind === 'exited'
      ? `the process of ${place.id} has ended with ${answer.exit.code}: failed precondition`
      : `nobody listens at ${place.directory}/sock: not found`,
  );
}

export const signal = defineCommand({
  usage: '[flags] ID|SOCKET [SIGNAL]',
  flags: { ...shimFlags, all: bool('send it to the whole process group', { short: 'a' }) },
  run: async ({ flags, args: [given = '', name = 'SIGTERM'] }) => {
    const { shim } = await live(given, flags['exec-root']);
    const number = signalNumber(name);
    await shim.signal(within(), flags.all ? -number : number);
    return 0;
  },
});

export const attach = defineCommand({
  usage: '[flags] ID|SOCKET',
  flags: {
    ...shimFlags,
    'no-stdin': bool('attach no stdin'),
    'detach-keys': text('keys that end the session', {
      initial: DEFAULT_DETACH_KEYS,
      shown: `"${DEFAULT_DETACH_KEYS}"`,
    }),
  },
  run: async ({ flags, args: [given = ''] }) => {
    const place = findPlace(given, flags['exec-root']);
    const { shim } = await live(given, flags['exec-root']);
    const tty = processOf(shim.pid)?.terminal === true;
    const [ours, theirs] = socketPair();
    const socket = new Socket({ fd: ours, readable: true, writable: true });
    const keys = flags['detach-keys'];
    shim.attach({
      options: {
        ...{ stdin: !flags['no-stdin'], stdout: true, stderr: true, framed: !tty },
        detachKeys: tty ? parseDetachKeys(keys) : new Uint8Array(),
      },
      socket: new Socket({ fd: theirs, readable: false, writable: false }),
      head: new Uint8Array(),
    });
    const streams = { socket, reader: byteReader(socket) };
    const how = await streamContainer(streams, {
      ...{ tty, stdin: !flags['no-stdin'] && (tty ? process.stdin.isTTY : true), output: true },
      detachKeys: keys,
    });
    if (how === 'detached') return 0;
    const after = await askShim(place);
    return after.kind === 'exited' ? after.exit.code : 0;
  },
});

export const log = defineCommand({
  usage: '[flags] ID|SOCKET',
  flags: { ...shimFlags, tail: int('print so many lines of the end, too', { short: 'n' }) },
  run: async ({ flags, args: [given = ''] }) => {
    const { shim } = await live(given, flags['exec-root']);
    const shimPid = processOf(shim.pid)?.parent;
    const position = shimPid === undefined ? undefined : logOf(shimPid);
    if (position === undefined) throw new Error(`the shim of process ${shim.pid} writes no log`);
    print(goJson(position));
    if (flags.tail !== undefined) print(lastLines(position.path, position.size, flags.tail));
    return 0;
  },
});

const TAIL_BYTES = 1 << 20;

/** Of at most the last megabyte. */
function lastLines(path: string, size: number, count: number): string {
  const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
  const fd = openSync(path, 'r');
  try {
    readSync(fd, bytes, 0, bytes.length, Math.max(0, size - bytes.length));
  } finally {
    closeSync(fd);
  }
  const lines = bytes.toString('utf8').split('\n').slice(0, -1);
  return lines
    .slice(Math.max(0, lines.length - count))
    .map((line) => `${line}\n`)
    .join('');
}
