import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { readBody } from '../../../cli/http/body.ts';
import type { ByteReader } from '../../../cli/http/byte-reader.ts';
import { readHead } from '../../../cli/http/head.ts';
import { demultiplexer } from '../../../cli/stream/demultiplex.ts';
import { detachScanner, parseDetachKeys } from '../../../cli/stream/detach-keys.ts';

/** A reader over `text` that gives `size` bytes at a time. */
function readerOf(text: string | Buffer, size: number): ByteReader {
  let rest = Buffer.from(text);
  return {
    read: async () => {
      if (rest.length === 0) return undefined;
      const bytes = rest.subarray(0, size);
      rest = rest.subarray(size);
      return bytes;
    },
    unread: (bytes) => {
      rest = Buffer.concat([bytes, rest]);
    },
  };
}

async function bodyOf(text: string, size: number): Promise<string> {
  const reader = readerOf(text, size);
  const parts: Buffer[] = [];
  for await (const bytes of readBody(reader, await readHead(reader))) parts.push(bytes);
  return Buffer.concat(parts).toString();
}

suite('HTTP answers, cut anywhere', () => {
  const answers: readonly [string, string, string][] = [
    [
      'chunked',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab\r\n\r\n1;x=y\r\nc\r\n0\r\n\r\n',
      'ab\r\nc',
    ],
    ['counted', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdef', 'abc'],
    ['to the end', 'HTTP/1.0 200 OK\r\nX:y\r\n\r\nabc', 'abc'],
    ['none', 'HTTP/1.1 204 No Content\r\n\r\nrest', ''],
  ];
  for (const [name, answer, body] of answers) {
    test(name, async () => {
      for (const size of [1, 2, 3, 7, 1000]) assert.equal(await bodyOf(answer, size), body);
    });
  }
  test('a cut body is an error', async () => {
    await assert.rejects(bodyOf('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', 5), {
      code: 'unavailable',
    });
    await assert.rejects(bodyOf('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab', 5), {
      code: 'unavailable',
    });
  });
  test('what is no HTTP is an error', async () => {
    await assert.rejects(bodyOf('SSH-2.0-x\r\n\r\n', 5), { code: 'unavailable' });
    await assert.rejects(bodyOf('HTTP/1.1 200', 5), { code: 'unavailable' });
  });
});

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

suite('multiplexed streams', () => {
  const collect = () => {
    const out = { stdout: '', stderr: '' };
    const sink = (name: 'stdout' | 'stderr') => ({
      write: (bytes: Uint8Array) => {
        out[name] += Buffer.from(bytes).toString();
        return undefined;
      },
    });
    return { out, sink: demultiplexer({ stdout: sink('stdout'), stderr: sink('stderr') }) };
  };

  test('frames cut anywhere', async () => {
    const stream = Buffer.concat([
      frame(1, 'hello '),
      frame(2, 'err'),
      frame(1, ''),
      frame(0, 'in'),
      frame(1, 'world'),
    ]);
    for (const size of [1, 3, 8, 9, 1000]) {
      const { out, sink } = collect();
      for (let at = 0; at < stream.length; at += size) await sink.write(stream.subarray(at, at + size));
      assert.deepEqual(out, { stdout: 'hello inworld', stderr: 'err' });
    }
  });

  test('an unknown stream and an error of the daemon end it', async () => {
    await assert.rejects(async () => collect().sink.write(frame(9, 'x')), /Unrecognized input header: 9/);
    await assert.rejects(
      async () => collect().sink.write(frame(3, 'broken')),
      /error from daemon in stream: broken/,
    );
  });

  test('a slow reader holds the stream', async () => {
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    const slow = {
      write: (bytes: Uint8Array) => {
        seen.push(Buffer.from(bytes).toString());
        return gate.promise;
      },
    };
    const done = demultiplexer({ stdout: slow, stderr: slow }).write(
      Buffer.concat([frame(1, 'a'), frame(1, 'b')]),
    );
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(seen, ['a']);
    gate.resolve();
    await done;
    assert.deepEqual(seen, ['a', 'b']);
  });
});

suite('detach keys', () => {
  test('names of keys', () => {
    assert.deepEqual([...parseDetachKeys('ctrl-p,ctrl-q')], [16, 17]);
    assert.deepEqual([...parseDetachKeys('a,ctrl-@,DEL,ctrl-_')], [97, 0, 127, 31]);
    assert.throws(() => parseDetachKeys('ctrl-ä'), { message: "Unknown character: 'ctrl-ä'" });
  });

  const table: readonly [string, readonly string[], string, boolean][] = [
    ['at once', ['x\x10\x11y'], 'x', true],
    ['byte by byte', ['x', '\x10', '\x11'], 'x', true],
    ['begun and not meant', ['\x10', 'a'], '\x10a', false],
    ['begun twice', ['\x10\x10\x11'], '\x10', true],
    ['held back at the end', ['ab\x10'], 'ab', false],
    ['second key alone', ['\x11'], '\x11', false],
  ];
  for (const [name, typed, sent, detached] of table) {
    test(name, () => {
      const scan = detachScanner(parseDetachKeys('ctrl-p,ctrl-q'));
      let out = '';
      let left = false;
      for (const piece of typed) {
        const result = scan(Buffer.from(piece));
        out += Buffer.from(result.send).toString();
        left ||= result.detached;
      }
      assert.deepEqual([out, left], [sent, detached]);
    });
  }
});
