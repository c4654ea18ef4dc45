import { readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { messageOf } from '../common/errors.ts';
import { nativeDirectory } from '../native/ffi/library.ts';
import { resolveSyscall } from '../native/ffi/seccomp.ts';
import { hasNfTables, hasSyscall, type Probed } from '../native/sys/probe.ts';
import { isUnified, placeOf, readCgroupLayout, type CgroupLayout } from '../runtime/cgroup/layout.ts';

/** One thing that the daemon asks of its host. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'missing' | 'limited';
  /** What was found, or what to do about it. */
  readonly detail: string;
}

/** Looks at the host without changing it. `missing` keeps the daemon from starting; `limited` costs single features. */
export async function checkHost(): Promise<readonly Check[]> {
  const native = checkNative();
  const layout = await readCgroupLayout();
  return [
    checkRoot(),
    checkKernel(release()),
    native,
    ...(native.state === 'ok' ? [...SYSCALLS.map(checkSyscall), checkNfTables(), checkSeccompLibrary()] : []),
    ...(await Promise.all(NAMESPACES.map(checkNamespace))),
    await checkOverlay(),
    await checkSeccomp(),
    ...checkCgroups(layout),
  ];
}

const needed = (name: string, ok: boolean, details: { found: string; lacking: string }): Check =>
  ok ? { name, state: 'ok', detail: details.found } : { name, state: 'missing', detail: details.lacking };

function checkRoot(): Check {
  const uid = process.geteuid?.() ?? -1;
  return needed('root', uid === 0, {
    found: 'running as root',
    lacking: `running as user ${uid}: start it as root`,
  });
}

/** mount_setattr and openat2 are the youngest of what is needed everywhere. */
const OLDEST_KERNEL = [5, 12] as const;

function checkKernel(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const ok = major > OLDEST_KERNEL[0] || (major === OLDEST_KERNEL[0] && minor >= OLDEST_KERNEL[1]);
  return needed('kernel', ok, {
    found: version,
    lacking: `${version}: ${OLDEST_KERNEL.join('.')} or newer is needed`,
  });
}

function checkNative(): Check {
  try {
    return { name: 'native library', state: 'ok', detail: nativeDirectory() };
  } catch (error) {
    return { name: 'native library', state: 'missing', detail: messageOf(error) };
  }
}

const SYSCALLS: readonly Probed[] = [
  'openat2',
  'fsopen',
  'mount_setattr',
  'clone3',
  'pidfd_open',
  'close_range',
];

const checkSyscall = (name: Probed): Check =>
  needed(`system call ${name}`, hasSyscall(name), {
    found: 'known',
    lacking: 'the kernel or a sandbox refuses it',
  });

function checkNfTables(): Check {
  return needed('nf_tables', hasNfTables(), {
    found: 'answers',
    lacking: 'load the kernel module nf_tables, and ask as root',
  });
}

const AUDIT_ARCH_X86_64 = 0xc000_003e;

function checkSeccompLibrary(): Check {
  try {
    resolveSyscall(AUDIT_ARCH_X86_64, 'read');
    return { name: 'libseccomp', state: 'ok', detail: 'libseccomp.so.2' };
  } catch (error) {
    return { name: 'libseccomp', state: 'missing', detail: messageOf(error) };
  }
}

const NAMESPACES = ['mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'] as const;

async function checkNamespace(name: string): Promise<Check> {
  return needed(`namespace ${name}`, await exists(`/proc/self/ns/${name}`), {
    found: 'there',
    lacking: 'the kernel was built without it',
  });
}

async function checkOverlay(): Promise<Check> {
  const known = /\toverlay$/m.test(await readFile('/proc/filesystems', 'utf8'));
  return needed('overlay', known, { found: 'there', lacking: 'load the kernel module overlay' });
}

async function checkSeccomp(): Promise<Check> {
  const actions = await readFile('/proc/sys/kernel/seccomp/actions_avail', 'utf8').catch(() => '');
  return needed('seccomp', actions.includes('errno'), {
    found: actions.trim(),
    lacking: 'the kernel was built without seccomp filters',
  });
}

/** Without these a container can't be kept apart at all; the rest only costs limits. */
const NEEDED_CONTROLLERS = ['devices', 'pids', 'memory', 'cpu'];
const CONTROLLERS = [...NEEDED_CONTROLLERS, 'cpuset', 'cpuacct', 'blkio', 'freezer'];

/** What version 2 calls what has another name in version 1. The last two are no controllers there, and always with it. */
const UNIFIED_NAMES: Readonly<Record<string, string>> = { cpuacct: 'cpu', blkio: 'io' };
const ALWAYS_UNIFIED: Readonly<Record<string, string>> = {
  devices: 'an eBPF program of each cgroup',
  freezer: 'cgroup.freeze',
};

function checkCgroups(layout: CgroupLayout): readonly Check[] {
  return CONTROLLERS.map((controller) => {
    const name = `cgroup ${controller}`;
    const always = isUnified(layout) ? ALWAYS_UNIFIED[controller] : undefined;
    const place = placeOf(layout, { v1: controller, v2: UNIFIED_NAMES[controller] ?? controller });
    const detail = always ?? place?.mountPoint;
    if (detail !== undefined) return { name, state: 'ok', detail };
    const state = NEEDED_CONTROLLERS.includes(controller) ? 'missing' : 'limited';
    return { name, state, detail: 'no hierarchy with this controller is mounted' };
  });
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The table that `wherryd check` prints. */
export function formatChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map(
    ({ name, state, detail }) => `${state.padEnd(8)} ${name.padEnd(width)}  ${detail}`,
  );
  const missing = checks.filter(({ state }) => state === 'missing');
  const verdict =
    missing.length === 0
      ? 'This host has all that wherryd needs.'
      : `This host lacks: ${missing.map(({ name }) => name).join(', ')}.`;
  return `${[...lines, '', verdict].join('\n')}\n`;
}
