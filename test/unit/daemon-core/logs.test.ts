import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import type { LogsRequest } from '../../../daemon/core/contract.ts';
import { closeAll, openLogFiles } from '../../../daemon/core/logs/files.ts';
import { packRotated } from '../../../daemon/core/logs/pack.ts';
import { sinceStart } from '../../../daemon/core/logs/since.ts';
import { readLogs } from '../../../daemon/core/logs/read.ts';
import { createLogUses } from '../../../daemon/core/logs/uses.ts';
import { formatTimeFixed, parseTime } from '../../../daemon/core/time.ts';

const ALL: LogsRequest = {
  stdout: true,
  stderr: true,
  follow: false,
  timestamps: false,
  details: false,
  tail: undefined,
  sinceNs: undefined,
  untilNs: undefined,
};
const EPOCH_NS = 1_700_000_000_000_000_000n;
const second = (n: number): bigint => EPOCH_NS + BigInt(n) * 1_000_000_000n;

/** As the shim writes it: a time of nine digits. */
function line(n: number, log: string, extra: { stream?: string; attrs?: object } = {}): string {
  const { stream = 'stdout', attrs } = extra;
  const middle = attrs === undefined ? '' : `"attrs":${JSON.stringify(attrs)},`;
  return `{"log":${JSON.stringify(log)},"stream":"${stream}",${middle}"time":"${formatTimeFixed(second(n))}"}\n`;
}

async function logFile(t: TestContext): Promise<string> {
  const directory = await mkdtemp('/tmp/wl-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'x-json.log');
}

async function read(path: string, request: Partial<LogsRequest> = {}): Promise<[string, string][]> {
  const seen: [string, string][] = [];
  const chunks = readLogs(
    makeCtx(silentLog),
    { path, ended: undefined, uses: createLogUses() },
    { ...ALL, ...request },
  );
  for await (const { stream, data } of chunks) seen.push([stream, Buffer.from(data).toString()]);
  return seen;
}

const text = (seen: readonly [string, string][]): string => seen.map(([, data]) => data).join('');

test('lines of one stream in a row come as one chunk, in the order of the file', async (t) => {
  const path = await logFile(t);
  await writeFile(
    path,
    line(1, 'a\n') + line(2, 'b\n') + line(3, 'e\n', { stream: 'stderr' }) + line(4, 'c'),
  );
  assert.deepEqual(await read(path), [
    ['stdout', 'a\nb\n'],
    ['stderr', 'e\n'],
    ['stdout', 'c'],
  ]);
  assert.deepEqual(await read(path, { stdout: false }), [['stderr', 'e\n']]);
});

for (const content of [
  'quote " backslash \\ slash / tab \t cr \r nl \n in the middle\n',
  'ends in a backslash and n: \\n',
  '\\',
  '\u0000\u0001\u001b[31mred\u001b[0m\n',
  'ünï ☃ 🚢\n',
  '\n',
  '',
  '\\\\n\n',
]) {
  test(`content comes out as it went in: ${JSON.stringify(content)}`, async (t) => {
    const path = await logFile(t);
    const escaped = line(1, content).replace('🚢', '\\ud83d\\udea2');
    await writeFile(path, escaped + line(2, 'next\n'));
    assert.equal(text(await read(path)), `${content}next\n`);
  });
}

test('timestamps, details, and lines that docker itself wrote', async (t) => {
  const path = await logFile(t);
  const docker = '{"log":"old\\n","stream":"stderr","time":"2023-11-14T22:13:21.5Z"}\n';
  await writeFile(path, docker + line(2, 'a\n', { attrs: { 'my key': 'a&b', env: 'x' } }) + line(3, 'c\n'));
  assert.deepEqual(await read(path, { timestamps: true, details: true }), [
    ['stderr', '2023-11-14T22:13:21.500000000Z  old\n'],
    ['stdout', '2023-11-14T22:13:22.000000000Z env=x,my+key=a%26b a\n'],
    ['stdout', '2023-11-14T22:13:23.000000000Z  c\n'],
  ]);
  assert.equal(
    text(await read(path, { timestamps: true, stderr: false })),
    '2023-11-14T22:13:22.000000000Z a\n2023-11-14T22:13:23.000000000Z c\n',
  );
});

test('since and until are inclusive; tail counts lines before they are looked at', async (t) => {
  const path = await logFile(t);
  await writeFile(path, [1, 2, 3, 4, 5].map((n) => line(n, `${n}\n`)).join(''));
  assert.equal(text(await read(path, { sinceNs: second(2), untilNs: second(4) })), '2\n3\n4\n');
  assert.equal(text(await read(path, { tail: 2 })), '4\n5\n');
  assert.equal(text(await read(path, { tail: 3, untilNs: second(4) })), '3\n4\n');
  assert.equal(text(await read(path, { tail: 0 })), '');
  assert.equal(text(await read(path, { tail: 99 })), '1\n2\n3\n4\n5\n');
});

test('tail reaches into rotated files, and every file is read in its order', async (t) => {
  const path = await logFile(t);
  await writeFile(`${path}.2`, line(1, '1\n') + line(2, '2\n'));
  await writeFile(`${path}.1`, line(3, '3\n'));
  await writeFile(path, line(4, '4\n'));
  assert.equal(text(await read(path)), '1\n2\n3\n4\n');
  assert.equal(text(await read(path, { tail: 3 })), '2\n3\n4\n');
});

test('rotations under way leave holes: what is beyond them is read', async (t) => {
  const path = await logFile(t);
  await writeFile(`${path}.8`, line(1, '1\n'));
  await writeFile(`${path}.2`, line(2, '2\n'));
  await writeFile(path, line(3, '3\n'));
  assert.equal(text(await read(path)), '1\n2\n3\n');
  // One without a line yet is the newest all the same.
  await writeFile(path, '');
  const files = await openLogFiles(path, createLogUses());
  assert.deepEqual(
    files.map(({ birthNs }) => birthNs),
    [undefined, second(2), second(1)],
  );
  await closeAll(files);
});

test('a damaged line and an unfinished last one are left out', async (t) => {
  const path = await logFile(t);
  await writeFile(path, `${line(1, 'a\n')}{"log":"bro\n${line(2, 'b\n')}{"log":"half`);
  assert.equal(text(await read(path)), 'a\nb\n');
});

test('lines longer than any block, and many of them, come out whole', async (t) => {
  const path = await logFile(t);
  const long = 'x'.repeat(700_000);
  const many = Array.from({ length: 5000 }, (_, n) => `line ${n} ${'y'.repeat(n % 300)}\n`);
  await writeFile(path, many.map((log, n) => line(n, log)).join('') + line(6000, long) + line(6001, 'end\n'));
  assert.equal(text(await read(path)), `${many.join('')}${long}end\n`);
  assert.equal(text(await read(path, { tail: 2 })), `${long}end\n`);
  assert.equal(text(await read(path, { tail: 4002 })), `${many.slice(1000).join('')}${long}end\n`);
});

test('following: what is appended, over rotations, until the end', async (t) => {
  const path = await logFile(t);
  const ended = Promise.withResolvers<void>();
  await writeFile(path, line(1, '1\n'));
  const chunks = readLogs(
    makeCtx(silentLog),
    { path, ended: ended.promise, uses: createLogUses() },
    { ...ALL, follow: true },
  );
  const next = async (): Promise<string | undefined> => {
    const { value } = await chunks.next();
    return value === undefined ? undefined : Buffer.from(value.data).toString();
  };
  assert.equal(await next(), '1\n');
  const whole = line(2, '2\n');
  const second = next();
  await appendFile(path, whole.slice(0, 20));
  await appendFile(path, whole.slice(20));
  assert.equal(await second, '2\n');
  await rename(path, `${path}.1`);
  await appendFile(`${path}.1`, line(3, '3\n'));
  await writeFile(path, line(4, '4\n'));
  await rename(`${path}.1`, `${path}.2`);
  await rename(path, `${path}.1`);
  await writeFile(path, line(5, '5\n'));
  assert.equal(await next(), '3\n');
  assert.equal(await next(), '4\n');
  assert.equal(await next(), '5\n');
  await appendFile(path, line(6, '6\n'));
  ended.resolve();
  assert.equal(await next(), '6\n');
  assert.equal(await next(), undefined);
});

test('following ends with its signal and at until', async (t) => {
  const path = await logFile(t);
  await writeFile(path, line(1, '1\n'));
  const never = new Promise<void>(() => {});
  const controller = new AbortController();
  const ctx = makeCtx(silentLog, controller.signal);
  const chunks = readLogs(ctx, { path, ended: never, uses: createLogUses() }, { ...ALL, follow: true });
  await chunks.next();
  const waiting = chunks.next();
  controller.abort();
  assert.equal((await waiting).done, true);

  const soon = BigInt(Date.now() + 50) * 1_000_000n;
  const until = readLogs(
    makeCtx(silentLog),
    { path, ended: never, uses: createLogUses() },
    { ...ALL, follow: true, untilNs: soon },
  );
  assert.equal((await until.next()).done, false);
  assert.equal((await until.next()).done, true);
});

test('times are read back as they were written', () => {
  assert.equal(parseTime('2023-11-14T22:13:20Z'), EPOCH_NS);
  assert.equal(parseTime('2023-11-14T23:13:20.000000001+01:00'), EPOCH_NS + 1n);
  assert.equal(parseTime('yesterday'), undefined);
});

/** Ten lines a second from `from` on, unlike in length. */
const many = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) =>
    line(from + i, `${from + i}${'x'.repeat((i * 7919) % 600)}\n`),
  ).join('');

const numbers = (seen: readonly [string, string][]): number[] =>
  text(seen)
    .trimEnd()
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => Number.parseInt(each, 10));

for (const [what, since] of [
  ['before all', -5],
  ['in the oldest file', 17],
  ['at the first line of a file', 5_000],
  ['in the middle', 7_431],
  ['at the last line', 14_999],
  ['after all', 15_000],
] as const) {
  test(`since, by searching over rotated files: ${what}`, async (t) => {
    const path = await logFile(t);
    await writeFile(`${path}.2`, many(0, 5_000));
    await writeFile(`${path}.1`, many(5_000, 5_000));
    await writeFile(path, many(10_000, 5_000));
    const first = Math.max(0, since);
    const expected = Array.from({ length: 15_000 - first }, (_, i) => first + i);
    assert.deepEqual(numbers(await read(path, { sinceNs: second(since) })), expected);
    const tailed = await read(path, { sinceNs: second(since), tail: 100 });
    assert.deepEqual(numbers(tailed), expected.slice(-100));
  });
}

test('since reads a few blocks of a big file, not all of it', async (t) => {
  const path = await logFile(t);
  await writeFile(path, many(0, 20_000));
  const files = await openLogFiles(path, createLogUses());
  t.after(() => closeAll(files));
  const { position } = await sinceStart(files, second(19_000));
  const size = (await files[0]?.load())?.sizeBytes ?? 0;
  assert.ok(position > size * 0.9, `${position} of ${size}`);
});

test('what is no line is skipped, however long', async (t) => {
  const path = await logFile(t);
  await writeFile(path, line(1, 'before\n') + '\0'.repeat(9 << 20) + '\n' + line(2, 'after\n'));
  assert.equal(text(await read(path)), 'before\nafter\n');
});

test('compressed files are read as the others, once, also when their making was cut off', async (t) => {
  const path = await logFile(t);
  const uses = createLogUses();
  const pack = (maxFiles: number): Promise<void> =>
    packRotated({ path, uses, maxFiles, hold: async () => ({ [Symbol.dispose]: () => {} }) });
  await writeFile(`${path}.2`, many(0, 3_000));
  await writeFile(`${path}.1`, many(3_000, 3_000));
  await writeFile(path, many(6_000, 1_000));
  const expected = Array.from({ length: 7_000 }, (_, i) => i);
  const before = await readFile(`${path}.1`);
  await pack(5);
  assert.equal((await stat(`${path}.1`)).size, 0);
  const names = (await readdir(dirname(path))).filter((name) => name.endsWith('.gz'));
  assert.equal(names.length, 2);
  const check = async (): Promise<void> => {
    assert.deepEqual(numbers(await read(path)), expected);
    assert.deepEqual(numbers(await read(path, { tail: 5_000 })), expected.slice(-5_000));
    assert.deepEqual(numbers(await read(path, { sinceNs: second(3_500) })), expected.slice(3_500));
    assert.deepEqual(numbers(await read(path, { sinceNs: second(500) })), expected.slice(500));
  };
  await check();
  // As after a crash: the compressed file has its name, the plain one is not emptied yet.
  await writeFile(`${path}.1`, before);
  await check();
  await pack(5);
  assert.equal((await stat(`${path}.1`)).size, 0);
  await check();
  // The oldest goes when there are more than asked for.
  await pack(2);
  assert.deepEqual(numbers(await read(path)), expected.slice(3_000));
});

test('a file that is being read is not compressed', async (t) => {
  const path = await logFile(t);
  const uses = createLogUses();
  await writeFile(`${path}.1`, many(0, 10));
  await writeFile(path, many(10, 10));
  const files = await openLogFiles(path, uses);
  const hold = async (): Promise<Disposable> => ({ [Symbol.dispose]: () => {} });
  await packRotated({ path, uses, maxFiles: 5, hold });
  assert.notEqual((await stat(`${path}.1`)).size, 0);
  await closeAll(files);
  await packRotated({ path, uses, maxFiles: 5, hold });
  assert.equal((await stat(`${path}.1`)).size, 0);
});
