import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { listDocument } from '../../../cli/manifest/document.ts';
import {
  readList,
  readListed,
  removeList,
  writeListed,
  type ListedManifest,
  type ListedPlatform,
} from '../../../cli/manifest/lists.ts';
import { manifestName } from '../../../cli/manifest/name.ts';
import { sha256 } from '../../../image/digest.ts';
import { DOCKER_MANIFEST, OCI_MANIFEST } from '../../../image/manifest.ts';

/** Docker's directory of settings, until the test ends. */
async function settings(t: TestContext): Promise<string> {
  const directory = await mkdtemp('/tmp/w-');
  const before = process.env['DOCKER_CONFIG'];
  process.env['DOCKER_CONFIG'] = directory;
  t.after(async () => {
    if (before === undefined) delete process.env['DOCKER_CONFIG'];
    else process.env['DOCKER_CONFIG'] = before;
    await rm(directory, { recursive: true });
  });
  return join(directory, 'manifests');
}

const MANIFEST = { schemaVersion: 2, note: '<&>' };

function listed(Ref: string, platform?: ListedPlatform, mediaType = DOCKER_MANIFEST): ListedManifest {
  const bytes = Buffer.from(JSON.stringify(MANIFEST, undefined, 3));
  return {
    Ref,
    Descriptor: {
      ...{ mediaType, digest: sha256(bytes), size: bytes.length },
      ...(platform === undefined ? {} : { platform }),
    },
    Raw: bytes.toString('base64'),
    SchemaV2Manifest: MANIFEST,
  };
}

const LINUX: ListedPlatform = { architecture: 'amd64', os: 'linux' };

test('names are complete, and say what the registry is asked for', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const cases: [given: string, text: string, host: string, path: string, reference: string][] = [
    ['busybox', 'docker.io/library/busybox:latest', 'docker.io', 'library/busybox', 'latest'],
    ['index.docker.io/a/b:1', 'docker.io/a/b:1', 'docker.io', 'a/b', '1'],
    ['localhost:5000/b', 'localhost:5000/b:latest', 'localhost:5000', 'b', 'latest'],
    [`x.y/b@${digest}`, `x.y/b@${digest}`, 'x.y', 'b', digest],
    [`x.y/b:2@${digest}`, `x.y/b:2@${digest}`, 'x.y', 'b', '2'],
  ];
  for (const [given, text, host, path, reference] of cases) {
    const name = manifestName(given);
    assert.deepEqual([name.text, name.host, name.path, name.reference], [text, host, path, reference]);
    assert.equal(name.repository, `${host}/${path}`);
  }
});

test("a manifest of a list lies where docker's client has it, as that writes it", async (t) => {
  const directory = await settings(t);
  const [list, ref] = ['docker.io/library/x:1', 'localhost:5000/a/b:2'];
  assert.equal(readList(list), undefined);
  writeListed(list, ref, listed(ref, LINUX));
  writeListed(list, 'localhost:5000/a/a:2', listed('localhost:5000/a/a:2'));
  assert.deepEqual(await readdir(directory), ['docker.io_library_x-1']);
  const path = join(directory, 'docker.io_library_x-1', 'localhost-5000_a_b-2');
  const { digest, size } = listed(ref).Descriptor;
  const raw = listed(ref).Raw ?? '';
  assert.equal(
    await readFile(path, 'utf8'),
    `{"Ref":"${ref}","Descriptor":{"mediaType":"${DOCKER_MANIFEST}","digest":"${digest}","size":${size},` +
      `"platform":{"architecture":"amd64","os":"linux"}},"Raw":"${raw}",` +
      String.raw`"SchemaV2Manifest":{"schemaVersion":2,"note":"\u003c\u0026\u003e"}}`,
  );
  assert.deepEqual(readListed(list, ref), listed(ref, LINUX));
  assert.equal(readListed(list, 'localhost:5000/a/c:2'), undefined);
  assert.deepEqual(
    readList(list)?.map(({ Ref }) => Ref),
    ['localhost:5000/a/a:2', ref],
  );
  for (const damaged of ['{', 'null', '{"Ref":"a"}', `{"Ref":"${ref}","Descriptor":{"digest":"../x"}}`]) {
    await writeFile(path, damaged);
    assert.throws(
      () => readList(list),
      /^WherryError: invalid manifest file .*localhost-5000_a_b-2: /,
      damaged,
    );
  }
  removeList(list);
  assert.deepEqual(await readdir(directory), []);
  removeList(list);
});

test('the document of a list is byte by byte that of docker', () => {
  const list = manifestName('x.y/list');
  const entry = (platform: string, mediaType = DOCKER_MANIFEST): string => {
    const { digest, size } = listed('x.y/a:1').Descriptor;
    return `
      {
         "mediaType": "${mediaType}",
         "size": ${size},
         "digest": "${digest}",
         "platform": {
            ${platform}
         }
      }`;
  };
  const whole = (mediaType: string, entries: readonly string[]): string => `{
   "schemaVersion": 2,
   "mediaType": "${mediaType}",
   "manifests": [${entries.join(',')}${entries.length === 0 ? '' : '\n   '}]
}`;
  const windows: ListedPlatform = {
    variant: 'v1',
    'os.features': ['a', 'b'],
    'os.version': '10 <',
    os: 'windows',
    architecture: 'amd64',
  };
  const linuxText = '"architecture": "amd64",\n            "os": "linux"';
  const windowsText = [
    '"architecture": "amd64"',
    '"os": "windows"',
    String.raw`"os.version": "10 \u003c"`,
    '"os.features": [\n               "a",\n               "b"\n            ]',
    '"variant": "v1"',
  ].join(',\n            ');
  const [dockers, ocis] = [
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.oci.image.index.v1+json',
  ];
  const cases: [manifests: ListedManifest[], text: string][] = [
    [[], whole(dockers, [])],
    [
      [listed('x.y/a:1', LINUX), listed('x.y/b:1', windows)],
      whole(dockers, [entry(linuxText), entry(windowsText)]),
    ],
    [[listed('x.y/a:1', LINUX, OCI_MANIFEST)], whole(ocis, [entry(linuxText, OCI_MANIFEST)])],
  ];
  for (const [manifests, text] of cases) {
    const { descriptor, bytes } = listDocument(list, manifests);
    assert.equal(Buffer.from(bytes).toString(), text);
    assert.deepEqual([descriptor.digest, descriptor.size], [sha256(text), bytes.length]);
    assert.equal(descriptor.mediaType, (JSON.parse(text) as { mediaType: string }).mediaType);
  }
  assert.throws(
    () => listDocument(list, [listed('other.z/a:1', LINUX)]),
    /cannot use source images from a different registry than the target image: other.z != x.y$/,
  );
});
