import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Script } from 'node:vm';

const lib = join(import.meta.dirname, '../../../build/lib');

test('V8 takes the code cache that the build made', () => {
  const source = readFileSync(join(lib, 'wherry.cjs'), 'utf8');
  const script = new Script(`(function(require,module,exports){${source}\n})`, {
    cachedData: readFileSync(join(lib, 'wherry.cjs.cache')),
  });
  assert.equal(script.cachedDataRejected, false);
});

test('the command line starts through it', () => {
  const printed = execFileSync(process.execPath, [join(lib, 'boot.cjs'), '--version'], { encoding: 'utf8' });
  assert.match(printed, /^Wherry version \d+\.\d+\.\d+/);
});
