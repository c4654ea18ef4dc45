import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { makeCtx, type Ctx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import { openDatabase } from '../../common/sqlite.ts';
import type { Digest } from '../../image/digest.ts';
import type { Image } from '../../image/images.ts';
import { openImageStore, type ImageStore, type ImageStoreOptions } from '../../image/store.ts';

export interface TestStore extends ImageStore {
  readonly dataRoot: string;
  readonly ctx: Ctx;
  /** `action name`, in order. */
  readonly events: string[];
  /** What was said while loading, in order. */
  readonly said: string[];
  loadBytes(archive: Uint8Array): Promise<readonly Image[]>;
}

/** A store in a directory of its own, or in one that an earlier store used; both end with the test. */
export async function testStore(
  t: TestContext,
  dataRoot?: string,
  transfers?: NonNullable<ImageStoreOptions['transfers']>,
): Promise<TestStore> {
  const root = dataRoot ?? (await mkdtemp(join(tmpdir(), 'images-')));
  const db = openDatabase(join(root, 'meta.db'));
  const events: string[] = [];
  const said: string[] = [];
  const onEvent = (action: string, _id: string, name: string): void => void events.push(`${action} ${name}`);
  const store = await openImageStore({
    dataRoot: root,
    db,
    log: silentLog,
    onEvent,
    ...(transfers === undefined ? {} : { transfers }),
  });
  const ctx = makeCtx(silentLog);
  let open = true;
  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    await store.close();
    db.close();
  };
  t.after(async () => {
    await close();
    await rm(root, { recursive: true, force: true });
  });
  return {
    ...store,
    close,
    dataRoot: root,
    ctx,
    events,
    said,
    loadBytes: (archive) => store.images.load(ctx, Readable.from([archive]), (text) => void said.push(text)),
  };
}

/** Makes content of a namespace, which nothing leads to. */
export async function putContent(
  { namespaced }: Pick<ImageStore, 'namespaced'>,
  namespace: string,
  bytes: Uint8Array,
): Promise<Digest> {
  const anything = { ref: 'anything', total: 0, expected: '', labels: {} };
  await using ingest = await namespaced.ingests.open({ namespace, lease: undefined }, anything);
  await ingest.write(bytes);
  return await ingest.commit(makeCtx(silentLog), anything);
}
