import type { Random } from '../random.ts';

/** A client of the soak. Each has containers of its own, so that it knows all about them. */
export interface Client {
  readonly socket: string;
  readonly number: number;
  readonly random: Random;
  /** Daemons that were killed so far: the end of a stream does not say whose it was. */
  readonly kills: () => number;
  /** How often each thing was done. */
  readonly done: Map<string, number>;
  /** Networks that are there throughout. */
  readonly networks: readonly string[];
}
