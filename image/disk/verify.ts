import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { readdir, stat } from '../../common/patient-fs.ts';
import type { Ctx } from '../../common/ctx.ts';
import { isErrno } from '../../native/sys/files.ts';
import type { Usage, Verification } from '../disk.ts';
import { writingDirectory } from '../namespaces/content/writing.ts';
import type { StoreParts } from '../parts.ts';
import { ownedBlobs } from './usage.ts';

interface Findings {
  readonly orphans: string[];
  readonly missing: string[];
  actualBytes: number;
}

/** Disk.verify. */
export async function verify(parts: StoreParts, ctx: Ctx, readUsage: () => Usage): Promise<Verification> {
  const findings: Findings = { orphans: [], missing: [], actualBytes: 0 };
  await verifyLayers(parts, ctx, findings);
  await verifyWritables(parts, findings);
  await verifyBlobs(parts, ctx, findings);
  const usage = readUsage();
  return {
    expectedBytes: usage.layersDiskBytes + usage.contentDiskBytes + usage.partialBytes,
    actualBytes: findings.actualBytes,
    orphans: findings.orphans.sort(),
    missing: findings.missing.sort(),
  };
}

async function verifyLayers(parts: StoreParts, ctx: Ctx, findings: Findings): Promise<void> {
  const { directories, layers, workers } = parts;
  const onDisk = await directories.layers();
  const owned = new Set([...layers.all()].map(({ directory }) => directory));
  compare(owned, onDisk, { findings, path: (number) => directories.layer(number) });
  for (const number of onDisk) {
    const { diskBytes } = await workers.run(ctx, { kind: 'measure', path: directories.layer(number) });
    findings.actualBytes += diskBytes;
  }
}

/** What containers write is in no account, nor what clients of containerd's API do. */
async function verifyWritables(
  { directories, snapshots, owners }: StoreParts,
  findings: Findings,
): Promise<void> {
  const owned = new Set([...[...snapshots.all()].map(({ directory }) => directory), ...owners.directories()]);
  const path = (number: number): string => directories.writable(number);
  compare(owned, await directories.writables(), { findings, path });
}

async function verifyBlobs(parts: StoreParts, ctx: Ctx, findings: Findings): Promise<void> {
  const { content, recipes, owners } = parts;
  const onDisk = await content.list();
  const there = new Set(onDisk);
  const owned = [...ownedBlobs(parts)].filter((digest) => there.has(digest) || !recipes.get(digest));
  compare(new Set(owned), onDisk, { findings, path: (digest) => content.path(digest) });
  for (const digest of onDisk) {
    ctx.check();
    findings.actualBytes += ((await statOf(content.path(digest)))?.blocks ?? 0) * 512;
  }
  await verifyRecipes(parts, findings);
  const partials = new Set(content.partials.list().map(({ digest }) => content.partials.path(digest)));
  const kept = (await namesIn(join(content.root, 'partial'))).map((name) =>
    join(content.root, 'partial', name),
  );
  compare(partials, kept, { findings, path: (path) => path });
  for (const path of kept) findings.actualBytes += (await statOf(path))?.size ?? 0;
  const writing = await namesIn(writingDirectory(content));
  compare(new Set(owners.ingests()), writing, {
    findings,
    path: (name) => join(writingDirectory(content), name),
  });
  const incoming = join(content.root, 'ingest');
  for (const name of await namesIn(incoming)) findings.orphans.push(join(incoming, name));
}

async function verifyRecipes({ content, recipes }: StoreParts, findings: Findings): Promise<void> {
  const directory = join(content.root, 'recipes');
  const onDisk = (await namesIn(directory)).map((name) => join(directory, name));
  const owned = new Set(recipes.list().map((digest) => recipes.path(digest)));
  compare(owned, onDisk, { findings, path: (path) => path });
  for (const path of onDisk) findings.actualBytes += ((await statOf(path))?.blocks ?? 0) * 512;
}

function compare<T>(
  owned: ReadonlySet<T>,
  onDisk: readonly T[],
  { findings, path }: { readonly findings: Findings; readonly path: (thing: T) => string },
): void {
  const there = new Set(onDisk);
  findings.orphans.push(...[...there.difference(owned)].map((thing) => path(thing)));
  findings.missing.push(...[...owned.difference(there)].map((thing) => path(thing)));
}

const namesIn = (path: string): Promise<string[]> => orNone(readdir(path), []);

const statOf = (path: string): Promise<Stats | undefined> => orNone<Stats | undefined>(stat(path), undefined);

/** What goes away meanwhile is not there. */
async function orNone<T>(found: Promise<T>, none: T): Promise<T> {
  try {
    return await found;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return none;
    throw error;
  }
}
