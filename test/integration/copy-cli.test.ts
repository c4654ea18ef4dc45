import assert from 'node:assert/strict';
import { link, mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { exec } from '../lib/process.ts';
import { clients, daemonSuite } from '../lib/suite.ts';
import { listTree } from '../lib/tree-list.ts';

/** A directory of this machine with a bit of everything. */
async function scratch(t: TestContext): Promise<string> {
  const at = await mkdtemp('/tmp/w-cp-');
  t.after(() => rm(at, { recursive: true }));
  await mkdir(`${at}/dir/sub`, { recursive: true });
  await writeFile(`${at}/dir/file`, 'content\n', { mode: 0o640 });
  await writeFile(`${at}/dir/sub/empty`, '');
  await link(`${at}/dir/file`, `${at}/dir/hard`);
  await symlink('file', `${at}/dir/soft`);
  await symlink('dir', `${at}/linked`);
  await mkdir(`${at}/out`);
  return at;
}

daemonSuite('cp', (daemon) => {
  const running = (): Promise<string> => daemon().dockerOk('run', '-d', 'busybox', 'sleep', '1000');
  const inside = (id: string, script: string): Promise<string> =>
    daemon().dockerOk('exec', id, 'sh', '-c', script);
  const TREE = 'cd $0 && echo $(find . | sort)';
  const ALL = '. ./file ./hard ./soft ./sub ./sub/empty';

  for (const client of clients) {
    const cp = (...args: string[]) => daemon().run(client, 'cp', ...args);
    const cpOk = (...args: string[]) => daemon().runOk(client, 'cp', ...args);
    const tree = (id: string, at: string): Promise<string> =>
      daemon().dockerOk('exec', id, 'sh', '-c', TREE, at);

    test(`${client}: into a container: where it lands follows from what is there`, async (t) => {
      const at = await scratch(t);
      const id = await running();
      await inside(id, 'mkdir /have; ln -s /have /way; echo old > /have/old');
      const cases = [
        [`${at}/dir`, '/new', '/new'],
        [`${at}/dir`, '/have', '/have/dir'],
        [`${at}/dir/`, '/have/', '/have/dir'],
        [`${at}/dir/.`, '/new2', '/new2'],
        [`${at}/dir`, '/way', '/have/dir'],
      ] as const;
      for (const [from, to, where] of cases) {
        await cpOk(from, `${id}:${to}`);
        assert.equal(await tree(id, where), ALL, `${from} to ${to}`);
        await inside(id, 'rm -r /new /have/dir 2>/dev/null; true');
      }
      await cpOk(`${at}/dir/file`, `${id}:/have/old`);
      await cpOk(`${at}/dir/file`, `${id}:/have/`);
      await cpOk('-L', `${at}/dir/soft`, `${id}:/followed`);
      await cpOk('-L', `${at}/linked`, `${id}:/`);
      assert.equal(
        await inside(id, 'cat /have/old /have/file /followed; stat -c %a /have/file; ls /linked/sub'),
        'content\ncontent\ncontent\n640\nempty',
      );
    });

    test(`${client}: out of a container, links and modes as they are`, async (t) => {
      const at = await scratch(t);
      const id = await running();
      await daemon().dockerOk('cp', `${at}/dir`, `${id}:/src`);
      await inside(id, 'chmod 4711 /src/file; ln -s /src /link; touch -d @1000000000 /src/sub');
      await cpOk(`${id}:/src`, `${at}/new`);
      await cpOk(`${id}:/src`, `${at}/out`);
      await cpOk(`${id}:/src/.`, `${at}/out/all`);
      await cpOk('-L', `${id}:/link`, `${at}/out/followed`);
      for (const copy of ['new', 'out/src', 'out/all', 'out/followed']) {
        assert.deepEqual(listTree(`${at}/${copy}`).length, listTree(`${at}/new`).length, copy);
        const file = await stat(`${at}/${copy}/file`);
        assert.deepEqual([file.mode & 0o7777, file.nlink], [0o4711, 2], copy);
        assert.equal(await readlink(`${at}/${copy}/soft`), 'file');
        assert.equal((await stat(`${at}/${copy}/sub`)).mtimeMs, 1e12);
      }
      await cpOk(`${id}:/src/file`, `${at}/out/name`);
      assert.equal(await readFile(`${at}/out/name`, 'utf8'), 'content\n');
      await cpOk(`${id}:/link`, `${at}/out`);
      assert.equal(await readlink(`${at}/out/link`), '/src');
    });

    test(`${client}: through pipes`, async (t) => {
      const at = await scratch(t);
      const id = await running();
      const argv = (...args: string[]): string =>
        daemon()
          .argv(client, 'cp', ...args)
          .join(' ');
      const script = `tar -C ${at} -c dir | ${argv('-', `${id}:/tmp`)} && ${argv(`${id}:/tmp/dir`, '-')} | tar -C ${at}/out -x`;
      assert.equal((await exec(['sh', '-c', script])).code, 0);
      assert.equal((await stat(`${at}/out/dir/hard`)).nlink, 2);
      const refused = await exec(daemon().argv(client, 'cp', '-', `${id}:/etc/passwd`), { input: '' });
      assert.match(refused.stderr, /destination ".*:\/etc\/passwd" must be a directory/);
    });

    const refusals: readonly (readonly [args: readonly string[], text: RegExp])[] = [
      [['a:/x', 'b:/y'], /copying between containers is not supported/],
      [['/x', '/y'], /must specify at least one container source/],
      [['', 'C:/x'], /source can not be empty/],
      [['/etc/passwd', 'nosuch:/x'], /No such container: nosuch/],
      [['C:/nosuch', '/tmp/w-none'], /Could not find the file \/nosuch in container/],
      [['/nosuch', 'C:/tmp'], /\/nosuch: no such file or directory/],
      [['/usr/share/base-files', 'C:/etc/passwd'], /cannot copy directory/],
      [['/etc/passwd', 'C:/nosuch/'], /no such directory/],
    ];
    test(`${client}: what can't be`, async () => {
      const id = await running();
      for (const [args, text] of refusals) {
        const result = await cp(...args.map((arg) => arg.replace(/^C:/, `${id}:`)));
        assert.equal(result.code, 1, args.join(' '));
        assert.match(result.stderr, text);
      }
    });
  }

  test('the archive of a container that lies writes nothing elsewhere', async (t) => {
    const at = await scratch(t);
    const id = await running();
    await inside(id, 'mkdir -p /src/a; ln -s /etc /src/b; echo x > /src/a/f');
    await daemon().wherryOk('cp', `${id}:/src`, `${at}/out`);
    await inside(id, 'rm /src/b; mkdir /src/b; echo evil > /src/b/canary');
    const again = await daemon().wherry('cp', `${id}:/src`, `${at}/out`);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /cannot overwrite non-directory/);
    await assert.rejects(stat('/etc/canary'));
  });

  test('tells a terminal how much it was', async (t) => {
    const at = await scratch(t);
    const id = await running();
    await using terminal = daemon().terminal('wherry', 'cp', `${at}/dir/file`, `${id}:/x`);
    assert.equal(await terminal.exit, 0);
    assert.match(terminal.screen(), new RegExp(`Successfully copied [\\d.]+kB to ${id}:/x`));
  });
});
