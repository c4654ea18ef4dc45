import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionLabels, healthFlags, readHealthcheck } from '../../../cli/container/health.ts';

type Given = Parameters<typeof readHealthcheck>[0];
const NONE = Object.fromEntries(
  Object.entries(healthFlags).map(([name, flag]) => [name, flag.initial]),
) as unknown as Given;
const read = (given: Partial<Given>) => readHealthcheck({ ...NONE, ...given });
const TIMES = { Interval: 0, Timeout: 0, StartPeriod: 0, StartInterval: 0 };

test("flags become docker's healthcheck", () => {
  assert.equal(read({}), undefined);
  assert.deepEqual(read({ 'no-healthcheck': true }), { Test: ['NONE'] });
  assert.deepEqual(read({ 'health-cmd': 'a b' }), { Test: ['CMD-SHELL', 'a b'], ...TIMES, Retries: 0 });
  assert.deepEqual(read({ 'health-retries': 2, 'health-start-interval': 5 }), {
    ...TIMES,
    StartInterval: 5,
    Retries: 2,
  });
  assert.deepEqual(read({ 'health-http': 'http://:1/' })?.['Test'], ['HTTP', 'http://:1/']);
  assert.deepEqual(read({ 'health-grpc': ':1/a.B' })?.['Test'], ['GRPC', ':1/a.B']);
  assert.deepEqual(read({ 'health-tcp': ':1' })?.['Test'], ['TCP', ':1']);
  assert.equal(healthFlags['health-interval'].read('1m30s', 0), 90e9);
});

test('what contradicts itself is refused', () => {
  const wrong: readonly [Partial<Given>, RegExp][] = [
    [
      { 'no-healthcheck': true, 'health-retries': 1 },
      /^--no-healthcheck conflicts with --health-\* options$/,
    ],
    [{ 'health-cmd': 'x', 'health-tcp': ':1' }, /exclude each other/],
    [{ 'health-interval': -1 }, /^--health-interval cannot be negative$/],
    [{ 'health-timeout': -1 }, /^--health-timeout cannot be negative$/],
    [{ 'health-retries': -1 }, /^--health-retries cannot be negative$/],
    [{ 'health-start-period': -1 }, /^--health-start-period cannot be negative$/],
    [{ 'health-start-interval': -1 }, /^--health-start-interval cannot be negative$/],
  ];
  for (const [given, message] of wrong) assert.throws(() => read(given), { message });
});

test('the action is a label', () => {
  assert.deepEqual(actionLabels(NONE), {});
  assert.deepEqual(actionLabels({ ...NONE, 'on-unhealthy': 'kill' }), { 'wherry.on-unhealthy': 'kill' });
});
