import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { parseFrames } from './parse-frames.ts';

/**
 * Starts an exec, types `input`, and reads to the end as the answer's type says: `raw: …`, or `stdout: …stderr: …`. An exec that is
 * detached has an ordinary answer.
 */
export async function execSession(
  socket: string,
  id: string,
  { body, input = '' }: { readonly body: object; readonly input?: string | undefined },
): Promise<string> {
  const headers = { 'content-type': 'application/json', connection: 'Upgrade', upgrade: 'tcp' };
  const sent = request({ socketPath: socket, method: 'POST', path: `/exec/${id}/start`, headers });
  sent.end(JSON.stringify(body));
  const answer = await new Promise<[IncomingMessage, Socket?, Buffer?]>((resolve, reject) => {
    sent
      .on('upgrade', (...got) => resolve(got))
      .on('response', (got) => resolve([got]))
      .on('error', reject);
  });
  const [head, upgraded, first = Buffer.alloc(0)] = answer;
  const stream = upgraded ?? head;
  const chunks = [first];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  upgraded?.write(input);
  await once(stream, 'end');
  upgraded?.destroy();
  return told(head.headers['content-type'] ?? '', Buffer.concat(chunks));
}

function told(type: string, bytes: Buffer): string {
  if (type.endsWith('.raw-stream')) return `raw: ${bytes.toString()}`;
  if (!type.endsWith('.multiplexed-stream')) return bytes.toString();
  const frames = [...parseFrames(bytes)];
  return (['stdout', 'stderr'] as const)
    .map((name, index) => [name, frames.filter(([stream]) => stream === index + 1)] as const)
    .filter(([, own]) => own.length > 0)
    .map(([name, own]) => `${name}: ${own.map(([, data]) => data).join('')}`)
    .join('');
}
