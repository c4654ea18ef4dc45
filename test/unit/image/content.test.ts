import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeCtx } from '../../../common/ctx.ts';
import { silentLog } from '../../../common/log.ts';
import { makeNotes } from '../../../common/notes.ts';
import { openContent, type ContentStore } from '../../../image/content.ts';
import { sha256 } from '../../../image/digest.ts';

const CTX = makeCtx(silentLog);
const BLOB = 'some bytes';
const DIGEST = sha256(BLOB);

async function withBlob(t: TestContext): Promise<ContentStore> {
  const root = mkdtempSync(join(tmpdir(), 'content-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const content = await openContent(root);
  await using incoming = await content.ingest();
  const file = join(incoming.directory, 'blob');
  writeFileSync(file, BLOB);
  await content.adopt(CTX, file, DIGEST);
  return content;
}

test('a blob that is being removed is not there any more', async (t) => {
  const content = await withBlob(t);
  const discarded = content.discard(CTX, [DIGEST], () => false);
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
  await assert.rejects(content.discard(CTX, [DIGEST], () => false));
  assert.equal(content.size(DIGEST)?.bytes, BLOB.length);
  assert.deepEqual(content.total(), before);
});

test('who waits for a blob says for which, and who has it', async (t) => {
  const content = await withBlob(t);
  const as = (name: string) => {
    const notes = makeNotes(name);
    return { ctx: CTX.noting(notes), texts: () => notes.texts() };
  };
  const [remove, load, check] = [as('remove'), as('load'), as('check')];
  const removing = content.discard(remove.ctx, [DIGEST], () => false);
  await using incoming = await content.ingest();
  const file = join(incoming.directory, 'blob');
  writeFileSync(file, BLOB);
  const removingAgain = content.discard(remove.ctx, [DIGEST], () => false);
  const adopting = content.adopt(load.ctx, file, DIGEST);
  const replacing = content.replace(check.ctx, file, DIGEST).catch(() => 'it has been adopted');
  const waits = `blob ${DIGEST}, which "remove" has`;
  assert.deepEqual([load.texts(), check.texts()], [[waits], [waits]]);
  await Promise.all([removing, removingAgain, adopting, replacing]);
  assert.deepEqual(
    [remove, load, check].flatMap((each) => each.texts()),
    [],
  );
});
