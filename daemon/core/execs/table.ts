import { notFound } from '../../../common/errors.ts';
import type { ExecStore } from '../../store/execs.ts';
import type { Exec, ExecCreateRequest } from '../contract.ts';
import type { Shim } from '../../../shim/contract.ts';

/** An exec as the engine holds it. */
export interface ExecEntry {
  readonly id: string;
  view: Exec;
  /** While it runs. */
  shim: Shim | undefined;
  /** Resolves when it runs or has ended. */
  readonly begun: PromiseWithResolvers<void>;
}

/** How long, and how many at most, are remembered after their end, so that clients can ask for the exit code. */
const REMEMBERED_MS = 5 * 60_000;
const REMEMBERED_COUNT = 1000;

export interface ExecTable {
  all(): IterableIterator<ExecEntry>;
  /** Throws `not-found` `No such exec instance: x`. */
  find(id: string): ExecEntry;
  insert(view: Exec): ExecEntry;
  /** Shows an exec that has a row already. */
  adopt(view: Exec): ExecEntry;
  /** Compare and set. False: it was not in this state any more. */
  advance(entry: ExecEntry, from: Exec['state']['kind'], state: Exec['state']): boolean;
  /** Known, and not at its end. */
  isLive(id: string): boolean;
  /** Ids of those of a container that have not ended. */
  liveOf(containerId: string): readonly string[];
  /** The container ended: what was never started never will be. */
  dropUnstarted(containerId: string): void;
  /** The container is removed: nobody asks any more. */
  forgetContainer(containerId: string): void;
}

/** The row of an exec stands from before its shim until its end was seen. */
export function createExecTable(store: ExecStore<ExecCreateRequest>): ExecTable {
  const entries = new Map<string, ExecEntry>();
  /** When they ended, oldest first. */
  const ended = new Map<string, number>();

  const forget = (id: string): void => {
    ended.delete(id);
    entries.delete(id);
  };
  const prune = (): void => {
    const oldest = performance.now() - REMEMBERED_MS;
    for (const [id, at] of ended) {
      if (at > oldest && ended.size <= REMEMBERED_COUNT) break;
      forget(id);
    }
  };
  const adopt = (view: Exec): ExecEntry => {
    const entry: ExecEntry = { id: view.id, view, shim: undefined, begun: Promise.withResolvers() };
    entries.set(view.id, entry);
    return entry;
  };
  const of = (containerId: string): ExecEntry[] =>
    [...entries.values()].filter(({ view }) => view.containerId === containerId);
  return {
    all: () => entries.values(),
    find: (id) => {
      const entry = entries.get(id);
      if (entry === undefined) throw notFound(`No such exec instance: ${id}`);
      return entry;
    },
    insert: (view) => {
      prune();
      return adopt(view);
    },
    adopt,
    advance: (entry, from, state) => {
      const { id, view } = entry;
      if (view.state.kind !== from) return false;
      if (state.kind === 'starting')
        store.insert({ id, containerId: view.containerId, request: view.request });
      entry.view = { ...view, state };
      if (state.kind === 'exited') {
        store.remove(id);
        ended.set(id, performance.now());
        prune();
      }
      return true;
    },
    isLive: (id) => (entries.get(id)?.view.state.kind ?? 'exited') !== 'exited',
    liveOf: (containerId) =>
      of(containerId)
        .filter(({ view }) => view.state.kind !== 'exited')
        .map(({ id }) => id),
    dropUnstarted: (containerId) => {
      for (const { id, view } of of(containerId)) if (view.state.kind === 'created') forget(id);
    },
    forgetContainer: (containerId) => {
      for (const { id, view } of of(containerId)) {
        if (view.state.kind === 'created' || view.state.kind === 'exited') forget(id);
      }
    },
  };
}
