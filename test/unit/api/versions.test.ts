import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeDoor } from '../../lib/fake-daemon.ts';

const NEW = 'Maximum supported API version is 1.51';
const OLD = 'Minimum supported API version is 1.24, please upgrade your client to a newer version';

test('a path names the version, or leaves it out', async (t) => {
  const { app } = await fakeDoor(t);
  const cases: [url: string, status: number, message: string | undefined][] = [
    ['/version', 200, undefined],
    ['/v1.24/version', 200, undefined],
    ['/v1.51/version', 200, undefined],
    ['/v1.52/version', 400, `client version 1.52 is too new. ${NEW}`],
    ['/v1.99/version', 400, `client version 1.99 is too new. ${NEW}`],
    ['/v2.0/version', 400, `client version 2.0 is too new. ${NEW}`],
    ['/v1.1000/version', 400, `client version 1.1000 is too new. ${NEW}`],
    ['/v1.51/nowhere', 404, 'page not found'],
    ['/v9.99/nowhere', 404, 'page not found'],
    ['/nowhere', 404, 'page not found'],
    ['/v1.51', 404, 'page not found'],
  ];
  for (const [url, status, message] of cases) {
    const answer = await app.inject({ url });
    assert.equal(answer.statusCode, status, url);
    if (message !== undefined) assert.deepEqual(answer.json(), { message }, url);
  }
});

test('clients from before 1.24 get plain text', async (t) => {
  const { app } = await fakeDoor(t);
  for (const version of ['1.10', '1.23', '0.9', '1.5']) {
    const answer = await app.inject({ url: `/v${version}/info` });
    assert.equal(answer.statusCode, 400);
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(answer.body, `client version ${version} is too old. ${OLD}\n`);
  }
});

test('a method that a path does not take is a missing page', async (t) => {
  const { app } = await fakeDoor(t);
  const wrong = [
    ['DELETE', '/version'],
    ['POST', '/containers/json'],
    ['GET', '/containers/create'],
    ['PUT', '/info'],
    ['HEAD', '/version'],
  ] as const;
  for (const [method, url] of wrong) {
    const answer = await app.inject({ method, url });
    assert.equal(answer.statusCode, 404, `${method} ${url}`);
  }
});

test('every answer says who speaks', async (t) => {
  const { app } = await fakeDoor(t);
  for (const url of ['/_ping', '/version', '/nowhere', '/v1.99/info', '/containers/none/json']) {
    const { headers } = await app.inject({ url });
    assert.equal(headers['api-version'], '1.51', url);
    assert.equal(headers['ostype'], 'linux');
    assert.equal(headers['docker-experimental'], 'false');
    assert.match(String(headers['server']), /^Docker\/[\d.]+ \(linux\)$/);
  }
});

test('ping answers GET and HEAD', async (t) => {
  const { app } = await fakeDoor(t);
  const get = await app.inject({ url: '/_ping' });
  assert.equal(get.body, 'OK');
  const head = await app.inject({ method: 'HEAD', url: '/v1.40/_ping' });
  assert.equal(head.statusCode, 200);
  for (const { headers } of [get, head]) {
    assert.equal(headers['cache-control'], 'no-cache, no-store, must-revalidate');
    assert.equal(headers['pragma'], 'no-cache');
    assert.equal(headers['swarm'], 'inactive');
    assert.equal(headers['builder-version'], '1');
  }
});

test('an error is JSON of the type that clients compare with', async (t) => {
  const { app } = await fakeDoor(t);
  const answer = await app.inject({ url: '/containers/none/json' });
  assert.equal(answer.statusCode, 404);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.body, '{"message":"No such container: none"}\n');
});
