import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel says of a process (man 5 proc_pid_status). */
export interface KernelProcess {
  readonly pid: number;
  /** `S (sleeping)`. */
  readonly state: string;
  readonly parent: number;
}

/** Undefined when there is none; one that has ended and was not waited for is none either, but for its state. */
export function processOf(pid: number): KernelProcess | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const value = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    return { pid, state: value('State'), parent: Number(value('PPid')) };
  } catch {
    return undefined;
  }
}

export const isStopped = ({ state }: KernelProcess): boolean => /^[Tt]/.test(state);
export const isZombie = ({ state }: KernelProcess): boolean => /^[ZX]/.test(state);

/** A shim: its first argument is its directory, cut to the room that its name left. */
export interface ShimProcess {
  readonly pid: number;
  readonly directory: string;
}

/** The shim whose directory's name begins with `id`. */
export function findShim(id: string): ShimProcess | undefined {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), directory: shimDirectory(name) }))
    .find(({ directory }) => {
      const name = directory.slice(directory.lastIndexOf('/') + 1);
      return name !== '' && (name.startsWith(id) || id.startsWith(name));
    });
}

function shimDirectory(pid: string): string {
  try {
    const [program = '', directory = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return program === 'wherry-shim' ? directory : '';
  } catch {
    return '';
  }
}

/** The first child of a process; undefined where it has none. */
export function firstChild(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return child === undefined || child === '' ? undefined : Number(child);
  } catch {
    return undefined;
  }
}
