import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeConfig } from '../../../daemon/config.ts';
import type { Value } from '../../../daemon/config/options.ts';
import { openRegistries } from '../../../daemon/registries.ts';
import { sha256 } from '../../../image/digest.ts';
import { fakeDoor } from '../../lib/fake-daemon.ts';
import { testStore } from '../../lib/image-store.ts';
import { pullFrom } from '../../lib/pulling.ts';
import { requires } from '../../lib/requires.ts';
import { json, serve } from '../image/registry/server.ts';

const registriesOf = (values: Record<string, Value>) =>
  makeConfig(new Map(Object.entries(values)), new Map()).registries;

test('info tells of the registries of the configuration', async (t) => {
  const told = async (values: Record<string, Value>): Promise<object> => {
    const { app } = await fakeDoor(t, registriesOf(values));
    return (await app.inject({ url: '/v1.51/info' })).json<{ RegistryConfig: object }>().RegistryConfig;
  };
  const loopback = ['::1/128', '127.0.0.0/8'];
  const hub = { Name: 'docker.io', Mirrors: [], Secure: true, Official: true };
  assert.deepEqual(await told({}), {
    InsecureRegistryCIDRs: loopback,
    IndexConfigs: { 'docker.io': hub },
    Mirrors: [],
  });
  const mirrors = ['https://one.example/', 'http://two.example:5000/'];
  assert.deepEqual(
    await told({
      'registry-mirrors': ['https://one.example', 'http://two.example:5000/'],
      'insecure-registries': ['10.1.2.3/8', 'plain.example:5000', '127.0.0.0/8'],
    }),
    {
      InsecureRegistryCIDRs: ['10.0.0.0/8', '127.0.0.0/8', '::1/128'],
      IndexConfigs: {
        'plain.example:5000': { Name: 'plain.example:5000', Mirrors: [], Secure: false, Official: false },
        'docker.io': { ...hub, Mirrors: mirrors },
      },
      Mirrors: mirrors,
    },
  );
});

test('a layer is tried as often as max-download-attempts says', requires('root'), async (t) => {
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha256('layer'), size: 5 };
  const rootfs = { type: 'layers', diff_ids: [layer.digest] };
  const config = JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const described = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256(config) };
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: { ...described, size: config.length },
    layers: [layer],
  };
  const server = await serve(t, ({ url }, response) => {
    if (url.endsWith('/manifests/1')) json(response, manifest, { headers: { 'content-type': mediaType } });
    else if (url.endsWith(sha256(config))) response.writeHead(200).end(config);
    else response.writeHead(503).end();
  });
  const directory = await mkdtemp('/tmp/registry.d-');
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, `${server.host}.json`), JSON.stringify({ server: server.url }));
  const configured = { ...registriesOf({ 'max-download-attempts': 2 }), directory };
  const registries = openRegistries(() => configured);
  t.after(() => registries.registry.close());
  const store = await testStore(t, undefined, registries);
  await assert.rejects(pullFrom({ store, ctx: store.ctx }, `${server.host}/a:1`), /503/);
  assert.equal(server.asked.filter(({ url }) => url.endsWith(layer.digest)).length, 2);
});
