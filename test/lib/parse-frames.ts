/** Docker's frames: 4 bytes for the stream, 4 for the length. Throws for what are none. */
export function* parseFrames(bytes: Buffer): Generator<[stream: number, data: string]> {
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at + 4);
    yield [bytes[at] ?? -1, bytes.subarray(at + 8, at + 8 + length).toString()];
    at += 8 + length;
  }
}
