import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFlags } from '../../../common/flags/parse.ts';
import { readBytes, resourceFlags, resourcesOf } from '../../../runtime/cli/resource-flags.ts';
import { readDurationMs } from '../../../runtime/cli/duration.ts';
import { verbs } from '../../../runtime/cli/verbs.ts';
import { parseSignal } from '../../../runtime/container/signals.ts';
import { checkId } from '../../../runtime/container/state-directory.ts';

const resources = (...words: string[]): unknown =>
  resourcesOf(parseFlags(resourceFlags, words, false).values);

describe('the flags of update', () => {
  test('only what was given', () => {
    assert.deepEqual(resources(), {});
    assert.deepEqual(resources('--memory', '50M'), { memory: { limit: 50 << 20 } });
    assert.deepEqual(resources('--memory', '', '--cpuset-cpus', ''), {});
    assert.deepEqual(resources('--memory-swap', '-1', '--pids-limit', '-1'), {
      memory: { swap: -1 },
      pids: { limit: -1 },
    });
    assert.deepEqual(
      resources(
        '--cpu-share',
        '512',
        '--cpu-quota=-1',
        '--cpuset-cpus',
        '0-1',
        '--blkio-weight',
        '0',
        '--cpu-idle',
        '1',
      ),
      { cpu: { shares: 512, quota: -1, cpus: '0-1', idle: 1 } },
    );
    assert.deepEqual(resources('--cpu-period', '0'), { cpu: { period: 0 } });
  });

  test('what is no number is refused, with its flag', () => {
    for (const [name, text] of [
      ['memory', 'much'],
      ['memory', '-2'],
      ['memory', '1e9'],
      ['cpu-period', '-1'],
      ['cpu-share', '1.5'],
      ['pids-limit', '99999999999999999999'],
      ['blkio-weight', ' 10'],
    ] as const)
      assert.throws(
        () => resources(`--${name}`, text),
        new RegExp(`invalid value for ${name}`),
        `${name} ${text}`,
      );
  });

  test('bytes have the units of docker', () => {
    const cases: readonly (readonly [string, number])[] = [
      ['0', 0],
      ['32', 32],
      ['32b', 32],
      ['32K', 32 << 10],
      ['32kb', 32 << 10],
      ['32 KiB', 32 << 10],
      ['1.5g', 1.5 * 2 ** 30],
      ['2t', 2 * 2 ** 40],
      ['1P', 2 ** 50],
      ['-1', -1],
    ];
    for (const [text, bytes] of cases) assert.equal(readBytes(text), bytes, text);
    for (const text of ['', 'k', '1x', '--1', '1 2', '-1k', '0x10'])
      assert.ok(Number.isNaN(readBytes(text)), text);
  });
});

test('durations are Go’s', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['5s', 5000],
    ['100ms', 100],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['250us', 0.25],
    ['0s', 0],
  ];
  for (const [text, ms] of cases) assert.equal(readDurationMs(text), ms, text);
  for (const text of ['', '5', 's', '5 s', '-5s', '5s!', '5d'])
    assert.throws(() => readDurationMs(text), /invalid duration/, text);
});

test('signals, by name and by number', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['KILL', 9],
    ['SIGKILL', 9],
    ['sigterm', 15],
    ['9', 9],
    ['0', 0],
    ['RTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['64', 64],
  ];
  for (const [text, number] of cases) assert.equal(parseSignal(text), number, text);
  for (const text of ['NONE', '', 'SIG', '-1', '65', '1.5', '9x', 'RTMIN-1'])
    assert.throws(() => parseSignal(text), /unknown signal/, text);
});

test('ids name a directory and nothing else', () => {
  for (const id of ['a', 'A.b_c-d+e', '0', '...', 'x'.repeat(1024)]) checkId(id);
  for (const id of ['', '.', '..', 'a/b', 'a b', 'a\n', 'ä', 'a\0', 'x'.repeat(1025)])
    assert.throws(() => checkId(id), /invalid container ID format/, JSON.stringify(id));
});

test('every verb can be loaded, and its flags are free of each other', async () => {
  for (const [name, { load }] of Object.entries(verbs)) {
    const { flags } = await load();
    const shorts = Object.values(flags).flatMap(({ short }) => (short === undefined ? [] : [short]));
    assert.equal(new Set(shorts).size, shorts.length, name);
    assert.ok(!shorts.includes('h'), name);
  }
});
