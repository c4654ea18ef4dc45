import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { resolveUser } from '../../../runtime/user.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  '# a comment',
  'app:x:1000:1001:App:/home/app:/bin/sh',
  '4242:x:0:0:a number as a name:/root:/bin/sh',
  'broken:x:notanumber:0::/:/bin/sh',
  'short:x',
  'huge:x:4294967296:0::/:/bin/sh',
].join('\n');
const group = [
  'root:x:0:',
  'app:x:1001:',
  'video:x:44:app,other',
  'wheel:x:10:root',
  '77:x:0:',
  'bad:x:zero:app',
].join('\n');
const files = { passwd, group };

describe('a user is resolved in the files of the image', () => {
  for (const [spec, uid, gids, home] of [
    ['', 0, [0, 10], '/root'],
    ['root', 0, [0, 10], '/root'],
    ['app', 1000, [1001, 44], '/home/app'],
    ['1000', 1000, [1001, 44], '/home/app'],
    ['app:video', 1000, [44], '/home/app'],
    ['app:7', 1000, [7], '/home/app'],
    ['5000', 5000, [0], '/'],
    ['5000:6000', 5000, [6000], '/'],
    ['4242', 4242, [0], '/'],
    ['app:77', 1000, [77], '/home/app'],
    ['2147483647', 2_147_483_647, [0], '/'],
    [':video', 0, [44], '/root'],
  ] as const) {
    test(`"${spec}"`, () => {
      assert.deepEqual(resolveUser(spec, files), { uid, gid: gids[0], additionalGids: gids, home });
    });
  }

  test('added groups come last, each once', () => {
    assert.deepEqual(resolveUser('app', files, ['video', '9', 'wheel']).additionalGids, [1001, 44, 9, 10]);
  });

  test('without files only numbers are known', () => {
    const none = { passwd: undefined, group: undefined };
    assert.deepEqual(resolveUser('12:13', none), { uid: 12, gid: 13, additionalGids: [13], home: '/' });
    assert.throws(() => resolveUser('root', none), /unable to find user root/);
  });
});

describe('what is nobody is refused and never root', () => {
  const range = 'uids and gids must be in range 0-2147483647';
  for (const [spec, message] of [
    ['nobody', 'unable to find user nobody: no matching entries in passwd file'],
    ['app:none', 'unable to find group none: no matching entries in group file'],
    ['1000:x', 'unable to find group x: no matching entries in group file'],
    ['broken', 'unable to find user broken: no matching entries in passwd file'],
    ['short', 'unable to find user short: no matching entries in passwd file'],
    ['99999999999999999999', 'unable to find user 99999999999999999999: no matching entries in passwd file'],
    ['+2147483648', range],
    ['1000:-1', range],
    ['0x3e8', 'unable to find user 0x3e8: no matching entries in passwd file'],
    ['1e3', 'unable to find user 1e3: no matching entries in passwd file'],
    ['1000 ', 'unable to find user 1000 : no matching entries in passwd file'],
    ['1000\n', 'unable to find user 1000\n: no matching entries in passwd file'],
    ['１０００', 'unable to find user １０００: no matching entries in passwd file'],
    ['app:app:root', 'unable to find group app:root: no matching entries in group file'],
    ['app:bad', 'unable to find group bad: no matching entries in group file'],
    ['2147483648', range],
    ['4294967296', range],
    ['huge', range],
    ['-1', range],
    ['1:4294967296', range],
  ] as const) {
    test(`"${spec}"`, () => {
      assert.throws(() => resolveUser(spec, files), { code: 'invalid-argument', message });
    });
  }
});

/** In a heap that has no room for a text of 4 MiB in pieces. */
const RESOLVE_IN_LITTLE_MEMORY = `
import { resolveUser } from '${new URL('../../../runtime/user.ts', import.meta.url).href}';
const most = 4 << 20;
const costly = {
  'nothing but line ends': '\\n'.repeat(most),
  'nothing but colons': ':'.repeat(most),
  'lines of colons': '::\\n'.repeat(most / 3),
  'one line of members': 'video:x:44:' + ',a'.repeat(most / 2),
  'a line without end': 'x'.repeat(most),
  'comments': '#\\n'.repeat(most / 2),
};
for (const [name, text] of Object.entries(costly)) {
  for (const user of ['nobody', '0:none']) {
    try {
      resolveUser(user, { passwd: text, group: text });
      throw new Error(name + ': ' + user + ' is somebody');
    } catch (error) {
      if (error.code !== 'invalid-argument') throw error;
    }
  }
  const { additionalGids } = resolveUser('me', { passwd: 'me:x:5:6::/:', group: text }, []);
  if (String(additionalGids) !== '6') throw new Error(name + ': ' + additionalGids);
}
`;

describe('files of an image that are made to cost (threat row 14)', () => {
  test('are read in little memory', () => {
    const options = ['--max-old-space-size=64', '--disable-warning=ExperimentalWarning'];
    const child = spawnSync(
      process.execPath,
      [...options, '--input-type=module', '-e', RESOLVE_IN_LITTLE_MEMORY],
      { encoding: 'utf8', timeout: 60_000 },
    );
    assert.equal(child.status, 0, child.stderr);
  });

  test('more groups than the kernel takes are refused', () => {
    const group = Array.from({ length: 70_000 }, (_, gid) => `g${gid}:x:${gid}:app`).join('\n');
    assert.throws(() => resolveUser('app', { passwd, group }), {
      code: 'invalid-argument',
      message: /more than 65536/,
    });
  });

  test('one group in a million lines is one', () => {
    const group = 'a:x:7:app\n'.repeat(300_000);
    assert.deepEqual(resolveUser('app', { passwd, group }).additionalGids, [1001, 7]);
  });
});
