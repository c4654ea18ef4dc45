import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { parseChallenge } from '../../../../image/registry/challenge.ts';
import {
  insecureRule,
  makeRegistryHosts,
  origin,
  type HostsConfig,
} from '../../../../image/registry/hosts.ts';

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'hosts-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function endpoints(t: TestContext, host: string, config: Partial<HostsConfig> = {}) {
  const none = await directory(t);
  const whole = { mirrors: [], insecure: [], directory: none, certificates: none, ...config };
  return makeRegistryHosts(whole).endpoints(host);
}

describe('where a registry is', () => {
  test('the hub, behind its mirrors', async (t) => {
    const found = await endpoints(t, 'docker.io', { mirrors: ['http://mirror:5000'] });
    assert.deepEqual(found, [
      { url: 'http://mirror:5000', mirror: true },
      { url: 'https://registry-1.docker.io', mirror: false },
    ]);
  });

  test('any other has none of the hub’s mirrors, and is secure', async (t) => {
    const found = await endpoints(t, 'example.org:5000', { mirrors: ['http://mirror:5000'] });
    assert.deepEqual(found, [{ url: 'https://example.org:5000', mirror: false }]);
  });

  for (const host of [
    'localhost',
    'localhost:5000',
    '127.0.0.1:5000',
    '127.9.9.9',
    '[::1]:5000',
    'here:80',
    '10.1.2.3',
  ]) {
    test(`${host} needs no valid certificate, and no TLS`, async (t) => {
      assert.deepEqual(await endpoints(t, host, { insecure: ['here:80', '10.0.0.0/8'] }), [
        { url: `https://${host}`, mirror: false, tls: { skipVerify: true } },
        { url: `http://${host}`, mirror: false },
      ]);
    });
  }

  test('a name is in a network when its address is', async () => {
    const isInsecure = insecureRule(['127.0.0.0/8', '::1/128', '2001:db8::/32']);
    for (const host of ['localhost', 'localhost:5000', '[2001:db8::1]:5000', '127.1.2.3:80'])
      assert.equal(await isInsecure(host), true, host);
    for (const host of ['[2001:db9::1]:5000', 'nowhere.invalid:5000'])
      assert.equal(await isInsecure(host), false, host);
  });

  test('what only looks like this machine is secure', async () => {
    const isInsecure = insecureRule(['127.0.0.0/8', 'here:80']);
    for (const host of ['127.0.0.1.invalid', 'here', 'here:81', 'localhost.invalid', '128.0.0.1'])
      assert.equal(await isInsecure(host), false, host);
  });

  for (const wrong of ['http://x', 'a b', '10.0.0.0/33', '::1/129', 'x/y', ''])
    test(`"${wrong}" is no insecure registry`, () => {
      assert.throws(() => insecureRule([wrong]), { code: 'invalid-argument', message: /insecure registry/ });
    });

  for (const wrong of ['mirror', 'ftp://x', 'https://x/path', 'https://u:p@x', 'https://x?q=1'])
    test(`"${wrong}" is no mirror`, () => {
      assert.throws(
        () => origin(wrong, 'registry-mirrors'),
        (error: Error) => {
          assert.match(error.message, /^invalid registry-mirrors/);
          assert.ok(!error.message.includes('u:p'));
          return true;
        },
      );
    });

  test('a file says where one is, with what certificates, and which mirrors it has', async (t) => {
    const path = await directory(t);
    await writeFile(join(path, 'ca.pem'), 'CA');
    const file = {
      server: 'https://real.example',
      mirrors: ['http://near', { url: 'https://far', skipVerify: true }],
      ca: join(path, 'ca.pem'),
    };
    await writeFile(join(path, 'example.org.json'), JSON.stringify(file));
    assert.deepEqual(await endpoints(t, 'example.org', { directory: path }), [
      { url: 'http://near', mirror: true },
      { url: 'https://far', mirror: true, tls: { skipVerify: true } },
      { url: 'https://real.example', mirror: false, tls: { ca: 'CA' } },
    ]);
    await writeFile(join(path, 'bad.json'), '{"servr": "https://x"}');
    await assert.rejects(endpoints(t, 'bad', { directory: path }), /bad.json": unknown key "servr"/);
  });

  test('docker’s directory of certificates', async (t) => {
    const path = await directory(t);
    await mkdir(join(path, 'example.org:5000'));
    const put = (name: string): Promise<void> => writeFile(join(path, 'example.org:5000', name), name);
    for (const name of ['a.crt', 'b.crt', 'me.cert']) await put(name);
    await assert.rejects(
      endpoints(t, 'example.org:5000', { certificates: path }),
      /a certificate without its key/,
    );
    await put('me.key');
    assert.deepEqual(await endpoints(t, 'example.org:5000', { certificates: path }), [
      {
        url: 'https://example.org:5000',
        mirror: false,
        tls: { ca: 'a.crt\nb.crt', cert: 'me.cert', key: 'me.key' },
      },
    ]);
  });
});

describe('challenges', () => {
  const bearer = {
    scheme: 'bearer',
    realm: 'https://a/t?x=1',
    service: 's',
    scope: 'repository:a:pull,push',
  };
  for (const [header, expected] of [
    ['Basic realm="x"', { scheme: 'basic' }],
    ['Bearer realm="https://a/t?x=1",service="s",scope="repository:a:pull,push"', bearer],
    ['bearer  realm = "https://a/t?x=1" , service=s, scope="repository:a:pull,push"', bearer],
    ['Basic realm="x", Bearer realm="https://a/t?x=1",service="s",scope="repository:a:pull,push"', bearer],
    [String.raw`Bearer realm="a\"b"`, { scheme: 'bearer', realm: 'a"b', service: '', scope: '' }],
    ['Negotiate', undefined],
    [undefined, undefined],
  ] as const)
    test(String(header), () => assert.deepEqual(parseChallenge(header), expected));
});
