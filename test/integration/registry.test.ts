import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { makeCtx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import { sha256 } from '../../image/digest.ts';
import { makeRegistryClient, type ClosableClient } from '../../image/registry/client.ts';
import type { Credentials } from '../../image/registry/contract.ts';
import { makeRegistryHosts } from '../../image/registry/hosts.ts';
import { Readable } from 'node:stream';
import { startRegistry, type RegistryOptions } from '../lib/registry.ts';
import { requires } from '../lib/requires.ts';

const user: Credentials = { username: 'user', password: 'secret' };

interface Place {
  readonly host: string;
  readonly directory: string;
  /** Whose certificate vouches for it. */
  readonly authority: string;
  readonly client: ClosableClient;
}

/** One that wants a password, or TLS with a certificate that only its `ca.crt` vouches for. */
async function place(t: TestContext, options: RegistryOptions): Promise<Place> {
  const { host, work, certificates } = await startRegistry(t, options);
  const hosts = makeRegistryHosts({ mirrors: [], insecure: [], directory: work, certificates: work });
  const client = makeRegistryClient({ hosts });
  t.after(() => client.close());
  return { host, directory: work, authority: join(certificates, host, 'ca.crt'), client };
}

const ctx = makeCtx(silentLog);

/** Puts an image of one layer there, and reads it back. */
async function roundTrip(
  { client, host }: Pick<Place, 'client' | 'host'>,
  credentials: Credentials | undefined,
): Promise<void> {
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

describe('a real registry', requires('docker-registry', 'openssl'), () => {
  test('that wants a password', async (t) => {
    const at = await place(t, { auth: 'password' });
    const { client, host } = at;
    await assert.rejects(client.login(ctx, host, { ...user, password: 'wrong' }), /unauthorized/);
    assert.deepEqual(await client.login(ctx, host, user), { identityToken: '' });
    const nobody = client.repository(`${host}/a/b`, 'push', undefined);
    await assert.rejects(nobody.hasBlob(ctx, sha256('x')), { message: 'no basic auth credentials' });
    await roundTrip(at, user);
  });

  test('with TLS, whose certificate nobody vouches for, on this machine', async (t) => {
    await roundTrip(await place(t, { tls: true }), undefined);
  });

  test('with TLS elsewhere is only believed with its authority', async (t) => {
    const { host, directory, authority } = await place(t, { tls: true });
    const port = host.split(':')[1];
    const named = join(directory, `${host}.json`);
    // A file that names the server takes it out of what is insecure.
    for (const [content, expected] of [
      [{ server: `https://127.0.0.1:${port}` }, /self-signed certificate/],
      [{ server: `https://127.0.0.1:${port}`, ca: authority }, undefined],
    ] as const) {
      await writeFile(named, JSON.stringify(content));
      const hosts = makeRegistryHosts({ mirrors: [], insecure: [], directory, certificates: directory });
      const client = makeRegistryClient({ hosts, limits: { attempts: 1 } });
      t.after(() => client.close());
      if (expected === undefined) await roundTrip({ client, host }, undefined);
      else await assert.rejects(client.repository(`${host}/a`, 'pull', undefined).tags(ctx), expected);
    }
  });
});
