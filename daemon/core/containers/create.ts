import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Ctx } from '../../../common/ctx.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { newId, shortId } from '../../../common/ids.ts';
import { Undo } from '../../../common/undo.ts';
import type { Image } from '../../../image/images.ts';
import type { Container, CreateRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import { checkAtCreate } from '../health/check.ts';
import { NEVER_STARTED } from '../restarts/contract.ts';
import { checkLogDriver, checkLogTarget } from '../log-drivers/drivers.ts';
import { logConfigOf } from '../spec/log-config.ts';
import { formatTime, realTimeNs } from '../time.ts';
import { together } from '../together.ts';
import { fillVolumesOf, makeVolumesFor } from '../volumes/prepare.ts';
import { settleMountsFor, type SettledMounts } from '../volumes/mount-points.ts';
import { announce } from './announce.ts';
import { discard } from './discard.ts';
import { fitResources } from './fit-resources.ts';
import { donorFiles, networkDonorOf, settleMode, settleNetworks } from './join-networks.ts';
import { checkLinks } from './links.ts';
import { mergeConfig } from './merge.ts';
import { settleModes } from './namespaces.ts';
import { checkName, generateName, nameConflict } from './names.ts';
import { validateRequest } from './validate.ts';

/** Containers.create: the row first, so that all that follows has an owner; then the snapshot and the directory. */
export async function create(
  core: Core,
  ctx: Ctx,
  asked: CreateRequest,
): Promise<{ id: string; warnings: readonly string[] }> {
  const { resources, warnings } = fitResources(asked.host.resources, core.host.limits);
  const request = { ...asked, host: { ...asked.host, resources } };
  validateRequest(request, core.host);
  checkLogDriver(request.host);
  await checkLogTarget(request.host);
  checkLinks(core, request.host.links);
  const id = newId();
  // Nobody else knows the id yet; a client that guesses the name waits until the container is whole.
  using _lock = await core.locks.acquire(id, 'create');
  // From here to the row nothing waits: the image stays, and the name stays free.
  const image = core.images.get(request.image);
  const { volumes, ...view } = describe(core, {
    request,
    image,
    id,
    name: chooseName(core, request.name, id),
  });
  logConfigOf({ ...view, logFile: core.paths.log(id) });
  const unchecked = checkAtCreate(view.config, request.healthcheck);
  const entry = core.table.insert(view);
  await using undo = new Undo();
  undo.defer(() =>
    core.background.run('Cannot discard a container that was not made', { container: id }, () =>
      discard(core, ctx.detached(), { entry, volumes: true }),
    ),
  );
  await failpoint('container.create.row');
  // Before the snapshot, without which a container is none after a crash.
  await makeVolumesFor(core, ctx, volumes);
  await fillVolumesOf(core, ctx, view);
  await together([
    core.snapshots.prepare(ctx, id, image.topChain),
    mkdir(core.paths.container(id), { mode: 0o710 }),
  ]);
  await failpoint('container.create.files');
  // Asked for again: a layer may have been exchanged while the others were made.
  core.table.publish(entry, { overlay: core.snapshots.get(id) });
  undo.commit();
  core.disk.touch(image.id);
  announce(core, entry, { action: 'create' });
  return { id, warnings: [...warnings, ...unchecked] };
}

function chooseName(core: Core, wanted: string | undefined, id: string): string {
  if (wanted === undefined || wanted === '') {
    return generateName((name) => core.table.nameOwner(name) !== undefined, shortId(id));
  }
  const name = checkName(wanted);
  const owner = core.table.nameOwner(name);
  if (owner !== undefined) throw nameConflict(name, owner);
  return name;
}

interface Described {
  readonly request: CreateRequest;
  readonly image: Image;
  readonly id: string;
  readonly name: string;
}

/** Docker keeps a namespace that is joined under its container's id, and its names. */
function withMode(core: Core, request: CreateRequest): CreateRequest {
  const networkMode = settleMode(core, request.host.networkMode);
  return { ...request, host: { ...request.host, networkMode } };
}

function describe(
  core: Core,
  { request, image, id, name }: Described,
): Container & Pick<SettledMounts, 'volumes'> {
  const donor = networkDonorOf(core, request.host.networkMode);
  // Docker names a container on the host's network after the host, everybody else after its id.
  const ownName = request.host.networkMode === 'host' ? hostname() : (donor?.config.hostname ?? shortId(id));
  const merged = mergeConfig(withMode(core, request), image.config, ownName);
  const { host } = merged;
  const namespaces = settleModes(core, host.namespaces, host.privileged);
  const networks = settleNetworks(core, merged);
  const config = { ...merged, networks, host: { ...host, namespaces } };
  const [path = '', ...args] = [...(config.entrypoint ?? []), ...(config.cmd ?? [])];
  return {
    id,
    name,
    createdAt: formatTime(realTimeNs()),
    imageId: image.id,
    imageName: request.image,
    path,
    args,
    config,
    state: { kind: 'created', error: '', exitCode: 0 },
    restarts: NEVER_STARTED,
    logPath: config.host.logDriver === 'json-file' ? core.paths.log(id) : '',
    hostnamePath: core.paths.hostname(id),
    hostsPath: core.paths.hosts(id),
    resolvConfPath: core.paths.resolvConf(id),
    ...donorFiles(donor),
    overlay: { lower: [], upper: '', work: '' },
    sandbox: undefined,
    sandboxKey: '',
    ports: [],
    ...settleMountsFor(core, config),
    execIds: [],
    health: undefined,
  };
}
