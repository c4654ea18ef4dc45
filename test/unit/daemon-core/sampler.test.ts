import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCtx, type Ctx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import { createSampler } from '../../../daemon/core/stats/sampler.ts';
import { eventually } from '../../lib/process.ts';

/** Keeps the process alive: the sampler's own timers don't. */
const alive = setInterval(() => {}, 1000);

test('many watch, one looks; the last to leave ends it', async () => {
  const sampler = createSampler<number>(5);
  let taken = 0;
  const source = { id: 'a', take: async () => ++taken };
  const controllers = Array.from({ length: 20 }, () => new AbortController());
  const firsts = await Promise.all(
    controllers.map(async ({ signal }) => {
      const samples = sampler.watch(withSignal(signal), source);
      return (await samples.next()).value as number;
    }),
  );
  assert.ok(Math.max(...firsts) <= 2, String(firsts));
  assert.equal(sampler.count(), 1);
  for (const controller of controllers) controller.abort();
  await eventually('nobody looks', async () => sampler.count() === 0);
  const before = taken;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(taken, before);
});

test('who is slow gets the latest, and nobody waits for who comes again', async () => {
  const sampler = createSampler<number>(2);
  let taken = 0;
  const source = { id: 'a', take: async () => ++taken };
  const slow = sampler.watch(makeCtx(silentLog), source);
  await eventually('some were taken', async () => taken > 5);
  const { value } = await slow.next();
  assert.ok((value as number) > 4);
  await slow.return?.();
  const again = sampler.watch(makeCtx(silentLog), source);
  assert.equal((await again.next()).value, taken);
  await again.return?.();
});

test('the source ends it for all; so does its failure', async () => {
  const sampler = createSampler<number>(1);
  let left = 2;
  const source = { id: 'a', take: async () => (left-- > 0 ? left : ('end' as const)) };
  const broken = { id: 'b', take: () => Promise.reject(new Error('gone')) };
  for (const each of [source, broken]) {
    const all = [0, 1].map(async () => {
      for await (const sample of sampler.watch(makeCtx(silentLog), each)) assert.ok(sample >= 0);
    });
    await Promise.all(all);
  }
  assert.equal(sampler.count(), 0);
  clearInterval(alive);
});

const withSignal = (signal: AbortSignal): Ctx => makeCtx(silentLog, signal);
