import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { argv, stdout } from 'node:process';
import { decode, streamDecode, type DecodedPacket } from 'dns-packet';

/**
 * Sends messages, in hexadecimal, to 127.0.0.11 of the network namespace that it runs in, and prints what each is answered with as a
 * line of JSON; `null` when nothing comes within `waitMs`.
 */
const [, , transport = 'udp', waitMs = '20000', ...messages] = argv;
const SERVER = '127.0.0.11';

async function askUdp(message: Buffer): Promise<DecodedPacket | undefined> {
  const socket = createSocket('udp4');
  try {
    socket.send(message, 53, SERVER);
    const signal = AbortSignal.timeout(Number(waitMs));
    const [bytes] = (await once(socket, 'message', { signal })) as [Buffer];
    return decode(bytes);
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

async function askTcp(message: Buffer): Promise<DecodedPacket | undefined> {
  const socket = connect(53, SERVER);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.byteLength);
  socket.write(Buffer.concat([length, message]));
  let held = Buffer.alloc(0);
  for await (const chunk of socket) {
    held = Buffer.concat([held, chunk as Buffer]);
    const packet = held.byteLength > 2 ? streamDecode(held) : null;
    if (packet !== null) return packet as DecodedPacket;
  }
  return undefined;
}

for (const message of messages) {
  const bytes = Buffer.from(message, 'hex');
  const reply = await (transport === 'tcp' ? askTcp(bytes) : askUdp(bytes));
  stdout.write(`${JSON.stringify(reply ?? null)}\n`);
}
