import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { env } from 'node:process';
import { test, type TestContext } from 'node:test';
import { archive } from '../lib/container-files.ts';
import { eventually } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';
import { tarball } from '../lib/tarball.ts';

/** Of three copies each. */
const ROUNDS = Number(env['WHERRY_TEST_COPIES'] ?? 60);
const SECRET = 'only the host has this';

/** A directory of the host that no container has. */
async function canary(t: TestContext): Promise<{ readonly path: string; untouched(): Promise<void> }> {
  const path = await mkdtemp('/tmp/w-canary-');
  t.after(() => rm(path, { recursive: true }));
  await writeFile(`${path}/file`, SECRET);
  const untouched = async (): Promise<void> => {
    assert.deepEqual(await readdir(path), ['file']);
    assert.equal(await readFile(`${path}/file`, 'utf8'), SECRET);
  };
  return { path, untouched };
}

/** Threats 3, 8, 16 and 17 of threats.md, as far as copying is concerned. */
daemonSuite('threats: copying', (daemon) => {
  test('3: names that are exchanged all the time lead nowhere but into the container', async (t) => {
    const host = await canary(t);
    const make = `mkdir /v/real && echo inside > /v/real/file && ln -s ${host.path} /v/link`;
    const exchange = 'mv -T /v/real /v/x; mv -T /v/link /v/real; mv -T /v/x /v/link';
    // A copy that makes a directory where none is at the moment ends the exchange: then it begins anew.
    const again = `[ -e /v/real/file ] || { rm -rf /v/real /v/x /v/link; ${make}; }`;
    const script = `${make}; touch /v/ready; while :; do ${exchange}; ${exchange}; ${again}; done`;
    const id = await daemon().dockerOk('run', '-d', '-v', 'shared:/v', 'busybox', 'sh', '-c', script);
    const other = await daemon().dockerOk('create', '--volumes-from', id, 'busybox', 'true');
    await eventually(
      'it exchanges',
      async () => (await daemon().docker('exec', id, 'ls', '/v/ready')).code === 0,
    );
    const body = tarball([
      { name: 'planted', data: 'x' },
      { name: 'real/planted', data: 'x' },
      { name: 'link/deep/planted', data: 'x' },
      { name: 'link/fifo', type: '6', mode: 0o666 },
      { name: 'real/hard', type: '1', linkName: 'link/file' },
    ]);
    let reached = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const at = round % 2 === 0 ? id : other;
      const path = round % 3 === 0 ? '/v/real/' : '/v/link/.';
      const [out, file] = await Promise.all([
        archive(daemon(), 'GET', { id: at, path }),
        archive(daemon(), 'GET', { id: at, path: '/v/real/file' }),
        archive(daemon(), 'PUT', { id: at, path: round % 4 === 0 ? '/v/real' : '/v', body }),
      ]);
      for (const answer of [out, file]) {
        assert.ok(!answer.text.includes(SECRET), 'a file of the host came out');
        if (answer.text.includes('inside')) reached += 1;
      }
      await host.untouched();
    }
    assert.ok(reached > 0, 'no copy ever met the directory itself');
    await daemon().dockerOk('rm', '-f', id, other);
    await daemon().dockerOk('volume', 'rm', 'shared');
  });

  test('3: a link, a mount point and a name that lead to the host stay inside', async (t) => {
    const host = await canary(t);
    const script = [
      `ln -s ${host.path} /abs; ln -s ../../../../../..${host.path} /rel; ln -s /proc/1/root /magic`,
      'ln -s /proc/self/fd /fds; ln -s /proc/1/cwd /cwd; mkdir /d; ln -s /abs /d/again',
    ].join('; ');
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sh', '-c', `${script}; sleep 1000`);
    const kinds = ['running', 'exited'] as const;
    for (const kind of kinds) {
      if (kind === 'exited') await daemon().dockerOk('kill', id);
      for (const path of [
        '/abs/',
        '/rel/',
        '/abs/.',
        '/abs/file',
        '/magic/tmp',
        '/fds/3/',
        '/cwd/',
        '/d/again/',
      ]) {
        const out = await archive(daemon(), 'GET', { id, path });
        assert.ok(out.status >= 400 || !out.text.includes(SECRET), `${kind} ${path}: ${out.status}`);
        assert.notEqual(out.status, 200, `${kind} ${path}`);
        const put = await archive(daemon(), 'PUT', {
          id,
          path,
          body: tarball([{ name: 'planted', data: 'x' }]),
        });
        assert.notEqual(put.status, 200, `${kind} ${path}`);
      }
      const names = ['../../..', '/..', 'x/../../../..'].map((up) => ({ name: `${up}${host.path}/planted` }));
      const through = [{ name: `abs/planted` }, { name: 'rel/planted' }, { name: 'magic/planted' }];
      for (const member of [...names, ...through]) {
        await archive(daemon(), 'PUT', { id, path: '/', body: tarball([{ ...member, data: 'x' }]) });
      }
      await host.untouched();
    }
  });

  test('16: what an archive plants while it is unpacked is no way out', async (t) => {
    const host = await canary(t);
    const id = await daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
    const bodies = [
      [
        { name: 'l', type: '2', linkName: host.path },
        { name: 'l/planted', data: 'x' },
      ],
      [{ name: 'h', type: '1', linkName: `../../../../..${host.path}/file` }],
      [{ name: 'h', type: '1', linkName: `${host.path}/file` }],
      [
        { name: 'l', type: '2', linkName: `${host.path}/file` },
        { name: 'l', data: 'x' },
      ],
      [
        { name: 'l2', type: '2', linkName: host.path },
        { name: 'l2/', mode: 0o777 },
        { name: 'l2/x', data: 'x' },
      ],
    ];
    for (const members of bodies) {
      const answer = await archive(daemon(), 'PUT', { id, path: '/tmp', body: tarball(members) });
      assert.ok([200, 400, 404, 500].includes(answer.status));
      await host.untouched();
    }
  });

  test('17: nothing of an image is run or loaded by whoever copies', async (t) => {
    const host = await canary(t);
    const evil = `#!/bin/sh\necho ran >> ${host.path}/ran\necho ran >> /ran\n`;
    const programs = ['tar', 'xz', 'unxz', 'gzip', 'unpigz', 'pigz', 'zstd', 'node', 'sh.evil'];
    const members = ['bin', 'usr/bin', 'usr/local/bin', 'sbin'].flatMap((directory) =>
      programs.map((name) => ({ name: `${directory}/${name}`, mode: 0o755, data: evil })),
    );
    const libraries = ['lib', 'lib64', 'usr/lib', 'lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'].flatMap(
      (at) =>
        ['libnss_files.so.2', 'libnss_compat.so.2', 'libc.so.6', 'libnss_dns.so.2'].map((name) => ({
          name: `${at}/${name}`,
          mode: 0o755,
          data: 'not even a library',
        })),
    );
    const conf = [{ name: 'etc/nsswitch.conf', data: 'passwd: files\ngroup: files\nhosts: files dns\n' }];
    const id = await daemon().dockerOk('run', '-d', '-u', 'nobody', 'busybox', 'sleep', '1000');
    const all = tarball([...members, ...libraries, ...conf]);
    assert.equal((await archive(daemon(), 'PUT', { id, path: '/', body: all })).status, 200);
    for (const kind of ['running', 'exited']) {
      if (kind === 'exited') await daemon().dockerOk('kill', id);
      assert.equal((await archive(daemon(), 'GET', { id, path: '/etc' })).status, 200);
      const body = tarball([{ name: `of-${kind}`, data: 'x' }]);
      const answer = await archive(daemon(), 'PUT', { id, path: '/tmp', body, more: '&copyUIDGID=1' });
      assert.equal(answer.status, 200, answer.text);
      assert.equal((await archive(daemon(), 'HEAD', { id, path: '/ran' })).status, 404);
    }
    await host.untouched();
    const maps = await readFile(`/proc/${daemon().pid}/maps`, 'utf8');
    assert.doesNotMatch(maps, /libnss|overlay|\/d\/snapshots\//);
  });
});
