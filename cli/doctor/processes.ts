import { readdirSync, readFileSync } from 'node:fs';

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
