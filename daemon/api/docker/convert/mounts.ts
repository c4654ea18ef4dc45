import { invalidArgument, notImplemented } from '../../../../common/errors.ts';
import type { Bind, ImageMount, VolumeUse } from '../../../core/contract.ts';
import type { HostConfig, Mount } from '../wire/host-config.ts';
import { absoluteTarget, clean, parseRaw, PROPAGATIONS, type RawMount } from './raw-mount.ts';

/** `HostConfig.Binds` and the bind entries of `HostConfig.Mounts`. Throws docker's texts for a malformed one. */
export function bindsOf(host: HostConfig): readonly Bind[] {
  const mounts = (host.Mounts ?? []).filter((mount) => mount.Type === 'bind');
  return [...rawOf(host).filter(isBind).map(rawBind), ...mounts.map(bindMount)];
}

/** `HostConfig.Tmpfs` and the tmpfs entries of `HostConfig.Mounts`, options as mount(8) writes them. */
export function tmpfsOf(host: HostConfig): Readonly<Record<string, string>> {
  const result: Record<string, string> = { ...host.Tmpfs };
  for (const mount of host.Mounts ?? []) {
    if (mount.Type === 'tmpfs') result[targetOf(mount)] = tmpfsOptions(mount);
  }
  return result;
}

/** The volumes of both. */
export function volumesOf(host: HostConfig): readonly VolumeUse[] {
  const driver = host.VolumeDriver ?? '';
  const mounts = (host.Mounts ?? []).filter((mount) => mount.Type === 'volume');
  const raw = rawOf(host).filter((each) => !isBind(each));
  return [...raw.map((each) => rawVolume(each, driver)), ...mounts.map(volumeMount)];
}

export const imageMountsOf = (host: HostConfig): readonly ImageMount[] =>
  (host.Mounts ?? [])
    .filter((mount) => mount.Type === 'image')
    .map((mount) => {
      if ((mount.Source ?? '') === '') throw mountError(mount, 'field Source must not be empty');
      const subpath = checkSubpath(mount, mount.ImageOptions?.Subpath ?? '', 'image');
      return { image: mount.Source ?? '', destination: targetOf(mount), subpath };
    });

const OPTIONS = {
  bind: 'BindOptions',
  volume: 'VolumeOptions',
  tmpfs: 'TmpfsOptions',
  image: 'ImageOptions',
} as const;

/** Throws for an entry of `HostConfig.Mounts` of a type that we don't do, or that docker would refuse. */
export function checkMounts(host: HostConfig): void {
  for (const mount of host.Mounts ?? []) {
    const type = mount.Type ?? '';
    if (type === 'cluster' || type === 'npipe') {
      throw notImplemented(`HostConfig.Mounts of type "${type}" is not supported`);
    }
    if (!Object.hasOwn(OPTIONS, type)) throw mountError(mount, 'mount type unknown');
    for (const [owner, options] of Object.entries(OPTIONS)) {
      if (owner !== type && mount[options] !== undefined) {
        throw invalidArgument(`${options} must not be specified on mount type "${type}"`);
      }
    }
  }
}

const rawOf = (host: HostConfig): RawMount[] => (host.Binds ?? []).map(parseRaw);
const isBind = ({ source }: RawMount): boolean => source.startsWith('/');

const rawBind = ({ source, destination, mode, words }: RawMount): Bind => ({
  source: clean(source),
  destination,
  readOnly: words.includes('ro'),
  propagation: words.find((word) => PROPAGATIONS.includes(word)) ?? 'rprivate',
  mode,
  createSource: true,
  ...(words.includes('idmap') ? { idmap: true } : {}),
});

const rawVolume = ({ source, destination, mode, words }: RawMount, driver: string): VolumeUse => ({
  name: source,
  destination,
  readOnly: words.includes('ro'),
  mode,
  noCopy: words.includes('nocopy'),
  subpath: '',
  driver,
  options: {},
  labels: {},
});

function bindMount(mount: Mount): Bind {
  const { Source: source = '', BindOptions: options = {}, ReadOnly: readOnly = false } = mount;
  if (source === '') throw mountError(mount, 'field Source must not be empty');
  if (!source.startsWith('/'))
    throw mountError(mount, `invalid mount path: '${source}' mount path must be absolute`);
  const propagation = options.Propagation ?? '';
  if (propagation !== '' && !PROPAGATIONS.includes(propagation)) {
    throw mountError(mount, `invalid propagation mode: ${propagation}`);
  }
  checkReadOnly(mount, readOnly);
  return {
    source: clean(source),
    destination: targetOf(mount),
    readOnly,
    propagation: propagation === '' ? 'rprivate' : propagation,
    mode: '',
    createSource: options.CreateMountpoint ?? false,
    ...(options.NonRecursive === true ? { nonRecursive: true } : {}),
    ...(options.ReadOnlyNonRecursive === true ? { readOnlyTree: 'top' as const } : {}),
    ...(options.Idmap === true ? { idmap: true } : {}),
  };
}

/** Read-only all the way down is what everybody gets; who insists on it must not ask for the contrary. */
function checkReadOnly(mount: Mount, readOnly: boolean): void {
  const {
    NonRecursive,
    ReadOnlyNonRecursive,
    ReadOnlyForceRecursive,
    Propagation = '',
  } = mount.BindOptions ?? {};
  if (!readOnly && (ReadOnlyNonRecursive === true || ReadOnlyForceRecursive === true)) {
    const field = ReadOnlyNonRecursive === true ? 'ReadOnlyNonRecursive' : 'ReadOnlyForceRecursive';
    throw mountError(mount, `mount must be ReadOnly to use ${field}`);
  }
  if (ReadOnlyForceRecursive !== true) return;
  if (ReadOnlyNonRecursive === true)
    throw mountError(mount, 'ReadOnlyForceRecursive and ReadOnlyNonRecursive are mutually exclusive');
  if (NonRecursive === true)
    throw mountError(mount, 'ReadOnlyForceRecursive and NonRecursive are mutually exclusive');
  if (Propagation !== '' && Propagation !== 'rprivate')
    throw mountError(mount, 'ReadOnlyForceRecursive needs the propagation rprivate');
}

function volumeMount(mount: Mount): VolumeUse {
  const { Source: name = '', ReadOnly: readOnly = false, VolumeOptions: options = {} } = mount;
  if (name === '' && readOnly)
    throw mountError(mount, 'must not set ReadOnly mode when using anonymous volumes');
  const subpath = checkSubpath(mount, options.Subpath ?? '', 'volume');
  if (name === '' && subpath !== '')
    throw mountError(mount, 'must not set Subpath when using anonymous volumes');
  return {
    name,
    destination: targetOf(mount),
    readOnly,
    mode: '',
    noCopy: options.NoCopy ?? false,
    subpath,
    driver: options.DriverConfig?.Name ?? '',
    options: options.DriverConfig?.Options ?? {},
    labels: options.Labels ?? {},
  };
}

function checkSubpath(mount: Mount, subpath: string, of: 'volume' | 'image'): string {
  if (subpath === '') return '';
  const path = clean(subpath);
  if (path.startsWith('/') || path === '..' || path.startsWith('../')) {
    throw mountError(mount, `subpath must be a relative path within the ${of}`);
  }
  return path === '.' ? '' : path;
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

const mountError = (mount: Mount, reason: string): Error =>
  invalidArgument(`invalid mount config for type "${mount.Type ?? ''}": ${reason}`);
