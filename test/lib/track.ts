import { readdir, readFile } from 'node:fs/promises';

/** What a process uses while something is done many times. */
export interface Track {
  /** Looks now; so much has been done. `kib` stands for the resident memory, if there is something better. */
  look(done: number, kib?: number): Promise<void>;
  last(): string;
  all(): string;
  /** Growth in a thousand, over the second half: the first fills caches. */
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
    slope: () => {
      const half = samples.slice(Math.floor(samples.length / 2));
      return { kib: slopeOf(half, ({ kib }) => kib), fds: slopeOf(half, ({ fds }) => fds) };
    },
  };
}

/** Least squares. */
function slopeOf(samples: readonly Sample[], value: (sample: Sample) => number): number {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [x, y] = [mean(({ done }) => done), mean(value)];
  const above = samples.reduce((sum, sample) => sum + (sample.done - x) * (value(sample) - y), 0);
  const below = samples.reduce((sum, sample) => sum + (sample.done - x) ** 2, 0);
  return below === 0 ? 0 : (above / below) * 1000;
}
