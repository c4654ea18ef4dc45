import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import { openDatabase } from '../../../common/sqlite.ts';
import type { Event } from '../../../daemon/core/contract.ts';
import { createEventBus, type EventBus } from '../../../daemon/core/events/bus.ts';
import type { StoredEvent } from '../../../daemon/core/events/writer.ts';
import { openEventStore } from '../../../daemon/store/events.ts';
import { realTimeNs } from '../../../daemon/core/time.ts';

const ctx = makeCtx(silentLog);
const ALL = { sinceNs: undefined, untilNs: undefined };

const publish = (bus: EventBus, action: string): void =>
  bus.publish({ type: 'container', action, actorId: 'x', attributes: {} });

async function take(events: AsyncIterable<{ action: string }>, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const { action } of events) {
    seen.push(action);
    if (seen.length === count) break;
  }
  return seen;
}

test('a subscriber gets what happens from the call on, not from the first read on', async () => {
  const bus = createEventBus();
  publish(bus, 'before');
  const events = bus.subscribe(ctx, ALL);
  publish(bus, 'one');
  publish(bus, 'two');
  assert.deepEqual(await take(events, 2), ['one', 'two']);
  assert.equal(bus.listeners(), 0);
});

test('since and until look back; until ends', async () => {
  const bus = createEventBus();
  for (let n = 0; n < 300; n += 1) publish(bus, String(n));
  const now = realTimeNs() + 1_000_000n;
  const past = await take(bus.subscribe(ctx, { sinceNs: 0n, untilNs: now }), Infinity);
  assert.deepEqual([past.length, past[0], past.at(-1)], [300, '0', '299']);
  assert.deepEqual(await take(bus.subscribe(ctx, { sinceNs: now, untilNs: now }), Infinity), []);
  const soon = { sinceNs: undefined, untilNs: now + 50_000_000n };
  const events = take(bus.subscribe(ctx, soon), Infinity);
  publish(bus, 'last');
  assert.equal((await events).at(-1), 'last');
});

test('times never go back', async () => {
  const bus = createEventBus();
  const events = bus.subscribe(ctx, ALL);
  for (let n = 0; n < 100; n += 1) publish(bus, String(n));
  let last = 0n;
  let count = 0;
  for await (const { timeNs } of events) {
    assert.ok(timeNs > last);
    last = timeNs;
    if (++count === 100) break;
  }
});

test('a signal ends it, also before the first read', async () => {
  const bus = createEventBus();
  const controller = new AbortController();
  const waiting = take(bus.subscribe(makeCtx(silentLog, controller.signal), ALL), Infinity);
  const unread = bus.subscribe(makeCtx(silentLog, controller.signal), ALL);
  assert.equal(bus.listeners(), 2);
  controller.abort();
  assert.deepEqual(await waiting, []);
  assert.equal(bus.listeners(), 0);
  assert.deepEqual(await take(unread, Infinity), []);
});

test('who is slow gets all, once and in order, and holds nobody up', async () => {
  const bus = createEventBus();
  const slow = bus.subscribe(ctx, ALL);
  const half = bus.subscribe(ctx, ALL)[Symbol.asyncIterator]();
  for (let n = 0; n < 10_000; n += 1) publish(bus, String(n));
  assert.equal(((await half.next()).value as { action: string }).action, '0');
  for (let n = 10_000; n < 20_000; n += 1) publish(bus, String(n));
  const quick = bus.subscribe(ctx, ALL);
  publish(bus, 'more');
  assert.deepEqual(await take(quick, 1), ['more']);
  const expected = [...Array.from({ length: 20_000 }, (_, n) => String(n)), 'more'];
  assert.deepEqual(await take(slow, 20_001), expected);
  assert.equal(((await half.next()).value as { action: string }).action, '1');
  await half.return?.();
  assert.equal(bus.listeners(), 0);
});

test('a journal outlives its bus: ids go on, since looks back, after resumes', async (t) => {
  const path = await journalPath(t);
  const first = openDatabase(path);
  const old = createEventBus({ store: openEventStore(first), batchMs: 5 });
  publish(old, 'one');
  publish(old, 'two');
  old.close();
  first.close();
  const second = openDatabase(path);
  const bus = createEventBus({ store: openEventStore(second), batchMs: 5 });
  publish(bus, 'three');
  assert.deepEqual(await take(bus.subscribe(ctx, { sinceNs: 0n, untilNs: undefined }), 3), [
    ...['one', 'two', 'three'],
  ]);
  const ids: number[] = [];
  for await (const { id, action } of bus.subscribe(ctx, { ...ALL, afterId: 1 })) {
    ids.push(id);
    if (action === 'three') break;
  }
  assert.deepEqual(ids, [2, 3]);
  bus.close();
  second.close();
});

test('what is not written is not shown: who was killed took nothing back that anybody saw', async (t) => {
  const path = await journalPath(t);
  const first = openDatabase(path);
  const killed = createEventBus({ store: openEventStore(first), batchMs: 60_000 });
  const events = killed.subscribe(ctx, ALL)[Symbol.asyncIterator]();
  publish(killed, 'unseen');
  const seen = await Promise.race([events.next(), new Promise((resolve) => setTimeout(resolve, 20))]);
  assert.equal(seen, undefined);
  const second = openDatabase(path);
  const bus = createEventBus({ store: openEventStore(second) });
  publish(bus, 'next');
  const [event] = await takeAll(bus.subscribe(ctx, { ...ALL, afterId: 0 }), 1);
  assert.deepEqual([event?.id, event?.action], [1, 'next']);
  await events.return?.();
  second.close();
  first.close();
  killed.close();
});

test('what the journal dropped is told as a gap', async () => {
  const bus = createEventBus({ limits: { rows: 1500, ageNs: 86_400_000_000_000n } });
  for (let n = 1; n <= 6000; n += 1) publish(bus, String(n));
  const events = await takeAll(bus.subscribe(ctx, { ...ALL, afterId: 10 }), 2);
  const [gap, next] = events;
  assert.deepEqual([gap?.type, gap?.action], ['daemon', 'gap']);
  assert.equal(Number(gap?.attributes['missed']), (next?.id ?? 0) - 11);
  assert.equal(next?.action, String(next?.id));
  const [future] = await takeAll(bus.subscribe(ctx, { ...ALL, afterId: 9000 }), 1);
  assert.deepEqual([future?.action, future?.attributes['missed']], ['gap', 'unknown']);
});

test('a journal that cannot be written holds nobody up, and gets the rest later', async () => {
  let broken = true;
  const store = openEventStore<StoredEvent>(new DatabaseSync(':memory:'));
  const bus = createEventBus({
    store: {
      ...store,
      append: (rows) => {
        if (broken) throw new Error('no space left on device');
        store.append(rows);
      },
    },
  });
  const events = bus.subscribe(ctx, ALL);
  publish(bus, 'one');
  assert.deepEqual(await take(events, 1), ['one']);
  broken = false;
  publish(bus, 'two');
  assert.deepEqual(
    store.after(0, 10).map(({ event }) => event.action),
    ['one', 'two'],
  );
});

async function takeAll(events: AsyncIterable<Event>, count: number): Promise<Event[]> {
  const seen: Event[] = [];
  for await (const event of events) if (seen.push(event) === count) break;
  return seen;
}

async function journalPath(t: TestContext): Promise<string> {
  const directory = await mkdtemp('/tmp/wj-');
  t.after(() => rm(directory, { recursive: true }));
  return `${directory}/events.db`;
}
