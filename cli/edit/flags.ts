import { invalidArgument } from '../../common/errors.ts';
import { bool, list, value, type Values } from '../../common/flags/flag.ts';
import { checkVariable, readVariables } from '../container/environment.ts';
import { actionLabels, healthFlags, readHealthcheck } from '../container/health.ts';
import { type Mount, parseMount, readVolumes } from '../container/mounts.ts';
import { pairs } from '../container/pairs.ts';
import { readPorts } from '../container/publish.ts';
import { updateBody, updateFlags } from '../container/update-body.ts';
import type { Binding, Edit, Editable } from './editable.ts';

export const editFlags = {
  'label-add': list('Add or change a label (NAME=VALUE)'),
  'label-rm': list('Remove a label'),
  env: list('Set an environment variable', { short: 'e', check: checkVariable }),
  'env-rm': list('Remove an environment variable'),
  'publish-add': list("Publish a port ('[IP:]HOST:CONTAINER[/PROTOCOL]')"),
  'publish-rm': list("Publish a port no longer ('[HOST:]CONTAINER[/PROTOCOL]')"),
  'volume-add': list('Mount a directory or a volume (as -v of run)'),
  'mount-add': value<readonly Mount[]>({
    type: 'mount',
    help: 'Attach a file system (as --mount of run)',
    initial: [],
    read: (text, before) => [...before, parseMount(text)],
  }),
  'tmpfs-add': list('Mount a tmpfs at a directory'),
  'mount-rm': list('Mount nothing at this directory any more'),
  ...updateFlags,
  ...healthFlags,
  'dry-run': bool('Only print what would change, and whether the container would be started anew'),
};

type Flags = Values<typeof editFlags>;

/** What the flags make of a container. Throws `invalid-argument` for what is to go and is not there. */
export function editOf(before: Editable, flags: Flags, changed: ReadonlySet<string>): Edit {
  const health = readHealthcheck(flags);
  const limits = Object.entries(updateBody(flags, changed)).filter(([, limit]) => limit !== undefined);
  return {
    ...labelsOf(before, flags),
    ...envOf(before, flags),
    ...(health === undefined ? {} : { Healthcheck: { ...before.Healthcheck, ...set(health) } }),
    ...mountsOf(before, flags),
    HostConfig: {
      ...Object.fromEntries(limits),
      ...bindingsOf(before, flags),
      ...hostMountsOf(before, flags),
    },
  };
}

/** Of a healthcheck, what flags set: zero is none. */
const set = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== 0));

function labelsOf({ Labels }: Editable, flags: Flags): Pick<Edit, 'Labels'> {
  const added = { ...pairs(flags['label-add']), ...actionLabels(flags) };
  const gone = flags['label-rm'];
  if (Object.keys(added).length + gone.length === 0) return {};
  for (const name of gone)
    if (Labels[name] === undefined) throw invalidArgument(`there is no label "${name}"`);
  const kept = Object.entries(Labels).filter(([name]) => !gone.includes(name));
  return { Labels: { ...Object.fromEntries(kept), ...added } };
}

const nameOf = (variable: string): string => variable.split('=', 1)[0] ?? '';

function envOf({ Env }: Editable, { env, 'env-rm': gone }: Flags): Pick<Edit, 'Env'> {
  if (env.length + gone.length === 0) return {};
  const next = new Map(Env.map((variable) => [nameOf(variable), variable]));
  for (const name of gone)
    if (!next.delete(name)) throw invalidArgument(`there is no environment variable "${name}"`);
  for (const variable of readVariables([], env)) next.set(nameOf(variable), variable);
  return { Env: [...next.values()] };
}

function bindingsOf(
  { HostConfig }: Editable,
  { 'publish-add': added, 'publish-rm': gone }: Flags,
): Pick<Edit['HostConfig'], 'PortBindings'> {
  if (added.length + gone.length === 0) return {};
  const next: Record<string, readonly Binding[]> = {};
  for (const [port, places] of Object.entries(HostConfig.PortBindings)) next[port] = places ?? [];
  for (const spec of gone) withdraw(next, spec);
  const { bindings } = readPorts({ publish: added, expose: [], 'publish-all': false });
  for (const [port, places] of Object.entries(bindings)) next[port] = [...(next[port] ?? []), ...places];
  return { PortBindings: next };
}

/** `80`, `80/tcp`, or with the port of the host: `8080:80`. */
function withdraw(bindings: Record<string, readonly Binding[]>, spec: string): void {
  const [, hostPort, inside = '', protocol = 'tcp'] =
    /^(?:(?:.*:)?(\d+):)?(\d+)(?:\/(\w+))?$/.exec(spec) ?? [];
  const port = `${inside}/${protocol}`;
  const places = bindings[port];
  const kept = places?.filter(({ HostPort }) => hostPort !== undefined && HostPort !== hostPort);
  if (places === undefined || kept?.length === places.length)
    throw invalidArgument(`port "${spec}" is not published`);
  if (kept === undefined || kept.length === 0) delete bindings[port];
  else bindings[port] = kept;
}

function mountsOf({ Volumes }: Editable, flags: Flags): Pick<Edit, 'Volumes'> {
  const { anonymous } = readVolumes(flags['volume-add']);
  const gone = flags['mount-rm'];
  const kept = Object.entries(Volumes).filter(([path]) => !gone.includes(path));
  if (Object.keys(anonymous).length === 0 && kept.length === Object.keys(Volumes).length) return {};
  return { Volumes: { ...Object.fromEntries(kept), ...anonymous } };
}

const bindTarget = (bind: string): string => bind.split(':')[1] ?? '';

function hostMountsOf(
  { HostConfig, Volumes }: Editable,
  flags: Flags,
): Pick<Edit['HostConfig'], 'Binds' | 'Mounts' | 'Tmpfs'> {
  const { Binds, Mounts, Tmpfs } = HostConfig;
  const gone = flags['mount-rm'];
  const all = [
    ...[...Binds.map(bindTarget), ...Mounts.map(({ Target }) => Target)],
    ...[...Object.keys(Tmpfs), ...Object.keys(Volumes)],
  ];
  const unknown = gone.find((path) => !all.includes(path));
  if (unknown !== undefined) throw invalidArgument(`nothing is mounted at "${unknown}"`);
  const tmpfs = flags['tmpfs-add'].map((text) => /^([^:]*):?(.*)$/s.exec(text) ?? []);
  return {
    Binds: [
      ...Binds.filter((bind) => !gone.includes(bindTarget(bind))),
      ...readVolumes(flags['volume-add']).binds,
    ],
    Mounts: [...Mounts.filter(({ Target = '' }) => !gone.includes(Target)), ...flags['mount-add']],
    Tmpfs: {
      ...Object.fromEntries(Object.entries(Tmpfs).filter(([path]) => !gone.includes(path))),
      ...Object.fromEntries(tmpfs.map(([, path = '', options = '']) => [path, options])),
    },
  };
}
