import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { dockerArchive, layer } from '../../../lib/image-archives.ts';
import { testStore } from '../../../lib/image-store.ts';
import { seededRandom } from '../../../lib/random.ts';
import { requires } from '../../../lib/requires.ts';

const ROOT = requires('root');
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const archive = dockerArchive({
  layers: [layer({ name: 'bulk', data: seededRandom(5).bytes(50_000) })],
  tags: ['app:1'],
});

/** Loads and compacts in a process of its own, which the failpoint kills. */
function crash(root: string, failpoint: string): void {
  writeFileSync(join(root, 'archive.tar'), archive);
  const script = `
    import { createReadStream } from 'node:fs';
    import { openDatabase } from '${at('../../../../common/sqlite.ts')}';
    import { makeCtx } from '${at('../../../../common/ctx.ts')}';
    import { silentLog } from '${at('../../../../common/log.ts')}';
    import { openImageStore } from '${at('../../../../image/store.ts')}';
    const db = openDatabase('${root}/meta.db');
    const store = await openImageStore({ dataRoot: '${root}', db, log: silentLog });
    const ctx = makeCtx(silentLog);
    await store.images.load(ctx, createReadStream('${root}/archive.tar'), () => {});
    await store.disk.compact(ctx);`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, WHERRY_FAILPOINTS: failpoint },
    encoding: 'utf8',
  });
  assert.equal(ended.signal, 'SIGKILL', ended.stderr);
}

/** With a row, the recipe stays beside the blob; without one it goes. */
for (const [failpoint, recipes] of [
  ['recipe.moved', 0],
  ['recipe.recorded', 1],
] as const) {
  test(`a crash at ${failpoint} loses no blob, and the next attempt drops it`, ROOT, async (t) => {
    const root = mkdtempSync('/tmp/crash-');
    crash(root, `${failpoint}=kill`);
    const names = (path: string): string[] => readdirSync(join(root, 'content', path));
    const store = await testStore(t, root);
    assert.deepEqual(
      [names('blobs/sha256').length, names('recipes').length, names('ingest')],
      [2, recipes, []],
    );
    const { orphans, missing, ...bytes } = await store.disk.verify(store.ctx);
    assert.deepEqual([orphans, missing], [[], []]);
    assert.equal(bytes.expectedBytes, bytes.actualBytes);
    const compacted = await store.disk.compact(store.ctx);
    assert.deepEqual(
      compacted.map(({ kind }) => kind),
      ['dropped'],
    );
    assert.deepEqual([names('blobs/sha256').length, names('recipes').length], [1, 1]);
    assert.deepEqual(await store.disk.check(store.ctx, { repair: false }), []);
  });
}
