import { readFileSync } from 'node:fs';

/** What the kernel says of a process. proc(5), /proc/pid/stat and /proc/pid/status. */
export interface KernelProcess {
  readonly pid: number;
  /** `S (sleeping)`. */
  readonly state: string;
  readonly parent: number;
  /** Its arguments; its name where it has none. */
  readonly command: string;
  /** It has a controlling terminal. */
  readonly terminal: boolean;
}

/** Undefined when there is none; one that has ended and was not waited for is told by its state alone. */
export function processOf(pid: number): KernelProcess | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const value = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name, which may hold anything: state, parent, group, session, terminal.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    return {
      pid,
      state: value('State'),
      parent: Number(value('PPid')),
      command: words || value('Name'),
      terminal: Number(fields[4]) !== 0,
    };
  } catch {
    return undefined;
  }
}

export const isStopped = ({ state }: KernelProcess): boolean => /^[Tt]/.test(state);
export const isZombie = ({ state }: KernelProcess): boolean => /^[ZX]/.test(state);
