import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCtx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import type { Credentials } from '../../image/registry/contract.ts';
import { startProxy } from '../lib/fault-proxy.ts';
import { layer, type ImageParts } from '../lib/image-archives.ts';
import { execOk } from '../lib/process.ts';
import { app, base, load, push, pushingStore } from '../lib/pushing.ts';
import { startRegistry } from '../lib/registry.ts';
import { requires } from '../lib/requires.ts';

function fails(answer: ServerResponse): true {
  answer.writeHead(500).end();
  return true;
}

const SECRET: Credentials = { username: 'user', password: 'secret' };

test(
  'a registry with a password takes it, and says so to whoever has none',
  requires('root', 'docker-registry', 'skopeo'),
  async (t) => {
    const { host } = await startRegistry(t, { auth: 'password' });
    const store = await pushingStore(t);
    const name = `${host}/a/app:1`;
    await load(store, { image: app, name, how: 'gzip', kept: true });
    for (const credentials of [undefined, { username: 'user', password: 'wrong' }]) {
      const pushing = push(store, name, credentials === undefined ? {} : { credentials });
      await assert.rejects(pushing, {
        code: 'permission-denied',
        message: /^unauthorized: authentication required|no basic auth credentials/,
      });
    }
    assert.deepEqual(store.images.get(name).digests, []);
    const { digest } = await push(store, name, { credentials: SECRET });
    const inspect = [
      'skopeo',
      'inspect',
      '--tls-verify=false',
      '--creds',
      'user:secret',
      '--format',
      '{{.Digest}}',
    ];
    assert.equal(await execOk([...inspect, `docker://${name}`]), digest);
  },
);

test(
  'a registry with TLS is trusted by its authority only',
  requires('root', 'docker-registry', 'skopeo', 'openssl'),
  async (t) => {
    const { host, work, certificates } = await startRegistry(t, { tls: true });
    const directory = join(work, 'registry.d');
    await mkdir(directory);
    // On this machine a registry need not be vouched for, unless it is named.
    await writeFile(join(directory, `${host}.json`), JSON.stringify({ server: `https://${host}` }));
    const name = `${host}/a/app:1`;
    const stranger = await pushingStore(t, { directory });
    await load(stranger, { image: app, name, how: 'gzip', kept: true });
    await assert.rejects(push(stranger, name), { code: 'unavailable', message: /certificate/ });
    const store = await pushingStore(t, { directory, certificates });
    await load(store, { image: app, name, how: 'gzip', kept: true });
    const { digest } = await push(store, name);
    const inspect = ['skopeo', 'inspect', '--cert-dir', join(certificates, host), '--format', '{{.Digest}}'];
    assert.equal(await execOk([...inspect, `docker://${name}`]), digest);
  },
);

const large: ImageParts = { layers: [layer({ name: 'large', data: randomBytes(3 << 20) }), base] };

test(
  'uploads that are cut, and a registry that breaks now and then, only cost time',
  requires('root', 'docker-registry', 'skopeo'),
  async (t) => {
    const registry = await startRegistry(t);
    const proxy = await startProxy(t, registry);
    // One blob may meet with all that goes wrong.
    const store = await pushingStore(t, { attempts: 10 });
    const name = `${proxy.host}/a/large:1`;
    await load(store, { image: large, name, how: 'gzip', kept: true });
    const broken = new Set<string>();
    let cuts = 0;
    proxy.decide = ({ method = '', url = '' }, answer) => {
      const path = url.split('?', 1)[0] ?? '';
      const kind = `${method} ${path.replace(/[^/]*$/, '')}`;
      // The first of each kind, and two more of those that carry bytes.
      if (!broken.has(kind)) {
        broken.add(kind);
        return fails(answer);
      }
      if ((method === 'PUT' || method === 'PATCH') && path.includes('/uploads/') && cuts < 2) {
        cuts += 1;
        return { cutAfterBytes: 20_000 };
      }
      return false;
    };
    const { digest } = await push(store, name);
    assert.equal(cuts, 2);
    await execOk([
      'skopeo',
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${registry.host}/a/large@${digest}`,
      `dir:${registry.work}/d`,
    ]);
  },
);

test('a push that failed is continued by the next', requires('root', 'docker-registry'), async (t) => {
  const registry = await startRegistry(t);
  const proxy = await startProxy(t, registry);
  const store = await pushingStore(t);
  const name = `${proxy.host}/a/large:1`;
  await load(store, { image: large, name, how: 'none', kept: false });
  proxy.decide = ({ method, url = '' }, answer) =>
    method === 'PUT' && url.includes('/manifests/') && fails(answer);
  await assert.rejects(push(store, name), { code: 'unavailable' });
  assert.deepEqual(store.images.get(name).digests, []);
  assert.ok(!store.events.some((event) => event.startsWith('push')));
  proxy.decide = () => false;
  proxy.asked.length = 0;
  const { said, digest } = await push(store, name);
  assert.deepEqual(
    proxy.asked.filter((asked) => /^(POST|PATCH)/.test(asked)),
    [],
  );
  assert.equal(said.filter((text) => text === 'Layer already exists').length, 2);
  assert.deepEqual(store.images.get(name).digests, [`${proxy.host}/a/large@${digest}`]);
});

test(
  'a push that is cancelled stops, and the next one ends well',
  requires('root', 'docker-registry'),
  async (t) => {
    const registry = await startRegistry(t);
    const proxy = await startProxy(t, registry);
    const store = await pushingStore(t);
    const name = `${proxy.host}/a/large:1`;
    await load(store, { image: large, name, how: 'gzip', kept: true });
    const abort = new AbortController();
    const ctx = makeCtx(silentLog, abort.signal);
    await assert.rejects(push(store, name, { ctx, onBar: () => abort.abort() }), { code: 'canceled' });
    const asked = proxy.asked.length;
    assert.ok(!proxy.asked.some((request) => request.includes('/manifests/')));
    const { digest } = await push(store, name);
    assert.ok(proxy.asked.length > asked);
    assert.deepEqual(store.images.get(name).digests, [`${proxy.host}/a/large@${digest}`]);
  },
);
