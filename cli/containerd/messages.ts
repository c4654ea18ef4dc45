import { GRPC, GrpcError } from './grpc-error.ts';

/** The flag of compression and the length, before each message. */
const PREFIX_BYTES = 5;

/** A message as it goes over the wire, not compressed. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.byteLength);
  framed[0] = 0;
  framed.writeUInt32BE(message.byteLength, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** Messages out of bytes that come in any pieces. Throws for one that is cut off, or compressed: nobody was told that it may be. */
export async function* messagesIn(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  let wanted = PREFIX_BYTES;
  for await (const piece of pieces) {
    held.push(piece);
    bytes += piece.byteLength;
    while (bytes >= wanted) {
      const all = Buffer.concat(held);
      held = [all];
      const end = PREFIX_BYTES + all.readUInt32BE(1);
      wanted = end;
      if (bytes < end) break;
      if (all[0] !== 0) throw new GrpcError(GRPC.internal, 'the answer is compressed');
      yield all.subarray(PREFIX_BYTES, end);
      held = [all.subarray(end)];
      bytes -= end;
      wanted = PREFIX_BYTES;
    }
  }
  if (bytes > 0) throw new GrpcError(GRPC.internal, 'the answer is cut off');
}
