import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, messagesIn } from '../../../cli/containerd/messages.ts';

async function readIn(bytes: Uint8Array, piece: number): Promise<string[]> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
  }
  const found: string[] = [];
  for await (const message of messagesIn(pieces())) found.push(Buffer.from(message).toString());
  return found;
}

const MESSAGES = ['first', '', 'x'.repeat(300), '', 'last'];
const WIRE = Buffer.concat(MESSAGES.map((each) => frame(Buffer.from(each))));

for (const piece of [1, 2, 5, 6, 7, 64, WIRE.length])
  test(`messages in pieces of ${piece} bytes`, async () => {
    assert.deepEqual(await readIn(WIRE, piece), MESSAGES);
  });

test('no message', async () => assert.deepEqual(await readIn(Buffer.alloc(0), 1), []));

test('one that is cut off, one that is compressed', async () => {
  for (const cut of [1, 5, WIRE.length - 1])
    await assert.rejects(readIn(WIRE.subarray(0, cut), 64), /is cut off/);
  const compressed = frame(Buffer.from('x'));
  compressed[0] = 1;
  await assert.rejects(readIn(compressed, 64), /is compressed/);
});
