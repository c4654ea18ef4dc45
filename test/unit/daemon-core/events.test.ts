import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import { createEventBus, type EventBus } from '../../../daemon/core/events/bus.ts';
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
  assert.deepEqual([past.length, past[0], past.at(-1)], [256, '44', '299']);
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

test('who never reads is cut off, the others go on', async () => {
  const bus = createEventBus();
  const slow = bus.subscribe(ctx, ALL);
  for (let n = 0; n < 5000; n += 1) publish(bus, String(n));
  const quick = bus.subscribe(ctx, ALL);
  publish(bus, 'more');
  assert.deepEqual(await take(quick, 1), ['more']);
  await assert.rejects(take(slow, Infinity), /events behind/);
  assert.equal(bus.listeners(), 0);
});
