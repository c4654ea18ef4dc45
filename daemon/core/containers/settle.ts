import { hostname } from 'node:os';
import { shortId } from '../../../common/ids.ts';
import type { Image } from '../../../image/images.ts';
import type { Container, CreateRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import { egressWarnings, settleEgress } from '../egress/settle.ts';
import { checkAtCreate } from '../health/check.ts';
import { NEVER_STARTED } from '../restarts/contract.ts';
import { checkLogDriver, checkLogTarget } from '../log-drivers/drivers.ts';
import { logConfigOf } from '../spec/log-config.ts';
import { formatTime, realTimeNs } from '../time.ts';
import { settleMountsFor, type SettledMounts } from '../volumes/mount-points.ts';
import { fitResources } from './fit-resources.ts';
import { donorFiles, networkDonorOf, settleMode, settleNetworks } from './join-networks.ts';
import { checkLinks } from './links.ts';
import { mergeConfig } from './merge.ts';
import { settleModes } from './namespaces.ts';
import { checkName, generateName, nameConflict } from './names.ts';
import { validateRequest } from './validate.ts';

/** What create refuses before it looks at anything of ours, in docker's order; the request without limits that the kernel lacks. */
export async function checkRequest(
  core: Core,
  asked: CreateRequest,
): Promise<{ readonly request: CreateRequest; readonly warnings: readonly string[] }> {
  const { resources, warnings } = fitResources(asked.host.resources, core.host.limits);
  const request = { ...asked, host: { ...asked.host, resources } };
  validateRequest(request, core.host);
  checkLogDriver(request.host);
  await checkLogTarget(request.host);
  checkLinks(core, request.host.links);
  return { request, warnings };
}

export interface Settled {
  readonly view: Container;
  readonly volumes: SettledMounts['volumes'];
  readonly warnings: readonly string[];
}

/**
 * The container that a checked request makes of an image: all of it that is decided at create. Synchronous, and makes nothing: who
 * inserts it at once finds the name free and the image there. Throws as create does.
 */
export function settle(
  core: Core,
  {
    request,
    image,
    id,
  }: { readonly request: CreateRequest; readonly image: Pick<Image, 'id' | 'config'>; readonly id: string },
): Settled {
  const name = chooseName(core, request.name, id);
  const { volumes, ...view } = describe(core, { request, image, id, name });
  logConfigOf({ ...view, logFile: core.paths.log(id) });
  const warnings = [...checkAtCreate(view.config, request.healthcheck), ...egressWarnings(view.config)];
  return { view, volumes, warnings };
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
  readonly image: Pick<Image, 'id' | 'config'>;
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
  const confined = settleEgress(core.networks, { ...merged, networks });
  const config = { ...merged, networks, host: { ...confined, namespaces } };
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
