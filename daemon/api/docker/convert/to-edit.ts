import { invalidArgument } from '../../../../common/errors.ts';
import type { Container, ContainerEdit } from '../../../core/contract.ts';
import { fromDocker } from '../../../core/health/docker-form.ts';
import type { ApiVersion } from '../versions.ts';
import { readCreateBody, type CreateBody } from '../wire/create.ts';
import type { HostConfig } from '../wire/host-config.ts';
import { checkTmpfs } from './host-forms.ts';
import { bindsOf, checkMounts, imageMountsOf, tmpfsOf, volumesOf } from './mounts.ts';
import { showBindings } from './shown-host-config.ts';
import { readUpdate, UPDATABLE } from './to-update.ts';

const EDITABLE: readonly string[] = ['Labels', 'Env', 'Healthcheck', 'ExposedPorts', 'Volumes', 'HostConfig'];
const MOUNTS = ['Binds', 'Mounts', 'Tmpfs'] as const;
const EDITABLE_HOST: readonly string[] = ['PortBindings', ...MOUNTS, ...UPDATABLE];

/**
 * The body of an edit: create's, as far as it can be changed on a container that is there. What is given replaces what it has of the
 * kind. Throws `invalid-argument` for every other field.
 */
export function readEdit(
  json: string,
  before: Container,
  version: ApiVersion,
): { readonly change: ContainerEdit; readonly warnings: readonly string[] } {
  const body = readCreateBody(json);
  const host: HostConfig = body.HostConfig ?? {};
  refuseOthers(body, host);
  const limits = Object.entries(host).filter(([name]) => UPDATABLE.has(name));
  const { change: update, warnings } = readUpdate(JSON.stringify(Object.fromEntries(limits)), version);
  const bindings = host.PortBindings;
  const mounts = readMounts(body, host, before);
  return {
    warnings,
    change: {
      labels: body.Labels,
      env: body.Env,
      healthcheck: body.Healthcheck === undefined ? undefined : fromDocker(body.Healthcheck),
      exposedPorts: exposedBy(body, before),
      portBindings: bindings,
      mounts: mounts.change,
      update,
      raw: {
        ...update.raw,
        ...mounts.raw,
        ...(bindings === undefined ? {} : { PortBindings: showBindings(bindings) }),
      },
    },
  };
}

function refuseOthers(body: CreateBody, host: HostConfig): void {
  const refused = [
    ...Object.keys(body).filter((name) => !EDITABLE.includes(name)),
    ...Object.keys(host)
      .filter((name) => !EDITABLE_HOST.includes(name))
      .map((name) => `HostConfig.${name}`),
  ];
  if (refused.length > 0) {
    throw invalidArgument(`${refused.join(', ')} cannot be edited: make a new container of it`);
  }
}

/** What is published is exposed, too, as docker's clients have it. */
function exposedBy(body: CreateBody, { config }: Container): ContainerEdit['exposedPorts'] {
  const bindings = body.HostConfig?.PortBindings;
  if (body.ExposedPorts === undefined && bindings === undefined) return undefined;
  const own = body.ExposedPorts ?? config.exposedPorts;
  const names = new Set([...Object.keys(own), ...Object.keys(bindings ?? {})]);
  return Object.fromEntries([...names].map((name) => [name, {}]));
}

/** Docker's two forms stand side by side: what is not given is as it was sent before. */
function readMounts(
  body: CreateBody,
  host: HostConfig,
  { config }: Container,
): { readonly change: ContainerEdit['mounts']; readonly raw: ContainerEdit['raw'] } {
  const given = MOUNTS.filter((name) => host[name] !== undefined);
  if (given.length === 0 && body.Volumes === undefined) return { change: undefined, raw: {} };
  const raw = Object.fromEntries(given.map((name) => [name, host[name]]));
  const sent = config.host.raw as Partial<HostConfig>;
  const kept = MOUNTS.flatMap((name) => (sent[name] ? [[name, sent[name]]] : []));
  const all = { ...(Object.fromEntries(kept) as HostConfig), ...raw, VolumeDriver: config.host.volumeDriver };
  checkMounts(all);
  checkTmpfs(all);
  const volumes = Object.keys(body.Volumes ?? config.volumes).map((path) => [path, {}] as const);
  return {
    raw,
    change: {
      volumes: Object.fromEntries(volumes),
      host: {
        binds: bindsOf(all),
        volumes: volumesOf(all),
        imageMounts: imageMountsOf(all),
        tmpfs: tmpfsOf(all),
      },
    },
  };
}
