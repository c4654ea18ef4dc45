import type { Daemon } from '../lib/daemon.ts';
import type { Client } from './client.ts';
import type { Row } from './table.ts';

/** One engine under measurement. */
export interface Engine {
  readonly daemon: Daemon;
  readonly client: Client;
}

export type Measure = (ours: Engine, theirs: Engine) => Promise<Row[]>;

export const row = (what: string, values: Omit<Row, 'what' | 'unit' | 'better'> & Partial<Row>): Row => ({
  unit: 'ms',
  better: 'less',
  ...values,
  what,
});
