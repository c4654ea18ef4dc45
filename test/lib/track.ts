import { readdir, readFile } from 'node:fs/promises';
import { median } from '../bench/statistics.ts';

/** What a process uses while something is done many times. */
export interface Track {
  /** Looks now; so much has been done. `kib` stands for the resident memory, if there is something better. */
  look(done: number, kib?: number): Promise<void>;
  last(): string;
  all(): string;
  /** Growth in a thousand, from the median of the first half to that of the second: single looks come before a collection. */
  slope(): { readonly kib: number; readonly fds: number };
}

interface Sample {
  readonly done: number;
  readonly kib: number;
  readonly residentKib: number;
  readonly fds: number;
}

export function createTrack(pid: number): Track {
  const samples: Sample[] = [];
  const shown = ({ done, kib, residentKib, fds }: Sample): string =>
    `${done}: ${kib.toFixed(0)} KiB (${residentKib} resident), ${fds} fds`;
  return {
    look: async (done, kib) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      const fds = (await readdir(`/proc/${pid}/fd`)).length;
      const residentKib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
      samples.push({ done, kib: kib ?? residentKib, residentKib, fds });
    },
    last: () => samples.slice(-1).map(shown).join(''),
    all: () => samples.map(shown).join('; '),
    slope: () => ({ kib: slopeOf(samples, ({ kib }) => kib), fds: slopeOf(samples, ({ fds }) => fds) }),
  };
}

function slopeOf(samples: readonly Sample[], value: (sample: Sample) => number): number {
  const middle = Math.ceil(samples.length / 2);
  const [before, after] = [samples.slice(0, middle), samples.slice(middle)];
  const apart = median(after.map(({ done }) => done)) - median(before.map(({ done }) => done));
  return ((median(after.map(value)) - median(before.map(value))) / apart) * 1000;
}
