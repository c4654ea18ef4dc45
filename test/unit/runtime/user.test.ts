import assert from 'node:assert/strict';
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
