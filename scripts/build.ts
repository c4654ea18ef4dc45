import { relative } from 'node:path';
import { buildBundles } from './build/bundles.ts';
import { writeLaunchers } from './build/launchers.ts';
import { buildCodeCache } from './build/code-cache.ts';
import { buildNative } from './build/native.ts';
import { repository } from './lib/paths.ts';

/** Builds what changed since the last time: C into build/native, bundles into build/lib, launchers into bin. */
const startedAt = performance.now();
try {
  const built = [
    ...(await buildNative()),
    ...(await buildBundles()),
    ...buildCodeCache(),
    ...writeLaunchers(),
  ];
  for (const file of built) console.log(`built ${relative(repository, file)}`);
  if (built.length > 0) console.log(`in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
} catch (error) {
  // The compiler has said where.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
