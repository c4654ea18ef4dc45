import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { parseBackoff } from '../../../common/restart-backoff.ts';
import { Turns } from '../../../common/turns.ts';
import { NEVER_STARTED, type RestartPolicy } from '../../../daemon/core/restarts/contract.ts';
import { checkPolicy, nextRestart, wantsRestart } from '../../../daemon/core/restarts/policy.ts';
import { createRestartTimers } from '../../../daemon/core/restarts/timers.ts';
import { openContainerStore } from '../../../daemon/store/containers.ts';

const policy = (name: string, maximumRetryCount = 0): RestartPolicy => ({ name, maximumRetryCount });
const RAN = { ...NEVER_STARTED, started: true };

test('who is started again', () => {
  const cases: [policy: RestartPolicy, record: Partial<typeof RAN>, exitCode: number, again: boolean][] = [
    [policy('no'), {}, 1, false],
    [policy(''), {}, 1, false],
    [policy('always'), {}, 0, true],
    [policy('always'), { manuallyStopped: true }, 137, true],
    [policy('unless-stopped'), {}, 0, true],
    [policy('unless-stopped'), { manuallyStopped: true }, 137, false],
    [policy('on-failure'), { count: 1000 }, 1, true],
    [policy('on-failure'), {}, 0, false],
    [policy('on-failure', 3), { count: 2 }, 1, true],
    [policy('on-failure', 3), { count: 3 }, 1, false],
  ];
  for (const [given, record, exitCode, again] of cases) {
    assert.equal(wantsRestart(given, { ...RAN, ...record }, exitCode), again, JSON.stringify(given));
  }
});

/** The pauses of restarts one after the other, after runs of these lengths. */
function pauses(given: RestartPolicy, runsMs: readonly number[], chance = 0): number[] {
  let record = RAN;
  return runsMs.map((ranMs) => {
    const next = nextRestart(given, record, { ranMs, chance });
    ({ record } = next);
    return next.pauseMs;
  });
}

test("docker's back-off: 100 ms, doubled up to a minute, anew after a run of 10 s", () => {
  const doubled = [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000];
  assert.deepEqual(pauses(policy('always'), Array(12).fill(5) as number[]), doubled);
  assert.deepEqual(pauses(policy('always'), [5, 5, 9_999, 10_000, 5]), [100, 200, 400, 100, 200]);
});

test('a back-off that was set, and its jitter', () => {
  const backoff = parseBackoff('min=1s,max=10s,multiplier=3,reset=1m30s,jitter=0.5');
  assert.deepEqual(backoff, { minMs: 1000, maxMs: 10_000, multiplier: 3, resetMs: 90_000, jitter: 0.5 });
  const given = { ...policy('always'), backoff };
  assert.deepEqual(pauses(given, [0, 10_000, 0, 0, 90_000]), [1000, 3000, 9000, 10_000, 1000]);
  // The jitter is added to a pause, not handed on to the next.
  assert.deepEqual(pauses(given, [0, 0], 1), [1500, 4500]);
});

test('a back-off that is none is refused with its value', () => {
  for (const [text, said] of [
    ['min=soon', /"min=soon" has no valid value/],
    ['never=1s', /"never" is none of min, max, multiplier, reset, jitter/],
    ['jitter=-1', /"jitter=-1" has no valid value/],
  ] as const) {
    assert.throws(() => parseBackoff(text), said);
  }
  for (const [text, said] of [
    ['min=2m', /the longest pause, 60000ms, is below the shortest, 120000ms/],
    ['max=25h', /the longest pause, 90000000ms, is above a day/],
    ['min=0s', /the shortest pause cannot be 0ms/],
    ['multiplier=0.5', /the multiplier cannot be 0.5/],
    ['jitter=2', /the jitter cannot be 2/],
  ] as const) {
    assert.throws(() => checkPolicy({ ...policy('always'), backoff: parseBackoff(text) }), said);
  }
});

test('timers start nothing before they are released, nothing that is cancelled, and nothing after the end', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const started: string[] = [];
  const timers = createRestartTimers((id) => {
    started.push(id);
    resolve();
  });
  timers.set('cancelled', 0);
  timers.set('early', 0);
  timers.cancel('cancelled');
  assert.equal(timers.size(), 1);
  timers.release();
  await promise;
  assert.deepEqual([started, timers.size()], [['early'], 0]);
  timers.set('late', 0);
  timers.close();
  timers.set('later', 0);
  await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual([started, timers.size(), timers.signal.aborted], [['early'], 0, true]);
});

test('rows of a version without restarts are read, and written with them', () => {
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE containers (id TEXT PRIMARY KEY, name TEXT, container TEXT, state TEXT) STRICT');
  db.exec(`INSERT INTO containers VALUES ('1', 'old', '{}', '{"kind":"exited"}')`);
  const store = openContainerStore<object, object, object>(db);
  assert.deepEqual(store.all()[0]?.restarts, {});
  store.setState('1', { kind: 'running' }, RAN);
  // A second time it is there already.
  const [row] = openContainerStore<object, object, object>(db).all();
  assert.deepEqual([row?.state, row?.restarts], [{ kind: 'running' }, RAN]);
  db.close();
});

test('so many take their turn at a time, and everybody in the end', async () => {
  const turns = new Turns(3);
  let now = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      using _turn = await turns.take();
      most = Math.max(most, (now += 1));
      await Promise.resolve();
      now -= 1;
    }),
  );
  assert.deepEqual([now, most], [0, 3]);
});
