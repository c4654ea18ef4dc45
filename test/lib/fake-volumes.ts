import { notFound } from '../../common/errors.ts';
import type { Volume, Volumes } from '../../daemon/core/volumes/contract.ts';

/** Volumes that only exist by name, and a record of what was asked. */
export function fakeVolumes(record: (name: string, ...args: readonly unknown[]) => void): Volumes {
  const volumes = new Map<string, Volume>();
  const get = (name: string): Volume => {
    const volume = volumes.get(name);
    if (volume === undefined) throw notFound(`get ${name}: no such volume`);
    return volume;
  };
  const create: Volumes['create'] = async (_ctx, { name = 'made', driver = 'local', options, labels }) => {
    record('create-volume', name, driver);
    const createdAt = '2026-01-01T00:00:00Z';
    const mountpoint = `/volumes/${name}/_data`;
    const volume = { name, driver, mountpoint, labels, options, createdAt, scope: 'local' } as const;
    volumes.set(name, volume);
    return volume;
  };
  return {
    create,
    list: async () => ({ volumes: [...volumes.values()], warnings: [] }),
    get: async (_ctx, name) => get(name),
    users: () => [],
    remove: async (_ctx, name, { force }) => {
      record('remove-volume', name, force);
      if (!force) get(name);
      volumes.delete(name);
    },
    prune: async (_ctx, { wanted, all }) => {
      const removed = [...volumes.values()].filter(wanted).map(({ name }) => name);
      record('prune-volumes', all);
      for (const name of removed) volumes.delete(name);
      return { removed, reclaimedBytes: 0 };
    },
    usage: async () => ({ sizeBytes: 0, references: 0 }),
    copy: (ctx, from, to) => create(ctx, { ...get(from), name: to }),
  };
}
