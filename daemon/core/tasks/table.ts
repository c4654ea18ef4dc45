import type { Rows } from '../../../image/namespaces/rows.ts';
import { absent } from '../../../image/namespaces/errors.ts';
import { parseTime } from '../time.ts';
import type { ProcessExit, ProcessRef, TaskEvent, TaskRef } from './contract.ts';
import {
  shimKeyOf,
  type FixedProcess,
  type ProcessEntry,
  type ProcessState,
  type StoredProcess,
} from './process.ts';

/** Every process of the tasks service. Its row stands from before its shim until it is deleted. */
export interface TaskTable {
  all(): IterableIterator<ProcessEntry>;
  /** Execs of docker's containers are here too; their tasks are not. */
  get(ref: ProcessRef): ProcessEntry | undefined;
  tasksOf(namespace: string): readonly ProcessEntry[];
  execsOf(task: TaskRef): readonly ProcessEntry[];
  /** Throws `not-found`. */
  exec(ref: ProcessRef): ProcessEntry;
  /** Whether a shim's directory is that of a process. */
  owns(key: string): boolean;
  insert(ref: ProcessRef, fixed: FixedProcess, state: ProcessState): ProcessEntry;
  /** Compare and set. False: another event won. */
  advance(entry: ProcessEntry, from: readonly ProcessState['kind'][], state: ProcessState): boolean;
  remove(entry: ProcessEntry): void;
  tell(event: TaskEvent): void;
  watch(listener: (event: TaskEvent) => void): Disposable;
}

const nameOf = ({ id, execId }: ProcessRef): string => (execId === undefined ? id : `${id}/${execId}`);

/** Shows all that have a row. */
export function createTaskTable(rows: Rows<StoredProcess>): TaskTable {
  const entries = new Map<string, ProcessEntry>();
  const listeners = new Set<(event: TaskEvent) => void>();
  const adopt = (ref: ProcessRef, { state, ...fixed }: StoredProcess): ProcessEntry => {
    const entry = newEntry(ref, fixed, state);
    entries.set(entry.key, entry);
    return entry;
  };
  for (const { namespace, name, value } of rows.all()) {
    const [id = '', execId] = name.split('/');
    adopt({ namespace, id, execId }, value);
  }
  const write = ({ ref, fixed }: ProcessEntry, state: ProcessState): void =>
    rows.put(ref.namespace, nameOf(ref), { ...fixed, state });
  const select = (is: (ref: ProcessRef) => boolean): ProcessEntry[] =>
    [...entries.values()]
      .filter(({ ref }) => is(ref))
      .sort((one, other) => (one.ref.id < other.ref.id ? -1 : 1));
  const get = (ref: ProcessRef): ProcessEntry | undefined => entries.get(shimKeyOf(ref));
  return {
    all: () => entries.values(),
    get,
    tasksOf: (namespace) => select((ref) => ref.namespace === namespace && ref.execId === undefined),
    execsOf: ({ namespace, id }) =>
      select((ref) => ref.namespace === namespace && ref.id === id && ref.execId !== undefined),
    exec: (ref) => {
      const entry = get(ref);
      if (entry === undefined) throw absent(`process does not exist ${ref.execId}`);
      return entry;
    },
    owns: (key) => entries.has(key),
    insert: (ref, fixed, state) => {
      rows.put(ref.namespace, nameOf(ref), { ...fixed, state });
      return adopt(ref, { ...fixed, state });
    },
    advance: (entry, from, state) => {
      if (!from.includes(entry.state.kind)) return false;
      write(entry, state);
      entry.state = state;
      return true;
    },
    remove: (entry) => {
      rows.remove(entry.ref.namespace, nameOf(entry.ref));
      entries.delete(entry.key);
    },
    tell: (event) => {
      for (const listener of listeners) listener(event);
    },
    watch: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}

function newEntry(ref: ProcessRef, fixed: FixedProcess, state: ProcessState): ProcessEntry {
  const ended = Promise.withResolvers<ProcessExit>();
  if (state.kind === 'stopped') ended.resolve(exitOf(state));
  return { ref, key: shimKeyOf(ref), fixed, state, shim: undefined, busy: Promise.resolve(), ended };
}

export const exitOf = ({ code, at }: Extract<ProcessState, { kind: 'stopped' }>): ProcessExit => ({
  code,
  atNs: parseTime(at) ?? 0n,
});
