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
      const { upper, lower: lowers } = snapshots.get(snapshot);
      return workers.run(ctx, { kind: 'changes', upper, lowers });
    },
    exportRoot: async (ctx, snapshot) => {
      const { upper, lower } = snapshots.get(snapshot);
      return spoolers.read(ctx, { kind: 'export', layers: [upper, ...lower] });
    },
  };
}
