import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../lib/process.ts';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

interface Message {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly eventId: number;
}

daemonSuite('event journal', (daemon) => {
  const past = async (query: string): Promise<Message[]> => {
    const until = (Date.now() / 1000 + 0.05).toFixed(3);
    const path = `/events?until=${until}&${query}`;
    const { text } = await rest(daemon().socket, 'GET', { path });
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Message);
  };

  test('since reaches back over a kill and a restart; ids count on', async () => {
    const since = `since=${Date.now() / 1000}`;
    const id = await daemon().dockerOk('create', '--name', 'old', 'busybox', 'true');
    // Whoever has seen it finds it again.
    await eventually('it is told', async () => (await past(since)).some(({ Actor }) => Actor.ID === id));
    await daemon().kill9();
    await daemon().restart();
    await daemon().dockerOk('rename', 'old', 'new');
    assert.equal(await daemon().stop(), 0);
    await daemon().restart();
    await daemon().dockerOk('rm', 'new');
    const events = await past(since);
    const own = events.filter(({ Actor }) => Actor.ID === id);
    assert.deepEqual(
      own.map(({ Action }) => Action),
      ['create', 'rename', 'destroy'],
    );
    const ids = events.map(({ eventId }) => eventId);
    assert.deepEqual(
      ids,
      ids.map((_, index) => (ids[0] ?? 0) + index),
    );
  });

  test('after goes on behind an event, and tells what is missing', async () => {
    const before = await past('since=0');
    const last = before.at(-1)?.eventId ?? 0;
    const id = await daemon().dockerOk('create', 'busybox', 'true');
    const next = await past(`after=${last}`);
    assert.deepEqual(
      next.map(({ Action, eventId, Actor }) => [Action, eventId, Actor.ID]),
      [['create', last + 1, id]],
    );
    const lost = await past(`after=${last + 1000}&filters={"type":["image"]}`);
    assert.deepEqual(
      lost.map(({ Action, Actor }) => [Action, Actor.Attributes['missed']]),
      [['gap', 'unknown']],
    );
    const wrong = await rest(daemon().socket, 'GET', { path: '/events?after=-1' });
    assert.equal(wrong.status, 400);
  });

  test('a daemon killed again and again under load neither loses nor doubles what was told', async () => {
    const since = `since=${Date.now() / 1000}`;
    const told: Message[] = [];
    for (let round = 0; round < 3; round += 1) {
      const names = Array.from({ length: 8 }, (_, n) => `k${round}-${n}`);
      const made = Promise.allSettled(
        names.map((name) => daemon().docker('create', '--name', name, 'busybox')),
      );
      await eventually('something is told', async () => {
        const seen = await past(since).catch(() => []);
        if (seen.length > told.length) told.splice(0, told.length, ...seen);
        return seen.some(({ Actor }) => Actor.Attributes['name']?.startsWith(`k${round}-`));
      });
      await daemon().kill9();
      await made;
      await daemon().restart();
    }
    const after = await past(since);
    assert.deepEqual(after.slice(0, told.length), told);
    const ids = after.map(({ eventId }) => eventId);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal((ids.at(-1) ?? 0) - (ids[0] ?? 0), ids.length - 1);
  });
});
