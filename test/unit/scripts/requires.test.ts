import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execPath } from 'node:process';
import { exec } from '../../lib/process.ts';
import { requires, type NeedName } from '../../lib/requires.ts';

const library = fileURLToPath(new URL('../../lib/requires.ts', import.meta.url));
const evaluate = (name: string, env: Record<string, string>): ReturnType<typeof exec> =>
  exec(
    [
      execPath,
      '-e',
      `import(${JSON.stringify(library)}).then(({ requires: r }) => console.log(r('${name}').skip))`,
    ],
    {
      env,
    },
  );

test('an unknown name throws', () => {
  assert.throws(() => requires('nosuch' as NeedName), /requires\("nosuch"\): unknown/);
});

test('what is missing skips with its reason', async () => {
  const { stdout } = await evaluate('strace', { PATH: '/nowhere', CI: 'true' });
  const reason = 'needs strace: there is no strace on PATH\n';
  // Where it stands in /usr/sbin it is found even so.
  assert.ok([reason, 'undefined\n'].includes(stdout), stdout);
});

test('on CI a missing one that CI must have is a failure', async () => {
  const ci = await evaluate('docker-client', { PATH: '/nowhere', CI: 'true' });
  const elsewhere = await evaluate('docker-client', { PATH: '/nowhere' });
  if (elsewhere.stdout === 'undefined\n') return;
  assert.notEqual(ci.code, 0);
  assert.match(ci.stderr, /CI must have "docker-client"/);
  assert.match(elsewhere.stdout, /needs docker-client/);
});
