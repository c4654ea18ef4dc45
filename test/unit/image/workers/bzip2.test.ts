import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBzip2 } from '../../../../native/ffi/bzip2.ts';
import { bunzip2 } from '../../../../image/workers/bzip2.ts';
import { inflate } from '../../../../image/workers/inflate.ts';
import { bzip2Of } from '../../../lib/image-archives.ts';
import { seededRandom } from '../../../lib/random.ts';
import { tarball } from '../../../lib/tarball.ts';

/** More than a block, and more than a chunk of output. */
const text = Buffer.concat([
  seededRandom(1).bytes(300_000),
  Buffer.alloc(1_000_000, 'a line of text\n'),
  Buffer.alloc(2_000_000),
]);
const packed = bzip2Of(text);
const EMPTY = bzip2Of(Buffer.alloc(0));

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

async function read(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const read1 = (bytes: Uint8Array, size = bytes.byteLength): Promise<Buffer> =>
  read(bunzip2(cut(bytes, size)));

for (const size of [1_000_000_000, 65_536, 1_000]) {
  test(`a stream that comes in chunks of ${size} bytes is decompressed`, async () => {
    assert.ok((await read1(packed, size)).equals(text));
  });
}

test('streams one after the other, as parallel compressors write them, are one, wherever the chunks end', async () => {
  const parts = Array.from({ length: 8 }, (_, index) => Buffer.from(`part ${index}\n`));
  const joined = Buffer.concat([EMPTY, ...parts.map((part) => bzip2Of(part)), EMPTY]);
  for (const size of [1, 7, joined.byteLength]) {
    assert.equal(String(await read1(joined, size)), parts.join(''));
  }
  assert.equal((await read1(EMPTY, 1)).byteLength, 0);
});

test('what is cut anywhere, damaged, or followed by something else, is refused', async () => {
  const small = bzip2Of(Buffer.from('hello'));
  for (let bytes = 1; bytes < small.byteLength; bytes += 1) {
    const message = 'cannot decompress the archive with bzip2: it ends early';
    await assert.rejects(read1(small.subarray(0, bytes)), { code: 'invalid-argument', message });
  }
  const damaged = Buffer.from(packed).fill(0x55, 1_000, 1_050);
  const message = 'cannot decompress the archive with bzip2: it is damaged';
  await assert.rejects(read1(damaged), { code: 'invalid-argument', message });
  await assert.rejects(
    read1(Buffer.concat([small, Buffer.from('rest')])),
    /with bzip2: it is no bzip2 stream/,
  );
});

test('what goes in little is in memory by little: a chunk of output at a time', async () => {
  const zeros = bzip2Of(Buffer.alloc(200_000_000));
  assert.ok(zeros.byteLength < 1_000);
  let [bytes, most] = [0, 0];
  for await (const chunk of bunzip2(cut(zeros, zeros.byteLength))) {
    bytes += chunk.byteLength;
    most = Math.max(most, chunk.byteLength);
  }
  assert.equal(bytes, 200_000_000);
  assert.ok(most <= 256 * 1024);
});

test('who stops reading closes the source', async () => {
  let closed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield* cut(packed, 1_000);
    } finally {
      closed = true;
    }
  }
  for await (const _ of bunzip2(source())) break;
  assert.ok(closed);
});

test('without the library the format is named, and the source is closed', async () => {
  const absent = 'libnosuch.so.7';
  assert.equal(openBzip2(absent), undefined);
  const message = /^cannot read an archive compressed with bzip2: use gzip, .* or install libbz2/;
  await assert.rejects(read(bunzip2(cut(packed, 1_000), absent)), { code: 'invalid-argument', message });
});

test('a tar that begins with the name of a file like "BZh91" is a tar', async () => {
  const tar = tarball([{ name: 'BZh91', data: 'x' }]);
  const { signal } = new AbortController();
  assert.ok((await read(inflate(cut(tar, 1_000), signal))).equals(tar));
});
