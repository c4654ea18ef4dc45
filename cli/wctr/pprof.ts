import { request, type IncomingMessage } from 'node:http';
import { standardSinks } from '../stream/sinks.ts';
import { defineCommand, type Command } from './command.ts';
import { duration, socketFlag } from './global-flags.ts';

const MS_PER_S = 1000;
const PROFILE_MS = 30_000;
const TRACE_MS = 5000;

/** Writes to stdout what a debug server has under a name (https://pkg.go.dev/net/http/pprof; ours, V8's profiles). */
const snapshot = (name: string): Command =>
  defineCommand({
    usage: '[flags]',
    flags: socketFlag,
    run: ({ flags }) => copy(flags['debug-socket'], name),
  });

/** The same of what it looks at for a while first. */
const recording = (name: string, initialMs: number): Command =>
  defineCommand({
    usage: '[flags]',
    flags: {
      ...socketFlag,
      seconds: duration('duration for collection', { short: 's', shown: `${initialMs / MS_PER_S}s` }),
    },
    run: ({ flags }) =>
      copy(flags['debug-socket'], `${name}?seconds=${(flags.seconds || initialMs) / MS_PER_S}`),
  });

export const block = snapshot('block');
export const goroutines = snapshot('goroutine?debug=2');
export const heap = snapshot('heap');
export const profile = recording('profile', PROFILE_MS);
export const threadcreate = snapshot('threadcreate');
export const trace = recording('trace', TRACE_MS);

async function copy(socketPath: string, name: string): Promise<number> {
  const path = `/debug/pprof/${name}`;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ socketPath, path }, resolve).once('error', reject).end();
  });
  if (answer.statusCode !== 200) throw new Error(`GET ${path}: ${answer.statusCode} ${answer.statusMessage}`);
  const { stdout } = standardSinks();
  for await (const bytes of answer as AsyncIterable<Uint8Array>) await stdout.write(bytes);
  return 0;
}
