import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { argv, stdout } from 'node:process';
import {
  decode,
  encode,
  RECURSION_AVAILABLE,
  streamEncode,
  TRUNCATED_RESPONSE,
  type Packet,
} from 'dns-packet';

/**
 * A DNS server for tests, at port 53 of the address that it is told: `*.example` is 192.0.2.1, `big.example` only fits into TCP,
 * `missing.example` is not there, `broken.example` it refuses, of `silent.example` it says nothing. Prints a line once it listens.
 */
const [, , address = ''] = argv;

function replyTo(bytes: Buffer, isTcp: boolean): Packet | undefined {
  const { id, questions = [], additionals } = decode(bytes);
  const name = questions[0]?.name.toLowerCase() ?? '';
  const packet = { type: 'response', id, questions, additionals } as const;
  if (name === 'silent.example') return undefined;
  if (name === 'broken.example') return { ...packet, flags: 5 };
  if (name === 'missing.example' || !name.endsWith('.example')) return { ...packet, flags: 3 };
  if (name !== 'big.example') return { ...packet, answers: [answerFor(name, 1)] };
  // Without recursion glibc takes an empty answer for that of a server that knows nothing.
  if (!isTcp) return { ...packet, flags: TRUNCATED_RESPONSE | RECURSION_AVAILABLE };
  return { ...packet, answers: Array.from({ length: 100 }, (_, index) => answerFor(name, index)) };
}

const answerFor = (name: string, last: number) =>
  ({ type: 'A', name, ttl: 60, data: `192.0.2.${last}` }) as const;

const udp = createSocket('udp4').bind(53, address, () => {
  createServer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      const reply = replyTo(bytes.subarray(2), true);
      if (reply !== undefined) socket.write(streamEncode(reply));
    });
    socket.on('error', () => socket.destroy());
  }).listen(53, address, () => stdout.write('listening\n'));
});
udp.on('message', (bytes, from) => {
  const reply = replyTo(bytes, false);
  if (reply !== undefined) udp.send(encode(reply), from.port, from.address);
});
