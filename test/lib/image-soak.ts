/**
 * Random operations on an image store, in a process of its own that a failpoint may kill:
 * `image-soak.ts <data root> <directory of archives> <journal> <seed> <count> <registry>`. The journal says after each operation what
 * was there, and before each what it touches. The registry has what `pulled` names.
 */
import { createReadStream, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import { makeCtx } from '../../common/ctx.ts';
import { codeOf } from '../../common/errors.ts';
import { silentLog } from '../../common/log.ts';
import { openDatabase } from '../../common/sqlite.ts';
import type { CommitRequest } from '../../image/archives.ts';
import type { PruneRequest } from '../../image/disk.ts';
import type { ImageId } from '../../image/snapshots.ts';
import { openImageStore, type ImageStore } from '../../image/store.ts';
import { plainRegistries, pullFrom } from './pulling.ts';
import { seededRandom, type Random } from './random.ts';

/** What survives a kill: all but what the operation under way touches. */
export interface Journal {
  readonly done: number;
  /** Image id by name. */
  readonly names: Readonly<Record<string, string>>;
  readonly snapshots: readonly string[];
  /** `*` is everything. */
  readonly touches: readonly string[];
}

interface Soak {
  readonly store: ImageStore;
  readonly random: Random;
  readonly archives: readonly string[];
  readonly registry: string;
}

/** Images in the registry, `<host>/r:<n>`. */
export const REMOTE_IMAGES = 4;
export const pulled = (registry: string, number: number): string => `${registry}/r:${number}`;

const NAMES = ['a:1', 'a:2', 'b:1', 'c:latest', 'd:1'];
const KEYS = ['k1', 'k2', 'k3'];
const ctx = makeCtx(silentLog);

interface Operation {
  readonly touches: readonly string[];
  readonly run: () => Promise<unknown>;
}

function choose({ store, random, archives, registry }: Soak): Operation {
  const name = random.pick(NAMES);
  const key = random.pick(KEYS);
  const { images, snapshots, disk } = store;
  const isUsed = (): boolean => false;
  const prune: PruneRequest = {
    danglingOnly: !random.once(4),
    createdBefore: undefined,
    labels: [],
    notLabels: [],
    dryRun: random.once(4),
    isUsed,
  };
  const some = images.list();
  const image = some.length === 0 ? undefined : random.pick(some);
  const remove = (reference: string) => () => images.remove(ctx, reference, { force: true, users: () => [] });
  const path = random.pick(archives);
  const size = random.below(50_000);
  const remote = pulled(registry, random.below(REMOTE_IMAGES));
  const operations: readonly Operation[] = [
    // An archive has names of its own.
    { touches: ['*'], run: () => images.load(ctx, createReadStream(path), () => {}) },
    { touches: ['*'], run: () => images.load(ctx, createReadStream(path), () => {}) },
    { touches: [remote], run: () => pullFrom({ store, ctx }, remote) },
    { touches: [remote], run: remove(remote) },
    { touches: [name], run: () => images.tag(ctx, image?.id ?? 'none', name) },
    { touches: [name], run: remove(name) },
    { touches: image?.tags ?? [], run: remove(image?.id ?? 'none') },
    { touches: [key], run: () => snapshots.prepare(ctx, key, image?.topChain) },
    {
      touches: [key],
      run: async () => writeFile(join(snapshots.get(key).upper, `f${size}`), Buffer.alloc(size)),
    },
    { touches: [key], run: () => snapshots.remove(ctx, key) },
    {
      touches: [name],
      run: () => store.archives.commit(ctx, commitOf(key, name, image?.id ?? ('none' as ImageId))),
    },
    {
      touches: [],
      run: async () => {
        for await (const _ of await store.archives.save(ctx, [name], undefined));
      },
    },
    { touches: [], run: () => disk.compact(ctx) },
    { touches: prune.danglingOnly ? [] : ['*'], run: () => disk.prune(ctx, prune) },
    {
      touches: ['*'],
      run: () =>
        random.once(10)
          ? disk.reclaim(ctx, { dryRun: false, isUsed, marks: { highPercent: 0.001, lowPercent: 0 } })
          : disk.verify(ctx),
    },
    { touches: [], run: () => (random.once(5) ? disk.check(ctx, { repair: true }) : disk.verify(ctx)) },
  ];
  return random.pick(operations);
}

const commitOf = (snapshot: string, reference: string, image: ImageId): CommitRequest => ({
  ...{ snapshot, image, reference, config: {}, changes: [], author: '', comment: '' },
  ...{ containerId: 'c'.repeat(64), command: [] },
});

/** What a client does wrong is part of it. */
const EXPECTED = ['not-found', 'conflict'];

interface Task {
  readonly root: string;
  readonly archives: string;
  readonly journal: string;
  readonly seed: number;
  readonly count: number;
  readonly registry: string;
}

async function soak({ root, archives, journal, seed, count, registry }: Task): Promise<void> {
  const db = openDatabase(join(root, 'meta.db'));
  const store = await openImageStore({
    ...{ dataRoot: root, db, log: silentLog, transfers: plainRegistries() },
    dropBlobs: seed % 2 === 1,
  });
  const all = readdirSync(archives).map((name) => join(archives, name));
  const random = seededRandom(seed);
  const note = (done: number, touches: readonly string[]): void => {
    const names = Object.fromEntries(
      store.images.list().flatMap(({ id, tags }) => tags.map((tag) => [tag, id])),
    );
    const snapshots = store.snapshots.keys();
    // Whole at any moment of a kill.
    writeFileSync(`${journal}.new`, JSON.stringify({ done, names, snapshots, touches } satisfies Journal));
    renameSync(`${journal}.new`, journal);
  };
  for (let done = 0; done < count; done += 1) {
    // Sometimes several at a time.
    const operations = Array.from({ length: random.once(4) ? 3 : 1 }, () =>
      choose({ store, random, archives: all, registry }),
    );
    note(
      done,
      operations.flatMap(({ touches }) => touches),
    );
    const results = await Promise.allSettled(operations.map(({ run }) => run()));
    for (const result of results) {
      if (result.status === 'rejected' && !EXPECTED.includes(codeOf(result.reason))) throw result.reason;
    }
  }
  note(count, []);
  await store.close();
  db.close();
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [root = '', archives = '', journal = '', seed = '', count = '', registry = ''] = argv.slice(2);
  await soak({ root, archives, journal, seed: Number(seed), count: Number(count), registry });
  exit(0);
}
