import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { argv, stdout } from 'node:process';

/**
 * Asks many ports at once, in the network namespace where it runs. One argument, a JSON list of Target; prints a JSON list of what it
 * found: `open`, `answered`, `refused`, `silent`, or the name of an errno.
 */
export interface Target {
  readonly address: string;
  readonly port: number;
  readonly transport?: 'tcp' | 'udp';
  /** Bound to; must be an address of the namespace. */
  readonly source?: string;
}

const PATIENCE_MS = 1_500;
const WORDS: Readonly<Record<string, string>> = { ECONNREFUSED: 'refused', ECONNRESET: 'refused' };
const wordOf = (error: Error): string => {
  const { code = '' } = error as NodeJS.ErrnoException;
  return WORDS[code] ?? code;
};

function knock({ address, port, transport = 'tcp', source }: Target): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  setTimeout(() => resolve('silent'), PATIENCE_MS).unref();
  if (transport === 'tcp') {
    const socket = connect({
      host: address,
      port,
      ...(source === undefined ? {} : { localAddress: source }),
    });
    socket.on('connect', () => resolve('open')).on('error', (error) => resolve(wordOf(error)));
    return promise.finally(() => socket.destroy());
  }
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  socket.on('message', () => resolve('answered')).on('error', (error) => resolve(wordOf(error)));
  socket.bind(0, source, () => {
    socket.connect(port, address, () => socket.send('question'));
  });
  return promise.finally(() => socket.close());
}

const targets = JSON.parse(argv[2] ?? '[]') as Target[];
stdout.write(`${JSON.stringify(await Promise.all(targets.map(knock)))}\n`);
