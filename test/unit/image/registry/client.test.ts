import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '../../../../image/digest.ts';
import type { Credentials, Descriptor } from '../../../../image/registry/contract.ts';
import { clientOf, freshCtx, json, refusal, serve, type Answer } from './server.ts';

const OCI = 'application/vnd.oci.image';
const BLOB = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));
const blobOf = (data: Buffer): Descriptor => ({ mediaType: 'x', digest: sha256(data), size: data.length });
const bob: Credentials = { username: 'bob', password: 'secret' };

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** `bytes=N-` of a request. */
const startOf = (range: string | undefined): number => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);

describe('manifests', () => {
  const document = { schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config: {}, layers: [] };
  const text = JSON.stringify(document);

  test('come with their digest, by tag and by digest', async (t) => {
    const server = await serve(t, (_, response) =>
      json(response, document, { status: 200, headers: { 'content-type': document.mediaType } }),
    );
    const repository = clientOf(t, server).repository(`${server.host}/a/b`, 'pull', undefined);
    for (const reference of ['1', sha256(text)]) {
      const { descriptor, bytes } = await repository.manifest(freshCtx(), reference);
      assert.deepEqual(descriptor, {
        mediaType: document.mediaType,
        digest: sha256(text),
        size: text.length,
      });
      assert.equal(Buffer.from(bytes).toString(), text);
    }
    assert.deepEqual(
      server.asked.map(({ url }) => url),
      ['/v2/a/b/manifests/1', `/v2/a/b/manifests/${sha256(text)}`],
    );
  });

  const other = sha256('other');
  for (const [what, answer, reference, expected] of [
    ['of another digest', { body: document }, other, /manifest verification failed for digest/],
    [
      'of schema 1',
      { body: { schemaVersion: 1 } },
      '1',
      /schema 1 support has been removed. Suggest the author of .*\/a:1/,
    ],
    ['that is no JSON', { text: 'x' }, '1', /invalid manifest/],
    ['of more than 4 MiB', { text: ' '.repeat(5 << 20) }, '1', /more than 4194304 bytes/],
    [
      'that is not there',
      { status: 404, body: refusal('MANIFEST_UNKNOWN', 'manifest unknown') },
      '1',
      /^manifest for .*\/a:1 not found: manifest unknown: manifest unknown$/,
    ],
    [
      'that is not for us',
      { status: 403, body: refusal('DENIED', 'requested access to the resource is denied') },
      '1',
      /^pull access denied for .*\/a, repository does not exist or may require 'docker login': denied: requested access/,
    ],
  ] as const) {
    test(`one ${what} is refused`, async (t) => {
      const server = await serve(t, (_, response) => {
        if ('text' in answer)
          response.writeHead(200, { 'content-type': document.mediaType }).end(answer.text);
        else json(response, answer.body, { status: 'status' in answer ? answer.status : 200 });
      });
      const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', undefined);
      await assert.rejects(repository.manifest(freshCtx(), reference), { message: expected });
    });
  }

  test('a registry in trouble is asked again, one that asks for patience gets it', async (t) => {
    const server = await serve(t, (_, response, count) => {
      if (count === 1) response.writeHead(500).end();
      else if (count === 2) response.writeHead(429, { 'retry-after': '1' }).end();
      else json(response, document, { status: 200 });
    });
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', undefined);
    const begun = performance.now();
    await repository.manifest(freshCtx(), '1');
    assert.ok(performance.now() - begun >= 990);
    assert.equal(server.asked.length, 3);
  });

  test('a registry that stays in trouble is named with what it said', async (t) => {
    const server = await serve(t, (_, response) => void response.writeHead(503).end('closed for today'));
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', undefined);
    await assert.rejects(repository.manifest(freshCtx(), '1'), {
      code: 'unavailable',
      message: /503 .*closed for today/,
    });
    assert.equal(server.asked.length, 3);
  });

  test('a mirror comes first, gets no credentials, and what it lacks comes from the registry', async (t) => {
    const challenge = { 'www-authenticate': 'Basic realm="x"' };
    const mirror = await serve(t, (_, response) =>
      json(response, refusal('MANIFEST_UNKNOWN', 'x'), { status: 404, headers: challenge }),
    );
    const own = await serve(t, ({ headers }, response) =>
      json(response, document, {
        status: headers.authorization === undefined ? 401 : 200,
        headers: challenge,
      }),
    );
    const client = clientOf(t, { ...mirror, mirror: true }, own);
    await client.repository('docker.io/library/x', 'pull', bob).manifest(freshCtx(), '1');
    assert.deepEqual(
      mirror.asked.map(({ headers }) => headers.authorization),
      [undefined],
    );
    assert.equal(
      own.asked.at(-1)?.headers.authorization,
      `Basic ${Buffer.from('bob:secret').toString('base64')}`,
    );
  });
});

describe('tokens', () => {
  const tokenServer = async (t: Parameters<typeof serve>[0], life: number) => {
    const state = { issued: 0 };
    const answer: Answer = ({ url, headers }, response) => {
      const self = `http://${headers.host}`;
      if (url.startsWith('/token')) {
        state.issued += 1;
        json(
          response,
          { token: `t${state.issued}`, expires_in: life, refresh_token: 'again' },
          { status: 200 },
        );
      } else if (headers.authorization === `Bearer t${state.issued}`)
        json(response, { tags: ['1'] }, { status: 200 });
      else
        json(response, refusal('UNAUTHORIZED', 'authentication required'), {
          status: 401,
          headers: {
            'www-authenticate': `Bearer realm="${self}/token",service="s",scope="repository:a/b:pull"`,
          },
        });
    };
    return { server: await serve(t, answer), state };
  };

  test('are asked for with what the registry and the client want, once', async (t) => {
    const { server } = await tokenServer(t, 300);
    const client = clientOf(t, server);
    const repository = client.repository(`${server.host}/a/b`, 'push', bob);
    await Promise.all([repository.tags(freshCtx()), repository.tags(freshCtx())]);
    await client.repository(`${server.host}/a/b`, 'push', bob).tags(freshCtx());
    const asked = server.asked.filter(({ url }) => url.startsWith('/token'));
    assert.equal(asked.length, 1);
    const query = new URL(asked[0]?.url ?? '', server.url).searchParams;
    assert.deepEqual(query.getAll('scope').toSorted(), ['repository:a/b:pull', 'repository:a/b:pull,push']);
    assert.deepEqual([query.get('service'), query.get('account')], ['s', 'bob']);
    assert.match(asked[0]?.headers.authorization ?? '', /^Basic /);
  });

  test('that a registry takes no more are asked for again', async (t) => {
    const { server, state } = await tokenServer(t, 300);
    const repository = clientOf(t, server).repository(`${server.host}/a/b`, 'pull', undefined);
    await repository.tags(freshCtx());
    state.issued += 1;
    assert.deepEqual(await repository.tags(freshCtx()), ['1']);
    const asked = server.asked.filter(({ url }) => url.startsWith('/token'));
    assert.equal(asked.length, 2);
    assert.equal(asked[0]?.headers.authorization, undefined);
  });

  test('are bought with an identity token, which login gives', async (t) => {
    const { server } = await tokenServer(t, 300);
    const client = clientOf(t, server);
    assert.deepEqual(await client.login(freshCtx(), server.host, bob), { identityToken: 'again' });
    const identity = { username: '<token>', password: '', identityToken: 'again' };
    await client.repository(`${server.host}/a/b`, 'pull', identity).tags(freshCtx());
    const bought = server.asked.find(({ method }) => method === 'POST');
    const form = new URLSearchParams(bought?.body.toString());
    assert.deepEqual([form.get('grant_type'), form.get('refresh_token')], ['refresh_token', 'again']);
    assert.equal(form.get('scope'), 'repository:a/b:pull');
  });

  test('are not bought in the clear for a registry that is not', async () => {
    const { makeTokens } = await import('../../../../image/registry/tokens.ts');
    const tokens = makeTokens({ send: () => assert.fail('asked'), close: () => {} });
    const challenge = { scheme: 'bearer', realm: 'http://elsewhere/token', service: '', scope: '' } as const;
    const endpoint = { url: 'https://registry.example', mirror: false };
    await assert.rejects(
      tokens.get(freshCtx(), { endpoint, challenge, scopes: [], credentials: bob }),
      /not encrypted/,
    );
  });

  test('wrong ones: docker login is told', async (t) => {
    const server = await serve(t, (_, response) =>
      json(response, refusal('UNAUTHORIZED', 'authentication required'), {
        status: 401,
        headers: {
          'www-authenticate': 'Basic realm="x"',
        },
      }),
    );
    await assert.rejects(clientOf(t, server).login(freshCtx(), server.host, bob), {
      code: 'permission-denied',
      message: /\/v2\/ failed: unauthorized: authentication required$/,
    });
    assert.equal(server.asked.length, 2);
  });
});

describe('blobs', () => {
  const send: Answer = ({ headers }, response) => {
    const start = startOf(headers.range);
    const range = { 'content-range': `bytes ${start}-${BLOB.length - 1}/${BLOB.length}` };
    response.writeHead(start === 0 ? 200 : 206, start === 0 ? {} : range).end(BLOB.subarray(start));
  };
  /** Sends some bytes and cuts. */
  const cut =
    (bytes: number): Answer =>
    ({ headers }, response) => {
      const start = startOf(headers.range);
      const status = start === 0 ? 200 : 206;
      response.writeHead(status, {
        'content-length': BLOB.length - start,
        'content-range': `bytes ${start}-${BLOB.length - 1}/${BLOB.length}`,
      });
      response.write(BLOB.subarray(start, start + bytes), () => response.destroy());
    };

  test('go on where the connection was cut, as often as it is, if there is progress', async (t) => {
    const server = await serve(t, (...args) => (args[2] <= 6 ? cut(1000)(...args) : send(...args)));
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', undefined);
    assert.deepEqual(await collect(repository.blob(freshCtx(), blobOf(BLOB), 0)), BLOB);
    const starts = server.asked.map(({ headers }) => startOf(headers.range));
    assert.deepEqual(
      starts,
      starts.toSorted((a, b) => a - b),
    );
    assert.equal(starts.at(-1), 6000);
  });

  test('begin at an offset', async (t) => {
    const server = await serve(t, send);
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', undefined);
    assert.deepEqual(await collect(repository.blob(freshCtx(), blobOf(BLOB), 9_000)), BLOB.subarray(9_000));
    assert.equal(server.asked[0]?.headers.range, 'bytes=9000-');
  });

  test('of a server that knows no ranges are read from the start, and come once', async (t) => {
    const server = await serve(t, (_, response) => void response.writeHead(200).end(BLOB));
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', undefined);
    assert.deepEqual(await collect(repository.blob(freshCtx(), blobOf(BLOB), 9_000)), BLOB.subarray(9_000));
  });

  test('of a server that goes on elsewhere are refused', async (t) => {
    const server = await serve(t, (_, response) => {
      response
        .writeHead(206, { 'content-range': `bytes 5-${BLOB.length - 1}/${BLOB.length}` })
        .end(BLOB.subarray(5));
    });
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', undefined);
    await assert.rejects(
      collect(repository.blob(freshCtx(), blobOf(BLOB), 9_000)),
      /does not go on at byte 9000/,
    );
  });

  test('of a trickle, of a server that falls silent: cut, and taken from the next endpoint without loss', async (t) => {
    const slow = await serve(t, async (_, response) => {
      response.writeHead(200, { 'content-length': BLOB.length });
      for (let at = 0; at < 200 && !response.destroyed; at += 1) {
        response.write(BLOB.subarray(at, at + 1));
        await sleep(20);
      }
    });
    const fast = await serve(t, send);
    const repository = clientOf(t, slow, fast).repository(`${slow.host}/a`, 'pull', undefined);
    assert.deepEqual(await collect(repository.blob(freshCtx(), blobOf(BLOB), 0)), BLOB);
    assert.ok(startOf(fast.asked[0]?.headers.range) > 0);
    const alone = clientOf(t, slow).repository(`${slow.host}/a`, 'pull', undefined);
    await assert.rejects(collect(alone.blob(freshCtx(AbortSignal.timeout(700)), blobOf(BLOB), 0)), {
      code: 'deadline-exceeded',
    });
  });

  test('a reader who is slow is no reason to cut', async (t) => {
    const server = await serve(t, send);
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', undefined);
    const chunks = [];
    for await (const chunk of repository.blob(freshCtx(), blobOf(BLOB), 0)) {
      chunks.push(chunk);
      await sleep(500);
    }
    assert.deepEqual(Buffer.concat(chunks), BLOB);
    assert.equal(server.asked.length, 1);
  });

  test('a redirect to another host takes no authorisation along', async (t) => {
    const elsewhere = await serve(t, send);
    const server = await serve(t, ({ headers }, response) => {
      if (headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else response.writeHead(307, { location: `${elsewhere.url}/blob?signature=1` }).end();
    });
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', bob);
    assert.deepEqual(await collect(repository.blob(freshCtx(), blobOf(BLOB), 0)), BLOB);
    assert.match(server.asked.at(-1)?.headers.authorization ?? '', /^Basic /);
    assert.deepEqual(
      elsewhere.asked.map(({ headers }) => headers.authorization),
      [undefined],
    );
  });

  test('a challenge of another host is not answered', async (t) => {
    const thief = await serve(t, (_, response) =>
      json(response, {}, { status: 401, headers: { 'www-authenticate': 'Basic realm="give"' } }),
    );
    const server = await serve(
      t,
      (_, response) => void response.writeHead(307, { location: thief.url }).end(),
    );
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', bob);
    await assert.rejects(collect(repository.blob(freshCtx(), blobOf(BLOB), 0)), {
      code: 'permission-denied',
    });
    assert.ok(thief.asked.every(({ headers }) => headers.authorization === undefined));
  });

  test('a ring of redirects ends', async (t) => {
    const server = await serve(
      t,
      ({ url }, response) => void response.writeHead(302, { location: url }).end(),
    );
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', undefined);
    await assert.rejects(
      collect(repository.blob(freshCtx(), blobOf(BLOB), 0)),
      /redirects more than 10 times/,
    );
  });

  test('a client that leaves ends it', async (t) => {
    const server = await serve(t, (_, response) => {
      response.writeHead(200, { 'content-length': BLOB.length }).write(BLOB.subarray(0, 10));
    });
    const abort = new AbortController();
    const repository = clientOf(t, server).repository(`${server.host}/a`, 'pull', undefined);
    const reading = collect(repository.blob(freshCtx(abort.signal), blobOf(BLOB), 0));
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(reading, { code: 'canceled' });
  });
});
