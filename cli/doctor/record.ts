import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Layer, Roots } from './contract.ts';

/** What the engine wrote down last, which is what the next daemon will begin with. */
export const recordLayer = (id: string, { dataRoot, execRoot }: Roots): Layer => {
  const path = join(dataRoot, 'meta.db');
  return {
    name: 'runtime state',
    ask: async () => {
      const row = await readRow(path, id);
      if (row === undefined) return { kind: 'unknown', text: `no row of it in ${path}` };
      return said(row);
    },
    whySilent: () => `is the disk of ${path} hung?`,
    byHand: () => [
      `sqlite3 -readonly ${path} "SELECT state FROM containers WHERE id = '${id}'"`,
      `cat ${join(execRoot, 'shims', id, 'exit')}`,
    ],
  };
};

interface State {
  readonly kind: string;
  readonly pid?: number;
  readonly exitCode?: number;
}

function said(state: State): Answer {
  const alive = state.kind === 'running' || state.kind === 'paused';
  // On the way from one to the other.
  const isSettled = state.kind !== 'starting' && state.kind !== 'removing';
  return {
    kind: 'said',
    said: {
      ...(isSettled ? { alive, paused: state.kind === 'paused' } : {}),
      ...(alive && state.pid !== undefined ? { pid: state.pid } : {}),
      ...(!alive && state.exitCode !== undefined ? { exitCode: state.exitCode } : {}),
      ...{ word: state.kind, facts: [], faults: [] },
    },
  };
}

/** Reads beside a daemon that may be writing: SQLite's log lets it. */
async function readRow(path: string, id: string): Promise<State | undefined> {
  if (!existsSync(path)) return undefined;
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const row = database.prepare('SELECT state FROM containers WHERE id = ?').get(id);
    return row === undefined ? undefined : (JSON.parse(String(row['state'])) as State);
  } finally {
    database.close();
  }
}

/** The id of a container by its name or the beginning of its id, as the engine wrote it down. */
export async function recordedId(dataRoot: string, given: string): Promise<string | undefined> {
  const path = join(dataRoot, 'meta.db');
  if (!existsSync(path)) return undefined;
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const found = database.prepare('SELECT id FROM containers WHERE name = ? OR substr(id, 1, ?) = ?');
    const [row, second] = found.all(given.replace(/^\//, ''), given.length, given);
    return row === undefined || second !== undefined ? undefined : String(row['id']);
  } finally {
    database.close();
  }
}
