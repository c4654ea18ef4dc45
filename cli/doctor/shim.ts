import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Exit } from '../../shim/contract.ts';
import { parseExitFile } from '../../shim/exit-file.ts';
import { frameReader, type ShimEvent } from '../../shim/frames.ts';
import { isStopped, processOf } from '../kernel-process.ts';
import { findShim } from './processes.ts';
import type { Answer, Layer, Roots } from './contract.ts';

/** The shim's socket: it greets whoever connects with what it knows. */
export const shimLayer = (id: string, { execRoot }: Roots): Layer => {
  const directory = join(execRoot, 'shims', id);
  return {
    name: 'shim',
    ask: async (signal) => {
      const exit = exitRecord(directory);
      if (exit !== undefined) return ended(exit);
      const event = await greeting(join(directory, 'sock'), signal);
      if (event?.kind === 'exited') return ended(event.exit);
      if (event?.kind === 'started') {
        const shimPid = processOf(event.pid)?.parent;
        const facts = shimPid === undefined ? [] : [`the shim is process ${shimPid}`];
        return { kind: 'said', said: { alive: true, pid: event.pid, word: 'started', facts, faults: [] } };
      }
      return absent(id, directory);
    },
    whySilent: () => whySilent(id),
    byHand: ({ shimPid }) => [
      `wctr shim state ${directory}`,
      ...(shimPid === undefined ? [] : [`cat /proc/${shimPid}/status`, `kill -CONT ${shimPid}`]),
    ],
  };
};

const ended = ({ code }: Exit): Answer => ({
  kind: 'said',
  said: { alive: false, exitCode: code, word: 'exited', facts: [], faults: [] },
});

/** Undefined when nobody listens, or who listened went. Never settles when the shim says nothing. */
async function greeting(path: string, signal: AbortSignal): Promise<ShimEvent | undefined> {
  const socket = connect({ path });
  signal.addEventListener('abort', () => socket.destroy());
  const { promise, resolve } = Promise.withResolvers<ShimEvent | undefined>();
  socket.on('data', frameReader(resolve));
  socket.on('error', () => resolve(undefined));
  socket.on('end', () => resolve(undefined));
  const event = await promise;
  socket.destroy();
  return event;
}

function absent(id: string, directory: string): Answer {
  const process = findShim(id);
  if (process !== undefined)
    return { kind: 'down', text: `process ${process.pid} runs, and nobody listens at ${directory}/sock` };
  return { kind: 'said', said: { alive: false, word: 'no shim', facts: [], faults: [] } };
}

function exitRecord(directory: string): Exit | undefined {
  const path = join(directory, 'exit');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return parseExitFile(text, path);
}

/** Why a shim that is there says nothing. */
function whySilent(id: string): string {
  const found = findShim(id);
  const process = found === undefined ? undefined : processOf(found.pid);
  if (process === undefined) return 'its process is gone';
  return isStopped(process)
    ? `its process ${process.pid} is stopped: kill -CONT ${process.pid}`
    : `its process ${process.pid} is in state ${process.state}`;
}
