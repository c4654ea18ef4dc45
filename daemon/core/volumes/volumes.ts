import type { Ctx } from '../../../common/ctx.ts';
import { messageOf, notFound } from '../../../common/errors.ts';
import type { Operation, Operations } from '../operations/contract.ts';
import { copyVolume } from './copy.ts';
import { LOCAL_DRIVER, type Volume, type Volumes } from './contract.ts';
import { createVolume } from './create.ts';
import type { VolumeParts } from './parts.ts';
import { pruneVolumes } from './prune.ts';
import { removeVolume } from './remove.ts';
import { askDriver, showRow } from './show.ts';

export const makeVolumes = (parts: VolumeParts, operations: Operations): Volumes => ({
  create: (ctx, request) =>
    operations.run(ctx, onVolume('create', request.name ?? ''), (own) => createVolume(parts, own, request)),
  list: (ctx) => list(parts, ctx),
  get: (ctx, name) => get(parts, ctx, name),
  users: (name) => parts.users(name),
  remove: (ctx, name, { force }) =>
    operations.run(ctx, onVolume('remove', name), (own) => removeVolume(parts, own, { name, force })),
  prune: (ctx, request) => pruneVolumes(parts, ctx, request),
  usage: async (ctx, name) => {
    const { driver, options } = parts.table.get(name);
    const isDirectory = driver === LOCAL_DRIVER && options['device'] === undefined;
    const bytes = isDirectory ? await parts.sizes.of(ctx, name) : undefined;
    return { sizeBytes: bytes ?? -1, references: parts.users(name).length };
  },
  copy: (ctx, from, to) =>
    operations.run(ctx, onVolume('copy', from), (own) => copyVolume(parts, own, { from, to })),
});

const onVolume = (name: string, id: string): Operation => ({ name, subject: { kind: 'volume', id } });

async function get(parts: VolumeParts, ctx: Ctx, name: string): Promise<Volume> {
  const row = parts.table.find(name);
  const found =
    row === undefined || row.state === 'removing'
      ? await elsewhere(parts, ctx, name)
      : await askDriver(parts, ctx, row);
  if (found === undefined) throw notFound(`get ${name}: no such volume`);
  return found;
}

/** A plugin may have volumes that were never ours. */
async function elsewhere(parts: VolumeParts, ctx: Ctx, name: string): Promise<Volume | undefined> {
  const { volumes } = await ofPlugins(parts, ctx);
  return volumes.find((volume) => volume.name === name);
}

async function list(
  parts: VolumeParts,
  ctx: Ctx,
): Promise<{ readonly volumes: readonly Volume[]; readonly warnings: readonly string[] }> {
  const rows = [...parts.table.all()].filter(({ state }) => state !== 'removing');
  const plugins = await ofPlugins(parts, ctx);
  const told = new Map(plugins.volumes.map((volume) => [volume.name, volume]));
  const known = rows.map((row): Volume => {
    const own = showRow(parts, row);
    const { mountpoint = own.mountpoint, status } = told.get(row.name) ?? {};
    return own.driver === LOCAL_DRIVER ? own : { ...own, mountpoint, status };
  });
  const names = new Set(rows.map(({ name }) => name));
  const others = plugins.volumes.filter(({ name }) => !names.has(name));
  return { volumes: [...known, ...others], warnings: plugins.warnings };
}

async function ofPlugins(
  { drivers }: VolumeParts,
  ctx: Ctx,
): Promise<{ readonly volumes: readonly Volume[]; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const names = await drivers.plugins.names();
  const lists = await Promise.all(
    names.map(async (driver): Promise<Volume[]> => {
      try {
        const plugin = await drivers.plugins.get(ctx, driver);
        const { scope } = plugin;
        const volumes = await plugin.list(ctx);
        return volumes.map((each) => ({ ...each, driver, labels: {}, options: {}, scope }));
      } catch (error) {
        warnings.push(`${driver}: ${messageOf(error)}`);
        return [];
      }
    }),
  );
  return { volumes: lists.flat(), warnings };
}
