import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gather } from '../../../common/gather.ts';

test('the first is worked on at once; those that come meanwhile and in the pause share the next call', async () => {
  const calls: string[][] = [];
  const first = Promise.withResolvers<void>();
  const ask = gather<string>(async (items) => {
    calls.push([...items]);
    if (calls.length === 1) await first.promise;
  }, 20);
  const asked = [ask('a')];
  await sleep(0);
  asked.push(ask('b'));
  await sleep(0);
  assert.deepEqual(calls, [['a']]);
  first.resolve();
  await asked[0];
  asked.push(ask('c'));
  await Promise.all(asked);
  assert.deepEqual(calls, [['a'], ['b', 'c']]);
});

test('a call that fails fails for its own items, and the next is made all the same', async () => {
  const ask = gather<number>(async (items) => {
    if (items.includes(1)) throw new Error('refused');
  }, 0);
  const [one, other] = [ask(1), ask(1)];
  await assert.rejects(one, { message: 'refused' });
  await assert.rejects(other, { message: 'refused' });
  await ask(2);
});
