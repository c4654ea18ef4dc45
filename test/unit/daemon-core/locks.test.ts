import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCtx } from '../../../common/ctx.ts';
import { KeyedLocks } from '../../../common/locks.ts';
import { silentLog } from '../../../common/log.ts';
import { makeNotes } from '../../../common/notes.ts';

test('who waits for a lock says for what, and who has it', async () => {
  const locks = new KeyedLocks();
  const [first, second] = [makeNotes('first'), makeNotes('second')];
  const ctx = makeCtx(silentLog);
  const held = await locks.acquireFor(ctx.noting(first), 'key', 'the thing');
  assert.deepEqual(first.texts(), []);
  const waiting = locks.acquireFor(ctx.noting(second), 'key', 'the thing');
  assert.deepEqual(second.texts(), ['the thing, which "first" has']);
  using _other = await locks.acquireFor(ctx.noting(first), 'other', 'the thing');
  held[Symbol.dispose]();
  using _own = await waiting;
  assert.deepEqual(second.texts(), []);
  assert.equal(locks.holder('key'), 'second');
});
