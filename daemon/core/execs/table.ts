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

/**
 * How long, and how many at most, are remembered after their end, so that clients can ask for the exit code: dockerd forgets at the
 * second of its five-minutely rounds that finds them ended.
 */
const REMEMBERED_MS = 5 * 60_000;
const REMEMBERED_COUNT = 1000;
/** Those that are too many go together, in one transaction. */
const FORGOTTEN_AT_ONCE = 100;

export interface ExecTable {
  all(): IterableIterator<ExecEntry>;
  /** Throws `not-found` `No such exec instance: x`. */
  find(id: string): ExecEntry;
  insert(view: Exec): ExecEntry;
  /** Shows an exec that has a row already; `endedAtMs`, since the epoch, of one that has ended. Oldest ends first. */
  adopt(view: Exec, endedAtMs?: number): ExecEntry;
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

/** Which have ended, and which of them nobody asks for any more. */
interface Ended {
  /** By `performance.now()`; oldest first. */
  add(id: string, atMs: number): void;
  remove(id: string): void;
  /** To be forgotten. */
  tooOld(): readonly string[];
}

function createEnded(): Ended {
  const ended = new Map<string, number>();
  return {
    add: (id, atMs) => void ended.set(id, atMs),
    remove: (id) => void ended.delete(id),
    tooOld: () => {
      const oldest = performance.now() - REMEMBERED_MS;
      const isFull = ended.size >= REMEMBERED_COUNT + FORGOTTEN_AT_ONCE;
      const tooMany = isFull ? ended.size - REMEMBERED_COUNT : 0;
      const ids: string[] = [];
      for (const [id, at] of ended) {
        if (at > oldest && ids.length >= tooMany) break;
        ids.push(id);
      }
      return ids;
    },
  };
}

/** The row of an exec stands from its creation until it is forgotten: a daemon that comes later knows what this one knew. */
export function createExecTable(store: ExecStore<ExecCreateRequest>): ExecTable {
  const entries = new Map<string, ExecEntry>();
  const ended = createEnded();

  const forget = (ids: readonly string[]): void => {
    store.remove(ids);
    for (const id of ids) {
      ended.remove(id);
      entries.delete(id);
    }
  };
  const show = (view: Exec): ExecEntry => {
    const entry: ExecEntry = { id: view.id, view, shim: undefined, begun: Promise.withResolvers() };
    entries.set(view.id, entry);
    return entry;
  };
  const idsOf = (containerId: string, kinds: readonly Exec['state']['kind'][]): string[] =>
    [...entries.values()]
      .filter(({ view }) => view.containerId === containerId && kinds.includes(view.state.kind))
      .map(({ id }) => id);
  return {
    all: () => entries.values(),
    find: (id) => {
      const entry = entries.get(id);
      if (entry === undefined) throw notFound(`No such exec instance: ${id}`);
      return entry;
    },
    insert: (view) => {
      forget(ended.tooOld());
      store.insert(view);
      return show(view);
    },
    adopt: (view, endedAtMs) => {
      const entry = show(view);
      if (endedAtMs !== undefined) {
        // The host's clock may have been set back.
        ended.add(view.id, performance.now() - Math.max(0, Date.now() - endedAtMs));
        entry.begun.resolve();
      }
      return entry;
    },
    advance: (entry, from, state) => {
      const { id, view } = entry;
      if (view.state.kind !== from) return false;
      entry.view = { ...view, state };
      if (state.kind === 'exited') {
        ended.add(id, performance.now());
        store.setEnd(id, { exitCode: state.exitCode, pid: state.pid, atMs: Date.now() });
      }
      return true;
    },
    isLive: (id) => (entries.get(id)?.view.state.kind ?? 'exited') !== 'exited',
    liveOf: (containerId) => idsOf(containerId, ['created', 'starting', 'running']),
    dropUnstarted: (containerId) => forget(idsOf(containerId, ['created'])),
    forgetContainer: (containerId) => forget(idsOf(containerId, ['created', 'exited'])),
  };
}
