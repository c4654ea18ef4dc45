import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCycle, inOrder } from '../../../daemon/core/dependencies/graph.ts';
import { standingOf } from '../../../daemon/core/dependencies/holds.ts';
import { parseAfter, parseCompose, parseTimeoutMs } from '../../../daemon/core/dependencies/parse.ts';
import { exampleContainer } from '../../lib/examples.ts';
import { seededRandom } from '../../lib/random.ts';

test('what labels say', () => {
  assert.deepEqual(parseAfter({ 'wherry.after': 'db:healthy,cache,migrate:completed' }), [
    { on: 'db', condition: 'healthy' },
    { on: 'cache', condition: 'started' },
    { on: 'migrate', condition: 'completed' },
  ]);
  assert.deepEqual(parseAfter({}), []);
  for (const bad of ['db:ready', ':started', 'a:started:b', 'a,,b'])
    assert.throws(() => parseAfter({ 'wherry.after': bad }), /invalid dependency/);
  assert.equal(parseTimeoutMs({ 'wherry.after-timeout': '1m30s' }), 90_000);
  assert.equal(parseTimeoutMs({}), 60_000);
  assert.throws(
    () => parseTimeoutMs({ 'wherry.after-timeout': 'soon' }),
    /invalid wherry.after-timeout "soon"/,
  );
  const compose = 'db:service_healthy:false,once:service_completed_successfully:true,x:unknown';
  assert.deepEqual(parseCompose({ 'com.docker.compose.depends_on': compose }), [
    { on: 'db', condition: 'healthy' },
    { on: 'once', condition: 'completed' },
  ]);
});

test('when a condition holds', () => {
  const container = exampleContainer();
  const ended = { error: '', oomKilled: false, startedAt: '', finishedAt: '' };
  const at = (exitCode: number) => ({ ...container, state: { kind: 'exited', exitCode, ...ended } as const });
  assert.equal(standingOf(container, 'started').kind, 'holds');
  assert.equal(standingOf(at(0), 'started').kind, 'waits');
  assert.equal(standingOf(container, 'completed').kind, 'waits');
  assert.equal(standingOf(at(0), 'completed').kind, 'holds');
  assert.deepEqual(standingOf(at(3), 'completed'), { kind: 'fails', why: 'it ended with exit code 3' });
  assert.deepEqual(standingOf(container, 'healthy'), { kind: 'fails', why: 'it has no healthcheck' });
});

test('cycles are found and named', () => {
  const edges: Record<string, string[]> = { a: ['b'], b: ['c'], c: ['a', 'd'], d: [], e: ['a'], f: ['f'] };
  const next = (node: string): string[] => edges[node] ?? [];
  assert.deepEqual(findCycle('a', next), ['a', 'b', 'c', 'a']);
  assert.deepEqual(findCycle('f', next), ['f', 'f']);
  assert.equal(findCycle('d', next), undefined);
  // It comes after a cycle, and is in none.
  assert.equal(findCycle('e', next), undefined);
});

test('over random graphs the order is always legal, and everybody has his turn once', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const count = 1 + random.below(30);
    const nodes = Array.from({ length: count }, (_, node) => node);
    const cyclic = seed % 5 === 0;
    const edges = nodes.map((node) =>
      nodes.filter((other) => (cyclic ? other !== node : other < node) && random.below(count) < 3),
    );
    const after = (node: number): number[] => edges[node] ?? [];
    // Some are no part of this start: they run already.
    const chosen = nodes.filter(() => !random.once(10)).toSorted(() => random.below(3) - 1);
    const done = new Set<number>();
    const begun: number[] = [];
    await inOrder(chosen, after, async (node) => {
      begun.push(node);
      const inCycle = findCycle(node, after) !== undefined;
      for (const other of after(node)) {
        const bothInCycle = inCycle && findCycle(other, after) !== undefined;
        assert.ok(
          done.has(other) || !chosen.includes(other) || bothInCycle,
          `seed ${seed}: ${node} before ${other}`,
        );
      }
      for (let turns = random.below(4); turns > 0; turns--) await Promise.resolve();
      done.add(node);
    });
    assert.deepEqual(
      begun.toSorted((a, b) => a - b),
      chosen.toSorted((a, b) => a - b),
      `seed ${seed}`,
    );
  }
});
