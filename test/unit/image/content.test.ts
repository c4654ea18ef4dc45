import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openContent, type ContentStore } from '../../../image/content.ts';
import { sha256 } from '../../../image/digest.ts';

const BLOB = 'some bytes';
const DIGEST = sha256(BLOB);

async function withBlob(t: TestContext): Promise<ContentStore> {
  const root = mkdtempSync(join(tmpdir(), 'content-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const content = await openContent(root);
  await using incoming = await content.ingest();
  const file = join(incoming.directory, 'blob');
  writeFileSync(file, BLOB);
  await content.adopt(file, DIGEST);
  return content;
}

test('a blob that is being removed is not there any more', async (t) => {
  const content = await withBlob(t);
  const discarded = content.discard([DIGEST], () => false);
  // What a call to the disk answers comes later than this.
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  assert.equal(content.size(DIGEST), undefined);
  assert.ok((await discarded) > 0);
  assert.equal(existsSync(content.path(DIGEST)), false);
  assert.deepEqual(content.total(), { bytes: 0, diskBytes: 0 });
});

test('a blob that could not be removed is still there', async (t) => {
  const content = await withBlob(t);
  const before = content.total();
  rmSync(content.path(DIGEST));
  mkdirSync(content.path(DIGEST));
  await assert.rejects(content.discard([DIGEST], () => false));
  assert.equal(content.size(DIGEST)?.bytes, BLOB.length);
  assert.deepEqual(content.total(), before);
});
