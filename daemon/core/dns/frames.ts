import type { Socket } from 'node:net';

/** DNS over TCP: each message behind two bytes of its length (RFC 1035, 4.2.2). */
const LENGTH_BYTES = 2;

export function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(message.byteLength);
  return Buffer.concat([length, message]);
}

/** Calls `onMessage` for every whole message that comes. Holds 64 KiB of an unfinished one, and what one read brought, at most. */
export function readFrames(socket: Socket, onMessage: (bytes: Buffer) => void): void {
  let held: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    held = held.byteLength === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.byteLength >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + held.readUInt16BE(0);
      if (held.byteLength < end) return;
      onMessage(held.subarray(LENGTH_BYTES, end));
      held = held.subarray(end);
    }
  });
}
