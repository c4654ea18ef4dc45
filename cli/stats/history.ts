import { measure, type StatsMessage } from '../rows/stats.ts';

/** More than any terminal shows. */
const KEPT = 120;

/** One container as `stats` knows it. */
export interface Shown {
  readonly asked: string;
  message: StatsMessage | undefined;
  readonly history: History;
}

/** What a container used in the last minutes, a value for each second, the newest last. */
export class History {
  readonly cpuPercents: number[] = [];
  /** Bytes since the message before. */
  readonly networkRates: number[] = [];
  readonly blockRates: number[] = [];
  #before: { readonly networkBytes: number; readonly blockBytes: number } | undefined;

  add(message: StatsMessage): void {
    const now = measure(message);
    const before = this.#before ?? now;
    this.#before = now;
    keep(this.cpuPercents, now.cpuPercent);
    // Counters begin anew with a new run.
    keep(this.networkRates, Math.max(0, now.networkBytes - before.networkBytes));
    keep(this.blockRates, Math.max(0, now.blockBytes - before.blockBytes));
  }
}

function keep(values: number[], value: number): void {
  values.push(value);
  if (values.length > KEPT) values.shift();
}
