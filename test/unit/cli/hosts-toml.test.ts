import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { hostsFileEndpoints } from '../../../cli/wctr/images/hosts-toml.ts';

async function directoryWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'w-hosts-'));
  t.after(() => rm(directory, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(directory, path, '..'), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return directory;
}

const FILE = `
server = "https://own.example" # the registry itself
ca = "own.pem"

[host."https://mirror.example:5000"]
  capabilities = ["pull", "resolve"]
  skip_verify = true
  client = [["a.cert", "a.key"],]

[host.'http://plain.example']
`;

describe("containerd's directory of hosts", () => {
  test('hosts come before the server, with the certificates of each', async (t) => {
    const directory = await directoryWith(t, {
      'r.example/hosts.toml': FILE,
      ...{ 'r.example/own.pem': 'CA', 'r.example/a.cert': 'CERT', 'r.example/a.key': 'KEY' },
    });
    const own = { url: 'https://own.example', mirror: false, tls: { ca: 'CA' } };
    assert.deepEqual(await hostsFileEndpoints(directory, 'r.example', 'pull'), [
      {
        url: 'https://mirror.example:5000',
        mirror: true,
        tls: { cert: 'CERT', key: 'KEY', skipVerify: true },
      },
      { url: 'http://plain.example', mirror: true },
      own,
    ]);
    assert.deepEqual(
      await hostsFileEndpoints(directory, 'r.example', 'push'),
      [{ url: 'http://plain.example', mirror: false }, own],
      'who may not be pushed to is left out',
    );
  });

  test('a host with a port, and any other, find their files', async (t) => {
    const directory = await directoryWith(t, {
      'r.example_5000_/hosts.toml': 'server = "http://a.example"',
      '_default/hosts.toml': '[host."http://cache.example"]\n',
    });
    const urls = async (host: string): Promise<unknown> =>
      (await hostsFileEndpoints(directory, host, 'pull'))?.map(({ url }) => url);
    assert.deepEqual(await urls('r.example:5000'), ['http://a.example']);
    assert.deepEqual(await urls('docker.io'), ['http://cache.example', 'https://registry-1.docker.io']);
    assert.equal(await hostsFileEndpoints(join(directory, 'none'), 'r.example', 'pull'), undefined);
  });

  for (const [text, message] of [
    ['nonsense', /"nonsense" is not understood/],
    ['[host."https://a.example/v2/sub"]\n', /the path of ".*" is not supported/],
    ['[host."https://a.example"]\noverride_path = true\n', /"override_path" of ".*" is not supported/],
    ['[host."https://a.example".header]\nx-y = ["z"]\n', /"header" of ".*" is not supported/],
    ['ca = "none.pem"\n', /ENOENT/],
  ] as const)
    test(`refused: ${text.trim()}`, async (t) => {
      const directory = await directoryWith(t, { 'a.example/hosts.toml': text });
      await assert.rejects(hostsFileEndpoints(directory, 'a.example', 'pull'), message);
    });
});
