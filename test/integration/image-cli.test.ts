import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { exec, execOk } from '../lib/process.ts';
import { clients, daemonSuite } from '../lib/suite.ts';

daemonSuite('images as archives, commits and the disk account', (daemon) => {
  const file = (name: string): string => join(daemon().directory, name);
  const idOf = (image: string): Promise<string> => daemon().dockerOk('inspect', '-f', '{{.Id}}', image);

  for (const client of clients) {
    test(`${client}: what is saved is loaded as the same image`, async () => {
      const before = await idOf('busybox');
      await daemon().runOk(client, 'tag', 'busybox', 'other/name:2');
      await daemon().runOk(client, 'save', '-o', file('x.tar'), 'busybox', 'other/name:2');
      const names = await execOk(['tar', 'tf', file('x.tar')]);
      for (const name of ['oci-layout', 'index.json', 'manifest.json'])
        assert.match(names, new RegExp(`^${name}$`, 'm'));
      await daemon().runOk(client, 'rmi', 'busybox', 'other/name:2');
      assert.equal(
        await daemon().runOk(client, 'load', '-i', file('x.tar')),
        'Loaded image: busybox:latest\nLoaded image: other/name:2',
      );
      assert.equal(await idOf('other/name:2'), before);
      await daemon().runOk(client, 'rmi', 'other/name:2');
      const piped = await exec(daemon().argv(client, 'save', 'busybox'));
      assert.equal(piped.code, 0, piped.stderr);
      assert.ok(piped.stdout.length > 100_000);
      const missing = await daemon().run(client, 'save', '-o', file('none.tar'), 'nosuch');
      assert.equal(missing.code, 1);
      assert.match(missing.stderr, /No such image: nosuch/);
      await assert.rejects(readFile(file('none.tar')), { code: 'ENOENT' });
    });

    test(`${client}: a terminal gets no archive`, async () => {
      const container = await daemon().dockerOk('create', 'busybox', 'true');
      for (const args of [
        ['save', 'busybox'],
        ['export', container],
      ]) {
        await using terminal = daemon().terminal(client, ...args);
        assert.equal(await terminal.exit, 1);
        assert.match(terminal.screen(), /cowardly refusing to (save|export) to a terminal/);
      }
    });

    test(`${client}: what a container changed is told, exported, committed and imported`, async () => {
      const script = 'echo hello > /root/new; rm /bin/vi; sleep 60';
      const container = await daemon().dockerOk('run', '-d', '--label', 'a=b', 'busybox', 'sh', '-c', script);
      await daemon().dockerOk(
        'exec',
        container,
        'sh',
        '-c',
        'until [ -e /root/new ] && ! [ -e /bin/vi ]; do :; done',
      );
      const changes = (await daemon().runOk(client, 'diff', container)).split('\n');
      for (const line of ['C /root', 'A /root/new', 'C /bin', 'D /bin/vi'])
        assert.ok(changes.includes(line), line);

      await daemon().runOk(client, 'export', '-o', file('root.tar'), container);
      assert.equal(await execOk(['tar', 'xOf', file('root.tar'), 'root/new']), 'hello');
      const imported = await daemon().runOk(
        client,
        'import',
        '-c',
        'CMD ["cat", "/root/new"]',
        '-m',
        'why',
        file('root.tar'),
        'flat:1',
      );
      assert.equal(await idOf('flat:1'), imported.split('\n').at(-1));
      assert.equal(await daemon().dockerOk('run', '--rm', 'flat:1'), 'hello');

      const change = ['-c', 'CMD ["cat", "/root/new"]', '-c', 'ENV WHO=me', '-a', 'me', '-m', 'because'];
      const committed = await daemon().runOk(client, 'commit', ...change, container, 'made:1');
      assert.equal(await idOf('made:1'), committed);
      assert.equal(await daemon().dockerOk('run', '--rm', 'made:1'), 'hello');
      const format = '{{.Author}} {{.Comment}} {{.Config.Labels.a}} {{json .Config.Env}}';
      assert.match(
        await daemon().runOk(client, 'image', 'inspect', '-f', format, 'made:1'),
        /^me because b .*"WHO=me"/,
      );
      assert.equal(
        await daemon().dockerOk('inspect', '-f', '{{.State.Status}}', container),
        'running',
        'the container goes on',
      );
      assert.match(await daemon().dockerOk('exec', container, 'cat', '/root/new'), /hello/);
      await daemon().dockerOk('rm', '-f', container);
      await daemon().runOk(client, 'rmi', 'made:1', 'flat:1');
    });

    test(`${client}: the account of the disk, and what prune gives back`, async () => {
      await daemon().dockerOk('tag', 'busybox', 'old:1');
      const container = await daemon().dockerOk('create', 'busybox', 'true');
      await daemon().dockerOk('commit', container);
      const dangling = await daemon().runOk(client, 'images', '-q', '-f', 'dangling=true');
      assert.match(dangling, /^[0-9a-f]{12}$/);
      const df = await daemon().runOk(client, 'system', 'df');
      assert.match(df, /^Images +2 +1 +\S+B +\S+B/m);
      assert.match(df, /^Containers +1 +0 +/m);
      assert.match(
        await daemon().runOk(client, 'system', 'df', '-v'),
        /^busybox +latest +[0-9a-f]{12} .* 1$/m,
      );
      const pruned = await daemon().runOk(client, 'image', 'prune', '-f');
      assert.match(
        pruned,
        new RegExp(`^Deleted Images:\ndeleted: sha256:${dangling}[^]*\nTotal reclaimed space: \\S+B$`),
      );
      const system = await daemon().runOk(client, 'system', 'prune', '-f');
      assert.match(system, new RegExp(`^Deleted Containers:\n${container}\n`));
      assert.equal(await daemon().runOk(client, 'ps', '-aq'), '');
      assert.match(await daemon().runOk(client, 'images', '-q', 'busybox'), /./);
      await daemon().runOk(client, 'rmi', 'old:1');
    });
  }

  test('wherry: layers, tree, diff, pins, verification and check', async () => {
    await daemon().dockerOk('run', '--name', 'web', 'busybox', 'touch', '/x');
    await daemon().wherryOk('commit', 'web', 'child:1');
    const layers = JSON.parse(
      await daemon().wherryOk('image', 'inspect', '--layers', '-f', 'json', 'child:1'),
    ) as { Layers: { ChainId: string; Directory: string; Images: string[] }[] }[];
    const [base] = layers[0]?.Layers ?? [];
    assert.ok(base?.Directory.startsWith(daemon().dataRoot));
    assert.ok((base?.Images.length ?? 0) >= 2, 'both images have the base');
    assert.match(await daemon().wherryOk('image', 'tree'), /busybox:latest \[[0-9a-f]{12}\]/);
    assert.match(
      await daemon().wherryOk('image', 'diff', 'busybox', 'child:1'),
      /^\+\+\+ child:1 {2}1 own layers/m,
    );
    const paths = ['image', 'diff', '--paths', 'busybox', 'child:1'];
    assert.equal(await daemon().wherryOk(...paths), 'A /x');
    assert.deepEqual(JSON.parse(await daemon().wherryOk(...paths, '--format', 'json')), {
      Path: '/x',
      Kind: 'added',
      Aspects: [],
    });
    assert.equal(await daemon().wherryOk('image', 'diff', '--paths', 'child:1', 'busybox'), 'D /x');
    assert.equal(await daemon().wherryOk('image', 'pin', 'busybox'), 'busybox');
    assert.match(await daemon().wherryOk('image', 'tree', 'busybox'), /, pinned/);
    assert.equal(await daemon().wherryOk('image', 'unpin', 'busybox'), 'busybox');
    assert.match(await daemon().wherryOk('system', 'df', '--verify'), /^Account: .*\nDisk: /);
    assert.equal(await daemon().wherryOk('system', 'check'), 'No damage was found');
    await daemon().dockerOk('rm', 'web');
    await daemon().wherryOk('rmi', 'child:1');
  });
});
