import assert from 'node:assert/strict';
import { chmod, chown, lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { rest } from '../lib/rest.ts';
import { daemonSuite } from '../lib/suite.ts';

/** Row 24 of demands.md: who owns what, on either side of an idmapped bind. */
const HOST_OWNERS = [0, 1000, 70_000] as const;
const USERS = ['0:0', '1234:1234', '1234:4321', 'nobody'] as const;
const NUMBERS: Readonly<Record<string, string>> = { nobody: '65534:65534' };

/** In the container: shows, reads, writes and makes, each at two depths. */
const SCRIPT = `set -e
cd /d
stat -c %u:%g . file sub sub/file
cat file sub/file
echo more >> file; echo more >> sub/file
mkdir made made/deep sub/made
echo new > made/deep/file; echo new > sub/new; ln -s file link; ln file hard
mv sub/new sub/renamed; chmod 600 sub/renamed
stat -c %u:%g made made/deep made/deep/file sub/renamed sub/made`;
const OLD = ['file', 'sub/file'];
const MADE = ['made', 'made/deep', 'made/deep/file', 'sub/renamed', 'sub/made', 'link'];

daemonSuite('idmapped binds: owners', (daemon) => {
  const makeTree = async (owner: number): Promise<string> => {
    const directory = join(daemon().directory, `of-${owner}-${Math.random()}`);
    await mkdir(join(directory, 'sub'), { recursive: true });
    for (const name of OLD) await writeFile(join(directory, name), 'old\n', { mode: 0o600 });
    for (const name of ['', 'sub', ...OLD]) await chown(join(directory, name), owner, owner);
    for (const name of ['', 'sub']) await chmod(join(directory, name), 0o700);
    return directory;
  };
  const ownerOf = async (path: string): Promise<string> => {
    const { uid, gid } = await lstat(path);
    return `${uid}:${gid}`;
  };
  const runIn = async (
    directory: string,
    [user, script, mode = 'idmap']: readonly [user: string, script: string, mode?: string],
  ): Promise<{ readonly code: number; readonly out: string }> => {
    const body = {
      ...{ Image: 'busybox', User: user, Cmd: ['sh', '-c', `(${script}) 2>&1`] },
      HostConfig: { NetworkMode: 'none', Binds: [`${directory}:/d:${mode}`] },
    };
    const created = await rest(daemon().socket, 'POST', { path: '/containers/create', body });
    assert.equal(created.status, 201, created.text);
    const { Id: id } = created.json<{ Id: string }>();
    await daemon().dockerOk('start', id);
    const code = Number(await daemon().dockerOk('wait', id));
    const out = await daemon().dockerOk('logs', id);
    await daemon().dockerOk('rm', id);
    return { code, out };
  };

  for (const owner of HOST_OWNERS) {
    for (const user of USERS) {
      test(`of ${owner} on the host, for ${user} inside`, async () => {
        const directory = await makeTree(owner);
        const { code, out } = await runIn(directory, [user, SCRIPT]);
        assert.equal(code, 0, out);
        const inside = NUMBERS[user] ?? user;
        const [all, own] = [Array<string>(4).fill(inside), Array<string>(5).fill(inside)];
        assert.deepEqual(out.split('\n'), [...all, 'old', 'old', ...own]);
        for (const name of ['', 'sub', ...OLD, ...MADE])
          assert.equal(await ownerOf(join(directory, name)), `${owner}:${owner}`, name);
        assert.equal(await readFile(join(directory, 'sub/file'), 'utf8'), 'old\nmore\n');
        assert.equal(await readFile(join(directory, 'made/deep/file'), 'utf8'), 'new\n');
      });
    }
  }

  test('without it the same is refused; read-only is; what others own stays theirs', async () => {
    const directory = await makeTree(1000);
    const plain = await runIn(directory, ['1234:1234', 'cat /d/file', 'rw']);
    assert.notEqual(plain.code, 0, plain.out);
    const readOnly = await runIn(directory, ['1234:1234', 'cat /d/file && touch /d/x', 'idmap,ro']);
    assert.match(readOnly.out, /^old\n.*Read-only file system/);
    const foreign = join(directory, 'foreign');
    await writeFile(foreign, 'theirs', { mode: 0o600 });
    await chown(foreign, 2000, 2000);
    const other = await runIn(directory, [
      '1234:1234',
      'cat /d/foreign; echo x > /d/foreign; chown 1234 /d/foreign',
    ]);
    assert.notEqual(other.code, 0);
    assert.doesNotMatch(other.out, /theirs/);
    assert.equal(await ownerOf(foreign), '2000:2000');
    assert.equal(await readFile(foreign, 'utf8'), 'theirs');
  });
});
