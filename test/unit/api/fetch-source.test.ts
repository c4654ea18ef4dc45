import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import { fetchSource, sourceUrl } from '../../../daemon/api/docker/fetch-source.ts';

const ctx = makeCtx(silentLog);

async function served(t: TestContext): Promise<string> {
  const server = createServer((request, answer) => {
    if (request.url === '/there') answer.writeHead(302, { location: '/tar' }).end();
    else if (request.url === '/tar') answer.end('archive');
    else answer.writeHead(404).end('no');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('an archive is fetched from its URL, of http unless it says otherwise, through redirects', async (t) => {
  const host = await served(t);
  for (const source of [`http://${host}/tar`, `${host}/there`]) {
    const { body, totalBytes } = await fetchSource(ctx, sourceUrl(source));
    assert.deepEqual([String(await buffer(body)), totalBytes], ['archive', 7]);
  }
});

test('what is not there, and who does not answer, is told with the URL but not its query', async (t) => {
  const host = await served(t);
  await assert.rejects(fetchSource(ctx, sourceUrl(`${host}/gone?key=1`)), {
    code: 'not-found',
    message: `failed to GET http://${host}/gone with status 404 Not Found: no`,
  });
  await assert.rejects(fetchSource(ctx, sourceUrl('http://127.0.0.1:1/x?key=1')), {
    code: 'internal',
    message: /^Get "http:\/\/127.0.0.1:1\/x": /,
  });
});

for (const wrong of ['ftp://x/y', 'file:///etc/passwd', 'http://'])
  test(`"${wrong}" is no source`, () => {
    assert.throws(() => sourceUrl(wrong), { code: 'invalid-argument' });
  });
