import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { rfc3339Nano } from '../../../cli/format/dates.ts';
import { indentJson, parseJson, toJson } from '../../../cli/format/json.ts';
import { familiarName } from '../../../cli/format/references.ts';
import { alignColumns } from '../../../cli/format/table.ts';
import { timestampOf } from '../../../cli/format/timestamps.ts';
import { binarySize, ellipsis, humanDuration, humanSize } from '../../../cli/format/units.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

suite('durations', () => {
  const table: readonly [number, string][] = [
    [0.9, 'Less than a second'],
    [1.9, '1 second'],
    [59, '59 seconds'],
    [60, 'About a minute'],
    [2 * MINUTE, '2 minutes'],
    [59 * MINUTE + 59, '59 minutes'],
    [HOUR, 'About an hour'],
    [1.5 * HOUR, '2 hours'],
    [47 * HOUR, '47 hours'],
    [2 * DAY, '2 days'],
    [13 * DAY, '13 days'],
    [14 * DAY, '2 weeks'],
    [60 * DAY, '2 months'],
    [729 * DAY, '24 months'],
    [730 * DAY, '2 years'],
  ];
  for (const [seconds, expected] of table) {
    test(`${seconds} s`, () => assert.equal(humanDuration(seconds), expected));
  }
});

suite('sizes', () => {
  const table: readonly [number, string, string][] = [
    [0, '0B', '0B'],
    [999, '999B', '999B'],
    [1000, '1kB', '1000B'],
    [4_269_678, '4.27MB', '4.072MiB'],
    [1_984_000, '1.98MB', '1.892MiB'],
    [10_000_000, '10MB', '9.537MiB'],
    [117_000_000, '117MB', '111.6MiB'],
    [999_900, '1e+03kB', '976.5KiB'],
    [25_275_000_000, '25.3GB', '23.54GiB'],
  ];
  for (const [bytes, decimal, binary] of table) {
    test(`${bytes}`, () => {
      assert.equal(humanSize(bytes), decimal);
      assert.equal(binarySize(bytes), binary);
    });
  }
});

test('an ellipsis counts characters', () => {
  assert.equal(ellipsis('short', 5), 'short');
  assert.equal(ellipsis('äöüßé', 4), 'äöü…');
});

suite('columns', () => {
  const look = { minimum: 10, padding: 3 };
  test('as wide as the widest cell, but not the last', () => {
    assert.equal(
      alignColumns('A\tB\tC\nlong cell here\tb\tc', look),
      'A                B         C\nlong cell here   b         c',
    );
  });
  test('a line without the column ends the column', () => {
    const text = 'x\t1\nplain\nlonger than ten\t2';
    assert.equal(alignColumns(text, { minimum: 4, padding: 1 }), 'x   1\nplain\nlonger than ten 2');
  });
});

suite('JSON', () => {
  test('keeps every digit', () => {
    const text = '{"timeNano":1795239530490420157,"a":[1,"x",null],"b":{}}';
    assert.equal(toJson(parseJson(text)), text);
  });
  test('indents without touching what is inside', () => {
    const text = '[{"a":[],"b":{},"c":[1,2],"d":"x{,\\"y"},{"n":1795239530490420157}]';
    assert.equal(
      indentJson(text),
      '[\n    {\n        "a": [],\n        "b": {},\n        "c": [\n            1,\n            2\n        ],\n' +
        '        "d": "x{,\\"y"\n    },\n    {\n        "n": 1795239530490420157\n    }\n]',
    );
    assert.equal(indentJson('[]'), '[]');
  });
});

suite('times for the API', () => {
  const now = Date.UTC(2026, 0, 1);
  const table: readonly [string, string | undefined][] = [
    ['', undefined],
    ['10s', String(now / 1000 - 10)],
    ['1h30m', String(now / 1000 - 5400)],
    ['1136073600', '1136073600'],
    ['1136073600.000000001', '1136073600.000000001'],
    ['2006-01-02T15:04:05Z', '1136214245.000000000'],
    ['2006-01-02T15:04:05.5+01:00', '1136210645.500000000'],
    ['2006-01-02T15:04:05.123456789Z', '1136214245.123456789'],
  ];
  for (const [text, expected] of table) test(text, () => assert.equal(timestampOf(text, now), expected));
  test('nonsense is refused', () =>
    assert.throws(() => timestampOf('yesterday'), { code: 'invalid-argument' }));
});

test('nanoseconds have all their digits', () => {
  assert.match(rfc3339Nano(1_795_239_530_000_420_157n), /:50\.000420157(Z|[+-]\d\d:\d\d)$/);
});

suite('references', () => {
  const table: readonly [string, string][] = [
    ['busybox', 'busybox'],
    ['docker.io/library/busybox:1', 'busybox:1'],
    ['docker.io/a/b:1@sha256:00', 'a/b:1'],
    ['localhost:5000/x', 'localhost:5000/x'],
  ];
  for (const [text, expected] of table) test(text, () => assert.equal(familiarName(text), expected));
});
