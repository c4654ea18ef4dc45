import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStale, isUnexpected, judge } from '../../../scripts/conformance/exceptions.ts';
import { parseTap } from '../../../scripts/conformance/tap.ts';

const SOURCES: readonly (readonly [string, string, readonly [string, string, string][]])[] = [
  ['bats', '1..1\nok 1 runc create\n', [['runc create', 'passed', '']]],
  ['bats, skipped', 'ok 1 a # skip test requires root\n', [['a', 'skipped', 'test requires root']]],
  ['bats, failed', 'not ok 1 a\n# (in file)\n', [['a', 'failed', '# (in file)']]],
  ['crun', '# log\nok 1 - cwd # 0.123s\n', [['cwd', 'passed', '']]],
  ['crun, skipped', 'ok 1 - a #SKIP requires TTY # 0.1s\n', [['a', 'skipped', 'requires TTY # 0.1s']]],
  [
    'node-tap, indented',
    '    ok 1 - has hostname\n      ---\n      ...\n',
    [['has hostname', 'passed', '---\n      ...']],
  ],
  ['text that only begins alike', 'okay\nnot okay\n', []],
];

for (const [name, document, points] of SOURCES)
  test(`reads the TAP of ${name}`, () =>
    assert.deepEqual(
      parseTap(document).map(({ name: text, outcome, detail }) => [text, outcome, detail]),
      points,
    ));

test('a failure must be excepted, and an exception must fail', () => {
  const exceptions = ['b', 'c', 'd'].map((name) => ({ suite: 's', test: name, reason: 'why' }));
  const results = [
    { test: 'a', outcome: 'failed', detail: '' },
    { test: 'b', outcome: 'failed', detail: '' },
    { test: 'c', outcome: 'passed', detail: '' },
    { test: 'd', outcome: 'skipped', detail: '' },
  ] as const;
  const verdicts = judge('s', results, exceptions);
  assert.deepEqual(verdicts.map(isUnexpected), [true, false, false, false]);
  assert.deepEqual(verdicts.map(isStale), [false, false, true, false]);
  assert.deepEqual(judge('other', results, exceptions).map(isUnexpected), [true, true, false, false]);
});
