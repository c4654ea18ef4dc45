import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { pid } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { at } from '../lib/paths.ts';
import { isCurrent, remember } from './stamp.ts';

/**
 * Compiles the bundled command lines, every function of them, and keeps V8's bytecode beside it for common/boot.ts. The flag is taken
 * back before the cache is written: V8 refuses a cache that was made under other flags than it runs with.
 */
export function buildCodeCache(): string[] {
  return ['wherry', 'wherry-runtime', 'wctr'].flatMap((name) => cacheOf(name));
}

function cacheOf(name: string): string[] {
  const source = at(`build/lib/${name}.cjs`);
  const output = `${source}.cache`;
  const target = `code-cache-${name}`;
  const recipe = `code cache 2 ${process.version} ${process.arch}`;
  if (isCurrent(target, recipe)) return [];
  const text = readFileSync(source, 'utf8');
  writeFileSync(`${output}.${pid}`, compile(text, source));
  renameSync(`${output}.${pid}`, output);
  remember(target, { recipe, inputs: [source], outputs: [output] });
  return [output];
}

function compile(text: string, filename: string): Buffer {
  setFlagsFromString('--no-lazy');
  try {
    const script = new Script(`(function(require,module,exports,__filename){${text}\n})`, { filename });
    setFlagsFromString('--lazy');
    return script.createCachedData();
  } finally {
    setFlagsFromString('--lazy');
  }
}
