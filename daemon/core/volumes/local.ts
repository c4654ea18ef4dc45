import { lookup } from 'node:dns/promises';
import { join } from 'node:path';
import { failpoint } from '../../../common/failpoints.ts';
import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, internal, invalidArgument, messageOf } from '../../../common/errors.ts';
import { hasLoopFile, type Loops } from '../../../image/loops.ts';
import type { WorkerPool } from '../../../image/workers/pool.ts';
import type { VolumeDriver } from './contract.ts';
import { directoriesIn } from './directories.ts';
import {
  checkLocalName,
  checkLocalOptions,
  hostToResolve,
  mountOf,
  NO_QUOTA,
  sizeOf,
  withAddress,
} from './local-options.ts';

/** Volumes below `<dataRoot>/volumes`, each a directory of its own with what containers see in `_data`. */
export interface LocalDriver extends VolumeDriver {
  directory(name: string): string;
  dataPath(name: string): string;
  /** The directory, with what is in it for this process, until it is disposed: of a volume without options or of some size. */
  open(ctx: Ctx, name: string): Promise<AsyncDisposable & { readonly path: string }>;
}

const DATA = '_data';

/** `workers` remove what containers have written, however deep that is. */
export function createLocalDriver(
  {
    root,
    workers,
    loops,
  }: { readonly root: string; readonly workers: WorkerPool; readonly loops: () => Loops },
  optionsOf: (name: string) => Readonly<Record<string, string>> | undefined,
): LocalDriver {
  const directory = (name: string): string => join(root, name);
  const dataPath = (name: string): string => join(root, name, DATA);
  const directories = directoriesIn(root);
  const isLimited = (name: string): boolean => sizeOf(optionsOf(name) ?? {}) > 0;
  const loopOf = async (name: string): Promise<string | undefined> =>
    isLimited(name) && (await hasLoopFile(directory(name))) ? directory(name) : undefined;
  const limit = async (ctx: Ctx, path: string, sizeBytes: number): Promise<void> => {
    if (sizeBytes === 0) return;
    try {
      await workers.run(ctx, { kind: 'limit', directory: path, below: [DATA], sizeBytes });
    } catch (error) {
      if (codeOf(error) !== 'invalid-argument') throw error;
      throw invalidArgument(`${NO_QUOTA}: ${messageOf(error)}`, { cause: error });
    }
    await failpoint('volume.create.limited');
  };
  return {
    scope: 'local',
    directory,
    dataPath,
    check: (name, options) => {
      checkLocalName(name);
      checkLocalOptions(options);
    },
    create: async (ctx, name, options) => {
      // Docker's modes: nobody but root passes, whatever the volume itself allows.
      await directories.make(directory(name), 0o701);
      await directories.make(dataPath(name), 0o755);
      // Before anything is in it: what the volume gets from the image counts.
      await limit(ctx, directory(name), sizeOf(options));
    },
    remove: async (ctx, name) => {
      await failpoint('volume.remove.files');
      if (!isLimited(name) && (await directories.removeEmpty([dataPath(name), directory(name)]))) return;
      await workers.run(ctx, { kind: 'remove', directory: root, name });
    },
    find: async (_ctx, name) => (optionsOf(name) === undefined ? undefined : { mountpoint: dataPath(name) }),
    mount: async (_ctx, name) => ({
      source: dataPath(name),
      loop: await loopOf(name),
      mount: mountOf(await resolved(name, optionsOf(name) ?? {})),
    }),
    open: async (ctx, name) => {
      const loop = await loopOf(name);
      if (loop === undefined) return { path: directory(name), [Symbol.asyncDispose]: async () => {} };
      return loops().open(ctx, loop);
    },
    unmount: async () => {},
  };
}

/** The kernel's NFS wants an address where people write a name. */
async function resolved(
  name: string,
  options: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const host = hostToResolve(options);
  if (host === undefined) return options;
  try {
    return withAddress(options, (await lookup(host)).address);
  } catch (error) {
    throw internal(
      `error while mounting volume '${name}': error resolving passed in network volume address: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
