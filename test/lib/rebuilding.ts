import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { sha256 } from '../../image/digest.ts';
import { rebuild } from '../../image/rebuild/rebuild.ts';
import { record } from '../../image/rebuild/record.ts';
import type { Recorded } from '../../image/workers/jobs.ts';
import { unpack } from '../../image/workers/unpack.ts';

export interface Recording {
  readonly recorded: Recorded;
  /** The unpacked layer. */
  readonly directory: string;
  readonly recipeBytes: number;
  /** Makes the blob of recipe and layer. */
  readonly again: () => Promise<Uint8Array>;
}

const { signal } = new AbortController();

/** Unpacks the blob of a layer and finds out whether it can be made again, without threads. */
export async function recordBlob(
  t: TestContext,
  { tar, blob }: { readonly tar: Uint8Array; readonly blob: Uint8Array },
): Promise<Recording> {
  const base = mkdtempSync('/tmp/rebuild-');
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const [path, directory, recipe, back] = ['blob', 'layer', 'recipe', 'back'].map((name) =>
    join(base, name),
  ) as [string, string, string, string];
  writeFileSync(path, blob);
  const diffId = sha256(tar);
  await unpack({ kind: 'unpack', blob: path, target: directory, diffId }, signal);
  const digest = sha256(blob);
  const recorded = await record(
    { kind: 'record', blob: path, digest, diffId, directory, file: recipe, limitMs: 600_000 },
    signal,
  );
  return {
    recorded,
    directory,
    recipeBytes: statSync(recipe).size,
    again: async () => {
      assert.equal(recorded.kind, 'recorded', JSON.stringify(recorded));
      const { recompression } = recorded;
      rmSync(back, { force: true });
      const made = await rebuild({ kind: 'rebuild', recipe, directory, recompression, file: back }, signal);
      const bytes = readFileSync(back);
      assert.equal(made.digest, sha256(bytes));
      return bytes;
    },
  };
}
