import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { sha256 } from '../../../../image/digest.ts';
import type { Descriptor } from '../../../../image/registry/contract.ts';
import { clientOf, freshCtx, json, refusal, serve } from './server.ts';

const OCI = 'application/vnd.oci.image';
const BLOB = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));
const blobOf = (data: Buffer): Descriptor => ({ mediaType: 'x', digest: sha256(data), size: data.length });

describe('lists', () => {
  test('of tags are read page by page, and not elsewhere', async (t) => {
    const server = await serve(t, ({ url }, response) => {
      if (url.includes('last=b')) json(response, { tags: ['c'] }, { status: 200 });
      else
        json(
          response,
          { tags: ['a', 'b'] },
          { status: 200, headers: { link: '</v2/x/tags/list?last=b&n=2>; rel="next"' } },
        );
    });
    const tags = await clientOf(t, server).repository(`${server.host}/x`, 'pull', undefined).tags(freshCtx());
    assert.deepEqual(tags, ['a', 'b', 'c']);
    const leading = await serve(t, (_, response) =>
      json(
        response,
        { tags: [] },
        { status: 200, headers: { link: '<http://elsewhere/v2/x/tags/list>; rel="next"' } },
      ),
    );
    const repository = clientOf(t, leading).repository(`${leading.host}/x`, 'pull', undefined);
    await assert.rejects(repository.tags(freshCtx()), /goes on at "http:\/\/elsewhere/);
  });

  test('of referrers come from the API, else from the tag of the digest’s name', async (t) => {
    const referrer = {
      mediaType: `${OCI}.manifest.v1+json`,
      digest: sha256('r'),
      size: 1,
      artifactType: 'a/b',
    };
    const index = { schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests: [referrer] };
    const subject = sha256('subject');
    for (const path of [
      `/v2/x/referrers/${subject}`,
      `/v2/x/manifests/${subject.replace(':', '-')}`,
      'neither',
    ]) {
      const server = await serve(t, ({ url }, response) => {
        if (url === path)
          json(response, index, { status: 200, headers: { 'content-type': index.mediaType } });
        else json(response, refusal('MANIFEST_UNKNOWN', 'x'), { status: 404 });
      });
      const repository = clientOf(t, server).repository(`${server.host}/x`, 'pull', undefined);
      const found = await repository.referrers(freshCtx(), subject);
      assert.deepEqual(
        found.map(({ digest }) => digest),
        path === 'neither' ? [] : [referrer.digest],
        path,
      );
    }
  });

  test('a search where there is none says so', async (t) => {
    const server = await serve(t, (_, response) => void response.writeHead(404).end());
    const request = { term: `${server.host}/x`, limit: 5, credentials: undefined };
    await assert.rejects(clientOf(t, server).search(freshCtx(), request), {
      code: 'not-found',
      message: `The registry "${server.host}" has no search`,
    });
  });
});

describe('uploads', () => {
  /** Keeps what it is sent; cuts the first `cuts` requests with a body. */
  async function sink(t: Parameters<typeof serve>[0], cuts: number) {
    const state = { data: Buffer.alloc(0), cuts, digest: '' };
    const server = await serve(t, ({ method, url, body }, response) => {
      if (method === 'POST') {
        state.data = Buffer.alloc(0);
        response.writeHead(202, { location: '/v2/a/blobs/uploads/1?state=x' }).end();
        return;
      }
      const location = '/v2/a/blobs/uploads/1?state=y';
      if (method === 'GET') {
        response.writeHead(204, { location, range: `0-${Math.max(0, state.data.length - 1)}` }).end();
        return;
      }
      if (state.cuts > 0 && body.length > 0) {
        state.cuts -= 1;
        state.data = Buffer.concat([state.data, body.subarray(0, body.length / 2)]);
        response.destroy();
        return;
      }
      state.data = Buffer.concat([state.data, body]);
      if (method === 'PATCH')
        response.writeHead(202, { location, range: `0-${state.data.length - 1}` }).end();
      else {
        state.digest = new URL(url, 'http://x').searchParams.get('digest') ?? '';
        response.writeHead(201).end();
      }
    });
    return { server, state };
  }

  for (const [what, size, cuts] of [
    ['small', 10_000, 0],
    ['small, cut twice', 10_000, 2],
    ['in chunks', (70 << 20) + 5, 0],
    ['in chunks, cut once', (40 << 20) + 5, 1],
    ['empty', 0, 0],
  ] as const) {
    test(what, async (t) => {
      const data = Buffer.alloc(size, 'wherry');
      const { server, state } = await sink(t, cuts);
      const repository = clientOf(t, server).repository(`${server.host}/a`, 'push', undefined);
      let last = 0;
      const open = (offset: number): Readable => Readable.from([data.subarray(offset)]);
      await repository.uploadBlob(freshCtx(), blobOf(data), open, (sent) => (last = sent));
      assert.equal(state.digest, sha256(data));
      assert.equal(sha256(state.data), sha256(data));
      assert.equal(last, size);
    });
  }

  test('the registry’s refusal is told', async (t) => {
    const server = await serve(t, (_, response) =>
      json(response, refusal('DENIED', 'requested access to the resource is denied'), { status: 403 }),
    );
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'push', undefined);
    const open = (): Readable => Readable.from([BLOB]);
    await assert.rejects(
      repository.uploadBlob(freshCtx(), blobOf(BLOB), open, () => {}),
      {
        code: 'permission-denied',
        message: 'denied: requested access to the resource is denied',
      },
    );
    assert.equal(server.asked.length, 1);
  });

  test('a blob of another repository is mounted, or the upload opened for it is cancelled', async (t) => {
    for (const status of [201, 202]) {
      const server = await serve(t, ({ method }, response) => {
        if (method === 'DELETE') response.writeHead(404).end();
        else response.writeHead(status, { location: '/x?state=1' }).end();
      });
      const repository = clientOf(t, server).repository(`${server.host}/a`, 'push', undefined);
      const digest = sha256('x');
      assert.equal(await repository.mountBlob(freshCtx(), digest, 'b/c'), status === 201);
      const mount = `POST /v2/a/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=b%2Fc`;
      assert.deepEqual(
        server.asked.map(({ method, url }) => `${method} ${url}`),
        status === 201 ? [mount] : [mount, 'DELETE /x?state=1'],
      );
    }
  });

  test('a cancel that is refused with 401 is authorised and asked again, with a token that is its own', async (t) => {
    let opened = 0;
    const server = await serve(t, ({ method, url, headers }, response) => {
      if (url.startsWith('/token')) {
        const scopes = new URL(url, 'http://x').searchParams.getAll('scope');
        json(response, { token: scopes.map((scope) => scope.split(':').at(-1)).join('+') });
        return;
      }
      const right = method === 'DELETE' ? 'delete' : 'pull,push';
      const token = headers.authorization ?? '';
      if (method === 'DELETE' ? token.includes('delete') : token === 'Bearer pull,push') {
        if (method === 'DELETE') response.writeHead(204).end();
        else response.writeHead(202, { location: `/x?state=${(opened += 1)}` }).end();
        return;
      }
      const challenge = `Bearer realm="${server.url}/token",service="s",scope="repository:a:${right}"`;
      json(response, refusal('UNAUTHORIZED', 'x'), {
        status: 401,
        headers: { 'www-authenticate': challenge },
      });
    });
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'push', undefined);
    for (const digest of [sha256('x'), sha256('y')]) {
      assert.equal(await repository.mountBlob(freshCtx(), digest, 'b/c'), false);
    }
    const answered = server.asked.map(({ method, headers }) => `${method} ${headers.authorization ?? '-'}`);
    const deletes = answered.filter((text) => text.startsWith('DELETE'));
    assert.deepEqual(
      deletes.filter((text) => text.includes('delete')),
      Array.from({ length: 2 }, () => 'DELETE Bearer delete+pull,push'),
    );
    const posts = answered.filter((text) => text.startsWith('POST'));
    assert.deepEqual(posts.slice(1), ['POST Bearer pull,push', 'POST Bearer pull,push']);
  });
});
