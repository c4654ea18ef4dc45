import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { makeCtx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import { sha256 } from '../../image/digest.ts';
import { makeRegistryClient, type ClosableClient } from '../../image/registry/client.ts';
import type { Credentials, Descriptor, RegistryEndpoint, Repository } from '../../image/registry/contract.ts';
import { makeRegistryHosts } from '../../image/registry/hosts.ts';
import { startProxy } from '../lib/fault-proxy.ts';
import { startRegistry, type Registry } from '../lib/registry.ts';
import { requires } from '../lib/requires.ts';
import { tokenServer, type TokenServer } from '../lib/token-server.ts';

const ctx = makeCtx(silentLog);
const USER: Credentials = { username: 'user', password: 'secret' };
const LIMITS = { attempts: 3, backoffMs: 1, longestWaitMs: 50, minBytesPerSecond: 1000, windowMs: 200 };
const CONTENT = randomBytes(300_000);
const BLOB: Descriptor = { mediaType: 'application/octet-stream', digest: sha256(CONTENT), size: 300_000 };
const OCI = 'application/vnd.oci.image.manifest.v1+json';

/** Of these endpoints, or as a daemon finds them. */
function client(t: TestContext, endpoints?: readonly RegistryEndpoint[]): ClosableClient {
  const hosts =
    endpoints === undefined
      ? makeRegistryHosts({ mirrors: [], insecure: [], directory: '/nowhere', certificates: '/nowhere' })
      : { endpoints: async () => endpoints };
  const made = makeRegistryClient({ hosts, limits: LIMITS });
  t.after(() => made.close());
  return made;
}

const plain = (host: string, mirror = false): RegistryEndpoint => ({ url: `http://${host}`, mirror });

const upload = (repository: Repository): Promise<void> =>
  repository.uploadBlob(
    ctx,
    BLOB,
    (offset) => Readable.from([CONTENT.subarray(offset)]),
    () => {},
  );

async function read(repository: Repository, offset = 0): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of repository.blob(ctx, BLOB, offset)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function filled(t: TestContext): Promise<Registry> {
  const registry = await startRegistry(t);
  await upload(client(t, [plain(registry.host)]).repository(`${registry.host}/a/b`, 'push', undefined));
  return registry;
}

test(
  'tokens: who may push, who may not, and what happens when they expire',
  requires('docker-registry', 'openssl'),
  async (t) => {
    let tokens: TokenServer | undefined;
    const auth = async (work: string): Promise<string> => (tokens = await tokenServer(t, work)).auth;
    const { host } = await startRegistry(t, { auth });
    assert.ok(tokens !== undefined);
    const registry = client(t, [plain(host)]);
    const name = `${host}/a/b`;
    await upload(registry.repository(name, 'push', USER));
    assert.deepEqual(new Set(tokens.asked), new Set(['repository:a/b:pull,push']));
    await assert.rejects(upload(registry.repository(name, 'push', undefined)), {
      code: 'permission-denied',
      message: 'denied: requested access to the resource is denied',
    });
    tokens.asked.length = 0;
    const anybody = registry.repository(name, 'pull', undefined);
    const copies = await Promise.all(Array.from({ length: 8 }, () => read(anybody)));
    assert.ok(copies.every((copy) => copy.equals(CONTENT)));
    assert.deepEqual(tokens.asked, ['repository:a/b:pull'], 'one token for all');
    // A blob of another repository needs a token for both.
    assert.equal(
      await registry.repository(`${host}/a/c`, 'push', USER).mountBlob(ctx, BLOB.digest, 'a/b'),
      true,
    );
    assert.deepEqual(await registry.login(ctx, host, USER), { identityToken: 'r1' });
    await assert.rejects(registry.login(ctx, host, { ...USER, password: 'wrong' }), (error: Error) => {
      assert.match(error.message, /unauthorized: incorrect username or password/);
      assert.doesNotMatch(error.message, /wrong/);
      return true;
    });
  },
);

test(
  'row 25: what authorises goes to no other host, and to no mirror',
  requires('docker-registry'),
  async (t) => {
    const registry = await startRegistry(t, { auth: 'password' });
    const [front, storage, mirror] = [
      await startProxy(t, registry),
      await startProxy(t),
      await startProxy(t),
    ];
    await upload(client(t, [plain(front.host)]).repository(`${front.host}/a/b`, 'push', USER));
    front.decide = ({ method, url = '', headers }, answer) => {
      if (method !== 'GET' || !url.includes('/blobs/') || headers.authorization === undefined) return false;
      answer.writeHead(307, { location: `http://${storage.host}/stored?signature=x` }).end();
      return true;
    };
    storage.decide = (_, answer) => {
      answer.end(CONTENT);
      return true;
    };
    mirror.decide = (_, answer) => {
      answer.writeHead(401, { 'www-authenticate': 'Basic realm="mirror"' }).end();
      return true;
    };
    front.asked.length = 0;
    const endpoints = [plain(mirror.host, true), plain(front.host)];
    const repository = client(t, endpoints).repository(`${front.host}/a/b`, 'pull', USER);
    assert.ok((await read(repository)).equals(CONTENT));
    assert.ok(front.asked.includes(`GET /v2/a/b/blobs/${BLOB.digest} Basic`));
    assert.deepEqual(storage.asked, ['GET /stored']);
    assert.ok(mirror.asked.length > 0);
    assert.ok(
      mirror.asked.every((asked) => !/Basic|Bearer/.test(asked)),
      mirror.asked.join(),
    );
  },
);

test(
  'blobs survive cuts, servers without ranges, and ones that ask for patience',
  requires('docker-registry'),
  async (t) => {
    const registry = await filled(t);
    const front = await startProxy(t, registry);
    const repository = client(t, [plain(front.host)]).repository(`${front.host}/a/b`, 'pull', undefined);
    let turn = 0;
    front.decide = ({ headers }, answer) => {
      turn += 1;
      if (turn === 1) answer.writeHead(429, { 'retry-after': '0' }).end();
      else if (turn === 2) answer.writeHead(503).end();
      else if (turn === 3) {
        answer.writeHead(200, { 'content-length': '300000' });
        answer.write(CONTENT.subarray(0, 100_000), () => answer.destroy());
      } else if (turn === 4) {
        assert.match(headers.range ?? '', /^bytes=\d+-$/);
        answer.end(CONTENT);
      }
      return turn <= 4;
    };
    assert.ok((await read(repository)).equals(CONTENT));
    assert.equal(turn, 4);
    assert.ok(
      (await read(repository, 299_990)).equals(CONTENT.subarray(299_990)),
      'by the range of the real one',
    );
    assert.deepEqual(await read(repository, BLOB.size), Buffer.alloc(0));
  },
);

test(
  'a server that stands still is left for the next, and does not hold a pull up for ever',
  requires('docker-registry'),
  async (t) => {
    const registry = await filled(t);
    const slow = await startProxy(t, registry);
    slow.decide = (_, answer) => {
      answer.writeHead(200, { 'content-length': '300000' });
      answer.write(CONTENT.subarray(0, 10));
      return true;
    };
    const both = client(t, [plain(slow.host, true), plain(registry.host)]);
    assert.ok((await read(both.repository('x/a/b', 'pull', undefined))).equals(CONTENT));
    const alone = client(t, [plain(slow.host)]).repository('x/a/b', 'pull', undefined);
    await assert.rejects(read(alone), { code: 'deadline-exceeded' });
    assert.equal(slow.asked.length, 1 + LIMITS.attempts);
  },
);

test(
  'manifests: what is too large, of old kinds, or other than its digest is refused; a cut is mended',
  requires('docker-registry'),
  async (t) => {
    const registry = await filled(t);
    const front = await startProxy(t, registry);
    const repository = client(t, [plain(front.host)]).repository(`${front.host}/a/b`, 'push', undefined);
    const config = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: BLOB.digest,
      size: BLOB.size,
    };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI, config, layers: [] }));
    const descriptor = { mediaType: OCI, digest: sha256(bytes), size: bytes.length };
    await repository.putManifest(ctx, '1', { descriptor, bytes });
    assert.deepEqual((await repository.manifest(ctx, '1')).descriptor, descriptor);
    assert.deepEqual(await repository.manifestDescriptor(ctx, '1'), descriptor);
    assert.equal(await repository.manifestDescriptor(ctx, '2'), undefined);
    assert.deepEqual(await repository.tags(ctx), ['1']);
    assert.deepEqual(await repository.referrers(ctx, descriptor.digest), []);
    await assert.rejects(repository.manifest(ctx, '2'), {
      code: 'not-found',
      message: `manifest for ${front.host}/a/b:2 not found: manifest unknown: manifest unknown`,
    });
    let cuts = 0;
    front.decide = (_, answer) => {
      if ((cuts += 1) > 1) return false;
      answer.writeHead(200, { 'content-type': OCI, 'content-length': '1000' });
      answer.write('{', () => answer.destroy());
      return true;
    };
    assert.deepEqual((await repository.manifest(ctx, '1')).descriptor, descriptor);
    const answers = (body: Buffer, type: string): void => {
      front.decide = (_, answer) => {
        answer.writeHead(200, { 'content-type': type }).end(body);
        return true;
      };
    };
    answers(Buffer.from('{"schemaVersion":1,"fsLayers":[]}'), 'application/json');
    await assert.rejects(repository.manifest(ctx, '1'), /schema 1 support/);
    answers(Buffer.alloc((4 << 20) + 1, ' '), OCI);
    await assert.rejects(repository.manifest(ctx, '1'), { code: 'invalid-argument' });
    answers(Buffer.concat([bytes, Buffer.from(' ')]), OCI);
    await assert.rejects(repository.manifest(ctx, descriptor.digest), /manifest verification failed/);
  },
);

test(
  'a registry of this machine with TLS that nobody vouches for is taken at its word',
  requires('docker-registry', 'openssl'),
  async (t) => {
    const { host } = await startRegistry(t, { tls: true });
    const registry = client(t);
    const repository = registry.repository(`${host}/a/b`, 'push', undefined);
    // Not what its port answers to whoever speaks without TLS.
    assert.equal(await repository.hasBlob(ctx, BLOB.digest), false);
    await assert.rejects(repository.manifest(ctx, '1'), { code: 'not-found', message: /manifest unknown/ });
    await assert.rejects(read(repository), { code: 'not-found' });
    await upload(repository);
    assert.ok((await read(repository)).equals(CONTENT));
    await assert.rejects(registry.search(ctx, { term: `${host}/x`, limit: 5, credentials: undefined }), {
      code: 'not-found',
      message: `The registry "${host}" has no search`,
    });
  },
);
