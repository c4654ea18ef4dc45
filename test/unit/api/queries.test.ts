import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFilters } from '../../../daemon/api/docker/filters.ts';
import { hijackOf, routedUrl } from '../../../daemon/api/docker/paths.ts';
import { consoleLength, flag, integer, timestampNs } from '../../../daemon/api/docker/query.ts';
import { humanDuration } from '../../../daemon/api/docker/convert/duration.ts';

test("truth in a query is docker's", () => {
  for (const yes of ['1', 'true', 'True', 'yes', 'x']) assert.equal(flag({ a: yes }, 'a'), true, yes);
  for (const no of ['', '0', 'false', 'FALSE', 'no', 'none', ' 0 '])
    assert.equal(flag({ a: no }, 'a'), false, no);
  assert.equal(flag({}, 'a'), false);
  assert.equal(flag({}, 'a', true), true);
  assert.equal(flag({ a: ['0', '1'] }, 'a'), false);
});

test('numbers in a query', () => {
  assert.equal(integer({ t: '-1' }, 't'), -1);
  assert.equal(integer({}, 't'), undefined);
  assert.throws(() => integer({ t: '1.5' }, 't'), { code: 'invalid-argument' });
  assert.equal(consoleLength({ h: '24' }, 'h'), 24);
  for (const h of ['', 'x', '-1', '4294967296']) {
    assert.throws(() => consoleLength({ h }, 'h'), { message: /^invalid resize height / }, h);
  }
});

test('times keep their nanoseconds', () => {
  const cases: [string, bigint][] = [
    ['0', 0n],
    ['1700000000', 1_700_000_000_000_000_000n],
    ['1700000000.5', 1_700_000_000_500_000_000n],
    ['1700000000.123456789', 1_700_000_000_123_456_789n],
    ['1700000000.1234567891', 1_700_000_000_123_456_789n],
  ];
  for (const [since, ns] of cases) assert.equal(timestampNs({ since }, 'since'), ns);
  assert.equal(timestampNs({}, 'since'), undefined);
  assert.throws(() => timestampNs({ since: '5m' }, 'since'), { code: 'invalid-argument' });
});

test('filters come as lists and as maps', () => {
  for (const json of ['{"label":["a=1","b"]}', '{"label":{"a=1":true,"b":true}}']) {
    const filters = parseFilters(json, ['label']);
    assert.equal(filters.labels('label', { a: '1', b: 'x', c: '' }), true);
    assert.equal(filters.labels('label', { a: '2', b: 'x' }), false);
    assert.equal(filters.labels('label', {}), false);
  }
  const names = parseFilters('{"name":["^we","db"]}', undefined);
  assert.deepEqual(
    ['web', 'owe', 'adb'].map((name) => names.matches('name', name)),
    [true, false, true],
  );
});

test("a wrong filter is refused in docker's words", () => {
  const cases: [json: string, message: string][] = [
    ['{', 'invalid filter'],
    ['[]', 'invalid filter'],
    ['{"name":"x"}', 'invalid filter'],
    ['{"name":{"x":1}}', 'invalid filter'],
    ['{"colour":["red"]}', "invalid filter 'colour'"],
  ];
  for (const [json, message] of cases) assert.throws(() => parseFilters(json, ['name']), { message }, json);
  const truth = parseFilters('{"dangling":["maybe"]}', undefined);
  assert.throws(() => truth.truth('dangling'), { message: "invalid filter 'dangling=[maybe]'" });
});

test('a name with slashes becomes one segment', () => {
  const cases: [method: string, url: string, routed: string][] = [
    ['GET', '/v1.51/images/a/b/c:1/json?x=a/b', '/images/a%2Fb%2Fc:1/json?x=a/b'],
    ['DELETE', '/images/localhost:5000/a/json', '/images/localhost:5000%2Fa%2Fjson'],
    ['GET', '/images/json', '/images/json'],
    ['GET', '/v1.24/images/busybox/json', '/images/busybox/json'],
    ['GET', '/containers//web/json', '/containers/web/json'],
    ['GET', '/containers/x/attach/ws', '/containers/x/attach/ws'],
    ['POST', '/images/a/b/tag?repo=c/d', '/images/a%2Fb/tag?repo=c/d'],
    ['POST', '/containers/create?name=x', '/containers/create?name=x'],
  ];
  for (const [method, url, routed] of cases) assert.equal(routedUrl(method, url), routed);
});

test('only attach and exec start take over their connection', () => {
  const cases: [method: string, url: string, hijack: object | undefined][] = [
    ['POST', '/v1.51/containers/web/attach?stdin=1', { kind: 'attach', name: 'web' }],
    ['POST', '/containers/web/attach', { kind: 'attach', name: 'web' }],
    ['POST', '/exec/abc/start', { kind: 'exec-start', name: 'abc' }],
    ['GET', '/containers/web/attach', undefined],
    ['POST', '/containers/web/attach/ws', undefined],
    ['POST', '/containers/attach/start', undefined],
    ['POST', '/containers/web/start?x=/attach', undefined],
    ['POST', '/exec/abc/resize', undefined],
  ];
  for (const [method, url, hijack] of cases) assert.deepEqual(hijackOf(method, url), hijack, url);
});

test('time spans round as docker rounds them', () => {
  const second = 1000;
  const hour = 3600 * second;
  const day = 24 * hour;
  const cases: [number, string][] = [
    [999, 'Less than a second'],
    [1000, '1 second'],
    [59 * second, '59 seconds'],
    [60 * second, 'About a minute'],
    [120 * second, '2 minutes'],
    [59 * 60 * second, '59 minutes'],
    [hour, 'About an hour'],
    [1.5 * hour, '2 hours'],
    [47 * hour, '47 hours'],
    [2 * day, '2 days'],
    [14 * day, '2 weeks'],
    [60 * day, '2 months'],
    [730 * day, '2 years'],
  ];
  for (const [ms, text] of cases) assert.equal(humanDuration(ms), text);
});
