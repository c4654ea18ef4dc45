import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Place } from './place.ts';
import { ended, eventually, start } from './process.ts';

/** A syslog server in a daemon's network namespace. */
export interface SyslogServer extends AsyncDisposable {
  /** The messages that came, in their order. */
  messages(): string[];
}

const PROGRAM = fileURLToPath(new URL('syslog-receiver.py', import.meta.url));

export type SyslogKind = 'tcp' | 'udp' | 'unix' | 'unixgram' | 'tls';

/**
 * Resolves when it listens: at a port of 127.0.0.1, or at a path. With `tls` also certificate, key, and the authority of its clients, if
 * they have to show one.
 */
export async function startSyslog(
  place: Place,
  kind: SyslogKind,
  ...where: readonly string[]
): Promise<SyslogServer> {
  const enter = ['nsenter', `--net=/proc/${place.netnsPid}/ns/net`, '--'];
  const child: ChildProcess = start([...enter, 'python3', PROGRAM, kind, ...where], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout?.on('data', (data: Buffer) => (text += data.toString()));
  const lines = (): string[] => text.split('\n').slice(1, -1);
  await eventually('the syslog server listens', () => text.startsWith('ready\n'));
  return {
    messages: lines,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended(child);
    },
  };
}
