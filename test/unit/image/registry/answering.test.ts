import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, test, type TestContext } from 'node:test';
import { sha256 } from '../../../../image/digest.ts';
import { makeRegistryClient, type ClosableClient } from '../../../../image/registry/client.ts';
import type { Credentials } from '../../../../image/registry/contract.ts';
import { freePort } from '../../../lib/free-port.ts';
import { clientOf, freshCtx, json, serve, type ScriptedServer } from './server.ts';

const BLOB = Buffer.alloc(10_000, 'blob');
const DESCRIPTOR = { mediaType: 'x', digest: sha256(BLOB), size: BLOB.length };
const bob: Credentials = { username: 'bob', password: 'secret' };

describe('a registry that answers', () => {
  const listening = async (t: TestContext): Promise<ScriptedServer> =>
    serve(t, (_, response) => json(response, {}, { status: 200 }));

  for (const status of [404, 500, 503]) {
    test(`with ${status} is the one to log in to, no other gets the credentials`, async (t) => {
      const first = await serve(t, (_, response) => void response.writeHead(status).end('no'));
      const second = await listening(t);
      await assert.rejects(
        clientOf(t, first, second).login(freshCtx(), first.host, bob),
        new RegExp(`${status}`),
      );
      assert.equal(second.asked.length, 0);
    });
  }

  test('and whose token server does not, too', async (t) => {
    const gone = await vacant();
    const challenge = { 'www-authenticate': `Bearer realm="${gone}/token",service="s"` };
    const first = await serve(t, (_, response) => void response.writeHead(401, challenge).end());
    const second = await listening(t);
    await assert.rejects(clientOf(t, first, second).login(freshCtx(), first.host, bob), {
      code: 'unavailable',
    });
    assert.equal(second.asked.length, 0);
  });
});

describe('a registry whose token server does not answer', () => {
  test('is not asked anywhere else: not for manifests, and not for uploads', async (t) => {
    const challenge = { 'www-authenticate': `Bearer realm="${await vacant()}/token",service="s"` };
    const first = await serve(t, (_, response) => void response.writeHead(401, challenge).end());
    const second = await serve(t, (_, response) => json(response, {}, { status: 200 }));
    const repository = clientOf(t, first, second).repository(`${first.host}/a`, 'push', bob);
    const open = (): Readable => Readable.from([BLOB]);
    await assert.rejects(repository.manifest(freshCtx(), '1'), { code: 'unavailable' });
    await assert.rejects(
      repository.uploadBlob(freshCtx(), DESCRIPTOR, open, () => {}),
      {
        code: 'unavailable',
      },
    );
    await assert.rejects(buffer(repository.blob(freshCtx(), DESCRIPTOR, 0)), { code: 'unavailable' });
    assert.equal(second.asked.length, 0);
  });
});

describe('a redirect of what is written', () => {
  test('is followed with its method, and authorised only on the same host', async (t) => {
    const other = await serve(t, (_, response) => void response.writeHead(201).end());
    const server = await serve(t, ({ url, headers }, response) => {
      if (headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else if (!url.startsWith('/moved')) response.writeHead(307, { location: `/moved${url}` }).end();
      else response.writeHead(308, { location: `${other.url}/there` }).end();
    });
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'push', bob);
    assert.equal(await repository.mountBlob(freshCtx(), DESCRIPTOR.digest, 'b'), true);
    assert.deepEqual(
      server.asked.map(({ method, headers }) => [method, headers.authorization !== undefined]),
      [
        ['POST', false],
        ['POST', true],
        ['POST', true],
      ],
    );
    assert.deepEqual(
      other.asked.map(({ method, url, headers }) => [method, url, headers.authorization]),
      [['POST', '/there', undefined]],
    );
  });
});

describe('where nobody listens', () => {
  /** Would wait for long between two tries. */
  const patient = (t: TestContext, ...urls: string[]): ClosableClient => {
    const client = makeRegistryClient({
      hosts: { endpoints: async () => urls.map((url) => ({ url, mirror: false })) },
      limits: { attempts: 2, backoffMs: 3_600_000, longestWaitMs: 3_600_000 },
    });
    t.after(() => client.close());
    return client;
  };

  test('a client is told at once', async (t) => {
    const url = await vacant();
    for (const wrong of [url, url.replace('127.0.0.1', 'localhost'), 'http://nowhere.invalid']) {
      const repository = patient(t, wrong).repository('x/a', 'push', undefined);
      const open = (): Readable => Readable.from([BLOB]);
      const ctx = freshCtx(AbortSignal.timeout(10_000));
      const expected = { code: 'unavailable', message: /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/ };
      await assert.rejects(repository.manifest(ctx, '1'), expected);
      await assert.rejects(buffer(repository.blob(ctx, DESCRIPTOR, 0)), expected);
      await assert.rejects(
        repository.uploadBlob(ctx, DESCRIPTOR, open, () => {}),
        expected,
      );
    }
  });

  test('a blob comes from who does, also after a cut', async (t) => {
    const url = await vacant();
    const server = await serve(t, (_, response, count) => {
      if (count === 1) {
        response.writeHead(200, { 'content-length': BLOB.length });
        response.write(BLOB.subarray(0, 1), () => response.destroy());
      } else response.writeHead(200).end(BLOB);
    });
    const repository = clientOf(t, { url }, server).repository('x/a', 'pull', undefined);
    assert.deepEqual(await buffer(repository.blob(freshCtx(), DESCRIPTOR, 0)), BLOB);
    assert.equal(server.asked.length, 2);
  });
});

/** An address that nobody listens on. */
const vacant = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`;
