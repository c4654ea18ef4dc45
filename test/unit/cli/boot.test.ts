import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Script } from 'node:vm';

const lib = join(import.meta.dirname, '../../../build/lib');

for (const [name, version] of [
  ['wherry', /^Wherry version \d+\.\d+\.\d+/],
  ['wherry-runtime', /^wherry-runtime version \d+\.\d+\.\d+\ncommit: .+\nspec: 1\.\d+\.\d+\n$/],
] as const) {
  test(`V8 takes the code cache that the build made of ${name}`, () => {
    const source = readFileSync(join(lib, `${name}.cjs`), 'utf8');
    const script = new Script(`(function(require,module,exports,__filename){${source}\n})`, {
      cachedData: readFileSync(join(lib, `${name}.cjs.cache`)),
    });
    assert.equal(script.cachedDataRejected, false);
  });

  test(`${name} starts through it`, () => {
    const boot = join(lib, `${name}-boot.cjs`);
    assert.match(execFileSync(process.execPath, [boot, '--version'], { encoding: 'utf8' }), version);
  });
}
