import type { Archives } from '../archives.ts';
import type { StoreParts } from '../parts.ts';
import { saveImages } from '../save/save.ts';
import { commitSnapshot } from './commit.ts';
import { importRoot } from './import.ts';

/** What comes in as an archive and goes out as one. */
export function makeArchives(parts: StoreParts): Archives {
  const { snapshots, workers, spoolers } = parts;
  return {
    save: (ctx, references, platform) => saveImages(parts, ctx, { references, platform }),
    importRoot: (ctx, archive, request) => importRoot(parts, ctx, { archive, request }),
    commit: (ctx, request) => commitSnapshot(parts, ctx, request),
    changes: async (ctx, snapshot) => {
      await using opened = await snapshots.open(ctx, snapshots.get(snapshot));
      const { upper, lower: lowers } = opened;
      return await workers.run(ctx, { kind: 'changes', upper, lowers });
    },
    exportRoot: async (ctx, snapshot) => {
      const overlay = snapshots.get(snapshot);
      return (async function* () {
        await using opened = await snapshots.open(ctx, overlay);
        yield* spoolers.read(ctx, { kind: 'export', layers: [opened.upper, ...opened.lower] });
      })();
    },
  };
}
