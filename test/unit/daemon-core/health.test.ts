import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from '../../../common/go-duration.ts';
import { decide, parseAction } from '../../../daemon/core/health/action.ts';
import { checkOf, mergeHealthcheck, validateHealthcheck } from '../../../daemon/core/health/check.ts';
import type { Health, Healthcheck, ProbeResult } from '../../../daemon/core/health/contract.ts';
import { createOutput } from '../../../daemon/core/health/output.ts';
import { afterProbe, atStart, intervalMs } from '../../../daemon/core/health/status.ts';

const S = 1e9;
const UNSET: Healthcheck = {
  test: [],
  intervalNs: 0,
  timeoutNs: 0,
  startPeriodNs: 0,
  startIntervalNs: 0,
  retries: 0,
};
const result = (exitCode: number): ProbeResult => ({
  start: '',
  end: '',
  exitCode,
  output: String(exitCode),
});

/** A run told by the exit codes of its probes, one each second: what it looks like after each. */
function told(codes: readonly number[], rules = { retries: 3, startPeriodMs: 0 }): string[] {
  let health: Health = atStart(undefined);
  return codes.map((code, second) => {
    health = afterProbe(health, { result: result(code), sinceStartMs: (second + 1) * 1000 }, rules);
    return `${health.status} ${health.failingStreak}`;
  });
}

test('a success is healthy at once; failures in a row are unhealthy', () => {
  assert.deepEqual(told([0, 1, 1, 0, 1, -1, 137, 1, 0]), [
    'healthy 0',
    'healthy 1',
    'healthy 2',
    'healthy 0',
    'healthy 1',
    'healthy 2',
    'unhealthy 3',
    'unhealthy 4',
    'healthy 0',
  ]);
  assert.deepEqual(told([1, 1]), ['starting 1', 'starting 2']);
  assert.deepEqual(told([1], { retries: 1, startPeriodMs: 0 }), ['unhealthy 1']);
});

test('failures in the start period do not count, until the first success', () => {
  const rules = { retries: 2, startPeriodMs: 3_500 };
  assert.deepEqual(told([1, 1, 1, 1, 1], rules), [
    'starting 0',
    'starting 0',
    'starting 0',
    'starting 1',
    'unhealthy 2',
  ]);
  assert.deepEqual(told([1, 0, 1, 1], rules), ['starting 0', 'healthy 0', 'healthy 1', 'unhealthy 2']);
});

test('the log keeps the last five, and a new run keeps it', () => {
  let health = atStart(undefined);
  for (const code of [1, 2, 3, 4, 5, 6, 7]) {
    health = afterProbe(health, { result: result(code), sinceStartMs: 1 }, { retries: 9, startPeriodMs: 0 });
  }
  assert.deepEqual(
    health.log.map(({ exitCode }) => exitCode),
    [3, 4, 5, 6, 7],
  );
  assert.deepEqual(atStart(health), { status: 'starting', failingStreak: 0, log: health.log });
});

test('the interval is another one in the start period', () => {
  const check = { intervalMs: 100, startPeriodMs: 50, startIntervalMs: 5 };
  const healthy = { ...atStart(undefined), status: 'healthy' } as const;
  assert.equal(intervalMs(atStart(undefined), 0, check), 5);
  assert.equal(intervalMs(atStart(undefined), 50, check), 100);
  assert.equal(intervalMs(healthy, 0, check), 100);
});

test("a request's check is filled in from the image, field by field", () => {
  const image = { Healthcheck: { Test: ['CMD', 'image'], Interval: 2 * S, Retries: 4 } };
  const own = { ...UNSET, test: ['CMD-SHELL', 'own'], timeoutNs: S };
  assert.equal(mergeHealthcheck(undefined, {}, {}), undefined);
  assert.deepEqual(mergeHealthcheck(undefined, image, {})?.test, ['CMD', 'image']);
  assert.deepEqual(mergeHealthcheck(own, image, {}), { ...own, intervalNs: 2 * S, retries: 4 });
  assert.deepEqual(mergeHealthcheck({ ...UNSET, retries: 1 }, image, {}), {
    ...UNSET,
    test: ['CMD', 'image'],
    intervalNs: 2 * S,
    retries: 1,
  });
  const labels = { 'wherry.health.tcp': ':5432' };
  assert.deepEqual(mergeHealthcheck(undefined, image, labels)?.test, ['TCP', ':5432']);
  assert.deepEqual(mergeHealthcheck(undefined, image, { 'wherry.health.grpc': ':1' })?.test, ['GRPC', ':1']);
  assert.deepEqual(mergeHealthcheck(own, image, labels)?.test, own.test);
  assert.deepEqual(mergeHealthcheck({ ...UNSET, test: ['NONE'] }, image, labels)?.test, ['NONE']);
});

test('what is to be done', () => {
  const target = (testOf: readonly string[], image = {}) =>
    checkOf({ ...UNSET, test: testOf }, image)?.target;
  assert.equal(checkOf(undefined, {}), undefined);
  assert.equal(target([]), undefined);
  assert.equal(target(['NONE']), undefined);
  assert.deepEqual(target(['CMD', 'a', 'b']), { kind: 'command', words: ['a', 'b'] });
  assert.deepEqual(target(['CMD-SHELL', 'a b']), { kind: 'command', words: ['/bin/sh', '-c', 'a b'] });
  assert.deepEqual(target(['CMD-SHELL', 'a'], { Shell: ['bash', '-lc'] }), {
    kind: 'command',
    words: ['bash', '-lc', 'a'],
  });
  assert.deepEqual(target(['TCP', ':5432']), { kind: 'tcp', address: '127.0.0.1', port: 5432 });
  assert.deepEqual(target(['TCP', '[::1]:80']), { kind: 'tcp', address: '::1', port: 80 });
  const grpc = { kind: 'grpc', address: '127.0.0.1', port: 50_051 };
  assert.deepEqual(target(['GRPC', ':50051']), { ...grpc, url: ':50051', service: '' });
  const named = 'grpc://localhost:50051/a.b.C';
  assert.deepEqual(target(['GRPC', named]), { ...grpc, url: named, service: 'a.b.C' });
  const url = 'http://localhost:8080/health?deep=1';
  assert.deepEqual(target(['HTTP', url]), {
    kind: 'http',
    url,
    address: '127.0.0.1',
    port: 8080,
    path: '/health?deep=1',
  });
  assert.deepEqual(target(['HTTP', 'http://10.1.2.3']), {
    kind: 'http',
    url: 'http://10.1.2.3',
    address: '10.1.2.3',
    port: 80,
    path: '/',
  });
  const { target: _target, ...defaults } = checkOf({ ...UNSET, test: ['CMD', 'a'] }, {}) ?? {};
  assert.deepEqual(defaults, {
    intervalMs: 30_000,
    timeoutMs: 30_000,
    startPeriodMs: 0,
    startIntervalMs: 5_000,
    retries: 3,
  });
});

test('tests that nobody could make are refused', () => {
  const wrong = [
    ['WRONG'],
    ['HTTP'],
    ['HTTP', 'https://:1/'],
    ['HTTP', 'http://host/'],
    ['HTTP', 'http://:0/'],
    ['HTTP', 'http://:80/\r\nX: y'],
    ['HTTP', 'http://user@127.0.0.1/'],
    ['TCP', ''],
    ['TCP', '80'],
    ['TCP', ':99999'],
    ['TCP', '::1:80'],
    ['TCP', ':1', ':2'],
    ['GRPC', ''],
    ['GRPC', 'localhost'],
    ['GRPC', '/a.B'],
    ['GRPC', ':1/a b'],
    ['GRPC', ':1', 'a.B'],
    ['GRPC', 'https://:1'],
  ];
  for (const each of wrong)
    assert.throws(() => checkOf({ ...UNSET, test: each }, {}), /healthcheck/, each.join(' '));
  assert.throws(
    () => validateHealthcheck({ ...UNSET, intervalNs: -1 }),
    /^.*Interval in Healthcheck cannot be less than 1ms$/,
  );
  assert.throws(() => validateHealthcheck({ ...UNSET, startIntervalNs: 1 }), /StartInterval in/);
  validateHealthcheck({ ...UNSET, intervalNs: 1e6 });
});

test('the budget of an action', () => {
  assert.equal(parseAction(undefined), undefined);
  assert.equal(parseAction('none'), undefined);
  const action = parseAction('restart:max=2,window=1m,cooldown=5s');
  assert.deepEqual(action, { kind: 'restart', max: 2, windowMs: 60_000, cooldownMs: 5_000 });
  assert.deepEqual(parseAction('kill'), { kind: 'kill', max: 3, windowMs: 600_000, cooldownMs: 10_000 });
  for (const text of [
    '',
    'reboot',
    'restart:',
    'restart:max=0',
    'kill:max',
    'kill:window=1',
    'kill:cooldown=-1s',
    'kill:x=1',
  ]) {
    assert.throws(() => parseAction(text), /Invalid wherry.on-unhealthy/, text);
  }
  assert.ok(action !== undefined);
  assert.deepEqual(decide(action, [], 1_000_000), { kind: 'act' });
  assert.deepEqual(decide(action, [998_000], 1_000_000), { kind: 'wait', ms: 3_000 });
  assert.deepEqual(decide(action, [990_000], 1_000_000), { kind: 'act' });
  assert.deepEqual(decide(action, [960_000, 990_000], 1_000_000), { kind: 'exhausted' });
  assert.deepEqual(decide(action, [930_000, 990_000], 1_000_000), { kind: 'act' });
  // The clock was set back by a day.
  assert.deepEqual(decide(action, [86_400_000, 86_500_000], 1_000_000), { kind: 'wait', ms: 5_000 });
});

test('output is kept up to 4096 bytes', () => {
  const output = createOutput();
  assert.equal(output.add(Buffer.alloc(4000, 'a')), true);
  assert.equal(output.add(Buffer.alloc(96, 'b')), true);
  assert.equal(output.text(), 'a'.repeat(4000) + 'b'.repeat(96));
  assert.equal(output.add(Buffer.from('c')), false);
  assert.equal(output.text().length, 4099);
  assert.ok(output.text().endsWith('b...'));
});

test("durations as Go's", () => {
  const pairs: readonly [string, number][] = [
    ['0s', 0],
    ['250ms', 0.25 * S],
    ['1.5s', 1.5 * S],
    ['1m0s', 60 * S],
    ['1h0m1s', 3601 * S],
    ['1µs', 1e3],
    ['7ns', 7],
  ];
  for (const [text, ns] of pairs) {
    assert.equal(formatDuration(ns), text);
    assert.equal(parseDuration(text), ns);
  }
  assert.equal(parseDuration('-1m30s'), -90 * S);
  assert.equal(parseDuration('.5h'), 1800 * S);
  assert.throws(() => parseDuration('x'), /^Error: time: invalid duration "x"$/);
  assert.throws(() => parseDuration('5'), /time: missing unit in duration "5"/);
  assert.throws(() => parseDuration('5d'), /time: unknown unit "d" in duration "5d"/);
  assert.throws(() => parseDuration(''), /time: invalid duration ""/);
});
