import type { Ctx } from '../../../common/ctx.ts';
import { conflict } from '../../../common/errors.ts';
import type { ImageConfig } from '../../../image/images.ts';
import type { ImageId } from '../../../image/snapshots.ts';
import type { ContainerCommit } from '../contract.ts';
import type { Core } from '../core.ts';
import { toDocker } from '../health/docker-form.ts';
import { announce } from './announce.ts';
import { freezeEntry, thawEntry } from './freeze.ts';
import { lockContainer } from './lock.ts';
import { mergeEnv } from './merge.ts';
import type { Entry } from './table.ts';

/** Containers.commit. The container stands still meanwhile, unless the client wants it otherwise. */
export async function commit(
  core: Core,
  ctx: Ctx,
  { reference, request }: { readonly reference: string; readonly request: ContainerCommit },
): Promise<ImageId> {
  const entry = core.table.find(reference);
  using _lock = await lockContainer(core, ctx, entry.id);
  checkWhole(entry, 'commit');
  const { id, view } = entry;
  const { pause, config, ...rest } = request;
  await using _still = await standStill(core, entry, pause);
  const image = await core.archives.commit(ctx, {
    ...rest,
    snapshot: id,
    image: view.imageId as ImageId,
    config: mergedConfig(config, ownConfig(entry)),
    containerId: id,
    command: [view.path, ...view.args],
  });
  const attributes = { comment: request.comment, imageID: image, imageRef: request.reference ?? '' };
  announce(core, entry, { action: 'commit', attributes });
  return image;
}

/** Throws docker's `conflict` for a container that is going. */
export function checkWhole({ id, view }: Entry, verb: 'commit' | 'export'): void {
  const { kind } = view.state;
  if (kind === 'dead') throw conflict(`You cannot ${verb} container ${id} which is Dead`);
  if (kind === 'removing') throw conflict(`You cannot ${verb} container ${id} which is being removed`);
}

/** Freezes a running container until disposed. One that ends meanwhile is no error. */
async function standStill(core: Core, entry: Entry, pause: boolean): Promise<AsyncDisposable> {
  if (!pause || entry.view.state.kind !== 'running') return { [Symbol.asyncDispose]: async () => {} };
  try {
    await freezeEntry(core, entry);
  } catch (error) {
    if (entry.view.state.kind === 'running') throw error;
  }
  return { [Symbol.asyncDispose]: () => thawEntry(core, entry) };
}

function ownConfig({ view: { config } }: Entry): ImageConfig {
  const { imageConfig } = config;
  return {
    ...imageConfig,
    User: config.user,
    ExposedPorts: config.exposedPorts,
    Env: config.env,
    Entrypoint: config.entrypoint ?? null,
    Cmd: config.cmd ?? null,
    Volumes: config.volumes,
    WorkingDir: config.workingDir,
    Labels: config.labels,
    ...(config.healthcheck === undefined ? {} : { Healthcheck: toDocker(config.healthcheck) }),
    ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
  };
}

/** Docker's merge: what the client gave, then the container's own; a given entry point drops the container's command. */
function mergedConfig(given: ImageConfig | undefined, own: ImageConfig): ImageConfig {
  if (given === undefined) return own;
  const entrypoint = given.Entrypoint ?? [];
  const cmd = given.Cmd ?? [];
  return {
    ...own,
    ...given,
    User: given.User || (own.User ?? ''),
    WorkingDir: given.WorkingDir || (own.WorkingDir ?? ''),
    Env: mergeEnv(given.Env ?? [], own.Env ?? []),
    ExposedPorts: { ...own.ExposedPorts, ...given.ExposedPorts },
    Volumes: { ...own.Volumes, ...given.Volumes },
    Labels: { ...own.Labels, ...given.Labels },
    Entrypoint: entrypoint.length > 0 ? entrypoint : (own.Entrypoint ?? null),
    Cmd: entrypoint.length > 0 || cmd.length > 0 ? (given.Cmd ?? null) : (own.Cmd ?? null),
  };
}
