import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { makeCtx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import { sha256 } from '../../image/digest.ts';
import { makeRegistryClient, type ClosableClient } from '../../image/registry/client.ts';
import type { Credentials } from '../../image/registry/contract.ts';
import { makeRegistryHosts } from '../../image/registry/hosts.ts';
import { Readable } from 'node:stream';
import { ended, eventually, execOk, start } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const bob: Credentials = { username: 'bob', password: 'secret' };

interface Place {
  readonly host: string;
  readonly directory: string;
  readonly client: ClosableClient;
}

/** Debian's docker-registry, which wants a password, or TLS with a certificate that only `ca.crt` vouches for. */
async function registry(t: TestContext, kind: 'password' | 'tls'): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'registry-'));
  const port = await freePort();
  const config = [
    'version: 0.1',
    'log: {level: error}',
    `storage: {filesystem: {rootdirectory: ${directory}/data}}`,
    `http: {addr: "127.0.0.1:${port}"${kind === 'tls' ? `, tls: {certificate: ${directory}/c.pem, key: ${directory}/k.pem}` : ''}}`,
    ...(kind === 'password' ? [`auth: {htpasswd: {realm: x, path: ${directory}/passwords}}`] : []),
  ];
  await writeFile(join(directory, 'config.yml'), `${config.join('\n')}\n`);
  if (kind === 'password') {
    await writeFile(join(directory, 'passwords'), await execOk(['htpasswd', '-Bbn', 'bob', 'secret']));
  } else {
    const request = [
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=registry',
    ];
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1'];
    await execOk([...request, ...names, '-keyout', `${directory}/k.pem`, '-out', `${directory}/c.pem`]);
  }
  const child = start(['docker-registry', 'serve', join(directory, 'config.yml')], { stdio: 'ignore' });
  const host = `127.0.0.1:${port}`;
  const client = makeRegistryClient({
    hosts: makeRegistryHosts({ mirrors: [], insecure: [], directory, certificates: directory }),
  });
  t.after(async () => {
    client.close();
    child.kill('SIGKILL');
    await ended(child);
    await rm(directory, { recursive: true, force: true });
  });
  await eventually('the registry listens', () => listens(port));
  return { host, directory, client };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const listens = async (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    void import('node:net').then(({ connect }) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      }).on('error', () => resolve(false));
    });
  });

const ctx = makeCtx(silentLog);

/** Puts an image of one layer there, and reads it back. */
async function roundTrip({ client, host }: Place, credentials: Credentials | undefined): Promise<void> {
  const repository = client.repository(`${host}/a/b`, 'push', credentials);
  const [layer, config] = [
    Buffer.alloc(100_000, 'layer'),
    Buffer.from('{"rootfs":{"type":"layers","diff_ids":[]}}'),
  ];
  const descriptors = [];
  for (const [data, kind] of [
    [config, 'config.v1+json'],
    [layer, 'layer.v1.tar'],
  ] as const) {
    const blob = { mediaType: `application/vnd.oci.image.${kind}`, digest: sha256(data), size: data.length };
    assert.equal(await repository.hasBlob(ctx, blob.digest), false);
    await repository.uploadBlob(
      ctx,
      blob,
      (offset) => Readable.from([data.subarray(offset)]),
      () => {},
    );
    assert.equal(await repository.hasBlob(ctx, blob.digest), true);
    descriptors.push(blob);
  }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, config: descriptors[0], layers: [descriptors[1]] }),
  );
  const manifest = { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
  await repository.putManifest(ctx, '1', manifest);
  const reader = client.repository(`${host}/a/b`, 'pull', credentials);
  assert.deepEqual((await reader.manifest(ctx, '1')).descriptor, manifest.descriptor);
  assert.deepEqual(await reader.manifestDescriptor(ctx, '1'), manifest.descriptor);
  assert.equal(await reader.manifestDescriptor(ctx, '2'), undefined);
  assert.deepEqual(await reader.tags(ctx), ['1']);
  const read = [];
  for await (const chunk of reader.blob(ctx, descriptors[1] ?? assert.fail(), 0)) read.push(chunk);
  assert.deepEqual(Buffer.concat(read), layer);
  const other = client.repository(`${host}/c`, 'push', credentials);
  assert.equal(await other.mountBlob(ctx, sha256(layer), 'a/b'), true);
  assert.equal(await other.hasBlob(ctx, sha256(layer)), true);
}

describe('a real registry', requires('docker-registry', 'htpasswd', 'openssl'), () => {
  test('that wants a password', async (t) => {
    const place = await registry(t, 'password');
    const { client, host } = place;
    await assert.rejects(client.login(ctx, host, { ...bob, password: 'wrong' }), /unauthorized/);
    assert.deepEqual(await client.login(ctx, host, bob), { identityToken: '' });
    const nobody = client.repository(`${host}/a/b`, 'push', undefined);
    await assert.rejects(nobody.hasBlob(ctx, sha256('x')), { message: 'no basic auth credentials' });
    await roundTrip(place, bob);
  });

  test('with TLS, whose certificate nobody vouches for, on this machine', async (t) => {
    await roundTrip(await registry(t, 'tls'), undefined);
  });

  test('with TLS elsewhere is only believed with its authority', async (t) => {
    const { host, directory } = await registry(t, 'tls');
    const port = host.split(':')[1];
    const named = join(directory, `${host}.json`);
    // A file that names the server takes it out of what is insecure.
    for (const [content, expected] of [
      [{ server: `https://127.0.0.1:${port}` }, /self-signed certificate/],
      [{ server: `https://127.0.0.1:${port}`, ca: `${directory}/c.pem` }, undefined],
    ] as const) {
      await writeFile(named, JSON.stringify(content));
      const hosts = makeRegistryHosts({ mirrors: [], insecure: [], directory, certificates: directory });
      const client = makeRegistryClient({ hosts, limits: { attempts: 1 } });
      t.after(() => client.close());
      if (expected === undefined) await roundTrip({ client, host, directory }, undefined);
      else await assert.rejects(client.repository(`${host}/a`, 'pull', undefined).tags(ctx), expected);
    }
  });
});
