import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCtx, type Ctx } from '../../../../common/ctx.ts';
import { silentLog } from '../../../../common/log.ts';
import { Flights } from '../../../../image/transfer/flights.ts';
import type { Progress } from '../../../../image/transfers.ts';

interface Client {
  readonly ctx: Ctx;
  readonly said: (string | undefined)[];
  readonly leave: () => void;
  readonly progress: (message: Progress) => void;
}

function client(): Client {
  const abort = new AbortController();
  const said: (string | undefined)[] = [];
  return {
    ctx: makeCtx(silentLog, abort.signal),
    said,
    leave: () => abort.abort(),
    progress: ({ status }) => void said.push(status),
  };
}

const ignore = (): void => {};

/** A run that goes on until it is told what to do, and stops when its signal fires. */
function manual(): {
  runs: number;
  stopped: boolean;
  tell: (message: Progress) => void;
  finish: (value: { n: number }) => void;
  run: (ctx: Ctx, progress: (message: Progress) => void) => Promise<{ n: number }>;
} {
  const state = {
    runs: 0,
    stopped: false,
    tell: ignore as (message: Progress) => void,
    finish: ignore as (value: { n: number }) => void,
    run: (ctx: Ctx, progress: (message: Progress) => void): Promise<{ n: number }> => {
      state.runs += 1;
      state.tell = progress;
      const { promise, resolve, reject } = Promise.withResolvers<{ n: number }>();
      state.finish = resolve;
      ctx.signal.addEventListener('abort', () => {
        state.stopped = true;
        setTimeout(() => reject(new Error('stopped')), 10);
      });
      return promise;
    },
  };
  return state;
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('all who ask for the same get the result of one run, and who comes later the last word on each thing', async () => {
  const flights = new Flights<{ n: number }>();
  const work = manual();
  const [first, second] = [client(), client()];
  const one = flights.join(first.ctx, { key: 'k', progress: first.progress, run: work.run });
  work.tell({ id: 'a', status: 'begins' });
  work.tell({ id: 'a', status: 'goes on' });
  work.tell({ id: 'b', status: 'begins too' });
  const two = flights.join(second.ctx, { key: 'k', progress: second.progress, run: work.run });
  work.tell({ status: 'ends' });
  work.finish({ n: 7 });
  assert.deepEqual(await Promise.all([one, two]), [{ n: 7 }, { n: 7 }]);
  assert.equal(work.runs, 1);
  assert.deepEqual(first.said, ['begins', 'goes on', 'begins too', 'ends']);
  assert.deepEqual(second.said, ['goes on', 'begins too', 'ends']);
});

test('who leaves is told at once; the run stops with the last, who waits for its end', async () => {
  const flights = new Flights<{ n: number }>();
  const work = manual();
  const [first, second] = [client(), client()];
  const one = flights.join(first.ctx, { key: 'k', progress: first.progress, run: work.run });
  const two = flights.join(second.ctx, { key: 'k', progress: second.progress, run: work.run });
  first.leave();
  await assert.rejects(one, { code: 'canceled' });
  assert.equal(work.stopped, false);
  work.tell({ status: 'more' });
  assert.deepEqual([first.said, second.said], [[], ['more']]);
  second.leave();
  await assert.rejects(two, { code: 'canceled' });
  assert.equal(work.stopped, true);
});

test('who comes while the run stops gets a new one', async () => {
  const flights = new Flights<{ n: number }>();
  const work = manual();
  const [first, second] = [client(), client()];
  const one = flights.join(first.ctx, { key: 'k', progress: first.progress, run: work.run });
  first.leave();
  await settle();
  const two = flights.join(second.ctx, { key: 'k', progress: second.progress, run: work.run });
  await assert.rejects(one);
  while (work.runs < 2) await settle();
  work.finish({ n: 2 });
  assert.deepEqual(await two, { n: 2 });
});

test('different keys fly apart; a failure is everybody’s, and the next one begins anew', async () => {
  const flights = new Flights<{ n: number }>();
  const { ctx, progress } = client();
  const fails = (): Promise<never> => Promise.reject(new Error('no network'));
  const both = [1, 2].map(() => flights.join(ctx, { key: 'k', progress, run: fails }));
  for (const one of both) await assert.rejects(one, /no network/);
  const run = async (): Promise<{ n: number }> => ({ n: 1 });
  assert.deepEqual(await flights.join(ctx, { key: 'k', progress, run }), { n: 1 });
  assert.deepEqual(await flights.join(ctx, { key: 'l', progress, run }), { n: 1 });
});

test('who has left already begins nothing', async () => {
  const flights = new Flights<{ n: number }>();
  const work = manual();
  const { ctx, progress, leave } = client();
  leave();
  await assert.rejects(flights.join(ctx, { key: 'k', progress, run: work.run }), { code: 'canceled' });
  assert.equal(work.runs, 0);
});
