import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { makeTokens, type TokenRequest, type Tokens } from '../../../../image/registry/tokens.ts';
import { makeTransport } from '../../../../image/registry/transport.ts';
import { freshCtx, json, serve, type Answer, type ScriptedServer } from './server.ts';

interface Place {
  readonly server: ScriptedServer;
  readonly tokens: Tokens;
  readonly request: (scope: string) => TokenRequest;
}

async function place(t: TestContext, answer: Answer): Promise<Place> {
  const server = await serve(t, answer);
  const transport = makeTransport({ userAgent: 'test', headTimeoutMs: 5_000 });
  t.after(() => transport.close());
  const request = (scope: string): TokenRequest => ({
    endpoint: { url: server.url, mirror: false },
    challenge: { scheme: 'bearer', realm: `${server.url}/token`, service: 's', scope },
    scopes: [],
    credentials: { username: 'bob', password: 'secret' },
  });
  return { server, tokens: makeTokens(transport), request };
}

describe('a token request that is shared', () => {
  test('goes on when who began it has left', async (t) => {
    const [asked, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { server, tokens, request } = await place(t, async (_, response) => {
      asked.resolve();
      await open.promise;
      json(response, { token: 'good', expires_in: 300 });
    });
    const first = new AbortController();
    const begun = tokens.get(freshCtx(first.signal), request('a'));
    await asked.promise;
    const waiting = tokens.get(freshCtx(), request('a'));
    first.abort();
    await assert.rejects(begun, { code: 'canceled' });
    open.resolve();
    assert.equal((await waiting).token, 'good');
    assert.equal(server.asked.length, 1);
  });

  test('ends when the last one has left', async (t) => {
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const { tokens, request } = await place(t, async (_, response) => {
      asked.resolve();
      await once(response, 'close');
      ended.resolve();
    });
    const [one, other] = [new AbortController(), new AbortController()];
    const both = [one, other].map(({ signal }) => tokens.get(freshCtx(signal), request('a')));
    const settled = Promise.allSettled(both);
    await asked.promise;
    one.abort();
    other.abort();
    await ended.promise;
    assert.deepEqual(
      (await settled).map(({ status }) => status),
      ['rejected', 'rejected'],
    );
  });
});

test('only the youngest tokens are kept', async (t) => {
  const { server, tokens, request } = await place(t, (_, response) =>
    json(response, { token: 'good', expires_in: 300 }),
  );
  for (let number = 0; number <= 200; number += 1) await tokens.get(freshCtx(), request(`${number}`));
  await tokens.get(freshCtx(), request('200'));
  await tokens.get(freshCtx(), request('1'));
  assert.equal(server.asked.length, 201);
  await tokens.get(freshCtx(), request('0'));
  assert.equal(server.asked.length, 202);
});
