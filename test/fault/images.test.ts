import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, execPath } from 'node:process';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCtx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import { openDatabase } from '../../common/sqlite.ts';
import { openImageStore, type ImageStore } from '../../image/store.ts';
import { dockerArchive, layer, ociArchive } from '../lib/image-archives.ts';
import { REMOTE_IMAGES, type Journal } from '../lib/image-soak.ts';
import { uploads } from '../lib/pull-registry.ts';
import { seededRandom, type Random } from '../lib/random.ts';
import { startRegistry } from '../lib/registry.ts';
import { PATIENCE } from '../lib/process.ts';
import { requires } from '../lib/requires.ts';

const ROOT = requires('root', 'docker-registry');
/** `WHERRY_SOAK=10000` runs ten thousand operations; `WHERRY_SEED` tells a failure again, but for kills that come at any moment. */
const OPERATIONS = Number(env['WHERRY_SOAK'] ?? 200);
const SEED = Number(env['WHERRY_SEED'] ?? 4);
const PER_ROUND = 25;
const SOAK = fileURLToPath(new URL('../lib/image-soak.ts', import.meta.url));

const FAILPOINTS = [
  'load.spooled',
  'layer.unpacked',
  'load.synced',
  'snapshot.made',
  'snapshot.forgotten',
  'image.forgotten',
  'layer.exchanged',
  'recipe.moved',
  'recipe.recorded',
];

const ctx = makeCtx(silentLog);

/** Runs a story on a store that is opened for it, and closed after, when nothing is under way any more. */
async function withStore<T>(root: string, story: (store: ImageStore) => Promise<T>): Promise<T> {
  const db = openDatabase(join(root, 'meta.db'));
  try {
    const store = await openImageStore({ dataRoot: root, db, log: silentLog });
    try {
      return await story(store);
    } finally {
      await store.close();
    }
  } finally {
    db.close();
  }
}

const someLayers = (random: Random): Buffer[] =>
  Array.from({ length: 6 }, (_, index) =>
    layer(
      { name: `d${index}/` },
      ...Array.from({ length: 1 + random.below(8) }, (_member, file) => ({
        name: `d${index}/f${file}`,
        data: Buffer.alloc(random.below(120_000), random.below(256)),
      })),
    ),
  );

/** Images that share layers, in both formats, compressed and not. */
function writeArchives(directory: string, layers: readonly Buffer[], random: Random): void {
  mkdirSync(directory);
  const names = ['a:1', 'a:2', 'b:1', 'c:latest', 'd:1'];
  for (let index = 0; index < 8; index += 1) {
    const count = 1 + random.below(4);
    const parts = {
      layers: layers.slice(random.below(2), count + 1),
      config: { Labels: { index: String(index) } },
      tags: random.once(4) ? [] : [random.pick(names)],
    };
    const how = random.pick(['none', 'gzip', 'zstd'] as const);
    const archive = random.once(2)
      ? dockerArchive(parts, how)
      : ociArchive(parts, { how, withDockerManifest: true });
    writeFileSync(join(directory, `${index}.tar`), archive);
  }
}

/** Of what is below the directories that the account speaks of. */
function du(root: string): number {
  const script = 'du -csB1 content/blobs/sha256/* content/recipes/* snapshots/l/* 2>/dev/null | tail -n 1';
  return Number.parseInt(execFileSync('sh', ['-c', script], { cwd: root, encoding: 'utf8' }), 10) || 0;
}

/** The account is du's within a hundredth, nothing lies about, nothing is damaged. */
async function assertSound(root: string): Promise<void> {
  await withStore(root, async (store) => {
    const { orphans, missing } = await store.disk.verify(ctx);
    assert.deepEqual([orphans, missing], [[], []]);
    assert.deepEqual(await store.disk.check(ctx, { repair: false }), []);
  });
  // Closed: what was taken out of sight is gone.
  const usage = await withStore(root, async (store) => store.disk.usage());
  const [says, is] = [usage.layersDiskBytes + usage.contentDiskBytes, du(root)];
  assert.ok(Math.abs(says - is) <= is / 100, `The account says ${says}, du says ${is}`);
  assert.deepEqual(readdirSync(join(root, 'snapshots/t')), []);
  assert.deepEqual(readdirSync(join(root, 'content/ingest')), []);
}

/** What the journal's operations had done is there, but for what the last one was doing. */
async function assertKept(root: string, { names, snapshots, touches }: Journal): Promise<void> {
  if (touches.includes('*')) return;
  await withStore(root, async (store) => {
    const isLeftAlone = (name: string): boolean => !touches.includes(name);
    const present = store.images.list().flatMap(({ id, tags }) => tags.map((tag) => [tag, id] as const));
    const kept = (entries: readonly (readonly [string, string])[]): object =>
      Object.fromEntries(entries.filter(([name]) => isLeftAlone(name)));
    assert.deepEqual(kept(present), kept(Object.entries(names)));
    const keys = (all: readonly string[]): string[] => all.filter((key) => isLeftAlone(key)).toSorted();
    assert.deepEqual(keys(store.snapshots.keys()), keys(snapshots));
  });
}

async function removeAll(root: string): Promise<void> {
  await withStore(root, async (store) => {
    for (const key of store.snapshots.keys()) await store.snapshots.remove(ctx, key);
    for (const { id } of store.images.list()) {
      await store.images.remove(ctx, id, { force: true, users: () => [] });
    }
    // What a killed pull has begun is kept for the next one.
    const { images, partialBytes: _kept, ...bytes } = store.disk.usage();
    assert.deepEqual([images, ...Object.values(bytes).filter((count) => count !== 0)], [[]]);
  });
  assert.equal(du(root), 0);
}

/** Some of their layers come in archives, too. */
async function fillRegistry(host: string, layers: readonly Buffer[]): Promise<void> {
  for (let number = 0; number < REMOTE_IMAGES; number += 1) {
    const parts = {
      layers: layers.slice(number % 2, 2 + number),
      config: { Labels: { remote: `${number}` } },
    };
    await uploads(`http://${host}/v2`).push(parts, `r:${number}`);
  }
}

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** Killed after so many milliseconds, unless it has ended before. */
async function soak(args: readonly string[], failpoint: string, killAfterMs?: number): Promise<Ended> {
  const child = spawn(execPath, [SOAK, ...args], {
    env: { ...env, WHERRY_FAILPOINTS: failpoint },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 240_000 * PATIENCE,
    killSignal: 'SIGABRT',
  });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += String(text)));
  const { promise, resolve } = Promise.withResolvers<Ended>();
  child.once('close', (status, signal) => resolve({ status, signal, stderr }));
  const kill = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const end = await promise;
  clearTimeout(kill);
  return end;
}

/** Of a process that starts and works for a second or two. */
const randomMoment = (random: Random): number => 100 + random.below(2_500);

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'soak-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test(
  `${OPERATIONS} random operations with kills in between: the account is true, nothing is lost or left`,
  ROOT,
  async (t) => {
    const directory = place(t);
    const [root, archives, journal] = ['data', 'archives', 'journal'].map((name) =>
      join(directory, name),
    ) as [string, string, string];
    mkdirSync(root);
    const random = seededRandom(SEED);
    const layers = someLayers(random);
    writeArchives(archives, layers, random);
    const { host } = await startRegistry(t);
    await fillRegistry(host, layers);
    let done = 0;
    for (let round = 0; done < OPERATIONS; round += 1) {
      const failpoint = random.once(3) ? '' : `${random.pick(FAILPOINTS)}=kill@${1 + random.below(6)}`;
      const killAfterMs = failpoint === '' && !random.once(3) ? randomMoment(random) : undefined;
      const seed = SEED * 1_000_003 + round;
      rmSync(journal, { force: true });
      const args = [root, archives, journal, String(seed), String(PER_ROUND), host];
      const ended = await soak(args, failpoint, killAfterMs);
      const isMeant = failpoint !== '' || killAfterMs !== undefined;
      const told = `round ${round}, seed ${SEED}, ${failpoint} ${killAfterMs} ms, ended with ${ended.signal ?? ended.status}: ${ended.stderr}`;
      assert.ok(ended.status === 0 || (ended.signal === 'SIGKILL' && isMeant), told);
      try {
        if (existsSync(journal)) {
          const written = JSON.parse(readFileSync(journal, 'utf8')) as Journal;
          await assertKept(root, written);
          done += written.done + 1;
        }
        await assertSound(root);
      } catch (error) {
        throw new Error(told, { cause: error });
      }
    }
    await removeAll(root);
  },
);
