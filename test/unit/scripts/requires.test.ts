import assert from 'node:assert/strict';
import { execPath } from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exec } from '../../lib/process.ts';
import { requires, type NeedName } from '../../lib/requires.ts';

const library = fileURLToPath(new URL('../../lib/requires.ts', import.meta.url));

/** As nobody, so that "root" is missing whatever the host has. */
function asNobody(env: Record<string, string>): ReturnType<typeof exec> {
  const script = `process.setuid(65534); console.log(r('root').skip)`;
  return exec(
    [execPath, '-e', `import(${JSON.stringify(library)}).then(({ requires: r }) => { ${script} })`],
    { env },
  );
}

test('an unknown name throws', () => {
  assert.throws(() => requires('nosuch' as NeedName), /requires\("nosuch"\): unknown/);
});

test('what is there needs no skip', requires('root'), () => {
  assert.deepEqual(requires('root'), {});
});

test('what is missing skips with its reason', requires('root'), async () => {
  assert.equal((await asNobody({})).stdout, 'needs root: this is not root\n');
});

test('on CI a missing one that CI must have is a failure', requires('root'), async () => {
  const { code, stderr } = await asNobody({ CI: 'true' });
  assert.notEqual(code, 0);
  assert.match(stderr, /CI must have "root", but this is not root/);
});
