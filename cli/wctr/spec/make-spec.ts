import { readFileSync } from 'node:fs';
import { arch } from 'node:process';
import { CAPABILITIES } from '../../../runtime/security/capabilities.ts';
import { defaultSeccomp } from '../../../runtime/security/seccomp-profile.ts';
import type { IdMapping, Linux, NamespaceType, Seccomp, Spec } from '../../../runtime/spec.ts';
import type { AccountFiles } from '../../../runtime/rootfs-files.ts';
import { baseSpec } from './base.ts';
import { addDevice, addHostDevices } from './devices.ts';
import { mergeEnv, readEnvFile } from './env.ts';
import type { ContainerFlags } from './flags.ts';
import { applyImageConfig, setUser, type ImageConfig } from './image-config.ts';
import { readMount } from './mounts.ts';

/** What a spec is made for. */
export interface Wanted {
  readonly namespace: string;
  readonly id: string;
  readonly args: readonly string[];
  /** Undefined for a root file system that is no image's. */
  readonly image: ImageConfig | undefined;
  readonly accounts: AccountFiles;
  /** Of `--rootfs`. */
  readonly rootPath: string | undefined;
}

const CPU_PERIOD_US = 100_000;
const CPU_SHARES = 1024;

/** The container's spec from the flags of `run` and `containers create`, steps in ctr's order. */
export function makeSpec(flags: ContainerFlags, changed: ReadonlySet<string>, wanted: Wanted): Spec {
  if (flags.config !== '')
    return annotate(JSON.parse(readFileSync(flags.config, 'utf8')) as Spec, flags.label);
  const spec = baseSpec(`/${wanted.namespace}/${wanted.id}`);
  const { process } = spec;
  if (flags['env-file'] !== '') process.env = mergeEnv(process.env ?? [], readEnvFile(flags['env-file']));
  process.env = mergeEnv(process.env ?? [], flags.env);
  spec.mounts.push(...flags.mount.map((text) => readMount(text)));
  if (wanted.rootPath !== undefined) {
    spec.root.path = wanted.rootPath;
    process.args = [...wanted.args];
  } else if (wanted.image !== undefined) {
    applyImageConfig(spec, wanted.image, wanted);
  }
  if (flags.user !== '') setUser(spec, flags.user, wanted.accounts);
  if (flags['read-only']) spec.root.readonly = true;
  if (flags.cwd !== '') process.cwd = flags.cwd;
  if (flags.tty) {
    process.terminal = true;
    process.env = mergeEnv(process.env, ['TERM=xterm']);
  }
  setSecurity(spec, flags);
  setResources(spec, flags, changed);
  setNamespaces(spec, flags);
  if (changed.has('cgroup')) spec.linux.cgroupsPath = flags.cgroup;
  if (flags['rootfs-propagation'] !== '') spec.linux.rootfsPropagation = flags['rootfs-propagation'];
  if (flags['rdt-class'] !== '') spec.linux.intelRdt = { closID: flags['rdt-class'] };
  for (const path of flags.device) addDevice(spec, path);
  return annotate(spec, [...flags.annotation, ...flags.label]);
}

/** Labels of a container are annotations of its spec, too: ctr has it so. */
function annotate(spec: Spec, words: readonly string[]): Spec {
  if (words.length === 0) return spec;
  // Where Go's encoder has them, so that specs can be compared as texts.
  const { annotations, linux, ...rest } = spec;
  return { ...rest, annotations: { ...annotations, ...pairs(words) }, linux };
}

/** `name=value` words. */
export const pairs = (words: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    words.map((word) => [
      word.split('=', 1)[0] ?? '',
      word.includes('=') ? word.slice(word.indexOf('=') + 1) : '',
    ]),
  );

function setSecurity(spec: Spec, flags: ContainerFlags): void {
  const { process, linux } = spec;
  if (flags.privileged) makePrivileged(spec);
  const change = (names: readonly string[]): string[] =>
    [...new Set([...names, ...flags['cap-add']])].filter((name) => !flags['cap-drop'].includes(name));
  for (const name of [...flags['cap-add'], ...flags['cap-drop']]) {
    if (!name.startsWith('CAP_')) throw new Error("capabilities must be specified with 'CAP_' prefix");
  }
  const all = change(process.capabilities?.bounding ?? []);
  process.capabilities = { bounding: all, effective: [...all], permitted: [...all] };
  if (flags['seccomp-profile'] !== '' && !flags.seccomp) {
    throw new Error('seccomp must be set to true, if using a custom seccomp-profile');
  }
  if (flags.seccomp) {
    const path = flags['seccomp-profile'];
    linux.seccomp =
      path === '' ? defaultSeccomp(all, arch) : (JSON.parse(readFileSync(path, 'utf8')) as Seccomp);
  }
  if (flags['apparmor-profile'] !== '') process.apparmorProfile = flags['apparmor-profile'];
  if (flags['allow-new-privs']) delete process.noNewPrivileges;
}

function makePrivileged(spec: Spec): void {
  const { process, linux } = spec;
  process.capabilities = { bounding: [...CAPABILITIES] };
  linux.maskedPaths = [];
  linux.readonlyPaths = [];
  for (const { type, options } of spec.mounts) {
    const index = type === 'sysfs' || type === 'cgroup' ? (options?.indexOf('ro') ?? -1) : -1;
    if (index >= 0) options?.splice(index, 1, 'rw');
  }
  (linux.resources ??= {}).devices = [{ allow: true, access: 'rwm' }];
  addHostDevices(spec);
}

function setResources(spec: Spec, flags: ContainerFlags, changed: ReadonlySet<string>): void {
  const resources = (spec.linux.resources ??= {});
  const cpu: NonNullable<typeof resources.cpu> = { shares: flags['cpu-shares'] ?? CPU_SHARES };
  if (flags.cpus > 0) {
    if (changed.has('cpu-quota') || changed.has('cpu-period')) {
      throw new Error('cpus and quota/period should be used separately');
    }
    cpu.quota = Math.trunc(flags.cpus * CPU_PERIOD_US);
    cpu.period = CPU_PERIOD_US;
  }
  if (flags['cpu-quota'] !== undefined && flags['cpu-quota'] !== -1) cpu.quota = flags['cpu-quota'];
  if (flags['cpu-period'] !== undefined && flags['cpu-period'] !== 0) cpu.period = flags['cpu-period'];
  resources.cpu = cpu;
  if (flags['memory-limit'] !== undefined && flags['memory-limit'] !== 0)
    resources.memory = { limit: flags['memory-limit'] };
}

function setNamespaces(spec: Spec, flags: ContainerFlags): void {
  const { linux } = spec;
  if (flags['net-host']) {
    linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'network');
    for (const name of ['hosts', 'resolv.conf']) {
      const path = `/etc/${name}`;
      spec.mounts.push({ destination: path, type: 'bind', source: path, options: ['rbind', 'ro'] });
    }
  }
  for (const text of flags['with-ns']) {
    const [type = '', path] = [text.split(':', 1)[0], text.slice(text.indexOf(':') + 1)];
    if (!text.includes(':') || !NAMESPACES.has(type)) {
      throw new Error("joining a Linux namespace using --with-ns requires the format 'nstype:path'");
    }
    joinNamespace(linux, type as NamespaceType, path);
  }
  mapUsers(linux, flags);
}

const NAMESPACES = new Set(['pid', 'network', 'mount', 'ipc', 'uts', 'user', 'cgroup', 'time']);

function joinNamespace(linux: Linux, type: NamespaceType, path: string): void {
  linux.namespaces = [...linux.namespaces.filter((each) => each.type !== type), { type, path }];
}

function mapUsers(linux: Linux, { uidmap, gidmap }: ContainerFlags): void {
  const mappings = readMappings({ uidmap, gidmap });
  if (mappings === undefined) return;
  linux.namespaces = [...linux.namespaces.filter(({ type }) => type !== 'user'), { type: 'user' }];
  linux.uidMappings = [mappings.uid];
  linux.gidMappings = [mappings.gid];
}

/** Of the user namespace; undefined where none is asked for. */
export function readMappings({
  uidmap,
  gidmap,
}: Pick<ContainerFlags, 'uidmap' | 'gidmap'>):
  { readonly uid: IdMapping; readonly gid: IdMapping } | undefined {
  if (uidmap === '' && gidmap === '') return undefined;
  if (uidmap === '' || gidmap === '') throw new Error('--uidmap and --gidmap belong together');
  return { uid: readMapping(uidmap), gid: readMapping(gidmap) };
}

function readMapping(text: string): IdMapping {
  const [containerID = Number.NaN, hostID = Number.NaN, size = Number.NaN] = text.split(':').map(Number);
  if ([containerID, hostID, size].some((part) => !Number.isSafeInteger(part))) {
    throw new Error(`parse idmapping "${text}": expected container-id:host-id:length`);
  }
  return { containerID, hostID, size };
}
