import { posix } from 'node:path';
import { invalidArgument, notImplemented } from '../../../../common/errors.ts';
import type { Bind } from '../../../core/contract.ts';
import type { HostConfig, Mount } from '../wire/host-config.ts';

const PROPAGATIONS = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'];
/** Groups of words of which a mode may have one each: access, SELinux label, propagation, copying, consistency. */
const MODES = [['rw', 'ro'], ['z', 'Z'], PROPAGATIONS, ['nocopy'], ['consistent', 'cached', 'delegated']];

/** `HostConfig.Binds` and the bind entries of `HostConfig.Mounts`. Throws docker's texts for a malformed one. */
export function bindsOf(host: HostConfig): readonly Bind[] {
  const mounts = (host.Mounts ?? []).filter((mount) => mount.Type === 'bind');
  return [...(host.Binds ?? []).map(parseBind), ...mounts.map(bindMount)];
}

/** `HostConfig.Tmpfs` and the tmpfs entries of `HostConfig.Mounts`, options as mount(8) writes them. */
export function tmpfsOf(host: HostConfig): Readonly<Record<string, string>> {
  const result: Record<string, string> = { ...host.Tmpfs };
  for (const mount of host.Mounts ?? []) {
    if (mount.Type === 'tmpfs') result[targetOf(mount)] = tmpfsOptions(mount);
  }
  return result;
}

/** Throws for an entry of `HostConfig.Mounts` of a type that we don't do, or that docker would refuse. */
export function checkMounts(host: HostConfig): void {
  for (const mount of host.Mounts ?? []) {
    const type = mount.Type ?? '';
    if (type === 'volume' || type === 'image' || type === 'cluster' || type === 'npipe') {
      throw notImplemented(`HostConfig.Mounts of type "${type}" is not supported yet`);
    }
    if (type !== 'bind' && type !== 'tmpfs') throw mountError(mount, 'mount type unknown');
    if (type !== 'bind' && mount.BindOptions !== undefined) throw foreignOptions('BindOptions', type);
    if (type !== 'tmpfs' && mount.TmpfsOptions !== undefined) throw foreignOptions('TmpfsOptions', type);
    if (mount.VolumeOptions !== undefined) throw foreignOptions('VolumeOptions', type);
  }
}

function parseBind(spec: string): Bind {
  const parts = spec.split(':');
  const [source = '', destination = '', mode = ''] = parts;
  if (
    parts.length > 3 ||
    source === '' ||
    parts.length < 2 ||
    (parts.length === 2 && validMode(destination))
  ) {
    throw invalidArgument(`invalid volume specification: '${spec}'`);
  }
  if (!validMode(mode)) throw invalidArgument(`invalid mode: ${mode}`);
  if (!source.startsWith('/'))
    throw notImplemented(`HostConfig.Binds: the named volume "${source}" is not supported yet`);
  const words = mode.split(',');
  return {
    source: clean(source),
    destination: absoluteTarget(destination, (reason) =>
      invalidArgument(`invalid volume specification: '${spec}': ${reason}`),
    ),
    readOnly: words.includes('ro'),
    propagation: words.find((word) => PROPAGATIONS.includes(word)) ?? 'rprivate',
    mode,
    createSource: true,
  };
}

function bindMount(mount: Mount): Bind {
  const { Source: source = '', BindOptions: options = {} } = mount;
  if (source === '') throw mountError(mount, 'field Source must not be empty');
  if (!source.startsWith('/'))
    throw mountError(mount, `invalid mount path: '${source}' mount path must be absolute`);
  const propagation = options.Propagation ?? '';
  if (propagation !== '' && !PROPAGATIONS.includes(propagation)) {
    throw mountError(mount, `invalid propagation mode: ${propagation}`);
  }
  if (options.NonRecursive === true)
    throw notImplemented('HostConfig.Mounts.BindOptions.NonRecursive is not supported yet');
  if (options.ReadOnlyForceRecursive === true) {
    throw notImplemented('HostConfig.Mounts.BindOptions.ReadOnlyForceRecursive is not supported yet');
  }
  return {
    source: clean(source),
    destination: targetOf(mount),
    readOnly: mount.ReadOnly ?? false,
    propagation: propagation === '' ? 'rprivate' : propagation,
    mode: '',
    createSource: options.CreateMountpoint ?? false,
  };
}

function tmpfsOptions(mount: Mount): string {
  if ((mount.Source ?? '') !== '') throw mountError(mount, 'field Source must not be specified');
  const { SizeBytes: size = 0, Mode: mode = 0, Options: extra = [] } = mount.TmpfsOptions ?? {};
  const words = [
    ...(mount.ReadOnly === true ? ['ro'] : []),
    ...(mode === 0 ? [] : [`mode=${mode.toString(8)}`]),
    ...(size === 0 ? [] : [`size=${size}`]),
  ];
  for (const [name = '', ...rest] of extra) {
    if (!['exec', 'noexec'].includes(name) || rest.length > 0)
      throw mountError(mount, `invalid option: ${name}`);
    words.push(name);
  }
  return words.join(',');
}

function targetOf(mount: Mount): string {
  if ((mount.Target ?? '') === '') throw mountError(mount, 'field Target must not be empty');
  return absoluteTarget(mount.Target ?? '', (reason) => mountError(mount, reason));
}

function absoluteTarget(target: string, fail: (reason: string) => Error): string {
  if (!target.startsWith('/')) throw fail(`invalid mount path: '${target}' mount path must be absolute`);
  const path = clean(target);
  if (path === '/') throw fail("invalid specification: destination can't be '/'");
  return path;
}

function validMode(mode: string): boolean {
  if (mode === '') return true;
  const words = mode.split(',');
  return (
    words.every((word) => MODES.some((group) => group.includes(word))) &&
    MODES.every((group) => words.filter((word) => group.includes(word)).length <= 1)
  );
}

/** Without a trailing slash, `.` and `..`, as Go's path.Clean. */
const clean = (path: string): string => posix.normalize(path).replace(/(?<=.)\/$/, '');

const mountError = (mount: Mount, reason: string): Error =>
  invalidArgument(`invalid mount config for type "${mount.Type ?? ''}": ${reason}`);

const foreignOptions = (options: string, type: string): Error =>
  invalidArgument(`${options} must not be specified on mount type "${type}"`);
