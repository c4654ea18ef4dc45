import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawProgress, lineOf } from '../../../cli/http/bars.ts';
import { renderTree } from '../../../cli/commands/image-tree.ts';

async function* body(...messages: object[]): AsyncGenerator<Buffer> {
  for (const message of messages) yield Buffer.from(`${JSON.stringify(message)}\r\n`);
}

/** What a terminal shows after these bytes. */
function screenOf(text: string): string[] {
  const lines = [''];
  let row = 0;
  for (const [, escape = '', count = '', verb = '', plain = ''] of text
    .replaceAll('\u001b', '§')
    .matchAll(/(§\[(\d*)([ABK]))|([^§])/g)) {
    if (escape !== '') {
      if (verb === 'A') row -= Number(count);
      else if (verb === 'B') row += Number(count);
      else lines[row] = '';
      continue;
    }
    if (plain === '\n') row += 1;
    else if (plain !== '\r') lines[row] += plain;
    while (lines.length <= row) lines.push('');
  }
  return lines;
}

test('each layer has a line that is rewritten in place', async () => {
  let written = '';
  const layer = (id: string, status: string, current?: number) => ({
    id,
    status,
    progressDetail: current === undefined ? {} : { current, total: 1000 },
  });
  await drawProgress(
    body(
      { status: 'Pulling from library/busybox', id: 'latest' },
      layer('one', 'Pulling fs layer'),
      layer('two', 'Pulling fs layer'),
      layer('one', 'Downloading', 500),
      layer('two', 'Download complete'),
      layer('one', 'Pull complete'),
      { status: 'Digest: sha256:abc' },
      { status: 'Status: Downloaded newer image for busybox:latest' },
    ),
    { columns: () => 80, write: (text) => (written += text) },
  );
  assert.deepEqual(screenOf(written), [
    'latest: Pulling from library/busybox',
    'one: Pull complete ',
    'two: Download complete ',
    'Digest: sha256:abc',
    'Status: Downloaded newer image for busybox:latest',
    '',
  ]);
  assert.match(written, /one: Downloading {5}500B\/1kB/);
});

test('what a stream reports as error is thrown', async () => {
  const failing = drawProgress(body({ errorDetail: { message: 'no' }, error: 'no' }), {
    columns: () => 80,
    write: () => undefined,
  });
  await assert.rejects(failing, { message: 'no' });
});

test('bars as docker draws them', () => {
  const at = (current: number, total: number, columns = 200): string =>
    lineOf({ id: 'x', status: 'Downloading', progressDetail: { current, total } }, columns);
  assert.equal(at(0, 0), 'x: Downloading ');
  assert.equal(at(1500, 0), 'x: Downloading    1.5kB');
  assert.equal(at(250, 1000), `x: Downloading [${'='.repeat(12)}>${' '.repeat(38)}]     250B/1kB`);
  assert.equal(at(1000, 1000), `x: Downloading [${'='.repeat(50)}>]      1kB/1kB`);
  assert.equal(at(2000, 1000, 80), 'x: Downloading      2kB');
});

test('a layer that images share stands once in the tree', () => {
  const layer = (name: string) => ({
    Digest: null,
    CompressedSize: null,
    DiffId: '',
    ChainId: `sha256:${name.padEnd(64, '0')}`,
    Directory: `/l/${name}`,
    Size: 1000,
    DiskSize: 1000,
    Images: [],
  });
  const image = (tag: string, ...layers: string[]) => ({
    Id: `sha256:${tag.repeat(12)}`,
    RepoTags: [tag],
    Size: 1000 * layers.length,
    SharedSize: 1000,
    UniqueSize: 0,
    Pinned: tag === 'b',
    Layers: layers.map(layer),
  });
  assert.deepEqual(renderTree([image('a', '1', '2'), image('b', '1', '3'), image('c', '1')]).split('\n'), [
    '└─ 100000000000       1kB  /l/1',
    '   │  c [cccccccccccc] 1kB, 1kB shared',
    '   ├─ 200000000000       1kB  /l/2',
    '   │     a [aaaaaaaaaaaa] 2kB, 1kB shared',
    '   └─ 300000000000       1kB  /l/3',
    '         b [bbbbbbbbbbbb] 2kB, 1kB shared, pinned',
    '',
  ]);
});
