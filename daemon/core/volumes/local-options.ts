import { invalidArgument } from '../../../common/errors.ts';
import { parseBytes } from '../../../common/sizes.ts';
import type { VolumeMount } from './contract.ts';

/** Docker's rules for names of local volumes, in its words. */
export function checkLocalName(name: string): void {
  if (name.length === 1) {
    throw invalidArgument('volume name is too short, names should be at least two alphanumeric characters');
  }
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    throw invalidArgument(
      `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. ` +
        'If you intended to pass a host directory, use absolute path',
    );
  }
  // A directory's name.
  if (name.length > 255)
    throw invalidArgument(`volume name is too long: ${name.length} characters, at most 255`);
}

const KNOWN = ['type', 'o', 'device', 'size'];
/** What each option can't be without. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  device: ['type'],
  type: ['device'],
  o: ['device', 'type'],
};

type Options = Readonly<Record<string, string>>;

/** Throws docker's texts for options that the local driver does not take. */
export function checkLocalOptions(options: Options): void {
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) throw invalidArgument(`invalid option: "${name}"`);
  }
  for (const [name, needs] of Object.entries(NEEDED)) {
    const missing = Object.hasOwn(options, name)
      ? needs.find((need) => !Object.hasOwn(options, need))
      : undefined;
    if (missing !== undefined) throw invalidArgument(`missing required option: "${missing}"`);
  }
  const { device = '' } = options;
  // What is mounted there is another file system.
  if (sizeOf(options) > 0 && device !== '') throw invalidArgument(`${NO_QUOTA}: it is what "${device}" has`);
}

/** Docker's. */
export const NO_QUOTA = 'quota size requested but no quota support';

/** How much the volume may hold, in bytes; 0: as much as there is. Throws `invalid-argument`. */
export const sizeOf = ({ size }: Options): number => (size === undefined ? 0 : parseBytes(size));

/** [flag to set, whether the word clears it]: linux/mount.h. */
const FLAGS: Readonly<Record<string, readonly [number, boolean]>> = {
  defaults: [0, false],
  ro: [1, false],
  rw: [1, true],
  nosuid: [2, false],
  suid: [2, true],
  nodev: [4, false],
  dev: [4, true],
  noexec: [8, false],
  exec: [8, true],
  sync: [16, false],
  async: [16, true],
  remount: [32, false],
  mand: [64, false],
  nomand: [64, true],
  dirsync: [128, false],
  noatime: [1024, false],
  atime: [1024, true],
  nodiratime: [2048, false],
  diratime: [2048, true],
  bind: [4096, false],
  rbind: [4096 | 16384, false],
  relatime: [1 << 21, false],
  norelatime: [1 << 21, true],
  strictatime: [1 << 24, false],
  nostrictatime: [1 << 24, true],
};

/** mount(2)'s arguments for a local volume, undefined for one that is a directory. `addr=` has to be an address by then. */
export function mountOf({ type, device, o = '' }: Options): VolumeMount | undefined {
  if (type === undefined || device === undefined || device === '') return undefined;
  let flags = 0;
  const data: string[] = [];
  for (const word of o.split(',').filter((each) => each !== '')) {
    const known = Object.hasOwn(FLAGS, word) ? FLAGS[word] : undefined;
    if (known === undefined) data.push(word);
    else flags = known[1] ? flags & ~known[0] : flags | known[0];
  }
  return { type, device, flags, data: data.join(',') };
}

/** The host in `addr=` of NFS, which the kernel wants to be an address; undefined if it is one or there is none. */
export function hostToResolve({ type = '', o = '' }: Options): string | undefined {
  if (!type.startsWith('nfs') && type !== 'cifs') return undefined;
  const addr = o
    .split(',')
    .find((word) => word.startsWith('addr='))
    ?.slice('addr='.length);
  return addr === undefined || addr === '' || /^[\d.]+$|:/.test(addr) ? undefined : addr;
}

export const withAddress = (options: Options, address: string): Options => ({
  ...options,
  o: (options['o'] ?? '').replace(/(^|,)addr=[^,]*/, `$1addr=${address}`),
});
