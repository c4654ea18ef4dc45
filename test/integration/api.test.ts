import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { rest, type Answer } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

daemonSuite('api', (daemon) => {
  const get = (path: string): Promise<Answer> => rest(daemon().socket, 'GET', { path });
  const message = async (path: string): Promise<[number, string]> => {
    const answer = await get(path);
    return [answer.status, answer.json<{ message: string }>().message];
  };

  test('_ping', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await rest(daemon().socket, method, { path: '/_ping' });
      const { headers } = answer;
      assert.deepEqual(
        [
          answer.status,
          answer.text,
          headers['ostype'],
          headers['docker-experimental'],
          headers['cache-control'],
        ],
        [200, method === 'GET' ? 'OK' : '', 'linux', 'false', 'no-cache, no-store, must-revalidate'],
      );
      assert.match(headers['api-version']?.toString() ?? '', /^1\.\d+$/);
      assert.match(headers.server?.toString() ?? '', /^Docker\/.* \(linux\)$/);
    }
  });

  test('versions: with and without prefix, too old, too new, unknown', async () => {
    assert.equal((await get('/version')).status, 200);
    assert.equal((await get('/v1.24/version')).status, 200);
    assert.equal((await get('/v1.41/containers/json')).text, (await get('/containers/json')).text);
    const [tooNew, newText] = await message('/v1.99/version');
    assert.equal(tooNew, 400);
    assert.match(newText, /client version 1\.99 is too new\. Maximum supported API version is 1\.\d+/);
    // Docker answers clients from before JSON errors in plain text.
    const tooOld = await get('/v1.10/version');
    assert.equal(tooOld.status, 400);
    assert.match(tooOld.text, /client version 1\.10 is too old\. Minimum supported API version is 1\.\d+/);
    assert.deepEqual(await message('/nosuch'), [404, 'page not found']);
  });

  test('errors are {"message"}', async () => {
    assert.deepEqual(await message('/containers/nosuch/json'), [404, 'No such container: nosuch']);
    const [status, text] = await message('/images/nosuch/json');
    assert.equal(status, 404);
    assert.match(text, /No such image: nosuch:latest$/);
    const body = { Image: 'nosuch' };
    const create = await rest(daemon().socket, 'POST', { path: '/containers/create', body });
    assert.deepEqual([create.status, create.json()], [404, { message: 'No such image: nosuch:latest' }]);
    const malformed = await rest(daemon().socket, 'POST', { path: '/containers/create', body: 'text' });
    assert.equal(malformed.status, 400);
    const name = await rest(daemon().socket, 'POST', {
      path: '/containers/create?name=%2Fa%20b',
      body: { Image: 'busybox' },
    });
    assert.equal(name.status, 400);
    assert.match(name.json<{ message: string }>().message, /Invalid container name/);
  });

  test('info and version say what runs', async () => {
    const version = (await get('/version')).json<Record<string, string>>();
    for (const key of ['Version', 'ApiVersion', 'MinAPIVersion', 'Os', 'Arch', 'KernelVersion']) {
      assert.equal(typeof version[key], 'string', key);
    }
    const info = (await get('/info')).json<Record<string, unknown>>();
    assert.equal(info['DockerRootDir'], daemon().dataRoot);
    assert.equal(info['Containers'], 0);
    assert.equal(info['Images'], 1);
    assert.match(await daemon().dockerOk('version'), /Server:/);
    assert.match(await daemon().dockerOk('info'), /Storage Driver: overlay/);
  });

  test('filters come as lists or as maps', async () => {
    const id = await daemon().dockerOk('create', '--label', 'a=b', 'busybox', 'true');
    for (const filters of [{ label: ['a=b'] }, { label: { 'a=b': true } }]) {
      const path = `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify(filters))}`;
      assert.deepEqual(
        (await get(path)).json<{ Id: string }[]>().map(({ Id }) => Id),
        [id],
      );
    }
    assert.equal((await get('/containers/json?filters=%7B')).status, 400);
  });

  test('the socket is for its group only', async () => {
    const { mode } = await stat(daemon().socket);
    assert.equal((mode & 0o777).toString(8), '660');
  });
});
